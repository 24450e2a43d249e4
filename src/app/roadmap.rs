//! The topics of data engineering, with the labs that cover them and the learner's progress in each.

use crate::app::{App, LabList, Score};
use crate::lab::{LabId, Roadmap, Topic, TopicId};
use crate::runner::Failure;
use crate::store::ProgressError;

/// The roadmap as this learner sees it.
#[derive(Debug)]
pub struct RoadmapReport {
    /// The groups at the top of the roadmap.
    pub groups: Vec<TopicReport>,
    /// The way through the labs.
    pub path: Vec<PathLab>,
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

/// A lab on the way through the labs: each stands below one that it builds on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathLab {
    pub lab: TopicLab,
    /// How many labs it stands below.
    pub depth: usize,
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
    /// The labs that it builds on.
    pub(super) after: Vec<LabId>,
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
            let score = entry.score.unwrap_or_else(|problem| {
                problems.push(problem);
                Score::default()
            });
            coverage.push(Coverage {
                lab: TopicLab {
                    lab: entry.name,
                    done: score.solved,
                    exercises: summary.exercises.len(),
                },
                topics: summary.roadmap,
                after: summary.after,
            });
        }
        let groups = Roadmap::get().topics.iter();
        let groups = groups.map(|topic| TopicReport::of(topic, &coverage));
        Self {
            groups: groups.collect(),
            path: path(&coverage),
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

/// Returns the labs, each below the last one that it builds on. What is not here is built on by no lab.
fn path(labs: &[Coverage]) -> Vec<PathLab> {
    let is_here = |lab: &&LabId| labs.iter().any(|one| one.lab.lab == lab.as_str());
    let parent = |one: &Coverage| one.after.iter().rev().find(is_here).cloned();
    let mut path: Vec<PathLab> = Vec::new();
    // Labs that build on each other have no first one: each is tried as one.
    let first = labs.iter().filter(|one| parent(one).is_none());
    for one in first.chain(labs) {
        let mut open = vec![(one, 0)];
        while let Some((one, depth)) = open.pop() {
            if path.iter().any(|placed| placed.lab == one.lab) {
                continue;
            }
            path.push(PathLab {
                lab: one.lab.clone(),
                depth,
            });
            let below = labs
                .iter()
                .rev()
                .filter(|below| parent(below).is_some_and(|parent| parent.as_str() == one.lab.lab));
            open.extend(below.map(|below| (below, depth + 1)));
        }
    }
    path
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

impl TopicLab {
    /// Returns the learner's progress in this lab alone.
    pub fn state(&self) -> TopicState {
        TopicState::of(std::slice::from_ref(self))
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
            path: Vec::new(),
            problems: Vec::new(),
        };
        let counts = report.counts();
        assert_eq!((counts.covered, counts.done), (3, 1));
        assert!(counts.all > 8, "{counts:?}");
    }

    #[test]
    fn each_lab_stands_below_the_last_one_that_it_builds_on() {
        let coverage = |(name, after): &(&str, &[&str])| Coverage {
            lab: TopicLab {
                lab: (*name).to_owned(),
                done: 0,
                exercises: 2,
            },
            topics: Vec::new(),
            after: after.iter().map(|lab| LabId::new(lab).unwrap()).collect(),
        };
        let labs: [(&str, &[&str]); 7] = [
            ("flows", &["tables"]),
            ("lakes", &["pairs", "flows"]),
            ("pairs", &[]),
            ("tables", &["elsewhere"]),
            ("vs", &["tables"]),
            ("x", &["y"]),
            ("y", &["x"]),
        ];
        let path = path(&labs.iter().map(coverage).collect::<Vec<_>>());
        let path: Vec<String> = path
            .iter()
            .map(|place| format!("{}{}", " ".repeat(place.depth), place.lab.lab))
            .collect();
        assert_eq!(
            path,
            ["pairs", "tables", " flows", "  lakes", " vs", "x", " y"]
        );
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
