//! The parts of pages that are generated from tables in the code. They stand between `<!-- generated: NAME -->` and
//! `<!-- end of NAME -->`; `UPDATE_DOCS=1` writes them again.

use std::path::Path;

use regex::Regex;
use roadlab::diagnosis::System;
use serde_json::Value;

use super::{Pages, generated_events, generated_keys, generated_labs, line_of, made_up, pages};
use crate::architecture::{Finding, assert_kept, found};

/// The name of a generated part, and what writes it.
type Part = (&'static str, fn() -> String);

/// The generated parts.
const PARTS: [Part; 10] = [
    ("lab keys", generated_keys::lab),
    ("probes", generated_keys::probes),
    ("actions", generated_keys::actions),
    ("matchers", generated_keys::matchers),
    ("x-roadlab", generated_keys::services),
    ("events", generated_events::events),
    ("exit codes", exit_codes),
    ("systems", systems),
    ("labs", generated_labs::english),
    ("labs in Korean", generated_labs::korean),
];

/// Returns a table in Markdown.
pub(super) fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let head: Vec<String> = head.iter().map(|cell| (*cell).to_owned()).collect();
    let rule = format!("|{}\n", "---|".repeat(head.len()));
    let mut out = format!("{}{rule}", line(&head));
    for row in rows {
        // A cell is one line, and a bar would end it.
        let cells = row
            .iter()
            .map(|cell| cell.replace('\n', " ").replace('|', "\\|"));
        out.push_str(&line(&cells.collect::<Vec<_>>()));
    }
    out
}

/// Reads the exit codes from the comments of `Exit`, where each paragraph is a row.
fn exit_codes() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/exit.rs");
    let source = std::fs::read_to_string(path).expect("the source of the exit codes");
    let file = syn::parse_file(&source).expect("a file of Rust");
    let exit = file.items.iter().find_map(|item| match item {
        syn::Item::Enum(item) if item.ident == "Exit" => Some(item),
        _ => None,
    });
    let mut rows = Vec::new();
    for variant in &exit.expect("the exit codes").variants {
        let lines = variant.attrs.iter().filter_map(|attribute| {
            let syn::Meta::NameValue(doc) = &attribute.meta else {
                return None;
            };
            let syn::Expr::Lit(syn::ExprLit {
                lit: syn::Lit::Str(text),
                ..
            }) = &doc.value
            else {
                return None;
            };
            Some(text.value().trim().to_owned())
        });
        let comment = lines.collect::<Vec<_>>().join("\n");
        for paragraph in comment.split("\n\n") {
            let (codes, meaning) = paragraph.split_once(": ").expect("codes and a meaning");
            rows.push(vec![codes.to_owned(), meaning.replace('\n', " ")]);
        }
    }
    table(&["code", "meaning"], rows)
}

fn systems() -> String {
    let rows = System::ALL.map(|system| {
        let (text, remark) = (system.text(), system.remark());
        let experience = system.experience().text();
        vec![text.localized(), experience.localized(), remark.localized()]
    });
    table(&["system", "roadlab was", "remark"], rows)
}

/// Returns a page with its parts generated again.
fn generated(page: &str) -> Result<String, (usize, String)> {
    let begin = Regex::new(r"<!-- generated: ([\w -]+) -->\n").expect("a pattern");
    let mut out = String::new();
    let mut end = 0;
    for found in begin.captures_iter(page) {
        let start = found.get(0).expect("the match").end();
        let name = &found[1];
        let problem = |what: String| (line_of(page, start) - 1, what);
        let part = PARTS.iter().find(|(part, _)| *part == name);
        let (_, make) = part.ok_or_else(|| problem(format!("no generated part `{name}`")))?;
        let mark = format!("<!-- end of {name} -->");
        let length = page[start..].find(&mark);
        let length = length.ok_or_else(|| problem(format!("no `{mark}`")))?;
        out.push_str(&page[end..start]);
        out.push_str(&format!("\n{}\n", make()));
        end = start + length;
    }
    out.push_str(&page[end..]);
    Ok(out)
}

fn check(pages: &Pages, write: impl Fn(&str, &str)) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, page) in pages {
        let (line, what) = match generated(page) {
            Ok(same) if same == *page => continue,
            Ok(new) => {
                write(file, &new);
                let differs = page
                    .lines()
                    .zip(new.lines())
                    .position(|(old, new)| old != new);
                let line = differs.unwrap_or(0) + 1;
                (
                    line,
                    "differs from the code; UPDATE_DOCS=1 writes it again".to_owned(),
                )
            }
            Err(problem) => problem,
        };
        let file = file.clone();
        findings.push(Finding { file, line, what });
    }
    findings
}

#[apply(test)]
fn a_cell_is_one_line() {
    let rows = [vec!["a\nb".to_owned(), "c|d".to_owned()]];
    assert_eq!(
        table(&["x", "y"], rows),
        "| x | y |\n|---|---|\n| a b | c\\|d |\n"
    );
}

#[apply(test)]
fn generated_parts_are_as_the_code_has_them() {
    let update = std::env::var_os("UPDATE_DOCS").is_some();
    let write = |file: &str, text: &str| {
        if update {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
            std::fs::write(path, text).expect("the page can be written");
        }
    };
    let findings = check(&pages(), write);
    assert_kept(if update {
        check(&pages(), |_, _| ())
    } else {
        findings
    });
}

#[apply(test)]
fn every_generated_part_stands_in_a_page() {
    let pages = pages();
    for (name, _) in PARTS {
        let mark = format!("<!-- generated: {name} -->");
        assert!(pages.values().any(|page| page.contains(&mark)), "{name}");
    }
}

#[apply(test)]
fn a_part_that_is_out_of_date_is_found() {
    let with = |page: &str, expected: &[&str]| {
        let pages = made_up(&[("docs/src/a.md", page)]);
        assert_eq!(found(check(&pages, |_, _| ())), expected, "{page}");
    };
    let page = format!(
        "# A\n<!-- generated: systems -->\n\n{}\n<!-- end of systems -->\nB\n",
        systems()
    );
    with(&page, &[]);
    let other = page.replace("| tested |", "| not tested |");
    with(
        &other,
        &["differs from the code; UPDATE_DOCS=1 writes it again"],
    );
    with("<!-- generated: x -->\n", &["no generated part `x`"]);
    with(
        "<!-- generated: systems -->\n",
        &["no `<!-- end of systems -->`"],
    );
}

/// Returns the types of a value in a JSON Schema, each by the name that `named` gives it.
pub(super) fn types(value: &Value, named: &dyn Fn(&str) -> String) -> String {
    match &value["type"] {
        Value::String(kind) => named(kind),
        Value::Array(kinds) => {
            let kinds = kinds.iter().filter_map(Value::as_str).map(named);
            kinds.collect::<Vec<_>>().join(" or ")
        }
        _ => "any value".to_owned(),
    }
}
