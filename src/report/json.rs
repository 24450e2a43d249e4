//! Machine-readable output: one document, or one event a line.

use serde::Serialize;

use crate::report::sink::{output, sanitize_json};

/// One event on one line. What steers a terminal is escaped as JSON does.
pub(crate) fn line(value: &impl Serialize) {
    output(&one_line(value));
}

/// JSON without line ends.
pub(crate) fn one_line(value: &impl Serialize) -> String {
    // What we print has keys that are texts, and no number that JSON lacks.
    sanitize_json(&serde_json::to_string(value).unwrap_or_default())
}

/// One document, indented.
pub(crate) fn document(value: &impl Serialize) {
    if let Ok(text) = serde_json::to_string_pretty(value) {
        output(&sanitize_json(&text));
    }
}
