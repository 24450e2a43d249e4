//! A Compose file to start a lab from, and the files that it refers to, which become files of the lab.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::app::new_lab::TextFile;
use crate::app::{App, Trust};
use crate::lab::{
    COMPOSE_NAMES, FileSystem, LoadedServices, Mount, OVERRIDE_NAMES, Service, compose_files,
    load_compose_files,
};
use crate::problem::{Code, Problem, ProblemKind};
use crate::runner::Failure;
use crate::store::{OsFs, RecordingFs};
use crate::text;

/// The most files and bytes that are copied.
const MAX_FILES: usize = 10_000;
const MAX_BYTES: u64 = 256 << 20;

/// Folders that no service needs and that may be large.
const LEFT_OUT: [&str; 1] = [".git"];

/// A Compose file without problems.
pub(super) struct ComposeSource {
    /// The file, and the file that Compose merges into it if there is one.
    paths: Vec<PathBuf>,
    pub(super) services: Vec<Service>,
    pub(super) notes: Vec<Problem>,
    /// The files and folders that it refers to, with canonical paths.
    used: BTreeSet<PathBuf>,
}

/// The files to copy: each with its path in the lab.
pub(super) struct Copies {
    files: BTreeMap<PathBuf, PathBuf>,
}

impl ComposeSource {
    /// Reads a Compose file as `validate` reads the one of a lab.
    pub(super) fn read(
        app: &App,
        file: &Path,
        variables: &BTreeMap<String, String>,
    ) -> Result<Self, Failure> {
        if !file.is_file() {
            let file = file.display();
            return Err(Failure::Usage(text!("no such file: {file}", file)));
        }
        let files = RecordingFs::default();
        let folder = file.parent().unwrap_or(Path::new(""));
        let usual = compose_files(folder, &files);
        // Compose merges the file of overrides only into the one that it finds by itself.
        let paths = match usual.first().is_some_and(|first| first == file) {
            true => usual,
            false => vec![file.to_owned()],
        };
        let LoadedServices {
            services,
            mut problems,
            notes,
            ..
        } = load_compose_files(&paths, variables, &files);
        if app.options.trust == Trust::Granted {
            problems.retain(|problem| problem.kind != ProblemKind::NeedsTrust);
        }
        for problem in &mut problems {
            if problem.code == Code::UndefinedVariable {
                problem.help = Some(text!(
                    "give it a value with `--var NAME=VALUE` or in the file `.env` beside it"
                ));
            }
        }
        if problems.is_empty() && services.is_empty() {
            let file = file.display();
            problems.push(Problem::new(text!("no services in {file}", file)));
        }
        if !problems.is_empty() {
            return Err(Failure::Problems(problems));
        }
        let mut used = files.files();
        for service in &services {
            let mounts = service.mounts.iter().filter_map(|mount| match mount {
                Mount::Bind { source, .. } => Some(source),
                Mount::Volume { .. } | Mount::Workspace { .. } => None,
            });
            let builds = service.recipe.iter().map(|recipe| &recipe.context);
            used.extend(
                mounts
                    .chain(builds)
                    .filter_map(|path| OsFs.canonical_path(path)),
            );
        }
        Ok(Self {
            paths,
            services,
            notes,
            used,
        })
    }

    /// Returns the file that adds what was guessed, and where Compose would not merge it by itself, one that includes all.
    pub(super) fn own_files(&self, added: Option<String>) -> Vec<TextFile> {
        let mut files = Vec::new();
        if self.has_override() {
            let mut included = vec![SERVICES, SERVICES_OVERRIDE];
            included.extend(added.is_some().then_some(ADDED));
            let list = included.join(", ");
            let text = format!("include:\n  - path: [{list}]\n");
            files.push((PathBuf::from(COMPOSE_NAMES[0]), text));
            files.extend(added.map(|text| (PathBuf::from(ADDED), text)));
        } else {
            files.extend(added.map(|text| (PathBuf::from(OVERRIDE_NAMES[1]), text)));
        }
        files
    }

    fn has_override(&self) -> bool {
        self.paths.len() > 1
    }

    /// Returns the name that a Compose file has in the lab.
    fn name_of(&self, at: usize) -> String {
        let name = self.paths[at].file_name().and_then(|name| name.to_str());
        match (self.has_override(), at, name) {
            (true, 0, _) => SERVICES.to_owned(),
            (true, ..) => SERVICES_OVERRIDE.to_owned(),
            // Another file may extend it by its name.
            (false, _, Some(name)) if COMPOSE_NAMES.contains(&name) => name.to_owned(),
            (false, ..) => COMPOSE_NAMES[0].to_owned(),
        }
    }

    /// Finds the files to copy. `labs` is the folder of the new lab, which is left out if the Compose file is above it.
    pub(super) fn copies(&self, labs: &Path) -> Result<Copies, Failure> {
        let first = self.paths.first().and_then(|path| path.parent());
        let first = first.unwrap_or(Path::new(""));
        let root = OsFs
            .canonical_path(first)
            .unwrap_or_else(|| first.to_owned());
        let labs = OsFs.canonical_path(labs);
        let mut walk = Walk {
            root: &root,
            labs: labs.as_deref(),
            files: BTreeMap::new(),
            bytes: 0,
        };
        let own: Vec<Option<PathBuf>> = self
            .paths
            .iter()
            .map(|path| OsFs.canonical_path(path))
            .collect();
        let outside = self.used.iter().filter(|path| !path.starts_with(&root));
        let outside: Vec<Problem> = outside
            .map(|path| {
                let what = text!(
                    "{file} is outside the folder of the Compose file",
                    file = path.display()
                );
                let help = text!("copy it below {folder}", folder = root.display());
                Problem::new(what).code(Code::UnreadableFile).help(help)
            })
            .collect();
        if !outside.is_empty() {
            return Err(Failure::Problems(outside));
        }
        for path in &self.used {
            walk.add(path)?;
        }
        // Compose would take another file of a usual name for the lab's own.
        walk.files.retain(|_, below| {
            let name = below.to_str().unwrap_or_default();
            !COMPOSE_NAMES.contains(&name) && !OVERRIDE_NAMES.contains(&name)
        });
        for (at, path) in own.into_iter().enumerate() {
            if let Some(path) = path {
                walk.files.insert(path, PathBuf::from(self.name_of(at)));
            }
        }
        Ok(Copies { files: walk.files })
    }
}

/// The names of the files in a lab whose Compose file had one of overrides beside it.
const SERVICES: &str = "services.yaml";
const SERVICES_OVERRIDE: &str = "services.override.yaml";
const ADDED: &str = "services.roadlab.yaml";

struct Walk<'a> {
    root: &'a Path,
    labs: Option<&'a Path>,
    files: BTreeMap<PathBuf, PathBuf>,
    bytes: u64,
}

impl Walk<'_> {
    fn add(&mut self, path: &Path) -> Result<(), Failure> {
        let refused = |reason: &dyn std::fmt::Display| {
            let file = path.display();
            Failure::Usage(text!("cannot read {file}: {reason}", file, reason))
        };
        let metadata = path.symlink_metadata().map_err(|error| refused(&error))?;
        if metadata.is_dir() {
            let name = path.file_name().and_then(|name| name.to_str());
            let left_out = name.is_some_and(|name| LEFT_OUT.contains(&name));
            // The folder of labs itself may be what was asked for.
            let is_labs = path != self.root && self.labs == Some(path);
            if left_out || is_labs {
                return Ok(());
            }
            let entries = std::fs::read_dir(path).map_err(|error| refused(&error))?;
            let entries = entries.flatten().map(|entry| entry.path());
            return entries.into_iter().try_for_each(|entry| self.add(&entry));
        }
        let below = path.strip_prefix(self.root).unwrap_or(path).to_owned();
        if self.files.insert(path.to_owned(), below).is_none() {
            self.bytes += metadata.len();
        }
        if self.files.len() > MAX_FILES || self.bytes > MAX_BYTES {
            return Err(Failure::Usage(text!(
                "{folder} has more than {files} files or {size} MiB that the services refer to; copy what they need into a folder of its own",
                folder = self.root.display(),
                files = MAX_FILES,
                size = MAX_BYTES >> 20
            )));
        }
        Ok(())
    }
}

impl Copies {
    /// Copies the files into the folder of the lab.
    pub(super) fn copy_to(&self, lab: &Path) -> std::io::Result<()> {
        for (source, below) in &self.files {
            let target = lab.join(below);
            std::fs::create_dir_all(target.parent().unwrap_or(lab))?;
            match source.symlink_metadata()?.is_symlink() {
                true => std::os::unix::fs::symlink(std::fs::read_link(source)?, &target)?,
                false => std::fs::copy(source, &target).map(drop)?,
            }
        }
        Ok(())
    }
}
