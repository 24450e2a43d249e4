//! `roadlab test LAB --case FILE`: judges a file of `roadlab dispute` by the checks of the lab, without an engine.

use std::path::Path;

use serde_json::{Value, json};

use crate::app::{DrawOf, find_exercise, read_dispute};
use crate::commands::Context;
use crate::exit::Exit;
use crate::lab::Lab;
use crate::proof::{CaseOutcome, CaseVerdict, Dispute, judge_case, trial_entry};
use crate::report::{self, output, sanitize};
use crate::runner::Failure;
use crate::store::LabFingerprint;
use crate::{localized, text};

pub(crate) fn case(context: &Context, names: &[String], file: &Path) -> Result<Exit, Failure> {
    let [name] = names else {
        return Err(Failure::Usage(text!("`--case` needs exactly one lab")));
    };
    let mut lab = context.lab(name)?;
    let dispute = read_dispute(file)?;
    if dispute.lab != lab.id.as_str() {
        return Err(Failure::Usage(text!(
            "{file} is about lab `{lab}`",
            file = file.display(),
            lab = dispute.lab
        )));
    }
    if let Some(draw) = dispute.draw.clone() {
        lab = context.lab_with(name, &DrawOf::Draw(draw))?;
    }
    let exercise = find_exercise(&lab, &dispute.exercise)?;
    let verdicts = judge_case(&dispute, exercise);
    let passes = verdicts
        .iter()
        .all(|verdict| matches!(verdict.now, CaseOutcome::Pass));
    match context.global.json {
        true => report::document(&as_json(&dispute, &verdicts, passes)),
        false => show(context, &lab, &dispute, &verdicts, passes)?,
    }
    Ok(match passes {
        true => Exit::Success,
        false => Exit::CheckFailed,
    })
}

fn as_json(dispute: &Dispute, verdicts: &[CaseVerdict], passes: bool) -> Value {
    let checks = verdicts.iter().map(|verdict| {
        let (now, expected, actual, hint) = match &verdict.now {
            CaseOutcome::Pass => ("pass", None, None, None),
            CaseOutcome::Fail {
                expected,
                actual,
                hint,
            } => (
                "fail",
                Some(expected.localized()),
                Some(actual.localized()),
                hint.clone(),
            ),
            CaseOutcome::Unknown(reason) => ("unseen", None, Some(reason.localized()), None),
        };
        json!({
            "check": verdict.check,
            "then": verdict.then,
            "outcome": now,
            "expected": expected,
            "actual": actual,
            "hint": hint,
            "step_changed": verdict.step_changed,
        })
    });
    json!({
        "exercise": dispute.exercise,
        "message": dispute.message,
        "then_passed": dispute.passed,
        "passed": passes,
        "checks": checks.collect::<Vec<_>>(),
        "trial": trial_entry(dispute),
    })
}

fn show(
    context: &Context,
    lab: &Lab,
    dispute: &Dispute,
    verdicts: &[CaseVerdict],
    passes: bool,
) -> Result<(), Failure> {
    let paint = context.paint;
    let outcome = |passed: bool| match passed {
        true => paint.good(&localized!("passes")),
        false => paint.bad(&localized!("does not pass")),
    };
    output(&localized!(
        "{exercise}: {then} where it was recorded (roadlab {version}), {now} now",
        exercise = dispute.exercise,
        then = outcome(dispute.passed),
        version = sanitize(&dispute.roadlab),
        now = outcome(passes)
    ));
    if let Some(message) = &dispute.message {
        output(&format!("  “{}”", sanitize(message)));
    }
    if LabFingerprint::digest(&lab.folder)? != dispute.digest {
        output(&paint.dim(&localized!("  the lab has changed since")));
    }
    if dispute.solution_played {
        output(&paint.dim(&localized!(
            "  what the checks saw came from the solution, which roadlab played"
        )));
    }
    for (service, image) in &dispute.images {
        output(&paint.dim(&format!("  {}: {}", sanitize(service), sanitize(image))));
    }
    for verdict in verdicts {
        output(&line(context, verdict));
    }
    output(&localized!(
        "\nto keep it, complete this and add it to {file}:",
        file = lab.folder.join("trial.yaml").display()
    ));
    output(&sanitize_lines(&trial_entry(dispute)));
    Ok(())
}

fn line(context: &Context, verdict: &CaseVerdict) -> String {
    let paint = context.paint;
    let (mark, text) = match &verdict.now {
        CaseOutcome::Pass => (paint.good("✓"), localized!("passes")),
        CaseOutcome::Fail {
            expected,
            actual,
            hint,
        } => {
            let fails = localized!(
                "expected {expected}, got {actual}",
                expected = expected.localized(),
                actual = actual.localized()
            );
            let hint = hint.as_ref().map(|hint| localized!("hint `{hint}`", hint));
            let text = std::iter::once(fails).chain(hint).collect::<Vec<_>>();
            (paint.bad("✗"), text.join("; "))
        }
        CaseOutcome::Unknown(reason) => (paint.warn("?"), reason.localized()),
    };
    let mut notes = Vec::new();
    let now_passes = matches!(verdict.now, CaseOutcome::Pass);
    match verdict.then.as_deref() {
        Some("pass") if !now_passes => notes.push(localized!("passed when it was recorded")),
        Some("fail") if now_passes => notes.push(localized!("failed when it was recorded")),
        _ => {}
    }
    if verdict.step_changed {
        notes.push(localized!(
            "the step of this check has changed since, so it may see something else"
        ));
    }
    let notes = match notes.is_empty() {
        true => String::new(),
        false => paint.dim(&format!(" ({})", notes.join("; "))),
    };
    format!("  {mark} {}: {}{notes}", verdict.check, sanitize(&text))
}

fn sanitize_lines(text: &str) -> String {
    text.lines().map(sanitize).collect::<Vec<_>>().join("\n")
}
