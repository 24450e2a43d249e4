//! How a quiz is shown: its choices with their numbers, and the command that answers it.

use crate::app::App;
use crate::lab::{Exercise, Lab, Quiz, Section};
use crate::localized;
use crate::report::{Paint, markdown};

/// Returns the choices as a numbered list, in the lab's order.
pub(super) fn choices(
    quiz: &Quiz,
    section: &Section,
    width: Option<usize>,
    paint: Paint,
) -> String {
    let choices = quiz.choices.iter().enumerate().map(|(at, choice)| {
        let text = section.choices.get(choice).map_or("", String::as_str);
        format!("{}. `{choice}`: {text}\n", at + 1)
    });
    markdown(&choices.collect::<String>(), width, paint)
}

/// Returns how a quiz is answered, in words: the command, and what its last argument can be.
pub(super) fn how_to_answer(app: &App, lab: &Lab, exercise: &Exercise, quiz: &Quiz) -> String {
    localized!(
        "answer with `{command}`; CHOICE is a number from 1 to {count}, or a name",
        command = format!(
            "roadlab answer {} {} CHOICE",
            app.lab_argument(&lab.id),
            exercise.id
        ),
        count = quiz.choices.len()
    )
}

/// Returns the command that shows the question and its choices.
pub(super) fn how_to_read(app: &App, lab: &Lab, exercise: &Exercise) -> String {
    localized!(
        "the question: `{command}`",
        command = format!("roadlab show {} {}", app.lab_argument(&lab.id), exercise.id)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn choices_are_numbered_in_the_order_of_the_lab_and_wrapped_by_word() {
        let quiz = Quiz {
            choices: vec!["zz-first".into(), "a".into()],
            answer: "a".into(),
            hints: BTreeMap::new(),
        };
        let section = Section {
            choices: BTreeMap::from([
                ("a".into(), "여러 컨슈머가 `basic_ack`를 보낸다".into()),
                (
                    "zz-first".into(),
                    "what is *forgotten* does not come back".into(),
                ),
            ]),
            ..Section::default()
        };
        insta::assert_snapshot!(choices(&quiz, &section, Some(24), Paint::Plain), @r"
        1. zz-first: what is
           forgotten does not
           come back
        2. a: 여러 컨슈머가
           basic_ack를 보낸다
        ");
        insta::assert_snapshot!(choices(&quiz, &section, None, Paint::Plain), @r"
        1. `zz-first`: what is *forgotten* does not come back
        2. `a`: 여러 컨슈머가 `basic_ack`를 보낸다
        ");
    }
}
