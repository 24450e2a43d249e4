//! The option `--labs` in the commands that texts name.

use std::path::PathBuf;

use crate::lab::LabId;
use crate::store::embedded;
use crate::store::journal::Journal;
use crate::store::lab_folders::LabFolders;
use crate::store::paths::Paths;
use crate::text::command_line;

/// The folder of labs that was given, and what finds labs without it.
#[derive(Debug, Default)]
pub struct LabsOption {
    given: Option<Given>,
}

#[derive(Debug)]
struct Given {
    labs: PathBuf,
    variable: Option<PathBuf>,
    paths: Paths,
}

impl LabsOption {
    /// `labs` is the folder that was given, by the option or by `variable`, which is the value of `$ROADLAB_LABS`.
    pub fn new(labs: Option<PathBuf>, variable: Option<PathBuf>, paths: &Paths) -> Self {
        // The next command has the same variable.
        let labs = labs.filter(|labs| variable.as_ref() != Some(labs));
        let given = labs.map(|labs| Given {
            labs,
            variable,
            paths: paths.clone(),
        });
        Self { given }
    }

    /// Returns ` --labs DIR` for commands in texts, or nothing if they find this lab without it.
    pub fn of(&self, lab: &LabId) -> String {
        let option = self.given.as_ref().filter(|given| !given.is_found(lab));
        let folder = option.and_then(|given| given.labs.to_str());
        folder.map_or_else(String::new, |folder| {
            format!(" --labs {}", command_line([folder]))
        })
    }
}

impl Given {
    /// Returns whether the name of a lab leads to the same folder without the option. A lab that is not in the given folder
    /// would not be found with it either.
    fn is_found(&self, lab: &LabId) -> bool {
        let Ok(given) = self.labs.join(lab.as_str()).canonicalize() else {
            return true;
        };
        let variable = self.variable.as_deref();
        if variable.is_some_and(|folder| !folder.is_dir()) {
            return false;
        }
        // A text is no reason to unpack the labs in the binary.
        let mut without = LabFolders::find_outside_binary(&self.paths, variable);
        let is_in_binary = variable.is_none() && embedded::has_lab(lab.as_str());
        if is_in_binary && !without.all().contains_key(lab.as_str()) {
            return false;
        }
        for journal in Journal::all(&self.paths.runs()) {
            without.add_running(journal.lab.as_str(), journal.folder);
        }
        let found = without.folder(lab.as_str()).ok();
        found.and_then(|folder| folder.canonicalize().ok()) == Some(given)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::lab::{Instance, RunId};
    use crate::store::Lifetime;

    fn paths(home: &Path) -> Paths {
        Paths {
            state: home.join("state"),
            cache: home.join("cache"),
            data: home.join("data"),
        }
    }

    fn lab(name: &str) -> LabId {
        LabId::new(name).unwrap()
    }

    /// Creates a lab in the folder `my labs` and returns that folder.
    fn folder_with(home: &Path, lab: &str) -> PathBuf {
        let labs = home.join("my labs");
        std::fs::create_dir_all(labs.join(lab)).unwrap();
        std::fs::write(labs.join(lab).join("lab.yaml"), "").unwrap();
        labs
    }

    #[test]
    fn a_lab_that_only_the_option_finds_has_it_in_commands() {
        let home = tempfile::tempdir().unwrap();
        let paths = paths(home.path());
        let labs = folder_with(home.path(), "mine");
        let option = LabsOption::new(Some(labs.clone()), None, &paths);
        let expected = format!(" --labs '{}'", labs.display());
        assert_eq!(option.of(&lab("mine")), expected);
        // A built-in lab of the same name is another one.
        folder_with(home.path(), "redis");
        assert_eq!(option.of(&lab("redis")), expected);
        assert_eq!(option.of(&lab("elsewhere")), "");
        assert!(!paths.cache.exists(), "a text unpacks nothing");
    }

    #[test]
    fn the_variable_and_a_run_find_a_lab_without_the_option() {
        let home = tempfile::tempdir().unwrap();
        let paths = paths(home.path());
        let labs = folder_with(home.path(), "mine");
        let by_variable = LabsOption::new(Some(labs.clone()), Some(labs.clone()), &paths);
        assert_eq!(by_variable.of(&lab("mine")), "");
        assert_eq!(LabsOption::default().of(&lab("mine")), "");
        let option = LabsOption::new(Some(labs.clone()), None, &paths);
        std::fs::create_dir_all(paths.runs()).unwrap();
        let journal = Journal {
            run: RunId::new("01jd8w0zq3v5k8m2x4y6z7a9bc").unwrap(),
            lab: lab("mine"),
            instance: Instance::main(),
            folder: labs.join("mine"),
            workspace: None,
            life: Lifetime::Persistent,
            until: None,
            network: None,
            draw: None,
            paused: None,
        };
        let _lock = journal.write(&paths.runs()).unwrap();
        assert_eq!(option.of(&lab("mine")), "");
    }
}
