//! Suggests the closest running lab or instance for a mistyped name, and the lab of an exercise, without an engine.

use std::collections::BTreeSet;

use crate::app::{App, lab_name};
use crate::cli::Command;
use crate::problem::{Problem, code_list, nearest};
use crate::runner::Failure;
use crate::store::Journal;
use crate::text;

/// Refuses the name of a lab or an instance that does not exist if a similar one does, or if it is that of an exercise. The command
/// itself handles any other.
pub(crate) fn check(app: &App, command: &Command) -> Result<(), Failure> {
    let runs = Journal::all(&app.paths.runs());
    exercise_for_lab(app, &runs, command)?;
    let labs: Vec<String> = match command {
        Command::Down { orphan: true, .. } => return Ok(()),
        Command::Down { names, .. } => names.iter().map(|name| lab_name(name)).collect(),
        Command::Status { lab, .. } => lab.iter().map(|lab| lab_name(lab)).collect(),
        Command::Check { lab, .. }
        | Command::Solve { lab, .. }
        | Command::Reset { lab, .. }
        | Command::Restart { lab, .. }
        | Command::Fault { lab, .. }
        | Command::Logs { lab, .. }
        | Command::Shell { lab, .. }
        | Command::Open { lab, .. } => return instance(app, &runs, lab),
        _ => return Ok(()),
    };
    // Without the labs there is no suggestion; a command that needs their files reports why they cannot be found.
    let Ok(known) = app.labs() else {
        return Ok(());
    };
    let mut names: BTreeSet<&str> = known.all().keys().map(String::as_str).collect();
    names.extend(runs.iter().map(|run| run.lab.as_str()));
    let mut problems = Vec::new();
    // `down` also removes what is left of a lab whose files are gone.
    let must_exist = matches!(command, Command::Status { .. });
    for lab in labs.iter().filter(|lab| !names.contains(lab.as_str())) {
        if let Some(closest) = nearest(lab, names.iter().copied()) {
            let what = text!("no such lab: `{lab}`", lab);
            let help = text!("did you mean `{closest}`?", closest);
            problems.push(Problem::new(what).help(help));
        } else if must_exist {
            let what = text!("no such lab: `{lab}`", lab = lab.escape_debug());
            let help = text!("`roadlab list` shows the labs");
            problems.push(Problem::new(what).help(help));
        }
    }
    match problems.is_empty() {
        true => Ok(()),
        false => Err(Failure::Problems(problems)),
    }
}

/// Refuses the name of an exercise in the place of the name of a lab, with the commands that may be meant.
fn exercise_for_lab(app: &App, runs: &[Journal], command: &Command) -> Result<(), Failure> {
    let (verb, name, takes_exercise) = match command {
        Command::Show { lab, .. } => ("show", lab, true),
        Command::Check { lab, .. } => ("check", lab, true),
        Command::Hint { lab, .. } => ("hint", lab, true),
        Command::Measure { lab, .. } => ("measure", lab, true),
        Command::Solve { lab, .. } => ("solve", lab, true),
        Command::Answer { lab, .. } => ("answer", lab, true),
        Command::Dispute { lab, .. } => ("dispute", lab, true),
        Command::Up { lab, .. } => ("up", lab, false),
        Command::Run { lab, .. } => ("run", lab, false),
        _ => return Ok(()),
    };
    let is_up = runs.iter().any(|run| run.lab.as_str() == name);
    // Without the labs there is no suggestion, as above.
    if is_up || app.labs().is_ok_and(|labs| labs.folder(name).is_ok()) {
        return Ok(());
    }
    let labs = app.labs_with_exercise(name).unwrap_or_default();
    if labs.is_empty() {
        return Ok(());
    }
    let commands = labs.iter().map(|lab| {
        let exercise = if takes_exercise {
            format!(" {name}")
        } else {
            String::new()
        };
        format!("roadlab {verb} {}{exercise}", app.lab_argument(lab))
    });
    let what = text!(
        "no such lab: `{name}`; it is an exercise of {labs}",
        name,
        labs = code_list(&labs)
    );
    let help = text!("try {commands}", commands = code_list(commands));
    Err(Failure::Problems(vec![Problem::new(what).help(help)]))
}

/// Refuses an instance that is not running if a similar one of the lab is.
fn instance(app: &App, runs: &[Journal], lab: &str) -> Result<(), Failure> {
    let up = runs.iter().filter(|run| run.lab.as_str() == lab);
    let up: BTreeSet<&str> = up.map(|run| run.instance.as_str()).collect();
    let wanted = app.instance.as_str();
    match nearest(wanted, up.iter().copied()) {
        Some(closest) if !app.instance.is_main() && !up.contains(wanted) => {
            let what = text!("no running instance `{wanted}` of lab `{lab}`", wanted, lab);
            let help = text!(
                "did you mean `{closest}`? `roadlab up {lab} --instance {wanted}` starts a new one",
                closest,
                lab,
                wanted
            );
            Err(Failure::Problems(vec![Problem::new(what).help(help)]))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::app::testing::app;
    use crate::cli::Cli;

    #[test]
    fn without_the_labs_there_is_no_suggestion() {
        let folder = tempfile::tempdir().unwrap();
        // The built-in labs cannot be unpacked below a file.
        std::fs::write(folder.path().join("cache"), "").unwrap();
        let app = app(folder.path());
        assert!(app.labs().is_err());
        for words in [
            ["roadlab", "down", "rediss"],
            ["roadlab", "status", "rediss"],
        ] {
            let command = Cli::try_parse_from(words).unwrap().command;
            assert!(check(&app, &command).is_ok(), "{words:?}");
        }
    }
}
