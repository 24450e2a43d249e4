//! JSON output: one document, or one event per line.

use serde::Serialize;

use crate::report::sink::{output, sanitize_json};

/// Prints an event on one line. Control characters are escaped as in JSON.
pub(crate) fn line(value: &impl Serialize) {
    output(&one_line(value));
}

/// Returns JSON without line breaks.
pub(crate) fn one_line(value: &impl Serialize) -> String {
    // Cannot fail: keys are strings, and there are no numbers that JSON lacks.
    sanitize_json(&serde_json::to_string(value).unwrap_or_default())
}

/// Prints a document, indented.
pub(crate) fn document(value: &impl Serialize) {
    if let Ok(text) = serde_json::to_string_pretty(value) {
        output(&sanitize_json(&text));
    }
}
