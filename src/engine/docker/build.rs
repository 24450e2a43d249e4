//! Builds of recipes with the classic builder, which needs no session and works on old engines.

use std::collections::HashMap;
use std::time::Duration;

use bollard::models::BuildInfo;
use bollard::query_parameters::BuildImageOptionsBuilder;
use tokio::fs::File;

use super::build_output::BuildOutput;
use super::images::chunks;
use super::{Docker, build_context, classic_build, errors, names};
use crate::engine::lines::LineSplitter;
use crate::engine::{Build, BuildProgress, EngineError, ErrorKind, ImageBuild, Result};
use crate::text;
use crate::text::Text;

/// The longest silence of a build: a compiler may print nothing for minutes.
const IDLE: Duration = Duration::from_secs(600);

impl ImageBuild for Docker {
    async fn build(&self, build: &Build, progress: &dyn Fn(BuildProgress<'_>)) -> Result<()> {
        let operation = text!("build `{image}`", image = build.tag);
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
        let tar = build_context::tar_file(build).await?;
        let tar = bollard::body_try_stream(chunks(File::from_std(tar)));
        let mut stream = self
            .client
            .stream(|client| client.build_image(options.build(), None, Some(tar)));
        let mut output = BuildOutput::default();
        let mut lines = LineSplitter::default();
        let ended = loop {
            match stream.next(&operation, IDLE).await {
                Ok(Some(Ok(info))) => lines.push(text_of(info).as_bytes(), &mut |line| {
                    output.push(line, progress);
                }),
                Ok(None) => break Ok(()),
                Ok(Some(Err(error))) => break Err(Ok(error)),
                Err(timeout) => break Err(Err(timeout)),
            }
        };
        lines.finish(&mut |line| output.push(line, progress));
        match ended {
            Ok(()) if output.is_finished() => {}
            Ok(()) => {
                return Err(EngineError::new(
                    ErrorKind::BuildFailed,
                    text!(
                        "the build ended without an image{output}",
                        output = output.state().output
                    ),
                )
                .during(&operation));
            }
            Err(Ok(error)) => {
                let error =
                    errors::translate_build(&self.endpoint, &operation, error, &output.state());
                return Err(with_command(error, build));
            }
            Err(Err(timeout)) => return Err(timeout),
        }
        self.remove_intermediate_images(output.created(), &before)
            .await;
        Ok(())
    }
}

/// Adds the command that builds with BuildKit, if that is required.
fn with_command(error: EngineError, build: &Build) -> EngineError {
    match error.kind {
        ErrorKind::NoBuilder => error.help(build_command_help(build)),
        _ => error,
    }
}

fn build_command_help(build: &Build) -> Text {
    text!(
        "build it once with `{command}`, and the image counts as present",
        command = classic_build::command(build)
    )
}

fn text_of(info: BuildInfo) -> String {
    match (info.stream, info.status) {
        (Some(stream), _) => stream,
        (None, Some(status)) => {
            let layer = info.id.map(|id| format!("{id}: ")).unwrap_or_default();
            format!("{layer}{status}\n")
        }
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::docker::fixture;
    use bollard::errors::Error as ClientError;

    #[track_caller]
    fn check(lines: &[&str], message: &str, kind: ErrorKind, expected: &str) {
        let mut output = BuildOutput::default();
        for line in lines {
            output.push(line, &|_| ());
        }
        let error = ClientError::DockerStreamError {
            error: message.into(),
        };
        let endpoint = fixture::endpoint("/nowhere".as_ref());
        let operation = text!("build `x`");
        let error = errors::translate_build(&endpoint, &operation, error, &output.state());
        let error = with_command(error, &fixture::build("/labs/x"));
        assert_eq!((error.kind, error.to_string().as_str()), (kind, expected));
    }

    #[test]
    fn failed_step_is_the_recipes_and_shows_its_last_lines() {
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
    fn dockerfile_with_a_syntax_error_is_an_invalid_recipe() {
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
    fn base_image_that_cannot_be_pulled_has_the_registrys_kind() {
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
    fn build_that_requires_buildkit_shows_the_command() {
        check(
            &[],
            "the legacy builder is not available",
            ErrorKind::NoBuilder,
            "cannot build `x`: the build requires BuildKit, which roadlab does not support (Docker reported: the legacy builder is not available); \
             build it once with `docker build -t x /labs/x`, and the image counts as present",
        );
    }
}
