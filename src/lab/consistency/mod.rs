//! Checks that the files of a lab are consistent with each other.

mod captures;
mod guides;
mod services;

pub(crate) use services::{check_cycles, check_step};

use std::collections::BTreeSet;

use crate::lab::id::{ExerciseId, ServiceName};
use crate::lab::model::{Exercise, Lab, Task};
use crate::lab::steps::CheckRole;
use crate::lab::yaml::{Node, Problems};
use crate::problem::{Code, Place, Problem, suggestion};
use crate::text;

/// What has problems of its own, so that nothing is derived from it.
#[derive(Debug, Default)]
pub(crate) struct Broken {
    pub services: BTreeSet<ServiceName>,
    /// Ids of exercises.
    pub exercises: BTreeSet<String>,
}

impl Broken {
    pub(crate) fn has_exercise(&self, id: &ExerciseId) -> bool {
        self.exercises.contains(id.as_str())
    }
}

/// Checks a lab; `exercises` are the nodes of its exercises, in order.
pub(crate) fn check(
    lab: &Lab,
    broken: &Broken,
    place: &Place,
    exercises: &[Node],
    problems: &mut Problems,
) {
    let places: Vec<Place> = exercises.iter().map(Node::place).collect();
    services::check(lab, broken, &places, problems);
    captures::check(lab, problems);
    for (exercise, place) in lab.exercises.iter().zip(&places) {
        check_exercise(exercise, place, problems);
    }
    guides::check(lab, broken, exercises, problems);
    if lab.exercises.is_empty() && broken.exercises.is_empty() {
        problems.push(
            Problem::new(text!("this lab has no exercises"))
                .code(Code::Exercise)
                .at(place.clone()),
        );
    }
}

/// Checks that wrong answers name existing checks, and that not all checks are guards.
fn check_exercise(exercise: &Exercise, place: &Place, problems: &mut Problems) {
    let Task::Practical { checks, wrong, .. } = &exercise.task else {
        return;
    };
    let known = checks.iter().map(|check| check.id.as_str());
    let named = wrong.iter().filter_map(|wrong| wrong.check.as_deref());
    for id in named.filter(|id| !known.clone().any(|known| known == *id)) {
        let what = text!("no such check: `{id}`", id);
        let help = suggestion(id, known.clone());
        problems.push(
            Problem::new(what)
                .code(Code::UnknownName)
                .at(place.clone())
                .help(help),
        );
    }
    if !checks.is_empty() && checks.iter().all(|check| check.role == CheckRole::Guard) {
        let what = text!(
            "exercise `{id}` has only guards, so it would be solved from the start",
            id = exercise.id
        );
        problems.push(Problem::new(what).code(Code::Exercise).at(place.clone()));
    }
}
