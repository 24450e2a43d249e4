//! The command that builds a recipe where the classic builder cannot: a user runs it once with BuildKit, and the image
//! counts as present. Pure.

use crate::engine::Build;
use crate::engine::install::command_line;

/// Returns the `docker build` command for a build.
pub(super) fn command(build: &Build) -> String {
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
    command_line(&words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::docker::fixture;
    use std::collections::BTreeMap;

    #[test]
    fn command_is_quoted_and_has_all_options() {
        let build = Build {
            dockerfile: "build/Dockerfile".into(),
            args: BTreeMap::from([("DEBIAN".into(), "roadlab/debian:trixie".into())]),
            target: Some("last".into()),
            tag: "roadlab/x:0a1b".into(),
            ..fixture::build("/my labs/x")
        };
        assert_eq!(
            command(&build),
            "docker build -t roadlab/x:0a1b -f '/my labs/x/build/Dockerfile' --target last \
             --build-arg 'DEBIAN=roadlab/debian:trixie' '/my labs/x'"
        );
    }
}
