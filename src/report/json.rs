//! Machine-readable output: one document, or one event a line.

use serde::Serialize;

use crate::report::sink::{clean_json, output};

/// One event on one line. What steers a terminal is escaped as JSON does.
pub(crate) fn line(value: &impl Serialize) {
    if let Ok(text) = serde_json::to_string(value) {
        output(&clean_json(&text));
    }
}

/// One document, indented.
pub(crate) fn document(value: &impl Serialize) {
    if let Ok(text) = serde_json::to_string_pretty(value) {
        output(&clean_json(&text));
    }
}
