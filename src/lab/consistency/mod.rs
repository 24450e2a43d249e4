//! Checks that the files of a lab are consistent with each other.

mod captures;
mod guides;
mod services;

pub(crate) use services::{check_cycles, check_steps};

use std::collections::BTreeSet;

use crate::lab::id::{ExerciseId, ServiceName};
use crate::lab::model::{Exercise, Lab};
use crate::lab::steps::CheckRole;
use crate::lab::yaml::{Node, Problems};
use crate::problem::{Code, Place, Problem};
use crate::text;

/// What has problems of its own, so that nothing is derived from it.
#[derive(Debug, Default)]
pub(crate) struct Broken {
    pub services: BTreeSet<ServiceName>,
    /// Ids of exercises.
    pub exercises: BTreeSet<String>,
    pub workspace: bool,
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
    services::check(lab, broken, exercises, problems);
    captures::check(lab, problems);
    for (exercise, place) in lab.exercises.iter().zip(&places) {
        if !broken.has_exercise(&exercise.id) {
            check_guards(exercise, place, problems);
        }
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

/// Checks that not all checks of an exercise are guards.
fn check_guards(exercise: &Exercise, place: &Place, problems: &mut Problems) {
    let checks = exercise.checks();
    if !checks.is_empty() && checks.iter().all(|check| check.role == CheckRole::Guard) {
        let what = text!(
            "exercise `{id}` has only guards, so it would be solved from the start",
            id = exercise.id
        );
        problems.push(Problem::new(what).code(Code::Exercise).at(place.clone()));
    }
}
