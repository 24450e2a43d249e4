//! Machine-readable output: one document, or one event a line.

use serde::Serialize;

use crate::report::sink::output;

/// One event on one line. JSON escapes control characters itself.
pub(crate) fn line(value: &impl Serialize) {
    if let Ok(text) = serde_json::to_string(value) {
        output(&text);
    }
}

/// One document, indented.
pub(crate) fn document(value: &impl Serialize) {
    if let Ok(text) = serde_json::to_string_pretty(value) {
        output(&text);
    }
}
