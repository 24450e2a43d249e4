//! Guides: Markdown whose headings carry `{#id .class}`. Texts stay Markdown and templates until they are shown.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use crate::lab::ExerciseId;
use crate::lab::fields::Problems;
use crate::problem::{LONGEST_LINE, Place, Problem, cut};

/// The largest guide, in bytes, and the most headings in it.
const LARGEST: usize = 256 << 10;
const MOST_HEADINGS: usize = 1000;

/// A lab's text in one language.
#[derive(Debug, Clone, Default)]
pub struct Guide {
    pub file: PathBuf,
    pub title: String,
    /// The first paragraph.
    pub summary: String,
    /// Everything before the first exercise, without the title.
    pub intro: Text,
    pub sections: BTreeMap<ExerciseId, Section>,
    /// As they stand in the file, for problems to show.
    lines: Vec<String>,
}

/// One exercise's text.
#[derive(Debug, Clone, Default)]
pub struct Section {
    pub title: String,
    pub body: Text,
    /// A sentence for each check, by check id.
    pub checks: BTreeMap<String, String>,
    /// A sentence for each choice of a quiz.
    pub choices: BTreeMap<String, String>,
    /// Ordered hints: the first nudges, the last all but tells.
    pub hints: Vec<Text>,
    /// Hints that belong to a mistake.
    pub named_hints: BTreeMap<String, Text>,
    /// Shown once the exercise is solved.
    pub after: Option<Text>,
    pub line: usize,
}

/// A piece of Markdown and the line it begins at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text {
    pub markdown: String,
    pub line: usize,
}

/// A heading and where its own text ends.
struct Heading {
    level: HeadingLevel,
    id: Option<String>,
    classes: Vec<String>,
    title: String,
    start: usize,
    body: usize,
}

impl Guide {
    /// The beginning of a line, counted from 1, with its text.
    pub fn place(&self, line: usize) -> Place {
        Place {
            file: self.file.clone(),
            line,
            column: 1,
            text: self
                .lines
                .get(line.wrapping_sub(1))
                .cloned()
                .unwrap_or_default(),
        }
    }

    /// Reads a guide; problems have the guide's file and line.
    pub fn parse(file: &Path, source: &str, problems: &mut Problems) -> Self {
        let mut guide = Guide {
            file: file.to_owned(),
            lines: source.lines().map(str::to_owned).collect(),
            ..Guide::default()
        };
        if source.len() > LARGEST {
            let what = format!(
                "this guide has {} bytes; at most {LARGEST} are read",
                source.len()
            );
            problems.push(Problem::new(what).at(Place::file(file)));
            return guide;
        }
        let mut headings = headings(source);
        if headings.len() > MOST_HEADINGS {
            let what = format!(
                "this guide has {} headings; at most {MOST_HEADINGS} are read",
                headings.len()
            );
            problems.push(Problem::new(what).at(Place::file(file)));
            headings.truncate(MOST_HEADINGS);
        }
        let place = |at: usize| place(file, source, at);
        let title = headings.iter().find(|h| h.level == HeadingLevel::H1);
        match title {
            Some(heading) => guide.title.clone_from(&heading.title),
            None => {
                let help = "begin with `# The lab's title`";
                problems.push(
                    Problem::new("this guide has no title")
                        .at(Place::file(file))
                        .help(help),
                );
            }
        }
        let first = headings
            .iter()
            .position(|h| h.level == HeadingLevel::H2 && h.id.is_some());
        let intro_start = title.map_or(0, |heading| heading.body);
        let intro_end = first.map_or(source.len(), |at| headings[at].start);
        if intro_start <= intro_end {
            guide.intro = piece(source, intro_start, intro_end);
        }
        guide.summary = first_paragraph(&guide.intro.markdown);
        let mut current: Option<(ExerciseId, Section)> = None;
        for (at, heading) in headings
            .iter()
            .enumerate()
            .skip(first.unwrap_or(headings.len()))
        {
            let end = headings[at + 1..]
                .iter()
                .find(|next| next.level <= heading.level || next.is_part())
                .map_or(source.len(), |next| next.start);
            if heading.level == HeadingLevel::H2 {
                guide.keep(current.take());
                let Some(id) = &heading.id else { continue };
                let Ok(exercise) = ExerciseId::new(id) else {
                    problems.push(
                        Problem::new(format!("`{id}` cannot be an exercise"))
                            .at(place(heading.start)),
                    );
                    continue;
                };
                if guide.sections.contains_key(&exercise) {
                    problems.push(
                        Problem::new(format!("exercise `{id}` has two sections"))
                            .at(place(heading.start)),
                    );
                }
                let section = Section {
                    title: heading.title.clone(),
                    body: piece(source, heading.body, end),
                    line: line_of(source, heading.start),
                    ..Section::default()
                };
                current = Some((exercise, section));
                continue;
            }
            let Some((_, section)) = current.as_mut().filter(|_| heading.is_part()) else {
                continue;
            };
            let text = piece(source, heading.body, end);
            match heading.classes.first().map(String::as_str) {
                Some("hint") => match &heading.id {
                    Some(id) => drop(section.named_hints.insert(id.clone(), text)),
                    None => section.hints.push(text),
                },
                Some("after") => section.after = Some(text),
                Some("checks") => section.checks = sentences(&text.markdown),
                Some("choices") => section.choices = sentences(&text.markdown),
                other => {
                    let what = format!(
                        "unknown part `.{}` of an exercise",
                        other.unwrap_or_default()
                    );
                    let help = "`.hint`, `.after`, `.checks` or `.choices`";
                    problems.push(Problem::new(what).at(place(heading.start)).help(help));
                }
            }
        }
        guide.keep(current);
        guide
    }

    fn keep(&mut self, section: Option<(ExerciseId, Section)>) {
        if let Some((id, section)) = section {
            self.sections.entry(id).or_insert(section);
        }
    }

    /// Every text that is a template, for checking its names.
    pub fn texts(&self) -> impl Iterator<Item = &Text> {
        let sections = self.sections.values().flat_map(|section| {
            let hints = section.hints.iter().chain(section.named_hints.values());
            [&section.body]
                .into_iter()
                .chain(hints)
                .chain(&section.after)
        });
        [&self.intro].into_iter().chain(sections)
    }
}

impl Heading {
    /// A heading below an exercise that begins a part of it.
    fn is_part(&self) -> bool {
        self.level > HeadingLevel::H2 && !self.classes.is_empty()
    }
}

fn headings(source: &str) -> Vec<Heading> {
    let mut headings = Vec::new();
    let mut open: Option<Heading> = None;
    for (event, range) in
        Parser::new_ext(source, Options::ENABLE_HEADING_ATTRIBUTES).into_offset_iter()
    {
        match event {
            Event::Start(Tag::Heading {
                level, id, classes, ..
            }) => {
                open = Some(Heading {
                    level,
                    id: id.map(|id| id.to_string()),
                    classes: classes.iter().map(ToString::to_string).collect(),
                    title: String::new(),
                    start: range.start,
                    body: range.end,
                });
            }
            Event::End(TagEnd::Heading(_)) => headings.extend(open.take()),
            Event::Text(text) | Event::Code(text) => {
                if let Some(heading) = &mut open {
                    heading.title.push_str(&text);
                }
            }
            _ => {}
        }
    }
    headings
}

/// ``- `id`: sentence`` as a map. A sentence may run over several lines.
fn sentences(markdown: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut last: Option<String> = None;
    for line in markdown.lines() {
        let item = line
            .trim_start()
            .strip_prefix(['-', '*'])
            .map(str::trim_start);
        let split = item.and_then(|item| item.strip_prefix('`')?.split_once('`'));
        match split {
            Some((id, sentence)) => {
                let sentence = sentence.trim_start_matches([':', ' ']).trim().to_owned();
                found.insert(id.to_owned(), sentence);
                last = Some(id.to_owned());
            }
            None => {
                if let Some(sentence) = last
                    .as_ref()
                    .and_then(|id| found.get_mut(id))
                    .filter(|_| !line.trim().is_empty())
                {
                    sentence.push(' ');
                    sentence.push_str(line.trim());
                }
            }
        }
    }
    found
}

fn first_paragraph(markdown: &str) -> String {
    let lines = markdown.lines().map(str::trim);
    let paragraph: Vec<&str> = lines
        .skip_while(|l| l.is_empty())
        .take_while(|l| !l.is_empty())
        .collect();
    paragraph.join(" ")
}

fn piece(source: &str, start: usize, end: usize) -> Text {
    let text = &source[start..end];
    let blank = text.len() - text.trim_start_matches('\n').len();
    Text {
        markdown: text.trim_matches('\n').to_owned(),
        line: line_of(source, start + blank),
    }
}

fn line_of(source: &str, at: usize) -> usize {
    source[..at].matches('\n').count() + 1
}

fn place(file: &Path, source: &str, at: usize) -> Place {
    let line = line_of(source, at);
    Place {
        file: file.to_owned(),
        line,
        column: 1,
        text: cut(
            source.lines().nth(line - 1).unwrap_or_default(),
            LONGEST_LINE,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUIDE: &str = "# Redis: fast\n\nPairs that\nforget.\n\nMore.\n\n## Sessions {#sessions}\n\nDo `SET`.\n\n### A detail\n\nstays.\n\n\
        ### Checks {.checks}\n\n- `ttl`: it ends\n  by itself\n- `value`: it is there\n\n### Hint {.hint}\n\nOne.\n\n### 힌트 {.hint}\n\nTwo.\n\n\
        ### Forever {.hint #forever}\n\nIt stays.\n\n### Why {.after}\n\nBecause.\n\n## When {#quiz}\n\nWhen?\n\n### Choices {.choices}\n\n- `a`: yes\n- `b`: no\n";

    #[test]
    fn a_guide_is_cut_at_its_headings() {
        let mut problems = Vec::new();
        let guide = Guide::parse(Path::new("guide.en.md"), GUIDE, &mut problems);
        assert_eq!(problems, []);
        assert_eq!(
            (guide.title.as_str(), guide.summary.as_str()),
            ("Redis: fast", "Pairs that forget.")
        );
        assert_eq!(guide.intro.markdown, "Pairs that\nforget.\n\nMore.");
        let section = &guide.sections[&ExerciseId::new("sessions").unwrap()];
        assert_eq!(section.title, "Sessions");
        assert_eq!(section.body.markdown, "Do `SET`.\n\n### A detail\n\nstays.");
        assert_eq!(section.body.line, 10);
        assert_eq!(section.checks["ttl"], "it ends by itself");
        assert_eq!(
            section
                .hints
                .iter()
                .map(|h| h.markdown.as_str())
                .collect::<Vec<_>>(),
            ["One.", "Two."]
        );
        assert_eq!(section.named_hints["forever"].markdown, "It stays.");
        assert_eq!(
            section.after.as_ref().map(|a| a.markdown.as_str()),
            Some("Because.")
        );
        let quiz = &guide.sections[&ExerciseId::new("quiz").unwrap()];
        assert_eq!(quiz.choices.keys().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn what_is_wrong_with_a_guide_has_its_line() {
        let mut problems = Vec::new();
        Guide::parse(
            Path::new("g.md"),
            "text\n\n## A {#a}\n\n### X {.hnt}\n\n## B {#a}\n",
            &mut problems,
        );
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "g.md: this guide has no title (begin with `# The lab's title`)",
                "g.md:5:1: unknown part `.hnt` of an exercise (`.hint`, `.after`, `.checks` or `.choices`)",
                "g.md:7:1: exercise `a` has two sections",
            ]
        );
    }
}
