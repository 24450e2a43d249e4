//! What a lab asks for beyond the usual, and whether the learner gives it. Never what the policy refuses.

use std::path::Path;

use crate::commands::Context;
use crate::lab::{Lab, check_memory};
use crate::problem::{Problem, ProblemKind};
use crate::report::{error, sanitize, t};
use crate::runner::Failure;
use crate::store::{LabFingerprint, RecordingFs};
use crate::text::Text;

/// How many changed files are named.
const NAMED: usize = 5;

/// The problems of an unsound lab; with `--trust`, without those that it would resolve.
pub(crate) fn unresolved(mut problems: Vec<Problem>, trusted: bool) -> Vec<Problem> {
    problems.retain(|problem| !(trusted && problem.kind == ProblemKind::NeedsTrust));
    problems
}

/// Takes away the problems that trust answers: given now with `--trust`, or before and no file has changed since.
pub(crate) fn grant(
    context: &Context,
    folder: &Path,
    files: &RecordingFs,
    mut problems: Vec<Problem>,
) -> Result<Vec<Problem>, Failure> {
    if problems.is_empty() {
        return Ok(problems);
    }
    let state = &context.paths.state;
    let now = LabFingerprint::now(folder, &files.files())?;
    let before = LabFingerprint::before(state, folder);
    if before.as_ref() == Some(&now) {
        return Ok(Vec::new());
    }
    if context.global.trust {
        now.keep(state, folder)?;
        error(&t!("trust.granted"));
        for problem in &problems {
            error(&sanitize(&format!("  {}", problem.what.localized())));
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
        let what = Text::verbatim(t!("trust.changed", files = names));
        let help = Text::verbatim(t!("trust.again"));
        let problem = Problem::new(what).kind(ProblemKind::NeedsTrust);
        problems.push(problem.help(help));
    }
    Ok(problems)
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
