//! The shape of JSON documents: every path with the types that were seen there, as lines of text.
//!
//! `check --watch .checks[].hint null|string` means that the document of `check --watch` has a list `checks` whose items have a
//! field `hint`, which is a string or null. `*` stands for any key of a map.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Maps whose keys are data, such as the ids of checks.
const MAPS: [(&str, &str); 2] = [("show exercise", ".checks"), ("up", ".services[].ports")];

/// The name of the fields that an event of `roadlab test` has beside its own.
pub(crate) const OF_INSTANCE: &str = "of an instance";

/// The facts of a finding depend on the machine.
const OPAQUE: &str = ".checks[].seen";

/// Every path of some documents, by the document's name, with the types of its values.
#[derive(Debug, Default)]
pub(crate) struct Shapes(BTreeMap<String, BTreeMap<String, BTreeSet<&'static str>>>);

impl Shapes {
    /// Adds what one more sample of a document has.
    pub(crate) fn add(&mut self, name: &str, document: &Value) {
        let paths = self.0.entry(name.to_owned()).or_default();
        walk(name, "", document, paths);
    }

    /// One line for each path.
    fn lines(&self) -> BTreeMap<(String, String), BTreeSet<String>> {
        let names = self.0.iter().flat_map(|(name, paths)| {
            paths.iter().map(|(path, types)| {
                let types = types.iter().map(|kind| (*kind).to_owned()).collect();
                ((name.clone(), path.clone()), types)
            })
        });
        names.collect()
    }
}

fn walk(
    name: &str,
    path: &str,
    value: &Value,
    paths: &mut BTreeMap<String, BTreeSet<&'static str>>,
) {
    let shown = if path.is_empty() { "." } else { path };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    paths.entry(shown.to_owned()).or_default().insert(kind);
    if path == OPAQUE {
        return;
    }
    match value {
        Value::Array(items) => {
            // A tree has the same fields at every depth.
            let below = format!("{path}[]").replace(".topics[].topics[]", ".topics[]");
            for item in items {
                walk(name, &below, item, paths);
            }
        }
        Value::Object(fields) => {
            let map = MAPS.contains(&(name, path));
            for (key, value) in fields {
                let key = if map { "*" } else { key };
                walk(name, &format!("{path}.{key}"), value, paths);
            }
        }
        _ => {}
    }
}

/// The recorded lines of a file.
pub(crate) struct Contract {
    file: PathBuf,
    lines: BTreeMap<(String, String), BTreeSet<String>>,
}

impl Contract {
    /// Reads a file of this repository.
    pub(crate) fn read(file: &str) -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let text = std::fs::read_to_string(&file).expect("the contract can be read");
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        Self {
            lines: lines.filter(|line| !line.is_empty()).map(parse).collect(),
            file,
        }
    }

    /// Asserts that the documents have every recorded field with a recorded type, and no field that is not recorded. A document
    /// that is not among them must only be there if it is `required`.
    #[track_caller]
    pub(crate) fn check(mut self, shapes: &Shapes, required: impl Fn(&str) -> bool) {
        let seen = shapes.lines();
        let mut wrong = Vec::new();
        for ((name, path), types) in &self.lines {
            match seen.get(&(name.clone(), path.clone())) {
                Some(seen) if seen.is_subset(types) => {}
                Some(seen) => wrong.push(format!(
                    "`{name}`: {path} is {seen:?}, recorded as {types:?}"
                )),
                None if shapes.0.contains_key(name) || required(name) => {
                    wrong.push(format!("`{name}`: {path} is gone"));
                }
                None => {}
            }
        }
        assert!(
            wrong.is_empty(),
            "the JSON output breaks its contract:\n{}",
            wrong.join("\n")
        );
        let new: Vec<_> = seen
            .into_iter()
            .filter(|(path, _)| !self.lines.contains_key(path))
            .collect();
        if new.is_empty() {
            return;
        }
        let update = std::env::var_os("UPDATE_JSON_CONTRACT").is_some();
        assert!(
            update,
            "fields that are not recorded yet (UPDATE_JSON_CONTRACT=1 adds them to {}): {new:#?}",
            self.file.display()
        );
        self.lines.extend(new);
        self.write();
    }

    /// Asserts that a single event has only recorded fields, with their recorded types, and all of them.
    #[track_caller]
    pub(crate) fn check_event(&self, event: &Value) {
        let name = event["event"].as_str().expect("an event has a name");
        let mut own = event.clone();
        if let (Some(fields), true) = (own.as_object_mut(), event["instance"].is_string()) {
            let of_instance = |field: &str| {
                !self
                    .lines
                    .contains_key(&(name.to_owned(), format!(".{field}")))
            };
            let taken = ["exercise", "lab", "instance"].map(|field| {
                let value = match of_instance(field) {
                    true => fields.remove(field),
                    false => fields.get(field).cloned(),
                };
                (field.to_owned(), value.unwrap_or_default())
            });
            self.check_shape(OF_INSTANCE, &Value::Object(taken.into_iter().collect()));
        }
        self.check_shape(name, &own);
    }

    #[track_caller]
    fn check_shape(&self, name: &str, event: &Value) {
        let mut shapes = Shapes::default();
        shapes.add(name, event);
        let seen = shapes.lines();
        for (path, types) in &seen {
            let recorded = self.lines.get(path);
            assert!(
                recorded.is_some_and(|recorded| types.is_subset(recorded)),
                "{path:?} is {types:?}, recorded as {recorded:?}: {event}"
            );
        }
        let mut recorded = self.lines.keys().filter(|(event, _)| event == name);
        // What a list holds cannot be seen in an empty one.
        let in_empty_list = |path: &str| {
            let mut lists = path.match_indices("[]");
            lists.any(|(at, _)| !seen.contains_key(&(name.to_owned(), path[..at + 2].to_owned())))
        };
        let gone = recorded.find(|path| !seen.contains_key(path) && !in_empty_list(&path.1));
        assert_eq!(gone, None, "a field is gone: {event}");
    }

    fn write(&self) {
        let text = std::fs::read_to_string(&self.file).expect("the contract can be read");
        let head = text.lines().take_while(|line| line.starts_with('#'));
        let mut text: String = head.map(|line| format!("{line}\n")).collect();
        let mut before = None;
        for ((name, path), types) in &self.lines {
            if before.replace(name) != Some(name) {
                text.push('\n');
            }
            let types: Vec<&str> = types.iter().map(String::as_str).collect();
            writeln!(text, "{name} {path} {}", types.join("|")).expect("a String can be written");
        }
        std::fs::write(&self.file, text).expect("the contract can be written");
    }
}

fn parse(line: &str) -> ((String, String), BTreeSet<String>) {
    let mut parts = line.rsplitn(3, ' ');
    let mut part = || parts.next().expect("`NAME PATH TYPES`").to_owned();
    let types = part().split('|').map(str::to_owned).collect();
    let path = part();
    ((part(), path), types)
}
