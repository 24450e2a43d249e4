//! `roadlab validate`: everything that is wrong with lab files, at once and without an engine.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::commands::Context;
use crate::exit::Exit;
use crate::lab::{load, load_catalogue};
use crate::problem::{Problem, ProblemKind, without_duplicates};
use crate::report::{self, output, plural};
use crate::runner::Failure;
use crate::store::OsFs;
use crate::text::Text;

pub(crate) fn validate(context: &Context, paths: &[PathBuf]) -> Result<Exit, Failure> {
    let folders: Vec<PathBuf> = match paths {
        [] => context.labs()?.all().values().cloned().collect(),
        paths => {
            let mut folders = Vec::new();
            for path in paths {
                folders.extend(folders_below(path)?);
            }
            folders
        }
    };
    let mut problems: Vec<Problem> = Vec::new();
    for folder in &folders {
        let found = match folder.join("lab.yaml").exists() {
            true => {
                load(folder, &OsFs).map_or_else(|problems| problems, |loaded| loaded.needs_trust)
            }
            false => load_catalogue(folder, &OsFs),
        };
        problems.extend(found);
    }
    // Two labs may share a broken entry of the catalogue.
    let mut problems = without_duplicates(problems);
    if context.global.trust {
        problems.retain(|problem| problem.kind != ProblemKind::NeedsTrust);
    }
    if context.global.json {
        let documents: Vec<_> = problems.iter().map(as_json).collect();
        report::document(&json!({ "checked": folders, "problems": documents }));
    } else {
        for problem in &problems {
            output(&report::problem(problem, context.paint));
            output("");
        }
        match problems.len() {
            0 => output(&format!("{}: no problems", plural(folders.len(), "folder"))),
            count => output(&format!(
                "{} in {}",
                plural(count, "problem"),
                plural(folders.len(), "folder")
            )),
        }
    }
    match problems.is_empty() {
        true => Ok(Exit::Success),
        false => Ok(Exit::from(&Failure::Problems(problems))),
    }
}

/// A lab, a catalogue entry, or every one below a folder.
fn folders_below(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let is_thing =
        |path: &Path| path.join("lab.yaml").exists() || path.join("compose.yaml").exists();
    if is_thing(path) {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path)
        .map_err(|error| Failure::Usage(format!("cannot read {}: {error}", path.display())))?;
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| is_thing(path))
        .collect();
    found.sort();
    if found.is_empty() {
        return Err(Failure::Usage(format!(
            "there is no lab and no service in {}",
            path.display()
        )));
    }
    Ok(found)
}

pub(crate) fn as_json(problem: &Problem) -> serde_json::Value {
    let kind = match problem.kind {
        ProblemKind::Lab => "error",
        ProblemKind::Refused => "refused",
        ProblemKind::NeedsTrust => "needs_trust",
    };
    let place = problem.place.as_ref();
    json!({ "kind": kind, "what": problem.what.localized(), "help": problem.help.as_ref().map(Text::localized), "file": place.map(|place| &place.file),
        "line": place.map(|place| place.line), "column": place.map(|place| place.column) })
}
