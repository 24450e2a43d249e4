//! Names of what is up, before an engine is asked: a mistyped one is told with the nearest that there is.

use std::collections::BTreeSet;

use crate::cli::Command;
use crate::commands::Context;
use crate::commands::down::lab_name_of;
use crate::problem::{Problem, nearest};
use crate::runner::Failure;
use crate::store::Journal;
use crate::text;

/// Refuses a lab or an instance that is not there if one with nearly its name is; else the command itself says what it finds.
pub(crate) fn check(context: &Context, command: &Command) -> Result<(), Failure> {
    let runs = Journal::all(&context.paths.runs());
    let labs: Vec<&str> = match command {
        Command::Down { names, .. } => names.iter().map(|name| lab_name_of(name)).collect(),
        Command::Status { lab, .. } => lab.iter().map(String::as_str).collect(),
        Command::Check { lab, .. }
        | Command::Solve { lab, .. }
        | Command::Reset { lab, .. }
        | Command::Restart { lab, .. }
        | Command::Logs { lab, .. }
        | Command::Shell { lab, .. }
        | Command::Open { lab, .. } => return instance(context, &runs, lab),
        _ => return Ok(()),
    };
    let known = context.labs()?;
    let mut names: BTreeSet<&str> = known.all().keys().map(String::as_str).collect();
    names.extend(runs.iter().map(|run| run.lab.as_str()));
    let mut problems = Vec::new();
    for lab in labs.into_iter().filter(|lab| !names.contains(lab)) {
        if let Some(meant) = nearest(lab, names.iter().copied()) {
            let what = text!("no such lab: `{lab}`", lab);
            let help = text!("did you mean `{candidate}`?", candidate = meant);
            problems.push(Problem::new(what).help(help));
        }
    }
    match problems.is_empty() {
        true => Ok(()),
        false => Err(Failure::Problems(problems)),
    }
}

/// The instance that was asked for is one of the lab's that are up, or like none of them.
fn instance(context: &Context, runs: &[Journal], lab: &str) -> Result<(), Failure> {
    let up = runs.iter().filter(|run| run.lab.as_str() == lab);
    let up: BTreeSet<&str> = up.map(|run| run.instance.as_str()).collect();
    let asked = context.instance.as_str();
    match nearest(asked, up.iter().copied()) {
        Some(meant) if !context.instance.is_main() && !up.contains(asked) => {
            let what = text!(
                "no running instance of lab `{lab}`: `{instance}`",
                lab,
                instance = asked
            );
            let help = text!(
                "did you mean `{candidate}`? `roadlab up {lab} --instance {instance}` creates this one",
                candidate = meant,
                lab,
                instance = asked
            );
            Err(Failure::Problems(vec![Problem::new(what).help(help)]))
        }
        _ => Ok(()),
    }
}
