//! Reads `lab.yaml`: metadata, start, health, exercises.

use std::collections::BTreeSet;

use crate::lab::fields::{Fields, Problems, entries, list, text};
use crate::lab::model::{Exercise, Level, Quiz, Task, Wrong};
use crate::lab::read_step::{check, steps};
use crate::lab::roadmap;
use crate::lab::step::Step;
use crate::lab::vars::{Dialect, Vars, fill};
use crate::lab::yaml::{Kind, Node};
use crate::lab::{ExerciseId, ServiceName, TopicId};
use crate::problem::{Problem, suggestion};

/// The most exercises and checks that a lab may have.
const MOST_EXERCISES: usize = 100;
const MOST_CHECKS: usize = 500;

/// The most regular expressions: each takes time to compile.
const MOST_EXPRESSIONS: usize = 200;

/// `lab.yaml`, read but not yet compared with the services and the guides.
#[derive(Debug)]
pub(crate) struct LabFile {
    pub level: Level,
    pub minutes: i64,
    pub roadmap: Vec<TopicId>,
    pub workspace: Option<(String, Node)>,
    pub start: Vec<Step>,
    pub health: Vec<Step>,
    pub exercises: Vec<(Exercise, Node)>,
    pub root: Node,
}

/// The lab's own variables, which the rest of its files may refer to.
pub(crate) fn vars(root: &Node, problems: &mut Problems) -> Vars {
    let Kind::Map(fields) = &root.kind else {
        return Vars::new();
    };
    let found = fields
        .iter()
        .find(|(key, _)| key.text().as_deref() == Some("vars"));
    let Some((_, node)) = found else {
        return Vars::new();
    };
    let named = entries(node, "vars", problems);
    named
        .into_iter()
        .filter_map(|(name, value)| Some((name, text(value, "vars", problems)?)))
        .collect()
}

/// Reads the whole file; `None` only if it is not even a mapping.
pub(crate) fn read(root: &Node, vars: &Vars, problems: &mut Problems) -> Option<LabFile> {
    if expressions(root) > MOST_EXPRESSIONS {
        let what = format!("a lab has at most {MOST_EXPRESSIONS} regular expressions");
        problems.push(Problem::new(what).at(root.place()));
        return None;
    }
    let mut captures = BTreeSet::new();
    collect_captures(root, &mut captures);
    let root = fill(root, vars, &captures, Dialect::Lab, problems);
    let mut fields = Fields::open(&root, "lab", problems)?;
    let level = fields.required("level", &root, problems).and_then(|node| {
        let written = text(node, "level", problems)?;
        let level = Level::ALL.into_iter().find(|level| level.name() == written);
        if level.is_none() {
            let help = suggestion(&written, Level::ALL.map(Level::name));
            problems.push(
                Problem::new(format!("unknown level `{written}`"))
                    .at(node.place())
                    .help(help),
            );
        }
        level
    });
    let minutes = fields
        .required("minutes", &root, problems)
        .and_then(|_| fields.integer("minutes", problems));
    let roadmap = fields.list("roadmap", problems);
    let roadmap = roadmap
        .into_iter()
        .filter_map(|node| roadmap::topic(node, problems))
        .collect();
    fields.get("vars");
    let workspace = fields
        .get("workspace")
        .and_then(|node| Some((text(node, "workspace", problems)?, node.clone())));
    let start = steps(&fields.list("start", problems), None, problems);
    let health = steps(&fields.list("health", problems), None, problems);
    let nodes = fields
        .required("exercises", &root, problems)
        .map(|node| list(node, "exercises", problems));
    let exercises: Vec<_> = nodes
        .unwrap_or_default()
        .into_iter()
        .filter_map(|node| Some((exercise(node, problems)?, node.clone())))
        .collect();
    fields.close(problems);
    let checks: usize = exercises
        .iter()
        .map(|(exercise, _)| exercise.checks().len())
        .sum();
    if exercises.len() > MOST_EXERCISES || checks > MOST_CHECKS {
        let what = format!("a lab has at most {MOST_EXERCISES} exercises and {MOST_CHECKS} checks");
        problems.push(Problem::new(what).at(root.place()));
    }
    order(&exercises, problems);
    Some(LabFile {
        level: level.unwrap_or(Level::Beginner),
        minutes: minutes.unwrap_or(0),
        roadmap,
        workspace,
        start,
        health,
        exercises,
        root: root.clone(),
    })
}

fn expressions(node: &Node) -> usize {
    match &node.kind {
        Kind::List(items) => items.iter().map(expressions).sum(),
        Kind::Map(fields) => fields
            .iter()
            .map(|(key, value)| {
                usize::from(key.text().as_deref() == Some("matches")) + expressions(value)
            })
            .sum(),
        Kind::Null | Kind::Bool(_) | Kind::Number(..) | Kind::Text(_) => 0,
    }
}

/// Names under `capture`, anywhere: they are filled when steps run.
fn collect_captures(node: &Node, names: &mut BTreeSet<String>) {
    match &node.kind {
        Kind::List(items) => items.iter().for_each(|item| collect_captures(item, names)),
        Kind::Map(fields) => {
            for (key, value) in fields {
                if key.text().as_deref() == Some("capture") {
                    let inner = match &value.kind {
                        Kind::Map(inner) => inner
                            .iter()
                            .find(|(k, _)| k.text().as_deref() == Some("name")),
                        _ => None,
                    };
                    names.extend(inner.map_or_else(|| value.text(), |(_, name)| name.text()));
                }
                collect_captures(value, names);
            }
        }
        Kind::Null | Kind::Bool(_) | Kind::Number(..) | Kind::Text(_) => {}
    }
}

fn exercise(node: &Node, problems: &mut Problems) -> Option<Exercise> {
    let mut fields = Fields::open(node, "exercise", problems)?;
    let id = fields.required("id", node, problems).and_then(|id| {
        let written = text(id, "id", problems)?;
        ExerciseId::new(&written)
            .map_err(|e| problems.push(Problem::new(e.to_string()).at(id.place())))
            .ok()
    });
    let needs = fields.texts("needs", problems).unwrap_or_default();
    let needs = needs
        .iter()
        .filter_map(|need| ExerciseId::new(need).ok())
        .collect();
    let needs_service = fields.texts("needs_service", problems).unwrap_or_default();
    let needs_service = needs_service
        .iter()
        .filter_map(|name| ServiceName::new(name).ok())
        .collect();
    let quiz = fields.get("quiz");
    let task = match quiz {
        Some(quiz) => {
            for key in ["checks", "solution", "wrong"] {
                if let Some(at) = fields.get(key).and(fields.key(key)) {
                    problems.push(Problem::new(format!("a quiz has no `{key}`")).at(at.place()));
                }
            }
            self::quiz(quiz, problems).map(Task::Quiz)
        }
        None => Some(deed(node, &mut fields, problems)),
    };
    fields.close(problems);
    Some(Exercise {
        id: id?,
        needs,
        needs_service,
        task: task?,
    })
}

fn deed(node: &Node, fields: &mut Fields<'_>, problems: &mut Problems) -> Task {
    let checks = fields
        .required("checks", node, problems)
        .map(|node| list(node, "checks", problems));
    let checks: Vec<_> = checks
        .unwrap_or_default()
        .into_iter()
        .filter_map(|node| check(node, problems))
        .collect();
    for (at, check) in checks.iter().enumerate() {
        if checks[..at].iter().any(|earlier| earlier.id == check.id) {
            let what = format!("two checks of this exercise are called `{}`", check.id);
            problems.push(Problem::new(what).at(check.step.place.clone()));
        }
    }
    let solution = fields
        .required("solution", node, problems)
        .map(|node| list(node, "solution", problems));
    let solution = steps(&solution.unwrap_or_default(), None, problems);
    let wrong = fields.list("wrong", problems);
    let wrong: Vec<_> = wrong
        .into_iter()
        .filter_map(|node| self::wrong(node, problems))
        .collect();
    for (what, missing) in [
        ("check", checks.is_empty()),
        ("step of a solution", solution.is_empty()),
        ("wrong answer", wrong.is_empty()),
    ] {
        if missing {
            let help = "`roadlab test` proves an exercise by all three";
            problems.push(
                Problem::new(format!("an exercise needs at least one {what}"))
                    .at(node.place())
                    .help(help),
            );
        }
    }
    Task::Practical {
        checks,
        solution,
        wrong,
    }
}

fn wrong(node: &Node, problems: &mut Problems) -> Option<Wrong> {
    let mut fields = Fields::open(node, "wrong answer", problems)?;
    let nodes = fields
        .required("do", node, problems)
        .map(|node| list(node, "do", problems))
        .unwrap_or_default();
    let steps = steps(&nodes, None, problems);
    let hint = fields.text("hint", problems);
    let check = fields.text("check", problems);
    fields.close(problems);
    Some(Wrong { steps, hint, check })
}

fn quiz(node: &Node, problems: &mut Problems) -> Option<Quiz> {
    let mut fields = Fields::open(node, "quiz", problems)?;
    let choices = fields
        .required("choices", node, problems)
        .and_then(|_| fields.texts("choices", problems));
    let answer = fields
        .required("answer", node, problems)
        .and_then(|answer| text(answer, "answer", problems));
    let hints = fields.text_map("hints", problems);
    fields.close(problems);
    let (choices, answer) = (choices?, answer?);
    let known = |choice: &String| choices.contains(choice);
    let strangers = hints
        .iter()
        .map(|(choice, _)| choice)
        .chain([&answer])
        .filter(|choice| !known(choice));
    for stranger in strangers {
        let help = suggestion(
            stranger,
            choices
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>()
                .iter()
                .copied(),
        );
        problems.push(
            Problem::new(format!("`{stranger}` is not a choice"))
                .at(node.place())
                .help(help),
        );
    }
    if choices.len() < 2 {
        problems.push(Problem::new("a quiz needs at least two choices").at(node.place()));
    }
    Some(Quiz {
        choices,
        answer,
        hints: hints.into_iter().collect(),
    })
}

/// Exercises have names of their own and need only earlier ones, so there can be no cycle.
fn order(exercises: &[(Exercise, Node)], problems: &mut Problems) {
    for (at, (exercise, node)) in exercises.iter().enumerate() {
        let earlier = &exercises[..at];
        if earlier.iter().any(|(other, _)| other.id == exercise.id) {
            problems.push(
                Problem::new(format!("two exercises are called `{}`", exercise.id))
                    .at(node.place()),
            );
        }
        for need in &exercise.needs {
            if earlier.iter().any(|(other, _)| other.id == *need) {
                continue;
            }
            let help = match exercises.iter().any(|(other, _)| other.id == *need) {
                true => "an exercise can only need one that stands before it".to_owned(),
                false => suggestion(
                    need.as_str(),
                    earlier
                        .iter()
                        .map(|(e, _)| e.id.as_str())
                        .collect::<Vec<_>>()
                        .iter()
                        .copied(),
                ),
            };
            let what = format!(
                "`{}` needs `{need}`, which does not come before it",
                exercise.id
            );
            problems.push(Problem::new(what).at(node.place()).help(help));
        }
    }
}
