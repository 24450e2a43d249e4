//! Reads `KEY=value` pairs: `environment`, `labels`, `args` and `sysctls`.

use std::collections::BTreeMap;

use crate::lab::compose::service_reader::ServiceReader;
use crate::lab::policy;
use crate::lab::yaml::{Fields, Kind, Node, entries, list, mismatch, quoted_string, string};
use crate::problem::{Code, Problem};
use crate::text;

/// Returns the name and the value of a mapping that has one entry, as `- NAME: value` gives by mistake.
fn only_entry(node: &Node) -> Option<(String, String)> {
    let Kind::Map(entries) = &node.kind else {
        return None;
    };
    let [(name, value)] = entries.as_slice() else {
        return None;
    };
    name.as_string().zip(value.as_string())
}

impl ServiceReader<'_> {
    /// Reads `environment`, `labels`, `args` or `sysctls`: a mapping, or a list of `KEY=value`. A `KEY` without a value takes
    /// that of the lab's variable. Without one it is refused, because Compose would take it from this machine.
    pub(crate) fn read_pairs(
        &mut self,
        fields: &mut Fields<'_>,
        key: &'static str,
    ) -> Vec<(String, String)> {
        let Some(node) = fields.get(key) else {
            return Vec::new();
        };
        let mut out: Vec<(String, Option<String>, &Node)> = Vec::new();
        match &node.kind {
            Kind::List(_) => {
                for item in list(node, key, self.problems) {
                    if let Some((name, value)) = only_entry(item) {
                        let what = text!(
                            "an entry of the list `{key}` must be a string, not a mapping",
                            key
                        );
                        let help = text!("write `{name}={value}`", name, value);
                        let problem = Problem::new(what).code(Code::WrongType).help(help);
                        self.problems.push(problem.at(item.place()));
                        continue;
                    }
                    let Some(written) = quoted_string(item, key, self.problems) else {
                        continue;
                    };
                    let name = written.split('=').next().unwrap_or_default();
                    if key == "environment" && name.ends_with(char::is_whitespace) {
                        let what =
                            text!("the name of a variable ends with a blank: `{name}`", name);
                        let help = text!("write `NAME=value` without blanks");
                        let problem = Problem::new(what).code(Code::InvalidName).help(help);
                        self.problems.push(problem.at(item.place()));
                        continue;
                    }
                    match written.split_once('=') {
                        Some((name, value)) => {
                            out.push((name.to_owned(), Some(value.to_owned()), item));
                        }
                        None => out.push((written, None, item)),
                    }
                }
            }
            Kind::Null | Kind::Bool(_) | Kind::Number(..) | Kind::String(_) => {
                let expected = text!("a list or a mapping");
                self.problems.push(mismatch(node, key, expected));
            }
            Kind::Map(_) => {
                for (name, value) in entries(node, key, self.problems) {
                    match value.kind {
                        Kind::Null => out.push((name, None, value)),
                        _ => {
                            let written = string(value, &name, self.problems);
                            out.extend(written.map(|written| (name, Some(written), value)));
                        }
                    }
                }
            }
        }
        let mut pairs = Vec::new();
        for (name, value, at) in out {
            if name.is_empty() && key == "environment" {
                let what = text!("a variable of `environment` has no name");
                let help = text!("write `NAME=value`");
                let problem = Problem::new(what).code(Code::InvalidName).help(help);
                self.problems.push(problem.at(at.place()));
                continue;
            }
            let from_lab = || self.found.variables.get(&name).cloned();
            match (value, key) {
                (Some(value), _) => pairs.push((name, value)),
                // A label without a value has an empty one.
                (None, "labels") => pairs.push((name, String::new())),
                (None, _) => match from_lab() {
                    Some(value) => pairs.push((name, value)),
                    None => {
                        let what = text!(
                            "`{key}` requests `{name}` from the environment of this machine",
                            key,
                            name
                        );
                        let help = text!("write the value here, or in `vars` of lab.yaml");
                        self.problems.push(policy::refused(at, what).help(help));
                    }
                },
            }
        }
        pairs
    }

    /// Reads `sysctls`: a mapping, or a list of `name=value`.
    pub(crate) fn read_sysctls(&mut self, fields: &mut Fields<'_>) -> BTreeMap<String, String> {
        let Some(node) = fields.get("sysctls") else {
            return BTreeMap::new();
        };
        let settings: BTreeMap<_, _> = self.read_pairs(fields, "sysctls").into_iter().collect();
        for name in settings.keys() {
            policy::check_sysctl(name, node, self.problems);
        }
        settings
    }
}
