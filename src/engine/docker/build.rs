//! Building a recipe's image with the classic builder, which needs no session and works on old engines.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use bollard::models::BuildInfo;
use bollard::query_parameters::BuildImageOptionsBuilder;

use super::logs::Lines;
use super::stages::Stages;
use super::{Docker, classic_build, context, errors, names, pull};
use crate::engine::{Build, BuildProgress, EngineError, ErrorKind, Result};

/// The longest silence of a build: a compiler may say nothing for minutes.
const IDLE: Duration = Duration::from_secs(600);
/// What Docker and Podman say of a Dockerfile that they cannot read, in lower case.
const UNREADABLE: [&str; 2] = ["dockerfile parse error", "build error: unknown instruction"];
/// Where Podman's error begins to be about its own insides.
const INSIDES: &str = " &imagebuilder.";
/// How many lines of output an error shows.
const SHOWN: usize = 20;

impl Docker {
    pub(super) async fn build_recipe(
        &self,
        build: &Build,
        progress: &dyn Fn(BuildProgress<'_>),
    ) -> Result<()> {
        let what = format!("build `{}`", build.tag);
        let args: HashMap<&str, &str> = build
            .args
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        let mut options = BuildImageOptionsBuilder::default()
            .dockerfile(&build.dockerfile)
            .t(names::image(&build.tag)?)
            .buildargs(&args)
            // Without `forcerm` a failed build leaves a container without labels.
            .rm(true)
            .forcerm(true);
        if let Some(target) = &build.target {
            options = options.target(target);
        }
        let before = self.image_ids().await?;
        let tar = bollard::body_try_stream(pull::chunks(context::tar_file(build)?));
        let mut stream = self
            .client
            .listen(|client| client.build_image(options.build(), None, Some(tar)));
        let output = BuildOutput::default();
        let mut lines = Lines::default();
        loop {
            let told = self.next(&what, IDLE, &mut stream).await;
            match told {
                Ok(Some(info)) => {
                    lines.take(text(info).as_bytes(), &|line| output.take(line, progress))
                }
                Ok(None) => break,
                Err(error) => {
                    lines.flush(&|line| output.take(line, progress));
                    return Err(output.blame(build, &what, error));
                }
            }
        }
        lines.flush(&|line| output.take(line, progress));
        let output = output.inner.into_inner();
        if !output.finished {
            return Err(EngineError::new(
                ErrorKind::BuildFailed,
                format!(
                    "cannot {what}: the build ended without an image{}",
                    shown(&output.last)
                ),
            ));
        }
        self.remove_stages(&output.stages, &before).await;
        Ok(())
    }
}

fn text(info: BuildInfo) -> String {
    match (info.stream, info.status) {
        (Some(stream), _) => stream,
        (None, Some(status)) => {
            let layer = info.id.map(|id| format!("{id}: ")).unwrap_or_default();
            format!("{layer}{status}\n")
        }
        (None, None) => String::new(),
    }
}

/// The classic builder's `Step 3/9 : RUN apt-get update`, and Podman's `[1/2] STEP 3/9: RUN apt-get update`.
pub(super) fn step(line: &str) -> Option<BuildProgress<'_>> {
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

/// What a build has said so far.
#[derive(Default)]
struct BuildOutput {
    inner: RefCell<BuildLog>,
}

#[derive(Default)]
struct BuildLog {
    last: VecDeque<String>,
    stages: Stages,
    /// The last step was one that takes an image from elsewhere.
    taking: bool,
    finished: bool,
}

impl BuildOutput {
    fn take(&self, line: &str, progress: &dyn Fn(BuildProgress<'_>)) {
        if line.is_empty() {
            return;
        }
        let step = step(line);
        let mut said = self.inner.borrow_mut();
        if let Some(BuildProgress::Step { name, .. }) = step {
            said.taking = name.starts_with("FROM ");
        }
        said.finished |= line.starts_with("Successfully built ");
        said.stages.take(line);
        if said.last.len() == SHOWN {
            said.last.pop_front();
        }
        said.last.push_back(line.to_owned());
        drop(said);
        if let Some(step) = step {
            progress(step);
        }
        progress(BuildProgress::Line(line));
    }

    /// An error in a build is the recipe's own, unless it is the engine's or that of a base image.
    fn blame(&self, build: &Build, what: &str, error: EngineError) -> EngineError {
        let said = self.inner.borrow();
        if classic_build::needs_buildkit(&error, !said.last.is_empty()) {
            return classic_build::no_builder(build, what, &error);
        }
        let kind = match error.kind {
            ErrorKind::Unreachable
            | ErrorKind::Denied
            | ErrorKind::Timeout
            | ErrorKind::DiskFull => return error,
            _ if said.taking => errors::judge_registry(&error.message),
            _ if unreadable(&error.message) => Some(ErrorKind::InvalidRecipe),
            _ => None,
        };
        let text = error
            .message
            .strip_prefix(&format!("cannot {what}: "))
            .unwrap_or(&error.message);
        let text = text.split(INSIDES).next().unwrap_or(text);
        EngineError::new(
            kind.unwrap_or(ErrorKind::BuildFailed),
            format!("cannot {what}: {text}{}", shown(&said.last)),
        )
    }
}

fn unreadable(message: &str) -> bool {
    let message = message.to_lowercase();
    UNREADABLE.iter().any(|text| message.contains(text))
}

fn shown(last: &VecDeque<String>) -> String {
    last.iter().map(|line| format!("\n  {line}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(lines: &[&str], message: &str, kind: ErrorKind, text: &str) {
        let output = BuildOutput::default();
        for line in lines {
            output.take(line, &|_| ());
        }
        let build = Build {
            context: "/labs/x".into(),
            dockerfile: "Dockerfile".into(),
            args: Default::default(),
            target: None,
            extra: Default::default(),
            tag: "x".into(),
        };
        let refused = errors::refused("build `x`", None, message);
        let error = output.blame(&build, "build `x`", refused);
        assert_eq!((error.kind, error.message.as_str()), (kind, text));
    }

    #[test]
    fn a_failed_step_is_the_recipes_and_comes_with_its_last_words() {
        check(
            &[
                "Step 1/2 : FROM a",
                " ---> 0a1b2c3d4e5f",
                "Step 2/2 : RUN exit 9",
                "oops",
            ],
            "The command '/bin/sh -c exit 9' returned a non-zero code: 9",
            ErrorKind::BuildFailed,
            "cannot build `x`: The command '/bin/sh -c exit 9' returned a non-zero code: 9\
             \n  Step 1/2 : FROM a\n   ---> 0a1b2c3d4e5f\n  Step 2/2 : RUN exit 9\n  oops",
        );
        check(
            &["Step 2/2 : RUN curl http://db"],
            "curl: connection refused",
            ErrorKind::BuildFailed,
            "cannot build `x`: curl: connection refused\n  Step 2/2 : RUN curl http://db",
        );
    }

    #[test]
    fn a_dockerfile_that_cannot_be_read_is_a_mistake_in_a_file() {
        check(
            &[],
            "dockerfile parse error line 2: unknown instruction: RUNN",
            ErrorKind::InvalidRecipe,
            "cannot build `x`: dockerfile parse error line 2: unknown instruction: RUNN",
        );
        check(
            &["STEP 2/2: NOPE"],
            "building at STEP \"NOPE \": Build error: Unknown instruction: \"NOPE\" &imagebuilder.Step{Env:[]string{\"PATH=/bin\"}, Command:\"nope\"}\n",
            ErrorKind::InvalidRecipe,
            "cannot build `x`: building at STEP \"NOPE \": Build error: Unknown instruction: \"NOPE\"\n  STEP 2/2: NOPE",
        );
    }

    #[test]
    fn a_base_image_that_cannot_be_had_is_told_by_kind() {
        check(
            &["Step 1/2 : FROM debian:bookworm-slim"],
            "Get \"https://registry.test/v2/\": dial tcp: lookup registry.test: no such host",
            ErrorKind::RegistryUnreachable,
            "cannot build `x`: Get \"https://registry.test/v2/\": dial tcp: lookup registry.test: no such host\
             \n  Step 1/2 : FROM debian:bookworm-slim",
        );
        check(
            &[
                "STEP 1/1: FROM 127.0.0.1:9/none:1",
                "Trying to pull 127.0.0.1:9/none:1...",
            ],
            "creating build container: initializing source docker://127.0.0.1:9/none:1: pinging container registry 127.0.0.1:9: Get \"https://127.0.0.1:9/v2/\": dial tcp 127.0.0.1:9: connect: connection refused\n",
            ErrorKind::RegistryUnreachable,
            "cannot build `x`: creating build container: initializing source docker://127.0.0.1:9/none:1: pinging container registry 127.0.0.1:9: Get \"https://127.0.0.1:9/v2/\": dial tcp 127.0.0.1:9: connect: connection refused\n  STEP 1/1: FROM 127.0.0.1:9/none:1\n  Trying to pull 127.0.0.1:9/none:1...",
        );
    }

    #[test]
    fn a_step_says_which_of_how_many_it_is() {
        let expected = BuildProgress::Step {
            number: 3,
            of: 9,
            name: "RUN a : b",
        };
        for same in [
            "Step 3/9 : RUN a : b",
            "STEP 3/9: RUN a : b",
            "[1/2] STEP 3/9: RUN a : b",
        ] {
            assert_eq!(step(same), Some(expected), "{same}");
        }
        for other in [
            "Step by step",
            "Step x/9 : RUN",
            " ---> Running in 0a1b",
            "[2/2] COMMIT docker.io/x:1",
        ] {
            assert_eq!(step(other), None, "{other}");
        }
    }

    #[test]
    fn only_the_last_lines_are_shown() {
        let output = BuildOutput::default();
        for number in 0..100 {
            output.take(&number.to_string(), &|_| ());
        }
        let last = output.inner.into_inner().last;
        assert_eq!(
            (last.len(), last.front().map(String::as_str)),
            (SHOWN, Some("80"))
        );
    }
}
