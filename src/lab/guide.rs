//! Guides: Markdown files whose headings have attributes such as `{#id .class}`.
//!
//! Names in titles, descriptions and the summary are replaced when a guide is parsed. All other texts stay templates until they
//! are shown, because they may contain addresses of services.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use pulldown_cmark::{Event, HeadingLevel, Options, Tag, TagEnd};

use crate::expect::ValueNames;
use crate::lab::id::ExerciseId;
use crate::lab::lines::LineStarts;
use crate::lab::template::TemplateError;
use crate::lab::yaml::Problems;
use crate::problem::{Code, MAX_LINE_LENGTH, Place, Problem, shorten};
use crate::text;

/// The largest guide, in bytes, and the most headings of a guide.
const MAX_FILE_SIZE: usize = 256 << 10;
const MAX_HEADINGS: usize = 1000;

/// The texts of a lab in one language.
#[derive(Debug, Clone, Default)]
pub struct Guide {
    pub file: PathBuf,
    pub title: String,
    /// The first paragraph of the introduction.
    pub summary: String,
    /// Everything before the first exercise, without the title.
    pub intro: Template,
    pub sections: BTreeMap<ExerciseId, Section>,
    /// The lines of the values that the guide names for all exercises.
    pub value_lines: BTreeMap<String, usize>,
    /// The exercises whose sections have problems of their own, so that nothing is derived from them.
    pub broken: BTreeSet<ExerciseId>,
    /// The lines of the file, to show them with problems.
    lines: Vec<String>,
}

/// The texts of an exercise.
#[derive(Debug, Clone, Default)]
pub struct Section {
    pub title: String,
    pub body: Template,
    /// The description of each check, by check id.
    pub checks: BTreeMap<String, String>,
    /// The question of each measurement and the name of each side, by id.
    pub measured: BTreeMap<String, String>,
    /// The description of each choice of a quiz.
    pub choices: BTreeMap<String, String>,
    /// The hints in the order in which they are shown.
    pub hints: Vec<Template>,
    /// The hints for certain mistakes, by id.
    pub named_hints: BTreeMap<String, Template>,
    /// The text that is shown after the exercise is solved, and its heading.
    pub after: Option<Template>,
    pub after_title: String,
    /// Words about the solution, shown above its commands.
    pub solution: Option<Template>,
    /// What learners read in place of values and fields that checks see, also those that the guide names for all exercises.
    pub values: ValueNames,
    /// The lines of the values that this section names.
    pub value_lines: BTreeMap<String, usize>,
    /// The line of the heading.
    pub line: usize,
    /// The lines of the descriptions of checks and choices, and of the headings of named hints, by id.
    pub item_lines: BTreeMap<String, usize>,
}

/// A Markdown template, and the line at which it begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Template {
    pub markdown: String,
    pub line: usize,
}

/// A heading.
struct Heading {
    level: HeadingLevel,
    id: Option<String>,
    classes: Vec<String>,
    /// Words between the braces that are neither an id nor a class.
    unknown: Vec<String>,
    title: String,
    /// The offset of the heading.
    start: usize,
    /// The offset of the text below it.
    body: usize,
}

impl Guide {
    /// Returns the place of a line, counted from 1.
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

    /// Parses a guide. `render` replaces the names in texts that do not depend on the addresses of services.
    pub fn parse(
        file: &Path,
        source: &str,
        render: &dyn Fn(&str) -> Result<String, TemplateError>,
        problems: &mut Problems,
    ) -> Self {
        let mut guide = Guide {
            file: file.to_owned(),
            lines: source.lines().map(str::to_owned).collect(),
            ..Guide::default()
        };
        if source.len() > MAX_FILE_SIZE {
            let what = text!(
                "this file is too large: {size} bytes, the limit is {limit}",
                size = source.len(),
                limit = MAX_FILE_SIZE
            );
            problems.push(
                Problem::new(what)
                    .code(Code::UnreadableFile)
                    .at(Place::file(file)),
            );
            return guide;
        }
        let mut headings = headings(source);
        if headings.len() > MAX_HEADINGS {
            let what = text!(
                "too many headings: {count}, the limit is {limit}",
                count = headings.len(),
                limit = MAX_HEADINGS
            );
            problems.push(Problem::new(what).code(Code::Limit).at(Place::file(file)));
            headings.truncate(MAX_HEADINGS);
        }
        let parser = Parser {
            file,
            source,
            lines: LineStarts::of(source),
            render,
        };
        let place = |at: usize| parser.place(parser.lines.line(at));
        let title = headings.iter().find(|h| h.level == HeadingLevel::H1);
        match title {
            Some(heading) => {
                guide.title = parser.render(&parser.title(heading), problems);
            }
            None => {
                let help = text!("begin with a heading such as `# Title`");
                let what = text!("missing title");
                problems.push(
                    Problem::new(what)
                        .code(Code::GuideHeading)
                        .at(Place::file(file))
                        .help(help),
                );
            }
        }
        let first = headings
            .iter()
            .position(|h| h.level == HeadingLevel::H2 && (h.id.is_some() || h.names_values()));
        let intro_start = title.map_or(0, |heading| heading.body);
        let intro_end = first.map_or(source.len(), |at| headings[at].start);
        if intro_start <= intro_end {
            guide.intro = parser.template(intro_start, intro_end);
        }
        guide.summary = parser.render(&first_paragraph(&guide.intro), problems);
        let mut current: Option<(ExerciseId, Section)> = None;
        let mut values = ValueNames::default();
        for (at, heading) in headings
            .iter()
            .enumerate()
            .skip(first.unwrap_or(headings.len()))
        {
            let end = headings[at + 1..]
                .iter()
                .find(|next| next.level <= heading.level || next.is_section_part())
                .map_or(source.len(), |next| next.start);
            if let Some(word) = heading.unknown.first() {
                let what = text!(
                    "`{word}` in the braces of this heading is neither a class nor an id",
                    word
                );
                let help = text!(
                    "write `{{.{word}}}` for a class or `{{#{word}}}` for an id",
                    word
                );
                problems.push(
                    Problem::new(what)
                        .code(Code::GuideHeading)
                        .at(place(heading.start))
                        .help(help),
                );
                guide
                    .broken
                    .extend(current.as_ref().map(|(id, _)| id.clone()));
                continue;
            }
            if heading.level == HeadingLevel::H2 && heading.names_values() {
                guide.add_section(current.take());
                let list = parser.template(heading.body, end);
                let names = parser.value_names(&list, &mut guide.value_lines, problems);
                values.extend_missing(&names.into());
                continue;
            }
            let misplaced = heading.id.is_none() && heading.level == HeadingLevel::H2;
            if misplaced {
                let what = match heading.classes.first() {
                    Some(class) => text!("`.{class}` is for headings within an exercise", class),
                    None => text!("this heading begins no exercise, so its text is not shown"),
                };
                let help =
                    text!("write `###`, or add the id of an exercise, such as `{{#first-keys}}`");
                problems.push(
                    Problem::new(what)
                        .code(Code::GuideHeading)
                        .at(place(heading.start))
                        .help(help),
                );
                guide
                    .broken
                    .extend(current.as_ref().map(|(id, _)| id.clone()));
                continue;
            }
            if heading.level > HeadingLevel::H2
                && heading.classes.is_empty()
                && let Some(id) = &heading.id
            {
                let what = text!("the heading `#{id}` has no class", id);
                let help = text!("add `.hint` if it is the hint `{id}`", id);
                problems.push(
                    Problem::new(what)
                        .code(Code::GuideHeading)
                        .at(place(heading.start))
                        .help(help),
                );
                guide
                    .broken
                    .extend(current.as_ref().map(|(id, _)| id.clone()));
                continue;
            }
            if heading.level == HeadingLevel::H2 {
                guide.add_section(current.take());
                let Some(id) = &heading.id else { continue };
                let Ok(exercise) = ExerciseId::new(id) else {
                    let what = text!("invalid exercise id `{id}`", id);
                    problems.push(
                        Problem::new(what)
                            .code(Code::InvalidName)
                            .at(place(heading.start)),
                    );
                    continue;
                };
                if guide.sections.contains_key(&exercise) {
                    let what = text!("duplicate section for exercise `{id}`", id);
                    problems.push(
                        Problem::new(what)
                            .code(Code::DuplicateName)
                            .at(place(heading.start)),
                    );
                }
                let section = Section {
                    title: parser.render(&parser.title(heading), problems),
                    body: parser.template(heading.body, end),
                    line: parser.lines.line(heading.start),
                    ..Section::default()
                };
                current = Some((exercise, section));
                continue;
            }
            let Some((_, section)) = current.as_mut().filter(|_| heading.is_section_part()) else {
                continue;
            };
            let text = parser.template(heading.body, end);
            let class = heading.classes.first().map_or("", String::as_str);
            let again = match (class, &heading.id) {
                ("hint", Some(id)) => section.named_hints.contains_key(id),
                ("after", _) => section.after.is_some(),
                ("solution", _) => section.solution.is_some(),
                ("checks", _) => !section.checks.is_empty(),
                ("choices", _) => !section.choices.is_empty(),
                ("measure", _) => !section.measured.is_empty(),
                ("values", _) => !section.value_lines.is_empty(),
                _ => false,
            };
            if again {
                let what = match (&heading.id, class) {
                    (Some(id), "hint") => text!("duplicate hint `{id}` in this exercise", id),
                    _ => text!("`.{class}` stands twice in this exercise", class),
                };
                let help = text!("remove one of the two, or give it another id");
                problems.push(
                    Problem::new(what)
                        .code(Code::DuplicateName)
                        .at(place(heading.start))
                        .help(help),
                );
                continue;
            }
            if let Some(id) = &heading.id {
                let line = parser.lines.line(heading.start);
                section.item_lines.insert(id.clone(), line);
            }
            match heading.classes.first().map(String::as_str) {
                Some("hint") => match &heading.id {
                    Some(id) => drop(section.named_hints.insert(id.clone(), text)),
                    None => section.hints.push(text),
                },
                Some("after") => {
                    section.after = Some(text);
                    section.after_title = parser.render(&parser.title(heading), problems);
                }
                Some("solution") => section.solution = Some(text),
                Some("checks") => {
                    section.checks = parser.descriptions(&text, &mut section.item_lines, problems);
                }
                Some("choices") => {
                    section.choices = parser.descriptions(&text, &mut section.item_lines, problems);
                }
                Some("measure") => {
                    section.measured =
                        parser.descriptions(&text, &mut section.item_lines, problems);
                }
                Some("values") => {
                    let names = parser.value_names(&text, &mut section.value_lines, problems);
                    section.values = names.into();
                }
                other => {
                    let class = other.unwrap_or_default();
                    let what = text!("unknown heading class `.{class}`", class);
                    let help = text!(
                        "use `.hint`, `.after`, `.solution`, `.checks`, `.choices`, `.measure` or `.values`"
                    );
                    problems.push(
                        Problem::new(what)
                            .code(Code::GuideHeading)
                            .at(place(heading.start))
                            .help(help),
                    );
                    guide
                        .broken
                        .extend(current.as_ref().map(|(id, _)| id.clone()));
                }
            }
        }
        guide.add_section(current);
        for section in guide.sections.values_mut() {
            section.values.extend_missing(&values);
        }
        guide
    }

    /// Adds a section, unless the exercise has one already.
    fn add_section(&mut self, section: Option<(ExerciseId, Section)>) {
        if let Some((id, section)) = section {
            self.sections.entry(id).or_insert(section);
        }
    }

    /// Returns all templates of the guide, whose names are replaced when they are shown.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        let sections = self.sections.values().flat_map(Section::templates);
        [&self.intro].into_iter().chain(sections)
    }
}

impl Section {
    fn templates(&self) -> impl Iterator<Item = &Template> {
        // Every field is named, so that a new template is not forgotten.
        let Self {
            title: _,
            body,
            checks: _,
            measured: _,
            choices: _,
            hints,
            named_hints,
            after,
            after_title: _,
            solution,
            values: _,
            value_lines: _,
            line: _,
            item_lines: _,
        } = self;
        [body]
            .into_iter()
            .chain(hints)
            .chain(named_hints.values())
            .chain(after)
            .chain(solution)
    }
}

/// Takes texts from the source of a guide, and replaces the names in those that do not depend on the addresses of services.
struct Parser<'a> {
    file: &'a Path,
    source: &'a str,
    lines: LineStarts,
    render: &'a dyn Fn(&str) -> Result<String, TemplateError>,
}

impl Parser<'_> {
    /// Returns the place of a line, counted from 1.
    fn place(&self, line: usize) -> Place {
        let text = self.source.lines().nth(line - 1).unwrap_or_default();
        Place {
            file: self.file.to_owned(),
            line,
            column: 1,
            text: shorten(text, MAX_LINE_LENGTH),
        }
    }

    /// Returns a part of the source, without empty lines around it.
    fn template(&self, start: usize, end: usize) -> Template {
        let text = &self.source[start..end];
        let blank = text.len() - text.trim_start_matches('\n').len();
        Template {
            markdown: text.trim_matches('\n').to_owned(),
            line: self.lines.line(start + blank),
        }
    }

    /// Returns the title of a heading.
    fn title(&self, heading: &Heading) -> Template {
        Template {
            markdown: heading.title.clone(),
            line: self.lines.line(heading.start),
        }
    }

    fn render(&self, template: &Template, problems: &mut Problems) -> String {
        match (self.render)(&template.markdown) {
            Ok(rendered) => rendered,
            Err(error) => {
                let place = self.place(template.line + error.line - 1);
                problems.push(error.problem().at(place));
                template.markdown.clone()
            }
        }
    }

    fn descriptions(
        &self,
        list: &Template,
        lines: &mut BTreeMap<String, usize>,
        problems: &mut Problems,
    ) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        for (id, description) in descriptions(list) {
            if found.contains_key(&id) {
                let what = text!("duplicate description of `{id}`", id);
                let place = self.place(description.line);
                problems.push(Problem::new(what).code(Code::DuplicateName).at(place));
                continue;
            }
            lines.insert(id.clone(), description.line);
            let rendered = self.render(&description, problems);
            found.insert(id, rendered);
        }
        found
    }

    /// Reads a list of values and their names. Each value has one name, and no two have the same: a learner could not tell what
    /// is expected from what is there.
    fn value_names(
        &self,
        list: &Template,
        lines: &mut BTreeMap<String, usize>,
        problems: &mut Problems,
    ) -> BTreeMap<String, String> {
        let mut found: BTreeMap<String, String> = BTreeMap::new();
        for (value, name) in descriptions(list) {
            let rendered = self.render(&name, problems);
            let same = found.iter().find(|(_, other)| **other == rendered);
            let (code, what) = if value.trim().is_empty() {
                (Code::InvalidName, text!("a value in this list is empty"))
            } else if rendered.trim().is_empty() {
                let what = text!("the value `{value}` has no name", value);
                (Code::InvalidName, what)
            } else if lines.contains_key(&value) {
                let what = text!("the value `{value}` has a name already", value);
                (Code::DuplicateName, what)
            } else if let Some((other, _)) = same {
                let what = text!(
                    "the values `{other}` and `{value}` have the same name, so that learners cannot tell them apart",
                    other,
                    value
                );
                (Code::DuplicateName, what)
            } else {
                lines.insert(value.clone(), name.line);
                found.insert(value, rendered);
                continue;
            };
            let help =
                text!("write ``- `VALUE`: the name that learners read`` once for each value");
            let place = self.place(name.line);
            problems.push(Problem::new(what).code(code).at(place).help(help));
        }
        found
    }
}

impl Heading {
    /// Returns whether the heading begins a part of an exercise's section, such as a hint.
    fn is_section_part(&self) -> bool {
        self.level > HeadingLevel::H2 && !self.classes.is_empty()
    }

    /// Returns whether the heading begins a list of values with their names.
    fn names_values(&self) -> bool {
        self.id.is_none() && self.classes.iter().any(|class| class == "values")
    }
}

/// Parses the headings with their attributes.
fn headings(source: &str) -> Vec<Heading> {
    let mut headings = Vec::new();
    let mut open: Option<Heading> = None;
    for (event, range) in
        pulldown_cmark::Parser::new_ext(source, Options::ENABLE_HEADING_ATTRIBUTES)
            .into_offset_iter()
    {
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

/// Parses a list of ``- `id`: description``. A description may span several lines.
fn descriptions(list: &Template) -> Vec<(String, Template)> {
    let mut found: Vec<(String, Template)> = Vec::new();
    for (at, line) in list.markdown.lines().enumerate() {
        let item = line
            .trim_start()
            .strip_prefix(['-', '*'])
            .map(str::trim_start);
        let split = item.and_then(|item| item.strip_prefix('`')?.split_once('`'));
        match split {
            Some((id, description)) => {
                let description = Template {
                    markdown: description.trim_start_matches([':', ' ']).trim().to_owned(),
                    line: list.line + at,
                };
                found.push((id.to_owned(), description));
            }
            None => {
                let open = found.last_mut();
                if let Some((_, description)) = open.filter(|_| !line.trim().is_empty()) {
                    description.markdown.push(' ');
                    description.markdown.push_str(line.trim());
                }
            }
        }
    }
    found
}

/// Returns one line of Markdown as plain text.
pub fn plain_line(markdown: &str) -> String {
    let mut line = String::new();
    for event in pulldown_cmark::Parser::new(markdown) {
        match event {
            Event::Text(text) | Event::Code(text) | Event::InlineHtml(text) | Event::Html(text) => {
                line.push_str(&text);
            }
            Event::SoftBreak | Event::HardBreak => line.push(' '),
            _ => {}
        }
    }
    line
}

/// A line of code that is wider than it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WideCode {
    /// The line of the text, counted from 0.
    pub(crate) line: usize,
    pub(crate) width: usize,
}

/// Returns the first line of each block of code that is wider than a limit, in columns.
pub(crate) fn wide_code(markdown: &str, limit: usize) -> Vec<WideCode> {
    let lines = LineStarts::of(markdown);
    let mut found = Vec::new();
    let mut is_open = false;
    for (event, range) in pulldown_cmark::Parser::new(markdown).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(_)) => is_open = true,
            Event::End(TagEnd::CodeBlock) => is_open = false,
            Event::Text(code) if is_open => {
                let first = lines.line(range.start) - 1;
                let widths = code.lines().map(console::measure_text_width);
                let wide = widths.enumerate().find(|(_, width)| *width > limit);
                // One is enough for a block, whose lines can be several texts.
                is_open = wide.is_none();
                found.extend(wide.map(|(at, width)| WideCode {
                    line: first + at,
                    width,
                }));
            }
            _ => {}
        }
    }
    found
}

fn first_paragraph(text: &Template) -> Template {
    let lines = text.markdown.lines().map(str::trim);
    let paragraph: Vec<&str> = lines
        .skip_while(|line| line.is_empty())
        .take_while(|line| !line.is_empty())
        .collect();
    Template {
        markdown: paragraph.join(" "),
        line: text.line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::id::LabId;
    use crate::lab::template::render_without_addresses;
    use crate::lab::variables::Variables;

    const GUIDE: &str = "# Redis: fast\n\nPairs that\nforget.\n\nMore.\n\n## Sessions {#sessions}\n\nDo `SET`.\n\n### A detail\n\nstays.\n\n\
        ### Checks {.checks}\n\n- `ttl`: it ends\n  by itself\n- `value`: it is there\n\n### Hint {.hint}\n\nOne.\n\n### 힌트 {.hint}\n\nTwo.\n\n\
        ### Forever {.hint #forever}\n\nIt stays.\n\n### Why {.after}\n\nBecause.\n\n## When {#quiz}\n\nWhen?\n\n### Choices {.choices}\n\n- `a`: yes\n- `b`: no\n";

    fn render(text: &str) -> Result<String, TemplateError> {
        let variables = Variables::from([("user".to_owned(), "kim".to_owned())]);
        render_without_addresses(text, &LabId::new("redis").unwrap(), &variables)
    }

    #[test]
    fn a_plain_line_keeps_its_words_and_code() {
        for (text, expected) in [
            (
                "메시지 두 개가 *Ready* 상태입니다",
                "메시지 두 개가 Ready 상태입니다",
            ),
            (
                "`a * b` and **c** in `session:42`",
                "a * b and c in session:42",
            ),
            ("5 * 3 is a_b_c", "5 * 3 is a_b_c"),
            ("a < b <i>c", "a < b <i>c"),
        ] {
            assert_eq!(plain_line(text), expected);
        }
    }

    #[test]
    fn a_guide_is_divided_by_its_headings() {
        let mut problems = Vec::new();
        let guide = Guide::parse(Path::new("guide.en.md"), GUIDE, &render, &mut problems);
        assert!(problems.is_empty(), "{problems:?}");
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

    /// A guide with `name` in every text.
    fn guide_with(name: &str) -> String {
        format!(
            "# Title {name}\n\nSummary {name}.\n\n## A {name} {{#a}}\n\nBody {name}.\n\n### Checks {{.checks}}\n\n- `c`: check {name}\n\n\
             ### Hint {{.hint}}\n\nHint {name}.\n\n### Named {{.hint #n}}\n\nNamed {name}.\n\n### After {name} {{.after}}\n\nAfter {name}.\n\n\
             ### Solution {{.solution}}\n\nSolution {name}.\n\n## Q {{#q}}\n\nWhat?\n\n### Choices {{.choices}}\n\n- `x`: choice {name}\n"
        )
    }

    #[test]
    fn names_are_replaced_in_every_text_of_a_guide() {
        let mut problems = Vec::new();
        let source = guide_with("{{ user }}");
        let guide = Guide::parse(Path::new("g.md"), &source, &render, &mut problems);
        assert!(problems.is_empty(), "{problems:?}");
        let section = &guide.sections[&ExerciseId::new("a").unwrap()];
        let quiz = &guide.sections[&ExerciseId::new("q").unwrap()];
        let rendered = [
            &guide.title,
            &guide.summary,
            &section.title,
            &section.after_title,
            &section.checks["c"],
            &quiz.choices["x"],
        ];
        assert_eq!(
            rendered,
            [
                "Title kim",
                "Summary kim.",
                "A kim",
                "After kim",
                "check kim",
                "choice kim"
            ]
        );
        let later: Vec<&str> = guide
            .templates()
            .map(|template| template.markdown.as_str())
            .filter(|text| text.contains("{{ user }}"))
            .collect();
        assert_eq!(later.len(), 6, "shown with their addresses: {later:?}");
    }

    #[test]
    fn unknown_names_are_found_in_every_text_that_has_no_addresses() {
        let mut problems = Vec::new();
        let source = guide_with("{{ usr }}");
        Guide::parse(Path::new("g.md"), &source, &render, &mut problems);
        let lines: Vec<usize> = problems
            .iter()
            .filter_map(|problem| Some(problem.place.as_ref()?.line))
            .collect();
        let source: Vec<&str> = source.lines().collect();
        let mut found: Vec<&str> = lines.iter().map(|line| source[line - 1]).collect();
        found.sort_unstable();
        assert_eq!(
            found,
            [
                "# Title {{ usr }}",
                "## A {{ usr }} {#a}",
                "### After {{ usr }} {.after}",
                "- `c`: check {{ usr }}",
                "- `x`: choice {{ usr }}",
                "Summary {{ usr }}.",
            ]
        );
    }

    #[test]
    fn problems_of_a_guide_have_their_line() {
        let mut problems = Vec::new();
        Guide::parse(
            Path::new("g.md"),
            "text\n\n## A {#a}\n\n### X {.hnt}\n\n## B {#a}\n\n### C {.checks}\n\n- `c`: {{ user }}\n- `d`: {{ usr }}\n",
            &render,
            &mut problems,
        );
        let printed: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            printed,
            [
                "g.md: missing title (begin with a heading such as `# Title`)",
                "g.md:5:1: unknown heading class `.hnt` (use `.hint`, `.after`, `.solution`, `.checks`, `.choices`, `.measure` or `.values`)",
                "g.md:7:1: duplicate section for exercise `a`",
                "g.md:12:1: unknown name `usr` (did you mean `user`?)",
            ]
        );
    }
}
