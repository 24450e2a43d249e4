//! Creates labs: from entries of the catalogue, or from a Compose file that exists already.
//!
//! `skeleton` writes the files of a lab as texts, `guess` decides how roadlab connects to a service of an image, and
//! `compose_source` reads a Compose file with all that belongs to it. Only this file creates anything.

mod compose_source;
mod example;
mod guess;
mod skeleton;

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::app::App;
use crate::app::catalogue::{CATALOGUE_FOLDER, ENTRY_FILE};
use crate::lab::{LabId, Lang};
use crate::problem::Problem;
use crate::runner::Failure;
use crate::text;

use compose_source::ComposeSource;
use skeleton::{NewService, Skeleton};

/// Where the services of a new lab come from.
#[derive(Debug)]
pub enum LabSource {
    /// Entries of the catalogue by name.
    Catalogue(Vec<String>),
    /// A Compose file, and the values of variables that it refers to.
    Compose {
        file: PathBuf,
        variables: BTreeMap<String, String>,
    },
}

/// The lab to create.
#[derive(Debug)]
pub struct NewLab {
    pub id: LabId,
    /// The folder to create the lab's folder in.
    pub parent: PathBuf,
    pub source: LabSource,
    /// The languages of the guides; English is always one of them.
    pub languages: Vec<Lang>,
}

/// A lab that was created.
#[derive(Debug)]
pub struct CreatedLab {
    pub folder: PathBuf,
    pub services: Vec<CreatedService>,
    /// What of the Compose file has no effect, or another one than its author may expect.
    pub notes: Vec<Problem>,
    pub languages: Vec<Lang>,
}

/// A service of a lab that was created.
#[derive(Debug)]
pub struct CreatedService {
    pub name: String,
    /// The official image; `None` for a service that is only built.
    pub image: Option<String>,
    /// The probe that says when it is ready, as in `x-roadlab`; `None` if nothing does.
    pub ready: Option<String>,
    /// Whether the probe was guessed by the image.
    pub guessed: bool,
    /// Whether the Compose file has a health check for it.
    pub health_check: bool,
}

/// A file of a new lab: its path in the lab's folder, and its text.
type TextFile = (PathBuf, String);

impl App {
    /// Creates the folder of a lab. An existing folder is never changed, and what was written of a lab that cannot be completed
    /// is removed again.
    pub fn create_lab(&self, new: &NewLab) -> Result<CreatedLab, Failure> {
        let folder = new.parent.join(new.id.as_str());
        if folder.symlink_metadata().is_ok() {
            return Err(already_there(&folder));
        }
        match &new.source {
            LabSource::Catalogue(names) => self.create_from_catalogue(new, &folder, names),
            LabSource::Compose { file, variables } => {
                let source = ComposeSource::read(self, file, variables)?;
                from_compose(new, &folder, &source, variables)
            }
        }
    }

    fn create_from_catalogue(
        &self,
        new: &NewLab,
        folder: &Path,
        names: &[String],
    ) -> Result<CreatedLab, Failure> {
        let entries = self.catalogue()?.select(names)?;
        // A lab refers to the catalogue beside the folder of labs; elsewhere it has copies of its own.
        let beside = new.parent.join("..").join(CATALOGUE_FOLDER);
        let (shared, own): (Vec<_>, Vec<_>) = entries
            .iter()
            .partition(|entry| beside.join(&entry.name).join(ENTRY_FILE).exists());
        let include = |entry: &crate::app::CatalogueEntry| {
            let is_shared = shared.iter().any(|one| one.name == entry.name);
            let above = if is_shared { "../../" } else { "" };
            format!("{above}{CATALOGUE_FOLDER}/{}/{ENTRY_FILE}", entry.name)
        };
        let services = entries.iter().flat_map(|entry| &entry.services);
        let services: Vec<NewService> = services.map(NewService::of).collect();
        let mut files = vec![(
            PathBuf::from("compose.yaml"),
            skeleton::compose_file(&entries.iter().map(include).collect::<Vec<_>>()),
        )];
        files.extend(lab_files(new, &services, &BTreeMap::new()));
        create(folder, &files, || {
            own.iter()
                .try_for_each(|entry| entry.copy_into(folder).map(drop))
        })?;
        let created = entries.iter().flat_map(|entry| &entry.services);
        Ok(CreatedLab {
            folder: folder.to_owned(),
            services: created
                .map(|service| CreatedService {
                    name: service.name.to_string(),
                    image: service.image.as_ref().map(ToString::to_string),
                    ready: guess::ready_text(service),
                    guessed: false,
                    health_check: service.own_health_check().is_some(),
                })
                .collect(),
            notes: Vec::new(),
            languages: new.languages.clone(),
        })
    }
}

fn from_compose(
    new: &NewLab,
    folder: &Path,
    source: &ComposeSource,
    variables: &BTreeMap<String, String>,
) -> Result<CreatedLab, Failure> {
    let guesses: Vec<_> = source.services.iter().map(guess::guess).collect();
    let both = || source.services.iter().zip(&guesses);
    let services = both().map(|(service, guess)| NewService::guessed(service, guess.as_ref()));
    let mut files = lab_files(new, &services.collect::<Vec<_>>(), variables);
    let added = guess::override_file(&both().collect::<Vec<_>>());
    files.extend(source.own_files(added));
    let copies = source.copies(&new.parent)?;
    create(folder, &files, || copies.copy_to(folder))?;
    let created = both().map(|(service, guess)| CreatedService {
        name: service.name.to_string(),
        image: service.image.as_ref().map(ToString::to_string),
        ready: match guess {
            Some(guess) => guess.ready.clone(),
            None => guess::ready_text(service),
        },
        guessed: guess.is_some(),
        health_check: service.own_health_check().is_some(),
    });
    Ok(CreatedLab {
        folder: folder.to_owned(),
        services: created.collect(),
        notes: source.notes.clone(),
        languages: new.languages.clone(),
    })
}

fn lab_files(
    new: &NewLab,
    services: &[NewService],
    variables: &BTreeMap<String, String>,
) -> Vec<TextFile> {
    let skeleton = Skeleton {
        services,
        variables,
    };
    let mut files = vec![(PathBuf::from("lab.yaml"), skeleton.lab_file())];
    files.extend(new.languages.iter().map(|lang| {
        let name = format!("guide.{lang}.md");
        (PathBuf::from(name), skeleton.guide(lang))
    }));
    files
}

/// Creates a folder, runs `copy` and writes files into it. An incomplete lab would block the next attempt, so it is removed.
fn create(
    folder: &Path,
    files: &[TextFile],
    copy: impl FnOnce() -> std::io::Result<()>,
) -> Result<(), Failure> {
    let refused = |error: std::io::Error| match error.kind() {
        ErrorKind::AlreadyExists => already_there(folder),
        _ => Failure::Usage(text!(
            "cannot create {lab}: {reason}",
            lab = folder.display(),
            reason = error
        )),
    };
    let parent = folder.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(refused)?;
    std::fs::create_dir(folder).map_err(refused)?;
    let write = || -> std::io::Result<()> {
        copy()?;
        for (name, text) in files {
            std::fs::write(folder.join(name), text)?;
        }
        Ok(())
    };
    write().map_err(|error| {
        // This process has just created the folder.
        let _ = std::fs::remove_dir_all(folder);
        Failure::Usage(text!(
            "cannot create {lab}: {reason}",
            lab = folder.display(),
            reason = error
        ))
    })
}

fn already_there(lab: &Path) -> Failure {
    Failure::Usage(text!(
        "{lab} already exists; choose another name or folder",
        lab = lab.display()
    ))
}

#[cfg(test)]
mod tests;
