//! Texts for people: an English template written where it is used, the values that are filled in, and the language in
//! which the two are shown.
//!
//! A translation is found by the English template, as gettext does it. Nothing here prints, and nothing can compare two
//! texts: whatever code decides by is a kind, not a sentence.

pub(crate) mod catalogue;
#[cfg(test)]
mod catalogue_tests;
mod command_line;
mod particles;

use std::cell::Cell;
use std::fmt::Display;
use std::sync::OnceLock;

pub use command_line::command_line;

/// A language that texts are shown in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    English,
    Korean,
}

static CURRENT: OnceLock<Language> = OnceLock::new();

thread_local! {
    /// The language of the work that runs on this thread just now, if it is not that of the process.
    static SCOPE: Cell<Option<Language>> = const { Cell::new(None) };
}

impl Language {
    /// Every language, English first.
    pub const ALL: [Self; 2] = [Self::English, Self::Korean];

    /// Returns the language of an ISO 639-1 code, such as `ko`.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|language| language.code() == code)
    }

    /// Returns the ISO 639-1 code.
    pub fn code(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::Korean => "ko",
        }
    }

    /// Sets the language of the process, once; later calls have no effect.
    pub fn set(self) {
        let _ = CURRENT.set(self);
    }

    /// Returns the language of the process, which is English until it is set, or the one of [`scope`](Self::scope).
    pub fn current() -> Self {
        let process = || *CURRENT.get().unwrap_or(&Language::English);
        SCOPE.get().unwrap_or_else(process)
    }

    /// Does some work in which texts are in this language. Of a future, it covers one poll.
    pub fn scope<T>(self, work: impl FnOnce() -> T) -> T {
        /// Ends the scope, also after a panic.
        struct Outer(Option<Language>);
        impl Drop for Outer {
            fn drop(&mut self) {
                SCOPE.set(self.0);
            }
        }
        let _outer = Outer(SCOPE.replace(Some(self)));
        work()
    }
}

/// A text for people, made by [`text!`](crate::text!).
#[derive(Clone)]
pub struct Text(Box<Content>);

#[derive(Clone)]
enum Content {
    Template {
        english: &'static str,
        plural: Option<Plural>,
        values: Vec<(&'static str, Value)>,
    },
    Verbatim(String),
    /// What another program wrote.
    Quotation(String),
}

/// The English template for every count but 1, and the count.
#[derive(Clone, Copy)]
struct Plural {
    english: &'static str,
    count: u64,
}

/// A value that is filled into a template.
#[derive(Clone)]
pub struct Value(Filled);

#[derive(Clone)]
enum Filled {
    Plain(String),
    Text(Text),
}

impl<T: Display> From<T> for Value {
    fn from(value: T) -> Self {
        Value(Filled::Plain(value.to_string()))
    }
}

impl From<Text> for Value {
    fn from(text: Text) -> Self {
        Value(Filled::Text(text))
    }
}

impl From<&Text> for Value {
    fn from(text: &Text) -> Self {
        text.clone().into()
    }
}

impl Text {
    /// Wraps a text that is the same in every language. It is never translated.
    pub fn verbatim(text: impl Into<String>) -> Self {
        Text(Box::new(Content::Verbatim(text.into())))
    }

    /// Wraps a sentence that another program wrote, such as Docker, Git or a service. It is never translated; where the text
    /// around it is, quotation marks set it apart.
    pub fn quotation(text: impl Into<String>) -> Self {
        Text(Box::new(Content::Quotation(text.into())))
    }

    /// For [`text!`](crate::text!), which checks that names and template fit.
    #[doc(hidden)]
    pub fn from_template(english: &'static str, values: Vec<(&'static str, Value)>) -> Self {
        Text(Box::new(Content::Template {
            english,
            plural: None,
            values,
        }))
    }

    /// For [`text_plural!`](crate::text_plural!).
    #[doc(hidden)]
    pub fn from_plural(
        one: &'static str,
        many: &'static str,
        count: u64,
        values: Vec<(&'static str, Value)>,
    ) -> Self {
        let plural = Plural {
            english: many,
            count,
        };
        Text(Box::new(Content::Template {
            english: one,
            plural: Some(plural),
            values,
        }))
    }

    /// Returns the text with every value shortened to at most `max` characters, with `…` in place of what is missing.
    pub fn with_short_values(self, max: usize) -> Self {
        let shorten = |value: String| match value.char_indices().nth(max) {
            Some((at, _)) => format!("{}…", &value[..at]),
            None => value,
        };
        Text(Box::new(match *self.0 {
            Content::Verbatim(text) => Content::Verbatim(shorten(text)),
            Content::Quotation(text) => Content::Quotation(shorten(text)),
            Content::Template {
                english,
                plural,
                values,
            } => {
                let short = values.into_iter().map(|(name, value)| {
                    let value = match value.0 {
                        Filled::Plain(value) => Filled::Plain(shorten(value)),
                        Filled::Text(text) => Filled::Text(text.with_short_values(max)),
                    };
                    (name, Value(value))
                });
                Content::Template {
                    english,
                    plural,
                    values: short.collect(),
                }
            }
        }))
    }

    /// Returns the text in the language of the process.
    pub fn localized(&self) -> String {
        self.in_language(Language::current())
    }

    /// Returns the text in a language; English where a translation is missing.
    pub fn in_language(&self, language: Language) -> String {
        match &*self.0 {
            Content::Verbatim(text) => text.clone(),
            Content::Quotation(text) => match language {
                Language::English => text.clone(),
                Language::Korean => format!("“{text}”"),
            },
            Content::Template {
                english,
                plural,
                values,
            } => {
                let mut value = |name: &str, out: &mut String| {
                    let value = values.iter().find(|(known, _)| *known == name);
                    match value.map(|(_, value)| &value.0) {
                        Some(Filled::Plain(text)) => out.push_str(text),
                        Some(Filled::Text(text)) => out.push_str(&text.in_language(language)),
                        None => {}
                    }
                };
                if language == Language::Korean
                    && let Some(korean) = catalogue::korean(english)
                {
                    return particles::fill(korean, value);
                }
                let template = match plural {
                    Some(plural) if plural.count != 1 => plural.english,
                    Some(_) | None => english,
                };
                fill(template, &mut value)
            }
        }
    }
}

/// Returns the translation of a text that another library shows, such as an option's help, into the language of the process.
pub fn translated(english: &str) -> String {
    translation(english).unwrap_or(english).to_owned()
}

/// Returns the translation of a heading, which clap wants to be static.
pub fn translated_heading(english: &'static str) -> &'static str {
    translation(english).unwrap_or(english)
}

fn translation(english: &str) -> Option<&'static str> {
    match Language::current() {
        Language::English => None,
        Language::Korean => catalogue::korean(english),
    }
}

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.in_language(Language::English))
    }
}

/// Copies a template and calls `value` for each `{name}`; `{{` and `}}` stand for single braces.
fn fill(template: &str, value: &mut impl FnMut(&str, &mut String)) -> String {
    let mut out = String::with_capacity(template.len());
    for part in parts(template) {
        match part {
            Part::Literal(text) => out.push_str(text),
            Part::Placeholder(name) => value(name, &mut out),
        }
    }
    out
}

/// A piece of a template.
enum Part<'a> {
    Literal(&'a str),
    /// The name between braces.
    Placeholder(&'a str),
}

/// Splits a template into literals and placeholders.
fn parts(template: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        parts.push(Part::Literal(&rest[..at]));
        let brace = &rest[at..];
        if brace.starts_with("{{") || brace.starts_with("}}") {
            parts.push(Part::Literal(&brace[..1]));
            rest = &brace[2..];
        } else {
            let end = brace.find('}').unwrap_or(brace.len() - 1);
            parts.push(Part::Placeholder(brace.get(1..end).unwrap_or_default()));
            rest = &brace[end + 1..];
        }
    }
    parts.push(Part::Literal(rest));
    parts
}

/// Fails to compile if a template and the names of its values do not fit.
#[doc(hidden)]
pub const fn check(template: &str, names: &[&str]) {
    let bytes = template.as_bytes();
    let mut used = [false; 16];
    assert!(names.len() <= used.len(), "at most 16 values");
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'}' {
            assert!(
                at + 1 < bytes.len() && bytes[at + 1] == b'}',
                "write }} for a closing brace"
            );
            at += 2;
        } else if bytes[at] != b'{' {
            at += 1;
        } else if at + 1 < bytes.len() && bytes[at + 1] == b'{' {
            at += 2;
        } else {
            let mut end = at + 1;
            while end < bytes.len() && bytes[end] != b'}' {
                end += 1;
            }
            assert!(end < bytes.len(), "a brace is not closed");
            let mut index = 0;
            while index < names.len() && !is_at(bytes, at + 1, end, names[index].as_bytes()) {
                index += 1;
            }
            assert!(
                index < names.len(),
                "the template names a value that is not given"
            );
            used[index] = true;
            at = end + 1;
        }
    }
    let mut index = 0;
    while index < names.len() {
        assert!(
            used[index],
            "a value is given that the template does not name"
        );
        index += 1;
    }
}

const fn is_at(bytes: &[u8], start: usize, end: usize, name: &[u8]) -> bool {
    if end - start != name.len() {
        return false;
    }
    let mut at = 0;
    while at < name.len() {
        if bytes[start + at] != name[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// Makes a [`Text`](crate::text::Text) from an English template with `{name}` placeholders and a value for each.
///
/// `text!("no such lab: `{name}`", name)` and `text!("cannot read {file}: {reason}", file = path.display(), reason = error)`.
/// A value is anything that implements `Display`, or another text. `{{` and `}}` stand for single braces.
#[macro_export]
macro_rules! text {
    ($template:literal $(, $name:ident $(= $value:expr)?)* $(,)?) => {{
        const { $crate::text::check($template, &[$(stringify!($name)),*]) };
        $crate::text::Text::from_template(
            $template,
            vec![$((stringify!($name), $crate::text_value!($name $(= $value)?))),*],
        )
    }};
}

/// Makes a [`Text`](crate::text::Text) whose English depends on a count: the first template is for 1, the second for all others.
///
/// `text_plural!("{count} check", "{count} checks", count = checks.len())`. The first value decides.
#[macro_export]
macro_rules! text_plural {
    ($one:literal, $many:literal, $count:ident $(= $number:expr)? $(, $name:ident $(= $value:expr)?)* $(,)?) => {{
        const { $crate::text::check($one, &[stringify!($count) $(, stringify!($name))*]) };
        const { $crate::text::check($many, &[stringify!($count) $(, stringify!($name))*]) };
        let count = $crate::text_count!($count $(= $number)?);
        $crate::text::Text::from_plural(
            $one,
            $many,
            count,
            vec![
                (stringify!($count), $crate::text::Value::from(count)),
                $((stringify!($name), $crate::text_value!($name $(= $value)?))),*
            ],
        )
    }};
}

#[doc(hidden)]
#[macro_export]
macro_rules! text_count {
    ($name:ident) => {
        $name as u64
    };
    ($name:ident = $value:expr) => {
        $value as u64
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! text_value {
    ($name:ident) => {
        $crate::text::Value::from(&$name)
    };
    ($name:ident = $value:expr) => {
        $crate::text::Value::from(&$value)
    };
}

/// Makes a `String` in the language of the process: `text!(…).localized()`.
#[macro_export]
macro_rules! localized {
    ($($arguments:tt)*) => {
        $crate::text!($($arguments)*).localized()
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &Text, expected: &str) {
        assert_eq!(text.in_language(Language::English), expected);
    }

    #[test]
    fn values_are_filled_in_by_name() {
        let name = "rediss";
        check(
            &text!("no such lab: `{name}`", name),
            "no such lab: `rediss`",
        );
        let inner = text!("`{name}` is busy", name);
        check(
            &text!(
                "{reason}, tried {count} times",
                count = 1 + 2,
                reason = inner
            ),
            "`rediss` is busy, tried 3 times",
        );
        check(
            &text!("write {{{{ host }}}} or {{}}"),
            "write {{ host }} or {}",
        );
        check(&Text::verbatim("as {it} is"), "as {it} is");
    }

    #[test]
    fn the_count_chooses_the_plural() {
        let removed = |count: usize| text_plural!("{count} volume", "{count} volumes", count);
        check(&removed(0), "0 volumes");
        check(&removed(1), "1 volume");
        check(&removed(2), "2 volumes");
        assert_eq!(removed(2).in_language(Language::Korean), "볼륨 2개");
    }

    #[test]
    fn a_text_inside_a_text_is_in_the_same_language() {
        let image = "redis";
        let text = text!("cannot pull {image}: {why}", image, why = text!("error"));
        assert_eq!(
            text.in_language(Language::Korean),
            "redis를 받을 수 없습니다: 오류"
        );
        let why = || Text::quotation("no route to host");
        let text = text!("cannot pull {image}: {why}", image, why = why());
        check(&text, "cannot pull redis: no route to host");
        assert_eq!(
            text.in_language(Language::Korean),
            "redis를 받을 수 없습니다: “no route to host”"
        );
    }
}
