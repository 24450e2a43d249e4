//! Hints of an exercise.

use std::collections::BTreeSet;

use crate::app::App;
use crate::lab::{Addresses, Exercise, Lab, Task};
use crate::runner::{Failure, Undecided};
use crate::store::Journal;
use crate::text;

/// Which ordered hints are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhichHints {
    Next,
    /// Those that were shown before, and no further one.
    Again,
}

/// What helps with an exercise.
#[derive(Debug, Default)]
pub struct Hint {
    /// Markdown of the hint for what the checks found.
    pub conditional: Option<String>,
    /// The next ordered hint, or the last of those that are shown again.
    pub ordered: Option<OrderedHint>,
    /// The ordered hints that were shown so far, with this one.
    pub shown: Vec<OrderedHint>,
    /// The learner's choice in a quiz, if it is right: there is nothing to hint at.
    pub answered: Option<String>,
    /// Why the checks could not run, unless that is because the lab is not running.
    pub not_checked: Option<Failure>,
}

/// One of the ordered hints of an exercise.
#[derive(Debug, Clone)]
pub struct OrderedHint {
    /// From 1.
    pub number: usize,
    /// The number of hints that the exercise has.
    pub of: usize,
    /// Whether it was shown before. Of the next hint, that means that there is no further one.
    pub repeated: bool,
    pub markdown: String,
}

impl App {
    /// Returns the exercise that the learner is at, as in a session; `None` if every exercise is solved.
    pub fn next_exercise<'a>(&self, lab: &'a Lab) -> Result<Option<&'a Exercise>, Failure> {
        let progress = self.progress(&lab.id)?;
        let runs = BTreeSet::new();
        // What needs the journal reports one that cannot be read.
        let journal = Journal::find(&self.paths.runs(), &lab.id, &self.instance, &runs);
        let run = journal.ok().flatten().map(|journal| journal.run);
        let present = progress.present_exercise(&lab.exercises, run.as_ref());
        Ok(present.and_then(|at| lab.exercises.get(at)))
    }

    /// Returns the exercise that the learner is at; an error if every exercise is solved.
    pub fn present_exercise<'a>(&self, lab: &'a Lab) -> Result<&'a Exercise, Failure> {
        self.next_exercise(lab)?.ok_or_else(|| {
            Failure::Usage(text!(
                "every exercise of `{lab}` is solved; name one: `roadlab hint {argument} EXERCISE`",
                lab = lab.id,
                argument = self.lab_argument(&lab.id)
            ))
        })
    }

    /// Returns the hint for what the checks of an exercise find now, and the next ordered hint; or the ordered hints that were
    /// shown before. Needs neither an engine nor a running lab for the ordered ones.
    pub async fn hint(
        &self,
        lab: &Lab,
        exercise: &Exercise,
        which: WhichHints,
    ) -> Result<Hint, Failure> {
        let answered = self.right_choice(lab, exercise)?;
        if which == WhichHints::Again {
            let addresses = self.addresses(lab).await;
            let shown = self.shown_hints(lab, exercise, &addresses)?;
            return Ok(Hint {
                ordered: shown.last().cloned(),
                shown,
                answered,
                ..Hint::default()
            });
        }
        if answered.is_some() {
            return Ok(Hint {
                answered,
                ..Hint::default()
            });
        }
        let checked = self.check_for_hint(lab, exercise).await;
        let (conditional, addresses, not_checked) = match checked {
            Ok((conditional, addresses)) => (conditional, addresses, None),
            // Another instance may be the one that is meant.
            Err(Failure::NotRunning(why)) if why.others.is_empty() => {
                (None, self.expected_addresses(lab), None)
            }
            Err(failure) => (None, self.expected_addresses(lab), Some(failure)),
        };
        Ok(Hint {
            conditional,
            ordered: self.next_hint(lab, exercise, &addresses)?,
            shown: self.shown_hints(lab, exercise, &addresses)?,
            answered: None,
            not_checked,
        })
    }

    /// Returns the learner's choice in a quiz, if it is right.
    pub fn right_choice(&self, lab: &Lab, exercise: &Exercise) -> Result<Option<String>, Failure> {
        let Task::Quiz(quiz) = &exercise.task else {
            return Ok(None);
        };
        let mut answers = self.progress(&lab.id)?.answers;
        let choice = answers.remove(&exercise.id);
        Ok(choice.filter(|choice| *choice == quiz.answer))
    }

    /// Returns the ordered hints of an exercise that were shown, in order.
    fn shown_hints(
        &self,
        lab: &Lab,
        exercise: &Exercise,
        addresses: &Addresses,
    ) -> Result<Vec<OrderedHint>, Failure> {
        let hints = &lab.section(&exercise.id, &self.lang).hints;
        let shown = self.progress(&lab.id)?.hints;
        let shown = shown.get(&exercise.id).copied().unwrap_or(0);
        let shown = hints.iter().take(shown).enumerate();
        let shown = shown.map(|(at, hint)| OrderedHint {
            number: at + 1,
            of: hints.len(),
            repeated: true,
            markdown: self.fill_in_addresses(lab, &hint.markdown, addresses),
        });
        Ok(shown.collect())
    }

    /// Returns the next ordered hint of an exercise, or the last one again, and records that it was shown. A quiz with a right
    /// answer needs none.
    pub fn next_hint(
        &self,
        lab: &Lab,
        exercise: &Exercise,
        addresses: &Addresses,
    ) -> Result<Option<OrderedHint>, Failure> {
        let hints = &lab.section(&exercise.id, &self.lang).hints;
        if hints.is_empty() || self.right_choice(lab, exercise)?.is_some() {
            return Ok(None);
        }
        let (mut number, mut repeated) = (1, false);
        self.update_progress(&lab.id, |progress| {
            let shown = progress.hints.get(&exercise.id).copied().unwrap_or(0);
            repeated = shown >= hints.len();
            number = progress.show_hint(&exercise.id, hints.len());
        })?;
        Ok(hints.get(number - 1).map(|hint| OrderedHint {
            number,
            of: hints.len(),
            repeated,
            markdown: self.fill_in_addresses(lab, &hint.markdown, addresses),
        }))
    }

    async fn check_for_hint(
        &self,
        lab: &Lab,
        exercise: &Exercise,
    ) -> Result<(Option<String>, Addresses), Failure> {
        let engine = self.existing_engine().await?;
        let running = self.running(&engine, lab).await?;
        let results = running.probe(&[exercise], Undecided::Await).await?;
        let hint = results
            .first()
            .and_then(|result| running.conditional_hint(result));
        Ok((hint, running.live.addresses))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::app::testing::app;
    use crate::lab::Quiz;
    use crate::lab::testing::{COMPOSE, lab};
    use crate::store::QuizResult;

    #[test]
    fn after_the_last_hint_there_is_no_further_one() {
        let folder = tempfile::tempdir().unwrap();
        let (app, lab) = (app(folder.path()), lab(COMPOSE));
        let exercise = &lab.exercises[0];
        let count = lab.section(&exercise.id, &app.lang).hints.len();
        let next = || {
            let hint = app.next_hint(&lab, exercise, &BTreeMap::new()).unwrap();
            hint.map(|hint| (hint.number, hint.repeated)).unwrap()
        };
        for number in 1..=count {
            assert_eq!(next(), (number, false));
        }
        assert_eq!(next(), (count, true));
        assert_eq!(next(), (count, true));
    }

    #[test]
    fn hints_are_shown_again_in_order_and_open_no_further_one() {
        let folder = tempfile::tempdir().unwrap();
        let (app, lab) = (app(folder.path()), lab(COMPOSE));
        let exercise = &lab.exercises[0];
        let none = BTreeMap::new();
        let shown = || {
            let shown = app.shown_hints(&lab, exercise, &none).unwrap();
            let shown = shown.into_iter().map(|hint| hint.number);
            shown.collect::<Vec<_>>()
        };
        assert_eq!(shown(), [0; 0]);
        app.next_hint(&lab, exercise, &none).unwrap();
        assert_eq!(shown(), [1]);
        assert_eq!(shown(), [1]);
    }

    #[test]
    fn a_quiz_with_a_right_answer_has_no_hint() {
        let folder = tempfile::tempdir().unwrap();
        let (app, mut lab) = (app(folder.path()), lab(COMPOSE));
        lab.exercises[0].task = Task::Quiz(Quiz {
            choices: vec!["a".to_owned(), "b".to_owned()],
            answer: "b".to_owned(),
            hints: BTreeMap::new(),
        });
        let quiz = &lab.exercises[0];
        let answer = |choice: &str, result| {
            app.update_progress(&lab.id, |progress| {
                progress.answer(&quiz.id, choice, result);
            })
            .unwrap();
            let hint = app.next_hint(&lab, quiz, &BTreeMap::new()).unwrap();
            let choice = app.right_choice(&lab, quiz).unwrap();
            let shown = app.progress(&lab.id).unwrap().hints[&quiz.id];
            (hint.is_some(), choice, shown)
        };
        assert_eq!(answer("a", QuizResult::Incorrect), (true, None, 1));
        let right = Some("b".to_owned());
        assert_eq!(answer("b", QuizResult::Correct), (false, right, 1));
    }
}
