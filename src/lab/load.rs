//! A lab's files become a [`Lab`], or everything that is wrong with them at once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::lab::agree;
use crate::lab::compose::{compose_vars, services};
use crate::lab::compose_limits::{networks, volumes};
use crate::lab::fields::Problems;
use crate::lab::files::normalize;
use crate::lab::guide::Guide;
use crate::lab::include;
use crate::lab::lab_file;
use crate::lab::model::{Lab, Network};
use crate::lab::policy;
use crate::lab::vars::Vars;
use crate::lab::yaml::Node;
use crate::lab::{FileSystem, LabId, Lang};
use crate::problem::{Place, Problem, ProblemKind};

/// The names that a lab's Compose file may have, as Compose looks for them.
const COMPOSE_NAMES: [&str; 2] = ["compose.yaml", "compose.yml"];

/// How many problems are told at once.
const MOST_TOLD: usize = 100;

/// The most languages that a lab has guides in.
const MOST_GUIDES: usize = 16;

/// A lab whose files are sound, and what it requests beyond the policy.
#[derive(Debug)]
pub struct LoadedLab {
    pub lab: Lab,
    /// Problems of kind [`ProblemKind::NeedsTrust`] only.
    pub needs_trust: Vec<Problem>,
}

/// Loads the lab in a folder.
///
/// # Errors
/// All problems of the lab, in the order of the files, if at least one is of another kind than
/// [`ProblemKind::NeedsTrust`]. A [`Lab`] with such a problem is never returned.
pub fn load(folder: &Path, files: &dyn FileSystem) -> Result<LoadedLab, Vec<Problem>> {
    let mut problems = Vec::new();
    let lab = read(folder, files, &mut problems);
    let needs_trust = tell(problems);
    let only_trust = needs_trust
        .iter()
        .all(|problem| problem.kind == ProblemKind::NeedsTrust);
    match lab.filter(|_| only_trust) {
        Some(lab) => Ok(LoadedLab { lab, needs_trust }),
        None => Err(needs_trust),
    }
}

/// Problems in the order of the files, each once, and no more than anybody reads. What the policy refuses comes along.
fn tell(mut problems: Problems) -> Problems {
    problems.sort_by(|a, b| a.place.cmp(&b.place));
    problems.dedup();
    if problems.len() > MOST_TOLD {
        let more = problems.len() - MOST_TOLD;
        let worst = problems
            .iter()
            .map(|problem| problem.kind)
            .find(|kind| *kind == ProblemKind::Refused);
        problems.truncate(MOST_TOLD);
        let last = Problem::new(format!("and {more} problems more"));
        problems.push(last.kind(worst.unwrap_or(ProblemKind::Lab)));
    }
    problems
}

/// Everything that is wrong with a folder that has only a Compose file: an entry of the catalogue.
pub fn load_catalogue(folder: &Path, files: &dyn FileSystem) -> Vec<Problem> {
    let mut problems = Vec::new();
    let path = folder.join(COMPOSE_NAMES[0]);
    let found = include::compose(&path, files, &compose_vars(&Vars::new()), &mut problems);
    services(&found, files, &mut problems);
    volumes(&found, &mut problems);
    networks(&found, &mut problems);
    tell(problems)
}

fn read(folder: &Path, files: &dyn FileSystem, problems: &mut Problems) -> Option<Lab> {
    let name = folder
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let id = LabId::new(name)
        .map_err(|error| problems.push(Problem::new(error.to_string()).at(Place::file(folder))))
        .ok();
    let lab_path = folder.join("lab.yaml");
    let root = source(&lab_path, files, problems).and_then(|text| {
        Node::parse(&lab_path, &text)
            .map_err(|problem| problems.push(problem))
            .ok()
    });
    let vars = root
        .as_ref()
        .map(|root| lab_file::vars(root, problems))
        .unwrap_or_default();
    let file = root
        .as_ref()
        .and_then(|root| lab_file::read(root, &vars, problems));
    let compose_path = COMPOSE_NAMES
        .map(|name| folder.join(name))
        .into_iter()
        .find(|path| files.canonical_path(path).is_some());
    let compose_path = compose_path.unwrap_or_else(|| folder.join(COMPOSE_NAMES[0]));
    let found = include::compose(&compose_path, files, &compose_vars(&vars), problems);
    let services = services(&found, files, problems);
    volumes(&found, problems);
    let networks = networks(&found, problems)
        .into_iter()
        .map(|(name, internal)| match internal {
            true => (name, Network::Internal),
            false => (name, Network::Open),
        });
    let guides = guides(folder, files, problems);
    let file = file.filter(|_| found.unreadable == 0)?;
    let workspace = file.workspace.as_ref().and_then(|(path, at)| {
        let path = normalize(&folder.join(path));
        let canonical_path = files.canonical_path(&path).filter(|canonical_path| {
            files
                .canonical_path(folder)
                .is_some_and(|root| canonical_path.starts_with(root))
        });
        if canonical_path.is_none() {
            let what = format!("there is no folder {} in the lab", path.display());
            problems.push(Problem::new(what).at(at.place()));
        }
        if let Some(why) = canonical_path
            .as_deref()
            .and_then(|canonical_path| files.unsafe_to_mount(canonical_path))
        {
            problems.push(policy::refuse(at, why).help("copy the file into the lab's folder"));
        }
        canonical_path.map(|_| path)
    });
    let place = file.root.place();
    let nodes: Vec<_> = file
        .exercises
        .iter()
        .map(|(_, node)| node.place())
        .collect();
    let lab = Lab {
        id: id?,
        folder: folder.to_owned(),
        level: file.level,
        minutes: file.minutes,
        roadmap: file.roadmap,
        vars,
        workspace,
        services: services
            .into_iter()
            .map(|service| (service.name.clone(), service))
            .collect(),
        networks: networks.collect(),
        start: file.start,
        health: file.health,
        exercises: file
            .exercises
            .into_iter()
            .map(|(exercise, _)| exercise)
            .collect(),
        guides,
    };
    agree::check(&lab, &place, &nodes, problems);
    (!lab.guides.is_empty()).then_some(lab)
}

fn source(path: &Path, files: &dyn FileSystem, problems: &mut Problems) -> Option<String> {
    let read = files.read(path);
    read.map_err(|reason| {
        problems.push(Problem::new(format!("cannot read it: {reason}")).at(Place::file(path)))
    })
    .ok()
}

fn guides(folder: &Path, files: &dyn FileSystem, problems: &mut Problems) -> BTreeMap<Lang, Guide> {
    let mut guides = BTreeMap::new();
    let file_names = files.file_names(folder);
    let found = file_names.iter().filter_map(|name| {
        let tag = name.strip_prefix("guide.")?.strip_suffix(".md")?;
        Some((name, Lang::parse(tag)?))
    });
    let found: Vec<_> = found.collect();
    if found.len() > MOST_GUIDES {
        let what = format!("a lab has guides in at most {MOST_GUIDES} languages");
        problems.push(Problem::new(what).at(Place::file(folder)));
    }
    for (name, lang) in found.into_iter().take(MOST_GUIDES) {
        let path = folder.join(name);
        if let Some(text) = source(&path, files, problems) {
            guides.insert(lang, Guide::parse(&path, &text, problems));
        }
    }
    if !guides.contains_key(&Lang::english()) {
        let path: PathBuf = folder.join("guide.en.md");
        let help = "English is what learners of other languages fall back to";
        problems.push(
            Problem::new("there is no English guide")
                .at(Place::file(path))
                .help(help),
        );
    }
    guides
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
