//! What the paths of the page mean. Nothing but the names listed here leads anywhere: no path becomes that of a file.

use hyper::Method;

use crate::lab::{ExerciseId, LabId, ServiceName};

/// The path of the map.
pub(super) const MAP: &str = "/map";

/// What a request wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// A file of the page, by its name.
    Asset(String),
    /// The way to a page elsewhere.
    Leave,
    /// The labs.
    Labs,
    /// The map of topics.
    Map,
    /// The WebSocket of a page of all labs.
    OverviewSocket(Overview),
    /// The introduction of a lab.
    Lab(LabId),
    Exercise(LabId, ExerciseId),
    /// The WebSocket of a page of a lab.
    Socket(LabId, Option<ExerciseId>),
    /// The list of the learner's files.
    Files(LabId),
    /// One of the learner's files, which the query names.
    File(LabId),
    /// The text of one of the learner's files, which the form has.
    SaveFile(LabId),
    /// A text that the form has is compared with one of the learner's files.
    CompareFile(LabId),
    /// One of the learner's files, which the form names, is deleted.
    DeleteFile(LabId),
    /// A file of the lab that the learner deleted, which the form names.
    RestoreFile(LabId),
    /// Something that is done with a lab.
    LabAction(LabId, LabAction),
    /// Something that is done with an exercise.
    ExerciseAction(LabId, ExerciseId, ExerciseAction),
    /// The language of the page.
    Language,
}

/// A page of all labs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overview {
    /// The list of labs.
    Labs,
    /// The map of topics.
    Map,
}

/// What can be done with a lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LabAction {
    Up,
    Down,
    Reset,
    /// Restarts one service.
    Restart(ServiceName),
}

/// What can be done with an exercise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExerciseAction {
    Hint,
    Answer,
    Solve,
    Reset,
}

/// Why a path leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoRoute {
    NotFound,
    /// There is something, but not for this method.
    Method,
}

impl Route {
    /// Returns what a path means. Every name is checked by the rules of its kind, so that neither `..` nor `%2e` is one.
    pub(super) fn parse(method: &Method, path: &str) -> Result<Self, NoRoute> {
        let parts = path.strip_prefix('/').ok_or(NoRoute::NotFound)?;
        let parts: Vec<&str> = match parts {
            "" => Vec::new(),
            parts => parts.split('/').collect(),
        };
        let (route, expected) = match Self::of_parts(&parts).ok_or(NoRoute::NotFound)? {
            (Route::File(lab), _) if *method == Method::POST => {
                (Route::SaveFile(lab), Method::POST)
            }
            known => known,
        };
        let is_read = expected == Method::GET && *method == Method::HEAD;
        match *method == expected || is_read {
            true => Ok(route),
            false => Err(NoRoute::Method),
        }
    }

    fn of_parts(parts: &[&str]) -> Option<(Self, Method)> {
        let lab = |name: &str| LabId::new(name).ok();
        let exercise = |name: &str| ExerciseId::new(name).ok();
        let (get, post) = (Method::GET, Method::POST);
        Some(match parts {
            [] => (Route::Labs, get),
            ["language"] => (Route::Language, post),
            ["map"] => (Route::Map, get),
            ["socket"] => (Route::OverviewSocket(Overview::Labs), get),
            ["map", "socket"] => (Route::OverviewSocket(Overview::Map), get),
            ["leave"] => (Route::Leave, get),
            ["assets", name] => (Route::Asset((*name).to_owned()), get),
            ["labs", name] => (Route::Lab(lab(name)?), get),
            ["labs", name, "socket"] => (Route::Socket(lab(name)?, None), get),
            ["labs", name, "files"] => (Route::Files(lab(name)?), get),
            ["labs", name, "file"] => (Route::File(lab(name)?), get),
            ["labs", name, "file", "compare"] => (Route::CompareFile(lab(name)?), post),
            ["labs", name, "file", "delete"] => (Route::DeleteFile(lab(name)?), post),
            ["labs", name, "file", "restore"] => (Route::RestoreFile(lab(name)?), post),
            ["labs", name, "services", service, "restart"] => {
                let service = ServiceName::new(service).ok()?;
                (
                    Route::LabAction(lab(name)?, LabAction::Restart(service)),
                    post,
                )
            }
            ["labs", name, "up"] => (Route::LabAction(lab(name)?, LabAction::Up), post),
            ["labs", name, "down"] => (Route::LabAction(lab(name)?, LabAction::Down), post),
            ["labs", name, "reset"] => (Route::LabAction(lab(name)?, LabAction::Reset), post),
            ["labs", name, "exercises", id] => (Route::Exercise(lab(name)?, exercise(id)?), get),
            ["labs", name, "exercises", id, "socket"] => {
                (Route::Socket(lab(name)?, Some(exercise(id)?)), get)
            }
            ["labs", name, "exercises", id, action] => {
                let action = match *action {
                    "hint" => ExerciseAction::Hint,
                    "answer" => ExerciseAction::Answer,
                    "solve" => ExerciseAction::Solve,
                    "reset" => ExerciseAction::Reset,
                    _ => return None,
                };
                let route = Route::ExerciseAction(lab(name)?, exercise(id)?, action);
                (route, post)
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(method: &Method, path: &str, expected: &str) {
        let found = match Route::parse(method, path) {
            Ok(route) => format!("{route:?}"),
            Err(none) => format!("{none:?}"),
        };
        assert_eq!(found, expected, "{method} {path}");
    }

    #[test]
    fn every_path_is_a_list_of_names() {
        let (get, post) = (Method::GET, Method::POST);
        check(&get, "/", "Labs");
        check(&Method::HEAD, "/", "Labs");
        check(&get, "/leave", "Leave");
        check(&get, "/map", "Map");
        check(&get, "/socket", "OverviewSocket(Labs)");
        check(&get, "/map/socket", "OverviewSocket(Map)");
        check(&get, "/labs/redis/file", "File(LabId(\"redis\"))");
        check(&post, "/labs/redis/file", "SaveFile(LabId(\"redis\"))");
        check(&post, "/labs/redis/files", "Method");
        check(
            &post,
            "/labs/redis/file/delete",
            "DeleteFile(LabId(\"redis\"))",
        );
        check(&get, "/labs/redis/file/restore", "Method");
        check(&get, "/labs/redis/file/compare", "Method");
        check(
            &post,
            "/labs/redis/services/redis/restart",
            "LabAction(LabId(\"redis\"), Restart(ServiceName(\"redis\")))",
        );
        check(&get, "/labs/redis", "Lab(LabId(\"redis\"))");
        check(
            &post,
            "/labs/redis/exercises/first-keys/hint",
            "ExerciseAction(LabId(\"redis\"), ExerciseId(\"first-keys\"), Hint)",
        );
        check(&get, "/labs/redis/exercises/first-keys/hint", "Method");
        check(&post, "/labs/redis", "Method");
        check(&Method::DELETE, "/", "Method");
        for path in [
            "",
            "labs",
            "//",
            "/labs",
            "/labs/",
            "/labs/redis/",
            "/labs//exercises/x",
            "/labs/../etc",
            "/labs/%2e%2e/exercises/x",
            "/labs/..%2f..%2fetc",
            "/labs/redis/exercises/..",
            "/labs/redis/exercises/x/remove",
            "/labs/redis/services/../restart",
            "/labs/redis/services/Redis /restart",
            "/labs/Redis",
            "/labs/re dis",
            "/labs/redis\\..",
            "/labs/redis\0",
            "/assets/a/b",
            "/assets",
        ] {
            check(&get, path, "NotFound");
        }
    }
}
