//! The book in `docs/` and the other pages in Markdown: links lead somewhere, generated parts are as the code has them, and
//! translations have the headings, code and tables of the original. What mdBook itself makes of the book is not tested here.

mod generated;
mod generated_events;
mod generated_keys;
mod generated_labs;
mod links;
mod translation;

use std::collections::BTreeMap;
use std::path::{Component, Path};

use super::source::texts;

/// The folder of the book's pages.
const BOOK: &str = "docs/src/";

/// Pages in Markdown, by their path in the repository.
type Pages = BTreeMap<String, String>;

/// Returns every page in Markdown that people read in this repository, except the guides of labs.
fn pages() -> Pages {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages: Pages = texts("docs", "md").into_iter().collect();
    for entry in std::fs::read_dir(root).expect("the repository") {
        let name = entry.expect("an entry of the repository").file_name();
        let name = name.to_str().expect("a name in UTF-8").to_owned();
        if name.ends_with(".md") {
            let text = std::fs::read_to_string(root.join(&name)).expect("a page");
            pages.insert(name, text);
        }
    }
    let reference = "labs/README.md";
    let text = std::fs::read_to_string(root.join(reference)).expect("the reference");
    pages.insert(reference.to_owned(), text);
    pages
}

/// Returns pages made up by a test.
fn made_up(pages: &[(&str, &str)]) -> Pages {
    let pages = pages.iter();
    pages
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
        .collect()
}

/// Returns the path in the repository that a path next to a file leads to; `None` if it leaves the repository.
fn next_to(file: &str, path: &str) -> Option<String> {
    let folder = Path::new(file).parent().unwrap_or(Path::new(""));
    let mut parts: Vec<&str> = Vec::new();
    let joined = folder.join(path);
    for part in joined.components() {
        match part {
            Component::Normal(name) => parts.push(name.to_str()?),
            Component::ParentDir => drop(parts.pop()?),
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(parts.join("/"))
}

/// Returns the line, from 1, of a place in a text.
fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

#[apply(test)]
fn paths_are_followed() {
    let check = |path, expected: Option<&str>| {
        assert_eq!(next_to("docs/src/a.md", path).as_deref(), expected);
    };
    check("b.md", Some("docs/src/b.md"));
    check("../../labs/README.md", Some("labs/README.md"));
    check("../../../outside", None);
}
