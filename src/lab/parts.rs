//! The parts of a lab's files by exercise, so that two versions of them can be compared. Places and comments are not part of
//! them: a line that is added above an exercise does not change it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::lab::file_system::FileSystem;
use crate::lab::guide::Section;
use crate::lab::id::ExerciseId;
use crate::lab::model::Lab;
use crate::lab::trial::TRIAL_FILE;
use crate::lab::yaml::{Kind, Node};

/// What the files of a lab say, in a form without places.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabParts {
    /// What all exercises depend on: `start`, `health`, `vars` and the workspace.
    common: String,
    /// The exercise of lab.yaml, its answers in trial.yaml and its section in every guide.
    exercises: BTreeMap<ExerciseId, String>,
}

/// The exercises that are not as before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangedExercises {
    /// Something that all exercises depend on changed.
    All,
    Some(BTreeSet<ExerciseId>),
}

impl ChangedExercises {
    /// Returns the exercises of both.
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Some(mut ids), Self::Some(others)) => {
                ids.extend(others);
                Self::Some(ids)
            }
            _ => Self::All,
        }
    }
}

/// The keys of lab.yaml that describe the lab and do not affect any verdict.
const DESCRIPTIONS: [&str; 10] = [
    "exercises",
    "level",
    "minutes",
    "roadmap",
    "after",
    "format",
    "version",
    "authors",
    "licence",
    "renamed",
];

impl LabParts {
    /// Reads the parts of a lab without problems.
    pub fn read(lab: &Lab, files: &dyn FileSystem) -> Self {
        let mut parts = Self::default();
        if let Some(Kind::Map(entries)) = read(lab, "lab.yaml", files) {
            for (key, value) in &entries {
                let key = key.as_string().unwrap_or_default();
                if !DESCRIPTIONS.contains(&key.as_str()) {
                    let _ = write!(parts.common, "{key}=");
                    write_node(value, &mut parts.common);
                }
                if let ("exercises", Kind::List(exercises)) = (key.as_str(), &value.kind) {
                    for exercise in exercises {
                        let id = exercise.child("id").and_then(Node::as_string);
                        parts.add(id.as_deref(), |text| write_node(exercise, text));
                    }
                }
            }
        }
        if let Some(Kind::Map(entries)) = read(lab, TRIAL_FILE, files) {
            for (key, value) in &entries {
                parts.add(key.as_string().as_deref(), |text| write_node(value, text));
            }
        }
        for (lang, guide) in &lab.guides {
            for (id, section) in &guide.sections {
                parts.add(Some(id.as_str()), |text| {
                    let _ = write!(text, "{lang}:");
                    write_section(section, text);
                });
            }
        }
        parts
    }

    fn add(&mut self, id: Option<&str>, write: impl FnOnce(&mut String)) {
        if let Some(Ok(id)) = id.map(ExerciseId::new) {
            write(self.exercises.entry(id).or_default());
        }
    }

    /// Returns the exercises that are not as they were in `before`.
    pub fn changed_since(&self, before: &Self) -> ChangedExercises {
        if self.common != before.common {
            return ChangedExercises::All;
        }
        let changed = self.exercises.iter();
        let changed = changed.filter(|(id, text)| before.exercises.get(id) != Some(text));
        ChangedExercises::Some(changed.map(|(id, _)| id.clone()).collect())
    }

    /// Returns the exercises that name a file of the lab: by its path in the lab's folder, or by its name.
    pub fn naming(&self, path: &str) -> BTreeSet<ExerciseId> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let exercises = self.exercises.iter();
        let naming = exercises.filter(|(_, text)| text.contains(name));
        naming.map(|(id, _)| id.clone()).collect()
    }
}

fn read(lab: &Lab, name: &str, files: &dyn FileSystem) -> Option<Kind> {
    let path = lab.folder.join(name);
    let text = files.read(&path).ok()?;
    let parsed = match name {
        TRIAL_FILE => Node::parse_trial(&path, &text),
        _ => Node::parse(&path, &text),
    };
    Some(parsed.ok()?.kind)
}

/// Writes the value of a node, as JSON would but for the order of keys, which can matter.
fn write_node(node: &Node, text: &mut String) {
    // Writing to a String cannot fail.
    let _ = match &node.kind {
        Kind::Null => text.write_str("null"),
        Kind::Bool(value) => write!(text, "{value}"),
        Kind::Number(_, written) => text.write_str(written),
        Kind::String(value) => write!(text, "{value:?}"),
        Kind::List(items) => {
            text.push('[');
            for item in items {
                write_node(item, text);
                text.push(',');
            }
            text.write_char(']')
        }
        Kind::Map(entries) => {
            text.push('{');
            for (key, value) in entries {
                write_node(key, text);
                text.push(':');
                write_node(value, text);
                text.push(',');
            }
            text.write_char('}')
        }
    };
}

fn write_section(section: &Section, text: &mut String) {
    let Section {
        title,
        body,
        checks,
        measured,
        choices,
        hints,
        named_hints,
        after,
        after_title,
        solution,
        values,
        value_lines: _,
        line: _,
        item_lines: _,
        heading_lines: _,
        broken: _,
    } = section;
    let templates = hints.iter().chain([body]).chain(after).chain(solution);
    let templates: Vec<&str> = templates.map(|one| one.markdown.as_str()).collect();
    let named = named_hints.iter();
    let named: Vec<_> = named.map(|(id, one)| (id, one.markdown.as_str())).collect();
    let _ = write!(
        text,
        "{title:?}{after_title:?}{checks:?}{measured:?}{choices:?}{templates:?}{named:?}{values:?}"
    );
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::lab::load::load;
    use crate::lab::testing::{COMPOSE, GUIDE, InMemoryFs, LAB, files};

    fn two() -> InMemoryFs {
        let (head, one) = LAB.split_once("  - id: one\n").unwrap();
        let lab = format!("{head}  - id: one\n{one}  - id: two\n{one}");
        let (title, section) = GUIDE.split_once("## One {#one}").unwrap();
        let guide = format!("{title}## One {{#one}}{section}\n## Two {{#two}}{section}");
        files(&lab, COMPOSE, &guide)
    }

    fn parts(files: &InMemoryFs) -> LabParts {
        let loaded = load(Path::new("labs/small"), files);
        LabParts::read(&loaded.expect("the lab is sound").lab, files)
    }

    /// Returns what changes when a text of a file is replaced.
    #[track_caller]
    fn changed(file: &str, change: impl FnOnce(&str) -> String) -> ChangedExercises {
        let before = two();
        let mut after = before.clone();
        let path = Path::new("labs/small").join(file);
        let text = before.0.get(&path).cloned().unwrap_or_default();
        after.0.insert(path, change(&text));
        parts(&after).changed_since(&parts(&before))
    }

    fn only(ids: &[&str]) -> ChangedExercises {
        let ids = ids.iter().map(|id| ExerciseId::new(id).unwrap());
        ChangedExercises::Some(ids.collect())
    }

    #[test]
    fn an_exercise_is_its_yaml_its_guide_and_its_answers_in_the_trial() {
        let last = |from: &'static str, to: &'static str| {
            move |text: &str| {
                let (before, after) = text.rsplit_once(from).unwrap();
                format!("{before}{to}{after}")
            }
        };
        assert_eq!(
            changed("lab.yaml", last("[SET, a, c]", "[SET, a, d]")),
            only(&["two"])
        );
        assert_eq!(
            changed("guide.en.md", last("Two.", "Three.")),
            only(&["two"])
        );
        let trial = |_: &str| {
            "one: { wrong: [ { name: x, do: [ { redis: { service: redis, command: [DEL, a] } } ] } ] }\n".to_owned()
        };
        assert_eq!(changed("trial.yaml", trial), only(&["one"]));
    }

    #[test]
    fn comments_lines_and_descriptions_change_no_exercise() {
        assert_eq!(
            changed("lab.yaml", |text| format!("# a comment\n\n{text}")
                .replace("minutes: 5", "minutes: 6")),
            only(&[])
        );
        assert_eq!(
            changed("guide.en.md", |text| text
                .replace("Words.", "Other\nwords.")),
            only(&[])
        );
    }

    #[test]
    fn what_all_exercises_depend_on_changes_all() {
        let start = "start: [ { redis: { service: redis, command: [FLUSHALL] } } ]\n";
        assert_eq!(
            changed("lab.yaml", |text| format!("{start}{text}")),
            ChangedExercises::All
        );
    }
}
