//! How many images of a lab are on this machine.

use crate::app::{App, BuiltImages};
use crate::engine::Engine;
use crate::lab::{Lab, Presence};
use crate::localized;
use crate::report::memory;
use crate::runner::{Failure, PullPolicy};

/// How many images of a lab are on this machine, of those that its start needs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ImageCount {
    there: usize,
    all: usize,
    /// How much of the disk those that are missing take at least, as far as that was measured.
    missing_bytes: u64,
}

impl ImageCount {
    /// Counts the images of a lab. Nothing is pulled or built.
    pub(super) async fn of(app: &App, engine: &impl Engine, lab: &Lab) -> Result<Self, Failure> {
        let images = app.images(engine, lab, PullPolicy::LocalOnly, BuiltImages::Keep);
        let mut count = Self::default();
        for image in images.await? {
            let interface = lab.services.get(&image.service).map(|one| &one.interface);
            let required = interface.is_some_and(|one| one.presence == Presence::Required);
            match image.found {
                Some(_) => {
                    count.all += 1;
                    count.there += 1;
                }
                None if required => {
                    count.all += 1;
                    let size = interface.and_then(|one| one.image_size);
                    count.missing_bytes += size.unwrap_or(0);
                }
                None => {}
            }
        }
        Ok(count)
    }

    /// Returns the count in words.
    pub(super) fn words(self) -> String {
        let all = self.all;
        match all.saturating_sub(self.there) {
            0 => localized!("its images are here"),
            missing if self.missing_bytes > 0 => localized!(
                "{missing} of {all} images are pulled or built first, at least {size}",
                missing,
                all,
                size = memory(self.missing_bytes)
            ),
            missing => localized!(
                "{missing} of {all} images are pulled or built first",
                missing,
                all
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_has_its_size_if_that_is_known() {
        let words = |there, missing_bytes| {
            let count = ImageCount {
                there,
                all: 3,
                missing_bytes,
            };
            count.words()
        };
        assert_eq!(words(3, 0), "its images are here");
        assert_eq!(words(1, 0), "2 of 3 images are pulled or built first");
        assert_eq!(
            words(2, 300 << 20),
            "1 of 3 images are pulled or built first, at least 300 MiB"
        );
    }
}
