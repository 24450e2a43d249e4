//! Finding labs: `--labs`, `$ROADLAB_LABS`, `./labs`, the user's data folder, and last the binary itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::problem::{Problem, suggestion};
use crate::store::embedded;
use crate::store::paths::Paths;
use crate::text;

/// The folders of all labs that can be found, by name.
#[derive(Debug)]
pub struct LabFolders {
    folders: BTreeMap<String, PathBuf>,
}

impl LabFolders {
    /// Looks in every place; an earlier place wins. Only where somebody asked for a place, it must be there.
    pub fn find(paths: &Paths, asked: Option<&Path>) -> anyhow::Result<Self> {
        if let Some(asked) = asked.filter(|asked| !asked.is_dir()) {
            anyhow::bail!(
                "there is no folder of labs at {} (from `--labs` or $ROADLAB_LABS)",
                asked.display()
            );
        }
        let mut roots = paths.lab_roots(asked);
        if asked.is_none() {
            roots.push(embedded::unpack(&paths.cache)?);
        }
        let mut folders = BTreeMap::new();
        for root in roots {
            let entries = std::fs::read_dir(&root).into_iter().flatten().flatten();
            for entry in entries.filter(|entry| entry.path().join("lab.yaml").exists()) {
                if let Ok(name) = entry.file_name().into_string() {
                    folders.entry(name).or_insert_with(|| entry.path());
                }
            }
        }
        Ok(Self { folders })
    }

    /// The folder of a lab by name, or of a path to one.
    pub fn folder(&self, lab: &str) -> Result<PathBuf, Problem> {
        if let Some(folder) = self.folders.get(lab) {
            return Ok(folder.clone());
        }
        let path = Path::new(lab);
        if lab.contains('/') && path.join("lab.yaml").exists() {
            // `labs/redis/` and `.` have no name of their own until they are real.
            return Ok(std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()));
        }
        let help = suggestion(lab, self.folders.keys().map(String::as_str));
        Err(Problem::new(text!("no such lab: `{lab}`", lab)).help(help))
    }

    /// All labs, by name.
    pub fn all(&self) -> &BTreeMap<String, PathBuf> {
        &self.folders
    }
}
