//! `include` and `extends`: combines several Compose files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::lab::compose::merge::merge;
use crate::lab::file_system::{FileSystem, normalize};
use crate::lab::policy;
use crate::lab::variables::{Dialect, Variables, expand_all};
use crate::lab::yaml::{Fields, Kind, Mapping, Node, Problems, entries, string};
use crate::problem::{Place, Problem};
use crate::text;

/// The deepest nesting of files that include or extend one another, and the most files that are read.
const MAX_DEPTH: usize = 8;
const MAX_FILES: usize = 64;

/// The most services of a lab, and the most volumes, networks and configs.
const MAX_RESOURCES: usize = 32;

/// The combined parts of a lab's Compose files, not yet read.
#[derive(Debug, Default)]
pub(crate) struct Composition {
    pub services: Vec<(String, Node)>,
    pub volumes: Vec<(String, Node)>,
    pub networks: Vec<(String, Node)>,
    pub configs: Vec<(String, Node)>,
    /// The number of files that could not be read. If there are any, nothing can be said about missing parts.
    pub unreadable: usize,
}

/// A top-level section of a Compose file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Services,
    Volumes,
    Networks,
    Configs,
}

impl Section {
    const ALL: [Section; 4] = [
        Section::Services,
        Section::Volumes,
        Section::Networks,
        Section::Configs,
    ];

    fn key(self) -> &'static str {
        match self {
            Section::Services => "services",
            Section::Volumes => "volumes",
            Section::Networks => "networks",
            Section::Configs => "configs",
        }
    }
}

impl Composition {
    fn section(&mut self, section: Section) -> &mut Vec<(String, Node)> {
        match section {
            Section::Services => &mut self.services,
            Section::Volumes => &mut self.volumes,
            Section::Networks => &mut self.networks,
            Section::Configs => &mut self.configs,
        }
    }
}

/// Reads a Compose file and all files that it includes or extends.
pub(crate) fn read_composition(
    path: &Path,
    files: &dyn FileSystem,
    variables: &Variables,
    problems: &mut Problems,
) -> Composition {
    let folder = path.parent().unwrap_or(Path::new(""));
    let catalogue = normalize(&folder.join("../../compose"));
    let roots = [folder, &catalogue].into_iter();
    let mut reader = Reader {
        files,
        variables,
        problems,
        roots: roots
            .filter_map(|root| files.canonical_path(root))
            .collect(),
        files_read: 0,
        open: Vec::new(),
        found: Composition::default(),
    };
    reader.read_file(path, None);
    reader.found
}

struct Reader<'a> {
    files: &'a dyn FileSystem,
    variables: &'a Variables,
    problems: &'a mut Problems,
    /// The folders that files may be in: the lab's, and the catalogue's next to the folder of labs.
    roots: Vec<PathBuf>,
    files_read: usize,
    /// The files that are being read, outermost first.
    open: Vec<PathBuf>,
    found: Composition,
}

impl Reader<'_> {
    /// Reads a file into the composition; `origin` is the node that refers to the file.
    fn read_file(&mut self, path: &Path, origin: Option<&Node>) {
        let Some(root) = self.parse(path, origin) else {
            return;
        };
        self.open.push(path.to_owned());
        let mut parts = Vec::new();
        if let Some(mut fields) = Fields::open_compose(&root, Mapping::ComposeFile, self.problems) {
            fields.accept(&["name", "version"]);
            for item in fields.list("include", self.problems) {
                for included in self.read_include(item) {
                    self.read_file(&included, Some(item));
                }
            }
            for section in Section::ALL {
                if let Some(node) = fields.get(section.key()) {
                    let inner = entries(node, section.key(), self.problems);
                    parts.extend(inner.into_iter().map(|(name, node)| (section, name, node)));
                }
            }
            if let Some(secrets) = fields.get("secrets") {
                let what = text!("`secrets` would read files or the environment of this machine");
                self.problems.push(policy::refused(secrets, what));
            }
            fields.close(self.problems);
        }
        for (section, name, node) in parts {
            let full = self.found.section(section).len() >= MAX_RESOURCES;
            let node = match section {
                Section::Services if !full => self.extend(&root, &name, node.clone()),
                _ => node.clone(),
            };
            if full {
                let what = text!(
                    "too many `{key}`: the limit is {limit}",
                    key = section.key(),
                    limit = MAX_RESOURCES
                );
                self.problems.push(Problem::new(what).at(node.place()));
                break;
            }
            self.add(section, name, node);
        }
        self.open.pop();
    }

    /// Adds a part. The Compose Specification does not allow to define an included service again.
    fn add(&mut self, section: Section, name: String, node: Node) {
        let known = self.found.section(section);
        match known.iter().find(|(known, _)| *known == name) {
            Some((_, first)) if section == Section::Services => {
                let help = text!(
                    "it is also defined in {file}; use `extends` to change it",
                    file = first.file().display()
                );
                let what = text!("duplicate service `{name}`", name);
                self.problems
                    .push(Problem::new(what).at(node.place()).help(help));
            }
            Some(_) => {}
            None => known.push((name, node)),
        }
    }

    fn parse(&mut self, path: &Path, origin: Option<&Node>) -> Option<Node> {
        let parsed = self.try_parse(path, origin);
        self.found.unreadable += usize::from(parsed.is_none());
        parsed
    }

    fn try_parse(&mut self, path: &Path, origin: Option<&Node>) -> Option<Node> {
        let place = || origin.map_or_else(|| Place::file(path), Node::place);
        if self.open.iter().any(|open| open == path) {
            let what = text!("{file} includes itself", file = path.display());
            self.problems.push(Problem::new(what).at(place()));
            return None;
        }
        if self.open.len() >= MAX_DEPTH {
            let what = text!(
                "more than {limit} levels of included files",
                limit = MAX_DEPTH
            );
            self.problems.push(Problem::new(what).at(place()));
            return None;
        }
        self.files_read += 1;
        if self.files_read > MAX_FILES {
            // Reported once, however many files follow.
            if self.files_read == MAX_FILES + 1 {
                let limit = MAX_FILES;
                let what = text!("more than {limit} files are included or extended", limit);
                self.problems.push(Problem::new(what).at(place()));
            }
            return None;
        }
        let source = match self.files.read(path) {
            Ok(source) => source,
            Err(error) => {
                let what = text!(
                    "cannot read {file}: {reason}",
                    file = path.display(),
                    reason = error.text()
                );
                self.problems.push(Problem::new(what).at(place()));
                return None;
            }
        };
        let node = Node::parse(path, &source)
            .map_err(|problem| self.problems.push(problem))
            .ok()?;
        let captures = BTreeSet::new();
        Some(expand_all(
            &node,
            self.variables,
            &captures,
            Dialect::Compose,
            self.problems,
        ))
    }

    /// Reads an entry of `include`: a path, or a mapping with one or several.
    fn read_include(&mut self, item: &Node) -> Vec<PathBuf> {
        let written: Vec<String> = match &item.kind {
            Kind::Map(_) => {
                let Some(mut fields) = Fields::open(item, Mapping::Include, self.problems) else {
                    return Vec::new();
                };
                let paths = fields.one_or_many("path");
                let paths = paths
                    .into_iter()
                    .filter_map(|path| string(path, "path", self.problems))
                    .collect();
                fields.close(self.problems);
                paths
            }
            _ => string(item, "include", self.problems).into_iter().collect(),
        };
        written
            .into_iter()
            .filter_map(|written| self.resolve(item, &written))
            .collect()
    }

    /// Resolves a path against the file that contains it. Remote files are refused.
    fn resolve(&mut self, node: &Node, written: &str) -> Option<PathBuf> {
        let remote = ["://", "git@", "github.com/", "oci:"];
        let remote = remote.iter().any(|sign| written.contains(sign));
        let help = || text!("copy the file into the lab's folder");
        if remote || Path::new(written).is_absolute() || written.starts_with('~') {
            let what = text!("`{path}` is not a relative path", path = written);
            self.problems.push(policy::refused(node, what).help(help()));
            return None;
        }
        let folder = node.file().parent().unwrap_or(Path::new(""));
        let path = normalize(&folder.join(written));
        let canonical = self.files.canonical_path(&path);
        let outside = |path: PathBuf| !self.roots.iter().any(|root| path.starts_with(root));
        if canonical.is_some_and(outside) {
            let what = text!(
                "`{path}` is outside the lab's folder and the catalogue",
                path = written
            );
            self.problems.push(policy::refused(node, what).help(help()));
            return None;
        }
        Some(path)
    }

    /// Returns a service merged into the service that it extends.
    fn extend(&mut self, root: &Node, name: &str, service: Node) -> Node {
        let Some(extends) = service.child("extends") else {
            return service;
        };
        let (file, base_name) = match &extends.kind {
            Kind::Map(_) => {
                let Some(mut fields) = Fields::open(extends, Mapping::Extends, self.problems)
                else {
                    return service;
                };
                let file = fields.string("file", self.problems);
                let base = fields.string("service", self.problems);
                fields.close(self.problems);
                (file, base)
            }
            _ => (None, extends.as_string()),
        };
        let base_name = base_name.unwrap_or_else(|| name.to_owned());
        let base_root = match &file {
            None => Some(root.clone()),
            Some(file) => self
                .resolve(extends, file)
                .and_then(|path| self.parse(&path, Some(extends))),
        };
        let Some(base_root) = base_root else {
            return service;
        };
        if file.is_none() && base_name == name {
            let what = text!("service `{name}` extends itself", name);
            self.problems.push(Problem::new(what).at(extends.place()));
            return service;
        }
        let base = base_root.child("services");
        let Some(base) = base
            .and_then(|services| services.child(&base_name))
            .cloned()
        else {
            let what = text!(
                "no such service in {file}: `{name}`",
                file = base_root.file().display(),
                name = base_name
            );
            self.problems.push(Problem::new(what).at(extends.place()));
            return service;
        };
        self.open.push(base_root.file().to_owned());
        let base = match self.open.len() > MAX_DEPTH {
            true => {
                let what = text!("more than {limit} levels of `extends`", limit = MAX_DEPTH);
                self.problems.push(Problem::new(what).at(extends.place()));
                base
            }
            false => self.extend(&base_root, &base_name, base),
        };
        self.open.pop();
        // The volumes, networks and configs of the base belong to the service too.
        for section in [Section::Volumes, Section::Networks, Section::Configs] {
            let Some(inner) = base_root.child(section.key()) else {
                continue;
            };
            let known = self.found.section(section);
            for (name, node) in entries(inner, section.key(), self.problems) {
                if !known.iter().any(|(known, _)| *known == name) {
                    known.push((name, node.clone()));
                }
            }
        }
        merge(&base, &service)
    }
}
