//! What all tests of the program share: a copy of a lab in a folder of its own, and the program run on it. No engine is
//! needed here; what needs one lives in `engine.rs`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A copy of a lab with the catalogue beside it, and the program's own folders for state, cache and data.
pub(crate) struct Copy {
    home: TempDir,
    pub(crate) id: String,
}

impl Copy {
    /// Copies a lab of this repository; `name` makes the copy's id out of letters and digits that nobody else has.
    pub(crate) fn of(lab: &str, name: impl FnOnce(&str) -> String) -> Self {
        let home = TempDir::with_prefix("").expect("a temporary folder");
        let own = home.path().file_name().and_then(|name| name.to_str());
        let id = name(&own.expect("a name of letters").to_lowercase());
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        copy(&root.join(lab), &home.path().join("labs").join(&id));
        copy(
            &root.join("compose/redis"),
            &home.path().join("compose/redis"),
        );
        Self { home, id }
    }

    /// A path below the folder that the program runs in.
    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.home.path().join(below)
    }

    /// Replaces text that stands exactly once in a file of the lab.
    #[track_caller]
    pub(crate) fn change(&self, file: &str, from: &str, to: &str) {
        let path = self.path("labs").join(&self.id).join(file);
        let text = std::fs::read_to_string(&path).expect("a file of the lab");
        assert_eq!(text.matches(from).count(), 1, "{from:?} in {file}");
        std::fs::write(&path, text.replace(from, to)).expect("a file of ours");
    }

    /// The program with these words, `LAB` being the copy's id. It knows no labs but the copy.
    pub(crate) fn roadlab(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_roadlab"));
        let words = words.split_whitespace();
        command
            .args(["--labs", "labs"])
            .args(words.map(|word| if word == "LAB" { &self.id } else { word }))
            .current_dir(self.home.path())
            .env("XDG_STATE_HOME", self.path("state"))
            .env("XDG_CACHE_HOME", self.path("cache"))
            .env("XDG_DATA_HOME", self.path("data"))
            .env("LC_ALL", "C")
            .env("NO_COLOR", "1")
            .env_remove("ROADLAB_LANG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

/// How a program ended and what it said.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The exit code; `None` if a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Runs a program to its end.
    pub(crate) fn of(command: &mut Command) -> Self {
        let output = command.output().expect("the program can be run");
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Asserts the exit code.
    #[track_caller]
    pub(crate) fn with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// The one JSON document, or the last of several that stand one a line.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        let last = || serde_json::from_str(self.stdout.lines().last()?).ok();
        let document = serde_json::from_str(&self.stdout).ok().or_else(last);
        document.unwrap_or_else(|| panic!("standard output ends with JSON: {self:#?}"))
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder of ours");
    for entry in std::fs::read_dir(from).expect("a folder of the repository") {
        let entry = entry.expect("an entry of the folder");
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), &target).expect("a file can be copied")),
        }
    }
}
