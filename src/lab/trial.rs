//! Reads `trial.yaml`: answers as people type them, which `roadlab test` plays beside those of `lab.yaml`.
//!
//! A running lab does not need the file, so `load` does not read it.

use std::collections::{BTreeMap, BTreeSet};

use crate::lab::consistency::check_steps;
use crate::lab::file_system::{FileSystem, ReadError};
use crate::lab::id::ExerciseId;
use crate::lab::lab_file::{
    check_named_check, collect_captures, count_expressions, read_answer_steps, read_right_answer,
};
use crate::lab::model::{Exercise, Lab, RightAnswer, Task, WrongAnswer};
use crate::lab::script_files::ScriptFiles;
use crate::lab::steps::Step;
use crate::lab::variables::{Dialect, expand_all};
use crate::lab::yaml::{Fields, Mapping, Node, Problems, keyed_entries};
use crate::problem::{Code, Place, Problem, suggestion};
use crate::text;

/// The name of the file in the lab's folder.
pub(crate) const TRIAL_FILE: &str = "trial.yaml";

/// The most regular expressions and answers in the file.
const MAX_EXPRESSIONS: usize = 200;
const MAX_ANSWERS: usize = 1000;

/// The answers of a lab's `trial.yaml`, by exercise.
#[derive(Debug, Clone, Default)]
pub struct Trial {
    pub exercises: BTreeMap<ExerciseId, TrialAnswers>,
}

/// Answers to an exercise.
#[derive(Debug, Clone, Default)]
pub struct TrialAnswers {
    pub right: Vec<RightAnswer>,
    pub wrong: Vec<TrialWrong>,
    /// The random values that they use.
    pub random: BTreeSet<String>,
}

/// A wrong answer of `trial.yaml`.
#[derive(Debug, Clone)]
pub struct TrialWrong {
    pub answer: WrongAnswer,
    /// Why its state cannot be told from that of a right answer, so that it is accepted.
    pub indistinguishable: Option<String>,
}

/// Reads the file of a sound lab; a lab without one has no such answers.
///
/// # Errors
/// All problems of the file.
pub fn load_trial(lab: &Lab, files: &dyn FileSystem) -> Result<Trial, Vec<Problem>> {
    let path = lab.folder.join(TRIAL_FILE);
    let source = match files.read(&path) {
        Ok(source) => source,
        Err(ReadError::NotFound) => return Ok(Trial::default()),
        Err(error) => {
            let what = text!("cannot read this file: {reason}", reason = error.text());
            return Err(vec![
                Problem::new(what)
                    .code(Code::UnreadableFile)
                    .at(Place::file(&path)),
            ]);
        }
    };
    let root = Node::parse_trial(&path, &source).map_err(|problem| vec![problem])?;
    let mut problems = Vec::new();
    let scripts = ScriptFiles {
        folder: &lab.folder,
        files,
    };
    let trial = read(&root, lab, &scripts, &mut problems);
    match problems.is_empty() {
        true => Ok(trial),
        false => Err(problems),
    }
}

fn read(root: &Node, lab: &Lab, scripts: &ScriptFiles<'_>, problems: &mut Problems) -> Trial {
    if count_expressions(root) > MAX_EXPRESSIONS {
        let limit = MAX_EXPRESSIONS;
        let what = text!("too many regular expressions: the limit is {limit}", limit);
        problems.push(Problem::new(what).code(Code::Limit).at(root.place()));
        return Trial::default();
    }
    let mut captures = BTreeSet::new();
    collect_captures(root, &mut captures);
    let raw = root;
    let variables = lab.random.add_to(&lab.vars);
    let root = lab.random.put_numbers(raw, &captures);
    let root = expand_all(&root, &variables, &captures, Dialect::Lab, problems);
    let root = scripts.put_in(&root, problems);
    let mut trial = Trial::default();
    for (key, node) in keyed_entries(&root, TRIAL_FILE, problems) {
        let Some(name) = key.as_string() else {
            continue;
        };
        let exercise = lab.exercises.iter().find(|known| known.id.as_str() == name);
        let Some(exercise) = exercise else {
            let known = lab.exercises.iter().map(|exercise| exercise.id.as_str());
            let help = suggestion(&name, known);
            let what = text!("no such exercise: `{name}`", name);
            problems.push(
                Problem::new(what)
                    .code(Code::UnknownName)
                    .at(key.place())
                    .help(help),
            );
            continue;
        };
        if let Task::Quiz(_) = exercise.task {
            let what = text!(
                "exercise `{name}` is a quiz, whose answers are its choices",
                name
            );
            problems.push(Problem::new(what).at(key.place()));
            continue;
        }
        if let Some(mut answers) = read_answers(node, exercise, problems) {
            let used = raw.child(&name).map(|node| lab.random.used_in(node));
            answers.random = used.unwrap_or_default();
            answers.random.retain(|name| !captures.contains(name));
            trial.exercises.insert(exercise.id.clone(), answers);
        }
    }
    check_steps(lab, trial.exercises.values().flat_map(steps), problems);
    let answers = trial.exercises.values();
    let count: usize = answers.map(|of| of.right.len() + of.wrong.len()).sum();
    if count > MAX_ANSWERS {
        let what = text!(
            "too many answers: the limit is {limit}",
            limit = MAX_ANSWERS
        );
        problems.push(Problem::new(what).code(Code::Limit).at(root.place()));
    }
    trial
}

/// Returns the steps of all answers.
fn steps(answers: &TrialAnswers) -> impl Iterator<Item = &Step> {
    let right = answers.right.iter().flat_map(|right| &right.steps);
    let wrong = answers.wrong.iter();
    right.chain(wrong.flat_map(|wrong| &wrong.answer.steps))
}

fn read_answers(node: &Node, exercise: &Exercise, problems: &mut Problems) -> Option<TrialAnswers> {
    let mut fields = Fields::open(node, Mapping::TrialExercise, problems)?;
    let right = fields.list("right", problems);
    let wrong = fields.list("wrong", problems);
    fields.close(problems);
    let right = right
        .into_iter()
        .filter_map(|node| read_right_answer(node, problems));
    let right: Vec<RightAnswer> = right.collect();
    let wrong = wrong
        .into_iter()
        .filter_map(|node| read_wrong(node, exercise, problems));
    let wrong: Vec<TrialWrong> = wrong.collect();
    Some(TrialAnswers {
        right,
        wrong,
        random: BTreeSet::new(),
    })
}

fn read_wrong(node: &Node, exercise: &Exercise, problems: &mut Problems) -> Option<TrialWrong> {
    let mut fields = Fields::open(node, Mapping::TrialAnswer, problems)?;
    let name = fields.required_string("name", node, problems);
    let steps = read_answer_steps(node, &mut fields, problems);
    let hint = fields.string("hint", problems);
    let check = fields.string("check", problems);
    let indistinguishable = fields.string("indistinguishable", problems);
    fields.close(problems);
    if indistinguishable.is_some() && (hint.is_some() || check.is_some()) {
        let what = text!(
            "an answer with `indistinguishable` is accepted, so it has no `hint` and no `check`"
        );
        problems.push(Problem::new(what).at(node.place()));
    }
    check_named_check(node, exercise.checks(), problems);
    if let Some(hint) = &hint {
        let hints = exercise.checks().iter().flat_map(|check| &check.hints);
        let known: BTreeSet<&str> = hints.map(|hint| hint.say.as_str()).collect();
        if !known.contains(hint.as_str()) {
            let help = suggestion(hint, known.iter().copied());
            let what = text!("no check shows the hint `{hint}`", hint);
            let place = node.child("hint").unwrap_or(node).place();
            problems.push(Problem::new(what).at(place).help(help));
        }
    }
    Some(TrialWrong {
        answer: WrongAnswer {
            name: Some(name?),
            steps,
            hint,
            check,
        },
        indistinguishable,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::testing::{COMPOSE, InMemoryFs, lab};

    #[track_caller]
    fn load(trial: &str) -> Result<Trial, Vec<String>> {
        let lab = lab(COMPOSE);
        let mut files = InMemoryFs::default();
        files
            .0
            .insert(lab.folder.join(TRIAL_FILE), trial.to_owned());
        load_trial(&lab, &files).map_err(|problems| {
            let folder = format!("{}/", lab.folder.display());
            let text = |problem: &Problem| problem.to_string().replace(&folder, "");
            problems.iter().map(text).collect()
        })
    }

    #[test]
    fn a_lab_without_the_file_has_no_such_answers() {
        let lab = lab(COMPOSE);
        let trial = load_trial(&lab, &InMemoryFs::default()).unwrap();
        assert!(trial.exercises.is_empty());
        assert!(load("{}").unwrap().exercises.is_empty());
    }

    #[test]
    fn answers_are_read_by_exercise() {
        let trial = load(
            "one:
  right:
    - name: in two steps
      do: [ { redis: { service: redis, command: [SET, a, b] } } ]
  wrong:
    - name: another value
      do: [ { redis: { service: redis, command: [SET, a, c] } } ]
      check: holds
    - name: by hand
      do: [ { redis: { service: redis, command: [SET, a, b] } } ]
      indistinguishable: leaves the same state
",
        );
        let trial = trial.unwrap();
        let answers = &trial.exercises[&ExerciseId::new("one").unwrap()];
        assert_eq!(answers.right[0].name, "in two steps");
        let [wrong, same] = &answers.wrong[..] else {
            panic!("{answers:?}");
        };
        assert_eq!(wrong.answer.check.as_deref(), Some("holds"));
        assert_eq!(
            same.indistinguishable.as_deref(),
            Some("leaves the same state")
        );
    }

    #[test]
    fn every_problem_has_its_line() {
        let problems = load(
            "two: {}
one:
  right: [ { do: [] } ]
  wrong:
    - name: n
      do: [ { redis: { service: rdis, command: [PING] } } ]
      check: hods
      hint: h
      indistinguishable: same
      colour: red
",
        );
        insta::assert_snapshot!(problems.unwrap_err().join("\n"), @r"
        trial.yaml:1:1: no such exercise: `two` (available: `one`)
        trial.yaml:3:12: missing key `name` in a right answer
        trial.yaml:10:7: unknown key `colour` in a wrong answer (available: `check`, `do`, `hint`, `indistinguishable`, `name`)
        trial.yaml:5:7: an answer with `indistinguishable` is accepted, so it has no `hint` and no `check`
        trial.yaml:7:14: no such check: `hods` (did you mean `holds`?)
        trial.yaml:8:13: no check shows the hint `h` (none are defined)
        trial.yaml:6:33: no such service: `rdis` (did you mean `redis`?)
        ");
    }
}
