//! A page in Korean keeps in step with the English one: the same headings by their level, the same code except for comments, and
//! tables with the same rows.

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use regex::Regex;

use super::{BOOK, Pages, line_of, made_up, pages};
use crate::architecture::{Finding, assert_kept, found};

/// What a page and its translation have in common.
#[derive(Debug, PartialEq)]
enum Part {
    Heading(HeadingLevel),
    /// The language of a block, and its lines without comments.
    Code(String, Vec<String>),
    /// A comment in HTML, such as one that says what the next block is.
    Comment(String),
    /// For each row of a table, the code in its first cell.
    Table(Vec<String>),
}

impl Part {
    fn describe(&self) -> String {
        match self {
            Part::Heading(level) => format!("a heading of level {}", *level as usize),
            Part::Code(language, lines) => {
                let first = lines.first().map_or("", String::as_str);
                format!("a block of {language} that begins with `{first}`")
            }
            Part::Comment(text) => format!("the comment `{text}`"),
            Part::Table(rows) => format!("a table of {} rows", rows.len()),
        }
    }
}

/// Returns the lines of a block without comments, which a translation writes in its own language.
fn without_comments(language: &str, text: &str) -> Vec<String> {
    let comment = match language {
        "yaml" | "sh" | "console" | "toml" => r"(^|\s+)# .*$",
        "sql" => r"(^|\s+)-- .*$",
        _ => return text.lines().map(str::to_owned).collect(),
    };
    let comment = Regex::new(comment).expect("a pattern");
    let lines = text.lines().filter_map(|line| {
        let rest = comment.replace(line, "").into_owned();
        (!rest.trim().is_empty() || line.trim().is_empty()).then_some(rest)
    });
    lines.collect()
}

fn parts(text: &str) -> Vec<(usize, Part)> {
    let options = Options::ENABLE_TABLES | Options::ENABLE_HEADING_ATTRIBUTES;
    let generated = Regex::new("^<!-- (generated:|end of )").expect("a pattern");
    let mut parts = Vec::new();
    let mut block: Option<(usize, String, String)> = None;
    let (mut rows, mut cell): (Vec<String>, Option<usize>) = (Vec::new(), None);
    for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
        let line = line_of(text, range.start);
        match event {
            Event::Start(Tag::Heading { level, .. }) => parts.push((line, Part::Heading(level))),
            Event::Start(Tag::CodeBlock(kind)) => {
                let language = match kind {
                    CodeBlockKind::Fenced(language) => language.to_string(),
                    CodeBlockKind::Indented => String::new(),
                };
                block = Some((line, language, String::new()));
            }
            Event::End(TagEnd::CodeBlock) => {
                if let Some((line, language, text)) = block.take() {
                    let lines = without_comments(&language, &text);
                    parts.push((line, Part::Code(language, lines)));
                }
            }
            Event::Text(part) => {
                if let Some((_, _, text)) = &mut block {
                    text.push_str(&part);
                }
            }
            // Generated tables are in English only.
            Event::Html(text) if generated.is_match(&text) => {}
            Event::Html(text) if text.trim_start().starts_with("<!--") => {
                parts.push((line, Part::Comment(text.trim().to_owned())));
            }
            Event::Start(Tag::TableRow) => {
                rows.push(String::new());
                cell = Some(0);
            }
            Event::End(TagEnd::TableCell) => cell = cell.map(|cell| cell + 1),
            Event::Code(code) if cell == Some(0) => {
                if let Some(row) = rows.last_mut() {
                    row.push_str(&code);
                }
            }
            Event::End(TagEnd::Table) => {
                parts.push((line, Part::Table(std::mem::take(&mut rows))));
                cell = None;
            }
            _ => {}
        }
    }
    parts
}

/// Returns the first difference between a page and its translation.
fn difference(english: &str, korean: &str) -> Option<(usize, String)> {
    let (english, korean) = (parts(english), parts(korean));
    for (index, (line, part)) in english.iter().enumerate() {
        match korean.get(index) {
            None => {
                let end = korean.last().map_or(1, |(line, _)| *line);
                return Some((
                    end,
                    format!("ends before {} (line {line} in English)", part.describe()),
                ));
            }
            Some((_, same)) if same == part => {}
            Some((own, Part::Code(..))) if matches!(part, Part::Code(..)) => {
                return Some((*own, format!("other code than in line {line} in English")));
            }
            Some((own, Part::Table(rows))) if let Part::Table(expected) = part => {
                let missing = expected.iter().find(|row| !rows.contains(row));
                let what = missing.map_or("other rows".to_owned(), |row| format!("no row `{row}`"));
                return Some((
                    *own,
                    format!("{what}: see the table in line {line} in English"),
                ));
            }
            Some((own, other)) => {
                let (other, part) = (other.describe(), part.describe());
                return Some((
                    *own,
                    format!("{other}, and in English (line {line}) {part}"),
                ));
            }
        }
    }
    let (line, part) = korean.get(english.len())?;
    Some((
        *line,
        format!("{}, which is not in English", part.describe()),
    ))
}

/// Returns the path of the translation of a page that has one.
fn translation(page: &str) -> Option<String> {
    if page == "README.md" {
        return Some("README.ko.md".to_owned());
    }
    let chapter = page.strip_prefix(BOOK)?;
    let translated = chapter.starts_with("learners/") || chapter.starts_with("instructors");
    translated.then(|| format!("{BOOK}ko/{chapter}"))
}

fn check(pages: &Pages) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (page, english) in pages {
        let Some(file) = translation(page) else {
            continue;
        };
        let (line, what) = match pages.get(&file) {
            None => (1, format!("is missing: it is the Korean of {page}")),
            Some(korean) => match difference(english, korean) {
                None => continue,
                Some(difference) => difference,
            },
        };
        findings.push(Finding { file, line, what });
    }
    let korean = pages.keys().filter(|page| page.starts_with("docs/src/ko/"));
    let originals: Vec<String> = pages.keys().filter_map(|page| translation(page)).collect();
    findings.extend(
        korean
            .filter(|page| !originals.contains(page))
            .map(|page| Finding {
                file: page.clone(),
                line: 1,
                what: "is not the translation of a page".to_owned(),
            }),
    );
    findings
}

#[apply(test)]
fn translations_keep_in_step() {
    assert_kept(check(&pages()));
}

#[apply(test)]
fn a_translation_that_is_behind_is_found() {
    let english = "# A\n\n```sh\n# why\nroadlab list  # all\n```\n\n| a | b |\n|---|---|\n| `x` | y |\n\n## B\n";
    let with = |korean: &str, expected: &[&str]| {
        let pages = made_up(&[("README.md", english), ("README.ko.md", korean)]);
        assert_eq!(found(check(&pages)), expected, "{korean}");
    };
    with(
        &english
            .replace("why", "까닭")
            .replace("all", "모두")
            .replace("y |", "와 |"),
        &[],
    );
    with(
        &english.replace("# all", "# 모두\nroadlab"),
        &["other code than in line 3 in English"],
    );
    with(
        &english.replace("`x`", "`z`"),
        &["no row `x`: see the table in line 8 in English"],
    );
    with(
        &english.replace("## B", "### B"),
        &["a heading of level 3, and in English (line 12) a heading of level 2"],
    );
    with(
        &english.replace("## B", ""),
        &["ends before a heading of level 2 (line 12 in English)"],
    );
    let more = format!("{english}\n## C\n");
    with(&more, &["a heading of level 2, which is not in English"]);
}

#[apply(test)]
fn a_missing_translation_is_found() {
    let pages = made_up(&[("docs/src/learners/a.md", ""), ("docs/src/ko/b.md", "")]);
    let expected = [
        "is missing: it is the Korean of docs/src/learners/a.md",
        "is not the translation of a page",
    ];
    assert_eq!(found(check(&pages)), expected);
}
