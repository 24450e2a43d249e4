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

/// Durations differ from run to run.
fn steady(text: &str) -> String {
    let time = Regex::new(r"(\d+ min )?\d+(\.\d+)? (ms|s)\b").expect("a regular expression");
    time.replace_all(text, "TIME").into_owned()
}

/// A folder in which the chapter is followed.
struct Reader {
    folder: tempfile::TempDir,
    author: Option<RunningProgram>,
}

impl Reader {
    fn roadlab(&self, line: &str) -> Command {
        let words = shlex_words(line);
        assert_eq!(words[0], "roadlab", "{line}");
        let mut command = Command::new(env!("CARGO_BIN_EXE_roadlab"));
        command
            .args(&words[1..])
            .arg("--offline")
            .current_dir(self.folder.path());
        for home in ["STATE", "CACHE", "DATA"] {
            command.env(
                format!("XDG_{home}_HOME"),
                self.folder.path().join(".home").join(home),
            );
        }
        command
            .env("LC_ALL", "C")
            .env_remove("ROADLAB_LABS")
            .env_remove("ROADLAB_LANG");
        command
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
            let output = ProgramOutput::of(&mut self.roadlab(line)).expect_code(0);
            if !expected.is_empty() {
                assert_eq!(steady(&output.stdout), expected, "{line}");
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
            (_, language) => panic!(
                "nothing says what this {language} block is:\n{}",
                block.text
            ),
        }
    }
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
