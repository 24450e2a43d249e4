//! The output of a build: its steps, its last lines, and the images that its steps created. Pure.

use std::collections::VecDeque;

use super::errors::BuildState;
use crate::engine::BuildProgress;

/// How many of the last lines an error shows.
const SHOWN_LINES: usize = 20;

/// Parses a step: `Step 3/9 : RUN apt-get update` of the classic builder, `[1/2] STEP 3/9: RUN apt-get update` of Podman.
fn step(line: &str) -> Option<BuildProgress<'_>> {
    let (numbers, name) = match line.strip_prefix("Step ") {
        Some(docker) => docker.split_once(" : ")?,
        None => {
            let podman = match line.strip_prefix('[') {
                Some(stage) => stage.split_once("] ")?.1,
                None => line,
            };
            podman.strip_prefix("STEP ")?.split_once(": ")?
        }
    };
    let (number, of) = numbers.split_once('/')?;
    Some(BuildProgress::Step {
        number: number.parse().ok()?,
        of: of.parse().ok()?,
        name,
    })
}

/// What a build has written so far.
#[derive(Debug, Default)]
pub(super) struct BuildOutput {
    last: VecDeque<String>,
    created: CreatedImages,
    /// The last step pulls an image.
    pulling: bool,
    finished: bool,
}

impl BuildOutput {
    /// Adds a line and reports it; an empty line is skipped.
    pub(super) fn push(&mut self, line: &str, progress: &dyn Fn(BuildProgress<'_>)) {
        if line.is_empty() {
            return;
        }
        let step = step(line);
        if let Some(BuildProgress::Step { name, .. }) = step {
            self.pulling = name.starts_with("FROM ");
        }
        self.finished |= line.starts_with("Successfully built ");
        self.created.push(line, step);
        if self.last.len() == SHOWN_LINES {
            self.last.pop_front();
        }
        self.last.push_back(line.to_owned());
        if let Some(step) = step {
            progress(step);
        }
        progress(BuildProgress::Line(line));
    }

    /// Returns whether the builder reported an image.
    pub(super) fn is_finished(&self) -> bool {
        self.finished
    }

    /// Returns the images that the build's steps created.
    pub(super) fn created(&self) -> &CreatedImages {
        &self.created
    }

    /// Returns how far the build came.
    pub(super) fn state(&self) -> BuildState {
        BuildState {
            began: !self.last.is_empty(),
            pulling: self.pulling,
            output: self.last.iter().map(|line| format!("\n  {line}")).collect(),
        }
    }
}

/// The images that the steps of a build created, by their short ids.
#[derive(Debug, Default)]
pub(super) struct CreatedImages {
    ids: Vec<String>,
    /// The next id is that of an image that existed before.
    existing: bool,
}

impl CreatedImages {
    /// Reads a line of the classic builder: ` ---> Using cache`, ` ---> <id>`; or of Podman, which omits the blank and adds
    /// an id to `Using cache`.
    fn push(&mut self, line: &str, step: Option<BuildProgress<'_>>) {
        if let Some(BuildProgress::Step { name, .. }) = step {
            self.existing = name.starts_with("FROM ");
            return;
        }
        let result = line
            .strip_prefix(" ---> ")
            .or_else(|| line.strip_prefix("--> "));
        match result {
            Some(cached) if cached.starts_with("Using cache") => self.existing = true,
            Some(id) if !self.existing && is_id(id) => self.ids.push(id.to_owned()),
            Some(_) | None => {}
        }
    }

    /// Returns the number of images.
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Returns whether an image is one of them, by its whole id.
    pub(super) fn contains(&self, id: &str) -> bool {
        let id = id.trim_start_matches("sha256:");
        self.ids.iter().any(|short| id.starts_with(short))
    }
}

/// The first digits of an id: twelve by Docker, eleven by an older Podman.
fn is_id(text: &str) -> bool {
    text.len() >= 11 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(lines: &[&str]) -> BuildOutput {
        let mut output = BuildOutput::default();
        for line in lines {
            output.push(line, &|_| ());
        }
        output
    }

    #[test]
    fn step_has_its_number_and_their_count() {
        let expected = BuildProgress::Step {
            number: 3,
            of: 9,
            name: "RUN a : b",
        };
        for line in [
            "Step 3/9 : RUN a : b",
            "STEP 3/9: RUN a : b",
            "[1/2] STEP 3/9: RUN a : b",
        ] {
            assert_eq!(step(line), Some(expected), "{line}");
        }
        for line in [
            "Step by step",
            "Step x/9 : RUN",
            " ---> Running in 0a1b",
            "[2/2] COMMIT docker.io/x:1",
        ] {
            assert_eq!(step(line), None, "{line}");
        }
    }

    #[test]
    fn only_the_last_lines_are_kept() {
        let lines: Vec<String> = (0..100).map(|number| number.to_string()).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let state = output(&lines).state();
        assert_eq!(state.output.lines().count(), SHOWN_LINES + 1);
        assert!(state.output.starts_with("\n  80\n"), "{}", state.output);
    }

    #[track_caller]
    fn check_created(lines: &[&str], expected: &[&str]) {
        assert_eq!(output(lines).created.ids, expected);
    }

    #[test]
    fn only_images_created_by_a_step_of_this_build_count() {
        check_created(
            &[
                "Step 1/5 : FROM debian AS one",
                " ---> aaaaaaaaaaaa",
                "Step 2/5 : RUN true",
                " ---> Using cache",
                " ---> bbbbbbbbbbbb",
                "Step 3/5 : COPY . /src",
                " ---> cccccccccccc",
                "Step 4/5 : RUN make",
                " ---> Running in 111111111111",
                " ---> output of a recipe that looks like the builder's",
                "Removing intermediate container 111111111111",
                " ---> dddddddddddd",
                "Step 5/5 : FROM debian",
                " ---> eeeeeeeeeeee",
                "Successfully built eeeeeeeeeeee",
            ],
            &["cccccccccccc", "dddddddddddd"],
        );
        let created = CreatedImages {
            ids: vec!["cccccccccccc".into()],
            existing: false,
        };
        assert!(created.contains("sha256:cccccccccccc0123"));
        assert!(!created.contains("sha256:0123cccccccccccc"));
    }

    #[test]
    fn images_created_by_podman_are_read() {
        check_created(
            &[
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
            ],
            &["7c2cd06d6f6", "aa9cf7565e4"],
        );
    }
}
