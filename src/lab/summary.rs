//! What a list says of a lab: small enough to be kept, so that a list need not read every lab anew.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::lab::{ExerciseId, Lab, Lang, Level, TopicId};

/// A lab in short, in every language it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    pub level: Level,
    pub minutes: i64,
    /// Bytes that the required services may use together.
    pub memory: i64,
    pub roadmap: Vec<TopicId>,
    pub exercises: Vec<ExerciseId>,
    pub words: BTreeMap<Lang, Words>,
}

/// What a guide says first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    pub title: String,
    /// The first paragraph.
    pub summary: String,
}

impl Summary {
    pub fn of(lab: &Lab) -> Self {
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
    pub fn words(&self, lang: &Lang) -> Words {
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
