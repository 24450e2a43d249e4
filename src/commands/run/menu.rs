//! The keys of a session and the commands that they stand for, depending on the open question.

use crate::lab::{Exercise, Task};
use crate::localized;
use crate::report::{Key, MenuItem, Shown};

/// What a key stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    Nothing,
    Next,
    Back,
    /// Shows the text of the exercise again.
    Task,
    /// Shows the next page of a text that does not fit, or the checks below it.
    ReadOn,
    /// Shows every check and the hint in full.
    Details,
    Hint,
    Solution,
    Shell,
    Open,
    Measure,
    Reset,
    List,
    /// Shows what each key does.
    Keys,
    Quit,
    /// A choice of the quiz.
    Choice(String),
    /// An answer to the open question.
    Answer(Answer),
}

/// A question that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Question {
    RunSolution,
    /// Resets the services to the start of the exercise for its solution, which does not work from the present state.
    RunSolutionFromStart {
        why: String,
    },
    /// Shows the right answer to a quiz.
    ShowAnswer,
    ResetExercise,
    /// Which of several, by number; `typed` are the digits so far.
    Which {
        of: Picker,
        typed: String,
        /// A number that was typed and that none of them has; empty if there was none.
        unknown: String,
        count: usize,
        /// The index of the first that the list shows next, if it does not show all.
        rest: Option<usize>,
    },
    /// Goes on with an exercise that is not solved, by its index.
    GoTo(usize),
    /// Keep or remove the lab. Enter keeps it: a key that is pressed by habit removes nothing.
    Leave,
}

/// What a number selects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Picker {
    Exercises,
    Shells,
    Pages,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    Yes,
    No,
    /// An index, from 0.
    Chosen(usize),
    /// More digits to come.
    Typed(String),
    /// A number that none of them has.
    Unknown(String),
    /// Shows the list from this index on.
    More(usize),
    Keep,
    Remove,
}

/// What there is besides the task, in the running lab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Offers {
    /// Whether the exercise has hints.
    pub(super) hints: bool,
    /// Whether a service has a client.
    pub(super) clients: bool,
    /// Whether a service has a web interface.
    pub(super) pages: bool,
}

/// Returns what a key stands for while no question is open. The choices of a quiz have numbers; a choice whose name is one
/// letter has that letter too, unless it is a key of the menu.
pub(super) fn command_for_key(key: Key, exercise: &Exercise) -> Command {
    let Key::Char(letter) = key else {
        return if key == Key::Enter {
            Command::Next
        } else {
            Command::Nothing
        };
    };
    let letter = letter.to_ascii_lowercase();
    let choice = || match &exercise.task {
        Task::Quiz(quiz) => quiz.choice(letter.encode_utf8(&mut [0; 4])),
        Task::Practical { .. } => None,
    };
    match letter {
        'n' => Command::Next,
        'p' => Command::Back,
        't' => Command::Task,
        ' ' => Command::ReadOn,
        'd' if matches!(exercise.task, Task::Practical { .. }) => Command::Details,
        'h' => Command::Hint,
        's' => Command::Solution,
        'c' => Command::Shell,
        'o' => Command::Open,
        'm' if !exercise.measure.is_empty() => Command::Measure,
        'r' => Command::Reset,
        'l' => Command::List,
        '?' => Command::Keys,
        'q' => Command::Quit,
        _ => choice().map_or(Command::Nothing, |choice| {
            Command::Choice(choice.to_owned())
        }),
    }
}

/// Returns what a key stands for while a question is open.
pub(super) fn answer(key: Key, question: &Question) -> Command {
    let answer = match (question, key) {
        (_, Key::Escape) => Answer::No,
        (
            Question::RunSolution
            | Question::RunSolutionFromStart { .. }
            | Question::ShowAnswer
            | Question::ResetExercise,
            key,
        ) => match key {
            Key::Char('y' | 'Y') => Answer::Yes,
            _ => Answer::No,
        },
        (Question::GoTo(_), Key::Enter | Key::Char('y' | 'Y')) => Answer::Yes,
        (Question::GoTo(_), _) => Answer::No,
        (Question::Leave, Key::Enter | Key::Char('k' | 'K')) => Answer::Keep,
        (Question::Leave, Key::Char('r' | 'R')) => Answer::Remove,
        (Question::Leave, _) => return Command::Nothing,
        (
            Question::Which {
                rest: Some(rest), ..
            },
            Key::Char('l' | 'L'),
        ) => Answer::More(*rest),
        (Question::Which { typed, count, .. }, key) => return which(key, typed, *count),
    };
    Command::Answer(answer)
}

fn which(key: Key, typed: &str, count: usize) -> Command {
    let mut typed = typed.to_owned();
    let number = |typed: &str| {
        typed
            .parse()
            .ok()
            .filter(|number| (1..=count).contains(number))
    };
    let answer = match key {
        Key::Enter => match number(&typed) {
            Some(number) => Answer::Chosen(number - 1),
            None => Answer::No,
        },
        Key::Char(digit) if digit.is_ascii_digit() => {
            typed.push(digit);
            match number(&typed) {
                // With 10 or more, a single digit waits for Enter or for another digit.
                Some(number) if typed.len() == count.to_string().len() => {
                    Answer::Chosen(number - 1)
                }
                Some(_) => Answer::Typed(typed),
                None => Answer::Unknown(typed),
            }
        }
        Key::Backspace => {
            typed.pop();
            Answer::Typed(typed)
        }
        Key::Char(_) | Key::Escape => Answer::No,
    };
    Command::Answer(answer)
}

/// Returns the keys that can be pressed now, with their names.
pub(super) fn menu(
    exercise: &Exercise,
    solved: bool,
    question: Option<&Question>,
    offers: Offers,
) -> Vec<MenuItem> {
    let item = |key: &str, does: String| MenuItem {
        key: key.to_owned(),
        does,
        shown: Shown::Always,
    };
    match question {
        Some(
            Question::RunSolution
            | Question::RunSolutionFromStart { .. }
            | Question::ShowAnswer
            | Question::ResetExercise,
        ) => {
            return vec![
                item("y", localized!("yes")),
                item("Esc", localized!("cancel")),
            ];
        }
        Some(Question::GoTo(_)) => {
            return vec![
                item("Enter", localized!("go to it")),
                item("Esc", localized!("cancel")),
            ];
        }
        Some(Question::Leave) => {
            return vec![
                item("k, Enter", localized!("keep it up")),
                item("r", localized!("remove it")),
                item("Esc", localized!("back to the session")),
            ];
        }
        Some(Question::Which { count, rest, .. }) => {
            let numbers = match count {
                0..10 => format!("1–{count}"),
                10.. => format!("1–{count} Enter"),
            };
            let mut menu = vec![item(&numbers, localized!("choose"))];
            menu.extend(rest.map(|_| item("l", localized!("more"))));
            menu.push(item("Esc", localized!("cancel")));
            return menu;
        }
        None => {}
    }
    let next = if solved { "Enter" } else { "n" };
    let mut menu = vec![
        item(next, localized!("next")),
        // The list leads back as well.
        MenuItem {
            shown: Shown::IfItFits,
            ..item("p", localized!("back"))
        },
        item("t", localized!("task")),
    ];
    let measure = || (!exercise.measure.is_empty()).then(|| item("m", localized!("measure")));
    match &exercise.task {
        Task::Quiz(quiz) => {
            let numbers = format!("1–{}", quiz.choices.len());
            if !solved {
                menu.insert(0, item(&numbers, localized!("answer")));
            }
            menu.extend((offers.hints && !solved).then(|| item("h", localized!("hint"))));
            menu.extend((!solved).then(|| item("s", localized!("answer it for me"))));
            menu.extend(measure());
        }
        Task::Practical { .. } => {
            // What is solved needs no hint.
            menu.extend((!solved).then(|| item("h", localized!("hint"))));
            menu.push(item("s", localized!("solution")));
            menu.extend(offers.clients.then(|| item("c", localized!("shell"))));
            menu.extend(offers.pages.then(|| item("o", localized!("open"))));
            menu.extend(measure());
            menu.push(item("r", localized!("reset")));
        }
    }
    menu.extend([item("l", localized!("list")), item("q", localized!("quit"))]);
    menu.push(MenuItem {
        shown: Shown::AlmostAlways,
        ..item("?", String::new())
    });
    menu
}

/// Returns every key that can be pressed while no question is open, with a sentence about it.
pub(super) fn keys(exercise: &Exercise, offers: Offers) -> Vec<(String, String)> {
    let key = |key: &str, does: String| Some((key.to_owned(), does));
    let only = |offered: bool, name: &str, does: String| key(name, does).filter(|_| offered);
    let choices = match &exercise.task {
        Task::Quiz(quiz) => Some(quiz.choices.len()),
        Task::Practical { .. } => None,
    };
    let practical = choices.is_none();
    let numbers = choices.map(|count| format!("1–{count}"));
    let all = [
        numbers.and_then(|numbers| key(&numbers, localized!("choose an answer"))),
        key("n, Enter", localized!("go to the next exercise")),
        key("p", localized!("go back")),
        key("t", localized!("show the task again")),
        key("Space", localized!("read on, if the text does not fit")),
        only(
            practical,
            "d",
            localized!("show every check and the hint in full"),
        ),
        only(
            practical || offers.hints,
            "h",
            localized!("show the next hint"),
        ),
        match practical {
            true => key("s", localized!("show the solution and play it")),
            false => key("s", localized!("show the right answer")),
        },
        only(
            offers.clients,
            "c",
            localized!("open the client of a service"),
        ),
        only(
            offers.pages,
            "o",
            localized!("open the web interface of a service"),
        ),
        only(
            !exercise.measure.is_empty(),
            "m",
            localized!("compare how long each way takes"),
        ),
        key(
            "r",
            localized!("reset the services to the start of this exercise"),
        ),
        key("l", localized!("list the exercises, to go to one")),
        key("q", localized!("leave, and keep the lab or remove it")),
        key("Esc", localized!("cancel a question")),
    ];
    all.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::lab::testing::{COMPOSE, lab};
    use crate::lab::{CheckId, ExerciseId, Measurement, Quiz, Side};
    use crate::report::{Paint, Panel};

    #[test]
    fn a_key_stands_for_one_command() {
        let lab = lab(COMPOSE);
        let exercise = &lab.exercises[0];
        assert_eq!(command_for_key(Key::Char('N'), exercise), Command::Next);
        assert_eq!(command_for_key(Key::Enter, exercise), Command::Next);
        assert_eq!(command_for_key(Key::Char('x'), exercise), Command::Nothing);
        assert_eq!(command_for_key(Key::Escape, exercise), Command::Nothing);
        // Every key of the menu stands for a command.
        for MenuItem { key, .. } in menu(exercise, false, None, ALL) {
            let letter = key.chars().next().unwrap();
            assert_ne!(
                command_for_key(Key::Char(letter), exercise),
                Command::Nothing,
                "{key}"
            );
        }
    }

    const ALL: Offers = Offers {
        hints: true,
        clients: true,
        pages: true,
    };

    fn keys_of(menu: &[MenuItem]) -> String {
        let keys = menu.iter().map(|item| item.key.as_str());
        keys.collect::<Vec<_>>().join(" ")
    }

    fn quiz(choices: &[&str]) -> Exercise {
        let quiz = Quiz {
            choices: choices.iter().map(|choice| (*choice).to_owned()).collect(),
            answer: choices[0].to_owned(),
            hints: BTreeMap::new(),
        };
        Exercise {
            id: ExerciseId::new("quiz").unwrap(),
            needs: Vec::new(),
            needs_service: Vec::new(),
            points: None,
            random: BTreeSet::new(),
            measure: Vec::new(),
            prepare: Vec::new(),
            task: Task::Quiz(quiz),
        }
    }

    #[test]
    fn a_choice_is_its_number_and_its_letter_unless_the_menu_has_it() {
        let choice = |name: &str| Command::Choice(name.to_owned());
        let four = quiz(&["a", "b", "c", "d"]);
        assert_eq!(command_for_key(Key::Char('d'), &four), choice("d"));
        let words = quiz(&["sessions", "nothing", "log"]);
        assert_eq!(command_for_key(Key::Char('1'), &words), choice("sessions"));
        assert_eq!(command_for_key(Key::Char('3'), &words), choice("log"));
        assert_eq!(command_for_key(Key::Char('4'), &words), Command::Nothing);
        assert_eq!(command_for_key(Key::Char('n'), &words), Command::Next);
        let letters = quiz(&["a", "b", "n"]);
        assert_eq!(command_for_key(Key::Char('B'), &letters), choice("b"));
        assert_eq!(command_for_key(Key::Char('n'), &letters), Command::Next);
        assert_eq!(command_for_key(Key::Char('3'), &letters), choice("n"));
        assert_eq!(
            keys_of(&menu(&words, false, None, ALL)),
            "1–3 n p t h s l q ?"
        );
        assert_eq!(keys_of(&menu(&words, true, None, ALL)), "Enter p t l q ?");
    }

    #[test]
    fn all_keys_fit_in_one_line_of_a_small_terminal() {
        let lab = lab(COMPOSE);
        let quiz = quiz(&["a", "b", "c", "d"]);
        for exercise in [&lab.exercises[0], &quiz] {
            for solved in [false, true] {
                let panel = Panel {
                    menu: menu(exercise, solved, None, ALL),
                    ..Panel::default()
                };
                let lines = panel.lines(80, 24, Paint::Plain);
                assert_eq!(lines.len(), 2, "{lines:?}");
            }
        }
    }

    #[test]
    fn an_exercise_that_measures_something_has_a_key_for_it() {
        let lab = lab(COMPOSE);
        let offers = Offers {
            hints: false,
            clients: true,
            pages: false,
        };
        let side = |id: &str| Side {
            id: CheckId::new(id).unwrap(),
            step: lab.exercises[0].checks()[0].step.clone(),
            path: None,
            touched: None,
        };
        for exercise in [&lab.exercises[0], &quiz(&["a", "b", "m"])] {
            let before = command_for_key(Key::Char('m'), exercise);
            assert_ne!(before, Command::Measure);
            let mut exercise = exercise.clone();
            exercise.measure.push(Measurement {
                id: CheckId::new("by-key").unwrap(),
                sides: vec![side("a"), side("b")],
            });
            assert_eq!(command_for_key(Key::Char('m'), &exercise), Command::Measure);
            for solved in [false, true] {
                let menu = menu(&exercise, solved, None, offers);
                assert!(keys_of(&menu).contains('m'));
                let panel = Panel {
                    menu,
                    ..Panel::default()
                };
                assert_eq!(panel.lines(80, 24, Paint::Plain).len(), 2);
            }
        }
    }

    #[test]
    fn every_key_of_the_menu_is_explained_and_stands_for_a_command() {
        let lab = lab(COMPOSE);
        for exercise in [&lab.exercises[0], &quiz(&["a", "b"])] {
            let explained = keys(exercise, ALL);
            // `?` itself and Esc, which answers a question, are not among the commands.
            let names: Vec<&str> = explained.iter().map(|(key, _)| key.as_str()).collect();
            for item in menu(exercise, false, None, ALL) {
                let there = names
                    .iter()
                    .any(|name| name.split(", ").any(|one| one == item.key));
                assert!(there || item.key == "?", "{}: {names:?}", item.key);
            }
            for name in names.iter().filter(|name| **name != "Esc") {
                let letter = Key::Char(match *name {
                    "Space" => ' ',
                    name => name.chars().next().unwrap(),
                });
                let command = command_for_key(letter, exercise);
                assert_ne!(command, Command::Nothing, "{name}");
            }
            assert_eq!(command_for_key(Key::Char('?'), exercise), Command::Keys);
        }
        let few = Offers {
            hints: false,
            clients: false,
            pages: false,
        };
        let names: Vec<String> = keys(&lab.exercises[0], few)
            .into_iter()
            .map(|(key, _)| key)
            .collect();
        assert_eq!(names.join(" "), "n, Enter p t Space d h s r l q Esc");
    }

    #[test]
    fn the_menu_offers_only_what_the_lab_has() {
        let lab = lab(COMPOSE);
        let offers = Offers {
            hints: false,
            clients: true,
            pages: false,
        };
        let of = |exercise| keys_of(&menu(exercise, false, None, offers));
        assert_eq!(of(&lab.exercises[0]), "n p t h s c r l q ?");
        assert_eq!(of(&quiz(&["yes", "no"])), "1–2 n p t s l q ?");
    }

    #[test]
    fn only_y_confirms_a_question() {
        let question = Question::RunSolution;
        assert_eq!(
            answer(Key::Char('y'), &question),
            Command::Answer(Answer::Yes)
        );
        for key in [Key::Enter, Key::Escape, Key::Char('s')] {
            assert_eq!(answer(key, &question), Command::Answer(Answer::No));
        }
    }

    #[test]
    fn enter_goes_on_with_an_open_exercise() {
        let question = Question::GoTo(2);
        for key in [Key::Enter, Key::Char('y')] {
            assert_eq!(answer(key, &question), Command::Answer(Answer::Yes));
        }
        for key in [Key::Escape, Key::Char('q')] {
            assert_eq!(answer(key, &question), Command::Answer(Answer::No));
        }
    }

    #[test]
    fn only_the_named_keys_decide_what_happens_to_the_lab() {
        let question = Question::Leave;
        for key in [Key::Enter, Key::Char('k')] {
            assert_eq!(answer(key, &question), Command::Answer(Answer::Keep));
        }
        assert_eq!(
            answer(Key::Char('r'), &question),
            Command::Answer(Answer::Remove)
        );
        assert_eq!(answer(Key::Char('q'), &question), Command::Nothing);
        assert_eq!(answer(Key::Escape, &question), Command::Answer(Answer::No));
    }

    #[test]
    fn a_number_selects_one_of_several() {
        let of_count = |count: usize, typed: &str| Question::Which {
            of: Picker::Exercises,
            typed: typed.into(),
            unknown: String::new(),
            count,
            rest: None,
        };
        let question = |typed: &str| of_count(16, typed);
        let chosen = |at| Command::Answer(Answer::Chosen(at));
        for digit in ['1', '2', '9'] {
            assert_eq!(
                answer(Key::Char(digit), &question("")),
                Command::Answer(Answer::Typed(digit.to_string()))
            );
        }
        assert_eq!(answer(Key::Char('9'), &of_count(9, "")), chosen(8));
        assert_eq!(answer(Key::Enter, &question("5")), chosen(4));
        assert_eq!(answer(Key::Char('6'), &question("1")), chosen(15));
        assert_eq!(answer(Key::Enter, &question("1")), chosen(0));
        for (key, typed, unknown) in [(Key::Char('7'), "1", "17"), (Key::Char('0'), "", "0")] {
            assert_eq!(
                answer(key, &question(typed)),
                Command::Answer(Answer::Unknown(unknown.to_owned()))
            );
        }
        // A list that does not fit goes on with another key; where all is shown, that key cancels as any other.
        let long = Question::Which {
            of: Picker::Exercises,
            typed: String::new(),
            unknown: String::new(),
            count: 40,
            rest: Some(12),
        };
        let more = Command::Answer(Answer::More(12));
        assert_eq!(answer(Key::Char('l'), &long), more);
        let lab = lab(COMPOSE);
        let menu_of = |question| keys_of(&menu(&lab.exercises[0], false, Some(&question), ALL));
        assert_eq!(menu_of(long), "1–40 Enter l Esc");
        assert_eq!(menu_of(question("")), "1–16 Enter Esc");
        for (key, typed) in [
            (Key::Enter, ""),
            (Key::Char('q'), ""),
            (Key::Char('l'), ""),
            (Key::Escape, "1"),
        ] {
            assert_eq!(
                answer(key, &question(typed)),
                Command::Answer(Answer::No),
                "{key:?}"
            );
        }
    }
}
