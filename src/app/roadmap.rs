//! The topics of data engineering, with the labs that cover them and the learner's progress in each.

use crate::app::{App, LabList};
use crate::lab::{Roadmap, Topic, TopicId};
use crate::runner::Failure;
use crate::store::ProgressError;

/// The roadmap as this learner sees it.
#[derive(Debug)]
pub struct RoadmapReport {
    /// The groups at the top of the roadmap.
    pub groups: Vec<TopicReport>,
    /// Why the progress in some labs is unknown. It counts as none.
    pub problems: Vec<ProgressError>,
}

/// A topic or a group of topics.
#[derive(Debug)]
pub struct TopicReport {
    pub topic: &'static Topic,
    pub content: TopicContent,
}

#[derive(Debug)]
pub enum TopicContent {
    Group(Vec<TopicReport>),
    Labs {
        labs: Vec<TopicLab>,
        state: TopicState,
    },
}

/// The learner's progress in a lab that covers a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicLab {
    pub lab: String,
    /// The number of exercises that the learner solved.
    pub done: usize,
    pub exercises: usize,
}

/// The learner's progress in a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopicState {
    NoLab,
    Open,
    Begun,
    /// All exercises of one of its labs are solved.
    Done,
}

/// How many topics are in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopicCounts {
    pub all: usize,
    pub covered: usize,
    pub done: usize,
}

/// A lab and the topics that it covers.
pub(super) struct Coverage {
    pub(super) lab: TopicLab,
    pub(super) topics: Vec<TopicId>,
}

impl App {
    /// Returns the roadmap with all labs and the learner's progress, without an engine.
    pub fn roadmap(&self) -> Result<RoadmapReport, Failure> {
        Ok(RoadmapReport::of(self.list_labs()?))
    }
}

impl RoadmapReport {
    fn of(list: LabList) -> Self {
        let (mut coverage, mut problems) = (Vec::new(), Vec::new());
        for entry in list.entries {
            // `list` and `validate` show the problems of labs.
            let Ok(summary) = entry.summary else { continue };
            let done = entry.done.unwrap_or_else(|problem| {
                problems.push(problem);
                0
            });
            coverage.push(Coverage {
                lab: TopicLab {
                    lab: entry.name,
                    done,
                    exercises: summary.exercises.len(),
                },
                topics: summary.roadmap,
            });
        }
        let groups = Roadmap::get().topics.iter();
        let groups = groups.map(|topic| TopicReport::of(topic, &coverage));
        Self {
            groups: groups.collect(),
            problems,
        }
    }

    /// Counts the topics, without the groups.
    pub fn counts(&self) -> TopicCounts {
        let mut states = Vec::new();
        self.groups
            .iter()
            .for_each(|group| group.states(&mut states));
        let count = |is: fn(TopicState) -> bool| states.iter().filter(|state| is(**state)).count();
        TopicCounts {
            all: states.len(),
            covered: count(|state| state != TopicState::NoLab),
            done: count(|state| state == TopicState::Done),
        }
    }
}

impl TopicReport {
    pub(super) fn of(topic: &'static Topic, coverage: &[Coverage]) -> Self {
        let content = match topic.topics.as_slice() {
            [] => {
                let covering = coverage.iter();
                let covering = covering.filter(|lab| lab.topics.contains(&topic.id));
                let labs: Vec<TopicLab> = covering.map(|lab| lab.lab.clone()).collect();
                let state = TopicState::of(&labs);
                TopicContent::Labs { labs, state }
            }
            topics => {
                let topics = topics.iter();
                TopicContent::Group(topics.map(|topic| Self::of(topic, coverage)).collect())
            }
        };
        Self { topic, content }
    }

    fn states(&self, states: &mut Vec<TopicState>) {
        match &self.content {
            TopicContent::Group(topics) => topics.iter().for_each(|topic| topic.states(states)),
            TopicContent::Labs { state, .. } => states.push(*state),
        }
    }
}

impl TopicState {
    fn of(labs: &[TopicLab]) -> Self {
        if labs.is_empty() {
            Self::NoLab
        } else if labs.iter().any(|lab| lab.done == lab.exercises) {
            Self::Done
        } else if labs.iter().any(|lab| lab.done > 0) {
            Self::Begun
        } else {
            Self::Open
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::testing::{app, databases};

    #[test]
    fn a_topic_is_done_with_one_of_its_labs() {
        let databases = databases(&[
            ("pg", "postgresql", 0),
            ("docs", "mongodb", 1),
            ("more-pairs", "redis", 2),
            ("pairs", "redis", 1),
        ]);
        let report = RoadmapReport {
            groups: vec![databases],
            problems: Vec::new(),
        };
        let counts = report.counts();
        assert_eq!((counts.covered, counts.done), (3, 1));
        assert!(counts.all > 8, "{counts:?}");
    }

    #[test]
    fn every_topic_is_counted_once() {
        let folder = tempfile::tempdir().unwrap();
        let labs = folder.path().join("labs");
        std::fs::create_dir(&labs).unwrap();
        let mut app = app(folder.path());
        app.options.labs = Some(labs);
        let counts = app.roadmap().unwrap().counts();
        assert_eq!(counts.all, Roadmap::get().coverable().count());
        assert_eq!((counts.covered, counts.done), (0, 0));
    }
}
