//! `roadlab solve`: plays the solution of an exercise, after those it builds on.

use serde_json::{Map, Value, json};

use crate::app::{SolveFrom, SolveOutcome, find_exercise};
use crate::commands::closing::closing_lines;
use crate::commands::confirmation::{Confirmation, confirm};
use crate::commands::{Context, format};
use crate::exit::Exit;
use crate::lab::Lab;
use crate::localized;
use crate::report::{self, output, sanitize};
use crate::runner::Failure;
use crate::text;

pub(crate) async fn solve(context: &Context, name: &str, exercise: &str) -> Result<Exit, Failure> {
    let lab = context.lab(name)?;
    let exercise = find_exercise(&lab, exercise)?;
    let engine = context.app.existing_engine().await?;
    let solve = async |from| context.app.solve(&engine, &lab, exercise, from).await;
    let mut reset_because = None;
    let report = match solve(SolveFrom::PresentState).await? {
        SolveOutcome::Solved(report) => report,
        SolveOutcome::Stuck(why) => {
            let mut sentence = sanitize(&why.sentence.localized());
            if context.global.verbose {
                sentence.push_str(&format!(" ({})", sanitize(&why.detail.localized())));
            }
            let why = sentence;
            if let Confirmation::Declined = confirm_reset(context, &lab, &why).await? {
                return Ok(Exit::CheckFailed);
            }
            reset_because = Some(why);
            match solve(SolveFrom::StartOfExercise).await? {
                SolveOutcome::Solved(report) => report,
                SolveOutcome::Stuck(why) => return Err(Failure::Step(why.detail)),
            }
        }
    };
    context.reporter.finish();
    if context.global.json {
        let names = report.played.iter();
        let names: Vec<&str> = names.map(|(exercise, _)| exercise.id.as_str()).collect();
        let typed = report.played.iter().map(|(exercise, solution)| {
            let blocks = solution.blocks.iter();
            let blocks = blocks.map(|block| json!({ "place": block.place, "lines": block.lines }));
            let typed = json!({
                "prose": solution.prose,
                "blocks": blocks.collect::<Vec<_>>(),
                "answer": solution.answer,
            });
            (exercise.id.to_string(), typed)
        });
        report::document(&json!({
            "lab": lab.id.as_str(),
            "solved": names,
            "typed": Value::from(typed.collect::<Map<_, _>>()),
            "reset_because": reset_because,
        }));
        return Ok(Exit::Success);
    }
    if let Some(why) = &reset_because {
        output(&context.paint.warn(&localized!(
            "the services were reset to the start of `{exercise}` first: {why}",
            exercise = exercise.id,
            why
        )));
    }
    for (exercise, solution) in &report.played {
        let text = localized!("played the solution of {exercise}", exercise = exercise.id);
        output(&context.paint.good(&text));
        for line in format::solution_lines(context, solution) {
            output(&line);
        }
    }
    // The closing text is about what the solution did, too.
    let addresses = context.app.addresses(&lab).await;
    if let Some(text) = closing_lines(context, &lab, exercise, &addresses) {
        output(&text);
    }
    Ok(Exit::Success)
}

/// Asks whether the services may be reset to the start of the exercise: `solve` does not say by its name that it wipes data.
async fn confirm_reset(context: &Context, lab: &Lab, why: &str) -> Result<Confirmation, Failure> {
    let mut lines = vec![localized!(
        "the solution does not work from the present state: {why}",
        why
    )];
    // What becomes of files matters only where there are some.
    if lab.workspace.is_some() {
        lines.push(localized!(
            "files that you changed are kept beside the lab's under a name with the date"
        ));
    }
    let question = localized!(
        "Reset the services to the start of this exercise, which wipes their data, and play the solution there? [y/N]"
    );
    let refused = text!(
        "the solution does not work from the present state: {why}; add `--yes` to reset the services to the start of this exercise first",
        why
    );
    confirm(context, &lines, &question, refused).await
}
