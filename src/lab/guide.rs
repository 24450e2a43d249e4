//! Guides: Markdown files whose headings have attributes such as `{#id .class}`.
//!
//! Names in titles, descriptions and the summary are replaced when a guide is parsed. All other texts stay templates until they
//! are shown, because they may contain addresses of services.

mod heading;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pulldown_cmark::{Event, Tag, TagEnd};

pub(crate) use heading::Class;

use crate::expect::ValueNames;
use crate::lab::guide::heading::{Heading, Part, end_of_introduction, headings};
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
    /// Whether the file, or a heading that may begin an exercise, could not be read: a section that seems to be missing may be
    /// there.
    pub unread: bool,
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
    /// The line of the first heading of each class.
    pub(crate) heading_lines: BTreeMap<Class, usize>,
    /// Whether the section has problems of its own, so that nothing is derived from what it lacks.
    pub broken: bool,
}

/// A Markdown template, and the line at which it begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Template {
    pub markdown: String,
    pub line: usize,
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

    /// Returns the line of the nearest heading at or above a line.
    pub(crate) fn heading_above(&self, line: usize) -> Option<usize> {
        let above = self.lines.iter().take(line);
        let mut above = above.enumerate().filter(|(_, text)| text.starts_with('#'));
        above.next_back().map(|(at, _)| at + 1)
    }

    /// Parses a guide. `render` replaces the names in texts that do not depend on the addresses of services.
    pub fn parse(
        file: &Path,
        source: &str,
        render: &dyn Fn(&str) -> Result<String, TemplateError>,
        problems: &mut Problems,
    ) -> Self {
        let source = source.trim_start_matches('\u{feff}');
        let mut guide = Guide {
            file: file.to_owned(),
            lines: source.lines().map(str::to_owned).collect(),
            ..Guide::default()
        };
        let mut headings = match read_headings(source) {
            Ok(headings) => headings,
            Err(problem) => {
                problems.push(problem.at(Place::file(file)));
                guide.unread = true;
                return guide;
            }
        };
        let parser = Parser {
            file,
            source,
            lines: LineStarts::of(source),
            render,
        };
        let title = headings.iter().position(Heading::is_title);
        let title = title.map(|at| headings.remove(at));
        match &title {
            Some(heading) => guide.title = parser.render(&parser.title(heading), problems),
            None => {
                let help = text!("begin with a heading such as `# Title`");
                let what = text!("missing title");
                problems.push(
                    Problem::new(what)
                        .code(Code::GuideHeading)
                        .at(parser.place(1))
                        .help(help),
                );
            }
        }
        let first = end_of_introduction(&headings);
        let intro_start = title.map_or(0, |heading| heading.body);
        let intro_end = headings
            .get(first)
            .map_or(source.len(), |heading| heading.start);
        if intro_start <= intro_end {
            guide.intro = parser.template(intro_start, intro_end);
        }
        guide.summary = parser.render(&first_paragraph(&guide.intro), problems);
        let mut reader = Reader {
            parser,
            guide,
            current: None,
            values: ValueNames::default(),
            covered: 0,
            problems,
        };
        for (at, heading) in headings.iter().enumerate() {
            if at < first && heading.fits_introduction() {
                continue;
            }
            let end = headings[at + 1..]
                .iter()
                .find(|next| next.level <= heading.level || next.has_braces())
                .map_or(source.len(), |next| next.start);
            reader.read(heading, end);
        }
        reader.finish()
    }

    /// Returns all templates of the guide, whose names are replaced when they are shown.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        let sections = self.sections.values().flat_map(Section::templates);
        [&self.intro].into_iter().chain(sections)
    }
}

impl Section {
    /// Returns the templates of the section, whose names are replaced when they are shown.
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
            heading_lines: _,
            broken: _,
        } = self;
        [body]
            .into_iter()
            .chain(hints)
            .chain(named_hints.values())
            .chain(after)
            .chain(solution)
    }

    /// Returns the line of the first ``- `name`: …`` with one of these names in a text of the section.
    pub(crate) fn line_of_list(&self, names: &[&str]) -> Option<usize> {
        let items = self.templates().flat_map(|text| list_items(text).items);
        let mut items = items.filter(|(name, _)| names.contains(&name.as_str()));
        items.next().map(|(_, description)| description.line)
    }
}

/// Parses the headings of a guide.
///
/// # Errors
/// The reason why the guide is not read at all, as a problem without a place.
fn read_headings(source: &str) -> Result<Vec<Heading>, Problem> {
    if source.len() > MAX_FILE_SIZE {
        let what = text!(
            "this file is too large: {size} bytes, the limit is {limit}",
            size = source.len(),
            limit = MAX_FILE_SIZE
        );
        return Err(Problem::new(what).code(Code::UnreadableFile));
    }
    if source.trim().is_empty() {
        return Err(Problem::new(text!("this file is empty")).code(Code::UnreadableFile));
    }
    let headings = headings(source);
    if headings.len() > MAX_HEADINGS {
        let what = text!(
            "too many headings: {count}, the limit is {limit}",
            count = headings.len(),
            limit = MAX_HEADINGS
        );
        return Err(Problem::new(what).code(Code::Limit));
    }
    Ok(headings)
}

/// Reads what the headings of a guide begin, in their order.
struct Reader<'a> {
    parser: Parser<'a>,
    guide: Guide,
    /// The section that is read. One without an exercise follows a heading with a mistake: its parts may belong to any exercise,
    /// so that only their own problems are reported.
    current: Option<(Option<ExerciseId>, Section)>,
    /// The names of values for all exercises.
    values: ValueNames,
    /// The offset up to which the text belongs to a heading that was read.
    covered: usize,
    problems: &'a mut Problems,
}

impl Reader<'_> {
    /// Reads what a heading begins; `end` is the offset at which its text ends.
    fn read(&mut self, heading: &Heading, end: usize) {
        let read = heading.part().and_then(|part| match part {
            Part::Text => self.read_text(heading),
            Part::Exercise(id) => self.begin_exercise(id, heading, end),
            Part::Values => {
                self.read_values(heading, end);
                Ok(())
            }
            Part::OfExercise(class) => self.read_part(class, heading, end),
        });
        if let Err(problem) = read {
            self.report(heading, problem);
        }
        self.covered = self.covered.max(end);
    }

    /// Reports a mistake in a heading, without its consequences: the section above may lack what it begins, and so may the guide,
    /// if it may begin an exercise.
    fn report(&mut self, heading: &Heading, problem: Problem) {
        let place = self.parser.place(self.parser.lines.line(heading.start));
        self.problems.push(problem.at(place));
        if let Some((_, section)) = &mut self.current {
            section.broken |= !heading.begins_exercise();
        }
        if self.current.is_none() || !heading.is_within_exercise() {
            self.end_section();
            self.current = Some((None, Section::default()));
            self.guide.unread = true;
        }
    }

    /// Accepts a heading without braces, unless a part of the exercise has ended above it.
    fn read_text(&self, heading: &Heading) -> Result<(), Problem> {
        let section = self.current.as_ref().map(|(_, section)| section);
        let has_parts = section.is_some_and(|section| !section.heading_lines.is_empty());
        if heading.start < self.covered || !has_parts {
            return Ok(());
        }
        let what = text!("this heading has no class, so its text is not shown");
        let help = text!("add a class such as `{{.hint}}`, or move it to the text of the exercise");
        Err(Problem::new(what).code(Code::GuideHeading).help(help))
    }

    fn read_values(&mut self, heading: &Heading, end: usize) {
        self.end_section();
        let list = self.parser.template(heading.body, end);
        let lines = &mut self.guide.value_lines;
        let names = self.parser.value_names(&list, lines, self.problems);
        self.values.extend_missing(&names.into());
    }

    fn begin_exercise(
        &mut self,
        id: ExerciseId,
        heading: &Heading,
        end: usize,
    ) -> Result<(), Problem> {
        self.end_section();
        if self.guide.sections.contains_key(&id) {
            let what = text!("duplicate section for exercise `{id}`", id);
            let help = text!("remove one of the two, or give it another id");
            return Err(Problem::new(what).code(Code::DuplicateName).help(help));
        }
        let title = self.parser.title(heading);
        let section = Section {
            title: self.parser.render(&title, self.problems),
            body: self.parser.template(heading.body, end),
            line: title.line,
            ..Section::default()
        };
        self.current = Some((Some(id), section));
        Ok(())
    }

    fn read_part(&mut self, class: Class, heading: &Heading, end: usize) -> Result<(), Problem> {
        let Some((_, section)) = &mut self.current else {
            let what = text!(
                "`.{class}` is for headings within an exercise",
                class = class.name()
            );
            let help =
                text!("begin the exercise with a heading such as `## Title {{#first-keys}}`");
            return Err(Problem::new(what).code(Code::GuideHeading).help(help));
        };
        let again = match (class, &heading.id) {
            (Class::Hint, None) => None,
            (Class::Hint, Some(id)) => {
                let is_there = section.named_hints.contains_key(id);
                is_there.then(|| text!("duplicate hint `{id}` in this exercise", id))
            }
            (class, _) => section.heading_lines.contains_key(&class).then(|| {
                text!(
                    "`.{class}` stands twice in this exercise",
                    class = class.name()
                )
            }),
        };
        if let Some(what) = again {
            let help = text!("remove one of the two, or give it another id");
            return Err(Problem::new(what).code(Code::DuplicateName).help(help));
        }
        let (parser, problems) = (&self.parser, &mut *self.problems);
        let title = parser.title(heading);
        let text = parser.template(heading.body, end);
        section.heading_lines.entry(class).or_insert(title.line);
        match class {
            Class::Hint => match &heading.id {
                Some(id) => {
                    section.item_lines.insert(id.clone(), title.line);
                    section.named_hints.insert(id.clone(), text);
                }
                None => section.hints.push(text),
            },
            Class::After => {
                section.after = Some(text);
                section.after_title = parser.render(&title, problems);
            }
            Class::Solution => section.solution = Some(text),
            Class::Checks => section.checks = parser.descriptions(&text, section, problems),
            Class::Choices => section.choices = parser.descriptions(&text, section, problems),
            Class::Measure => section.measured = parser.descriptions(&text, section, problems),
            Class::Values => {
                let names = parser.value_names(&text, &mut section.value_lines, problems);
                section.values = names.into();
            }
        }
        Ok(())
    }

    /// Adds the section that was read to the guide, if its exercise is known.
    fn end_section(&mut self) {
        if let Some((Some(id), section)) = self.current.take() {
            self.guide.sections.insert(id, section);
        }
    }

    fn finish(mut self) -> Guide {
        self.end_section();
        for section in self.guide.sections.values_mut() {
            section.values.extend_missing(&self.values);
        }
        self.guide
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
        let start = self.lines.start(line).unwrap_or(self.source.len());
        let text = self.source[start..].lines().next().unwrap_or_default();
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

    /// Reads a list of descriptions. A line that cannot be read may be one that seems to be missing.
    fn descriptions(
        &self,
        list: &Template,
        section: &mut Section,
        problems: &mut Problems,
    ) -> BTreeMap<String, String> {
        let ListItems { items, others } = list_items(list);
        section.broken |= !others.is_empty();
        self.report_other_lines(&others, problems);
        let mut found = BTreeMap::new();
        for (id, description) in items {
            let place = self.place(description.line);
            if found.contains_key(&id) {
                let what = text!("duplicate description of `{id}`", id);
                problems.push(Problem::new(what).code(Code::DuplicateName).at(place));
                continue;
            }
            if description.markdown.trim().is_empty() {
                let what = text!("the description of `{id}` is empty", id);
                problems.push(Problem::new(what).at(place));
            }
            section.item_lines.insert(id.clone(), description.line);
            let rendered = self.render(&description, problems);
            found.insert(id, rendered);
        }
        found
    }

    fn report_other_lines(&self, lines: &[usize], problems: &mut Problems) {
        for line in lines {
            let what = text!("this line is not an item of the list");
            let help = text!("write ``- `NAME`: …``, with the name in backticks");
            let place = self.place(*line);
            problems.push(Problem::new(what).at(place).help(help));
        }
    }

    /// Reads a list of values and their names. Each value has one name, and no two have the same: a learner could not tell what
    /// is expected from what is there.
    fn value_names(
        &self,
        list: &Template,
        lines: &mut BTreeMap<String, usize>,
        problems: &mut Problems,
    ) -> BTreeMap<String, String> {
        let ListItems { items, others } = list_items(list);
        self.report_other_lines(&others, problems);
        let mut found: BTreeMap<String, String> = BTreeMap::new();
        for (value, name) in items {
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

/// The lines of a list of ``- `id`: description``.
struct ListItems {
    items: Vec<(String, Template)>,
    /// The lines that are neither an item nor a part of one.
    others: Vec<usize>,
}

/// Parses a list. A description may span several lines.
fn list_items(list: &Template) -> ListItems {
    let mut items: Vec<(String, Template)> = Vec::new();
    let mut others = Vec::new();
    let lines = list.markdown.lines().enumerate();
    for (at, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        match (list_item(line), items.last_mut()) {
            (Some((id, description)), _) => {
                let description = Template {
                    markdown: description.to_owned(),
                    line: list.line + at,
                };
                items.push((id.to_owned(), description));
            }
            (None, Some((_, description))) if !begins_item(line) => {
                description.markdown.push(' ');
                description.markdown.push_str(line.trim());
            }
            // Of several lines before the first item, the first one is enough.
            (None, None) if !others.is_empty() && !begins_item(line) => {}
            (None, _) => others.push(list.line + at),
        }
    }
    ListItems { items, others }
}

/// Returns the id and the description of ``- `id`: description``.
fn list_item(line: &str) -> Option<(&str, &str)> {
    let item = line.trim_start().strip_prefix(['-', '*'])?.trim_start();
    let (id, description) = item.strip_prefix('`')?.split_once('`')?;
    Some((id, description.trim_start_matches([':', ' ']).trim()))
}

/// Returns whether a line begins an item of any list: `-`, `*`, `+` or a number.
fn begins_item(line: &str) -> bool {
    let number = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let text = match number.len() == line.len() {
        true => line.strip_prefix(['-', '*', '+']),
        false => number.strip_prefix(['.', ')']),
    };
    text.is_some_and(|text| text.starts_with(' '))
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
mod tests;
