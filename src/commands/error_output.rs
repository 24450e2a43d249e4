//! Why a command ended without doing what was asked, for people and for programs.

use serde_json::{Value, json};

use crate::commands::validate;
use crate::exit::Exit;
use crate::report::{self, Paint};
use crate::runner::Failure;

/// Says why a command ended without doing what was asked: on standard error, or as a document.
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
            paint.bad(&report::t!("word.error")),
            report::sanitize(&other.to_string())
        )),
    }
}

fn failure_json(failure: &Failure) -> Value {
    let exit = Exit::from(failure).code();
    let mut said = match failure {
        Failure::NotReady(why) => report::not_ready_json(why),
        Failure::TooSmall(finding) => {
            let message = finding.message();
            let fix = message.fix.map(|fix| fix.localized());
            json!({ "message": message.what.localized(), "fix": fix })
        }
        other => json!({ "message": other.to_string() }),
    };
    if let Failure::Problems(problems) = failure {
        said["problems"] = problems.iter().map(validate::as_json).collect();
    }
    said["exit"] = exit.into();
    said["code"] = failure.code().into();
    json!({ "error": said })
}
