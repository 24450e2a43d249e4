//! Why a command ended without doing what was asked, for people and for programs.

use crate::commands::validate;
use crate::exit::Exit;
use crate::report::{self, Paint};
use crate::runner::Failure;

/// Says why a command ended without doing what was asked: on standard error, or as a document.
pub(crate) fn say_failure(failure: &Failure, paint: Paint, json: bool) {
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
        Failure::NotReady(why) => report::stuck(why, paint)
            .iter()
            .for_each(|line| report::error(line)),
        other => report::error(&format!(
            "{}: {}",
            paint.bad(&report::t!("word.error")),
            report::clean(&other.to_string())
        )),
    }
}

fn failure_json(failure: &Failure) -> serde_json::Value {
    let code = Exit::from(failure).code();
    match failure {
        Failure::Problems(problems) => {
            let problems: Vec<_> = problems.iter().map(validate::as_json).collect();
            serde_json::json!({ "error": { "exit": code, "message": failure.to_string(), "problems": problems } })
        }
        Failure::TooSmall(finding) => {
            let said = report::said(finding);
            serde_json::json!({ "error": { "exit": code, "message": said.what, "fix": said.fix } })
        }
        Failure::NotReady(why) => report::stuck_json(why, code),
        other => serde_json::json!({ "error": { "exit": code, "message": other.to_string() } }),
    }
}
