//! The rules of the code base, checked on the source itself: layers, no imports between commands, no cycles within a room, one
//! home for each crate, no retired words, no decisions by own texts, printing in `report` only, and a book that is up to date.
//!
//! The rules are functions from sources to findings. Each rule has a test that runs it on `src/`, and one that breaks it.

mod book;
mod commands;
mod cycles;
mod dependencies;
mod faults;
mod homes;
mod labs;
mod layers;
mod own_texts;
mod printing;
mod registration;
mod source;
mod vocabulary;

use std::fmt::Display;

use self::source::{Source, Sources};

/// A place that breaks a rule.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    file: String,
    line: usize,
    what: String,
}

impl Finding {
    fn new(source: &Source, line: usize, what: impl Into<String>) -> Self {
        Self {
            file: source.file.clone(),
            line,
            what: what.into(),
        }
    }
}

impl Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

/// Fails with all findings of a rule.
#[track_caller]
fn assert_kept(findings: impl IntoIterator<Item = Finding>) {
    let findings: Vec<String> = findings
        .into_iter()
        .map(|found| found.to_string())
        .collect();
    assert!(
        findings.is_empty(),
        "{} findings:
{}",
        findings.len(),
        findings.join(
            "
"
        )
    );
}

/// Sources made up by a test, by file and text.
fn sources(files: &[(&str, &str)]) -> Sources {
    let root = [("src/lib.rs", "")];
    let files = root.iter().chain(files);
    let files = files.map(|(file, text)| Source::of((*file).to_owned(), (*text).to_owned()));
    Sources::of(files.collect())
}

/// The findings of a rule, without the paths and lines.
fn found(findings: Vec<Finding>) -> Vec<String> {
    findings.into_iter().map(|finding| finding.what).collect()
}
