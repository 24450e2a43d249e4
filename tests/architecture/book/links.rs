//! Every relative link leads to a file, and its anchor to a heading. A page of the book links to pages of the book only, and
//! `SUMMARY.md` lists each of them once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use pulldown_cmark::{BrokenLink, CowStr, Event, LinkType, Options, Parser, Tag, TagEnd};
use regex::Regex;

use super::{BOOK, Pages, line_of, made_up, next_to, pages};
use crate::architecture::{Finding, assert_kept, found};

/// What a page offers to links, and where its own links lead.
#[derive(Default)]
struct Page {
    anchors: BTreeSet<String>,
    links: Vec<(usize, String)>,
    broken: Vec<(usize, String)>,
}

fn finding(file: &str, line: usize, what: impl Into<String>) -> Finding {
    let (file, what) = (file.to_owned(), what.into());
    Finding { file, line, what }
}

/// Puts included pages in place of `{{#include PATH}}` and `{{#include PATH:ANCHOR}}`, as mdBook does.
fn expanded(file: &str, pages: &Pages) -> Result<String, Finding> {
    let directive = Regex::new(r"\{\{#include ([^}:\s]+)(?::([\w-]+))?\s*\}\}").expect("a pattern");
    let text = &pages[file];
    let mut out = String::new();
    let mut end = 0;
    for found in directive.captures_iter(text) {
        let whole = found.get(0).expect("the match");
        let line = line_of(text, whole.start());
        let path = next_to(file, &found[1]);
        let Some(page) = path.and_then(|path| pages.get(&path)) else {
            return Err(finding(file, line, format!("no page `{}`", &found[1])));
        };
        out.push_str(&text[end..whole.start()]);
        match found.get(2) {
            None => out.push_str(page),
            Some(anchor) => {
                let part = anchored(page, anchor.as_str());
                let what = || format!("no part `{}` in `{}`", anchor.as_str(), &found[1]);
                out.push_str(&part.ok_or_else(|| finding(file, line, what()))?);
            }
        }
        end = whole.end();
    }
    out.push_str(&text[end..]);
    Ok(out)
}

/// Returns the lines between `ANCHOR: name` and `ANCHOR_END: name`.
fn anchored(text: &str, name: &str) -> Option<String> {
    let mark = |word: &str| Regex::new(&format!(r"\b{word}:\s*{name}\b")).expect("a pattern");
    let (from, to) = (mark("ANCHOR"), mark("ANCHOR_END"));
    let mut lines = text.lines();
    lines.by_ref().find(|line| from.is_match(line))?;
    let mut part = String::new();
    for line in lines {
        if to.is_match(line) {
            return Some(part);
        }
        part.push_str(line);
        part.push('\n');
    }
    None
}

/// Returns the id that GitHub and mdBook give a heading.
fn slug(heading: &str) -> String {
    let heading = heading.trim().to_lowercase();
    let kept = heading.chars().filter_map(|letter| match letter {
        _ if letter.is_whitespace() => Some('-'),
        '-' | '_' => Some(letter),
        _ => letter.is_alphanumeric().then_some(letter),
    });
    kept.collect()
}

fn read(text: &str) -> Page {
    let mut page = Page::default();
    let mut broken = Vec::new();
    let mut undefined = |link: BrokenLink<'_>| -> Option<(CowStr<'_>, CowStr<'_>)> {
        // `[a]` alone is text; `[a][b]` is meant as a link.
        if link.link_type == LinkType::Reference {
            broken.push((line_of(text, link.span.start), link.reference.to_string()));
        }
        None
    };
    let options = Options::ENABLE_TABLES | Options::ENABLE_HEADING_ATTRIBUTES;
    let parser = Parser::new_with_broken_link_callback(text, options, Some(&mut undefined));
    let mut heading: Option<(Option<String>, String)> = None;
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for (event, range) in parser.into_offset_iter() {
        match event {
            Event::Start(Tag::Heading { id, .. }) => {
                heading = Some((id.map(|id| id.to_string()), String::new()));
            }
            Event::End(TagEnd::Heading(_)) => {
                if let Some((id, title)) = heading.take() {
                    let id = id.unwrap_or_else(|| slug(&title));
                    let seen = times.entry(id.clone()).or_default();
                    page.anchors.insert(match *seen {
                        0 => id,
                        again => format!("{id}-{again}"),
                    });
                    *seen += 1;
                }
            }
            Event::Text(part) | Event::Code(part) => {
                if let Some((_, title)) = &mut heading {
                    title.push_str(&part);
                }
            }
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                let line = line_of(text, range.start);
                page.links.push((line, dest_url.to_string()));
            }
            _ => {}
        }
    }
    page.broken = broken;
    page
}

fn check(pages: &Pages, exists: impl Fn(&str) -> bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut read_pages = BTreeMap::new();
    for file in pages.keys() {
        match expanded(file, pages) {
            Ok(text) => drop(read_pages.insert(file.as_str(), read(&text))),
            Err(missing) => findings.push(missing),
        }
    }
    for (file, page) in &read_pages {
        for (line, name) in &page.broken {
            findings.push(finding(
                file,
                *line,
                format!("link `{name}` is not defined"),
            ));
        }
        let own = page.links.iter().filter(|(_, link)| !link.contains("://"));
        for (line, link) in own {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match path {
                "" => Some((*file).to_owned()),
                path => next_to(file, path),
            };
            let what = match target.filter(|target| exists(target)) {
                None => format!("`{link}` leads nowhere"),
                Some(target) if file.starts_with(BOOK) && !target.starts_with(BOOK) => {
                    format!("`{link}` leads out of the book")
                }
                Some(target) => match read_pages.get(target.as_str()) {
                    Some(page) if !anchor.is_empty() && !page.anchors.contains(anchor) => {
                        format!("no heading for `{link}`")
                    }
                    Some(_) | None => continue,
                },
            };
            findings.push(finding(file, *line, what));
        }
    }
    findings.extend(summary(&read_pages));
    findings
}

/// Compares `SUMMARY.md` with the pages that there are.
fn summary(pages: &BTreeMap<&str, Page>) -> Vec<Finding> {
    let file = format!("{BOOK}SUMMARY.md");
    let Some(summary) = pages.get(file.as_str()) else {
        return vec![finding(&file, 1, "the book has no summary")];
    };
    let mut listed: BTreeMap<String, usize> = BTreeMap::new();
    for (_, link) in &summary.links {
        *listed.entry(format!("{BOOK}{link}")).or_default() += 1;
    }
    let chapters = pages.keys().filter(|page| page.starts_with(BOOK));
    chapters
        .filter(|page| **page != file)
        .filter_map(|page| match listed.get(*page).copied().unwrap_or(0) {
            1 => None,
            times => Some(finding(
                page,
                1,
                format!("stands {times} times in the summary"),
            )),
        })
        .collect()
}

#[apply(test)]
fn links_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    assert_kept(check(&pages(), |path| root.join(path).exists()));
}

#[track_caller]
fn check_made_up(files: &[(&str, &str)], expected: &[&str]) {
    let pages = made_up(files);
    let findings = check(&pages, |path| pages.contains_key(path));
    assert_eq!(found(findings), expected);
}

#[apply(test)]
fn a_link_that_leads_nowhere_is_found() {
    let summary = ("docs/src/SUMMARY.md", "[One](one.md) [Part](part.md)");
    let part = (
        "docs/src/part.md",
        "# A part\n\n## Ids: `a b`, `c_d`\n\n## A part\n",
    );
    let with = |text: &'static str, expected: &[&str]| {
        check_made_up(
            &[summary, part, ("docs/src/one.md", text), ("out.md", "")],
            expected,
        );
    };
    with(
        "[a](part.md) [b](part.md#a-part-1) [c](part.md#ids-a-b-c_d)",
        &[],
    );
    with("[a](other.md)", &["`other.md` leads nowhere"]);
    with("[a](part.md#b)", &["no heading for `part.md#b`"]);
    with("[a](#b)", &["no heading for `#b`"]);
    with(
        "[a](../../out.md)",
        &["`../../out.md` leads out of the book"],
    );
    with("[a][b] and [c]", &["link `b` is not defined"]);
    with("{{#include part.md}} [a](#a-part)", &[]);
    with("{{#include parts.md}}", &["no page `parts.md`"]);
    with("{{#include part.md:x}}", &["no part `x` in `part.md`"]);
}

#[apply(test)]
fn a_part_of_a_page_can_be_included() {
    let files = [
        ("docs/src/SUMMARY.md", "[One](one.md)"),
        (
            "docs/src/one.md",
            "{{#include ../../all.md:x}}\n\n[b]: one.md",
        ),
        (
            "all.md",
            "[d](d.md)\n\n<!-- ANCHOR: x -->\n[a][b]\n<!-- ANCHOR_END: x -->\n\n[b]: all.md",
        ),
    ];
    check_made_up(&files, &["`d.md` leads nowhere"]);
}

#[apply(test)]
fn a_page_that_is_not_in_the_summary_is_found() {
    let files = [("docs/src/SUMMARY.md", ""), ("docs/src/one.md", "")];
    check_made_up(&files, &["stands 0 times in the summary"]);
}
