//! Images that we cannot build: an engine that knows only BuildKit, or a recipe that asks for it. The learner can, with one
//! command, and what is built counts as present. Pure.

use crate::engine::install::joined;
use crate::engine::{Build, EngineError, ErrorKind};

/// How engines say that they will not build as we ask, in lower case.
const REFUSALS: [&str; 4] = [
    "buildkit",
    "classic builder",
    "legacy builder",
    "not implemented",
];

/// Whether a build failed because BuildKit is needed for it, which speaks another protocol. `began`: the builder said something
/// before.
pub(super) fn needs_buildkit(error: &EngineError, began: bool) -> bool {
    let message = error.message.to_lowercase();
    match began {
        // A recipe's own output can say anything, the engine only this.
        true => message.contains("option requires buildkit"),
        false => {
            error.kind == ErrorKind::NotFound || REFUSALS.iter().any(|text| message.contains(text))
        }
    }
}

/// One line: what, why, and the command that helps.
pub(super) fn no_builder(build: &Build, what: &str, error: &EngineError) -> EngineError {
    let prefix = format!("cannot {what}: ");
    let reason = error.message.strip_prefix(&prefix);
    EngineError::new(
        ErrorKind::NoBuilder,
        format!(
            "cannot {what}: this needs BuildKit, which roadlab does not speak; build it once with `{}`, and it counts as present (the engine said: {})",
            command(build),
            reason.unwrap_or(&error.message)
        ),
    )
}

/// The build as something to type.
fn command(build: &Build) -> String {
    let mut words = ["docker", "build", "-t", &build.tag]
        .map(str::to_owned)
        .to_vec();
    if build.dockerfile != "Dockerfile" {
        let file = build.context.join(&build.dockerfile);
        words.extend(["-f".into(), file.to_string_lossy().into_owned()]);
    }
    if let Some(target) = &build.target {
        words.extend(["--target".into(), target.clone()]);
    }
    for (key, value) in &build.args {
        words.extend(["--build-arg".into(), format!("{key}={value}")]);
    }
    words.push(build.context.to_string_lossy().into_owned());
    joined(&words)
}

#[cfg(test)]
mod tests {
    use super::super::errors;
    use super::*;
    use std::collections::BTreeMap;

    #[track_caller]
    fn check(code: Option<u16>, message: &str, began: bool, expected: bool) {
        let error = errors::refused("build `x`", code, message);
        assert_eq!(needs_buildkit(&error, began), expected, "{message}");
    }

    #[test]
    fn a_builder_that_is_missing_is_told_from_a_build_that_fails() {
        let mount = "the --mount option requires BuildKit. Refer to https://docs.docker.com/go/buildkit/ to learn how to build images with BuildKit enabled";
        check(None, mount, true, true);
        check(Some(404), "page not found", false, true);
        check(
            Some(501),
            "the legacy builder is not available",
            false,
            true,
        );
        check(None, "buildkit.service: exit 1", true, false);
        check(
            Some(500),
            "Cannot locate specified Dockerfile: x",
            false,
            false,
        );
    }

    #[test]
    fn the_way_out_can_be_typed() {
        let build = Build {
            context: "/my labs/x".into(),
            dockerfile: "build/Dockerfile".into(),
            args: BTreeMap::from([("DEBIAN".into(), "roadlab/debian:trixie".into())]),
            target: Some("last".into()),
            extra: BTreeMap::new(),
            tag: "roadlab/x:0a1b".into(),
        };
        let refused = errors::refused("build `x`", Some(404), "page not found");
        assert_eq!(
            no_builder(&build, "build `x`", &refused).message,
            "cannot build `x`: this needs BuildKit, which roadlab does not speak; build it once with `docker build -t roadlab/x:0a1b \
             -f '/my labs/x/build/Dockerfile' --target last --build-arg DEBIAN=roadlab/debian:trixie '/my labs/x'`, and it counts as present \
             (the engine said: page not found)"
        );
    }
}
