//! Shares labs: adds labs from files and from Git repositories, updates and removes them. `packing.rs` writes such files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::app::App;
use crate::app::git::{self, GitAddress};
use crate::app::packed_images::remove_image;
use crate::event::Event;
use crate::lab::{
    ChangedExercises, ExerciseId, Instance, Lab, LabId, LabParts, LoadedLab, ServiceName, load,
    load_trial,
};
use crate::problem::{Problem, ProblemKind, suggestion};
use crate::runner::{Failure, PullPolicy};
use crate::store::{
    AddedLab, AddedLabs, EXTENSION, Journal, LabOrigin, LabTree, Manifest, OsFs, Package,
    PackageError, PreparedLab, Progress, ProgressAmount, RecordingFs, Replacement,
};
use crate::text;

/// A lab that was added, or that was there already.
#[derive(Debug)]
pub struct AddReport {
    pub lab: LabId,
    pub manifest: Manifest,
    pub origin: LabOrigin,
    /// The folder of the lab.
    pub folder: PathBuf,
    pub change: LabChange,
    /// Whether the lab requests more than labs usually do.
    pub needs_trust: bool,
    /// The folder of a lab of the same name that is found before this one.
    pub shadowed_by: Option<PathBuf>,
}

/// What adding a lab changed.
#[derive(Debug)]
pub enum LabChange {
    Added,
    Unchanged,
    Updated(Box<LabUpdate>),
}

/// The differences between two versions of a lab.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct LabUpdate {
    /// The author's version before.
    pub before: Option<String>,
    /// Files that were added, removed or changed.
    pub files: Vec<String>,
    /// Services with another image.
    pub images: Vec<ServiceName>,
    pub exercises: ExerciseChanges,
    /// The instances that run with the files of before.
    pub running: Vec<Instance>,
}

/// The differences between the exercises of two versions of a lab.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ExerciseChanges {
    pub added: Vec<ExerciseId>,
    pub changed: Vec<ExerciseId>,
    pub removed: Vec<ExerciseId>,
    /// Earlier and present ids.
    pub renamed: Vec<(ExerciseId, ExerciseId)>,
}

/// What is left of a lab that was removed.
#[derive(Debug)]
pub struct RemovedLab {
    pub lab: LabId,
    /// The images that came with it and were removed from the engine.
    pub images: Vec<String>,
}

impl From<PackageError> for Failure {
    fn from(error: PackageError) -> Self {
        match error {
            PackageError::Unreadable { .. }
            | PackageError::NotAPackage { .. }
            | PackageError::Newer { .. }
            | PackageError::Unpackable(_)
            | PackageError::InTheWay { .. }
            | PackageError::HalfReplaced { .. } => Failure::Usage(error.text()),
            PackageError::Unwritable { path, error } => Failure::cannot_write(&path, &error),
            PackageError::Refused { .. } => {
                let problem = Problem::new(error.text()).kind(ProblemKind::Refused);
                Failure::Problems(vec![problem])
            }
        }
    }
}

impl App {
    /// Returns the labs that were added.
    pub fn added_labs(&self) -> AddedLabs {
        AddedLabs::new(self.paths.added())
    }

    /// Returns whether a lab is given as a package.
    pub fn is_package(lab: &str) -> bool {
        let path = Path::new(lab);
        path.extension().is_some_and(|end| end == EXTENSION) && path.is_file()
    }

    /// Adds a lab from a package or a Git repository, or updates it. `lab` is the name of a lab in a repository with several.
    pub async fn add(&self, source: &str, lab: Option<&str>) -> Result<AddReport, Failure> {
        if Path::new(source).is_file() {
            return self.add_file(Path::new(source)).await;
        }
        match GitAddress::parse(source) {
            Some(address) => self.add_repository(address, lab).await,
            None => Err(Failure::Usage(text!(
                "`{source}` is neither a file nor the address of a Git repository",
                source = source.escape_debug()
            ))),
        }
    }

    /// Adds a lab from a package, or updates it.
    pub async fn add_file(&self, file: &Path) -> Result<AddReport, Failure> {
        let size = std::fs::metadata(file).map_or(0, |about| about.len());
        let package = Package::open(file, &self.file_progress(file, size)).await?;
        package.check_images().await?;
        let path = std::fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
        let prepared = self.added_labs().prepare()?;
        package.unpack(&prepared.content()).await?;
        let manifest = package.manifest;
        self.install(prepared, manifest, LabOrigin::File { path }, file)
    }

    async fn add_repository(
        &self,
        mut address: GitAddress,
        lab: Option<&str>,
    ) -> Result<AddReport, Failure> {
        if self.options.pull_policy == PullPolicy::Offline && !address.is_local() {
            return Err(Failure::Environment(text!(
                "--offline does not contact {address}",
                address = &address.address
            )));
        }
        if let Ok(path) = std::fs::canonicalize(&address.address) {
            address.address = path.display().to_string();
        }
        let prepared = self.added_labs().prepare()?;
        let work = prepared.work();
        let created = std::fs::create_dir_all(&work);
        created.map_err(|error| Failure::cannot_write(&work, &error))?;
        let commit = git::fetch(&address, &work).await?;
        let labs = commit.labs(&address.name());
        let (id, folder) = choose(&labs, lab, &address.address)?;
        let checkout = work.join("checkout");
        let unpacked = commit.write_lab(&id, &folder, &checkout).await?;
        let files = RecordingFs::default();
        let shown = PathBuf::from(format!("{}/{folder}", address.address));
        let loaded = load_sound(&unpacked, &files);
        let LoadedLab { lab, .. } = loaded.map_err(|failure| moved(failure, &unpacked, &shown))?;
        let tree = LabTree::collect(&lab, &files.files())?;
        let version = lab.about.version.clone();
        let manifest = Manifest::new(lab.id.clone(), version, tree.describe().await?);
        tree.copy_to(&prepared.content(), &manifest).await?;
        let origin = LabOrigin::Git {
            address: address.address,
            reference: address.reference,
            commit: commit.id,
        };
        self.install(prepared, manifest, origin, &shown)
    }

    /// Puts a prepared lab into its place, if it has no problems; `shown` is where problems are, for people.
    fn install(
        &self,
        prepared: PreparedLab,
        manifest: Manifest,
        origin: LabOrigin,
        shown: &Path,
    ) -> Result<AddReport, Failure> {
        let labs = self.added_labs();
        let content = prepared.content().join(manifest.lab_folder());
        let loaded = load_sound(&content, &OsFs);
        let loaded = loaded.map_err(|failure| moved(failure, &content, shown))?;
        let unknown = manifest
            .image_services()
            .find(|service| !loaded.lab.services.contains_key(*service))
            .cloned();
        let sound = manifest.check().and_then(|()| {
            match (manifest.version == loaded.lab.about.version, unknown) {
                (false, _) => Err(text!("the version in its manifest is not that of its lab")),
                (true, Some(service)) => Err(text!(
                    "its manifest has an image for `{service}`, a service that its lab does not have",
                    service
                )),
                (true, None) => Ok(()),
            }
        });
        sound.map_err(|reason| PackageError::Refused {
            path: shown.to_owned(),
            reason,
        })?;
        let before = labs.find(manifest.lab.as_str())?;
        if let Some(before) = before
            .as_ref()
            .filter(|before| !is_successor(&before.origin, &origin))
        {
            return Err(Failure::Usage(text!(
                "lab `{lab}` was added from {origin}; remove it first: `roadlab remove {lab}`",
                lab = &manifest.lab,
                origin = before.origin.to_string()
            )));
        }
        // What an interrupted update left is not what the manifest says.
        let damaged = before.as_ref().map(AddedLab::damaged_files);
        let damaged = damaged.unwrap_or_default();
        let is_same = |before: &AddedLab| {
            damaged.is_empty()
                && before.manifest.files == manifest.files
                && before.manifest.images == manifest.images
        };
        let mut change = match &before {
            None => LabChange::Added,
            Some(before) if is_same(before) => LabChange::Unchanged,
            Some(before) => {
                let mut update = update(before, &loaded.lab, &manifest);
                update.files.extend(damaged);
                update.files.sort();
                update.files.dedup();
                LabChange::Updated(Box::new(update))
            }
        };
        let running = self.runs_of_added(&manifest.lab);
        match &mut change {
            LabChange::Unchanged => labs.record_origin(&manifest.lab, origin.clone())?,
            LabChange::Added => prepared.install(&manifest, origin.clone(), Replacement::Whole)?,
            LabChange::Updated(update) => {
                let replacement = match running.is_empty() {
                    true => Replacement::Whole,
                    false => Replacement::FileByFile,
                };
                prepared.install(&manifest, origin.clone(), replacement)?;
                let instances = running.into_iter().map(|journal| journal.instance);
                update.running = instances.collect();
            }
        }
        let installed = labs.find(manifest.lab.as_str())?;
        let folder = installed.map(|lab| lab.folder).unwrap_or_default();
        self.carry_renamed(&loaded.lab)?;
        let found = self.labs().ok();
        let found = found.and_then(|labs| labs.all().get(manifest.lab.as_str()).cloned());
        Ok(AddReport {
            lab: manifest.lab.clone(),
            shadowed_by: found.filter(|found| *found != folder),
            manifest,
            origin,
            folder,
            change,
            needs_trust: !loaded.needs_trust.is_empty(),
        })
    }

    /// Returns the runs of a lab that was added.
    fn runs_of_added(&self, lab: &LabId) -> Vec<Journal> {
        let mut journals = Journal::all(&self.paths.runs());
        let labs = self.added_labs();
        journals.retain(|journal| journal.lab == *lab && labs.of_folder(&journal.folder).is_some());
        journals
    }

    /// Carries the progress of all instances over to the present ids of a lab's exercises.
    pub(super) fn carry_renamed(&self, lab: &Lab) -> Result<(), Failure> {
        if lab.renamed.is_empty() {
            return Ok(());
        }
        let folder = self.paths.progress();
        for instance in Progress::instances(&folder, &lab.id) {
            let rename = |progress: &mut Progress| progress.rename(&lab.renamed);
            Progress::update(&folder, &lab.id, &instance, rename)?;
        }
        Ok(())
    }

    /// Returns the names of the labs to update: those that are given, or all that were added.
    pub fn labs_to_update(&self, names: &[String]) -> Result<Vec<String>, Failure> {
        let added = self.added_labs().folders().into_iter();
        let added: Vec<String> = added.map(|(name, _)| name).collect();
        if names.is_empty() {
            return Ok(added);
        }
        if let Some(name) = names.iter().find(|name| !added.contains(name)) {
            return Err(not_added(name, &added));
        }
        Ok(names.to_vec())
    }

    /// Gets a lab again from where it was added from.
    pub async fn update(&self, name: &str) -> Result<AddReport, Failure> {
        let found = self.added_labs().find(name)?;
        let lab = found.ok_or_else(|| not_added(name, &[]))?;
        match lab.origin {
            LabOrigin::File { path } => self.add_file(&path).await,
            LabOrigin::Git {
                address, reference, ..
            } => {
                let address = GitAddress { address, reference };
                self.add_repository(address, Some(name)).await
            }
        }
    }

    /// Returns a lab that was added, and the progress in all of its instances. A lab that runs cannot be removed.
    pub fn lab_to_remove(&self, name: &str) -> Result<(AddedLab, Vec<ProgressAmount>), Failure> {
        let labs = self.added_labs();
        // What is damaged, or was added before a rule that it breaks, can still be removed.
        let found = labs.find(name);
        let found = found.or_else(|error| labs.find_damaged(name).map(Some).ok_or(error))?;
        let Some(lab) = found else {
            let added = labs.folders().into_iter();
            let added: Vec<String> = added.map(|(name, _)| name).collect();
            return Err(not_added(name, &added));
        };
        if let Some(journal) = self.runs_of_added(&lab.manifest.lab).first() {
            let option = match journal.instance.is_main() {
                true => String::new(),
                false => format!(" --instance {}", journal.instance),
            };
            return Err(Failure::Usage(text!(
                "lab `{lab}` is running: first run `{command}`",
                lab = name,
                command = format!("roadlab down {name}{option}")
            )));
        }
        let folder = self.paths.progress();
        let id = &lab.manifest.lab;
        let instances = Progress::instances(&folder, id).into_iter();
        let progress = instances.filter_map(|instance| Progress::read(&folder, id, &instance).ok());
        let amounts = progress.map(|progress| progress.amount());
        let amounts = amounts.filter(|amount| !amount.is_empty()).collect();
        Ok((lab, amounts))
    }

    /// Removes a lab that was added, and the images that came with it from the engine if there is one. Progress and the
    /// learner's files stay.
    pub async fn remove_added(&self, lab: AddedLab) -> Result<RemovedLab, Failure> {
        let labs = self.added_labs();
        let loaded = labs.loaded_images(&lab.manifest.lab);
        labs.remove(&lab.manifest.lab)?;
        let names = |lab: &AddedLab| -> BTreeSet<String> {
            let names = lab.manifest.image_names().into_iter();
            names.map(str::to_owned).collect()
        };
        let others = labs.folders().into_iter();
        let others = others.filter_map(|(name, _)| labs.find(&name).ok().flatten());
        let shared: BTreeSet<String> = others.flat_map(|lab| names(&lab)).collect();
        let mut images = Vec::new();
        let own: Vec<String> = names(&lab).difference(&shared).cloned().collect();
        if !own.is_empty()
            && let Ok((engine, _)) = self.setup().existing_engine().await
        {
            for name in own {
                // An image that cannot be removed now is in use; `docker rmi` removes it later.
                if remove_image(&engine, &name, loaded.get(&name)).await {
                    images.push(name);
                }
            }
        }
        Ok(RemovedLab {
            lab: lab.manifest.lab,
            images,
        })
    }

    /// Reports that a lab was added or updated on the way to something else, or was there already.
    pub fn report_added(&self, added: &AddReport) {
        self.emit(Event::LabAdded {
            lab: added.lab.to_string(),
            version: added.manifest.version.clone(),
            digest: added.manifest.digest(),
            updated: matches!(added.change, LabChange::Updated(_)),
            unchanged: matches!(added.change, LabChange::Unchanged),
        });
    }
}

/// Loads a lab, which must have no problems in any of its files; what needs trust is none.
pub(super) fn load_sound(
    folder: &Path,
    files: &dyn crate::lab::FileSystem,
) -> Result<LoadedLab, Failure> {
    let loaded = load(folder, files).map_err(Failure::Problems)?;
    load_trial(&loaded.lab, files).map_err(Failure::Problems)?;
    Ok(loaded)
}

/// Returns problems of files in a temporary folder as problems at the place where these come from.
fn moved(failure: Failure, from: &Path, to: &Path) -> Failure {
    let Failure::Problems(mut problems) = failure else {
        return failure;
    };
    let above = from.parent().and_then(Path::parent).unwrap_or(from);
    for problem in &mut problems {
        if let Some(place) = &mut problem.place {
            if let Ok(below) = place.file.strip_prefix(from) {
                place.file = to.join(below);
            } else if let Ok(below) = place.file.strip_prefix(above) {
                place.file = to.join(below);
            }
        }
    }
    Failure::Problems(problems)
}

/// Returns whether a lab of an origin may replace one of another: a file replaces a file, and the same repository itself.
fn is_successor(before: &LabOrigin, now: &LabOrigin) -> bool {
    match (before, now) {
        (LabOrigin::File { .. }, LabOrigin::File { .. }) => true,
        (LabOrigin::Git { address, .. }, LabOrigin::Git { address: now, .. }) => address == now,
        _ => false,
    }
}

/// Chooses the lab that is named, or the only one.
fn choose(
    labs: &BTreeMap<String, Vec<String>>,
    named: Option<&str>,
    address: &str,
) -> Result<(LabId, String), Failure> {
    let known: Vec<&str> = labs.keys().map(String::as_str).collect();
    let name = match (named, known.as_slice()) {
        (Some(name), _) => name,
        (None, [only]) => only,
        (None, []) => {
            return Err(Failure::Usage(text!(
                "there is no lab in {address}",
                address
            )));
        }
        (None, several) => {
            return Err(Failure::Usage(text!(
                "there are several labs in {address}; add one with `--name`: {labs}",
                address,
                labs = several.join(", ")
            )));
        }
    };
    let Some(folders) = labs.get(name) else {
        let what = text!(
            "no such lab in {address}: `{name}`",
            address,
            name = name.escape_debug()
        );
        let problem = Problem::new(what).help(suggestion(name, known));
        return Err(Failure::Problems(vec![problem]));
    };
    let [folder] = folders.as_slice() else {
        return Err(Failure::Usage(text!(
            "there are several labs of the name `{name}` in {address}, and none of them is added: {folders}",
            name = name.escape_debug(),
            address,
            folders = folders.join(", ").escape_debug()
        )));
    };
    match LabId::new(name) {
        Ok(id) => Ok((id, folder.clone())),
        Err(error) => Err(Failure::Usage(error.text())),
    }
}

fn not_added(name: &str, added: &[String]) -> Failure {
    let what = text!("lab `{name}` was not added", name = name.escape_debug());
    let problem = Problem::new(what);
    Failure::Problems(vec![match added.is_empty() {
        true => problem.help(text!("`roadlab add FILE` adds a lab")),
        false => problem.help(suggestion(name, added.iter().map(String::as_str))),
    }])
}

/// Returns what changed from a lab that was added before to a new version of it.
fn update(before: &AddedLab, lab: &Lab, manifest: &Manifest) -> LabUpdate {
    let (old, new) = (&before.manifest, manifest);
    let all: BTreeSet<&String> = old.files.keys().chain(new.files.keys()).collect();
    let files = all
        .into_iter()
        .filter(|path| old.files.get(*path) != new.files.get(*path));
    let image = |manifest: &Manifest, service: &ServiceName| {
        let images = manifest.images.as_ref()?;
        Some(images.services.get(service)?.name.clone())
    };
    let images = lab.services.keys();
    let images = images.filter(|service| image(old, service) != image(new, service));
    // A lab that this program cannot read any more has changed altogether.
    let old_lab = load(&before.folder, &OsFs).ok().map(|loaded| loaded.lab);
    LabUpdate {
        before: old.version.clone(),
        files: files.cloned().collect(),
        images: images.cloned().collect(),
        exercises: old_lab.map_or_else(ExerciseChanges::default, |old| changes(&old, lab)),
        running: Vec::new(),
    }
}

/// Returns the differences between the exercises of two versions of a lab.
fn changes(old: &Lab, new: &Lab) -> ExerciseChanges {
    let ids = |lab: &Lab| -> Vec<ExerciseId> {
        let exercises = lab.exercises.iter();
        exercises.map(|exercise| exercise.id.clone()).collect()
    };
    let (old_ids, new_ids) = (ids(old), ids(new));
    let renamed = new.renamed.iter();
    let renamed: Vec<(ExerciseId, ExerciseId)> = renamed
        .filter(|(before, _)| old_ids.contains(before))
        .map(|(before, now)| (before.clone(), now.clone()))
        .collect();
    let differ = LabParts::read(new, &OsFs).changed_since(&LabParts::read(old, &OsFs));
    let is_changed = |id: &ExerciseId| match &differ {
        ChangedExercises::All => true,
        ChangedExercises::Some(changed) => changed.contains(id),
    };
    let is_new_name = |id: &ExerciseId| renamed.iter().any(|(_, now)| now == id);
    let is_old_name = |id: &ExerciseId| renamed.iter().any(|(before, _)| before == id);
    let (kept, added): (Vec<_>, Vec<_>) = new_ids
        .iter()
        .filter(|id| !is_new_name(id) || old_ids.contains(id))
        .cloned()
        .partition(|id| old_ids.contains(id));
    let removed = old_ids
        .iter()
        .filter(|id| !new_ids.contains(id) && !is_old_name(id));
    ExerciseChanges {
        added,
        changed: kept.into_iter().filter(is_changed).collect(),
        removed: removed.cloned().collect(),
        renamed,
    }
}

#[cfg(test)]
mod tests;
