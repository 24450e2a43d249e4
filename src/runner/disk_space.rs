//! Refuses to download or build an image if the disk is full.

use std::cell::Cell;

use crate::diagnosis::{Severity, disk_space};
use crate::engine::Engine;
use crate::machine;
use crate::runner::Failure;
use crate::text;

/// Checks the free space once, before the first image is downloaded or built.
#[derive(Default)]
pub(super) struct DiskSpace(Cell<DiskCheck>);

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum DiskCheck {
    #[default]
    NotDone,
    Done,
}

impl DiskSpace {
    /// Fails with [`Failure::TooSmall`] if not even one image fits.
    pub(super) async fn require(&self, engine: &impl Engine) -> Result<(), Failure> {
        if self.0.replace(DiskCheck::Done) == DiskCheck::Done {
            return Ok(());
        }
        let info = engine.system_info().await;
        let info = info.map_err(Failure::engine(text!(
            "cannot find out where images are stored"
        )))?;
        match machine::disk(&info.root).map(|disk| disk_space(&disk, 1)) {
            Some(finding) if finding.severity() == Severity::Problem => {
                Err(Failure::TooSmall(Box::new(finding)))
            }
            Some(_) | None => Ok(()),
        }
    }
}
