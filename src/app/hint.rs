//! Hints of an exercise.

use std::collections::BTreeSet;

use crate::app::App;
use crate::lab::{Addresses, Exercise, Lab};
use crate::runner::{Failure, Undecided};
use crate::store::Journal;
use crate::text;

/// What helps with an exercise.
#[derive(Debug)]
pub struct Hint {
    /// Markdown of the hint for what the checks found.
    pub conditional: Option<String>,
    pub ordered: Option<OrderedHint>,
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
    /// Whether it is the last one, which was shown before: there is no further hint.
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

    /// Returns the hint for what the checks of an exercise find now, and the next ordered hint. Needs neither an engine nor a
    /// running lab for the latter.
    pub async fn hint(&self, lab: &Lab, exercise: &Exercise) -> Result<Hint, Failure> {
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
            not_checked,
        })
    }

    /// Returns the next ordered hint of an exercise, or the last one again, and records that it was shown.
    pub fn next_hint(
        &self,
        lab: &Lab,
        exercise: &Exercise,
        addresses: &Addresses,
    ) -> Result<Option<OrderedHint>, Failure> {
        let hints = &lab.section(&exercise.id, &self.lang).hints;
        if hints.is_empty() {
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

    use crate::app::testing::app;
    use crate::lab::testing::{COMPOSE, lab};

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
}
