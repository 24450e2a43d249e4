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

    /// Parses an ISO 639-1 code, alone or with a region, such as `ko` or `pt-BR`.
    ///
    /// # Errors
    /// The code that is probably meant, if there is one: that of the language of a country, such as `ko` for `kr`.
    pub fn parse_code(text: &str) -> Result<Self, Option<&'static str>> {
        let lang = Self::parse(text);
        let code = lang.as_ref().map_or("", |lang| lang.as_str());
        if let Some((_, meant)) = COUNTRIES.iter().find(|(country, _)| *country == code) {
            return Err(Some(*meant));
        }
        match lang.filter(|lang| CODES.split_ascii_whitespace().any(|code| code == lang.0)) {
            Some(lang) => Ok(lang),
            None => Err(None),
        }
    }

    /// Returns the tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The codes of ISO 639-1.
const CODES: &str = "\
    aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en eo es et \
    eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl \
    km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj \
    om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to \
    tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu";

/// Names that are taken for codes of languages: codes of countries and codes with three letters. `kr` is the code of Kanuri,
/// and was always meant for Korean so far.
const COUNTRIES: [(&str, &str); 20] = [
    ("kr", "ko"),
    ("kor", "ko"),
    ("jp", "ja"),
    ("jpn", "ja"),
    ("cn", "zh"),
    ("chi", "zh"),
    ("zho", "zh"),
    ("us", "en"),
    ("gb", "en"),
    ("eng", "en"),
    ("ger", "de"),
    ("deu", "de"),
    ("fre", "fr"),
    ("fra", "fr"),
    ("spa", "es"),
    ("ua", "uk"),
    ("cz", "cs"),
    ("dk", "da"),
    ("gr", "el"),
    ("vn", "vi"),
];

impl fmt::Display for Lang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_codes_of_languages_are_accepted() {
        for code in ["ko", "pt-BR", "EN", "zu"] {
            assert!(Lang::parse_code(code).is_ok(), "{code}");
        }
        assert_eq!(Lang::parse_code("kr"), Err(Some("ko")));
        assert_eq!(Lang::parse_code("jp"), Err(Some("ja")));
        for invalid in ["xx", "korean", "k", "", "qqq"] {
            assert_eq!(Lang::parse_code(invalid), Err(None), "{invalid}");
        }
    }

    #[test]
    fn the_language_of_a_locale_is_its_first_part() {
        assert_eq!(Lang::parse("ko_KR.UTF-8").unwrap().as_str(), "ko");
        assert_eq!(Lang::parse("EN").unwrap().as_str(), "en");
        for invalid in ["", "C", "C.UTF-8", "POSIX", "../x"] {
            assert!(Lang::parse(invalid).is_none(), "{invalid}");
        }
    }
}
