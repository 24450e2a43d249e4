//! Twenty instances of a lab at the same time, and twenty Compose projects.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::bail;

use crate::compose::{Compose, DOWN, Project, UP};
use crate::program::Program;
use crate::rounds::measure_lab;
use crate::table::{Table, Target, Unit, millis};

const COUNT: usize = 20;

/// Measures each once, labs first: the time until the last one is ready, and until the last one is removed.
pub(crate) fn at_once(
    program: &Program,
    compose: Option<&Compose>,
    table: &mut Table,
) -> anyhow::Result<()> {
    let names: Vec<String> = (1..=COUNT).map(|number| format!("b{number}")).collect();
    let labs = |verb: &'static str| {
        let command =
            move |name: &String| program.command(&[verb, "redis", "--instance", name.as_str()]);
        all_at_once(names.iter().map(command).collect())
    };
    let (up, down) = (labs("up")?, labs("down")?);
    let (what, gone) = (
        format!("{COUNT} × up redis"),
        format!("{COUNT} × down redis"),
    );
    let Some(compose) = compose else {
        table.figure(&what, Unit::Millis, up, Target::None);
        table.figure(&gone, Unit::Millis, down, Target::None);
        return Ok(());
    };
    let (floor, _) = measure_lab(program)?;
    let projects = names
        .iter()
        .map(|name| compose.project(program.folder(), &floor, name))
        .collect::<anyhow::Result<Vec<Project<'_>>>>()?;
    let all = |arguments: &[&str]| {
        let command = |project: &Project<'_>| project.command(arguments);
        all_at_once(projects.iter().map(command).collect())
    };
    let (peer_up, peer_down) = (all(&UP)?, all(&DOWN)?);
    table.against(
        &what,
        up,
        (&format!("{COUNT} × compose up --wait"), peer_up),
        Target::Ratio(0.6),
    );
    table.against(
        &gone,
        down,
        (&format!("{COUNT} × compose down -v"), peer_down),
        Target::None,
    );
    Ok(())
}

/// Starts all commands and waits for all; returns milliseconds. A failure is reported after the last has ended.
fn all_at_once(commands: Vec<Command>) -> anyhow::Result<f64> {
    let begun = Instant::now();
    let started = commands.into_iter().map(|mut command| {
        let command = command.stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn()
    });
    // Collected first, so that they run concurrently.
    let children: Vec<_> = started.collect();
    let mut failed = Vec::new();
    for child in children {
        match child.and_then(std::process::Child::wait_with_output) {
            Ok(output) if output.status.success() => {}
            Ok(output) => failed.push(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
            Err(error) => failed.push(error.to_string()),
        }
    }
    match failed.first() {
        None => Ok(millis(begun.elapsed())),
        Some(first) => bail!("{} of {COUNT} failed, such as: {first}", failed.len()),
    }
}
