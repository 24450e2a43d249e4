//! Reads `lab.yaml`.

use std::collections::{BTreeMap, BTreeSet};

use crate::lab::id::{ExerciseId, InvalidName, LabId, ServiceName, TopicId};
use crate::lab::model::{About, Exercise, Level, Quiz, RightAnswer, Task, WrongAnswer};
use crate::lab::random::RandomValues;
use crate::lab::roadmap;
use crate::lab::script_files::ScriptFiles;
use crate::lab::steps::{
    Check, Step, StepList, check_ratios, read_check, read_measurements, read_steps,
};
use crate::lab::variables::{Dialect, Variables, expand_all, is_variable_name};
use crate::lab::yaml::{
    Fields, Kind, Mapping, Node, Problems, entries, explain_quotes, keyed_entries, list, string,
};
use crate::problem::{Code, Problem, suggestion};
use crate::text;

/// The most exercises and checks of a lab.
const MAX_EXERCISES: usize = 100;
const MAX_CHECKS: usize = 500;

/// The time that a lab may take, in minutes.
const MINUTES: std::ops::RangeInclusive<i64> = 1..=1440;

/// The points of an exercise.
const POINTS: std::ops::RangeInclusive<i64> = 1..=1000;

/// The most regular expressions of a lab, because each takes time to compile.
const MAX_EXPRESSIONS: usize = 200;

/// The contents of `lab.yaml`, before they are compared with the services and the guides.
#[derive(Debug)]
pub(crate) struct LabFile {
    pub level: Level,
    pub minutes: i64,
    pub roadmap: Vec<TopicId>,
    pub after: Vec<LabId>,
    pub workspace: Option<(String, Node)>,
    /// Whether a problem of the key `workspace` is reported: the lab is meant to have one.
    pub broken_workspace: bool,
    pub start: Vec<Step>,
    pub health: Vec<Step>,
    pub exercises: Vec<(Exercise, Node)>,
    /// The ids of exercises that have problems, so that nothing is derived from them; empty for one without an id.
    pub broken: BTreeSet<String>,
    pub about: About,
    pub renamed: BTreeMap<ExerciseId, ExerciseId>,
    /// The random values that steps use.
    pub random: BTreeSet<String>,
    /// The names of captures.
    pub captures: BTreeSet<String>,
    pub root: Node,
}

/// The newest format of lab.yaml that this program reads.
const FORMAT: i64 = 1;

/// Returns the problem of a file in a format that this program does not know; nothing else can be read of it.
pub(crate) fn unreadable_format(root: &Node) -> Option<Problem> {
    let node = root.child("format")?;
    let is_known = |number: i64| (1..=FORMAT).contains(&number);
    let known = match &node.kind {
        Kind::Number(number, _) => number.as_i64().is_some_and(is_known),
        _ => false,
    };
    let written = node.as_string().unwrap_or_default();
    let what = text!(
        "format `{written}` of lab.yaml is unknown; this roadlab reads {known}",
        written,
        known = FORMAT
    );
    let problem = Problem::new(what).code(Code::Limit).at(node.place());
    let problem = problem.help(text!("use a newer roadlab"));
    let is_quoted = |written: &str| written.parse().is_ok_and(is_known);
    (!known).then(|| explain_quotes(problem, node, is_quoted))
}

/// Reads the variables of a lab, which all its files may refer to.
pub(crate) fn read_variables(root: &Node, problems: &mut Problems) -> Variables {
    let Some(node) = root.child("vars") else {
        return Variables::new();
    };
    let mut variables = Variables::new();
    for (key, value) in keyed_entries(node, "vars", problems) {
        let Some(name) = key.as_string() else {
            continue;
        };
        if !is_variable_name(&name) {
            let what = text!("`{name}` cannot be the name of a variable", name);
            let help = text!("use letters, digits and `_`, and begin with a letter");
            let problem = Problem::new(what).code(Code::InvalidName);
            problems.push(problem.at(key.place()).help(help));
        }
        variables.extend(string(value, "vars", problems).map(|value| (name, value)));
    }
    variables
}

/// Reads the file with those that its steps name; `None` if it cannot be read at all.
pub(crate) fn read(
    root: &Node,
    variables: &Variables,
    random: &RandomValues,
    scripts: &ScriptFiles<'_>,
    problems: &mut Problems,
) -> Option<LabFile> {
    if count_expressions(root) > MAX_EXPRESSIONS {
        let limit = MAX_EXPRESSIONS;
        let what = text!("too many regular expressions: the limit is {limit}", limit);
        problems.push(Problem::new(what).code(Code::Limit).at(root.place()));
        return None;
    }
    let mut captures = BTreeSet::new();
    collect_captures(root, &mut captures);
    let used = uses(root, random, &captures);
    let variables = random.add_to(variables);
    let root = random.put_numbers(root, &captures);
    let root = expand_all(&root, &variables, &captures, Dialect::Lab, problems);
    let root = scripts.put_in(&root, problems);
    let mut fields = Fields::open(&root, Mapping::Lab, problems)?;
    let level = fields.required("level", &root, problems).and_then(|node| {
        let written = string(node, "level", problems)?;
        let level = Level::ALL.into_iter().find(|level| level.name() == written);
        if level.is_none() {
            let help = suggestion(&written, Level::ALL.map(Level::name));
            let what = text!("unknown level `{written}`", written);
            problems.push(
                Problem::new(what)
                    .code(Code::UnknownName)
                    .at(node.place())
                    .help(help),
            );
        }
        level
    });
    let minutes = fields
        .required("minutes", &root, problems)
        .and_then(|node| {
            let minutes = fields.integer("minutes", problems)?;
            if !MINUTES.contains(&minutes) {
                let what = text!("`minutes` must be from 1 to 1440, not {minutes}", minutes);
                problems.push(Problem::new(what).code(Code::Limit).at(node.place()));
            }
            Some(minutes)
        });
    let roadmap = fields.list("roadmap", problems);
    let roadmap = roadmap
        .into_iter()
        .filter_map(|node| roadmap::topic(node, problems))
        .collect();
    let after = read_after(&fields.list("after", problems), problems);
    fields.accept(&["vars", "random", "format"]);
    let about = About {
        version: fields.string("version", problems),
        authors: fields.strings("authors", problems).unwrap_or_default(),
        licence: fields.string("licence", problems),
    };
    let renamed = fields.get("renamed");
    let workspace = fields
        .get("workspace")
        .and_then(|node| Some((string(node, "workspace", problems)?, node.clone())));
    let names_workspace = fields.get("workspace").is_some() || fields.has_misspelt(&["workspace"]);
    let broken_workspace = names_workspace && workspace.is_none();
    let start = read_steps(&fields.list("start", problems), StepList::Start, problems);
    let health = read_steps(&fields.list("health", problems), StepList::Health, problems);
    let nodes = fields.required("exercises", &root, problems);
    let are_listed = nodes.is_some_and(|node| matches!(node.kind, Kind::List(_)));
    let nodes = nodes.map(|node| list(node, "exercises", problems));
    let mut exercises = Vec::new();
    let mut broken = BTreeSet::new();
    for node in nodes.unwrap_or_default() {
        let before = problems.len();
        let mut exercise = read_exercise(node, problems);
        if let Some(exercise) = &mut exercise {
            exercise.random = used.of_exercise(exercise.id.as_str());
        }
        if problems.len() > before {
            let id = node.child("id").and_then(Node::as_string);
            broken.insert(id.unwrap_or_default());
        }
        exercises.extend(exercise.map(|exercise| (exercise, node.clone())));
    }
    fields.close(problems);
    if !are_listed {
        // Everything that the guides say would seem wrong.
        return None;
    }
    let checks: usize = exercises
        .iter()
        .map(|(exercise, _)| exercise.checks().len())
        .sum();
    if exercises.len() > MAX_EXERCISES || checks > MAX_CHECKS {
        let what = text!(
            "too many exercises or checks: the limits are {exercises} and {checks}",
            exercises = MAX_EXERCISES,
            checks = MAX_CHECKS
        );
        problems.push(Problem::new(what).code(Code::Limit).at(root.place()));
    }
    check_order(&exercises, &mut broken, problems);
    let renamed = renamed.map(|node| read_renamed(node, &exercises, &broken, problems));
    Some(LabFile {
        level: level.unwrap_or(Level::Beginner),
        minutes: minutes.unwrap_or(0),
        roadmap,
        after,
        workspace,
        broken_workspace,
        start,
        health,
        exercises,
        broken,
        about,
        renamed: renamed.unwrap_or_default(),
        random: used.all,
        captures,
        root: root.clone(),
    })
}

/// Reads the labs that a lab builds on. They need not be on this machine.
fn read_after(nodes: &[&Node], problems: &mut Problems) -> Vec<LabId> {
    let mut labs: Vec<LabId> = Vec::new();
    for node in nodes {
        let Some(name) = string(node, "after", problems) else {
            continue;
        };
        let problem = match LabId::new(&name) {
            Ok(lab) if labs.contains(&lab) => {
                Problem::new(text!("duplicate lab `{lab}`", lab)).code(Code::DuplicateName)
            }
            Ok(lab) => {
                labs.push(lab);
                continue;
            }
            Err(error) => Problem::new(error.text()).code(Code::InvalidName),
        };
        problems.push(problem.at(node.place()));
    }
    labs
}

/// Reads the earlier ids of exercises. None of them is the id of an exercise, and each leads to one.
fn read_renamed(
    node: &Node,
    exercises: &[(Exercise, Node)],
    broken: &BTreeSet<String>,
    problems: &mut Problems,
) -> BTreeMap<ExerciseId, ExerciseId> {
    let known = || exercises.iter().map(|(exercise, _)| exercise.id.as_str());
    let is_known = |id: &str| known().any(|known| known == id) || broken.contains(id);
    let mut renamed = BTreeMap::new();
    for (old, value) in entries(node, "renamed", problems) {
        let Some(new) = string(value, "renamed", problems) else {
            continue;
        };
        let key = node.key_of(&old).unwrap_or(node);
        let mut report = |what, at: &Node, code, help: Option<text::Text>| {
            let problem = Problem::new(what).code(code).at(at.place());
            problems.push(match help {
                Some(help) => problem.help(help),
                None => problem,
            });
        };
        if is_known(&old) {
            let what = text!(
                "`{old}` is an exercise of this lab, so it was not renamed",
                old
            );
            report(what, key, Code::DuplicateName, None);
        } else if !is_known(&new) {
            let help = suggestion(&new, known());
            report(
                text!("no such exercise: `{new}`", new),
                value,
                Code::UnknownName,
                Some(help),
            );
        } else {
            match (ExerciseId::new(&old), ExerciseId::new(&new)) {
                (Ok(old), Ok(new)) => drop(renamed.insert(old, new)),
                (Err(error), _) => report(error.text(), key, Code::InvalidName, None),
                // An exercise with another id is a problem already.
                (_, Err(_)) => {}
            }
        }
    }
    renamed
}

/// The random values that a lab.yaml uses.
struct Uses {
    all: BTreeSet<String>,
    /// By the id of the exercise.
    exercises: BTreeMap<String, BTreeSet<String>>,
}

impl Uses {
    fn of_exercise(&self, id: &str) -> BTreeSet<String> {
        self.exercises.get(id).cloned().unwrap_or_default()
    }
}

fn uses(root: &Node, random: &RandomValues, captures: &BTreeSet<String>) -> Uses {
    let used_in = |node: &Node| {
        let mut used = random.used_in(node);
        used.retain(|name| !captures.contains(name));
        used
    };
    let exercises = match root.child("exercises").map(|node| &node.kind) {
        Some(Kind::List(exercises)) => exercises.as_slice(),
        _ => &[],
    };
    let exercises = exercises.iter().filter_map(|exercise| {
        let id = exercise.child("id")?.as_string()?;
        Some((id, used_in(exercise)))
    });
    Uses {
        all: used_in(root),
        exercises: exercises.collect(),
    }
}

/// Reads the points of an exercise.
fn read_points(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<u32> {
    let node = fields.get("points")?;
    let points = fields.integer("points", problems)?;
    if !POINTS.contains(&points) {
        let what = text!("`points` must be from 1 to 1000, not {points}", points);
        let help = text!("leave it out for an exercise without points");
        let problem = Problem::new(what).code(Code::Limit);
        problems.push(problem.at(node.place()).help(help));
        return None;
    }
    u32::try_from(points).ok()
}

/// Counts the regular expressions in a tree.
pub(crate) fn count_expressions(node: &Node) -> usize {
    match &node.kind {
        Kind::List(items) => items.iter().map(count_expressions).sum(),
        Kind::Map(fields) => fields
            .iter()
            .map(|(key, value)| {
                usize::from(key.as_string().as_deref() == Some("matches"))
                    + count_expressions(value)
            })
            .sum(),
        Kind::Null | Kind::Bool(_) | Kind::Number(..) | Kind::String(_) => 0,
    }
}

/// Collects the names of all captures in a tree.
pub(crate) fn collect_captures(node: &Node, names: &mut BTreeSet<String>) {
    match &node.kind {
        Kind::List(items) => items.iter().for_each(|item| collect_captures(item, names)),
        Kind::Map(fields) => {
            for (key, value) in fields {
                if key.as_string().as_deref() == Some("capture") {
                    names.extend(value.child("name").unwrap_or(value).as_string());
                }
                collect_captures(value, names);
            }
        }
        Kind::Null | Kind::Bool(_) | Kind::Number(..) | Kind::String(_) => {}
    }
}

fn read_exercise(node: &Node, problems: &mut Problems) -> Option<Exercise> {
    let mut fields = Fields::open(node, Mapping::Exercise, problems)?;
    let id = fields.required("id", node, problems).and_then(|id| {
        let written = string(id, "id", problems)?;
        ExerciseId::new(&written)
            .map_err(|error| {
                problems.push(
                    Problem::new(error.text())
                        .code(Code::InvalidName)
                        .at(id.place()),
                )
            })
            .ok()
    });
    let needs = read_names(&mut fields, "needs", ExerciseId::new, problems);
    let needs_service = read_names(&mut fields, "needs_service", ServiceName::new, problems);
    let points = read_points(&mut fields, problems);
    let before = problems.len();
    let measure = read_measurements(&fields.list("measure", problems), problems);
    let are_measured = problems.len() == before;
    let prepare = read_steps(&fields.list("prepare", problems), StepList::Start, problems);
    let quiz = fields.get("quiz");
    let task = match quiz {
        Some(quiz) => {
            for key in ["prepare", "checks", "solution", "right", "wrong"] {
                if let Some(at) = fields.get(key).and(fields.key(key)) {
                    let what = text!("`{key}` is not allowed in an exercise with a quiz", key);
                    problems.push(Problem::new(what).code(Code::Exercise).at(at.place()));
                }
            }
            read_quiz(quiz, problems).map(Task::Quiz)
        }
        // A quiz needs none of the rest.
        None if fields.has_misspelt(&["quiz"]) => {
            fields.accept(&["checks", "solution", "right", "wrong"]);
            None
        }
        None => Some(read_practical(node, &mut fields, problems)),
    };
    fields.close(problems);
    if let Some(Task::Practical { checks, .. }) = &task {
        // Of a measurement that cannot be read, nothing is known.
        check_ratios(are_measured.then_some(measure.as_slice()), checks, problems);
    }
    Some(Exercise {
        id: id?,
        needs,
        needs_service,
        points,
        random: BTreeSet::new(),
        measure,
        prepare,
        task: task?,
    })
}

/// Reads a list of names. Each that is not valid is a problem at its place.
fn read_names<T>(
    fields: &mut Fields<'_>,
    key: &'static str,
    parse: impl Fn(&str) -> Result<T, InvalidName>,
    problems: &mut Problems,
) -> Vec<T> {
    let nodes = fields.list(key, problems).into_iter();
    let names = nodes.filter_map(|node| {
        let name = parse(&string(node, key, problems)?);
        let problem = |error: InvalidName| Problem::new(error.text()).code(Code::InvalidName);
        name.map_err(|error| problems.push(problem(error).at(node.place())))
            .ok()
    });
    names.collect()
}

fn read_practical(node: &Node, fields: &mut Fields<'_>, problems: &mut Problems) -> Task {
    let before = problems.len();
    let checks = fields
        .required("checks", node, problems)
        .map(|node| list(node, "checks", problems));
    let checks: Vec<_> = checks
        .unwrap_or_default()
        .into_iter()
        .filter_map(|node| read_check(node, problems))
        .collect();
    let are_known = problems.len() == before;
    for (at, check) in checks.iter().enumerate() {
        if checks[..at].iter().any(|earlier| earlier.id == check.id) {
            let what = text!("duplicate check `{id}` in this exercise", id = check.id);
            let help = text!("give one of the two another id, also in the guides");
            let problem = Problem::new(what)
                .code(Code::DuplicateName)
                .at(check.step.place.clone());
            problems.push(problem.help(help));
        }
    }
    let solution = fields
        .required("solution", node, problems)
        .map(|node| list(node, "solution", problems));
    let solution = read_steps(&solution.unwrap_or_default(), StepList::Solution, problems);
    let right = fields.list("right", problems);
    let right: Vec<_> = right
        .into_iter()
        .filter_map(|node| read_right_answer(node, problems))
        .collect();
    let mut wrong = Vec::new();
    for node in fields.list("wrong", problems) {
        wrong.extend(read_wrong_answer(node, problems));
        if are_known {
            check_named_check(node, &checks, problems);
        }
    }
    for (key, what) in [
        ("checks", text!("an exercise needs at least one check")),
        ("solution", text!("an exercise needs a solution")),
        (
            "wrong",
            text!("an exercise needs at least one wrong answer"),
        ),
    ] {
        let help = text!("`roadlab test` uses checks, solution and wrong answers to test a lab");
        let problem = Problem::new(what).at(node.place()).help(help);
        match fields.get(key).map(|node| &node.kind) {
            Some(Kind::List(items)) if items.is_empty() => problems.push(problem),
            // The other two are required.
            None if key == "wrong" => fields.report_missing(&[key], problem),
            Some(_) | None => {}
        }
    }
    Task::Practical {
        checks,
        solution,
        right,
        wrong,
    }
}

pub(crate) fn read_right_answer(node: &Node, problems: &mut Problems) -> Option<RightAnswer> {
    let mut fields = Fields::open(node, Mapping::RightAnswer, problems)?;
    let name = fields.required_string("name", node, problems);
    let steps = read_answer_steps(node, &mut fields, problems);
    fields.close(problems);
    Some(RightAnswer { name: name?, steps })
}

/// Reads `do`, the steps of an answer.
pub(crate) fn read_answer_steps(
    node: &Node,
    fields: &mut Fields<'_>,
    problems: &mut Problems,
) -> Vec<Step> {
    let nodes = fields
        .required("do", node, problems)
        .map(|node| list(node, "do", problems))
        .unwrap_or_default();
    read_steps(&nodes, StepList::Answer, problems)
}

/// Reports `check` of an answer if the exercise has no such check.
pub(crate) fn check_named_check(answer: &Node, checks: &[Check], problems: &mut Problems) {
    let node = answer.child("check");
    let Some((node, id)) = node.and_then(|node| Some((node, node.as_string()?))) else {
        return;
    };
    let known = checks.iter().map(|check| check.id.as_str());
    if !known.clone().any(|known| known == id) {
        let what = text!("no such check: `{id}`", id);
        let problem = Problem::new(what).code(Code::UnknownName);
        problems.push(problem.at(node.place()).help(suggestion(&id, known)));
    }
}

fn read_wrong_answer(node: &Node, problems: &mut Problems) -> Option<WrongAnswer> {
    let mut fields = Fields::open(node, Mapping::WrongAnswer, problems)?;
    let name = fields.string("name", problems);
    let steps = read_answer_steps(node, &mut fields, problems);
    let hint = fields.string("hint", problems);
    let check = fields.string("check", problems);
    fields.close(problems);
    Some(WrongAnswer {
        name,
        steps,
        hint,
        check,
    })
}

fn read_quiz(node: &Node, problems: &mut Problems) -> Option<Quiz> {
    let before = problems.len();
    let mut fields = Fields::open(node, Mapping::Quiz, problems)?;
    let items = fields.required("choices", node, problems);
    let items = items.map(|items| list(items, "choices", problems));
    let mut choices: Vec<String> = Vec::new();
    for item in items.unwrap_or_default() {
        let Some(choice) = string(item, "choices", problems) else {
            continue;
        };
        if choices.contains(&choice) {
            let what = text!("duplicate choice `{choice}`", choice);
            let problem = Problem::new(what).code(Code::DuplicateName);
            let help = text!("remove one of the two");
            problems.push(problem.at(item.place()).help(help));
        }
        choices.push(choice);
    }
    let answer = fields.required_string("answer", node, problems);
    let hints = fields.string_map("hints", problems);
    fields.close(problems);
    if problems.len() > before {
        return None;
    }
    let answer = answer?;
    if choices.len() < 2 {
        let what = text!("a quiz needs at least two choices");
        problems.push(Problem::new(what).code(Code::Exercise).at(node.place()));
        return None;
    }
    let named = hints.iter().map(|(choice, _)| choice).chain([&answer]);
    for unknown in named.filter(|choice| !choices.contains(choice)) {
        let help = suggestion(unknown, choices.iter().map(String::as_str));
        let what = text!("no such choice: `{unknown}`", unknown);
        let written = node.child("hints").and_then(|hints| hints.key_of(unknown));
        let written = written.or_else(|| node.child("answer")).unwrap_or(node);
        problems.push(
            Problem::new(what)
                .code(Code::UnknownName)
                .at(written.place())
                .help(help),
        );
    }
    if let Some(key) = node.child("hints").and_then(|hints| hints.key_of(&answer)) {
        let what = text!(
            "`{answer}` is the right choice, so its hint is never shown",
            answer
        );
        problems.push(Problem::new(what).code(Code::Exercise).at(key.place()));
    }
    Some(Quiz {
        choices,
        answer,
        hints: hints.into_iter().collect(),
    })
}

/// Checks that ids are unique and that exercises need only earlier ones, which rules out cycles.
fn check_order(
    exercises: &[(Exercise, Node)],
    broken: &mut BTreeSet<String>,
    problems: &mut Problems,
) {
    for (at, (exercise, node)) in exercises.iter().enumerate() {
        let earlier = &exercises[..at];
        let is_earlier = |id: &ExerciseId| earlier.iter().any(|(other, _)| other.id == *id);
        if is_earlier(&exercise.id) {
            let what = text!("duplicate exercise `{id}`", id = exercise.id);
            let help = text!("give one of the two another id, also in the guides");
            let place = node.child("id").unwrap_or(node).place();
            problems.push(
                Problem::new(what)
                    .code(Code::DuplicateName)
                    .at(place)
                    .help(help),
            );
            broken.insert(exercise.id.to_string());
            continue;
        }
        let written = node.child("needs");
        for need in exercise.needs.iter().filter(|need| !is_earlier(need)) {
            let problem = match exercises.iter().any(|(other, _)| other.id == *need) {
                true => Problem::new(text!(
                    "`{id}` needs `{need}`, a later exercise",
                    id = exercise.id,
                    need
                ))
                .code(Code::Order)
                .help(text!("move it before this one")),
                // An exercise that could not be read is reported already.
                false if broken.contains(need.as_str()) || broken.contains("") => continue,
                false => {
                    let known = earlier.iter().map(|(exercise, _)| exercise.id.as_str());
                    let what = text!("no such exercise: `{need}`", need);
                    Problem::new(what)
                        .code(Code::UnknownName)
                        .help(suggestion(need.as_str(), known))
                }
            };
            let item = written.and_then(|written| match &written.kind {
                Kind::List(items) => items
                    .iter()
                    .find(|item| item.as_string().as_deref() == Some(need.as_str())),
                _ => Some(written),
            });
            let place = item.or(written).unwrap_or(node).place();
            problems.push(problem.at(place));
        }
    }
}

#[cfg(test)]
mod tests;
