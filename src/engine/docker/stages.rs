//! Images that a build of several stages leaves behind: they have no name and no use, and take the most room.
//!
//! Only those that this very build made are ever removed: never a base, never one found in the cache, and never one
//! that was there before, whatever a recipe prints to make us believe.

use std::collections::{BTreeSet, HashMap};

use bollard::query_parameters::{ListImagesOptionsBuilder, RemoveImageOptionsBuilder};

use super::build::step;
use super::{CHANGE, Docker, LOOK};
use crate::engine::{BuildProgress, Result};

/// The images that a build has made, by their short ids, read from its output.
#[derive(Debug, Default)]
pub(super) struct Stages {
    made: Vec<String>,
    /// The next id is that of an image that was there before.
    found: bool,
}

impl Stages {
    /// Reads a line of the classic builder: `Step …`, ` ---> Using cache`, ` ---> <id>`; or of Podman, which says the same
    /// without the blank and adds an id to `Using cache`.
    pub(super) fn take(&mut self, line: &str) {
        if let Some(BuildProgress::Step { name, .. }) = step(line) {
            self.found = name.starts_with("FROM ");
            return;
        }
        let told = line
            .strip_prefix(" ---> ")
            .or_else(|| line.strip_prefix("--> "));
        match told {
            Some(cached) if cached.starts_with("Using cache") => self.found = true,
            Some(id) if !self.found && is_id(id) => self.made.push(id.to_owned()),
            Some(_) | None => {}
        }
    }

    fn made(&self, id: &str) -> bool {
        let id = id.trim_start_matches("sha256:");
        self.made.iter().any(|short| id.starts_with(short))
    }
}

/// The first digits of an id: twelve by Docker, eleven by an older Podman.
fn is_id(text: &str) -> bool {
    text.len() >= 11 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// The ids of all images at one moment.
pub(super) type ImageIds = BTreeSet<String>;

impl Docker {
    pub(super) async fn image_ids(&self) -> Result<ImageIds> {
        let options = ListImagesOptionsBuilder::default().all(true).build();
        let images = self.client.ask(|client| client.list_images(Some(options)));
        let images = self.call("list images", LOOK, images).await?;
        Ok(images.into_iter().map(|image| image.id).collect())
    }

    /// Removes what a build has left behind, from the end of each stage to its beginning. What cannot be removed stays:
    /// it costs room and harms nobody.
    pub(super) async fn remove_stages(&self, stages: &Stages, before: &ImageIds) {
        // Each pass removes the last image of every chain, so there are no more passes than images.
        for _ in &stages.made {
            match self.remove_stage_ends(stages, before).await {
                Ok(removed) if removed > 0 => {}
                Ok(_) | Err(_) => return,
            }
        }
    }

    async fn remove_stage_ends(&self, stages: &Stages, before: &ImageIds) -> Result<usize> {
        let filters = HashMap::from([("dangling", vec!["true"])]);
        let options = ListImagesOptionsBuilder::default()
            .filters(&filters)
            .build();
        let unnamed = self.client.ask(|client| client.list_images(Some(options)));
        let unnamed = self.call("list images", LOOK, unnamed).await?;
        let ours = unnamed
            .iter()
            .filter(|image| stages.made(&image.id) && !before.contains(&image.id));
        let mut removed = 0;
        for image in ours {
            let what = format!("remove image `{}`", image.id);
            // Its parents may be somebody else's cache: they are looked at one by one.
            let options = RemoveImageOptionsBuilder::default().noprune(true).build();
            let call = self
                .client
                .ask(|client| client.remove_image(&image.id, Some(options), None));
            removed += usize::from(self.call(&what, CHANGE, call).await.is_ok());
        }
        Ok(removed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_step_of_this_build_made_counts() {
        let output = [
            "Step 1/5 : FROM debian AS one",
            " ---> aaaaaaaaaaaa",
            "Step 2/5 : RUN true",
            " ---> Using cache",
            " ---> bbbbbbbbbbbb",
            "Step 3/5 : COPY . /src",
            " ---> cccccccccccc",
            "Step 4/5 : RUN make",
            " ---> Running in 111111111111",
            " ---> tricks of a recipe's own output",
            "Removing intermediate container 111111111111",
            " ---> dddddddddddd",
            "Step 5/5 : FROM debian",
            " ---> eeeeeeeeeeee",
            "Successfully built eeeeeeeeeeee",
        ];
        let mut stages = Stages::default();
        for line in output {
            stages.take(line);
        }
        assert_eq!(stages.made, ["cccccccccccc", "dddddddddddd"]);
        assert!(stages.made("sha256:cccccccccccc0123"));
        assert!(!stages.made("sha256:0123cccccccccccc"));
    }

    #[test]
    fn podman_says_the_same_in_its_own_way() {
        let output = [
            "[1/2] STEP 1/3: FROM roadlab/debian:trixie AS one",
            "[1/2] STEP 2/3: RUN true",
            "--> Using cache 45c78fd27a20df078f8fb0e0",
            "--> 45c78fd27a2",
            "[1/2] STEP 3/3: RUN echo hi > /x",
            "--> 7c2cd06d6f6",
            "[2/2] STEP 1/2: FROM roadlab/debian:trixie",
            "[2/2] STEP 2/2: COPY --from=one /x /x",
            "[2/2] COMMIT docker.io/engine-test/x:1",
            "--> aa9cf7565e4",
            "Successfully tagged docker.io/engine-test/x:1",
            "aa9cf7565e45d78e00f7167fefaeef9d2d7534b39738665e6a13d314fbeca9fd",
            "Successfully built aa9cf7565e45",
        ];
        let mut stages = Stages::default();
        for line in output {
            stages.take(line);
        }
        assert_eq!(stages.made, ["7c2cd06d6f6", "aa9cf7565e4"]);
    }
}
