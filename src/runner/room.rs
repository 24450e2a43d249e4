//! Whether there is room for an image, before one is got.

use std::cell::Cell;

use crate::engine::Engine;
use crate::machine;
use crate::plan::{Severity, room};
use crate::runner::Failure;

/// The room where images lie, looked at once, and only if one must be got.
#[derive(Default)]
pub(crate) struct DiskSpace(Cell<DiskCheck>);

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum DiskCheck {
    #[default]
    NotYet,
    Enough,
}

impl DiskSpace {
    /// Refuses if not even one image fits.
    pub(crate) async fn refuse_if_full(&self, engine: &impl Engine) -> Result<(), Failure> {
        if self.0.replace(DiskCheck::Enough) == DiskCheck::Enough {
            return Ok(());
        }
        let about = engine.system_info().await;
        let about = about.map_err(Failure::engine("cannot see where images lie"))?;
        match machine::disk(&about.root).map(|disk| room(&disk, 1)) {
            Some(found) if found.state() == Severity::Problem => {
                Err(Failure::TooSmall(Box::new(found)))
            }
            Some(_) | None => Ok(()),
        }
    }
}
