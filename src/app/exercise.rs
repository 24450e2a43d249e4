//! Finds exercises and services of a lab by the names that a person typed.

use std::path::Path;

use crate::lab::{Exercise, ExerciseId, Lab, ServiceName};
use crate::problem::{Problem, suggestion};
use crate::runner::Failure;
use crate::text;
use crate::text::Text;

/// Finds an exercise by name.
pub fn find_exercise<'a>(lab: &'a Lab, name: &str) -> Result<&'a Exercise, Failure> {
    let found = ExerciseId::new(name).ok().and_then(|id| lab.exercise(&id));
    found.ok_or_else(|| {
        let known = lab.exercises.iter().map(|exercise| exercise.id.as_str());
        let what = text!(
            "lab `{lab}` has no exercise `{exercise}`",
            lab = lab.id,
            exercise = name.escape_debug()
        );
        unknown(what, name, known.collect())
    })
}

/// Finds exercises by name; no names stand for all of the lab.
pub fn select_exercises<'a>(lab: &'a Lab, names: &[String]) -> Result<Vec<&'a Exercise>, Failure> {
    match names {
        [] => Ok(lab.exercises.iter().collect()),
        names => names.iter().map(|name| find_exercise(lab, name)).collect(),
    }
}

/// Finds services by name; no names stand for all of the lab.
pub fn select_services(lab: &Lab, names: &[String]) -> Result<Vec<ServiceName>, Failure> {
    if names.is_empty() {
        return Ok(lab.services.keys().cloned().collect());
    }
    let find = |name: &String| {
        let mut services = lab.services.keys();
        let found = services.find(|known| known.as_str() == name).cloned();
        found.ok_or_else(|| {
            let known = lab.services.keys().map(ServiceName::as_str);
            let what = text!(
                "lab `{lab}` has no service `{service}`",
                lab = lab.id,
                service = name.escape_debug()
            );
            unknown(what, name, known.collect())
        })
    };
    names.iter().map(find).collect()
}

/// Lists the services that have a client of their own, with its command line.
pub fn clients(lab: &Lab) -> impl Iterator<Item = (&ServiceName, &[String])> {
    let services = lab.services.values();
    services.filter_map(|service| Some((&service.name, service.interface.shell.as_deref()?)))
}

/// Returns the name of a lab that is given by its name or the path of its folder: `labs/redis/` is `redis`.
pub fn lab_name(lab: &str) -> String {
    let name = |path: &Path| Some(path.file_name()?.to_str()?.to_owned());
    let path = Path::new(lab);
    // A path such as `.` does not show the name.
    let canonical = || name(&std::fs::canonicalize(path).ok()?);
    name(path)
        .or_else(canonical)
        .unwrap_or_else(|| lab.to_owned())
}

/// A name that does not exist, with the ones that do.
pub(super) fn unknown(what: Text, name: &str, known: Vec<&str>) -> Failure {
    let help = suggestion(name, known);
    Failure::Problems(vec![Problem::new(what).help(help)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_lab_is_that_of_its_folder() {
        for path in ["redis", "labs/redis", "labs/redis/", "labs/redis/."] {
            assert_eq!(lab_name(path), "redis", "{path}");
        }
        assert_eq!(lab_name("labs/redis/.."), "labs");
        assert_eq!(lab_name("nowhere/.."), "nowhere/..");
    }
}
