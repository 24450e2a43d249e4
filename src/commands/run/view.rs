//! What a session shows: the panel of an exercise, the list, the summary.

use std::ops::Range;

use super::exercise_view::{ExerciseView, PanelSize};
use super::menu::{Offers, Picker, Question, keys, menu};
use super::session::{Output, Session};
use crate::app::{WebPage, clients};
use crate::commands::check_output;
use crate::engine::Engine;
use crate::lab::{Exercise, ServiceName, Task};
use crate::localized;
use crate::report::{Panel, Screen, code_width, duration, rows_within, sanitize, table_within};
use crate::runner::ExerciseResult;
use crate::store::Standing;

/// Which exercises a list shows if it has no room for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListFrom {
    /// Those around the present one.
    Present,
    /// Those from an index on.
    Index(usize),
}

impl<E: Engine> Session<'_, E> {
    pub(super) fn draw(&self, screen: &mut Screen, panel: &Panel) {
        let (columns, rows) = Screen::size();
        let lines = panel.lines(columns, highest_panel(rows), self.context.paint);
        screen.panel_at_bottom(lines);
    }

    pub(super) fn panel(&self, exercise: &Exercise, view: &ExerciseView) -> Panel {
        let practical = matches!(exercise.task, Task::Practical { .. });
        let result = view.result.as_ref().filter(|_| practical);
        let standing = self.progress.standing(&exercise.id);
        // Also a solution that was played because a later exercise builds on it.
        let stands = self.stands_by_solution(exercise) && standing != Standing::Solved;
        let played = standing == Standing::SolutionPlayed || stands;
        let standing = match (view.solved && !played) || standing == Standing::Solved {
            true => Standing::Solved,
            false if played => Standing::SolutionPlayed,
            false => Standing::Unsolved,
        };
        let state = match self.running.live.is_available(exercise) {
            false => localized!("not available"),
            true => state(&exercise.task, standing, view.result.as_ref()),
        };
        let question = view.question.as_ref();
        // A list needs the room of the checks.
        let folded =
            view.size != PanelSize::Whole || matches!(question, Some(Question::Which { .. }));
        let result = result.filter(|_| !folded);
        let hint = result.and_then(|result| self.running.conditional_hint(result));
        Panel {
            title: self.heading(view.at, exercise),
            state,
            checks: result
                .map(|result| result.checks.clone())
                .unwrap_or_default(),
            hint: match hint == view.printed_hint {
                true if hint.is_some() => Some(localized!("The hint is above.")),
                _ => hint,
            },
            note: question
                .map(|question| self.question_text(question, standing))
                .or_else(|| {
                    let note = view.note.clone().or_else(|| {
                        let denied = &result?.denied;
                        check_output::way_out(&self.context.app, self.running.lab, denied)
                    });
                    let notes = note.into_iter().chain(self.read_on(exercise, view));
                    notes.reduce(|notes, note| format!("{notes}\n{note}"))
                }),
            wording: self.context.wording(),
            // While a question is open, the key answers it.
            more: match question {
                None => localized!("`d` shows all in full"),
                Some(_) => String::new(),
            },
            menu: menu(exercise, view.passes(), question, self.offers(exercise)),
        }
    }

    /// Lists the exercises and whether each is solved, as many as fit above the panel of a terminal with so many rows. Returns
    /// the index from which the list goes on, if it has no room for all.
    pub(super) fn list(
        &self,
        print: Output<'_>,
        at: usize,
        from: ListFrom,
        terminal: usize,
    ) -> Option<usize> {
        /// The rows of the panel with its question (4), an empty one, one that says what is shown, and that of the cursor.
        const OTHERS: usize = 7;
        let exercises = &self.running.lab.exercises;
        let rows = exercises.iter().enumerate().map(|(index, exercise)| {
            let symbol = match self.progress.standing(&exercise.id) {
                Standing::Solved => self.context.paint.good("✓"),
                Standing::SolutionPlayed => self.context.paint.dim("s"),
                Standing::Unsolved => " ".to_owned(),
            };
            let here = if index == at { "→" } else { " " };
            let title = sanitize(&self.section(exercise).title);
            let missing = self.missing_services(exercise).unwrap_or_default();
            let missing = self.context.paint.dim(&missing);
            vec![format!("{here} {symbol} {:>2}", index + 1), title, missing]
        });
        let rows = rows_within(&rows.collect::<Vec<_>>(), 1, self.context.width());
        let heights: Vec<usize> = rows.iter().map(Vec::len).collect();
        let all = heights.iter().sum::<usize>();
        // Where everything fits, nothing says what is shown.
        let room = terminal.saturating_sub(OTHERS - 1);
        let shown = match (all <= room, from) {
            (true, _) => 0..rows.len(),
            (false, ListFrom::Present) => around(&heights, at, room.saturating_sub(1)),
            (false, ListFrom::Index(from)) => onwards(&heights, from, room.saturating_sub(1)),
        };
        let (first, last) = (shown.start + 1, shown.end);
        print("");
        rows[shown].concat().iter().for_each(|line| print(line));
        if all <= room {
            return None;
        }
        let count = rows.len();
        print(&self.context.paint.dim(&localized!(
            "exercises {first} to {last} of {count}",
            first,
            last,
            count
        )));
        Some(if last < count { last } else { 0 })
    }

    /// Returns the services that run and have a client, with its command line.
    pub(super) fn clients(&self) -> Vec<(&ServiceName, &[String])> {
        let observed = &self.running.live.observed;
        let runs = |service: &ServiceName| observed.container(service).is_some();
        let all = clients(self.running.lab);
        all.filter(|(service, _)| runs(service)).collect()
    }

    /// Returns the web interfaces of the services that run.
    pub(super) fn pages(&self) -> Vec<WebPage> {
        WebPage::list(self.running.lab, &self.running.live.addresses)
    }

    /// Shows what each key does.
    pub(super) fn show_keys(&self, print: Output<'_>, exercise: &Exercise) {
        let rows = keys(exercise, self.offers(exercise)).into_iter();
        let rows =
            rows.map(|(key, does)| vec![format!("  {}", self.context.paint.bold(&key)), does]);
        print("");
        table_within(&rows.collect::<Vec<_>>(), 1, self.context.width())
            .iter()
            .for_each(|line| print(line));
        print("");
    }

    fn offers(&self, exercise: &Exercise) -> Offers {
        Offers {
            hints: !self.section(exercise).hints.is_empty(),
            clients: !self.clients().is_empty(),
            pages: !self.pages().is_empty(),
        }
    }

    fn question_text(&self, question: &Question, standing: Standing) -> String {
        let consequence = || match standing {
            Standing::Solved => localized!("The exercise stays solved."),
            Standing::SolutionPlayed | Standing::Unsolved => localized!(
                "It is recorded as \"solution played\"; the exercise is solved only when you solve it yourself."
            ),
        };
        match question {
            Question::RunSolution => {
                let question = localized!("Show and play the solution?");
                format!("{question}\n{}", consequence())
            }
            Question::RunSolutionFromStart { why } => localized!(
                "The solution does not work from the present state: {why}\nReset the services to the start of this exercise, which wipes their data, and play the solution there?",
                why
            ),
            Question::ShowAnswer => {
                let question = localized!("Show the right answer?");
                format!("{question}\n{}", consequence())
            }
            Question::ResetExercise => localized!(
                "Reset the lab to the start of this exercise? This wipes the data of its services."
            ),
            Question::GoTo(open) => localized!(
                "Exercise {number} is not solved. Go to it?",
                number = open + 1
            ),
            Question::Leave => localized!(
                "Keep {lab} up, or remove it?\nYour progress is saved.",
                lab = self.running.lab.id
            ),
            Question::Which {
                of,
                typed,
                unknown,
                count,
                ..
            } => {
                let prompt = match of {
                    Picker::Exercises => localized!("Go to exercise: {typed}", typed),
                    Picker::Shells => localized!("Open client: {typed}", typed),
                    Picker::Pages => localized!("Open page: {typed}", typed),
                };
                match unknown.is_empty() {
                    true => prompt,
                    false => {
                        let range = localized!(
                            "there is no number {unknown}; choose one from 1 to {count}",
                            unknown,
                            count
                        );
                        format!("{range}\n{prompt}")
                    }
                }
            }
        }
    }

    /// Prints a new hint above the panel if its code does not fit into it: it must be possible to copy it.
    pub(super) fn print_wide_hint(&self, print: Output<'_>, view: &mut ExerciseView) {
        // What is read must not scroll away.
        let shown = view.size != PanelSize::Reading;
        let result = view.result.as_ref().filter(|_| shown);
        let hint = result.and_then(|result| self.running.conditional_hint(result));
        // The panel has a bar and a space in front of a hint, and the last column is free.
        let room = Screen::size().0.saturating_sub(3);
        let Some(text) = hint.filter(|text| code_width(text) > room) else {
            view.printed_hint = None;
            return;
        };
        if view.printed_hint.as_ref() != Some(&text) {
            print(&self.context.paint.warn(&localized!("hint")));
            print(&self.shown(&text));
            print("");
            view.printed_hint = Some(text);
        }
    }

    /// Shows what was solved, with how many hints and in what time.
    pub(super) fn summary(&self, print: Output<'_>) {
        let paint = self.context.paint;
        let mut rows = Vec::new();
        let mut whole = 0;
        for (at, exercise) in self.running.lab.exercises.iter().enumerate() {
            let standing = self.progress.standing(&exercise.id);
            let hints = self.progress.hints.get(&exercise.id).copied().unwrap_or(0);
            let seconds = self
                .progress
                .seconds
                .get(&exercise.id)
                .copied()
                .unwrap_or(0);
            whole += seconds;
            if standing == Standing::Unsolved && seconds == 0 && hints == 0 {
                continue;
            }
            let (symbol, by) = match standing {
                Standing::Unsolved => (" ".to_owned(), localized!("unsolved")),
                Standing::Solved => (paint.good("✓"), localized!("solved")),
                Standing::SolutionPlayed => (paint.dim("s"), localized!("solution played")),
            };
            let hints = match hints {
                0 => String::new(),
                _ => localized!("hints: {count}", count = hints),
            };
            let time = spent(seconds);
            let title = sanitize(&self.section(exercise).title);
            rows.push(vec![
                format!("  {symbol} {:>2}", at + 1),
                title,
                by,
                hints,
                time,
            ]);
        }
        print("");
        table_within(&rows, 1, self.context.width())
            .iter()
            .for_each(|line| print(line));
        let whole = spent(whole);
        print(&format!(
            "{}  {}",
            paint.bold(&self.score()),
            paint.dim(&whole)
        ));
    }
}

/// Returns the indexes around one of them whose lines fit into so many, that one in any case.
fn around(heights: &[usize], at: usize, room: usize) -> Range<usize> {
    let height = |at: usize| heights.get(at).copied();
    let (mut first, mut end) = (at, at + 1);
    let mut used = height(at).unwrap_or(0);
    loop {
        let below = height(end).filter(|one| used + one <= room);
        used += below.unwrap_or(0);
        end += usize::from(below.is_some());
        let above = first.checked_sub(1).and_then(height);
        let above = above.filter(|one| used + one <= room);
        used += above.unwrap_or(0);
        first -= usize::from(above.is_some());
        if below.is_none() && above.is_none() {
            return first..end;
        }
    }
}

/// Returns the most rows that a panel has in a terminal with so many. The upper half is for the task.
pub(super) fn highest_panel(rows: usize) -> usize {
    (rows / 2).max(6)
}

/// Returns the indexes from one of them on whose lines fit into so many, that one in any case.
pub(super) fn onwards(heights: &[usize], from: usize, room: usize) -> Range<usize> {
    let mut used = 0;
    let heights = heights.iter().skip(from);
    let fitting = heights.take_while(|height| {
        used += **height;
        used <= room
    });
    from..from + fitting.count().max(1)
}

/// `7 s`, `2 min 05 s`.
fn spent(seconds: u64) -> String {
    match seconds {
        0..60 => localized!("{count} s", count = seconds),
        _ => duration(seconds * 1000),
    }
}

/// Returns the state of an exercise in words: what was solved once stays so, and what the last result is comes with it.
fn state(task: &Task, standing: Standing, result: Option<&ExerciseResult>) -> String {
    let passed = result.map(ExerciseResult::passed);
    let solved = standing == Standing::Solved;
    let played = standing == Standing::SolutionPlayed;
    match (task, solved, passed) {
        (Task::Practical { .. }, _, None) => localized!("checking"),
        (Task::Practical { .. }, false, Some(true)) if played => {
            localized!("solution played, all checks pass")
        }
        (Task::Quiz(_), false, Some(true)) if played => localized!("solution played"),
        (_, true, None | Some(true)) => localized!("solved"),
        (Task::Practical { .. }, true, Some(false)) => {
            localized!("solved, not passing")
        }
        (Task::Quiz(_), true, Some(false)) => {
            localized!("solved, the last answer is not correct")
        }
        (Task::Quiz(_), false, _) => localized!("choose an answer"),
        (Task::Practical { .. }, false, Some(_)) => {
            let checks = result.map_or((0, 0), |one| (one.passed_checks(), one.checks.len()));
            let (passed, all) = checks;
            localized!("watching, {passed} of {all} checks pass", passed, all)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::event::{CheckResult, Outcome};
    use crate::expect::Words;
    use crate::lab::{CheckRole, ExerciseId, Quiz};
    use crate::runner::{Changed, check_answer};

    #[test]
    fn a_list_that_does_not_fit_shows_what_is_around_the_present_exercise() {
        let heights = [1; 18];
        assert_eq!(around(&heights, 0, 6), 0..6);
        assert_eq!(around(&heights, 9, 6), 7..13);
        assert_eq!(around(&heights, 17, 6), 12..18);
        assert_eq!(around(&heights, 3, 0), 3..4);
        assert_eq!(around(&[1, 3, 1, 1], 2, 3), 2..4);
        assert_eq!(onwards(&heights, 13, 6), 13..18);
        assert_eq!(onwards(&[1, 2, 2, 1], 1, 3), 1..2);
        assert_eq!(onwards(&[1, 2, 2, 1], 1, 1), 1..2);
        for at in 0..18 {
            for room in 1..30 {
                let shown = around(&heights, at, room);
                assert!(shown.contains(&at), "{at} {room}: {shown:?}");
                assert_eq!(shown.len(), room.min(18), "{at} {room}: {shown:?}");
            }
        }
    }

    #[test]
    fn the_headline_of_a_quiz_follows_the_last_answer_and_it_stays_solved() {
        let quiz = Quiz {
            choices: vec!["a".into(), "b".into()],
            answer: "a".into(),
            hints: BTreeMap::new(),
        };
        let answered = |choice: &str| {
            let outcome: Outcome = check_answer(&quiz, Some(choice));
            ExerciseResult {
                exercise: ExerciseId::new("quiz").unwrap(),
                checks: vec![CheckResult {
                    check: "answer".to_owned(),
                    role: CheckRole::Goal,
                    about: String::new(),
                    outcome,
                    words: Words::default(),
                }],
                actuals: Vec::new(),
                held: Vec::new(),
                changed: Changed::Yes,
                denied: BTreeSet::new(),
                undecided: None,
            }
        };
        let task = Task::Quiz(quiz.clone());
        let check = |standing, choice: Option<&str>, expected: &str| {
            let result = choice.map(answered);
            assert_eq!(state(&task, standing, result.as_ref()), expected);
        };
        check(Standing::Unsolved, None, "choose an answer");
        check(Standing::Unsolved, Some("b"), "choose an answer");
        check(Standing::Solved, Some("a"), "solved");
        let wrong = "solved, the last answer is not correct";
        check(Standing::Solved, Some("b"), wrong);
    }
}
