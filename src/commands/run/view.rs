//! What a session shows: the panel of an exercise, the list, the summary.

use super::live::ExerciseView;
use super::menu::{Picker, Question, menu};
use super::session::{Output, Session};
use crate::commands::check::conditional_hint;
use crate::engine::Engine;
use crate::event::{CheckReport, Outcome};
use crate::expect::Verdict;
use crate::lab::{Exercise, Task};
use crate::localized;
use crate::report::{Panel, Screen, duration, sanitize, table};
use crate::runner::ExerciseResult;
use crate::store::SolvedBy;

impl<E: Engine> Session<'_, '_, E> {
    pub(super) fn draw(&self, screen: &mut Screen, panel: &Panel) {
        let (columns, rows) = Screen::size();
        // A line for the cursor, and one that shows that there is text above.
        let lines = panel.lines(columns, rows.saturating_sub(2), self.context.paint);
        screen.panel(lines);
    }

    pub(super) fn panel(&self, exercise: &Exercise, view: &ExerciseView) -> Panel {
        let reports = match (&view.judged, &exercise.task) {
            (Some(judged), Task::Practical { .. }) => {
                judged.reports(self.runner, &self.context.lang)
            }
            _ => Vec::new(),
        };
        let passed = |report: &&CheckReport| report.outcome == Outcome::Pass;
        let (passed, all) = (reports.iter().filter(passed).count(), reports.len());
        let state = match (&exercise.task, view.solved, &view.judged) {
            (_, true, _) => localized!("solved"),
            (Task::Quiz(_), false, _) => localized!("choose an answer"),
            (Task::Practical { .. }, false, None) => localized!("checking"),
            (Task::Practical { .. }, false, Some(_)) => {
                localized!("watching, {passed} of {all} checks pass", passed, all)
            }
        };
        let hint = match (&view.judged, &exercise.task) {
            (Some(judged), Task::Practical { .. }) => self.hint(judged, view.baseline.as_deref()),
            _ => None,
        };
        let question = view.question.as_ref();
        Panel {
            title: self.heading(view.at, exercise),
            state,
            checks: reports,
            hint,
            note: question
                .map(|question| self.asked(question))
                .or_else(|| view.note.clone()),
            menu: menu(exercise, view.solved, question),
        }
    }

    /// Every exercise with its state.
    pub(super) fn list(&self, say: Output<'_>, at: usize) {
        let rows = self
            .lab
            .exercises
            .iter()
            .enumerate()
            .map(|(index, exercise)| {
                let done = self.progress.done.contains_key(&exercise.id);
                let mark = if done {
                    self.context.paint.good("✓")
                } else {
                    " ".to_owned()
                };
                let here = if index == at { "→" } else { " " };
                let title = sanitize(&self.section(exercise).title);
                vec![format!("{here} {mark} {:>2}", index + 1), title]
            });
        say("");
        table(&rows.collect::<Vec<_>>())
            .iter()
            .for_each(|line| say(line));
    }

    fn asked(&self, question: &Question) -> String {
        match question {
            Question::PlaySolution => localized!("Show and run the solution?"),
            Question::ResetExercise => localized!("Reset the lab to the start of this exercise?"),
            Question::Leave { keep: true } => localized!(
                "Keep {lab} up (Enter), or remove it?\nYour progress is saved.",
                lab = self.lab.id
            ),
            Question::Leave { keep: false } => localized!(
                "Keep {lab} up, or remove it (Enter)?\nYour progress is saved.",
                lab = self.lab.id
            ),
            Question::Which {
                of: Picker::Exercises,
                typed,
                ..
            } => localized!("Go to exercise: {typed}", typed),
            Question::Which {
                of: Picker::Shells,
                typed,
                ..
            } => localized!("Open client: {typed}", typed),
            Question::Which {
                of: Picker::Pages,
                typed,
                ..
            } => localized!("Open page: {typed}", typed),
        }
    }

    /// The hint about what the learner did last is worth more than one about what is still undone; before anything is done
    /// there is none.
    fn hint(&self, judged: &ExerciseResult, baseline: Option<&[String]>) -> Option<String> {
        let changed_since = changed_since(judged, baseline?);
        let text = |judged| conditional_hint(self.lab, &self.live, judged, &self.context.lang);
        match changed_since.checks.is_empty() {
            true => None,
            false => text(&changed_since).or_else(|| text(judged)),
        }
    }

    /// What was solved, with how many hints and in what time.
    pub(super) fn summary(&self, say: Output<'_>) {
        let paint = self.context.paint;
        let mut rows = Vec::new();
        let mut whole = 0;
        for (at, exercise) in self.lab.exercises.iter().enumerate() {
            let done = self.progress.done.get(&exercise.id);
            let hints = self.progress.hints.get(&exercise.id).copied().unwrap_or(0);
            let seconds = self
                .progress
                .seconds
                .get(&exercise.id)
                .copied()
                .unwrap_or(0);
            whole += seconds;
            if done.is_none() && seconds == 0 && hints == 0 {
                continue;
            }
            let by = match done.map(|done| done.by) {
                None => localized!("unsolved"),
                Some(SolvedBy::Learner) => localized!("by you"),
                Some(SolvedBy::Solution) => localized!("by the solution"),
            };
            let mark = if done.is_some() {
                paint.good("✓")
            } else {
                " ".to_owned()
            };
            let hints = match hints {
                0 => String::new(),
                _ => localized!("hints: {count}", count = hints),
            };
            let time = spent(seconds);
            let title = sanitize(&self.section(exercise).title);
            rows.push(vec![
                format!("  {mark} {:>2}", at + 1),
                title,
                by,
                hints,
                time,
            ]);
        }
        say("");
        table(&rows).iter().for_each(|line| say(line));
        let whole = spent(whole);
        say(&format!(
            "{}  {}",
            paint.bold(&self.score()),
            paint.dim(&whole)
        ));
    }
}

/// The checks that see something else than before anything was done.
fn changed_since(judged: &ExerciseResult, baseline: &[String]) -> ExerciseResult {
    let seen = actuals(judged)
        .into_iter()
        .zip(&judged.checks)
        .zip(baseline);
    let changed_since = seen.filter(|((now, _), before)| now != *before);
    ExerciseResult {
        exercise: judged.exercise.clone(),
        checks: changed_since.map(|((_, check), _)| check.clone()).collect(),
    }
}

/// `7 s`, `2 m 05 s`.
fn spent(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        _ => duration(seconds * 1000),
    }
}

/// What every check saw, in words.
pub(super) fn actuals(judged: &ExerciseResult) -> Vec<String> {
    let seen = judged.checks.iter().map(|check| match &check.verdict {
        Verdict::Pass => String::new(),
        Verdict::Fail { actual, .. } => actual.clone(),
        Verdict::ProbeError { reason } => reason.clone(),
    });
    seen.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::{CheckRole, ExerciseId};
    use crate::runner::CheckResult;

    #[test]
    fn what_was_done_goes_before_what_is_undone() {
        let check = |id: &str, actual: &str| CheckResult {
            id: id.to_owned(),
            role: CheckRole::Goal,
            verdict: Verdict::Fail {
                expected: "x".to_owned(),
                actual: actual.to_owned(),
                hint: Some(id.to_owned()),
            },
        };
        let judged = |checks: Vec<CheckResult>| ExerciseResult {
            exercise: ExerciseId::new("one").unwrap(),
            checks,
        };
        let before = actuals(&judged(vec![
            check("undone", "null"),
            check("done", "null"),
        ]));
        let now = judged(vec![check("undone", "null"), check("done", "wrong")]);
        assert_eq!(now.hint(), Some("undone"));
        assert_eq!(changed_since(&now, &before).hint(), Some("done"));
        assert_eq!(
            changed_since(&judged(vec![check("undone", "null")]), &before).hint(),
            None
        );
    }
}
