//! The folders of labs: `--labs`, `$ROADLAB_LABS`, `./labs`, the user's data folder, labs that were added, and last the labs in
//! the binary.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::localized;
use crate::problem::{Problem, suggestion};
use crate::store::added_labs::AddedLabs;
use crate::store::embedded;
use crate::store::paths::Paths;
use crate::text;

/// The folders of all labs, by name.
#[derive(Debug)]
pub struct LabFolders {
    folders: BTreeMap<String, PathBuf>,
    /// The folders of labs that run, which may be none of the places that labs are found in.
    running: BTreeMap<String, PathBuf>,
}

impl LabFolders {
    /// Finds all labs; an earlier place wins. `requested` is the only place if it is given, and must exist.
    pub fn find(paths: &Paths, requested: Option<&Path>) -> anyhow::Result<Self> {
        if let Some(missing) = requested.filter(|path| !path.is_dir()) {
            anyhow::bail!(localized!(
                "no such folder: {folder} (from `--labs` or $ROADLAB_LABS)",
                folder = missing.display()
            ));
        }
        let mut folders = BTreeMap::new();
        let mut add = |name: String, folder| {
            folders.entry(name).or_insert(folder);
        };
        for root in paths.lab_roots(requested) {
            labs_in(&root).for_each(|(name, folder)| add(name, folder));
        }
        if requested.is_none() {
            let added = AddedLabs::new(paths.added()).folders();
            let built_in = labs_in(&embedded::unpack(&paths.cache)?);
            let more = added.into_iter().chain(built_in);
            more.for_each(|(name, folder)| add(name, folder));
        }
        Ok(Self {
            folders,
            running: BTreeMap::new(),
        })
    }

    /// Adds the folder of a lab that runs. Its name alone finds it then, as in the commands that `up ./my-lab` prints.
    pub fn add_running(&mut self, lab: &str, folder: PathBuf) {
        self.running.insert(lab.to_owned(), folder);
    }

    /// Returns the folder of a lab, given its name or a path: one with a `/`, `.` or `..`.
    pub fn folder(&self, lab: &str) -> Result<PathBuf, Problem> {
        if let Some(folder) = self.folders.get(lab) {
            return Ok(folder.clone());
        }
        let running = self.running.get(lab);
        if let Some(folder) = running.filter(|folder| folder.join("lab.yaml").exists()) {
            return Ok(folder.clone());
        }
        let path = Path::new(lab);
        let is_path = lab.contains('/') || matches!(lab, "." | "..");
        if is_path && path.join("lab.yaml").exists() {
            // The name of a lab is the name of its folder, which `.` and `labs/redis/` do not show.
            return Ok(std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()));
        }
        let help = suggestion(lab, self.folders.keys().map(String::as_str));
        Err(Problem::new(text!("no such lab: `{lab}`", lab)).help(help))
    }

    /// Returns all labs by name.
    pub fn all(&self) -> &BTreeMap<String, PathBuf> {
        &self.folders
    }
}

/// Returns the labs in a folder, by name.
fn labs_in(root: &Path) -> impl Iterator<Item = (String, PathBuf)> + use<> {
    let entries = std::fs::read_dir(root).into_iter().flatten().flatten();
    let labs = entries.filter(|entry| entry.path().join("lab.yaml").exists());
    labs.filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lab_that_runs_is_found_by_its_name_while_its_files_are_there() {
        let folder = tempfile::tempdir().unwrap();
        let mut labs = LabFolders {
            folders: BTreeMap::new(),
            running: BTreeMap::new(),
        };
        labs.add_running("mine", folder.path().to_owned());
        assert!(labs.folder("mine").is_err());
        std::fs::write(folder.path().join("lab.yaml"), "").unwrap();
        assert_eq!(labs.folder("mine").unwrap(), folder.path());
        assert!(labs.all().is_empty());
    }
}
