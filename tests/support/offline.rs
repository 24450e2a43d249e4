//! Commands that end before anything is created.

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::{LabCopy, ProgramOutput};

/// An address at which there is no engine.
pub(crate) const NO_ENGINE: &str = "unix:///nowhere/engine.sock";

/// The tiny lab under its own name.
pub(crate) fn tiny() -> LabCopy {
    LabCopy::of("tests/labs/tiny", |_| "tiny".to_owned())
}

/// Every file below a folder.
pub(crate) fn files(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).expect("a readable folder");
    let paths = entries.map(|entry| entry.expect("an entry of the folder").path());
    paths
        .flat_map(|path| match path.is_dir() {
            true => files(&path),
            false => BTreeSet::from([path.display().to_string()]),
        })
        .collect()
}

/// Runs a command that fails with exactly this on standard error and creates nothing. Without an engine, a command that gets
/// as far as looking for one exits with 3.
#[track_caller]
pub(crate) fn assert_fails(copy: &LabCopy, arguments: &str, code: i32, stderr: &str) {
    let before = files(&copy.path("."));
    let mut command = copy.roadlab(arguments);
    let output = ProgramOutput::of(command.env("DOCKER_HOST", NO_ENGINE));
    assert_eq!(output.stderr, stderr);
    assert_eq!((output.code, output.stdout.as_str()), (Some(code), ""));
    assert_eq!(files(&copy.path(".")), before, "no file is created");
}
