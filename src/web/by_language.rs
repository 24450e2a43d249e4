//! A value in each language of the pages.

use crate::text::Language;

/// A value in each language of the pages.
#[derive(Debug, Clone)]
pub(super) struct ByLanguage<T>(Vec<(Language, T)>);

impl<T> ByLanguage<T> {
    /// Makes the value once in each language.
    pub(super) fn new(make: impl Fn() -> T) -> Self {
        let all = Language::ALL.into_iter();
        Self(
            all.map(|language| (language, language.scope(&make)))
                .collect(),
        )
    }

    /// Returns the value in the language of the present work.
    pub(super) fn current(&self) -> Option<&T> {
        let present = Language::current();
        let found = self.0.iter().find(|(language, _)| *language == present);
        found.map(|(_, value)| value)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Language, &T)> {
        self.0.iter().map(|(language, value)| (*language, value))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (Language, &mut T)> {
        let all = self.0.iter_mut();
        all.map(|(language, value)| (*language, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::localized;

    #[test]
    fn each_language_has_its_own_value() {
        let words = ByLanguage::new(|| localized!("solved"));
        let of = |language: Language| language.scope(|| words.current().cloned());
        let (english, korean) = (of(Language::English), of(Language::Korean));
        assert_eq!(english.as_deref(), Some("solved"));
        assert!(korean.is_some() && korean != english);
    }
}
