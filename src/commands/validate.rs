//! `roadlab validate`: shows all problems of lab files, without an engine.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::commands::Context;
use crate::commands::error_output::problem_json;
use crate::exit::Exit;
use crate::lab::{load, load_catalogue, load_trial};
use crate::problem::{Problem, ProblemKind, without_duplicates};
use crate::report::{self, output};
use crate::runner::Failure;
use crate::store::OsFs;
use crate::{localized, text, text_plural};

pub(crate) fn validate(context: &Context, paths: &[PathBuf]) -> Result<Exit, Failure> {
    let folders: Vec<PathBuf> = match paths {
        [] => context.app.labs()?.all().values().cloned().collect(),
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
            true => match load(folder, &OsFs) {
                Err(problems) => problems,
                Ok(loaded) => {
                    let trial = load_trial(&loaded.lab, &OsFs).err().unwrap_or_default();
                    loaded.needs_trust.into_iter().chain(trial).collect()
                }
            },
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
        let documents: Vec<_> = problems.iter().map(problem_json).collect();
        let folders: Vec<String> = folders
            .iter()
            .map(|folder| report::json_path(folder))
            .collect();
        report::document(&json!({ "checked": folders, "problems": documents }));
    } else {
        for problem in &problems {
            output(&report::problem(problem, context.paint));
            output("");
        }
        let folders = text_plural!("{count} folder", "{count} folders", count = folders.len());
        match problems.len() {
            0 => output(&localized!("{folders}: no problems", folders)),
            count => output(&localized!(
                "{problems} in {folders}",
                problems = text_plural!("{count} problem", "{count} problems", count),
                folders
            )),
        }
    }
    match problems.is_empty() {
        true => Ok(Exit::Success),
        false => Ok(Exit::from(&Failure::Problems(problems))),
    }
}

/// Returns the folder of a lab or a catalogue entry, or all such folders in it.
fn folders_below(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let is_lab_or_service =
        |path: &Path| path.join("lab.yaml").exists() || path.join("compose.yaml").exists();
    if is_lab_or_service(path) {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path).map_err(|error| {
        Failure::Usage(text!(
            "cannot read {path}: {reason}",
            path = path.display(),
            reason = error
        ))
    })?;
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| is_lab_or_service(path))
        .collect();
    found.sort();
    if found.is_empty() {
        return Err(Failure::Usage(text!(
            "no lab and no service in {path}",
            path = path.display()
        )));
    }
    Ok(found)
}
