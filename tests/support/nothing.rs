//! Commands that end before anything is created.

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::{Copy, Ended};

/// The tiny lab under its own name.
pub(crate) fn tiny() -> Copy {
    Copy::of("tests/labs/tiny", |_| "tiny".to_owned())
}

/// Every file below a folder.
pub(crate) fn files(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).expect("a folder of ours");
    let paths = entries.map(|entry| entry.expect("a folder of ours").path());
    paths
        .flat_map(|path| match path.is_dir() {
            true => files(&path),
            false => BTreeSet::from([path.display().to_string()]),
        })
        .collect()
}

/// Runs a command that must say exactly this on standard error and create nothing. There is no engine at the end of its way:
/// if it got that far, it would end with 3.
#[track_caller]
pub(crate) fn says(copy: &Copy, words: &str, code: i32, stderr: &str) {
    let before = files(&copy.path("."));
    let mut command = copy.roadlab(words);
    let ended = Ended::of(command.env("DOCKER_HOST", "unix:///nowhere/engine.sock"));
    assert_eq!(ended.stderr, stderr);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(code), ""));
    assert_eq!(files(&copy.path(".")), before, "nothing is created");
}
