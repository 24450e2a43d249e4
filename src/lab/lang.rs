//! The language a guide is written in.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A language tag such as `en` or `ko`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Lang(String);

impl Lang {
    /// The fallback.
    pub fn english() -> Self {
        Self("en".to_owned())
    }

    /// Takes `ko`, `ko_KR.UTF-8`, `ko-KR`; `C` and `POSIX` are no language.
    pub fn parse(text: &str) -> Option<Self> {
        let primary = text
            .split(['_', '-', '.', '@'])
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        let fine =
            (2..=3).contains(&primary.len()) && primary.bytes().all(|b| b.is_ascii_lowercase());
        fine.then_some(Self(primary))
    }

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
    fn a_locale_names_its_language() {
        assert_eq!(Lang::parse("ko_KR.UTF-8").unwrap().as_str(), "ko");
        assert_eq!(Lang::parse("EN").unwrap().as_str(), "en");
        for none in ["", "C", "C.UTF-8", "POSIX", "../x"] {
            assert!(Lang::parse(none).is_none(), "{none}");
        }
    }
}
