//! What a list says of a lab: small enough to be kept, so that a list need not read every lab anew.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::lab::{ExerciseId, Lab, Lang, Level, TopicId};

/// A lab in short, in every language it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Summary {
    pub(crate) level: Level,
    pub(crate) minutes: i64,
    /// Bytes that the required services may use together.
    pub(crate) memory: i64,
    pub(crate) roadmap: Vec<TopicId>,
    pub(crate) exercises: Vec<ExerciseId>,
    pub(crate) words: BTreeMap<Lang, Words>,
}

/// What a guide says first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Words {
    pub(crate) title: String,
    /// The first paragraph.
    pub(crate) summary: String,
}

impl Summary {
    pub(crate) fn of(lab: &Lab) -> Self {
        let words = lab.guides.iter().map(|(lang, guide)| {
            let words = Words {
                title: guide.title.clone(),
                summary: guide.summary.clone(),
            };
            (lang.clone(), words)
        });
        Self {
            level: lab.level,
            minutes: lab.minutes,
            memory: lab.memory(),
            roadmap: lab.roadmap.clone(),
            exercises: lab.exercises.iter().map(|e| e.id.clone()).collect(),
            words: words.collect(),
        }
    }

    /// In the language asked for, else in English.
    pub(crate) fn words(&self, lang: &Lang) -> Words {
        let english = || self.words.get(&Lang::english());
        let words = self.words.get(lang).or_else(english);
        words.cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::testing::{COMPOSE, lab};

    #[test]
    fn a_language_that_a_lab_lacks_is_english() {
        let summary = Summary::of(&lab(COMPOSE));
        let korean = Lang::parse("ko").unwrap();
        assert_eq!(summary.words(&korean).title, "A lab");
        assert_eq!(summary.words(&korean).summary, "Words.");
    }
}
