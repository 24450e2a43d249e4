//! What a lab asks for beyond the usual, and whether the learner gives it. Never what the policy refuses.

use std::path::Path;

use crate::commands::Context;
use crate::lab::{Lab, check_memory};
use crate::localized;
use crate::problem::{Problem, ProblemKind};
use crate::report::{error, sanitize, t};
use crate::runner::Failure;
use crate::store::{DocumentError, LabFingerprint, RecordingFs};

/// How many changed files are named.
const NAMED: usize = 5;

/// Takes away the problems that trust answers: given now with `--trust`, or before and no file has changed since.
pub(crate) fn grant(
    context: &Context,
    folder: &Path,
    files: &RecordingFs,
    mut problems: Vec<Problem>,
) -> Result<Vec<Problem>, Failure> {
    let asked = |problem: &Problem| problem.kind == ProblemKind::NeedsTrust;
    if !problems.iter().any(asked) {
        return Ok(problems);
    }
    if !problems.iter().all(asked) {
        // What no flag allows, or what is wrong, is to be mended first.
        problems.retain(|problem| !(context.global.trust && asked(problem)));
        return Ok(problems);
    }
    let state = &context.paths.state;
    let now = LabFingerprint::compute(folder, &files.files())?;
    let before = LabFingerprint::trusted(state, folder).map_err(unreadable)?;
    if before.as_ref() == Some(&now) {
        return Ok(Vec::new());
    }
    if context.global.trust {
        now.trust(state, folder).map_err(unreadable)?;
        error(&t!("trust.granted"));
        for problem in &problems {
            error(&sanitize(&format!("  {}", problem.what)));
        }
        return Ok(Vec::new());
    }
    if let Some(before) = before {
        let changed = now.changed_since(&before);
        let mut names: Vec<String> = changed
            .iter()
            .take(NAMED)
            .map(|file| file.display().to_string())
            .collect();
        if changed.len() > NAMED {
            names.push("…".to_owned());
        }
        let names = names.join(", ");
        let what = t!("trust.changed", files = names).into_owned();
        let help = t!("trust.again").into_owned();
        let problem = Problem::new(what).kind(ProblemKind::NeedsTrust);
        problems.push(problem.help(help));
    }
    Ok(problems)
}

/// The record of trust cannot be used. It is not replaced unasked: another version of roadlab may have written it.
fn unreadable(error: DocumentError) -> Failure {
    Failure::Environment(localized!(
        "{reason}; remove that file to trust the lab again with `--trust`",
        reason = error.text()
    ))
}

/// Refuses to start a lab that could take the whole machine, unless that is trusted now.
pub(crate) fn memory(context: &Context, lab: &Lab) -> Result<(), Failure> {
    let about = rustix::system::sysinfo();
    let machine = u64::from(about.mem_unit) * about.totalram as u64;
    match check_memory(lab.memory(), machine) {
        Some(problem) if !context.global.trust => Err(Failure::Problems(vec![problem])),
        Some(_) | None => Ok(()),
    }
}
