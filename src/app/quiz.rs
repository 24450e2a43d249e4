//! Answers quizzes.

use crate::app::App;
use crate::app::exercise::unknown;
use crate::lab::{Addresses, Exercise, Lab, Task};
use crate::runner::{Failure, check_answer};
use crate::store::QuizResult;
use crate::text;

/// What a choice in a quiz leads to.
#[derive(Debug, Clone)]
pub struct QuizAnswer {
    /// The name of the choice.
    pub choice: String,
    pub correct: bool,
    /// Markdown of the guide: what follows the right choice, or the hint for a wrong one.
    pub text: Option<String>,
}

impl App {
    /// Records a choice in a quiz, by its name or its number from 1, and that it is solved if the choice is right. `addresses` are those that texts may name.
    pub fn answer(
        &self,
        lab: &Lab,
        exercise: &Exercise,
        choice: &str,
        addresses: &Addresses,
    ) -> Result<QuizAnswer, Failure> {
        let Task::Quiz(quiz) = &exercise.task else {
            return Err(Failure::Usage(text!(
                "`{exercise}` is not a quiz: solve it, then run `roadlab check {lab} {exercise}`",
                exercise = exercise.id,
                lab = self.lab_argument(&lab.id)
            )));
        };
        let Some(choice) = quiz.choice(choice) else {
            let known = quiz.choices.iter().map(String::as_str).collect();
            let what = text!(
                "`{choice}` is not a choice; the choices are 1 to {count}, or their names",
                choice = choice.escape_debug(),
                count = quiz.choices.len()
            );
            return Err(unknown(what, choice, known));
        };
        let outcome = check_answer(quiz, Some(choice));
        let correct = outcome.passed();
        let result = match correct {
            true => QuizResult::Correct,
            false => QuizResult::Incorrect,
        };
        self.update_progress(&lab.id, |progress| {
            progress.answer(&exercise.id, choice, result);
            progress.record_draw(exercise, lab.random.draw.as_ref());
        })?;
        let section = lab.section(&exercise.id, &self.lang);
        let text = match correct {
            true => section.after.as_ref(),
            false => outcome
                .hint()
                .and_then(|name| section.named_hints.get(name)),
        };
        Ok(QuizAnswer {
            choice: choice.to_owned(),
            correct,
            text: text.map(|text| self.fill_in_addresses(lab, &text.markdown, addresses)),
        })
    }
}
