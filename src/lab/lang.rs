//! The languages of guides.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A language tag such as `en` or `ko`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Lang(String);

impl Lang {
    /// Returns English, the language that guides fall back to.
    pub fn english() -> Self {
        Self("en".to_owned())
    }

    /// Parses `ko`, `ko_KR.UTF-8` or `ko-KR`; `C` and `POSIX` are not languages.
    pub fn parse(text: &str) -> Option<Self> {
        let primary = text
            .split(['_', '-', '.', '@'])
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        let valid =
            (2..=3).contains(&primary.len()) && primary.bytes().all(|b| b.is_ascii_lowercase());
        valid.then_some(Self(primary))
    }

    /// Returns the tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Lang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_of_a_locale_is_its_first_part() {
        assert_eq!(Lang::parse("ko_KR.UTF-8").unwrap().as_str(), "ko");
        assert_eq!(Lang::parse("EN").unwrap().as_str(), "en");
        for invalid in ["", "C", "C.UTF-8", "POSIX", "../x"] {
            assert!(Lang::parse(invalid).is_none(), "{invalid}");
        }
    }
}
