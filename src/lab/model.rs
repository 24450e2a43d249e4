//! A lab, resolved and checked.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::lab::guide::{Guide, Section};
use crate::lab::service::{Presence, Service};
use crate::lab::step::{Check, Step};
use crate::lab::vars::Vars;
use crate::lab::{ExerciseId, LabId, Lang, ServiceName, TopicId};

/// Everything about one lab.
#[derive(Debug, Clone)]
pub(crate) struct Lab {
    pub(crate) id: LabId,
    pub(crate) folder: PathBuf,
    pub(crate) level: Level,
    pub(crate) minutes: i64,
    pub(crate) roadmap: Vec<TopicId>,
    pub(crate) vars: Vars,
    /// The folder that the learner's workspace is copied from.
    pub(crate) workspace: Option<PathBuf>,
    pub(crate) services: BTreeMap<ServiceName, Service>,
    pub(crate) networks: BTreeMap<String, Network>,
    pub(crate) start: Vec<Step>,
    pub(crate) health: Vec<Step>,
    pub(crate) exercises: Vec<Exercise>,
    pub(crate) guides: BTreeMap<Lang, Guide>,
}

/// A network of a lab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Network {
    Open,
    /// Without a way out.
    Internal,
}

/// Whom a lab is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Level {
    Beginner,
    Intermediate,
    Advanced,
}

/// One exercise.
#[derive(Debug, Clone)]
pub(crate) struct Exercise {
    pub(crate) id: ExerciseId,
    /// Earlier exercises whose result this one builds on.
    pub(crate) needs: Vec<ExerciseId>,
    /// Optional services it cannot do without.
    pub(crate) needs_service: Vec<ServiceName>,
    pub(crate) task: Task,
}

/// What is asked of the learner.
#[derive(Debug, Clone)]
pub(crate) enum Task {
    /// A deed: checks look at the services.
    Deed {
        checks: Vec<Check>,
        solution: Vec<Step>,
        wrong: Vec<Wrong>,
    },
    /// A question with one right choice.
    Quiz(Quiz),
}

/// A question; its words stand in the guide.
#[derive(Debug, Clone)]
pub(crate) struct Quiz {
    pub(crate) choices: Vec<String>,
    pub(crate) answer: String,
    /// The hint that a wrong choice gets.
    pub(crate) hints: BTreeMap<String, String>,
}

/// An answer that must fail, and the hint it must get.
#[derive(Debug, Clone)]
pub(crate) struct Wrong {
    pub(crate) steps: Vec<Step>,
    pub(crate) hint: Option<String>,
    /// The check that must say so; `None`: any.
    pub(crate) check: Option<String>,
}

impl Lab {
    /// The guide in the language asked for, else in English.
    pub(crate) fn guide(&self, lang: &Lang) -> &Guide {
        let english = || self.guides.get(&Lang::english());
        let any = || self.guides.values().next();
        self.guides
            .get(lang)
            .or_else(english)
            .or_else(any)
            .expect("a lab without a guide is not loaded")
    }

    /// An exercise's text in the language asked for.
    pub(crate) fn section(&self, exercise: &ExerciseId, lang: &Lang) -> &Section {
        let section = self.guide(lang).sections.get(exercise);
        section.expect("a lab whose guide lacks an exercise is not loaded")
    }

    pub(crate) fn exercise(&self, id: &ExerciseId) -> Option<&Exercise> {
        self.exercises.iter().find(|exercise| exercise.id == *id)
    }

    /// The exercises that must be done before one, in the lab's order.
    pub(crate) fn needs_of(&self, id: &ExerciseId) -> Vec<&Exercise> {
        let mut wanted = vec![id];
        let mut at = 0;
        while let Some(next) = wanted.get(at) {
            let more: Vec<_> = self
                .exercise(next)
                .into_iter()
                .flat_map(|e| &e.needs)
                .collect();
            wanted.extend(
                more.into_iter()
                    .filter(|need| !wanted.contains(need))
                    .collect::<Vec<_>>(),
            );
            at += 1;
        }
        self.exercises
            .iter()
            .filter(|e| e.id != *id && wanted.contains(&&e.id))
            .collect()
    }

    /// Bytes of memory that the required services may use together.
    pub(crate) fn memory(&self) -> i64 {
        let required = self
            .services
            .values()
            .filter(|s| s.talk.presence == Presence::Required);
        required.filter_map(|service| service.limits.memory).sum()
    }

    /// The services that reach other machines: those on a network of the lab that is not internal.
    pub(crate) fn outgoing(&self) -> impl Iterator<Item = &Service> {
        let open = |network: &String| self.networks.get(network) != Some(&Network::Internal);
        let services = self.services.values();
        services.filter(move |service| service.networks.keys().any(open))
    }
}

impl Exercise {
    /// Checks of a deed; a quiz has none.
    pub(crate) fn checks(&self) -> &[Check] {
        match &self.task {
            Task::Deed { checks, .. } => checks,
            Task::Quiz(_) => &[],
        }
    }
}

impl Level {
    pub(crate) const ALL: [Level; 3] = [Level::Beginner, Level::Intermediate, Level::Advanced];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Level::Beginner => "beginner",
            Level::Intermediate => "intermediate",
            Level::Advanced => "advanced",
        }
    }
}
