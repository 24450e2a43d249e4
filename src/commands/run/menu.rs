//! The keys of a session and the commands that they stand for, depending on the open question.

use crate::lab::{Exercise, Task};
use crate::localized;
use crate::report::Key;

/// What a key stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    Nothing,
    Next,
    Back,
    Hint,
    Solution,
    Shell,
    Open,
    Reset,
    List,
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
    ResetExercise,
    /// Which of several, by number; `typed` are the digits so far.
    Which {
        of: Picker,
        typed: String,
        count: usize,
    },
    /// Keep or remove the lab; Enter keeps it if `keep`.
    Leave {
        keep: bool,
    },
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
    Keep,
    Remove,
}

/// Returns what a key stands for while no question is open. The choices of a quiz come before the menu.
pub(super) fn command_for_key(key: Key, exercise: &Exercise) -> Command {
    let Key::Char(letter) = key else {
        return if key == Key::Enter {
            Command::Next
        } else {
            Command::Nothing
        };
    };
    let letter = letter.to_ascii_lowercase();
    if let Task::Quiz(quiz) = &exercise.task
        && let Some(choice) = quiz
            .choices
            .iter()
            .find(|choice| **choice == letter.to_string())
    {
        return Command::Choice(choice.clone());
    }
    match letter {
        'n' => Command::Next,
        'p' => Command::Back,
        'h' => Command::Hint,
        's' => Command::Solution,
        'c' => Command::Shell,
        'o' => Command::Open,
        'r' => Command::Reset,
        'l' => Command::List,
        'q' => Command::Quit,
        _ => Command::Nothing,
    }
}

/// Returns what a key stands for while a question is open.
pub(super) fn answer(key: Key, question: &Question) -> Command {
    let answer = match (question, key) {
        (_, Key::Escape) => Answer::No,
        (Question::RunSolution | Question::ResetExercise, Key::Char('y' | 'Y')) => Answer::Yes,
        (Question::RunSolution | Question::ResetExercise, _) => Answer::No,
        (Question::Leave { keep }, Key::Enter) => match keep {
            true => Answer::Keep,
            false => Answer::Remove,
        },
        (Question::Leave { .. }, Key::Char('k' | 'K')) => Answer::Keep,
        (Question::Leave { .. }, Key::Char('r' | 'R')) => Answer::Remove,
        (Question::Leave { .. }, _) => return Command::Nothing,
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
                // No other number begins like this, so Enter is not needed.
                Some(number) if number * 10 > count => Answer::Chosen(number - 1),
                Some(_) => Answer::Typed(typed),
                None => Answer::No,
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
) -> Vec<(String, String)> {
    let item = |key: &str, name: String| (key.to_owned(), name);
    match question {
        Some(Question::RunSolution | Question::ResetExercise) => {
            return vec![item("y", localized!("yes")), item("Esc", localized!("no"))];
        }
        Some(Question::Leave { .. }) => {
            return vec![
                item("k", localized!("keep it up")),
                item("r", localized!("remove it")),
                item("Esc", localized!("back to the session")),
            ];
        }
        Some(Question::Which { count, .. }) => {
            let numbers = format!("1–{count}");
            return vec![
                item(&numbers, localized!("choose")),
                item("Esc", localized!("no")),
            ];
        }
        None => {}
    }
    let next = if solved { "Enter" } else { "n" };
    let mut menu = vec![
        item(next, localized!("next")),
        item("p", localized!("previous")),
    ];
    match &exercise.task {
        Task::Quiz(quiz) => {
            let choices = item(&quiz.choices.join("/"), localized!("answer"));
            if !solved {
                menu.insert(0, choices);
            }
        }
        Task::Practical { .. } => menu.extend([
            item("h", localized!("hint")),
            item("s", localized!("solution")),
            item("c", localized!("shell")),
            item("o", localized!("open")),
            item("r", localized!("reset")),
        ]),
    }
    menu.extend([item("l", localized!("list")), item("q", localized!("quit"))]);
    menu
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::testing::{COMPOSE, lab};

    #[test]
    fn a_key_stands_for_one_command() {
        let lab = lab(COMPOSE);
        let exercise = &lab.exercises[0];
        assert_eq!(command_for_key(Key::Char('N'), exercise), Command::Next);
        assert_eq!(command_for_key(Key::Enter, exercise), Command::Next);
        assert_eq!(command_for_key(Key::Char('x'), exercise), Command::Nothing);
        assert_eq!(command_for_key(Key::Escape, exercise), Command::Nothing);
        // Every key of the menu stands for a command.
        for (key, _) in menu(exercise, false, None) {
            let letter = key.chars().next().unwrap();
            assert_ne!(
                command_for_key(Key::Char(letter), exercise),
                Command::Nothing,
                "{key}"
            );
        }
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
    fn only_the_named_keys_decide_what_happens_to_the_lab() {
        let question = Question::Leave { keep: false };
        assert_eq!(
            answer(Key::Enter, &question),
            Command::Answer(Answer::Remove)
        );
        assert_eq!(
            answer(Key::Char('k'), &question),
            Command::Answer(Answer::Keep)
        );
        assert_eq!(answer(Key::Char('q'), &question), Command::Nothing);
        assert_eq!(answer(Key::Escape, &question), Command::Answer(Answer::No));
        let question = Question::Leave { keep: true };
        assert_eq!(answer(Key::Enter, &question), Command::Answer(Answer::Keep));
    }

    #[test]
    fn a_number_selects_one_of_several() {
        let question = |typed: &str| Question::Which {
            of: Picker::Exercises,
            typed: typed.into(),
            count: 16,
        };
        let chosen = |at| Command::Answer(Answer::Chosen(at));
        assert_eq!(answer(Key::Char('2'), &question("")), chosen(1));
        assert_eq!(
            answer(Key::Char('1'), &question("")),
            Command::Answer(Answer::Typed("1".into()))
        );
        assert_eq!(answer(Key::Char('6'), &question("1")), chosen(15));
        assert_eq!(answer(Key::Enter, &question("1")), chosen(0));
        for (key, typed) in [
            (Key::Char('7'), "1"),
            (Key::Char('0'), ""),
            (Key::Enter, ""),
            (Key::Char('q'), ""),
        ] {
            assert_eq!(
                answer(key, &question(typed)),
                Command::Answer(Answer::No),
                "{key:?}"
            );
        }
    }
}
