//! The answers to an exercise that the proof plays, and what must be true of each.

use crate::lab::{Effect, Exercise, Necessity, Step, StepKind, Task, TrialAnswers, WrongAnswer};
use crate::problem::Place;
use crate::text;
use crate::text::Text;

/// An answer to play.
#[derive(Debug, Clone)]
pub struct Answer<'a> {
    pub kind: AnswerKind,
    /// How it is named on the command line: `solution`, `without-2`, its own name, or the number of a wrong answer.
    pub id: String,
    /// What it is, in words: `wrong answer 2 (typed by hand)`.
    pub name: Text,
    pub steps: Vec<&'a Step>,
    pub must: Must<'a>,
    /// Where it is written.
    pub place: Option<&'a Place>,
}

impl Answer<'_> {
    /// Returns whether it is the solution without one of its steps.
    pub fn is_left_out(&self) -> bool {
        matches!(self.kind, AnswerKind::LeftOut { .. })
    }
}

/// The kind of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerKind {
    Solution,
    /// The solution without one of its steps, which has this position.
    LeftOut {
        step: usize,
    },
    RightAnswer,
    WrongAnswer,
    /// A right answer with the random values of another draw.
    OtherDraw,
}

/// What must be true after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Must<'a> {
    /// Every check passes.
    Pass,
    /// A check fails: this one if there is one; this hint is shown if there is one.
    Fail {
        check: Option<&'a str>,
        hint: Option<&'a str>,
    },
    /// A wrong answer that leaves the state of a right one, for this reason: every check passes.
    PassAsRight { reason: &'a str },
}

/// Returns the answers to a practical exercise in the order in which they are played; none to a quiz.
pub fn answers<'a>(exercise: &'a Exercise, trial: Option<&'a TrialAnswers>) -> Vec<Answer<'a>> {
    let Task::Practical {
        solution,
        right,
        wrong,
        ..
    } = &exercise.task
    else {
        return Vec::new();
    };
    let mut answers = vec![Answer {
        kind: AnswerKind::Solution,
        id: "solution".to_owned(),
        name: text!("the solution"),
        steps: solution.iter().collect(),
        must: Must::Pass,
        place: solution.first().map(|step| &step.place),
    }];
    answers.extend(left_out(solution));
    let more_right = trial.map_or(&[][..], |trial| &trial.right);
    let right = right.iter().chain(more_right);
    answers.extend(right.map(|right| Answer {
        kind: AnswerKind::RightAnswer,
        id: right.name.clone(),
        name: text!("right answer `{name}`", name = right.name),
        steps: right.steps.iter().collect(),
        must: Must::Pass,
        place: right.steps.first().map(|step| &step.place),
    }));
    let more_wrong = trial.map_or(&[][..], |trial| &trial.wrong);
    let wrong = wrong.iter().map(|wrong| (wrong, None));
    let more_wrong = more_wrong
        .iter()
        .map(|wrong| (&wrong.answer, wrong.indistinguishable.as_deref()));
    for (at, (wrong, reason)) in wrong.chain(more_wrong).enumerate() {
        answers.push(wrong_answer(at + 1, wrong, reason));
    }
    answers
}

/// Returns the right answers of one draw that have other steps than in a second one, where they must fail. The answers of both
/// draws are in the same order.
pub fn of_other_draw<'a>(first: &[Answer<'a>], second: &[Answer<'_>]) -> Vec<Answer<'a>> {
    fn acts<'s>(answer: &'s Answer<'_>) -> impl Iterator<Item = &'s StepKind> {
        answer.steps.iter().map(|step| &step.act)
    }
    let pairs = first.iter().zip(second);
    let differ = pairs.filter(|(one, other)| {
        let is_right = matches!(one.kind, AnswerKind::Solution | AnswerKind::RightAnswer);
        is_right && !acts(one).eq(acts(other))
    });
    let answers = differ.map(|(answer, _)| Answer {
        kind: AnswerKind::OtherDraw,
        name: text!("{answer} of another learner", answer = answer.name.clone()),
        must: Must::Fail {
            check: None,
            hint: None,
        },
        ..answer.clone()
    });
    answers.collect()
}

fn wrong_answer<'a>(
    number: usize,
    wrong: &'a WrongAnswer,
    indistinguishable: Option<&'a str>,
) -> Answer<'a> {
    Answer {
        kind: AnswerKind::WrongAnswer,
        id: wrong.name.clone().unwrap_or_else(|| number.to_string()),
        name: match &wrong.name {
            Some(name) => text!("wrong answer `{name}`", name),
            None => text!("wrong answer {number}", number),
        },
        steps: wrong.steps.iter().collect(),
        must: match indistinguishable {
            Some(reason) => Must::PassAsRight { reason },
            None => Must::Fail {
                check: wrong.check.as_deref(),
                hint: wrong.hint.as_deref(),
            },
        },
        place: wrong.steps.first().map(|step| &step.place),
    }
}

/// Leaves each step of a solution out in turn, but for optional steps and those that change nothing. A solution of one step is
/// not among them: what is left of it is the exercise before anything was done.
fn left_out(solution: &[Step]) -> Vec<Answer<'_>> {
    if solution.iter().filter(|step| !only_reads(step)).count() < 2 {
        return Vec::new();
    }
    let steps = solution.iter().enumerate();
    let needed = steps
        .filter(|(_, step)| step.necessity == Necessity::Required)
        .filter(|(_, step)| !only_reads(step));
    needed.map(|(at, _)| without_step(solution, at)).collect()
}

fn without_step(solution: &[Step], left_out: usize) -> Answer<'_> {
    let step = &solution[left_out];
    let others = solution.iter().enumerate();
    let others = others.filter(|(at, _)| *at != left_out);
    Answer {
        kind: AnswerKind::LeftOut { step: left_out },
        id: format!("without-{}", left_out + 1),
        name: text!(
            "the solution without step {number}, `{step}`",
            number = left_out + 1,
            step = step.act
        ),
        steps: others.map(|(_, step)| step).collect(),
        must: Must::Fail {
            check: None,
            hint: None,
        },
        place: Some(&step.place),
    }
}

/// Returns whether a step changes nothing by its form, such as one that waits for a value.
fn only_reads(step: &Step) -> bool {
    matches!(step.act.effect(), Effect::Reads) || step.read_only.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::testing::exercise;

    const CHECKS: &str = "
      - id: name
        redis: { service: redis, command: [GET, name] }
        expect: { equals: a }
";

    fn names(exercise: &Exercise) -> Vec<String> {
        let answers = answers(exercise, None);
        let names = answers.iter().map(|answer| answer.name.localized());
        names.collect()
    }

    #[test]
    fn each_step_that_is_needed_is_left_out_once() {
        let mut exercise = exercise(CHECKS);
        let left_out = [
            "the solution without step 1, `redis SET count 1`",
            "the solution without step 2, `redis SET name a`",
        ];
        let (solution, wrong) = ("the solution", "wrong answer 1");
        assert_eq!(
            names(&exercise),
            [solution, left_out[0], left_out[1], wrong]
        );
        let Task::Practical {
            solution: steps, ..
        } = &mut exercise.task
        else {
            panic!("it has checks");
        };
        steps[0].necessity = Necessity::Optional;
        assert_eq!(names(&exercise), [solution, left_out[1], wrong]);
    }

    #[test]
    fn a_single_step_is_not_left_out() {
        let mut exercise = exercise(CHECKS);
        let Task::Practical { solution, .. } = &mut exercise.task else {
            panic!("it has checks");
        };
        solution.truncate(1);
        assert_eq!(names(&exercise), ["the solution", "wrong answer 1"]);
    }
}
