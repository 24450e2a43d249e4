//! Validates lab files and catalogue entries, without an engine.

use std::path::{Path, PathBuf};

use crate::app::{App, Trust};
use crate::lab::{load, load_catalogue, load_trial};
use crate::problem::{Problem, ProblemKind, without_duplicates};
use crate::runner::Failure;
use crate::store::OsFs;
use crate::text;

/// What was validated, and its problems.
#[derive(Debug)]
pub struct ValidationReport {
    /// The folders of the labs and catalogue entries that were read.
    pub folders: Vec<PathBuf>,
    pub problems: Vec<Problem>,
}

impl App {
    /// Validates the labs and catalogue entries in `paths`, or all labs if there are no paths. A path is the folder of a lab or
    /// an entry, or a folder that contains some. What a lab requests beyond the defaults is a problem unless it is granted.
    pub fn validate(&self, paths: &[PathBuf]) -> Result<ValidationReport, Failure> {
        let folders: Vec<PathBuf> = match paths {
            [] => self.labs()?.all().values().cloned().collect(),
            paths => {
                let mut folders = Vec::new();
                for path in paths {
                    folders.extend(folders_below(path)?);
                }
                folders
            }
        };
        let problems = folders.iter().flat_map(|folder| problems_of(folder));
        // Two labs may share a broken entry of the catalogue.
        let mut problems = without_duplicates(problems);
        if self.options.trust == Trust::Granted {
            problems.retain(|problem| problem.kind != ProblemKind::NeedsTrust);
        }
        Ok(ValidationReport { folders, problems })
    }
}

fn is_lab(folder: &Path) -> bool {
    folder.join("lab.yaml").exists()
}

fn problems_of(folder: &Path) -> Vec<Problem> {
    if !is_lab(folder) {
        return load_catalogue(folder, &OsFs);
    }
    match load(folder, &OsFs) {
        Err(problems) => problems,
        Ok(loaded) => {
            let trial = load_trial(&loaded.lab, &OsFs).err().unwrap_or_default();
            loaded.needs_trust.into_iter().chain(trial).collect()
        }
    }
}

/// Returns the folder of a lab or a catalogue entry, or all such folders in it.
fn folders_below(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let is_lab_or_service = |path: &Path| is_lab(path) || path.join("compose.yaml").exists();
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
