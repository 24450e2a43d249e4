//! Loads a lab from its folder.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::lab::compose::{
    Composition, Services, check_files, check_volumes, compose_variables, env_place,
    read_composition, read_env_defaults, read_networks, read_services,
};
use crate::lab::consistency;
use crate::lab::file_system::{FileSystem, normalize};
use crate::lab::guide::Guide;
use crate::lab::id::{LabId, ServiceName};
use crate::lab::lab_file;
use crate::lab::lab_order::earlier_labs;
use crate::lab::lang::Lang;
use crate::lab::model::{Lab, Network};
use crate::lab::policy;
use crate::lab::random::{Draw, RandomValues};
use crate::lab::script_files::ScriptFiles;
use crate::lab::service::Service;
use crate::lab::template::{TemplateError, render_without_addresses};
use crate::lab::variables::Variables;
use crate::lab::yaml::{Node, Problems};
use crate::problem::{Code, Place, Problem, ProblemKind, without_duplicates};
use crate::text;

/// The names that a lab's Compose file may have, and the file that is merged into it, in the order in which Compose looks
/// for them.
pub const COMPOSE_NAMES: [&str; 4] = [
    "compose.yaml",
    "compose.yml",
    "docker-compose.yml",
    "docker-compose.yaml",
];
pub const OVERRIDE_NAMES: [&str; 4] = [
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

/// The most problems that are reported at once.
const MAX_PROBLEMS: usize = 100;

/// The most languages that a lab has guides in.
const MAX_GUIDES: usize = 16;

/// A sound lab, and what it requests that needs `--trust`.
#[derive(Debug)]
pub struct LoadedLab {
    pub lab: Lab,
    /// Problems of kind [`ProblemKind::NeedsTrust`] only.
    pub needs_trust: Vec<Problem>,
    /// Problems of kind [`ProblemKind::Note`] only.
    pub notes: Vec<Problem>,
}

/// Loads the lab in a folder, before a draw of its random values.
///
/// # Errors
/// All problems of the lab, in the order of the files, if at least one is of another kind than
/// [`ProblemKind::NeedsTrust`]. A [`Lab`] with such a problem is never returned.
pub fn load(folder: &Path, files: &dyn FileSystem) -> Result<LoadedLab, Vec<Problem>> {
    load_drawn(folder, &|_| None, files)
}

/// Loads the lab in a folder with the random values of its draw, if it has such values and `draw` returns one.
///
/// # Errors
/// As [`load`].
pub fn load_drawn(
    folder: &Path,
    draw: &dyn Fn(&LabId) -> Option<Draw>,
    files: &dyn FileSystem,
) -> Result<LoadedLab, Vec<Problem>> {
    let mut problems = Vec::new();
    let lab = read(folder, draw, files, &mut problems);
    let (notes, problems) = split_notes(problems);
    let needs_trust = finish(problems);
    let only_trust = needs_trust
        .iter()
        .all(|problem| problem.kind == ProblemKind::NeedsTrust);
    match lab.filter(|_| only_trust) {
        Some(lab) => Ok(LoadedLab {
            lab,
            needs_trust,
            notes: finish(notes),
        }),
        None => Err(needs_trust),
    }
}

fn split_notes(problems: Problems) -> (Problems, Problems) {
    let is_note = |problem: &Problem| problem.kind == ProblemKind::Note;
    problems.into_iter().partition(is_note)
}

/// The order in which the files of a lab are reported: a problem of lab.yaml may be the cause of others.
fn rank(problem: &Problem) -> u8 {
    let name = problem
        .place
        .as_ref()
        .and_then(|place| place.file.file_name());
    match name.and_then(|name| name.to_str()) {
        Some("lab.yaml") => 0,
        Some(name) if name.starts_with("guide.") => 2,
        _ => 1,
    }
}

/// Returns whether a problem may be the consequence of another one: a name, a port or a section that is missing because of it.
fn may_follow(problem: &Problem) -> bool {
    let codes = [
        Code::UnknownName,
        Code::UndefinedVariable,
        Code::Port,
        Code::GuideMismatch,
    ];
    codes.contains(&problem.code)
}

/// Sorts problems by their place, removes duplicates, and limits their number. The last problem then says how many are
/// missing, and is refused if any was; those that may follow from others are left out first.
fn finish(mut problems: Problems) -> Problems {
    let in_order = |a: &Problem, b: &Problem| (rank(a), &a.place).cmp(&(rank(b), &b.place));
    problems.sort_by(in_order);
    let mut problems = without_duplicates(problems);
    if problems.len() > MAX_PROBLEMS {
        let refused = problems
            .iter()
            .any(|problem| problem.kind == ProblemKind::Refused);
        let count = problems.len() - MAX_PROBLEMS;
        problems.sort_by_key(may_follow);
        problems.truncate(MAX_PROBLEMS);
        problems.sort_by(in_order);
        let last = Problem::new(text!("{count} more problems", count));
        problems.push(match refused {
            true => last.kind(ProblemKind::Refused),
            false => last,
        });
    }
    problems
}

/// The services of a folder of Compose files without a lab: an entry of the catalogue, or files to start a lab from.
#[derive(Debug)]
pub struct LoadedServices {
    pub services: Vec<Service>,
    /// Services that do not start because of their profiles.
    pub inactive: Vec<ServiceName>,
    pub networks: BTreeMap<String, Network>,
    /// Problems of all kinds but notes.
    pub problems: Vec<Problem>,
    pub notes: Vec<Problem>,
}

/// Reads the Compose files of a folder, with the variables of its `.env` and of `variables`, which win.
pub fn load_services(
    folder: &Path,
    variables: &BTreeMap<String, String>,
    files: &dyn FileSystem,
) -> LoadedServices {
    let paths = compose_files(folder, files);
    let mut loaded = load_compose_files(&paths, variables, files);
    refuse_other_files(folder, &paths, files, &mut loaded.problems);
    loaded
}

/// Reads Compose files of any names, of which later ones are merged into the first, with the variables of the `.env` beside
/// the first and of `variables`, which win.
pub fn load_compose_files(
    paths: &[PathBuf],
    variables: &BTreeMap<String, String>,
    files: &dyn FileSystem,
) -> LoadedServices {
    let folder = paths.first().and_then(|path| path.parent());
    let folder = folder.unwrap_or(Path::new(""));
    let mut problems = Vec::new();
    let variables = with_env_file(folder, variables.clone(), files, &mut problems);
    let (_, services, networks) = read_compose(paths, &variables, files, &mut problems);
    consistency::check_cycles(services.active.iter(), &mut problems);
    let (notes, problems) = split_notes(problems);
    LoadedServices {
        services: services.active,
        inactive: services.inactive.into_keys().collect(),
        networks,
        problems: finish(problems),
        notes: finish(notes),
    }
}

/// Adds the variables of the file `.env` of a lab, as defaults.
fn with_env_file(
    folder: &Path,
    mut variables: Variables,
    files: &dyn FileSystem,
    problems: &mut Problems,
) -> Variables {
    let path = folder.join(".env");
    if files.canonical_path(&path).is_some() {
        for (name, value) in read_env_defaults(&path, files, &variables, problems) {
            variables.entry(name).or_insert(value);
        }
    }
    variables
}

/// Returns the Compose file of a folder, and the file that Compose merges into it if there is one.
pub fn compose_files(folder: &Path, files: &dyn FileSystem) -> Vec<PathBuf> {
    let find = |names: [&str; 4]| {
        let mut paths = names.map(|name| folder.join(name)).into_iter();
        paths.find(|path| files.canonical_path(path).is_some())
    };
    let mut paths = vec![find(COMPOSE_NAMES).unwrap_or_else(|| folder.join(COMPOSE_NAMES[0]))];
    paths.extend(find(OVERRIDE_NAMES));
    paths
}

/// Refuses `COMPOSE_FILE` in the `.env` of a folder, unless it names the files that are read.
fn refuse_other_files(
    folder: &Path,
    paths: &[PathBuf],
    files: &dyn FileSystem,
    problems: &mut Problems,
) {
    const NAME: &str = "COMPOSE_FILE";
    let path = folder.join(".env");
    let Ok(text) = files.read(&path) else {
        return;
    };
    // Its problems are reported where its variables are read.
    let variables = read_env_defaults(&path, files, &Variables::new(), &mut Problems::new());
    let Some(written) = variables.get(NAME).filter(|written| !written.is_empty()) else {
        return;
    };
    let named = written.split(':').map(|name| normalize(&folder.join(name)));
    if named.eq(paths.iter().map(|path| normalize(path))) {
        return;
    }
    let is_there = |line: &str| {
        let line = line.trim_start();
        let line = line.strip_prefix("export ").unwrap_or(line);
        line.trim_start().starts_with(NAME)
    };
    let line = text.lines().position(is_there).map_or(1, |at| at + 1);
    let what = text!(
        "`{name}` names other files: `{written}`",
        name = NAME,
        written
    );
    let read = paths.first().and_then(|path| path.file_name());
    let help = text!(
        "remove it, and name the files in `include` of {file}",
        file = read.unwrap_or_default().display()
    );
    let problem = Problem::new(what).code(Code::UnknownName).help(help);
    problems.push(problem.at(env_place(&path, &text, line)));
}

fn read_compose(
    paths: &[PathBuf],
    variables: &Variables,
    files: &dyn FileSystem,
    problems: &mut Problems,
) -> (Composition, Services, BTreeMap<String, Network>) {
    let found = read_composition(paths, files, &compose_variables(variables), problems);
    let services = read_services(&found, files, problems);
    check_volumes(&found, problems);
    check_files(&found, problems);
    let networks = read_networks(&found, problems);
    (found, services, networks)
}

fn read(
    folder: &Path,
    draw: &dyn Fn(&LabId) -> Option<Draw>,
    files: &dyn FileSystem,
    problems: &mut Problems,
) -> Option<Lab> {
    // A path such as `.` does not show the name.
    let canonical = match folder.file_name() {
        Some(_) => None,
        None => files.canonical_path(folder),
    };
    let name = canonical
        .as_deref()
        .unwrap_or(folder)
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let id = LabId::new(name)
        .map_err(|error| {
            problems.push(
                Problem::new(error.text())
                    .code(Code::InvalidName)
                    .at(Place::file(folder)),
            )
        })
        .ok();
    let lab_path = folder.join("lab.yaml");
    let root = read_source(&lab_path, files, problems).and_then(|source| {
        Node::parse(&lab_path, &source)
            .map_err(|problem| problems.push(problem))
            .ok()
    });
    if let Some(problem) = root.as_ref().and_then(lab_file::unreadable_format) {
        // What another format means, this program does not know.
        problems.clear();
        problems.push(problem);
        return None;
    }
    let variables = root
        .as_ref()
        .map(|root| lab_file::read_variables(root, problems))
        .unwrap_or_default();
    let variables = with_env_file(folder, variables, files, problems);
    let random = match &root {
        Some(root) => {
            let drawn = id.as_ref().filter(|_| RandomValues::are_in(root));
            let draw = drawn.and_then(draw);
            RandomValues::read(root, &variables, draw.as_ref(), problems)
        }
        None => RandomValues::default(),
    };
    let scripts = ScriptFiles { folder, files };
    let file = root
        .as_ref()
        .and_then(|root| lab_file::read(root, &variables, &random, &scripts, problems));
    let paths = compose_files(folder, files);
    refuse_other_files(folder, &paths, files, problems);
    let for_compose = refuse_in_compose(&paths, &random, &variables, files, problems);
    let (found, services, networks) = read_compose(&paths, &for_compose, files, problems);
    let mut variables = variables;
    variables.extend(random.shown());
    // A folder whose name is not an id is a problem already.
    let name = id
        .clone()
        .unwrap_or_else(|| LabId::new("lab").expect("a valid name"));
    let render = |text: &str| render_without_addresses(text, &name, &variables);
    // Without lab.yaml its variables are unknown, but not wrong.
    let mut guide_problems = Vec::new();
    let mut used = BTreeSet::new();
    let mut collect = |source: &str| used.extend(random.named_in(source));
    let guides = read_guides(folder, files, &render, &mut collect, &mut guide_problems);
    match root {
        Some(_) => problems.extend(guide_problems),
        None => problems.retain(|problem| problem.code != Code::UndefinedVariable),
    }
    if let Some(file) = &file {
        used.extend(file.random.iter().cloned());
        random.check_used(&used, problems);
        let services = found.services.iter().map(|service| service.name.as_str());
        random.check_names(&file.captures, services, problems);
    }
    if let Some((file, id)) = file.as_ref().zip(id.as_ref())
        && let Some(own) = earlier_labs(&file.root)
            .into_iter()
            .find(|one| one.lab == *id)
    {
        let what = text!("`after` of lab `{id}` names the lab itself", id);
        let help = text!("remove `{id}` from `after`", id);
        let problem = Problem::new(what).code(Code::Order).help(help);
        problems.push(problem.at(own.place));
    }
    let file = file.filter(|_| found.unreadable == 0)?;
    let named_workspace = file.workspace.as_ref();
    let workspace = named_workspace
        .and_then(|(path, node)| find_workspace(folder, path, node, files, problems));
    let place = file.root.place();
    let (exercises, nodes): (Vec<_>, Vec<_>) = file.exercises.into_iter().unzip();
    let lab = Lab {
        id: id?,
        folder: folder.to_owned(),
        level: file.level,
        minutes: file.minutes,
        roadmap: file.roadmap,
        after: file.after,
        vars: variables,
        random,
        workspace,
        services: services
            .active
            .into_iter()
            .map(|service| (service.name.clone(), service))
            .collect(),
        inactive: services.inactive,
        networks,
        start: file.start,
        health: file.health,
        exercises,
        guides,
        about: file.about,
        renamed: file.renamed,
    };
    let broken = consistency::Broken {
        // What could not be read is reported already.
        services: found
            .services
            .iter()
            .filter_map(|part| ServiceName::new(&part.name).ok())
            .filter(|name| !lab.services.contains_key(name) && !lab.inactive.contains_key(name))
            .chain(services.broken)
            .collect(),
        exercises: file.broken,
        workspace: file.broken_workspace || named_workspace.is_some() && lab.workspace.is_none(),
    };
    consistency::check(&lab, &broken, &place, &nodes, problems);
    Some(lab)
}

/// Refuses references to random values in the Compose files of a lab. Returns the variables that the files are read with, so that
/// nothing follows from such a reference.
fn refuse_in_compose(
    paths: &[PathBuf],
    random: &RandomValues,
    variables: &Variables,
    files: &dyn FileSystem,
    problems: &mut Problems,
) -> Variables {
    if random.is_empty() {
        return variables.clone();
    }
    // A file that cannot be read or parsed is reported where it is read.
    let sources = paths.iter();
    let sources = sources.filter_map(|path| Some((path, files.read(path).ok()?)));
    for root in sources.filter_map(|(path, source)| Node::parse(path, &source).ok()) {
        random.refuse_in_compose(&root, problems);
    }
    random.add_to(variables)
}

/// Returns the folder that `workspace` names, which must be in the lab's folder.
fn find_workspace(
    folder: &Path,
    written: &str,
    node: &Node,
    files: &dyn FileSystem,
    problems: &mut Problems,
) -> Option<PathBuf> {
    let path = normalize(&folder.join(written));
    let root = files.canonical_path(folder)?;
    let canonical = files.canonical_path(&path);
    let Some(canonical) = canonical.filter(|canonical| canonical.starts_with(root)) else {
        let what = text!("no such folder in the lab: {path}", path = path.display());
        problems.push(
            Problem::new(what)
                .code(Code::UnreadableFile)
                .at(node.place()),
        );
        return None;
    };
    if let Some(reason) = files.unsafe_to_mount(&canonical) {
        let help = text!("copy the file into the lab's folder");
        problems.push(policy::refused(node, reason.text()).help(help));
    }
    Some(path)
}

fn read_source(path: &Path, files: &dyn FileSystem, problems: &mut Problems) -> Option<String> {
    let report = |error: crate::lab::file_system::ReadError| {
        let what = text!("cannot read this file: {reason}", reason = error.text());
        problems.push(
            Problem::new(what)
                .code(Code::UnreadableFile)
                .at(Place::file(path)),
        );
    };
    files.read(path).map_err(report).ok()
}

fn read_guides(
    folder: &Path,
    files: &dyn FileSystem,
    render: &dyn Fn(&str) -> Result<String, TemplateError>,
    each: &mut dyn FnMut(&str),
    problems: &mut Problems,
) -> BTreeMap<Lang, Guide> {
    let mut guides = BTreeMap::new();
    let file_names = files.file_names(folder);
    let found = file_names.iter().filter_map(|name| {
        let tag = name.strip_prefix("guide.")?.strip_suffix(".md")?;
        Some((name, Lang::parse(tag)?))
    });
    let found: Vec<_> = found.collect();
    if found.len() > MAX_GUIDES {
        let what = text!("too many guides: the limit is {limit}", limit = MAX_GUIDES);
        problems.push(Problem::new(what).code(Code::Limit).at(Place::file(folder)));
    }
    let is_other =
        |name: &str| name.starts_with("guide") && !found.iter().any(|(guide, _)| *guide == name);
    for name in file_names
        .iter()
        .filter(|name| name.ends_with(".md") && is_other(name))
    {
        let what = text!("this file is not read as a guide");
        let help = text!("name guides `guide.en.md`, `guide.ko.md` and so on");
        let note = Problem::new(what).kind(ProblemKind::Note).help(help);
        problems.push(note.at(Place::file(folder.join(name))));
    }
    for (name, lang) in found.into_iter().take(MAX_GUIDES) {
        let path = folder.join(name);
        if let Some(source) = read_source(&path, files, problems) {
            each(&source);
            guides.insert(lang, Guide::parse(&path, &source, render, problems));
        }
    }
    if !guides.contains_key(&Lang::english()) {
        let what = text!("missing English guide");
        let help = text!("it is shown to learners whose language has no guide");
        let place = Place::file(folder.join("guide.en.md"));
        problems.push(
            Problem::new(what)
                .code(Code::GuideMismatch)
                .at(place)
                .help(help),
        );
    }
    guides
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod broken_labs_tests;
