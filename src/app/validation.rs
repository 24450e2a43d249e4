//! Validates lab files and catalogue entries, without an engine.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::app::{App, Trust, lab_name};
use crate::lab::{
    COMPOSE_NAMES, LabId, lab_cycles, load, load_services, load_trial, read_earlier_labs,
};
use crate::problem::{Code, Place, Problem, ProblemKind, without_duplicates};
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
        problems.extend(self.lab_cycles_of(&folders));
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

    /// Returns the cycles in the order of the labs in these folders, with the labs beside them and those that are found by name.
    fn lab_cycles_of(&self, folders: &[PathBuf]) -> Vec<Problem> {
        let named = |folder: &PathBuf| {
            let lab = LabId::new(&lab_name(folder.to_str()?)).ok()?;
            is_lab(folder).then(|| (lab, folder.clone()))
        };
        let validated: Vec<(LabId, PathBuf)> = folders.iter().filter_map(named).collect();
        let labs: Vec<LabId> = validated.iter().map(|(lab, _)| lab.clone()).collect();
        let mut known: BTreeMap<LabId, PathBuf> = validated.into_iter().collect();
        for folder in folders_around(folders) {
            for (lab, path) in labs_in(&folder)
                .unwrap_or_default()
                .iter()
                .filter_map(|lab| named(&folder.join(lab)))
            {
                known.entry(lab).or_insert(path);
            }
        }
        let others = OnceCell::new();
        let by_name = |lab: &LabId| {
            // Labs that cannot be found are in no cycle.
            let others = others.get_or_init(|| self.labs().ok()).as_ref()?;
            others.all().get(lab.as_str()).cloned()
        };
        lab_cycles(&labs, &|lab| {
            let folder = known.get(lab).cloned().or_else(|| by_name(lab));
            folder.map_or_else(Vec::new, |folder| read_earlier_labs(&folder, &OsFs))
        })
    }
}

/// Returns the folders that these folders are in.
fn folders_around(folders: &[PathBuf]) -> BTreeSet<PathBuf> {
    let around = folders.iter().filter_map(|folder| {
        let folder = std::fs::canonicalize(folder).ok()?;
        folder.parent().map(Path::to_owned)
    });
    around.collect()
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
        let problems = missing_lab_file(folder).into_iter().chain(loaded.problems);
        return (problems.collect(), loaded.notes);
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

/// Reports a folder that has the guides of a lab, or its file under another name, and no `lab.yaml`.
fn missing_lab_file(folder: &Path) -> Option<Problem> {
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let names: Vec<String> = names.collect();
    let is_guide = |name: &String| name.starts_with("guide.") && name.ends_with(".md");
    let help = match names.iter().find(|name| *name == "lab.yml") {
        Some(name) => text!("rename {name} to lab.yaml", name),
        None if names.iter().any(is_guide) => {
            text!("a folder with guides is a lab; `roadlab new` writes one to begin with")
        }
        None => return None,
    };
    let problem = Problem::new(text!("lab.yaml is missing")).code(Code::UnreadableFile);
    Some(problem.at(Place::file(folder)).help(help))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::testing::app;

    #[test]
    fn a_folder_with_guides_needs_lab_yaml() {
        let home = tempfile::tempdir().unwrap();
        let app = app(home.path());
        let folder = home.path().join("small");
        std::fs::create_dir(&folder).unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
        let problems = || {
            let report = app.validate(std::slice::from_ref(&folder)).unwrap();
            let printed = report.problems.iter().map(ToString::to_string);
            printed.collect::<Vec<_>>()
        };
        let missing = |help: &str| {
            [format!(
                "{}: lab.yaml is missing ({help})",
                folder.display()
            )]
        };
        write("compose.yaml", "services: { a: { image: 'a:1' } }\n");
        assert_eq!(problems(), [""; 0]);
        write("guide.en.md", "# A lab\n");
        let new = "a folder with guides is a lab; `roadlab new` writes one to begin with";
        assert_eq!(problems(), missing(new));
        write("lab.yml", "level: beginner\n");
        assert_eq!(problems(), missing("rename lab.yml to lab.yaml"));
    }

    #[test]
    fn labs_that_build_on_each_other_are_one_problem_also_if_one_is_validated() {
        let home = tempfile::tempdir().unwrap();
        let app = app(home.path());
        for (lab, after) in [("a", "b"), ("b", "a")] {
            let folder = home.path().join(lab);
            std::fs::create_dir(&folder).unwrap();
            std::fs::write(folder.join("lab.yaml"), format!("after: [{after}]\n")).unwrap();
        }
        let cycles = |folders: &[&str]| {
            let folders: Vec<PathBuf> = folders.iter().map(|lab| home.path().join(lab)).collect();
            let problems = app.lab_cycles_of(&folders);
            let cycles: Vec<String> = problems.iter().map(|one| one.what.localized()).collect();
            cycles
        };
        assert_eq!(cycles(&["a", "b"]), ["cycle in `after`: a → b → a"]);
        assert_eq!(cycles(&["b"]), ["cycle in `after`: b → a → b"]);
    }
}
