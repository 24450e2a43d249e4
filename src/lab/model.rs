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
pub struct Lab {
    pub id: LabId,
    pub folder: PathBuf,
    pub level: Level,
    pub minutes: i64,
    pub roadmap: Vec<TopicId>,
    pub vars: Vars,
    /// The folder that the learner's workspace is copied from.
    pub workspace: Option<PathBuf>,
    pub services: BTreeMap<ServiceName, Service>,
    pub networks: BTreeMap<String, Network>,
    pub start: Vec<Step>,
    pub health: Vec<Step>,
    pub exercises: Vec<Exercise>,
    pub guides: BTreeMap<Lang, Guide>,
}

/// A network of a lab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    Open,
    /// Without a way out.
    Internal,
}

/// Whom a lab is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Beginner,
    Intermediate,
    Advanced,
}

/// One exercise.
#[derive(Debug, Clone)]
pub struct Exercise {
    pub id: ExerciseId,
    /// Earlier exercises whose result this one builds on.
    pub needs: Vec<ExerciseId>,
    /// Optional services it cannot do without.
    pub needs_service: Vec<ServiceName>,
    pub task: Task,
}

/// What is asked of the learner.
#[derive(Debug, Clone)]
pub enum Task {
    /// A deed: checks look at the services.
    Practical {
        checks: Vec<Check>,
        solution: Vec<Step>,
        wrong: Vec<Wrong>,
    },
    /// A question with one right choice.
    Quiz(Quiz),
}

/// A question; its words stand in the guide.
#[derive(Debug, Clone)]
pub struct Quiz {
    pub choices: Vec<String>,
    pub answer: String,
    /// The hint that a wrong choice gets.
    pub hints: BTreeMap<String, String>,
}

/// An answer that must fail, and the hint it must get.
#[derive(Debug, Clone)]
pub struct Wrong {
    pub steps: Vec<Step>,
    pub hint: Option<String>,
    /// The check that must say so; `None`: any.
    pub check: Option<String>,
}

impl Lab {
    /// The guide in the language asked for, else in English.
    pub fn guide(&self, lang: &Lang) -> &Guide {
        let english = || self.guides.get(&Lang::english());
        let any = || self.guides.values().next();
        self.guides
            .get(lang)
            .or_else(english)
            .or_else(any)
            .expect("`load` returns no lab without an English guide")
    }

    /// An exercise's text in the language asked for.
    pub fn section(&self, exercise: &ExerciseId, lang: &Lang) -> &Section {
        let section = self.guide(lang).sections.get(exercise);
        section.expect("`load` returns no lab with a guide that lacks an exercise")
    }

    pub fn exercise(&self, id: &ExerciseId) -> Option<&Exercise> {
        self.exercises.iter().find(|exercise| exercise.id == *id)
    }

    /// The exercises that must be done before one, in the lab's order.
    pub fn prerequisites(&self, id: &ExerciseId) -> Vec<&Exercise> {
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
    pub fn memory(&self) -> i64 {
        let required = self
            .services
            .values()
            .filter(|s| s.interface.presence == Presence::Required);
        required.filter_map(|service| service.limits.memory).sum()
    }

    /// The services that reach other machines: those on a network of the lab that is not internal.
    pub fn services_with_egress(&self) -> impl Iterator<Item = &Service> {
        let open = |network: &String| self.networks.get(network) != Some(&Network::Internal);
        let services = self.services.values();
        services.filter(move |service| service.networks.keys().any(open))
    }
}

impl Exercise {
    /// Checks of a deed; a quiz has none.
    pub fn checks(&self) -> &[Check] {
        match &self.task {
            Task::Practical { checks, .. } => checks,
            Task::Quiz(_) => &[],
        }
    }
}

impl Level {
    pub const ALL: [Level; 3] = [Level::Beginner, Level::Intermediate, Level::Advanced];

    pub fn name(self) -> &'static str {
        match self {
            Level::Beginner => "beginner",
            Level::Intermediate => "intermediate",
            Level::Advanced => "advanced",
        }
    }
}
