//! Summaries of labs, small enough to be cached, so that a list does not have to read every lab.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::lab::id::{ExerciseId, LabId, TopicId};
use crate::lab::lang::Lang;
use crate::lab::model::{Lab, Level};

/// The summary of a lab in each language it is written in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    pub level: Level,
    pub minutes: i64,
    /// The memory limits of the required services together, in bytes.
    pub memory: i64,
    pub roadmap: Vec<TopicId>,
    /// The labs that should be known before.
    pub after: Vec<LabId>,
    pub exercises: Vec<ExerciseId>,
    /// The points of all exercises together; `None` if none has any.
    pub points: Option<u32>,
    pub texts: BTreeMap<Lang, SummaryText>,
    /// The author's version.
    pub version: Option<String>,
}

/// The beginning of a guide.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SummaryText {
    pub title: String,
    /// The first paragraph.
    pub summary: String,
}

impl Summary {
    /// Creates the summary of a lab.
    pub fn of(lab: &Lab) -> Self {
        let texts = lab.guides.iter().map(|(lang, guide)| {
            let text = SummaryText {
                title: guide.title.clone(),
                summary: guide.summary.clone(),
            };
            (lang.clone(), text)
        });
        Self {
            level: lab.level,
            minutes: lab.minutes,
            memory: lab.memory(),
            roadmap: lab.roadmap.clone(),
            after: lab.after.clone(),
            exercises: lab.exercises.iter().map(|e| e.id.clone()).collect(),
            points: lab.points(),
            texts: texts.collect(),
            version: lab.about.version.clone(),
        }
    }

    /// Returns the text in a language, or in English if the lab lacks it.
    pub fn text(&self, lang: &Lang) -> SummaryText {
        let english = || self.texts.get(&Lang::english());
        let text = self.texts.get(lang).or_else(english);
        text.cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::testing::{COMPOSE, lab};

    #[test]
    fn a_missing_language_falls_back_to_english() {
        let summary = Summary::of(&lab(COMPOSE));
        let korean = Lang::parse("ko").unwrap();
        assert_eq!(summary.text(&korean).title, "A lab");
        assert_eq!(summary.text(&korean).summary, "Words.");
    }
}
