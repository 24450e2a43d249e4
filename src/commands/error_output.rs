//! Failures of commands, as text for people and as JSON.

use serde_json::{Value, json};

use crate::commands::Context;
use crate::exit::Exit;
use crate::lab::{Instance, LabId};
use crate::localized;
use crate::problem::{Problem, ProblemKind};
use crate::report::{self, OutputMode, Paint};
use crate::runner::{Failure, NotRunning};
use crate::text::command_line;

/// Reports why the command of a context failed, as JSON with the parts of a start if they belong to its result.
pub(crate) fn report_end(context: &Context, failure: &Failure) {
    match (context.global.output_mode(), context.timings()) {
        (OutputMode::Json, Some(timings)) => report::line(&with_timings(failure, timings)),
        (mode, _) => report_failure(failure, context.paint, mode),
    }
}

/// Returns a failure as JSON, with the parts of a start where `up` has them too.
fn with_timings(failure: &Failure, timings: Value) -> Value {
    let mut document = failure_json(failure);
    document["timings"] = timings;
    document
}

/// Reports why a command failed: on standard error, or as a JSON document.
pub(crate) fn report_failure(failure: &Failure, paint: Paint, mode: OutputMode) {
    if mode == OutputMode::Json {
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
        Failure::NotRunning(why) if !why.others.is_empty() => {
            let (what, commands) = (not_running(why), other_commands(why));
            let error = paint.bad(&localized!("error"));
            report::error(&format!("{error}: {}", report::sanitize(&what)));
            for command in commands {
                let line = localized!("run `{command}`", command);
                report::error(&report::sanitize(&format!("  = {line}")));
            }
            let up = localized!("or start this one with `{command}`", command = why.up);
            report::error(&report::sanitize(&format!("  = {up}")));
        }
        other => report::error(&format!(
            "{}: {}",
            paint.bad(&localized!("error")),
            report::sanitize(&other.to_string())
        )),
    }
}

/// Returns which instance of a lab is not running, and which are.
fn not_running(why: &NotRunning) -> String {
    let others = why.others.iter().map(|other| format!("`{other}`"));
    let others = others.collect::<Vec<_>>().join(", ");
    localized!(
        "instance `{instance}` of lab `{lab}` is not running; running: {others}",
        instance = why.instance,
        lab = why.lab,
        others
    )
}

/// Returns the command that was typed, for each instance that runs instead.
fn other_commands(why: &NotRunning) -> Vec<String> {
    let typed: Vec<String> = std::env::args_os()
        .skip(1)
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let others = why.others.iter();
    let commands = others.map(|other| for_instance(&typed, &why.lab, other));
    commands.collect()
}

/// Returns a command line for another instance of a lab.
fn for_instance(typed: &[String], lab: &LabId, instance: &Instance) -> String {
    const OPTION: &str = "--instance";
    let (mut words, mut inserted) = (vec!["roadlab".to_owned()], false);
    // What follows after `--` is for another program.
    let mut own = true;
    let mut typed = typed.iter();
    while let Some(word) = typed.next() {
        own &= word != "--";
        if own && word == OPTION {
            typed.next();
            continue;
        }
        if own && word.starts_with("--instance=") {
            continue;
        }
        words.push(word.clone());
        // The option may follow after the name of the lab, and must not follow after `--`.
        if !inserted && words.len() > 2 && word == lab.as_str() {
            words.extend([OPTION.to_owned(), instance.to_string()]);
            inserted = true;
        }
    }
    if !inserted {
        let option = [OPTION.to_owned(), instance.to_string()];
        words.splice(2.min(words.len())..2.min(words.len()), option);
    }
    command_line(words.iter().map(String::as_str))
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
    if let Failure::NotRunning(why) = failure
        && !why.others.is_empty()
    {
        let others = why.others.iter().map(|other| other.as_str());
        error["running_instances"] = others.collect();
        error["commands"] = other_commands(why).into();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(typed: &[&str], expected: &str) {
        let typed: Vec<String> = typed.iter().map(|word| (*word).to_owned()).collect();
        let (lab, instance) = (LabId::new("redis").unwrap(), Instance::new("two").unwrap());
        assert_eq!(for_instance(&typed, &lab, &instance), expected);
    }

    #[test]
    fn a_start_that_fails_has_its_timings_beside_the_error() {
        let failure = Failure::Usage(crate::text::Text::verbatim("no"));
        let timings = json!([{ "name": "read the lab", "from": 1, "to": 2 }]);
        let document = with_timings(&failure, timings.clone());
        assert_eq!(document["timings"], timings);
        assert_eq!(document["error"], failure_json(&failure)["error"]);
    }

    #[test]
    fn the_typed_command_is_named_for_the_instance_that_runs() {
        check(
            &["check", "redis", "settings"],
            "roadlab check redis --instance two settings",
        );
        check(
            &[
                "--lang",
                "ko",
                "shell",
                "redis",
                "--",
                "redis-cli",
                "SET",
                "a",
                "b c",
            ],
            "roadlab --lang ko shell redis --instance two -- redis-cli SET a 'b c'",
        );
        for option in [vec!["--instance", "one"], vec!["--instance=one"]] {
            let typed = [vec!["reset"], option, vec!["redis"]].concat();
            check(&typed, "roadlab reset redis --instance two");
        }
        check(
            &["reset", "redis", "--instance", "one", "--yes"],
            "roadlab reset redis --instance two --yes",
        );
        // The path of the lab stands for its name.
        check(
            &["check", "labs/redis"],
            "roadlab check --instance two labs/redis",
        );
    }
}
