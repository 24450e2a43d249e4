//! Validates lab files and catalogue entries, without an engine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::app::{App, Trust};
use crate::lab::{COMPOSE_NAMES, load, load_services, load_trial};
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
    /// What has no effect, or another one than the author may expect.
    pub notes: Vec<Problem>,
}

impl App {
    /// Validates the labs and catalogue entries in `paths`. Without paths: the lab of the current folder or the labs in it, else
    /// all labs that are not part of the binary. A path is the folder of a lab or
    /// an entry or a file in it, or a folder that contains some. What a lab requests beyond the defaults is a problem unless it is granted.
    pub fn validate(&self, paths: &[PathBuf]) -> Result<ValidationReport, Failure> {
        let folders: Vec<PathBuf> = match paths {
            [] if is_lab(Path::new(".")) => vec![PathBuf::from(".")],
            [] => match labs_in(Path::new(".")) {
                Ok(folders) if !folders.is_empty() && self.options.labs.is_none() => folders,
                _ => self.labs()?.own(),
            },
            paths => {
                let mut folders = Vec::new();
                for path in paths {
                    folders.extend(folders_below(path)?);
                }
                folders
            }
        };
        let (mut problems, mut notes) = (Vec::new(), Vec::new());
        for folder in &folders {
            let found = problems_of(folder);
            problems.extend(found.0);
            notes.extend(found.1);
        }
        // Two labs may share a broken entry of the catalogue.
        let mut problems = without_duplicates(problems);
        let notes = without_duplicates(notes);
        if self.options.trust == Trust::Granted {
            problems.retain(|problem| problem.kind != ProblemKind::NeedsTrust);
        }
        Ok(ValidationReport {
            folders,
            problems,
            notes,
        })
    }
}

fn has_compose_file(folder: &Path) -> bool {
    let mut names = COMPOSE_NAMES.iter();
    names.any(|name| folder.join(name).exists())
}

fn is_lab(folder: &Path) -> bool {
    folder.join("lab.yaml").exists()
}

/// Returns the folders of the labs in a folder, in order.
fn labs_in(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder)?.flatten();
    let paths = entries.map(|entry| PathBuf::from(entry.file_name()));
    let mut labs: Vec<PathBuf> = paths.filter(|path| is_lab(&folder.join(path))).collect();
    labs.sort();
    Ok(labs)
}

/// Returns the problems and the notes of a folder.
fn problems_of(folder: &Path) -> (Vec<Problem>, Vec<Problem>) {
    if !is_lab(folder) {
        let loaded = load_services(folder, &BTreeMap::new(), &OsFs);
        return (loaded.problems, loaded.notes);
    }
    match load(folder, &OsFs) {
        Err(problems) => (problems, Vec::new()),
        Ok(loaded) => {
            let trial = load_trial(&loaded.lab, &OsFs).err().unwrap_or_default();
            let problems = loaded.needs_trust.into_iter().chain(trial).collect();
            (problems, loaded.notes)
        }
    }
}

/// Returns the folder of a lab or a catalogue entry, or all such folders in it.
fn folders_below(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let is_lab_or_service = |path: &Path| is_lab(path) || has_compose_file(path);
    // A file stands for the folder that it is in.
    let parent = path.parent().filter(|_| path.is_file());
    let path = match parent {
        Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
        Some(folder) => folder,
        None => path,
    };
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
