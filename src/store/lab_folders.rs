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
    /// The folder of the labs in the binary, if they are among them.
    embedded: Option<PathBuf>,
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
        let embedded = match requested {
            None => Some(embedded::unpack(&paths.cache)?),
            Some(_) => None,
        };
        Ok(Self::among(paths, requested, embedded))
    }

    /// Finds all labs but those in the binary. Unlike [`LabFolders::find`], this writes nothing.
    pub fn find_outside_binary(paths: &Paths, requested: Option<&Path>) -> Self {
        Self::among(paths, requested, None)
    }

    fn among(paths: &Paths, requested: Option<&Path>, embedded: Option<PathBuf>) -> Self {
        let mut folders = BTreeMap::new();
        let mut add = |name: String, folder| {
            folders.entry(name).or_insert(folder);
        };
        for root in paths.lab_roots(requested) {
            labs_in(&root).for_each(|(name, folder)| add(name, folder));
        }
        if requested.is_none() {
            let added = AddedLabs::new(paths.added()).folders();
            let embedded = embedded.iter().flat_map(|root| labs_in(root));
            let more = added.into_iter().chain(embedded);
            more.for_each(|(name, folder)| add(name, folder));
        }
        Self {
            folders,
            embedded,
            running: BTreeMap::new(),
        }
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
        let help = match !is_path && path.join("lab.yaml").exists() {
            true => text!("for the folder of this name, write `./{lab}`", lab),
            false => suggestion(lab, self.folders.keys().map(String::as_str)),
        };
        Err(Problem::new(text!("no such lab: `{lab}`", lab)).help(help))
    }

    /// Returns the folders of the labs that are not part of the binary; all if there are no others.
    pub fn own(&self) -> Vec<PathBuf> {
        let is_own = |folder: &&PathBuf| {
            let embedded = self.embedded.as_ref();
            embedded.is_none_or(|root| !folder.starts_with(root))
        };
        let own: Vec<PathBuf> = self.folders.values().filter(is_own).cloned().collect();
        match own.is_empty() {
            true => self.folders.values().cloned().collect(),
            false => own,
        }
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
            embedded: None,
            running: BTreeMap::new(),
        };
        labs.add_running("mine", folder.path().to_owned());
        assert!(labs.folder("mine").is_err());
        std::fs::write(folder.path().join("lab.yaml"), "").unwrap();
        assert_eq!(labs.folder("mine").unwrap(), folder.path());
        assert!(labs.all().is_empty());
    }

    #[test]
    fn the_labs_of_the_binary_are_none_of_the_persons_own() {
        let mut labs = LabFolders {
            folders: BTreeMap::from([("redis".to_owned(), "/cache/labs/redis".into())]),
            embedded: Some("/cache/labs".into()),
            running: BTreeMap::new(),
        };
        assert_eq!(labs.own(), [PathBuf::from("/cache/labs/redis")]);
        labs.folders.insert("mine".to_owned(), "labs/mine".into());
        assert_eq!(labs.own(), [PathBuf::from("labs/mine")]);
    }
}
