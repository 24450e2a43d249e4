//! Failures as text on a page.

use crate::localized;
use crate::report::{Paint, not_ready_lines, sanitize, too_small};
use crate::runner::Failure;

/// Returns why something failed, in lines.
pub(super) fn failure_lines(failure: &Failure) -> Vec<String> {
    let lines = match failure {
        Failure::Problems(problems) => {
            let lines = problems.iter().flat_map(|problem| {
                let help = problem.help.as_ref();
                let help = help.map(|help| help.localized());
                [Some(problem.what.localized()), help]
            });
            lines.flatten().collect()
        }
        // On the command line, the command to type follows.
        Failure::NotRunning(why) if why.others.is_empty() => {
            vec![localized!("the lab is not running; start it first")]
        }
        Failure::NotReady(why) => not_ready_lines(why, Paint::Plain),
        Failure::TooSmall(finding) => too_small(finding, Paint::Plain),
        failure => vec![failure.to_string()],
    };
    lines.iter().map(|line| sanitize(line)).collect()
}
