//! One round measures everything once; the table has the medians of the rounds.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, bail};
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::compose::{Compose, Project};
use crate::floor::Floor;
use crate::program::Program;
use crate::table::{Table, Target, Unit, median, millis};

/// Ctrl-C ends the benchmark between two steps, so that everything can be removed.
pub(crate) struct Interrupt {
    runtime: Runtime,
    signal: Signal,
}

impl Interrupt {
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let signal = runtime.block_on(async { signal(SignalKind::interrupt()) })?;
        Ok(Self { runtime, signal })
    }

    fn check(&mut self) -> anyhow::Result<()> {
        let came = async {
            tokio::select! {
                biased;
                _ = self.signal.recv() => true,
                () = std::future::ready(()) => false,
            }
        };
        match self.runtime.block_on(came) {
            true => bail!("interrupted"),
            false => Ok(()),
        }
    }
}

/// All figures of the rounds by name: milliseconds, or MiB of memory.
#[derive(Default)]
struct Figures(BTreeMap<&'static str, Vec<f64>>);

impl Figures {
    fn add(&mut self, name: &'static str, figure: f64) {
        self.0.entry(name).or_default().push(figure);
    }

    fn median(&self, name: &str) -> f64 {
        median(self.0.get(name).map_or(&[], Vec::as_slice))
    }
}

/// Measures, after one round to warm up.
pub(crate) fn all(
    program: &Program,
    compose: Option<&Compose>,
    rounds: usize,
    interrupt: &mut Interrupt,
) -> anyhow::Result<Table> {
    let (floor, checks) = measure_lab(program)?;
    let project = compose
        .map(|compose| compose.project(program.folder(), &floor, "redis"))
        .transpose()?;
    let mut figures = Figures::default();
    for round in 0..=rounds {
        crate::eprint(&match round {
            0 => "warming up".to_owned(),
            round => format!("round {round} of {rounds}"),
        });
        if round == 1 {
            figures = Figures::default();
        }
        once(
            program,
            &floor,
            project.as_ref(),
            checks,
            &mut figures,
            interrupt,
        )?;
    }
    Ok(table(&figures, checks, compose))
}

/// The container that roadlab creates, as the model of the lower bound, and the number of checks of the lab.
pub(crate) fn measure_lab(program: &Program) -> anyhow::Result<(Floor, usize)> {
    let up = program.json(&["up", "redis", "--json"])?;
    let service = &up["services"][0];
    let container = service["container"].as_str();
    let port = |inside: &str| {
        let port = service["ports"][inside].as_u64();
        port.and_then(|port| u16::try_from(port).ok())
    };
    let found = container.zip(port("6379")).zip(port("8080"));
    let ((container, port), recorder) = found.with_context(|| format!("roadlab up redis: {up}"))?;
    let floor = Floor::like(container, port, recorder)?;
    let judged = program.json(&["check", "redis", "--json"])?;
    let exercises = judged["exercises"].as_array().into_iter().flatten();
    let checks = exercises.filter_map(|exercise| Some(exercise["checks"].as_array()?.len()));
    let checks = checks.sum();
    program.run(&["down", "redis"])?;
    Ok((floor, checks))
}

fn once(
    program: &Program,
    floor: &Floor,
    project: Option<&Project<'_>>,
    checks: usize,
    figures: &mut Figures,
    interrupt: &mut Interrupt,
) -> anyhow::Result<()> {
    interrupt.check()?;
    let [answered, written] = floor.up()?;
    figures.add("floor up", millis(answered));
    figures.add("floor start", millis(written));
    figures.add("floor down", millis(floor.down()?));
    for (name, arguments) in [
        ("up", ["up", "redis"].as_slice()),
        ("up again", &["up", "redis"]),
        ("check", &["check", "redis"]),
        ("reset", &["reset", "redis"]),
        ("list", &["list"]),
        ("help", &["--help"]),
    ] {
        figures.add(name, millis(program.run(arguments)?));
    }
    interrupt.check()?;
    let up = program.json(&["up", "redis", "--json"])?;
    let container = up["services"][0]["container"].as_str();
    let container = container.context("roadlab up --json names no container")?;
    match docker_execs(container, checks)? {
        Some(time) => figures.add("docker exec", time),
        None => figures.add("exec calls", millis(floor.execs(container, checks)?)),
    }
    let mebibytes = |kib: u64| kib as f64 / 1024.0;
    figures.add(
        "check memory",
        mebibytes(program.peak(&["check", "redis"])?),
    );
    figures.add("list memory", mebibytes(program.peak(&["list"])?));
    program.run(&["down", "redis"])?;
    figures.add("up memory", mebibytes(program.peak(&["up", "redis"])?));
    // Like the lower bound: a container that was not used since its start.
    figures.add("down", millis(program.run(&["down", "redis"])?));
    if let Some(project) = project {
        interrupt.check()?;
        let (up, down) = (millis(project.up()?), millis(project.down()?));
        figures.add("compose up", up);
        figures.add("compose down", down);
        figures.add("compose down and up", down + up);
    }
    Ok(())
}

/// Runs `docker exec … redis-cli PING` as often as the lab has checks; `None` without Docker's own program.
fn docker_execs(container: &str, count: usize) -> anyhow::Result<Option<f64>> {
    let begun = Instant::now();
    for _ in 0..count {
        let output = Command::new("docker")
            .args(["exec", container, "redis-cli", "PING"])
            .output();
        match output {
            Ok(output) if output.status.success() => {}
            Ok(output) => bail!("docker exec: {}", String::from_utf8_lossy(&output.stderr)),
            Err(_) => return Ok(None),
        }
    }
    Ok(Some(millis(begun.elapsed())))
}

fn table(figures: &Figures, checks: usize, compose: Option<&Compose>) -> Table {
    let of = |name: &str| figures.median(name);
    let mut table = Table::default();
    let floor = ("the engine alone", of("floor up"));
    table.against("up redis", of("up"), floor, Target::Ratio(1.25));
    let script = (
        "the engine, and a script with the steps of `start`",
        of("floor start"),
    );
    table.against("up redis", of("up"), script, Target::Ratio(1.25));
    let floor = ("the engine alone", of("floor down"));
    table.against("down redis", of("down"), floor, Target::Ratio(1.15));
    match compose {
        Some(_) => {
            let up = ("compose up --wait", of("compose up"));
            table.against("up redis", of("up"), up, Target::Ratio(0.35));
            // A goal is set for services that are slow to stop only, and Redis stops at once.
            let down = ("compose down -v", of("compose down"));
            table.against("down redis", of("down"), down, Target::None);
            let both = ("compose down -v, up", of("compose down and up"));
            table.against("reset redis", of("reset"), both, Target::Ratio(0.05));
        }
        None => table
            .notes
            .push("Compose v2 was not found: nothing is compared with it".to_owned()),
    }
    let peer = match figures.0.contains_key("docker exec") {
        true => "docker exec",
        false => "exec calls",
    };
    let name = format!("{checks} × {peer}");
    table.against(
        "check redis",
        of("check"),
        (&name, of(peer)),
        Target::Ratio(0.1),
    );
    let most = Target::Most;
    for (what, name, target) in [
        ("check redis", "check", most(100.0)),
        ("list", "list", most(10.0)),
        ("--help", "help", most(10.0)),
        ("up redis, is up already", "up again", Target::None),
        ("reset redis", "reset", Target::None),
    ] {
        table.figure(what, Unit::Millis, of(name), target);
    }
    for (what, name) in [
        ("memory of up redis", "up memory"),
        ("memory of check redis", "check memory"),
        ("memory of list", "list memory"),
    ] {
        table.figure(what, Unit::Mebibytes, of(name), most(40.0));
    }
    table
}
