//! Headings of guides: which part of a guide each begins, and mistakes that hide one.

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Tag, TagEnd};

use crate::lab::id::ExerciseId;
use crate::problem::{Code, Problem};
use crate::text;
use crate::text::Text;

/// A heading, or a line that probably should be one.
#[derive(Debug)]
pub(super) struct Heading {
    pub(super) level: HeadingLevel,
    pub(super) id: Option<String>,
    classes: Vec<String>,
    /// Words between the braces that are neither an id nor a class.
    unknown: Vec<String>,
    pub(super) title: String,
    /// The offset of the heading.
    pub(super) start: usize,
    /// The offset of the text below it.
    pub(super) body: usize,
    error: Option<SyntaxError>,
}

/// Why Markdown reads a line, or what follows it, as something else than its author probably intended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SyntaxError {
    /// No space follows `#`, so that the line is text.
    MissingSpace,
    /// The braces are not closed at the end of the line, so that they belong to the title.
    OpenBraces,
    /// A code block is not closed, so that headings below it are code.
    OpenCodeBlock,
}

/// What a heading begins.
#[derive(Debug)]
pub(super) enum Part {
    /// A heading without braces, which belongs to the text around it.
    Text,
    Exercise(ExerciseId),
    /// The names of values for all exercises.
    Values,
    /// A part of an exercise.
    OfExercise(Class),
}

/// The class of a heading: which part of an exercise it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    Hint,
    After,
    Solution,
    Checks,
    Choices,
    Measure,
    Values,
}

impl Class {
    const ALL: [Self; 7] = [
        Self::Hint,
        Self::After,
        Self::Solution,
        Self::Checks,
        Self::Choices,
        Self::Measure,
        Self::Values,
    ];

    /// Returns the name, without the dot.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Hint => "hint",
            Self::After => "after",
            Self::Solution => "solution",
            Self::Checks => "checks",
            Self::Choices => "choices",
            Self::Measure => "measure",
            Self::Values => "values",
        }
    }
}

impl Heading {
    /// Returns what the heading begins.
    ///
    /// # Errors
    /// The mistake in the heading, as a problem without a place.
    pub(super) fn part(&self) -> Result<Part, Problem> {
        if let Some(error) = self.error {
            return Err(self.syntax_problem(error));
        }
        if let Some(word) = self.unknown.first() {
            return Err(mistake(
                text!(
                    "`{word}` in the braces of this heading is neither a class nor an id",
                    word
                ),
                text!(
                    "write `{{.{word}}}` for a class or `{{#{word}}}` for an id",
                    word
                ),
            ));
        }
        let class = self.class()?;
        match (self.level, class, &self.id) {
            (HeadingLevel::H1, _, _) => Err(mistake(
                text!("this guide has a title already"),
                text!("begin an exercise with `##`, and its parts with `###`"),
            )),
            (HeadingLevel::H2, None, Some(id)) => match ExerciseId::new(id) {
                Ok(id) => Ok(Part::Exercise(id)),
                Err(error) => Err(Problem::new(error.text()).code(Code::InvalidName)),
            },
            (HeadingLevel::H2, Some(Class::Values), None) => Ok(Part::Values),
            (HeadingLevel::H2, Some(class), _) => Err(mistake(
                text!(
                    "`.{class}` is for headings within an exercise",
                    class = class.name()
                ),
                text!(
                    "write `###`, or remove `.{class}` if this begins an exercise",
                    class = class.name()
                ),
            )),
            (HeadingLevel::H2, None, None) => Err(mistake(
                text!("this heading begins no exercise, so its text is not shown"),
                text!("write `###`, or add the id of an exercise, such as `{{#first-keys}}`"),
            )),
            (_, None, None) => Ok(Part::Text),
            (_, None, Some(id)) => Err(mistake(
                text!("the heading `#{id}` has no class", id),
                text!(
                    "add `.hint` if it is the hint `{id}`, or write `##` if it begins the exercise `{id}`",
                    id
                ),
            )),
            (_, Some(class), Some(id)) if class != Class::Hint => Err(mistake(
                text!(
                    "a heading with `.{class}` has no id, so `#{id}` is not used",
                    class = class.name(),
                    id
                ),
                text!("remove `#{id}`, or write `.hint`", id),
            )),
            (_, Some(class), _) => Ok(Part::OfExercise(class)),
        }
    }

    /// Returns the only class of the heading.
    fn class(&self) -> Result<Option<Class>, Problem> {
        let name = match self.classes.as_slice() {
            [] => return Ok(None),
            [name] => name,
            [first, second, ..] => {
                return Err(mistake(
                    text!(
                        "a heading has one class, not both `.{first}` and `.{second}`",
                        first,
                        second
                    ),
                    text!("remove one of the two"),
                ));
            }
        };
        match Class::ALL.into_iter().find(|class| class.name() == name) {
            Some(class) => Ok(Some(class)),
            None => Err(mistake(
                text!("unknown heading class `.{class}`", class = name),
                text!(
                    "use `.hint`, `.after`, `.solution`, `.checks`, `.choices`, `.measure` or `.values`"
                ),
            )),
        }
    }

    fn syntax_problem(&self, error: SyntaxError) -> Problem {
        match error {
            SyntaxError::MissingSpace => {
                let hashes = "#".repeat(self.level as usize);
                mistake(
                    text!(
                        "no space follows `{hashes}`, so this line is not a heading",
                        hashes
                    ),
                    text!("add a space after `{hashes}`", hashes),
                )
            }
            SyntaxError::OpenBraces => mistake(
                text!("the braces of this heading are not closed at its end"),
                text!("end it with braces such as `{{.hint}}` or `{{#first-keys}}`"),
            ),
            SyntaxError::OpenCodeBlock => Problem::new(text!("this code block is not closed"))
                .help(text!(
                    "add the closing line below the code, such as three backticks"
                )),
        }
    }

    /// Returns whether the heading is the title of a guide, if it is the first one.
    pub(super) fn is_title(&self) -> bool {
        self.level == HeadingLevel::H1 && self.error != Some(SyntaxError::MissingSpace)
    }

    /// Returns whether the heading has braces, or was to have them.
    pub(super) fn has_braces(&self) -> bool {
        self.has_attributes()
            || !self.unknown.is_empty()
            || self.error == Some(SyntaxError::OpenBraces)
    }

    /// Returns whether the heading, which has no braces, may stand in the introduction.
    pub(super) fn fits_introduction(&self) -> bool {
        self.level != HeadingLevel::H1 && self.error.is_none()
    }

    /// Returns whether the heading was to begin an exercise, even if it has a mistake.
    pub(super) fn begins_exercise(&self) -> bool {
        self.level <= HeadingLevel::H2 && self.id.is_some() && self.classes.is_empty()
    }

    /// Returns whether the heading was to begin a part of an exercise, even if it has a mistake.
    pub(super) fn is_within_exercise(&self) -> bool {
        self.level > HeadingLevel::H2 && (self.id.is_none() || !self.classes.is_empty())
    }

    fn has_attributes(&self) -> bool {
        self.id.is_some() || !self.classes.is_empty()
    }
}

fn mistake(what: Text, help: Text) -> Problem {
    Problem::new(what).code(Code::GuideHeading).help(help)
}

/// Returns the position of the heading at which the introduction ends: the first with braces. If that begins a part of an
/// exercise, the heading of the exercise is the `##` above it.
pub(super) fn end_of_introduction(headings: &[Heading]) -> usize {
    let first = headings
        .iter()
        .position(Heading::has_braces)
        .unwrap_or(headings.len());
    match headings.get(first) {
        Some(heading) if heading.is_within_exercise() => headings[..first]
            .iter()
            .rposition(|heading| heading.level == HeadingLevel::H2)
            .unwrap_or(first),
        Some(_) | None => first,
    }
}

/// Parses the headings of a guide with their attributes, and finds what hides headings.
pub(super) fn headings(source: &str) -> Vec<Heading> {
    let mut headings = Vec::new();
    let mut open: Option<Heading> = None;
    let parser = pulldown_cmark::Parser::new_ext(source, Options::ENABLE_HEADING_ATTRIBUTES);
    for (event, range) in parser.into_offset_iter() {
        match event {
            Event::Start(Tag::Heading {
                level,
                id,
                classes,
                attrs,
            }) => {
                open = Some(Heading {
                    level,
                    id: id.map(|id| id.to_string()),
                    classes: classes.iter().map(ToString::to_string).collect(),
                    unknown: attrs.iter().map(|(name, _)| name.to_string()).collect(),
                    title: String::new(),
                    start: range.start,
                    body: range.end,
                    error: None,
                });
            }
            Event::End(TagEnd::Heading(_)) => headings.extend(open.take()),
            Event::Text(text) => {
                if let Some(heading) = &mut open {
                    if has_open_braces(&text) {
                        heading.error = Some(SyntaxError::OpenBraces);
                    }
                    heading.title.push_str(&text);
                }
            }
            Event::Code(text) => {
                if let Some(heading) = &mut open {
                    heading.title.push_str(&text);
                }
            }
            Event::Start(Tag::Paragraph) => {
                headings.extend(headings_without_space(&source[range.clone()], range.start));
            }
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_)))
                if !is_closed(&source[range.clone()]) =>
            {
                headings.push(Heading {
                    level: HeadingLevel::H2,
                    id: None,
                    classes: Vec::new(),
                    unknown: Vec::new(),
                    title: String::new(),
                    start: range.start,
                    body: range.end,
                    error: Some(SyntaxError::OpenCodeBlock),
                });
            }
            _ => {}
        }
    }
    headings
}

/// Returns whether the title of a heading contains the beginning of attributes, such as `{.hint`, but not `{{.Names}}`.
fn has_open_braces(title: &str) -> bool {
    title.match_indices('{').any(|(at, _)| {
        let name = title[at + 1..].strip_prefix(['.', '#']);
        !title[..at].ends_with('{')
            && name.is_some_and(|name| name.starts_with(char::is_alphanumeric))
    })
}

/// Returns the lines of a paragraph that would be headings with attributes if a space followed their `#`.
fn headings_without_space(paragraph: &str, start: usize) -> Vec<Heading> {
    let mut found = Vec::new();
    let mut at = start;
    for line in paragraph.split_inclusive('\n') {
        let body = at + line.len();
        found.extend(with_space(line).map(|heading| Heading {
            start: at,
            body,
            error: Some(SyntaxError::MissingSpace),
            ..heading
        }));
        at = body;
    }
    found
}

fn with_space(line: &str) -> Option<Heading> {
    let line = line.trim();
    let title = line.trim_start_matches('#');
    let (hashes, title) = line.split_at(line.len() - title.len());
    if hashes.is_empty() || title.starts_with(char::is_whitespace) {
        return None;
    }
    let heading = headings(&format!("{hashes} {title}")).pop()?;
    heading.has_attributes().then_some(heading)
}

/// Returns whether a code block has a closing line of its own. If it contains the first line of another block, the closing line
/// is that of the other.
fn is_closed(block: &str) -> bool {
    let character = if block.starts_with('~') { '~' } else { '`' };
    let fence = &block[..block.len() - block.trim_start_matches(character).len()];
    let mut lines = block.lines().skip(1);
    let last = lines.clone().last().unwrap_or_default();
    // In a list or a quotation each line has what stands before it there.
    let last = last.trim_matches([' ', '\t', '>']);
    let opens_another = |line: &str| {
        let language = line.strip_prefix(fence);
        language.is_some_and(|language| language.starts_with(char::is_alphabetic))
    };
    last.starts_with(fence) && last.chars().all(|one| one == character) && !lines.any(opens_another)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks the mistakes in the headings of a guide: the line and the problem of each.
    #[track_caller]
    fn check(source: &str, expected: &[&str]) {
        let mut found = Vec::new();
        for heading in headings(source) {
            if let Err(problem) = heading.part() {
                let line = source[..heading.start].matches('\n').count() + 1;
                found.push(format!("{line}: {}", problem.what.localized()));
            }
        }
        assert_eq!(found, expected, "{source}");
    }

    #[test]
    fn headings_of_every_kind_are_sound() {
        for source in [
            "## A {#a}",
            "## A {#a-1_b}",
            "## Values {.values}",
            "### A detail",
            "### Hint {.hint}",
            "### Hint {.hint #mistyped}",
            "### Hint {#mistyped .hint}",
            "#### Checks {.checks}",
            "### `{.hint}` and {{ user }}",
            "### docker ps --format '{{.Names}}' {.hint}",
            "#hashtag and {braces}",
            "`##A {#a}`",
            "```\n##A {#a}\n```",
        ] {
            check(source, &[]);
        }
    }

    #[test]
    fn a_heading_with_a_mistake_has_a_problem() {
        for (source, expected) in [
            ("# A {#a}", "this guide has a title already"),
            (
                "##A {#a}",
                "no space follows `##`, so this line is not a heading",
            ),
            (
                "###A {.hint}",
                "no space follows `###`, so this line is not a heading",
            ),
            ("### A {#a}", "the heading `#a` has no class"),
            (
                "## A {word}",
                "`word` in the braces of this heading is neither a class nor an id",
            ),
            (
                "## A {# word}",
                "`word` in the braces of this heading is neither a class nor an id",
            ),
            (
                "## A (#a)",
                "this heading begins no exercise, so its text is not shown",
            ),
            (
                "## A {#A}",
                "invalid name `A`: use 1 to 40 lowercase letters, digits, `-` and `_`, beginning with a letter or digit",
            ),
            (
                "## A {.hint #a}",
                "`.hint` is for headings within an exercise",
            ),
            (
                "## A {.checks}",
                "`.checks` is for headings within an exercise",
            ),
            ("## A {.value}", "unknown heading class `.value`"),
            ("### A {.hnt}", "unknown heading class `.hnt`"),
            (
                "### A {.hint .after}",
                "a heading has one class, not both `.hint` and `.after`",
            ),
            (
                "### A {.solution #a}",
                "a heading with `.solution` has no id, so `#a` is not used",
            ),
            (
                "### A {.hint #a",
                "the braces of this heading are not closed at its end",
            ),
            (
                "### A {.hint #a} and more",
                "the braces of this heading are not closed at its end",
            ),
        ] {
            check(source, &[&format!("1: {expected}")]);
        }
    }

    #[test]
    fn a_line_without_a_space_is_found_within_a_paragraph() {
        let expected = "2: no space follows `##`, so this line is not a heading";
        check("Words.\n##A {#a}\nMore.\n", &[expected]);
    }

    #[test]
    fn a_code_block_must_be_closed() {
        let open = "this code block is not closed";
        for source in [
            "```\na",
            "```sh\n",
            "~~~\na\n```\n",
            "````\na\n```\n",
            "```sh\na\n\nWords.\n\n```sh\nb\n```\n",
        ] {
            check(source, &[&format!("1: {open}")]);
        }
        for source in [
            "```sh\na\n```\n\nWords.\n\n```sh\nb\n```",
            "```\r\na\r\n```\r\n",
            "````\n```sh\na\n```\n````",
            "- a\n\n  ```\n  b\n  ```\n",
            "> ```\n> a\n> ```\n",
            "~~~\n```\n~~~\n",
            "    a\n",
        ] {
            check(source, &[]);
        }
    }

    #[track_caller]
    fn introduction_ends_at(source: &str, expected: Option<&str>) {
        let headings = headings(source);
        let end = headings.get(end_of_introduction(&headings));
        assert_eq!(end.map(|heading| heading.title.as_str()), expected);
    }

    #[test]
    fn the_introduction_ends_at_the_first_heading_with_braces() {
        introduction_ends_at("## What\n\n### Detail\n\n## A {#a}\n", Some("A"));
        introduction_ends_at("## What\n\n## Values {.values}\n", Some("Values"));
        introduction_ends_at("## What\n\n## A\n\n### Checks {.checks}\n", Some("A"));
        introduction_ends_at("### Checks {.checks}\n", Some("Checks"));
        introduction_ends_at("## What\n", None);
    }
}
