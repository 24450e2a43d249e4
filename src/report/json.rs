//! JSON output: one document, or one event per line.

use std::path::Path;

use serde::Serialize;

use crate::report::sink::{output_unwrapped, sanitize_json};

/// Prints an event on one line. Control characters are escaped as in JSON.
pub(crate) fn line(value: &impl Serialize) {
    output_unwrapped(&one_line(value));
}

/// Returns JSON without line breaks.
pub(crate) fn one_line(value: &impl Serialize) -> String {
    // Cannot fail: keys are strings, and there are no numbers that JSON lacks.
    sanitize_json(&serde_json::to_string(value).unwrap_or_default())
}

/// Returns a path as text, which JSON can always express: what is not UTF-8 in it becomes U+FFFD.
pub(crate) fn path(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Prints a document, indented.
pub(crate) fn document(value: &impl Serialize) {
    if let Ok(text) = serde_json::to_string_pretty(value) {
        output_unwrapped(&sanitize_json(&text));
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn a_path_that_is_not_utf_8_has_a_text() {
        let bytes = OsStr::from_bytes(b"labs/\xff");
        assert_eq!(path(Path::new(bytes)), "labs/\u{fffd}");
    }
}
