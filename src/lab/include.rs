//! `include` and `extends`: several Compose files become one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::lab::FileSystem;
use crate::lab::fields::{Fields, Problems, entries, list, text};
use crate::lab::files::normalize;
use crate::lab::merge::{child, merge};
use crate::lab::policy;
use crate::lab::vars::{Dialect, Vars, fill};
use crate::lab::yaml::{Kind, Node};
use crate::problem::{Place, Problem};

/// How many files may include one another in a row, and how many are read in all.
const DEEPEST: usize = 8;
const MOST_FILES: usize = 64;

/// The most services, and the most volumes, networks and configs each, of a lab.
const MOST_SERVICES: usize = 32;

/// The parts of a lab's Compose files, put together but not yet read.
#[derive(Debug, Default)]
pub(crate) struct Composition {
    pub services: Vec<(String, Node)>,
    pub volumes: Vec<(String, Node)>,
    pub networks: Vec<(String, Node)>,
    pub configs: Vec<(String, Node)>,
    /// Files that could not be read: what is missing then says nothing about the lab.
    pub unreadable: usize,
}

/// Reads a Compose file and all that it includes.
pub(crate) fn compose(
    path: &Path,
    files: &dyn FileSystem,
    vars: &Vars,
    problems: &mut Problems,
) -> Composition {
    let folder = path.parent().unwrap_or(Path::new(""));
    let catalogue = normalize(&folder.join("../../compose"));
    let homes = [folder, &catalogue];
    let mut reader = Reader {
        files,
        vars,
        problems,
        homes: homes
            .into_iter()
            .filter_map(|home| files.canonical_path(home))
            .collect(),
        read: 0,
        open: Vec::new(),
        done: Composition::default(),
    };
    reader.file(path, None);
    reader.done
}

struct Reader<'a> {
    files: &'a dyn FileSystem,
    vars: &'a Vars,
    problems: &'a mut Problems,
    /// Where files may lie: in the lab's folder, and in the catalogue beside the folder of labs.
    homes: Vec<PathBuf>,
    /// How many files were read.
    read: usize,
    open: Vec<PathBuf>,
    done: Composition,
}

impl Reader<'_> {
    /// Reads one file into the composition; `asked` is the line that wants it.
    fn file(&mut self, path: &Path, asked: Option<&Node>) {
        let Some(root) = self.parse(path, asked) else {
            return;
        };
        self.open.push(path.to_owned());
        let mut found = Vec::new();
        if let Some(mut fields) = Fields::open(&root, "compose file", self.problems) {
            fields.ignore(&["name", "version"]);
            for item in fields.list("include", self.problems) {
                for included in self.include_paths(item) {
                    self.file(&included, Some(item));
                }
            }
            for (key, kind) in [
                ("services", 0),
                ("volumes", 1),
                ("networks", 2),
                ("configs", 3),
            ] {
                if let Some(node) = fields.get(key) {
                    let inner = entries(node, key, self.problems);
                    found.extend(
                        inner
                            .into_iter()
                            .map(|(name, value)| (kind, name, value.clone())),
                    );
                }
            }
            if let Some(secrets) = fields.get("secrets") {
                let what =
                    "`secrets` would read files or the environment of this machine".to_owned();
                self.problems.push(policy::refuse(secrets, what));
            }
            close_with_extensions(fields, self.problems);
        }
        for (kind, name, value) in found {
            let value = if kind == 0 && self.done.services.len() < MOST_SERVICES {
                self.extended(&root, &name, value)
            } else {
                value
            };
            let list = match kind {
                0 => &mut self.done.services,
                1 => &mut self.done.volumes,
                2 => &mut self.done.networks,
                _ => &mut self.done.configs,
            };
            if list.len() >= MOST_SERVICES {
                let what = format!(
                    "a lab has at most {MOST_SERVICES} services, and as many volumes, networks and configs"
                );
                self.problems.push(Problem::new(what).at(value.place()));
                break;
            }
            match list.iter().find(|(known, _)| *known == name) {
                // The Compose Specification: an included resource may not be defined again.
                Some((_, known)) if kind == 0 => {
                    let help = format!(
                        "it is in {} too; adapt it with `extends`",
                        known.file().display()
                    );
                    let problem = Problem::new(format!("service `{name}` is defined twice"))
                        .at(value.place());
                    self.problems.push(problem.help(help));
                }
                Some(_) => {}
                None => list.push((name, value)),
            }
        }
        self.open.pop();
    }

    fn parse(&mut self, path: &Path, asked: Option<&Node>) -> Option<Node> {
        let parsed = self.try_parse(path, asked);
        self.done.unreadable += usize::from(parsed.is_none());
        parsed
    }

    fn try_parse(&mut self, path: &Path, asked: Option<&Node>) -> Option<Node> {
        let place = || asked.map_or_else(|| Place::file(path), Node::place);
        if self.open.iter().any(|open| open == path) {
            let what = format!("{} includes itself", path.display());
            self.problems.push(Problem::new(what).at(place()));
            return None;
        }
        if self.open.len() >= DEEPEST {
            self.problems.push(
                Problem::new(format!("more than {DEEPEST} files include one another")).at(place()),
            );
            return None;
        }
        self.read += 1;
        if self.read > MOST_FILES {
            // Told once, however many more there are.
            if self.read == MOST_FILES + 1 {
                let what = format!("more than {MOST_FILES} files are included or extended");
                self.problems.push(Problem::new(what).at(place()));
            }
            return None;
        }
        let source = match self.files.read(path) {
            Ok(source) => source,
            Err(reason) => {
                self.problems.push(
                    Problem::new(format!("cannot read {}: {reason}", path.display())).at(place()),
                );
                return None;
            }
        };
        match Node::parse(path, &source) {
            Ok(node) => Some(fill(
                &node,
                self.vars,
                &BTreeSet::new(),
                Dialect::Compose,
                self.problems,
            )),
            Err(problem) => {
                self.problems.push(problem);
                None
            }
        }
    }

    /// `include: [path]` or `include: [{ path: … }]`.
    fn include_paths(&mut self, item: &Node) -> Vec<PathBuf> {
        let written: Vec<String> = match &item.kind {
            Kind::Map(_) => {
                let Some(mut fields) = Fields::open(item, "include", self.problems) else {
                    return Vec::new();
                };
                let paths = fields.one_or_many("path");
                let paths = paths
                    .into_iter()
                    .filter_map(|p| text(p, "path", self.problems))
                    .collect();
                fields.close(self.problems);
                paths
            }
            _ => text(item, "include", self.problems).into_iter().collect(),
        };
        written
            .into_iter()
            .filter_map(|written| self.local(item, &written))
            .collect()
    }

    /// A path beside the file that names it; anything remote is refused.
    fn local(&mut self, at: &Node, written: &str) -> Option<PathBuf> {
        let remote = ["://", "git@", "github.com/", "oci:"];
        let remote = remote.iter().any(|sign| written.contains(sign));
        let shown = written.escape_debug();
        if remote || Path::new(written).is_absolute() || written.starts_with('~') {
            let what = format!("`{shown}` is not a file beside this one");
            self.problems
                .push(policy::refuse(at, what).help("copy the file into the lab's folder"));
            return None;
        }
        let path = normalize(&at.file().parent().unwrap_or(Path::new("")).join(written));
        let canonical_path = self.files.canonical_path(&path);
        if canonical_path.is_some_and(|canonical_path| {
            !self
                .homes
                .iter()
                .any(|home| canonical_path.starts_with(home))
        }) {
            let what = format!("`{shown}` lies neither in the lab's folder nor in the catalogue");
            self.problems
                .push(policy::refuse(at, what).help("copy the file into the lab's folder"));
            return None;
        }
        Some(path)
    }

    /// The service with what it `extends` below it.
    fn extended(&mut self, root: &Node, name: &str, service: Node) -> Node {
        let Kind::Map(fields) = &service.kind else {
            return service;
        };
        let Some((_, extends)) = fields
            .iter()
            .find(|(key, _)| key.text().as_deref() == Some("extends"))
        else {
            return service;
        };
        let (file, base_name) = match &extends.kind {
            Kind::Map(_) => {
                let Some(mut fields) = Fields::open(extends, "extends", self.problems) else {
                    return service;
                };
                let file = fields.text("file", self.problems);
                let base = fields.text("service", self.problems);
                fields.close(self.problems);
                (file, base)
            }
            _ => (None, extends.text()),
        };
        let base_name = base_name.unwrap_or_else(|| name.to_owned());
        let base_root = match &file {
            None => Some(root.clone()),
            Some(file) => self
                .local(extends, file)
                .and_then(|path| self.parse(&path, Some(extends))),
        };
        let Some(base_root) = base_root else {
            return service;
        };
        if file.is_none() && base_name == name {
            self.problems
                .push(Problem::new(format!("service `{name}` extends itself")).at(extends.place()));
            return service;
        }
        let found = child(&base_root, "services").and_then(|services| child(services, &base_name));
        let Some(base) = found.cloned() else {
            let what = format!(
                "`extends`: there is no service `{base_name}` in {}",
                base_root.file().display()
            );
            self.problems.push(Problem::new(what).at(extends.place()));
            return service;
        };
        self.open.push(base_root.file().to_owned());
        let base = match self.open.len() > DEEPEST {
            true => {
                self.problems.push(
                    Problem::new("services extend one another too often").at(extends.place()),
                );
                base
            }
            false => self.extended(&base_root, &base_name, base),
        };
        self.open.pop();
        for (key, list) in [("volumes", 1), ("networks", 2), ("configs", 3)] {
            // What the base needs beside the service (its volumes) comes along.
            let Some(inner) = child(&base_root, key) else {
                continue;
            };
            let inner = entries(inner, key, self.problems);
            let known = match list {
                1 => &mut self.done.volumes,
                2 => &mut self.done.networks,
                _ => &mut self.done.configs,
            };
            for (name, value) in inner {
                if !known.iter().any(|(k, _)| *k == name) {
                    known.push((name, value.clone()));
                }
            }
        }
        merge(&base, &service)
    }
}

/// Closes a Compose mapping: `x-…` keys are the writer's own.
pub(crate) fn close_with_extensions(fields: Fields<'_>, problems: &mut Problems) {
    let before = problems.len();
    fields.close(problems);
    let fresh = problems.split_off(before);
    problems.extend(
        fresh
            .into_iter()
            .filter(|p| !p.what.starts_with("unknown key `x-")),
    );
}

/// The paths of `env_file`: one, several, or `{ path }`.
pub(crate) fn env_files(fields: &mut Fields<'_>, problems: &mut Problems) -> Vec<(String, Node)> {
    let Some(node) = fields.get("env_file") else {
        return Vec::new();
    };
    let items: Vec<&Node> = match node.kind {
        Kind::List(_) => list(node, "env_file", problems),
        _ => vec![node],
    };
    let mut paths = Vec::new();
    for item in items {
        match item.kind {
            Kind::Map(_) => {
                let Some(mut fields) = Fields::open(item, "env_file", problems) else {
                    continue;
                };
                paths.extend(
                    fields
                        .text("path", problems)
                        .map(|path| (path, item.clone())),
                );
                fields.ignore(&["required", "format"]);
                fields.close(problems);
            }
            _ => paths.extend(text(item, "env_file", problems).map(|path| (path, item.clone()))),
        }
    }
    paths
}
