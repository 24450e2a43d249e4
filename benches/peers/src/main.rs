//! Measures every lab beside the engine by bare calls, Docker Compose and testcontainers: times, processor, memory, calls.
//!
//! One round does everything once on every side, in turn, so that a busy moment of the machine hits all of them. The first round
//! warms up and is not counted.

#[path = "../../speed/api.rs"]
mod api;
mod calls;
mod compose;
mod cost;
mod floor;
mod plot;
mod program;
mod ready;
mod report;
mod single;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;

use crate::compose::Compose;
use crate::cost::Cost;
use crate::floor::{Data, Floor};
use crate::program::Program;
use crate::report::{LabReport, Operation, Report, Side};

/// Measures roadlab beside the engine by bare calls, Docker Compose and testcontainers
#[derive(Debug, Parser)]
pub(crate) struct Options {
    /// The labs to measure; by default all whose images are here
    labs: Vec<String>,
    /// How often everything is measured, after one round to warm up
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// The program to measure
    #[arg(long, value_name = "FILE", default_value = "target/release/roadlab")]
    roadlab: PathBuf,
    /// The folder for results.md, results.json and the plots
    #[arg(long, value_name = "DIR", default_value = "benches/peers/results")]
    out: PathBuf,
    /// Also start this many instances of each lab for which there is memory, at the same time
    #[arg(long, value_name = "COUNT")]
    at_once: Option<usize>,
    /// What a child of this program does: starts a service by testcontainers, and removes it
    #[arg(long, hide = true, num_args = 3, value_names = ["IMAGE", "MESSAGE", "VARIABLE"])]
    single: Option<Vec<String>>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match options.single.as_deref() {
        Some([image, message, variable]) => single::start_and_remove(image, message, variable),
        _ => measure(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot measure: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure(options: &Options) -> anyhow::Result<()> {
    let folder = Path::new("labs").canonicalize();
    let folder = folder.context("start this in the folder of the repository")?;
    let program = Program::new(&options.roadlab, &folder)?;
    let compose = Compose::find()?;
    let labs = match options.labs.is_empty() {
        true => program.labs_with_images()?,
        false => options.labs.clone(),
    };
    let mut report = Report::new(&program, &compose, options.rounds)?;
    for lab in &labs {
        eprintln!("{lab}");
        match one_lab(options, &program, &compose, &folder, lab) {
            Ok(measured) => report.labs.push(measured),
            Err(error) => {
                eprintln!("  {error:#}");
                report.left_out.push((lab.clone(), format!("{error:#}")));
            }
        }
        // What is known is kept, whatever happens to the next lab.
        report.write(&options.out)?;
    }
    plot::write(&report, &options.out)
}

fn one_lab(
    options: &Options,
    program: &Program,
    compose: &Compose,
    folder: &Path,
    lab: &str,
) -> anyhow::Result<LabReport> {
    let up = program.json(&["up", lab, "--fresh", "--json"])?;
    let model = compose.resolve(&folder.join(lab))?;
    let floor = Floor::like(&up, &model);
    let checks = program.checks(lab);
    let memory = program.memory(lab)?;
    program.run(&["down", lab])?;
    let (floor, checks) = (floor?, checks?);
    let project = compose.project(&folder.join(lab), &floor, lab)?;
    let single = single::Single::of(lab, &floor);
    let mut report = LabReport::new(lab, checks);
    for round in 0..=options.rounds {
        eprintln!("  round {round} of {}", options.rounds);
        if round == 1 {
            report = LabReport::new(lab, checks);
        }
        let mut add = |operation, side, cost: Cost| report.add(operation, side, cost);

        add(Operation::UpCold, Side::Floor, floor.up(Data::New)?);
        floor.down(Data::Existing)?;
        add(Operation::UpWarm, Side::Floor, floor.up(Data::Existing)?);
        add(Operation::Down, Side::Floor, floor.down(Data::New)?);

        let cold = program.run(&["up", lab, "--fresh"])?;
        add(Operation::UpCold, Side::Roadlab, cold);
        let check = program.run(&["check", lab])?;
        add(Operation::Check, Side::Roadlab, check);
        let reset = program.run(&["reset", lab])?;
        add(Operation::Reset, Side::Roadlab, reset);
        let hard = program.run(&["reset", lab, "--hard", "--yes"])?;
        add(Operation::ResetHard, Side::Roadlab, hard);
        program.run(&["down", lab])?;
        let warm = program.run(&["up", lab])?;
        add(Operation::UpWarm, Side::Roadlab, warm);
        add(Operation::Down, Side::Roadlab, program.run(&["down", lab])?);

        let cold = project.up()?;
        add(Operation::UpCold, Side::Compose, cold);
        let execs = project.checks(checks)?;
        add(Operation::Check, Side::Compose, execs);
        let (down, up) = (project.down(Data::New)?, project.up()?);
        add(Operation::Reset, Side::Compose, down.and(up));
        add(Operation::ResetHard, Side::Compose, down.and(up));
        project.down(Data::Existing)?;
        add(Operation::UpWarm, Side::Compose, project.up()?);
        add(Operation::Down, Side::Compose, project.down(Data::New)?);

        if let Some(single) = &single {
            let cost = single.measure()?;
            add(Operation::UpAndDown, Side::Testcontainers, cost);
            let (up, down) = (program.run(&["up", lab])?, program.run(&["down", lab])?);
            add(Operation::UpAndDown, Side::Roadlab, up.and(down));
        }
    }
    count_calls(program, compose, &project, lab, &mut report)?;
    report.trace = program.trace(lab)?;
    if let Some(count) = options.at_once {
        match count as u64 * memory < program::free_memory()? {
            true => at_once(count, program, compose, folder, &floor, &mut report)?,
            false => eprintln!("  {count} at once need more memory than there is"),
        }
    }
    Ok(report)
}

/// Counts the calls of the engine's API, in a round that is not timed.
fn count_calls(
    program: &Program,
    compose: &Compose,
    project: &compose::Project<'_>,
    lab: &str,
    report: &mut LabReport,
) -> anyhow::Result<()> {
    let counter = calls::Counter::listen()?;
    let counted = program.through(counter.socket());
    for (operation, arguments) in [
        (Operation::UpWarm, ["up", lab].as_slice()),
        (Operation::Check, &["check", lab]),
        (Operation::Reset, &["reset", lab]),
        (Operation::ResetHard, &["reset", lab, "--hard", "--yes"]),
        (Operation::Down, &["down", lab]),
        (Operation::UpCold, &["up", lab, "--fresh"]),
    ] {
        counter.reset();
        counted.run(arguments)?;
        report
            .calls
            .insert((operation, Side::Roadlab), counter.count());
    }
    counted.run(&["down", lab])?;
    let through = compose.through(counter.socket());
    let project = project.with(&through);
    counter.reset();
    project.up()?;
    report
        .calls
        .insert((Operation::UpCold, Side::Compose), counter.count());
    counter.reset();
    project.down(Data::New)?;
    report
        .calls
        .insert((Operation::Down, Side::Compose), counter.count());
    Ok(())
}

/// Starts many instances and many projects at the same time, each side once, and removes them.
fn at_once(
    count: usize,
    program: &Program,
    compose: &Compose,
    folder: &Path,
    floor: &Floor,
    report: &mut LabReport,
) -> anyhow::Result<()> {
    eprintln!("  {count} at once");
    let lab = report.lab.clone();
    let names: Vec<String> = (1..=count).map(|number| format!("b{number}")).collect();
    let commands = |verb: &str| {
        let command = |name: &String| program.command(&[verb, &lab, "--instance", name]);
        names.iter().map(command).collect()
    };
    let up = cost::all_at_once(commands("up"));
    let down = cost::all_at_once(commands("down"));
    report.add(Operation::ManyUp, Side::Roadlab, up?);
    report.add(Operation::ManyDown, Side::Roadlab, down?);
    let project = |name: &String| compose.project(&folder.join(&lab), floor, name);
    let projects = names
        .iter()
        .map(project)
        .collect::<anyhow::Result<Vec<_>>>()?;
    let up = cost::all_at_once(
        projects
            .iter()
            .map(|one| one.command(&compose::UP))
            .collect(),
    );
    let down = [compose::DOWN, "-v"];
    let down = cost::all_at_once(projects.iter().map(|one| one.command(&down)).collect());
    report.add(Operation::ManyUp, Side::Compose, up?);
    report.add(Operation::ManyDown, Side::Compose, down?);
    Ok(())
}
