//! Names that reach the engine, the file system and the screen: checked once, here.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest name, in characters; container names stay below 64 with it.
const LONGEST: usize = 40;

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// Takes lower case letters, digits, `-` and `_`, beginning with a letter or digit, at most 40 characters.
            pub fn new(text: &str) -> Result<Self, InvalidName> {
                check(text).map(|()| Self(text.to_owned()))
            }

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
    /// A lab: the name of its folder.
    LabId
);
name!(
    /// A service of a lab, as `compose.yaml` names it.
    ServiceName
);
name!(
    /// An exercise of a lab.
    ExerciseId
);
name!(
    /// A check of an exercise.
    CheckId
);
name!(
    /// A topic of the data engineer's roadmap.
    TopicId
);
name!(
    /// One of several copies of the same lab, side by side.
    Instance
);

impl Instance {
    /// The copy that is meant when nobody names one.
    #[cfg(test)]
    pub fn main() -> Self {
        Self("main".to_owned())
    }

    pub fn is_main(&self) -> bool {
        self.0 == "main"
    }
}

/// One life of one instance of a lab on an engine, from `up` to `down`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RunId(String);

impl RunId {
    /// Takes a ULID in lower case.
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

    /// The random end of the id: enough to tell runs apart in the names of containers.
    pub fn short(&self) -> &str {
        &self.0[20..]
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that cannot be a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` cannot be a name: use 1 to 40 lower case letters, digits, `-` and `_`, beginning with a letter or digit", name.escape_debug())]
pub struct InvalidName {
    name: String,
}

fn check(text: &str) -> Result<(), InvalidName> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let fine = !text.is_empty()
        && text.len() <= LONGEST
        && text.bytes().next().is_some_and(plain)
        && text.bytes().all(|b| plain(b) || b == b'-' || b == b'_');
    match fine {
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
    fn a_name_cannot_leave_its_place_in_a_url_or_path() {
        for fine in ["redis", "postgres-vs-mongodb", "a_1", "1"] {
            assert!(ServiceName::new(fine).is_ok(), "{fine}");
        }
        let long = "a".repeat(41);
        for bad in [
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
            assert!(ServiceName::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_run_is_a_ulid_in_lower_case() {
        let run = RunId::new("01jd8w0zq3v5k8m2x4y6z7a9bc").unwrap();
        assert_eq!(run.short(), "z7a9bc");
        assert!(RunId::new("../etc").is_err());
        assert!(RunId::new("01JD8W0ZQ3V5K8M2X4Y6Z7A9BC").is_err());
    }
}
