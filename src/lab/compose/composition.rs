//! Combines the Compose files of a lab: overrides, `include` and `extends`.
//!
//! The order is Compose's: the references of a file are replaced, what it includes is added, its services take over what
//! they extend, and then it is merged into the files before it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::lab::compose::env_file::{EnvFormat, Lookups, parse_env_file};
use crate::lab::compose::merge::{merge, normalized, without_resets};
use crate::lab::compose::numbers::with_numbers_of_compose;
use crate::lab::file_system::{FileSystem, normalize};
use crate::lab::policy;
use crate::lab::variables::{Dialect, Variables, expand_all};
use crate::lab::yaml::{Fields, Kind, Mapping, MergeTag, Node, Problems, keyed_entries, string};
use crate::problem::{Code, MAX_LINE_LENGTH, Place, Problem, suggestion};
use crate::text;

/// The deepest nesting of files that include or extend one another, and the most files that are read.
const MAX_DEPTH: usize = 8;
const MAX_FILES: usize = 64;

/// The longest chain of services that extend one another.
const MAX_EXTENDS: usize = 32;

/// The most services of a lab, and the most volumes, networks, configs and secrets.
const MAX_RESOURCES: usize = 32;

/// The combined parts of a lab's Compose files, not yet read.
#[derive(Debug, Default)]
pub(crate) struct Composition {
    pub services: Vec<Part>,
    pub volumes: Vec<Part>,
    pub networks: Vec<Part>,
    pub configs: Vec<Part>,
    pub secrets: Vec<Part>,
    /// The folder of the lab, without links in its path.
    pub folder: Option<PathBuf>,
    /// The variables of the lab, for values that come from elsewhere.
    pub variables: Variables,
    /// The number of files that could not be read. If there are any, nothing can be said about missing parts.
    pub unreadable: usize,
}

/// An entry of a section.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub name: String,
    /// The node of the name, for problems with it.
    pub key: Node,
    pub node: Node,
}

/// A top-level section of a Compose file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Services,
    Volumes,
    Networks,
    Configs,
    Secrets,
}

impl Section {
    const ALL: [Section; 5] = [
        Section::Services,
        Section::Volumes,
        Section::Networks,
        Section::Configs,
        Section::Secrets,
    ];

    fn key(self) -> &'static str {
        match self {
            Section::Services => "services",
            Section::Volumes => "volumes",
            Section::Networks => "networks",
            Section::Configs => "configs",
            Section::Secrets => "secrets",
        }
    }
}

impl Composition {
    fn section(&mut self, section: Section) -> &mut Vec<Part> {
        match section {
            Section::Services => &mut self.services,
            Section::Volumes => &mut self.volumes,
            Section::Networks => &mut self.networks,
            Section::Configs => &mut self.configs,
            Section::Secrets => &mut self.secrets,
        }
    }

    /// Returns a service by its name.
    pub(crate) fn service(&self, name: &str) -> Option<&Part> {
        self.services.iter().find(|service| service.name == name)
    }
}

/// Reads Compose files, of which later ones override earlier ones, and all files that they include or extend.
pub(crate) fn read_composition(
    paths: &[PathBuf],
    files: &dyn FileSystem,
    variables: &Variables,
    problems: &mut Problems,
) -> Composition {
    let first = paths.first().map_or(Path::new(""), PathBuf::as_path);
    let folder = first.parent().unwrap_or(Path::new(""));
    let catalogue = normalize(&folder.join("../../compose"));
    let roots = [folder, &catalogue].into_iter();
    let mut reader = Reader {
        files,
        problems,
        roots: roots
            .filter_map(|root| files.canonical_path(root))
            .collect(),
        files_read: 0,
        unreadable: 0,
        open: Vec::new(),
        extending: Vec::new(),
        circle: Vec::new(),
    };
    let variables = with_project(paths, folder, variables, files);
    let mut found = reader.read_files(paths, folder, &variables, None);
    found.unreadable = reader.unreadable;
    found.folder = files.canonical_path(folder);
    found.variables = variables;
    found
}

/// Adds the two variables that Compose always has: the folder of the project and its name.
fn with_project(
    paths: &[PathBuf],
    folder: &Path,
    variables: &Variables,
    files: &dyn FileSystem,
) -> Variables {
    let mut variables = variables.clone();
    if let Some(folder) = files.canonical_path(folder) {
        let name_in = |file: &PathBuf| {
            let root = Node::parse_compose(file, &folder, &files.read(file).ok()?).ok()?;
            // A reference without a value is reported when the file is read.
            let (none, mut reported) = (BTreeSet::new(), Problems::new());
            let name = root.child("name")?;
            let name = expand_all(name, &variables, &none, Dialect::Compose, &mut reported);
            name.as_string().filter(|_| reported.is_empty())
        };
        let written = paths.iter().rev().find_map(name_in);
        let of_folder = folder.file_name().and_then(|name| name.to_str());
        let name = project_name(&written.unwrap_or(of_folder.unwrap_or_default().to_owned()));
        let add = [
            ("PWD", folder.display().to_string()),
            ("COMPOSE_PROJECT_NAME", name),
        ];
        for (name, value) in add {
            variables.entry(name.to_owned()).or_insert(value);
        }
    }
    variables
}

/// Returns the name that Compose gives to a project, from `name` of its file or from its folder.
fn project_name(written: &str) -> String {
    let lower = written.to_lowercase();
    let known = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
    let name: String = lower.chars().filter(known).collect();
    name.trim_start_matches(['_', '-']).to_owned()
}

struct Reader<'a> {
    files: &'a dyn FileSystem,
    problems: &'a mut Problems,
    /// The folders that files may be in: the lab's, and the catalogue's next to the folder of labs.
    roots: Vec<PathBuf>,
    files_read: usize,
    unreadable: usize,
    /// The files that are being read, outermost first.
    open: Vec<PathBuf>,
    /// The services that are being extended, each with its file.
    extending: Vec<(PathBuf, String)>,
    /// Those of a circle that is reported.
    circle: Vec<(PathBuf, String)>,
}

/// A file that refers to others, and how they are read.
#[derive(Clone, Copy)]
struct Context<'a> {
    root: &'a Node,
    /// What the file itself defines and includes.
    own: &'a Composition,
    variables: &'a Variables,
}

impl Reader<'_> {
    /// Reads files whose relative paths are relative to `folder`, and merges each into those before it. `origin` is the node
    /// that refers to the files.
    fn read_files(
        &mut self,
        paths: &[PathBuf],
        folder: &Path,
        variables: &Variables,
        origin: Option<&Node>,
    ) -> Composition {
        let mut found = Composition::default();
        let is_alone = paths.len() == 1 && origin.is_none();
        for path in paths {
            // An empty file adds nothing to others.
            let is_empty = || {
                let text = self.files.read(path);
                text.is_ok_and(|text| has_only_comments(&text))
            };
            if !is_alone && is_empty() {
                continue;
            }
            let Some(root) = self.parse(path, folder, variables, origin) else {
                continue;
            };
            self.open.push(path.clone());
            let file = self.read_file(&root, variables);
            self.open.pop();
            for section in Section::ALL {
                // A file can remove or replace a whole section of those before it.
                let written = root.child(section.key()).map(|node| node.tag);
                if written.is_some_and(|tag| tag != MergeTag::None) {
                    found.section(section).clear();
                }
                for part in file_section(&file, section) {
                    let known = found.section(section);
                    match known.iter_mut().find(|known| known.name == part.name) {
                        Some(known) => known.node = normalized(&merge(&known.node, &part.node)),
                        None => known.push(part),
                    }
                }
            }
        }
        // A file can remove what an earlier one defines, so `!reset` counts until all are merged.
        for section in Section::ALL {
            let parts = found.section(section);
            parts.retain(|part| part.node.tag != MergeTag::Reset);
            for part in parts {
                part.node = without_resets(&part.node);
            }
        }
        found
    }

    /// Reads one file with what it includes and extends.
    fn read_file(&mut self, root: &Node, variables: &Variables) -> Composition {
        let mut own = Composition::default();
        let Some(mut fields) = Fields::open_compose(root, Mapping::ComposeFile, self.problems)
        else {
            return own;
        };
        for item in fields.list("include", self.problems) {
            let included = self.read_include(item, variables);
            for section in Section::ALL {
                for part in file_section(&included, section) {
                    self.add(own.section(section), section, part);
                }
            }
        }
        let included: BTreeSet<String> =
            own.services.iter().map(|part| part.name.clone()).collect();
        for section in Section::ALL {
            let Some(node) = fields.get(section.key()) else {
                continue;
            };
            for (key, name, node) in named_entries(node, section.key(), self.problems) {
                let part = Part {
                    name,
                    key: key.clone(),
                    node: node.clone(),
                };
                self.add(own.section(section), section, part);
            }
        }
        policy::check_keys(Mapping::ComposeFile, &mut fields, self.problems);
        fields.close(self.problems);
        let mut extended = own.services.clone();
        for service in &mut extended {
            // An included service is complete.
            if included.contains(&service.name) {
                continue;
            }
            let context = Context {
                root,
                own: &own,
                variables,
            };
            let mut extra = Composition::default();
            let node = self.extend(context, &service.name, service.node.clone(), &mut extra);
            service.node = normalized(&node);
            for section in [
                Section::Volumes,
                Section::Networks,
                Section::Configs,
                Section::Secrets,
            ] {
                for part in file_section(&extra, section) {
                    if !own
                        .section(section)
                        .iter()
                        .any(|known| known.name == part.name)
                    {
                        own.section(section).push(part);
                    }
                }
            }
        }
        own.services = extended;
        own
    }

    /// Adds a part. Compose does not allow to define again what is included, but for the same definition.
    fn add(&mut self, known: &mut Vec<Part>, section: Section, part: Part) {
        let first = known.iter().find(|known| known.name == part.name);
        match first {
            // The same definition twice, as of a file that is included twice, is one.
            Some(first) if is_same(section, &first.node, &part.node) => {}
            Some(first) if section == Section::Services => {
                let help = text!(
                    "it is also defined in {file}; use `extends` to change it",
                    file = first.node.file().display()
                );
                let what = text!("duplicate service `{name}`", name = part.name);
                self.problems.push(
                    Problem::new(what)
                        .code(Code::DuplicateName)
                        .at(part.key.place())
                        .help(help),
                );
            }
            Some(first) => {
                let help = text!(
                    "it is also defined in {file}, and not in the same way; remove one of the two",
                    file = first.node.file().display()
                );
                let what = text!(
                    "`{name}` of `{key}` is defined twice",
                    name = part.name,
                    key = section.key()
                );
                let problem = Problem::new(what).code(Code::DuplicateName).help(help);
                self.problems.push(problem.at(part.key.place()));
            }
            None if known.len() == MAX_RESOURCES => {
                let what = text!(
                    "too many `{key}`: the limit is {limit}",
                    key = section.key(),
                    limit = MAX_RESOURCES
                );
                self.problems
                    .push(Problem::new(what).code(Code::Limit).at(part.key.place()));
                // Reported once, however many follow.
                known.push(part);
            }
            None if known.len() > MAX_RESOURCES => {}
            None => known.push(part),
        }
    }

    fn parse(
        &mut self,
        path: &Path,
        folder: &Path,
        variables: &Variables,
        origin: Option<&Node>,
    ) -> Option<Node> {
        let parsed = self.try_parse(path, folder, variables, origin);
        self.unreadable += usize::from(parsed.is_none());
        parsed
    }

    fn try_parse(
        &mut self,
        path: &Path,
        folder: &Path,
        variables: &Variables,
        origin: Option<&Node>,
    ) -> Option<Node> {
        let place = || origin.map_or_else(|| Place::file(path), Node::place);
        if self.open.iter().any(|open| open == path) {
            let what = text!("{file} includes itself", file = path.display());
            self.problems
                .push(Problem::new(what).code(Code::Order).at(place()));
            return None;
        }
        if self.open.len() >= MAX_DEPTH {
            let what = text!(
                "more than {limit} levels of included files",
                limit = MAX_DEPTH
            );
            self.problems
                .push(Problem::new(what).code(Code::Limit).at(place()));
            return None;
        }
        self.files_read += 1;
        if self.files_read > MAX_FILES {
            // Reported once, however many files follow.
            if self.files_read == MAX_FILES + 1 {
                let limit = MAX_FILES;
                let what = text!("more than {limit} files are included or extended", limit);
                self.problems
                    .push(Problem::new(what).code(Code::Limit).at(place()));
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
                self.problems
                    .push(Problem::new(what).code(Code::UnreadableFile).at(place()));
                return None;
            }
        };
        let node = Node::parse_compose(path, folder, &source)
            .map_err(|problem| self.problems.push(problem))
            .ok()?;
        let captures = BTreeSet::new();
        let node = with_numbers_of_compose(&node, self.problems);
        Some(expand_all(
            &node,
            variables,
            &captures,
            Dialect::Compose,
            self.problems,
        ))
    }

    /// Reads an entry of `include`: a path, or a mapping with one or several.
    fn read_include(&mut self, item: &Node, variables: &Variables) -> Composition {
        let mut folder = None;
        let mut env_files: Vec<(&Node, String)> = Vec::new();
        let written: Vec<String> = match &item.kind {
            Kind::Map(_) => {
                let Some(mut fields) = Fields::open_compose(item, Mapping::Include, self.problems)
                else {
                    return Composition::default();
                };
                let mut texts = |key: &'static str, problems: &mut Problems| {
                    let nodes = fields.one_or_many(key).into_iter();
                    let texts = nodes.filter_map(|node| Some((node, string(node, key, problems)?)));
                    texts.collect::<Vec<_>>()
                };
                let paths = texts("path", self.problems);
                env_files = texts("env_file", self.problems);
                let paths = paths.into_iter().map(|(_, path)| path).collect();
                folder = fields.string("project_directory", self.problems);
                fields.close(self.problems);
                paths
            }
            _ => string(item, "include", self.problems).into_iter().collect(),
        };
        let paths: Vec<PathBuf> = written
            .into_iter()
            .filter_map(|written| self.resolve(item, &written))
            .collect();
        let folder = match folder {
            Some(written) => self.resolve(item, &written),
            None => paths
                .first()
                .and_then(|path| Some(path.parent()?.to_owned())),
        };
        let Some(folder) = folder else {
            return Composition::default();
        };
        let env_paths: Vec<(&Node, PathBuf)> = match env_files.is_empty() {
            // The `.env` of the lab itself is read already.
            true if folder == item.folder() => Vec::new(),
            true => [folder.join(".env")]
                .into_iter()
                .filter(|path| self.files.canonical_path(path).is_some())
                .map(|path| (item, path))
                .collect(),
            false => env_files
                .into_iter()
                .filter_map(|(node, written)| Some((node, self.resolve(node, &written)?)))
                .collect(),
        };
        // A later file wins over an earlier one, and the variables of the lab over both.
        let mut all = variables.clone();
        for (node, path) in env_paths {
            let read = read_env_file(
                (&path, node.place()),
                self.files,
                variables,
                &all,
                self.problems,
            );
            let read = read.into_iter();
            all.extend(read.filter(|(name, _)| !variables.contains_key(name)));
        }
        self.read_files(&paths, &folder, &all, Some(item))
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
        let path = normalize(&node.folder().join(written));
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

    /// Returns a service merged into the service that it extends. `extra` receives the volumes, networks, configs and secrets
    /// of the files that are extended.
    fn extend(
        &mut self,
        context: Context<'_>,
        name: &str,
        service: Node,
        extra: &mut Composition,
    ) -> Node {
        let extends = service.child("extends");
        let Some(extends) = extends.filter(|extends| extends.tag != MergeTag::Reset) else {
            return service;
        };
        // It keeps its `extends`, so that keys are not reported as missing that the other service has.
        let unextended = || service.clone();
        let (file, base_name) = match &extends.kind {
            Kind::Map(_) => {
                let Some(mut fields) =
                    Fields::open_compose(extends, Mapping::Extends, self.problems)
                else {
                    return unextended();
                };
                let file = fields.string("file", self.problems);
                let base = fields.required_string("service", extends, self.problems);
                fields.close(self.problems);
                (file, base)
            }
            _ => (None, string(extends, "extends", self.problems)),
        };
        let Some(base_name) = base_name else {
            return unextended();
        };
        let file = match file.map(|file| self.resolve(extends, &file)) {
            None => None,
            Some(None) => return unextended(),
            // A service may name its own file.
            Some(Some(path)) => Some(path).filter(|path| path != context.root.file()),
        };
        let base_root = match &file {
            None => Some(context.root.clone()),
            Some(path) => {
                let folder = path.parent().unwrap_or(Path::new("")).to_owned();
                self.parse(path, &folder, context.variables, Some(extends))
            }
        };
        let Some(base_root) = base_root else {
            return unextended();
        };
        let this = (context.root.file().to_owned(), name.to_owned());
        let base_key = (base_root.file().to_owned(), base_name.clone());
        if this == base_key || self.extending.contains(&base_key) {
            if self.circle.contains(&base_key) {
                return unextended();
            }
            let mut names: Vec<&str> = self
                .extending
                .iter()
                .map(|(_, name)| name.as_str())
                .collect();
            names.extend([name, base_name.as_str()]);
            let what = text!(
                "services extend one another in a circle: {services}",
                services = names.join(" → ")
            );
            self.problems
                .push(Problem::new(what).code(Code::Order).at(extends.place()));
            self.circle.extend(self.extending.iter().cloned());
            self.circle.push(this);
            return unextended();
        }
        let services = base_root.child("services");
        let base = services.and_then(|services| services.child(&base_name));
        let own = file.is_none().then(|| context.own.service(&base_name));
        let base = base.or(own.flatten().map(|part| &part.node)).cloned();
        let Some(base) = base else {
            let what = text!(
                "no such service in {file}: `{name}`",
                file = base_root.file().display(),
                name = base_name
            );
            let known = services.and_then(|services| match &services.kind {
                Kind::Map(entries) => Some(entries),
                _ => None,
            });
            let known: Vec<String> = known
                .into_iter()
                .flatten()
                .filter_map(|(key, _)| key.as_string())
                .collect();
            let help = suggestion(&base_name, known.iter().map(String::as_str));
            self.problems.push(
                Problem::new(what)
                    .code(Code::UnknownName)
                    .at(extends.place())
                    .help(help),
            );
            return unextended();
        };
        self.extending.push(this);
        let base = match self.extending.len() > MAX_EXTENDS {
            true => {
                let limit = MAX_EXTENDS;
                let what = text!("more than {limit} levels of `extends`", limit);
                self.problems
                    .push(Problem::new(what).code(Code::Limit).at(extends.place()));
                base
            }
            false => {
                let inner = Context {
                    root: &base_root,
                    ..context
                };
                self.extend(inner, &base_name, base, extra)
            }
        };
        self.extending.pop();
        for section in [
            Section::Volumes,
            Section::Networks,
            Section::Configs,
            Section::Secrets,
        ] {
            let Some(inner) = base_root.child(section.key()) else {
                continue;
            };
            for (key, name, node) in named_entries(inner, section.key(), self.problems) {
                let known = extra.section(section);
                if !known.iter().any(|known| known.name == name) {
                    known.push(Part {
                        name,
                        key: key.clone(),
                        node: node.clone(),
                    });
                }
            }
        }
        let merged = merge(&base, &service);
        match (base.key_of("extends"), base.child("extends"), &merged.kind) {
            // What the other service extends is missing; see `unextended`.
            (Some(key), Some(value), Kind::Map(entries)) => {
                let mut entries = entries.clone();
                entries.push((key.clone(), value.clone()));
                merged.with_kind(Kind::Map(entries))
            }
            _ => merged,
        }
    }
}

fn file_section(file: &Composition, section: Section) -> Vec<Part> {
    match section {
        Section::Services => file.services.clone(),
        Section::Volumes => file.volumes.clone(),
        Section::Networks => file.networks.clone(),
        Section::Configs => file.configs.clone(),
        Section::Secrets => file.secrets.clone(),
    }
}

/// Returns the entries of a mapping with the nodes of their names.
fn named_entries<'a>(
    node: &'a Node,
    key: &str,
    problems: &mut Problems,
) -> Vec<(&'a Node, String, &'a Node)> {
    // Reports a value that is no mapping.
    keyed_entries(node, key, problems);
    let Kind::Map(entries) = &node.kind else {
        return Vec::new();
    };
    // Those with `!reset` remove what an earlier file defines.
    let entries = entries.iter().filter(|(_, value)| !value.is_broken());
    entries
        .filter_map(|(key, value)| Some((key, key.as_string()?, value)))
        .collect()
}

/// Whether two definitions say the same, so that one of them is enough. Paths are relative to the folder of a definition.
fn is_same(section: Section, one: &Node, other: &Node) -> bool {
    let has_paths = !matches!(section, Section::Volumes | Section::Networks);
    let content = |node: &Node| match &node.kind {
        Kind::Map(entries) if entries.is_empty() => Node::to_json(&node.with_kind(Kind::Null)),
        _ => node.to_json(),
    };
    (!has_paths || one.folder() == other.folder()) && content(one) == content(other)
}

/// Returns the variables of a `.env` file.
pub(crate) fn read_env_defaults(
    path: &Path,
    files: &dyn FileSystem,
    variables: &Variables,
    problems: &mut Problems,
) -> Variables {
    let at = (path, Place::file(path));
    read_env_file(at, files, variables, &Variables::new(), problems)
}

/// Returns whether a YAML file has nothing in it but comments and blank lines.
fn has_only_comments(text: &str) -> bool {
    let mut lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
    lines.all(|line| line.is_empty() || line.starts_with('#'))
}

/// Returns the variables of a file, which is named at a place. `variables` win over what it says, which wins over `earlier`.
fn read_env_file(
    (path, named_at): (&Path, Place),
    files: &dyn FileSystem,
    variables: &Variables,
    earlier: &Variables,
    problems: &mut Problems,
) -> Variables {
    let text = match files.read(path) {
        Ok(text) => text,
        Err(error) => {
            let what = text!(
                "cannot read {file}: {reason}",
                file = path.display(),
                reason = error.text()
            );
            problems.push(Problem::new(what).code(Code::UnreadableFile).at(named_at));
            return Variables::new();
        }
    };
    let lookups = Lookups {
        outer: &|name| variables.get(name).cloned(),
        earlier: &|name| earlier.get(name).cloned(),
    };
    match parse_env_file(&text, EnvFormat::Compose, &lookups) {
        Ok(entries) => entries
            .into_iter()
            .filter_map(|entry| Some((entry.name, entry.value?)))
            .collect(),
        Err(error) => {
            problems.push(error.problem.at(env_place(path, &text, error.line)));
            Variables::new()
        }
    }
}

/// Returns the place of a line of an env file.
pub(crate) fn env_place(path: &Path, text: &str, line: usize) -> Place {
    let text = text.lines().nth(line.wrapping_sub(1)).unwrap_or_default();
    Place {
        file: path.to_owned(),
        line,
        column: 1,
        text: match text.len() <= MAX_LINE_LENGTH {
            true => text.to_owned(),
            false => String::new(),
        },
    }
}
