//! Machine-readable output: one document, or one event a line.

use serde::Serialize;

use crate::report::sink::output;

/// One event on one line. JSON escapes control characters itself.
pub(crate) fn line(value: &impl Serialize) {
    output(&one_line(value));
}

/// JSON without line ends.
pub(crate) fn one_line(value: &impl Serialize) -> String {
    // What we print has keys that are texts, and no number that JSON lacks.
    serde_json::to_string(value).unwrap_or_default()
}

/// One document, indented.
pub(crate) fn document(value: &impl Serialize) {
    if let Ok(text) = serde_json::to_string_pretty(value) {
        output(&text);
    }
}
