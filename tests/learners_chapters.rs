//! The chapters for learners in `docs/src/learners/` are followed literally: every command is run, and what it prints to standard
//! output is compared. A line `…` stands for any lines.

use std::path::Path;
use std::process::Output;

use regex::Regex;

use crate::readme::{roadlab_in, steady, words};

/// Returns the blocks of commands of a chapter.
fn blocks(chapter: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = chapter.lines();
    while let Some(line) = lines.next() {
        if line == "```console" {
            let block = lines.by_ref().take_while(|line| *line != "```");
            blocks.push(block.map(|line| format!("{line}\n")).collect());
        }
    }
    blocks
}

/// Returns whether a text has these lines, where `…` is any number of lines.
fn fits(text: &str, expected: &str) -> bool {
    let mut pattern = String::from("^");
    for line in expected.lines() {
        match line {
            "…" => pattern.push_str("(?s:.*?)"),
            line => pattern.push_str(&format!("{}\n", regex::escape(line))),
        }
    }
    pattern.push('$');
    Regex::new(&pattern).expect("a pattern").is_match(text)
}

/// A folder in which a chapter is followed. What a chapter that fails leaves behind is removed.
struct Reader {
    folder: tempfile::TempDir,
}

impl Reader {
    fn run(&self, words: &[String]) -> Output {
        roadlab_in(self.folder.path(), words)
    }

    fn remove_all(&self) -> String {
        let output = self.run(&["down".to_owned(), "--all".to_owned()]);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.remove_all();
    }
}

#[track_caller]
fn follow(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("docs/src/learners")
        .join(name);
    let chapter = std::fs::read_to_string(path).expect("the chapter");
    let reader = Reader {
        folder: tempfile::tempdir().expect("a temporary folder"),
    };
    let blocks = blocks(&chapter);
    assert!(blocks.len() > 3, "{name} has blocks");
    for block in blocks {
        for part in block.split("$ ").filter(|part| !part.is_empty()) {
            let (line, expected) = part.split_once('\n').expect("a command is a line");
            let words = words(line);
            assert_eq!(words[0], "roadlab", "{line}");
            let output = reader.run(&words[1..]);
            let mut seen = steady(&String::from_utf8_lossy(&output.stdout));
            if !seen.ends_with('\n') && !expected.is_empty() {
                seen.push('\n');
            }
            let expected = steady(expected);
            assert!(
                fits(&seen, &expected),
                "{name}: {line}\nexpected:\n{expected}\nprinted:\n{seen}\n{}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
    // The runs of other tests are listed as runs of other state folders.
    let left = reader.remove_all();
    let nothing = left.starts_with("nothing to remove\n");
    assert!(nothing, "the chapter removes what it starts: {left}");
}

#[apply(engine_test)]
fn the_first_lab_can_be_followed() {
    follow("first-lab.md");
}

#[apply(engine_test)]
fn the_chapter_about_checks_can_be_followed() {
    follow("checks.md");
}

#[apply(engine_test)]
fn the_chapter_about_services_can_be_followed() {
    follow("services.md");
}

#[apply(test)]
fn lines_that_are_left_out_fit() {
    assert!(fits("a\nb\nc\n", "a\n…\nc\n"));
    assert!(fits("a\n", "a\n…\n"));
    assert!(fits("a\n", "…\n"));
    assert!(!fits("a\nb\n", "a\n"));
    assert!(!fits("a\nb\n", "…\nc\n"));
}
