//! Names that reach the engine, the file system and the screen, validated when they are created.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::text;
use crate::text::Text;

/// The longest name, in characters, so that container names stay below 64.
const MAX_LENGTH: usize = 40;

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// Accepts 1 to 40 lower case letters, digits, `-` and `_`, beginning with a letter or digit.
            pub fn new(text: &str) -> Result<Self, InvalidName> {
                check(text).map(|()| Self(text.to_owned()))
            }

            /// Returns the name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $type {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                Self::new(&text)
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> String {
                name.0
            }
        }

        impl std::str::FromStr for $type {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }
    };
}

name!(
    /// The id of a lab, which is the name of its folder.
    LabId
);
name!(
    /// The name of a service in `compose.yaml`.
    ServiceName
);
name!(
    /// The id of an exercise of a lab.
    ExerciseId
);
name!(
    /// The id of a check of an exercise.
    CheckId
);
name!(
    /// The id of a topic of the data engineer's roadmap.
    TopicId
);
name!(
    /// The name of one of several copies of a lab that run side by side.
    Instance
);

impl Instance {
    /// Returns the default instance.
    #[cfg(test)]
    pub fn main() -> Self {
        Self("main".to_owned())
    }

    /// Returns whether this is the default instance.
    pub fn is_main(&self) -> bool {
        self.0 == "main"
    }
}

/// The id of a run: one instance of a lab on an engine, from `up` to `down`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RunId(String);

impl RunId {
    /// Accepts a ULID in lower case.
    pub fn new(text: &str) -> Result<Self, InvalidName> {
        match text.len() == 26
            && text
                .bytes()
                .all(|b| b.is_ascii_digit() || b.is_ascii_lowercase())
        {
            true => Ok(Self(text.to_owned())),
            false => Err(InvalidName {
                name: text.to_owned(),
            }),
        }
    }

    /// Returns the random end of the id, which distinguishes runs in the names of containers.
    pub fn short(&self) -> &str {
        &self.0[20..]
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A name that is not valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidName {
    name: String,
}

impl InvalidName {
    /// Returns the error as a text.
    pub fn text(&self) -> Text {
        text!(
            "invalid name `{name}`: use 1 to 40 lowercase letters, digits, `-` and `_`, beginning with a letter or digit",
            name = self.name.escape_debug()
        )
    }
}

impl fmt::Display for InvalidName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text().localized())
    }
}

impl std::error::Error for InvalidName {}

fn check(text: &str) -> Result<(), InvalidName> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let valid = !text.is_empty()
        && text.len() <= MAX_LENGTH
        && text.bytes().next().is_some_and(plain)
        && text.bytes().all(|b| plain(b) || b == b'-' || b == b'_');
    match valid {
        true => Ok(()),
        false => Err(InvalidName {
            name: text.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_in_urls_and_paths() {
        for valid in ["redis", "postgres-vs-mongodb", "a_1", "1"] {
            assert!(ServiceName::new(valid).is_ok(), "{valid}");
        }
        let long = "a".repeat(41);
        for invalid in [
            "",
            "../volumes/x",
            "a?force=1#",
            "A",
            "-a",
            "a b",
            "한국",
            "a\u{1b}",
            "a/b",
            "a.b",
            &long,
        ] {
            assert!(ServiceName::new(invalid).is_err(), "{invalid}");
        }
    }

    #[test]
    fn a_run_id_is_a_ulid_in_lower_case() {
        let run = RunId::new("01jd8w0zq3v5k8m2x4y6z7a9bc").unwrap();
        assert_eq!(run.short(), "z7a9bc");
        assert!(RunId::new("../etc").is_err());
        assert!(RunId::new("01JD8W0ZQ3V5K8M2X4Y6Z7A9BC").is_err());
    }
}
