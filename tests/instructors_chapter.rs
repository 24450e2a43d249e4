//! The chapter for instructors in `docs/src/instructors.md` is followed literally in an empty folder: every file is written, every
//! command is run, and what it prints is compared.

use std::path::Path;
use std::process::Command;

use regex::Regex;
use rustix::process::Signal;

use crate::support::ProgramOutput;
use crate::support::process::RunningProgram;

/// A fenced block, and the comment in front of it that says what it is.
struct Block {
    directive: String,
    language: String,
    text: String,
}

fn blocks(chapter: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut directive = String::new();
    let mut lines = chapter.lines();
    while let Some(line) = lines.next() {
        if let Some(comment) = line.strip_prefix("<!-- ") {
            comment.trim_end_matches(" -->").clone_into(&mut directive);
        } else if let Some(language) = line.strip_prefix("```") {
            let inside = lines.by_ref().take_while(|line| *line != "```");
            blocks.push(Block {
                directive: std::mem::take(&mut directive),
                language: language.to_owned(),
                text: inside.map(|line| format!("{line}\n")).collect(),
            });
        }
    }
    blocks
}

/// Durations differ from run to run, and so do sizes and digests of images.
fn steady(text: &str) -> String {
    let time = Regex::new(r"(\d+ min )?\d+(\.\d+)? (ms|s)\b").expect("a regular expression");
    let text = time.replace_all(text, "TIME");
    let size = Regex::new(r"\b\d+(\.\d+)? [KMG]iB\b").expect("a regular expression");
    let text = size.replace_all(&text, "SIZE");
    let digest = Regex::new(r"\b[0-9a-f]{64}\b").expect("a regular expression");
    digest.replace_all(&text, "DIGEST").into_owned()
}

/// A folder in which the chapter is followed.
struct Reader {
    folder: tempfile::TempDir,
    author: Option<RunningProgram>,
}

impl Reader {
    fn roadlab(&self, line: &str) -> Command {
        self.roadlab_in(self.folder.path(), line)
    }

    /// The program as it is run in a folder.
    fn roadlab_in(&self, folder: &Path, line: &str) -> Command {
        let words = shlex_words(line);
        assert_eq!(words[0], "roadlab", "{line}");
        let mut command = Command::new(env!("CARGO_BIN_EXE_roadlab"));
        command.args(&words[1..]).arg("--offline");
        at_home(&mut command, folder);
        command
    }

    /// Runs a script in which `roadlab` is the program under test.
    #[track_caller]
    fn shell(&mut self, script: &str) {
        self.end_author();
        let program = Path::new(env!("CARGO_BIN_EXE_roadlab")).parent();
        let program = program.expect("a folder").to_owned();
        let known = std::env::var_os("PATH").unwrap_or_default();
        let all = [program].into_iter().chain(std::env::split_paths(&known));
        let mut command = Command::new("sh");
        command.args(["-eu", "-c", script]);
        command.env("PATH", std::env::join_paths(all).expect("a search path"));
        at_home(&mut command, self.folder.path());
        ProgramOutput::of(&mut command).expect_code(0);
    }

    /// Runs commands as a learner on another machine, who was sent a file.
    #[track_caller]
    fn learner(&mut self, file: &str, text: &str) {
        self.end_author();
        let folder = self.folder.path().join(".learner");
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::copy(self.folder.path().join(file), folder.join(file)).expect("the file");
        for line in text.lines().filter_map(|line| line.strip_prefix("$ ")) {
            // Whether everything is solved already is not the question.
            let output = ProgramOutput::of(&mut self.roadlab_in(&folder, line));
            let expected = i32::from(line.contains(" check "));
            output.expect_code(expected);
        }
    }

    fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(path)).expect("a file of the chapter")
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        // As editors do: the file is the old one or the new one.
        let new = path.with_file_name(".new~");
        std::fs::write(&new, text).expect("a file");
        std::fs::rename(&new, &path).expect("a file");
    }

    #[track_caller]
    fn console(&mut self, text: &str) {
        self.end_author();
        for part in text.split("$ ").filter(|part| !part.is_empty()) {
            let (line, expected) = part.split_once('\n').expect("a command is a line");
            let mut command = self.roadlab(line);
            // The images take minutes on a busy machine; `sharing.rs` proves that a lab brings them along.
            let packs = line.starts_with("roadlab pack ");
            if packs {
                command.arg("--no-images");
            }
            let output = ProgramOutput::of(&mut command).expect_code(0);
            let (printed, expected) = match packs {
                true => {
                    let first = |text: &str| text.split(" (").next().map(str::to_owned);
                    (first(&output.stdout), first(expected))
                }
                false => (Some(steady(&output.stdout)), Some(expected.to_owned())),
            };
            if expected.as_deref() != Some("") {
                assert_eq!(printed, expected, "{line}");
            }
        }
    }

    fn end_author(&mut self) {
        if let Some(author) = self.author.take() {
            author.send_signal(Signal::INT);
            assert_eq!(author.finish().0.code(), Some(130));
        }
    }

    #[track_caller]
    fn follow(&mut self, block: &Block) {
        let (what, path) = block
            .directive
            .split_once(": ")
            .unwrap_or((&block.directive, ""));
        match (what, block.language.as_str()) {
            ("file", _) => self.write(path, &block.text),
            ("append", _) => self.write(path, &format!("{}{}", self.read(path), block.text)),
            ("replace", _) => {
                let (from, to) = block.text.split_once("---\n").expect("two texts");
                let before = self.read(path);
                assert_eq!(before.matches(from).count(), 1, "{from:?} in {path}");
                self.write(path, &before.replace(from, to));
            }
            ("contains", _) => {
                let there = self.read(path);
                assert!(there.contains(&block.text), "{path}:\n{there}");
            }
            ("author", _) => {
                let line = block.text.trim_start_matches("$ ").trim_end();
                let mut author = RunningProgram::of(&mut self.roadlab(line));
                author.wait_for_line("waiting for a change");
                self.author = Some(author);
            }
            ("seen", _) => {
                let author = self.author.as_mut().expect("the author's loop runs");
                block
                    .text
                    .lines()
                    .for_each(|line| author.wait_for_line(line));
            }
            ("", "console") => self.console(&block.text),
            ("shell", _) => self.shell(&block.text),
            ("learner", _) => self.learner(path, &block.text),
            (_, language) => panic!(
                "nothing says what this {language} block is:\n{}",
                block.text
            ),
        }
    }
}

/// Gives a command a folder to work in, with the program's own folders below it.
fn at_home(command: &mut Command, folder: &Path) {
    for home in ["STATE", "CACHE", "DATA"] {
        command.env(format!("XDG_{home}_HOME"), folder.join(".home").join(home));
    }
    command
        .current_dir(folder)
        .env("LC_ALL", "C")
        .env_remove("ROADLAB_LABS")
        .env_remove("ROADLAB_LANG");
}

fn shlex_words(line: &str) -> Vec<String> {
    let pattern = Regex::new(r#""([^"]*)"|(\S+)"#).expect("a regular expression");
    let word = |found: regex::Captures<'_>| {
        let word = found.get(1).or(found.get(2));
        word.map(|word| word.as_str().to_owned())
    };
    pattern.captures_iter(line).filter_map(word).collect()
}

#[apply(engine_test)]
fn the_chapter_for_instructors_can_be_followed_literally() {
    let chapter = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/src/instructors.md");
    let chapter = std::fs::read_to_string(chapter).expect("the chapter");
    let mut reader = Reader {
        folder: tempfile::tempdir().expect("a temporary folder"),
        author: None,
    };
    let blocks = blocks(&chapter);
    assert!(blocks.len() > 10, "the chapter has blocks");
    for block in &blocks {
        reader.follow(block);
    }
    let left = ProgramOutput::of(&mut reader.roadlab("roadlab status --json")).expect_code(0);
    let left = left.json();
    // The runs of other tests are listed as runs of other state folders.
    let own = left
        .as_array()
        .expect("a list")
        .iter()
        .filter(|run| run["orphan"].is_null());
    assert_eq!(own.count(), 0, "{left}");
}
