//! The model of a lab whose files were read and validated.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::lab::guide::{Guide, Section};
use crate::lab::id::{ExerciseId, LabId, ServiceName, TopicId};
use crate::lab::lang::Lang;
use crate::lab::random::RandomValues;
use crate::lab::service::{Presence, Service};
use crate::lab::steps::{Check, Measurement, Step};
use crate::lab::variables::Variables;
use crate::problem::{Place, Problem, without_duplicates};

/// A lab. [`load`](crate::lab::load) returns only sound ones.
#[derive(Debug, Clone)]
pub struct Lab {
    pub id: LabId,
    pub folder: PathBuf,
    pub level: Level,
    pub minutes: i64,
    pub roadmap: Vec<TopicId>,
    /// The labs that should be known before.
    pub after: Vec<LabId>,
    /// The variables that lab.yaml defines, by name, with the random values as guides show them.
    pub vars: Variables,
    /// The values that differ by learner.
    pub random: RandomValues,
    /// The folder that is copied as the learner's workspace.
    pub workspace: Option<PathBuf>,
    pub services: BTreeMap<ServiceName, Service>,
    /// The services that do not start, with the places of their profiles.
    pub inactive: BTreeMap<ServiceName, Place>,
    pub networks: BTreeMap<String, Network>,
    pub start: Vec<Step>,
    pub health: Vec<Step>,
    pub exercises: Vec<Exercise>,
    pub guides: BTreeMap<Lang, Guide>,
    pub about: About,
    /// Earlier ids of exercises, each with the present one.
    pub renamed: BTreeMap<ExerciseId, ExerciseId>,
}

/// What a lab that is shared reports about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// The author's version, such as `1.2`.
    pub version: Option<String>,
    pub authors: Vec<String>,
    pub licence: Option<String>,
}

/// A network of a lab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    Open,
    /// Without access to other networks.
    Internal,
}

/// The difficulty of a lab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Beginner,
    Intermediate,
    Advanced,
}

/// An exercise.
#[derive(Debug, Clone)]
pub struct Exercise {
    pub id: ExerciseId,
    /// The exercises that must be solved first.
    pub needs: Vec<ExerciseId>,
    /// The optional services that it needs.
    pub needs_service: Vec<ServiceName>,
    /// What it is worth in `roadlab report`.
    pub points: Option<u32>,
    /// The random values that its checks and answers in lab.yaml use.
    pub random: BTreeSet<String>,
    /// What is measured with it, before or after it is solved.
    pub measure: Vec<Measurement>,
    /// What changes the services when the exercise begins; empty in an exercise with a quiz.
    pub prepare: Vec<Step>,
    pub task: Task,
}

/// The task of an exercise.
#[derive(Debug, Clone)]
pub enum Task {
    /// A change to the services, verified by checks.
    Practical {
        checks: Vec<Check>,
        solution: Vec<Step>,
        /// Other answers that must pass.
        right: Vec<RightAnswer>,
        wrong: Vec<WrongAnswer>,
    },
    /// A question with one correct choice.
    Quiz(Quiz),
}

/// A question, whose texts are in the guide.
#[derive(Debug, Clone)]
pub struct Quiz {
    pub choices: Vec<String>,
    pub answer: String,
    /// The names of the hints for wrong choices.
    pub hints: BTreeMap<String, String>,
}

impl Quiz {
    /// Returns the choice that a learner named: by its name, or by its number in the lab's order, from 1.
    pub fn choice(&self, typed: &str) -> Option<&str> {
        let named = self.choices.iter().find(|choice| *choice == typed);
        let numbered = || {
            self.choices
                .get(typed.parse::<usize>().ok()?.checked_sub(1)?)
        };
        named.or_else(numbered).map(String::as_str)
    }
}

/// Another right answer, which must pass.
#[derive(Debug, Clone)]
pub struct RightAnswer {
    pub name: String,
    pub steps: Vec<Step>,
}

/// A wrong answer that must fail, and the hint that must appear.
#[derive(Debug, Clone)]
pub struct WrongAnswer {
    pub name: Option<String>,
    pub steps: Vec<Step>,
    pub hint: Option<String>,
    /// The check that must fail; `None` if any may.
    pub check: Option<String>,
}

impl Lab {
    /// Returns the guide in a language, or in English if the lab lacks it.
    pub fn guide(&self, lang: &Lang) -> &Guide {
        let english = || self.guides.get(&Lang::english());
        let any = || self.guides.values().next();
        self.guides
            .get(lang)
            .or_else(english)
            .or_else(any)
            .expect("`load` returns no lab without an English guide")
    }

    /// Returns the text of an exercise in a language, or in English if the lab lacks it.
    pub fn section(&self, exercise: &ExerciseId, lang: &Lang) -> &Section {
        let section = self.guide(lang).sections.get(exercise);
        section.expect("`load` returns no lab with a guide that lacks an exercise")
    }

    /// Returns an exercise by its id.
    pub fn exercise(&self, id: &ExerciseId) -> Option<&Exercise> {
        self.exercises.iter().find(|exercise| exercise.id == *id)
    }

    /// Returns the exercises that must be solved before one, in the lab's order.
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

    /// Returns the points of all exercises together; `None` if none has any.
    pub fn points(&self) -> Option<u32> {
        let points = self.exercises.iter().filter_map(|exercise| exercise.points);
        points.reduce(u32::saturating_add)
    }

    /// Returns the memory limits of the required services together, in bytes.
    pub fn memory(&self) -> i64 {
        let required = self
            .services
            .values()
            .filter(|s| s.interface.presence == Presence::Required);
        required.filter_map(|service| service.limits.memory).sum()
    }

    /// Returns the services that do not run because they need `--trust` and that was not granted.
    pub fn withheld_services(&self) -> impl Iterator<Item = &Service> {
        let services = self.services.values();
        services.filter(|service| service.is_withheld())
    }

    /// Returns what was not granted to the lab's optional services, each request once.
    pub fn withheld(&self) -> Vec<Problem> {
        let withheld = self.withheld_services();
        without_duplicates(withheld.flat_map(|service| service.needs_trust.clone()))
    }

    /// Grants what optional services request, so that they run, and returns it.
    pub fn take_withheld(&mut self) -> Vec<Problem> {
        let granted = self.withheld();
        for service in self.services.values_mut() {
            service.needs_trust.clear();
        }
        granted
    }

    /// Returns the services that can reach other machines, because one of their networks is not internal.
    pub fn services_with_egress(&self) -> impl Iterator<Item = &Service> {
        let open = |network: &String| self.networks.get(network) != Some(&Network::Internal);
        let services = self.services.values();
        services.filter(move |service| service.networks.keys().any(open))
    }
}

impl Exercise {
    /// Returns the checks; a quiz has none.
    pub fn checks(&self) -> &[Check] {
        match &self.task {
            Task::Practical { checks, .. } => checks,
            Task::Quiz(_) => &[],
        }
    }

    /// Returns the steps that roadlab plays: those of `prepare`, then those of the solution.
    pub fn played_steps(&self) -> impl Iterator<Item = &Step> {
        let solution = match &self.task {
            Task::Practical { solution, .. } => solution.as_slice(),
            Task::Quiz(_) => &[],
        };
        self.prepare.iter().chain(solution)
    }

    /// Returns the steps of all answers in lab.yaml, right and wrong ones; a quiz has none.
    pub fn answer_steps(&self) -> impl Iterator<Item = &Step> {
        let (solution, right, wrong) = match &self.task {
            Task::Practical {
                solution,
                right,
                wrong,
                ..
            } => (solution.as_slice(), right.as_slice(), wrong.as_slice()),
            Task::Quiz(_) => (&[][..], &[][..], &[][..]),
        };
        let right = right.iter().flat_map(|answer| &answer.steps);
        let wrong = wrong.iter().flat_map(|answer| &answer.steps);
        solution.iter().chain(right).chain(wrong)
    }
}

impl Level {
    pub const ALL: [Level; 3] = [Level::Beginner, Level::Intermediate, Level::Advanced];

    /// Returns the name in lab.yaml.
    pub fn name(self) -> &'static str {
        match self {
            Level::Beginner => "beginner",
            Level::Intermediate => "intermediate",
            Level::Advanced => "advanced",
        }
    }
}
