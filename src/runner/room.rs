//! Whether there is room for an image, before one is got.

use std::cell::Cell;

use crate::engine::Engine;
use crate::machine;
use crate::plan::{State, room};
use crate::runner::Failure;

/// The room where images lie, looked at once, and only if one must be got.
#[derive(Default)]
pub(crate) struct Room(Cell<Looked>);

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Looked {
    #[default]
    NotYet,
    Enough,
}

impl Room {
    /// Refuses if not even one image fits.
    pub(crate) async fn refuse_if_full(&self, engine: &impl Engine) -> Result<(), Failure> {
        if self.0.replace(Looked::Enough) == Looked::Enough {
            return Ok(());
        }
        let about = engine.about().await;
        let about = about.map_err(Failure::engine("cannot see where images lie"))?;
        match machine::disk(&about.root).map(|disk| room(&disk, 1)) {
            Some(found) if found.state() == State::Problem => {
                Err(Failure::TooSmall(Box::new(found)))
            }
            Some(_) | None => Ok(()),
        }
    }
}
