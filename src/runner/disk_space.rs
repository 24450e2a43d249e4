//! Tells how much of the disk missing images take, and refuses to download or build them if they do not fit.

use std::cell::Cell;

use crate::diagnosis::{MissingImages, Severity, disk_space};
use crate::engine::Engine;
use crate::event::Event;
use crate::machine;
use crate::runner::{Failure, Runner};
use crate::text;

/// Compares the free space with the missing images once, before the first of them is downloaded or built.
pub(super) struct DiskSpace {
    missing: MissingImages,
    done: Cell<bool>,
}

impl DiskSpace {
    pub(super) fn new(missing: MissingImages) -> Self {
        Self {
            missing,
            done: Cell::new(false),
        }
    }

    /// Fails with [`Failure::TooSmall`] if the missing images do not fit.
    pub(super) async fn require<E: Engine>(&self, runner: &Runner<'_, E>) -> Result<(), Failure> {
        if self.done.replace(true) {
            return Ok(());
        }
        let info = runner.engine.system_info().await;
        let info = info.map_err(Failure::engine(text!(
            "cannot find out where images are stored"
        )))?;
        let disk = machine::disk(&info.root);
        runner.emit(Event::ImagesMissing {
            images: self.missing.count,
            bytes: self.missing.bytes,
            free: disk.as_ref().map(|disk| disk.free),
        });
        match disk.map(|disk| disk_space(&disk, self.missing)) {
            Some(finding) if finding.severity() == Severity::Problem => {
                Err(Failure::TooSmall(Box::new(finding)))
            }
            Some(_) | None => Ok(()),
        }
    }
}
