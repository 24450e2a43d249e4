//! The figures of all labs, as Markdown and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context;
use serde_json::{Value, json};

use crate::api::Api;
use crate::compose::Compose;
use crate::cost::Cost;
use crate::program::{Part, Program};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    UpCold,
    UpWarm,
    Check,
    Reset,
    ResetHard,
    Down,
    UpAndDown,
    ManyUp,
    ManyDown,
}

impl Operation {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::UpCold => "up, no data yet",
            Self::UpWarm => "up, data there",
            Self::Check => "check all",
            Self::Reset => "reset",
            Self::ResetHard => "reset --hard",
            Self::Down => "down",
            Self::UpAndDown => "up and down",
            Self::ManyUp => "up, many at once",
            Self::ManyDown => "down, many at once",
        }
    }
}

/// Who does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    Roadlab,
    Floor,
    Compose,
    Testcontainers,
}

impl Side {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Roadlab => "roadlab",
            Self::Floor => "bare calls",
            Self::Compose => "Compose",
            Self::Testcontainers => "testcontainers",
        }
    }
}

pub(crate) struct LabReport {
    pub(crate) lab: String,
    checks: usize,
    costs: BTreeMap<(Operation, Side), Vec<Cost>>,
    pub(crate) calls: BTreeMap<(Operation, Side), usize>,
    pub(crate) trace: Vec<Part>,
}

/// One row: the middle of the rounds, the least and the most.
pub(crate) struct Row {
    pub(crate) operation: Operation,
    pub(crate) side: Side,
    /// Milliseconds.
    pub(crate) median: f64,
    least: f64,
    most: f64,
    /// The median beside that of roadlab.
    pub(crate) ratio: Option<f64>,
    /// Seconds of the processor, and MiB; `None` for bare calls, which are made by this program.
    processor: Option<f64>,
    peak: Option<f64>,
    calls: Option<usize>,
}

impl LabReport {
    pub(crate) fn new(lab: &str, checks: usize) -> Self {
        Self {
            lab: lab.to_owned(),
            checks,
            costs: BTreeMap::new(),
            calls: BTreeMap::new(),
            trace: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, operation: Operation, side: Side, cost: Cost) {
        self.costs.entry((operation, side)).or_default().push(cost);
    }

    pub(crate) fn rows(&self) -> Vec<Row> {
        let millis = |cost: &Cost| cost.wall.as_secs_f64() * 1e3;
        let median_of = |key| {
            let costs = self.costs.get(&key)?;
            Some(median(costs.iter().map(millis).collect()))
        };
        let rows = self.costs.iter().map(|(&(operation, side), costs)| {
            let walls = || costs.iter().map(millis);
            let own = median_of((operation, Side::Roadlab));
            let median_wall = median(walls().collect());
            let is_program = costs.iter().any(|cost| cost.peak > 0);
            let processor = costs.iter().map(|cost| cost.processor.as_secs_f64());
            let peak = costs.iter().map(|cost| cost.peak as f64 / 1024.0);
            Row {
                operation,
                side,
                median: median_wall,
                least: walls().fold(f64::INFINITY, f64::min),
                most: walls().fold(0.0, f64::max),
                ratio: own.map(|own| median_wall / own),
                processor: is_program.then(|| median(processor.collect())),
                peak: is_program.then(|| median(peak.collect())),
                calls: self.calls.get(&(operation, side)).copied(),
            }
        });
        rows.collect()
    }

    fn markdown(&self) -> String {
        let mut text = format!(
            "\n## {} ({} checks)\n\n| | by | median | least – most | × roadlab | processor | peak memory | calls |\n|---|---|--:|--:|--:|--:|--:|--:|\n",
            self.lab, self.checks
        );
        let mut last = None;
        for row in self.rows() {
            let operation = match last == Some(row.operation) {
                true => "",
                false => row.operation.name(),
            };
            last = Some(row.operation);
            let optional = |value: Option<String>| value.unwrap_or_default();
            let ratio = row.ratio.filter(|_| row.side != Side::Roadlab);
            // Writing into a text does not fail.
            let _ = writeln!(
                text,
                "| {operation} | {} | {} | {} – {} | {} | {} | {} | {} |",
                row.side.name(),
                time(row.median),
                time(row.least),
                time(row.most),
                optional(ratio.map(|ratio| format!("{ratio:.2}"))),
                optional(row.processor.map(|seconds| format!("{seconds:.2} s"))),
                optional(row.peak.map(|mib| format!("{mib:.0} MiB"))),
                optional(row.calls.map(|calls| calls.to_string())),
            );
        }
        text
    }

    fn json(&self) -> Value {
        let rows = self.rows().into_iter().map(|row| {
            json!({ "operation": row.operation.name(), "by": row.side.name(), "median_ms": row.median, "least_ms": row.least,
                "most_ms": row.most, "ratio": row.ratio, "processor_s": row.processor, "peak_mib": row.peak, "calls": row.calls })
        });
        let trace = self.trace.iter();
        let trace =
            trace.map(|(name, from, to)| json!({ "name": name, "from_ms": from, "to_ms": to }));
        json!({ "lab": self.lab, "checks": self.checks, "rows": rows.collect::<Vec<_>>(), "start": trace.collect::<Vec<_>>() })
    }
}

pub(crate) struct Report {
    about: Vec<(&'static str, String)>,
    pub(crate) labs: Vec<LabReport>,
    /// The labs that could not be measured, with the reason.
    pub(crate) left_out: Vec<(String, String)>,
}

impl Report {
    pub(crate) fn new(program: &Program, compose: &Compose, rounds: usize) -> anyhow::Result<Self> {
        let engine = Api::new().get("/version")?;
        let text = |key: &str| engine[key].as_str().unwrap_or_default().to_owned();
        let cores = std::thread::available_parallelism()?;
        Ok(Self {
            about: vec![
                ("roadlab", program.version()?),
                (
                    "engine",
                    format!("Docker {}, {}", text("Version"), text("KernelVersion")),
                ),
                ("Compose", compose.version.clone()),
                ("testcontainers", "0.28, of Rust".to_owned()),
                ("processors", cores.to_string()),
                ("rounds", rounds.to_string()),
            ],
            labs: Vec::new(),
            left_out: Vec::new(),
        })
    }

    pub(crate) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        std::fs::create_dir_all(folder)?;
        let place = |name: &str| folder.join(name);
        std::fs::write(place("results.md"), self.markdown()).context("results.md")?;
        let about: BTreeMap<_, _> = self.about.iter().cloned().collect();
        let labs: Vec<Value> = self.labs.iter().map(LabReport::json).collect();
        let left_out: BTreeMap<_, _> = self.left_out.iter().cloned().collect();
        let document = json!({ "about": about, "labs": labs, "left_out": left_out });
        std::fs::write(place("results.json"), format!("{document:#}\n")).context("results.json")
    }

    fn markdown(&self) -> String {
        let mut text = "# roadlab beside its peers\n\nWritten by `benches/peers`, in one run on one machine. *Bare calls* are the engine alone: the same containers, until each server answers,\nwithout the data that a lab makes at its start. *Compose* has the lab's own Compose file, the same images and a health check every second;\nits checks are `exec` of that check, of which a few are played and counted as many times as the lab has checks, and its reset is\n`down -v` and `up`. *roadlab* makes the data as well. Processor and memory are those of the program, not of the engine.\n\n| | |\n|---|---|\n".to_owned();
        for (name, value) in &self.about {
            let _ = writeln!(text, "| {name} | {value} |");
        }
        let _ = writeln!(text, "\n![Peers beside roadlab](ratios.svg)");
        for lab in &self.labs {
            text.push_str(&lab.markdown());
        }
        if !self.left_out.is_empty() {
            text.push_str("\n## Not measured\n\n");
            for (lab, why) in &self.left_out {
                let _ = writeln!(
                    text,
                    "- `{lab}`: {}",
                    why.lines().next().unwrap_or_default()
                );
            }
        }
        text
    }
}

fn time(millis: f64) -> String {
    match millis {
        ..1000.0 => format!("{millis:.0} ms"),
        _ => format!("{:.1} s", millis / 1e3),
    }
}

/// The middle of some figures; of an even number, the mean of the two in the middle.
fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    match figures.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => figures[middle],
        _ => f64::midpoint(figures[middle - 1], figures[middle]),
    }
}
