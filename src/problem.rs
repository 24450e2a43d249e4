//! Problems that a user can fix: what is wrong, where, and how to fix it.

mod code;

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::text;
use crate::text::Text;

pub use code::Code;

/// One problem with a file or a request, found before anything is created.
#[derive(Debug, Clone)]
pub struct Problem {
    pub kind: ProblemKind,
    pub code: Code,
    pub place: Option<Place>,
    pub what: Text,
    /// How to fix it.
    pub help: Option<Text>,
}

/// The rule that is broken, which decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProblemKind {
    /// Nothing is wrong: a key of a Compose file has no effect, or another one than its author may expect.
    Note,
    /// The file or request is invalid.
    Lab,
    /// The policy refuses it, with or without `--trust`.
    Refused,
    /// The policy allows it only with `--trust`.
    NeedsTrust,
}

/// A position in a file. Lines and columns count from 1; line 0 is the file as a whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub file: PathBuf,
    pub line: usize,
    pub column: usize,
    /// The text of the line, to show it with the problem.
    pub text: String,
}

/// The longest value that a problem quotes, in characters: a value in a file can have a million.
const MAX_VALUE_LENGTH: usize = 400;

/// The longest line that is shown with a problem, in characters.
pub const MAX_LINE_LENGTH: usize = 200;

impl Problem {
    /// Creates a problem without a place. Every value in the text is shortened to [`MAX_VALUE_LENGTH`] characters.
    pub fn new(what: Text) -> Self {
        Self {
            kind: ProblemKind::Lab,
            code: Code::InvalidLab,
            place: None,
            what: what.with_short_values(MAX_VALUE_LENGTH),
            help: None,
        }
    }

    /// Sets the place.
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// Sets the place to the first of several that have the problem, and says how many lines have it.
    pub fn at_first_of(mut self, places: Vec<Place>) -> Self {
        let lines: BTreeSet<(&PathBuf, usize)> = places
            .iter()
            .map(|place| (&place.file, place.line))
            .collect();
        let count = lines.len();
        if count > 1 {
            self.what = text!("{what}, on {count} lines", what = self.what, count);
        }
        self.place = places.into_iter().min();
        self
    }

    /// Sets the text that says how to fix it.
    pub fn help(mut self, help: Text) -> Self {
        self.help = Some(help.with_short_values(MAX_VALUE_LENGTH));
        self
    }

    /// Sets the kind. What the policy decides has a code of its own.
    pub fn kind(mut self, kind: ProblemKind) -> Self {
        self.kind = kind;
        match kind {
            ProblemKind::Refused => self.code = Code::Refused,
            ProblemKind::NeedsTrust => self.code = Code::NeedsTrust,
            ProblemKind::Note => self.code = Code::Note,
            ProblemKind::Lab => {}
        }
        self
    }

    /// Sets the code.
    pub fn code(mut self, code: Code) -> Self {
        self.code = code;
        self
    }
}

/// Removes problems that a reader could not tell apart from an earlier one: the same file read twice has each of its
/// problems twice.
pub fn without_duplicates(problems: impl IntoIterator<Item = Problem>) -> Vec<Problem> {
    let mut shown = BTreeSet::new();
    let new = |problem: &Problem| shown.insert((problem.place.clone(), problem.to_string()));
    problems.into_iter().filter(new).collect()
}

impl Place {
    /// Returns the place of a file as a whole.
    pub fn file(file: impl Into<PathBuf>) -> Self {
        Self {
            file: file.into(),
            line: 0,
            column: 0,
            text: String::new(),
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.line, self.column) {
            (0, _) => write!(f, "{}", self.file.display()),
            (line, column) => write!(f, "{}:{line}:{column}", self.file.display()),
        }
    }
}

/// The problem in one line, in the language of the process.
impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.what.localized())?;
        if let Some(help) = &self.help {
            write!(f, " ({})", help.localized())?;
        }
        Ok(())
    }
}

/// The longest name that is compared with others, in bytes, and the most names it is compared with: a file can hold a
/// million.
const MAX_NAME_LENGTH: usize = 64;
const MAX_NAMES: usize = 200;

/// The most known names that are listed.
const MAX_LISTED: usize = 24;

/// Returns the known names that are close to a mistyped one, the closest first.
pub fn similar<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    if name.len() > MAX_NAME_LENGTH {
        return Vec::new();
    }
    let known = known.into_iter().take(MAX_NAMES);
    let mut close: Vec<(usize, &str)> = known
        .filter(|candidate| candidate.len() <= MAX_NAME_LENGTH)
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.chars().count() / 4)
        .collect();
    close.sort_by_key(|(distance, _)| *distance);
    close.into_iter().map(|(_, candidate)| candidate).collect()
}

/// Returns the known name closest to a mistyped one, if one is close enough.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    similar(name, known).into_iter().next()
}

/// Suggests the known name closest to a mistyped one, or lists the known names.
pub fn suggestion<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Text {
    let known: Vec<&str> = known.into_iter().take(MAX_NAMES).collect();
    if let Some(candidate) = nearest(name, known.iter().copied()) {
        return text!("did you mean `{candidate}`?", candidate);
    }
    let listed = known.iter().take(MAX_LISTED);
    let names = code_list(listed.map(|name| shorten(name, MAX_NAME_LENGTH)));
    match known.len() {
        0 => text!("none are defined"),
        1..=MAX_LISTED => text!("available: {names}", names),
        _ => text!("available: {names}, …", names),
    }
}

/// Returns names in backticks, separated by commas.
pub fn code_list(names: impl IntoIterator<Item = impl std::fmt::Display>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// Shortens a text to at most `max` characters, with `…` in place of what is missing.
pub fn shorten(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, expected: Option<&str>) {
        let known = ["redis", "rabbitmq", "privileged", "postgres-vs-mongodb"];
        assert_eq!(nearest(name, known), expected);
    }

    #[test]
    fn nearest_returns_only_close_names() {
        check("rediss", Some("redis"));
        check("erdis", Some("redis"));
        check("privilged", Some("privileged"));
        check("postgres-vs-mongo", Some("postgres-vs-mongodb"));
        check("kafka", None);
    }

    #[test]
    fn the_closest_name_comes_first() {
        assert_eq!(similar("ab", ["abcd", "xyz", "abc"]), ["abc", "abcd"]);
        assert_eq!(similar("chekc", ["schema", "check"]), ["check"]);
    }

    #[track_caller]
    fn suggests(name: &str, known: &[&str], expected: &str) {
        assert_eq!(
            suggestion(name, known.iter().copied()).localized(),
            expected
        );
    }

    #[test]
    fn suggestion_lists_names_if_none_is_close() {
        suggests("lfet", &["left", "right"], "did you mean `left`?");
        suggests("x", &["left", "right"], "available: `left`, `right`");
        suggests("x", &[], "none are defined");
        let many: Vec<String> = (100..130).map(|number| number.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(suggestion("x", many).localized().ends_with("`123`, …"));
    }

    #[test]
    fn long_values_are_shortened_and_the_text_around_them_is_not() {
        let name = "x".repeat(1_000_000);
        let problem = Problem::new(text!("no such key: `{name}` in this file", name));
        let printed = problem.to_string();
        assert!(printed.ends_with("x…` in this file"), "{printed}");
        assert!(printed.chars().count() < 500);
    }

    #[test]
    fn a_problem_of_several_lines_stands_at_the_first() {
        let at = |line: usize, column: usize| Place {
            line,
            column,
            ..Place::file("lab.yaml")
        };
        let printed = |places: Vec<Place>| {
            let problem = Problem::new(text!("this file is empty"));
            problem.at_first_of(places).to_string()
        };
        assert_eq!(
            printed(vec![at(7, 2), at(3, 5), at(9, 1), at(7, 8)]),
            "lab.yaml:3:5: this file is empty, on 3 lines"
        );
        let one = "lab.yaml:3:5: this file is empty";
        assert_eq!(printed(vec![at(3, 9), at(3, 5)]), one);
    }

    #[test]
    fn duplicates_are_removed_across_places() {
        let problem = |line: usize| {
            let place = Place {
                line,
                ..Place::file("lab.yaml")
            };
            Problem::new(text!("this file is empty")).at(place)
        };
        let lines: Vec<usize> = without_duplicates([problem(1), problem(2), problem(1)])
            .into_iter()
            .filter_map(|problem| Some(problem.place?.line))
            .collect();
        assert_eq!(lines, [1, 2]);
    }
}
