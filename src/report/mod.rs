//! Output: reporters for events, and what results look like on a terminal, in a pipe and as JSON. Nothing else prints.

mod findings;
mod format;
mod json;
mod junit;
mod markdown;
mod measured;
mod not_ready;
mod panel;
mod plain;
mod problems;
mod screen;
mod sink;
mod table;
mod terminal;
mod timeline;
mod wrapping;
mod writer;

use std::time::Duration;

use crate::event::Event;
use crate::localized;

pub(crate) use findings::{finding_lines, too_small};
pub(crate) use format::{
    OutputMode, Paint, Wording, age, check_line, check_lines, duration, memory, outcome_sign,
};
pub(crate) use json::path as json_path;
pub(crate) use junit::{JunitCase, junit};
pub(crate) use markdown::{code_width, markdown};
pub(crate) use measured::measured;
pub(crate) use not_ready::{not_ready_json, not_ready_lines};
pub(crate) use panel::{MenuItem, Panel, Shown};
pub(crate) use plain::lines as event_lines;
pub(crate) use problems::{error_line, problem, problem_line};
pub(crate) use screen::{Input, Key, Screen};
pub(crate) use sink::{
    error, flush, flush_blocking, output, output_candidates, output_closed, output_is_open,
    output_unwrapped, sanitize, sanitize_line, try_output, with_backpressure,
};
pub(crate) use table::{cut, rows_within, table, table_within};
pub(crate) use timeline::Timeline;
pub(crate) use wrapping::wrap;

/// Reports the events of a command.
pub(crate) enum Reporter {
    /// Bars and spinners on standard error.
    Terminal(terminal::Terminal),
    /// A line per important event, on standard error.
    Plain(plain::Plain),
    /// One JSON document per line, on standard output.
    Json,
    /// Nothing: the command prints one document at the end.
    Quiet,
}

impl Reporter {
    /// Returns the reporter for people: bars if standard error is a terminal, else lines.
    pub(crate) fn for_people(paint: Paint, wording: Wording) -> Self {
        match console::user_attended_stderr() {
            true => Reporter::Terminal(terminal::Terminal::new(paint, wording)),
            false => Reporter::Plain(plain::Plain::new(wording)),
        }
    }

    /// Reports one event.
    pub(crate) fn report(&self, event: &Event) {
        match self {
            Reporter::Terminal(terminal) => terminal.report(event),
            Reporter::Plain(plain) => plain.report(event),
            Reporter::Json => json::line(event),
            Reporter::Quiet => {}
        }
    }

    /// Removes progress bars.
    pub(crate) fn finish(&self) {
        if let Reporter::Terminal(terminal) = self {
            terminal.finish();
        }
    }
}

/// The panic hook: reports an internal error and restores the terminal's line and cursor.
pub(crate) fn report_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let terminal = console::Term::stderr();
    if terminal.is_term() {
        // A terminal that is gone needs no cursor.
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
    error(&localized!(
        "error: internal error in roadlab: {message} ({place}); what it created is removed in the background",
        message = sanitize(message),
        place
    ));
    // The program may end at once.
    flush_blocking(Some(PANIC_DEADLINE));
}

/// How long a panic waits for standard error.
const PANIC_DEADLINE: Duration = Duration::from_secs(1);

/// Returns a JSON document on one line.
pub(crate) fn json_line(value: &impl serde::Serialize) -> String {
    json::one_line(value)
}

/// Prints a JSON document on one line.
pub(crate) fn line(value: &impl serde::Serialize) {
    json::line(value);
}

/// Prints a JSON document, indented.
pub(crate) fn document(value: &impl serde::Serialize) {
    json::document(value);
}
