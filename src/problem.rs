//! What the user can fix: what is wrong, where, and what to do about it.

use std::path::PathBuf;

/// One thing that is wrong with a file or a request, found before anything is created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub kind: ProblemKind,
    pub place: Option<Place>,
    /// What is wrong: lower case, no final period.
    pub what: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// Whose rule is broken, which decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProblemKind {
    /// The file does not say what a lab needs.
    Lab,
    /// The file asks for what the policy never gives.
    Refused,
    /// The file asks for what the policy gives only with `--trust`.
    NeedsTrust,
}

/// A position in a file. Lines and columns count from 1; line 0 is the file as a whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub file: PathBuf,
    pub line: usize,
    pub column: usize,
    /// The line's own text, to show it.
    pub text: String,
}

/// The longest sentence of a problem, and the longest line that is shown with it, in characters.
const LONGEST_TEXT: usize = 600;
pub const LONGEST_LINE: usize = 200;

impl Problem {
    /// A problem without a place in a file. What is quoted of a file is cut: a value can have a million characters.
    pub fn new(what: impl Into<String>) -> Self {
        Self {
            kind: ProblemKind::Lab,
            place: None,
            what: cut(&what.into(), LONGEST_TEXT),
            help: None,
        }
    }

    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(cut(&help.into(), LONGEST_TEXT));
        self
    }

    pub fn kind(mut self, kind: ProblemKind) -> Self {
        self.kind = kind;
        self
    }
}

impl Place {
    /// The file as a whole.
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

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.what)?;
        if let Some(help) = &self.help {
            write!(f, " ({help})")?;
        }
        Ok(())
    }
}

/// Names longer than this are not compared, and no more than this many are: a file can hold a million of them.
const LONGEST_NAME: usize = 64;
const MOST_NAMES: usize = 200;
/// How many known names are listed.
const LISTED: usize = 24;

/// The known name nearest to a mistyped one, if any is near enough to be meant.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > LONGEST_NAME {
        return None;
    }
    known
        .into_iter()
        .take(MOST_NAMES)
        .filter(|candidate| candidate.len() <= LONGEST_NAME)
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.chars().count() / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// "did you mean …" if something known is near, else the list of what is known.
pub fn suggestion<'a>(name: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    match nearest(name, known.clone()) {
        Some(candidate) => format!("did you mean `{candidate}`?"),
        None => {
            let mut known = known.into_iter();
            let listed: Vec<String> = known
                .by_ref()
                .take(LISTED)
                .map(|known| format!("`{}`", cut(known, LONGEST_NAME)))
                .collect();
            match (listed.is_empty(), known.next()) {
                (true, _) => "there are none".to_owned(),
                (false, None) => format!("known: {}", listed.join(", ")),
                (false, Some(_)) => format!("known: {}, …", listed.join(", ")),
            }
        }
    }
}

/// A text cut to so many characters, with `…` if something is missing.
pub fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, expected: Option<&str>) {
        assert_eq!(
            nearest(
                name,
                ["redis", "rabbitmq", "privileged", "postgres-vs-mongodb"]
            ),
            expected
        );
    }

    #[test]
    fn the_nearest_name_is_offered_only_when_it_is_near() {
        check("rediss", Some("redis"));
        check("erdis", Some("redis"));
        check("privilged", Some("privileged"));
        check("postgres-vs-mongo", Some("postgres-vs-mongodb"));
        check("kafka", None);
        assert_eq!(suggestion("x", ["left", "right"]), "known: `left`, `right`");
    }
}
