//! Failures of commands, as text for people and as JSON.

use serde_json::{Value, json};

use crate::exit::Exit;
use crate::problem::{Problem, ProblemKind};
use crate::report::{self, Paint};
use crate::runner::Failure;

/// Reports why a command failed: on standard error, or as a JSON document.
pub(crate) fn report_failure(failure: &Failure, paint: Paint, json: bool) {
    if json {
        // On one line, as it may end a stream of events.
        report::line(&failure_json(failure));
        return;
    }
    match failure {
        Failure::Problems(problems) => {
            for problem in problems {
                report::error(&report::problem(problem, paint));
            }
        }
        Failure::TooSmall(finding) => report::too_small(finding, paint)
            .iter()
            .for_each(|line| report::error(line)),
        Failure::NotReady(why) => report::not_ready_lines(why, paint)
            .iter()
            .for_each(|line| report::error(line)),
        other => report::error(&format!(
            "{}: {}",
            paint.bad(&crate::localized!("error")),
            report::sanitize(&other.to_string())
        )),
    }
}

fn failure_json(failure: &Failure) -> Value {
    let exit = Exit::from(failure).code();
    let mut error = match failure {
        Failure::NotReady(why) => report::not_ready_json(why),
        Failure::TooSmall(finding) => {
            let message = finding.message();
            let fix = message.fix.map(|fix| fix.localized());
            json!({ "message": message.what.localized(), "fix": fix })
        }
        other => json!({ "message": other.to_string() }),
    };
    if let Failure::Problems(problems) = failure {
        error["problems"] = problems.iter().map(problem_json).collect();
    }
    if let Failure::NeedsConsent(commands) = failure {
        error["commands"] = commands.as_slice().into();
    }
    error["exit"] = exit.into();
    error["code"] = failure.code().into();
    json!({ "error": error })
}

/// Returns a problem as JSON.
pub(super) fn problem_json(problem: &Problem) -> serde_json::Value {
    let kind = match problem.kind {
        ProblemKind::Lab => "error",
        ProblemKind::Refused => "refused",
        ProblemKind::NeedsTrust => "needs_trust",
        ProblemKind::Note => "note",
    };
    let place = problem.place.as_ref();
    json!({ "kind": kind, "code": problem.code.name(), "what": problem.what.localized(), "help": problem.help.as_ref().map(crate::text::Text::localized), "file": place.map(|place| report::json_path(&place.file)),
        "line": place.map(|place| place.line), "column": place.map(|place| place.column) })
}
