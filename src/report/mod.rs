//! Turns events and results into text. The only room that prints.

mod findings;
mod format;
mod json;
mod junit;
mod markdown;
mod not_ready;
mod panel;
mod plain;
mod problems;
mod screen;
mod sink;
mod table;
mod terminal;

use crate::event::Event;

/// A text of `src/words/` in the language that was chosen at the start.
pub(crate) use rust_i18n::t;

pub(crate) use findings::{finding_lines, too_small};
pub(crate) use format::{Paint, age, check_lines, duration, memory, plural};
pub(crate) use junit::{JunitCase, junit};
pub(crate) use markdown::markdown;
pub(crate) use not_ready::{not_ready_json, not_ready_lines};
pub(crate) use panel::Panel;
pub(crate) use problems::problem;
pub(crate) use screen::{Input, Key, Screen};
pub(crate) use sink::{error, output, output_is_open, sanitize, try_output};
pub(crate) use table::{cut, table};

/// Who hears what happens.
pub(crate) enum Reporter {
    /// Bars and spinners on standard error.
    Terminal(terminal::Terminal),
    /// A line for each thing that matters, on standard error.
    Plain(plain::Plain),
    /// One JSON document a line, on standard output.
    Json,
    /// Nothing: the command prints one document at its end.
    Quiet,
}

impl Reporter {
    /// The reporter for a person: bars only if standard error is a terminal.
    pub(crate) fn for_people(paint: Paint) -> Self {
        match console::user_attended_stderr() {
            true => Reporter::Terminal(terminal::Terminal::new(paint)),
            false => Reporter::Plain(plain::Plain::default()),
        }
    }

    /// Tells one event.
    pub(crate) fn emit(&self, event: &Event) {
        match self {
            Reporter::Terminal(terminal) => terminal.emit(event),
            Reporter::Plain(plain) => plain.emit(event),
            Reporter::Json => json::line(event),
            Reporter::Quiet => {}
        }
    }

    /// Removes what is only there while something goes on.
    pub(crate) fn finish(&self) {
        if let Reporter::Terminal(terminal) = self {
            terminal.finish();
        }
    }
}

/// Says that the program itself failed. The terminal is as it was before us: no bar stays, and the cursor is there.
pub(crate) fn report_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let terminal = console::Term::stderr();
    if terminal.is_term() {
        // Nobody is left to tell if this fails.
        let _ = terminal.clear_line().and_then(|()| terminal.show_cursor());
    }
    let payload = panic.payload();
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
    let message = text.unwrap_or("no message");
    let place = panic
        .location()
        .map(ToString::to_string)
        .unwrap_or_default();
    error(&t!(
        "teardown.crashed",
        message = sanitize(message),
        place = place
    ));
}

/// Chooses the language of all that is said from here on; one without texts is English.
pub(crate) fn set_language(language: &str) {
    rust_i18n::set_locale(language);
}

/// One JSON document as one line.
pub(crate) fn json_line(value: &impl serde::Serialize) -> String {
    json::one_line(value)
}

/// Prints one JSON document on one line.
pub(crate) fn line(value: &impl serde::Serialize) {
    json::line(value);
}

/// Prints one JSON document.
pub(crate) fn document(value: &impl serde::Serialize) {
    json::document(value);
}
