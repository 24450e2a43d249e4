//! Names and ids that become part of a URL. The client does not escape them, so `../volumes/x` would reach another
//! endpoint: no name is sent that was not checked here. Pure.

use crate::engine::{EngineError, ErrorKind, Result};
use crate::text;

/// The length of the longest name or id, in bytes.
const MAX_LENGTH: usize = 255;

/// Checks the name or id of a container, network or volume: letters, digits, `_`, `.` and `-`, with a letter or digit in
/// front.
pub(super) fn resource(name: &str) -> Result<&str> {
    let valid = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
    match starts_valid(name) && name.bytes().all(valid) {
        true => Ok(name),
        false => Err(EngineError::new(
            ErrorKind::Other,
            text!(
                "`{name}` is not a valid name of a container, network or volume",
                name = name.escape_debug()
            ),
        )),
    }
}

/// Checks the name or id of an image; its parts between slashes cannot be empty, `.` or `..`.
pub(super) fn image(name: &str) -> Result<&str> {
    let valid = |b: u8| b.is_ascii_alphanumeric() || b"_.-/:@".contains(&b);
    let parts = name.split('/').all(|part| !matches!(part, "" | "." | ".."));
    match starts_valid(name) && parts && name.bytes().all(valid) {
        true => Ok(name),
        false => Err(EngineError::new(
            ErrorKind::Other,
            text!(
                "`{name}` is not a valid name of an image",
                name = name.escape_debug()
            ),
        )),
    }
}

fn starts_valid(name: &str) -> bool {
    name.len() <= MAX_LENGTH && name.starts_with(|c: char| c.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resource_name_cannot_reach_another_endpoint() {
        for valid in ["roadlab-redis-z7a9bc-redis", "0a1b2c", "A.b_c-1"] {
            assert_eq!(resource(valid).unwrap(), valid);
        }
        let long = "a".repeat(MAX_LENGTH + 1);
        for invalid in [
            "",
            ".",
            "..",
            "../volumes/victim",
            "a/b",
            "a?force=1",
            "a#",
            "a%2e%2e",
            "-a",
            "/a",
            "a b",
            "a\n",
            "한국",
            &long,
        ] {
            assert!(resource(invalid).is_err(), "{invalid}");
        }
    }

    #[test]
    fn image_name_cannot_leave_its_path() {
        for valid in [
            "redis:8.0",
            "127.0.0.1:5998/stall/x:latest",
            "sha256:0a1b",
            "prom/prometheus@sha256:0a1b",
        ] {
            assert_eq!(image(valid).unwrap(), valid);
        }
        for invalid in [
            "", "a/../b", "../x", "a//b", "a/", "a/./b", "a?x", "a%2f", ":x",
        ] {
            assert!(image(invalid).is_err(), "{invalid}");
        }
    }
}
