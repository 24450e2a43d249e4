//! Names and ids that go into a URL: the client does not escape them, so `../volumes/x` would reach another
//! endpoint. Nothing is sent that has not passed here.

use crate::engine::{EngineError, ErrorKind, Result};

/// The longest name or id, in bytes.
const LONGEST: usize = 255;

/// A container, network or volume by name or id: letters, digits, `_`, `.` and `-`, beginning with a letter or digit.
pub(super) fn resource(name: &str) -> Result<&str> {
    let fine = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
    match begins_well(name) && name.bytes().all(fine) {
        true => Ok(name),
        false => Err(refuse("container, network or volume", name)),
    }
}

/// An image by name or id; its parts between slashes cannot be empty, `.` or `..`.
pub(super) fn image(name: &str) -> Result<&str> {
    let fine = |b: u8| b.is_ascii_alphanumeric() || b"_.-/:@".contains(&b);
    let parts = name.split('/').all(|part| !matches!(part, "" | "." | ".."));
    match begins_well(name) && parts && name.bytes().all(fine) {
        true => Ok(name),
        false => Err(refuse("image", name)),
    }
}

fn begins_well(name: &str) -> bool {
    name.len() <= LONGEST && name.starts_with(|c: char| c.is_ascii_alphanumeric())
}

fn refuse(kind: &str, name: &str) -> EngineError {
    EngineError::new(
        ErrorKind::Other,
        format!("`{}` is not a name of a {kind}", name.escape_debug()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_reach_another_endpoint() {
        for fine in ["roadlab-redis-z7a9bc-redis", "0a1b2c", "A.b_c-1"] {
            assert_eq!(resource(fine).unwrap(), fine);
        }
        let long = "a".repeat(LONGEST + 1);
        for bad in [
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
            assert!(resource(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_image_may_have_parts_but_none_that_climbs() {
        for fine in [
            "redis:8.0",
            "127.0.0.1:5998/stall/x:latest",
            "sha256:0a1b",
            "prom/prometheus@sha256:0a1b",
        ] {
            assert_eq!(image(fine).unwrap(), fine);
        }
        for bad in [
            "", "a/../b", "../x", "a//b", "a/", "a/./b", "a?x", "a%2f", ":x",
        ] {
            assert!(image(bad).is_err(), "{bad}");
        }
    }
}
