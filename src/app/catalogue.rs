//! The catalogue: services that labs include. Each entry is a folder with a Compose file, and a recipe if it has one.
//!
//! A folder `compose` beside the folder of labs has entries of its own; those of the program come after it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::app::App;
use crate::lab::{LoadedServices, Service, load_services};
use crate::problem::{Problem, suggestion};
use crate::runner::Failure;
use crate::store::{OsFs, built_in_catalogue};
use crate::text;

/// The name of the folder of a catalogue, and of the copies of entries in a lab.
pub const CATALOGUE_FOLDER: &str = "compose";

/// The Compose file of an entry.
pub const ENTRY_FILE: &str = "compose.yaml";

/// The entries of all catalogues by name.
#[derive(Debug)]
pub struct Catalogue {
    folders: BTreeMap<String, PathBuf>,
}

/// An entry of the catalogue.
#[derive(Debug)]
pub struct CatalogueEntry {
    pub name: String,
    pub folder: PathBuf,
    pub services: Vec<Service>,
    /// The entries that it does not work without.
    pub needs: &'static [&'static str],
    pub problems: Vec<Problem>,
}

/// Entries that need others beside them, by name: what a Compose file alone cannot say.
const NEEDS: [(&str, &[&str]); 1] = [("airflow", &["postgres"])];

impl Catalogue {
    /// Finds the entries beside the folder of labs, which is `labs` by default, and those of the program. `cache` is where
    /// these are unpacked.
    pub fn find(cache: &Path, labs: Option<&Path>) -> anyhow::Result<Self> {
        let beside = labs.unwrap_or(Path::new("labs")).join("..");
        let mut folders = BTreeMap::new();
        for root in [beside.join(CATALOGUE_FOLDER), built_in_catalogue(cache)?] {
            let found = std::fs::read_dir(&root).into_iter().flatten().flatten();
            for entry in found.filter(|entry| entry.path().join(ENTRY_FILE).exists()) {
                if let Ok(name) = entry.file_name().into_string() {
                    let folder = std::fs::canonicalize(entry.path());
                    let folder = folder.unwrap_or_else(|_| entry.path());
                    folders.entry(name).or_insert(folder);
                }
            }
        }
        Ok(Self { folders })
    }

    /// Returns the names of all entries.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.folders.keys().map(String::as_str)
    }

    /// Reads an entry.
    pub fn entry(&self, name: &str) -> Result<CatalogueEntry, Problem> {
        let Some(folder) = self.folders.get(name) else {
            let help = suggestion(name, self.names());
            let what = text!("no such entry in the catalogue: `{name}`", name);
            return Err(Problem::new(what).help(help));
        };
        let LoadedServices {
            services, problems, ..
        } = load_services(folder, &BTreeMap::new(), &OsFs);
        Ok(CatalogueEntry {
            name: name.to_owned(),
            folder: folder.clone(),
            services,
            needs: needs(name),
            problems,
        })
    }

    /// Reads all entries, in the order of their names.
    pub fn entries(&self) -> Vec<CatalogueEntry> {
        let names = self.folders.keys();
        names.filter_map(|name| self.entry(name).ok()).collect()
    }

    /// Returns the entries with these names and those that they need, each once. What an entry needs comes before it.
    pub fn select(&self, names: &[String]) -> Result<Vec<CatalogueEntry>, Failure> {
        let mut wanted: Vec<&str> = Vec::new();
        for name in names {
            for name in needs(name).iter().copied().chain([name.as_str()]) {
                if !wanted.contains(&name) {
                    wanted.push(name);
                }
            }
        }
        let mut problems = Vec::new();
        let mut entries = Vec::new();
        for name in wanted {
            match self.entry(name) {
                Ok(entry) => {
                    problems.extend(entry.problems.iter().cloned());
                    entries.push(entry);
                }
                Err(problem) => problems.push(problem),
            }
        }
        match problems.is_empty() {
            true => Ok(entries),
            false => Err(Failure::Problems(problems)),
        }
    }
}

impl CatalogueEntry {
    /// Copies the entry into the folder of copies in a lab and returns its own folder there. Nothing is overwritten.
    pub fn copy_into(&self, lab: &Path) -> std::io::Result<PathBuf> {
        let target = lab.join(CATALOGUE_FOLDER).join(&self.name);
        std::fs::create_dir_all(lab.join(CATALOGUE_FOLDER))?;
        std::fs::create_dir(&target)?;
        copy_folder(&self.folder, &target)?;
        Ok(target)
    }
}

fn needs(name: &str) -> &'static [&'static str] {
    let mut all = NEEDS.iter();
    all.find(|(entry, _)| *entry == name)
        .map_or(&[], |(_, needs)| needs)
}

/// Copies the files of a folder into another one, with their permissions. Links stay links.
pub(super) fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy_folder(&source, &target)?;
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(std::fs::read_link(&source)?, &target)?;
        } else {
            std::fs::copy(&source, &target)?;
        }
    }
    Ok(())
}

impl App {
    /// Finds the entries of the catalogue: beside the folder of labs that is used, and in the program.
    pub fn catalogue(&self) -> Result<Catalogue, Failure> {
        Catalogue::find(&self.paths.cache, self.options.labs.as_deref())
            .map_err(|error| Failure::Environment(text::Text::verbatim(format!("{error:#}"))))
    }

    /// Copies an entry and those that it needs into a lab, by its name or path, and returns the lab and the entries that were
    /// not there yet.
    pub fn copy_entry(
        &self,
        name: &str,
        lab: &str,
    ) -> Result<(PathBuf, Vec<CatalogueEntry>), Failure> {
        let entries = self.catalogue()?.select(&[name.to_owned()])?;
        let folder = self.labs()?.folder(lab);
        let folder = folder.map_err(|problem| Failure::Problems(vec![problem]))?;
        if folder.starts_with(&self.paths.cache) {
            return Err(Failure::Usage(text!(
                "`{lab}` is a lab of the program; create one of your own with `roadlab new`",
                lab
            )));
        }
        let is_there = |entry: &CatalogueEntry| {
            let there = folder.join(CATALOGUE_FOLDER).join(&entry.name);
            there.symlink_metadata().is_ok()
        };
        let (there, missing): (Vec<_>, Vec<_>) = entries.into_iter().partition(is_there);
        if let Some(entry) = there.iter().find(|entry| entry.name == name) {
            return Err(Failure::Usage(text!(
                "{folder} already exists",
                folder = folder.join(CATALOGUE_FOLDER).join(&entry.name).display()
            )));
        }
        for entry in &missing {
            let copied = entry.copy_into(&folder);
            copied.map_err(|error| Failure::cannot_write(&folder, &error))?;
        }
        Ok((folder, missing))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::testing::app;

    #[test]
    fn an_entry_has_what_it_needs_once_and_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let catalogue = app(folder.path()).catalogue().unwrap();
        let names = |wanted: &[&str]| {
            let wanted: Vec<String> = wanted.iter().map(ToString::to_string).collect();
            let entries = catalogue.select(&wanted).unwrap().into_iter();
            entries.map(|entry| entry.name).collect::<Vec<_>>()
        };
        assert_eq!(names(&["airflow", "postgres"]), ["postgres", "airflow"]);
        assert_eq!(names(&["redis", "redis"]), ["redis"]);
        let missing = catalogue.entry("rediss").unwrap_err();
        assert_eq!(missing.help.unwrap().localized(), "did you mean `redis`?");
    }

    #[test]
    fn what_entries_need_is_in_the_catalogue_and_every_entry_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let catalogue = app(folder.path()).catalogue().unwrap();
        for (name, needs) in NEEDS {
            assert!(catalogue.folders.contains_key(name), "{name}");
            for need in needs {
                assert!(catalogue.folders.contains_key(*need), "{need}");
            }
        }
        for entry in catalogue.entries() {
            assert!(entry.problems.is_empty(), "{:?}", entry.problems);
            let mut names = entry.services.iter().map(|service| service.name.as_str());
            assert!(names.any(|name| name == entry.name), "{}", entry.name);
        }
    }
}
