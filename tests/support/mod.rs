//! What the tests of the program share: a copy of a lab in a folder of its own, and the program run on it. No engine is
//! needed here; what needs one is in `engine_lab.rs`.

pub(crate) mod engine_lab;
pub(crate) mod engine_proxy;
pub(crate) mod offline;
pub(crate) mod private_daemon;
pub(crate) mod process;
pub(crate) mod schema;
pub(crate) mod second_instance;
pub(crate) mod terminal;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// The longest time that a test waits for a condition. No test is about this time: it only ends one that would wait forever,
/// so it is far longer than anything takes on a busy machine.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(180);

/// Waits until a condition holds; returns false if it does not within [`TIME_LIMIT`].
pub(crate) fn eventually(mut holds: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while start.elapsed() < TIME_LIMIT {
        if holds() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

/// A copy of a lab with the catalogue beside it, and the program's own folders for state, cache and data.
pub(crate) struct LabCopy {
    home: TempDir,
    pub(crate) id: String,
}

impl LabCopy {
    /// Copies a lab of this repository. `name` makes the id of the copy out of letters and digits that no other copy has.
    pub(crate) fn of(lab: &str, name: impl FnOnce(&str) -> String) -> Self {
        let home = TempDir::with_prefix("").expect("a temporary folder");
        let unique = home.path().file_name().and_then(|name| name.to_str());
        let id = name(&unique.expect("a name of letters").to_lowercase());
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        copy_folder(&root.join(lab), &home.path().join("labs").join(&id));
        let compose = std::fs::read_to_string(root.join(lab).join("compose.yaml"));
        let compose = compose.expect("a lab has services");
        for entry in std::fs::read_dir(root.join("compose")).expect("the catalogue") {
            let name = entry.expect("an entry of the catalogue").file_name();
            let part = format!("compose/{}", name.display());
            if compose.contains(&format!("{part}/")) {
                copy_folder(&root.join(&part), &home.path().join(&part));
            }
        }
        Self { home, id }
    }

    /// A path below the folder that the program runs in.
    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.home.path().join(below)
    }

    /// Replaces a text that occurs exactly once in a file of the lab.
    #[track_caller]
    pub(crate) fn change(&self, file: &str, from: &str, to: &str) {
        let path = self.path("labs").join(&self.id).join(file);
        let text = std::fs::read_to_string(&path).expect("a file of the lab");
        assert_eq!(text.matches(from).count(), 1, "{from:?} in {file}");
        // At once, as editors save: a program that watches the file never reads a half of it.
        let new = self.path("changed");
        std::fs::write(&new, text.replace(from, to)).expect("the copy is writable");
        std::fs::rename(&new, &path).expect("the copy is writable");
    }

    /// The program with these arguments; `LAB` stands for the id of the copy. It knows no lab but the copy.
    pub(crate) fn roadlab(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_roadlab"));
        let arguments = arguments.split_whitespace();
        command
            .args(["--labs", "labs"])
            .args(arguments.map(|word| if word == "LAB" { &self.id } else { word }))
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

/// The exit code and the output of a program.
#[derive(Debug)]
pub(crate) struct ProgramOutput {
    /// `None` if a signal ended the program.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl ProgramOutput {
    /// Runs a program to its end.
    pub(crate) fn of(command: &mut Command) -> Self {
        let output = command.output().expect("the program can be run");
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    #[track_caller]
    pub(crate) fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// The JSON document on standard output, or the last of several documents, one a line.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        let last = || serde_json::from_str(self.stdout.lines().last()?).ok();
        let document = serde_json::from_str(&self.stdout).ok().or_else(last);
        document.unwrap_or_else(|| panic!("standard output ends with JSON: {self:#?}"))
    }
}

/// Gives a command the folder, the environment and the streams of another.
pub(crate) fn run_like(command: &mut Command, other: &Command) {
    command.current_dir(other.get_current_dir().expect("it runs in a folder"));
    for (name, value) in other.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a temporary folder is writable");
    for entry in std::fs::read_dir(from).expect("a folder of the repository") {
        let entry = entry.expect("an entry of the folder");
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy_folder(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), &target).expect("a file can be copied")),
        }
    }
}
