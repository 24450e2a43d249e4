//! Measurements of an exercise: the same question put to several sides, each with a step.

use crate::expect::ValuePath;
use crate::lab::id::CheckId;
use crate::lab::steps::model::Step;
use crate::lab::steps::reader::{StepList, read_path, read_step};
use crate::lab::yaml::{Fields, Mapping, Node, Problems, list, string};
use crate::problem::{Code, Problem};
use crate::text;

/// The most measurements of an exercise, and the most sides of a measurement.
const MAX_MEASUREMENTS: usize = 20;
const MAX_SIDES: usize = 6;

/// A question that is put to every side, in turn, to compare how long each takes. All sides must give the same result.
#[derive(Debug, Clone)]
pub struct Measurement {
    /// The id; the guides describe it.
    pub id: CheckId,
    /// At least two, with different ids.
    pub sides: Vec<Side>,
}

/// One side of a measurement.
#[derive(Debug, Clone)]
pub struct Side {
    /// The id; the guides name it.
    pub id: CheckId,
    /// The step whose time is measured. It only reads, and its value at `path` is the side's result.
    pub step: Step,
    pub path: Option<ValuePath>,
    pub touched: Option<Touched>,
}

/// How much a service reads to answer.
#[derive(Debug, Clone)]
pub struct Touched {
    /// The step that finds it out, such as an `EXPLAIN`.
    pub step: Step,
    /// Selects the numbers, which are added up.
    pub path: ValuePath,
    pub unit: Unit,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Rows,
    Documents,
    Keys,
    Pages,
    Bytes,
}

impl Unit {
    pub const ALL: [Self; 5] = [
        Self::Rows,
        Self::Documents,
        Self::Keys,
        Self::Pages,
        Self::Bytes,
    ];

    /// Returns the name in lab.yaml.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Documents => "documents",
            Self::Keys => "keys",
            Self::Pages => "pages",
            Self::Bytes => "bytes",
        }
    }
}

impl Measurement {
    /// Returns the steps of all sides.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.sides.iter().flat_map(|side| {
            let touched = side.touched.as_ref().map(|touched| &touched.step);
            [&side.step].into_iter().chain(touched)
        })
    }
}

/// Reads `measure` of an exercise.
pub(crate) fn read_measurements(nodes: &[&Node], problems: &mut Problems) -> Vec<Measurement> {
    let mut measurements: Vec<Measurement> = Vec::new();
    for node in nodes {
        let Some(measurement) = read_measurement(node, problems) else {
            continue;
        };
        if measurements.iter().any(|other| other.id == measurement.id) {
            let what = text!("duplicate measurement `{id}`", id = measurement.id);
            let help = text!("give one of the two another id, also in the guides");
            let problem = Problem::new(what).code(Code::DuplicateName);
            problems.push(problem.at(node.place()).help(help));
            continue;
        }
        measurements.push(measurement);
    }
    if let Some(surplus) = nodes.get(MAX_MEASUREMENTS) {
        let limit = MAX_MEASUREMENTS;
        let what = text!("too many measurements: the limit is {limit}", limit);
        problems.push(Problem::new(what).code(Code::Limit).at(surplus.place()));
    }
    measurements
}

fn read_measurement(node: &Node, problems: &mut Problems) -> Option<Measurement> {
    let mut fields = Fields::open(node, Mapping::Measurement, problems)?;
    let id = read_id(node, &mut fields, problems);
    let nodes = fields
        .required("sides", node, problems)
        .map(|sides| list(sides, "sides", problems));
    fields.close(problems);
    let nodes = nodes?;
    if !(2..=MAX_SIDES).contains(&nodes.len()) {
        let what = text!(
            "a measurement has from 2 to {limit} sides, not {count}",
            limit = MAX_SIDES,
            count = nodes.len()
        );
        problems.push(Problem::new(what).code(Code::Limit).at(node.place()));
        return None;
    }
    let mut sides: Vec<Side> = Vec::new();
    for node in nodes {
        let Some(side) = read_side(node, problems) else {
            continue;
        };
        if sides.iter().any(|other| other.id == side.id) {
            let what = text!("duplicate side `{id}`", id = side.id);
            let help = text!("give one of the two another id, also in the guides");
            let problem = Problem::new(what).code(Code::DuplicateName);
            problems.push(problem.at(node.place()).help(help));
            continue;
        }
        sides.push(side);
    }
    Some(Measurement { id: id?, sides })
}

fn read_side(node: &Node, problems: &mut Problems) -> Option<Side> {
    let mut fields = Fields::open(node, Mapping::Side, problems)?;
    let id = read_id(node, &mut fields, problems);
    let path = fields.get("path").map(|path| read_path(path, problems));
    let touched = fields.get("touched");
    let touched = touched.map(|touched| read_touched(touched, problems));
    let step = read_step(node, &mut fields, StepList::Measure, problems);
    fields.close(problems);
    Some(Side {
        id: id?,
        step: step?,
        // A path or a step that cannot be read is a problem already.
        path: path.map_or(Some(None), |path| path.map(Some))?,
        touched: touched.map_or(Some(None), |touched| touched.map(Some))?,
    })
}

fn read_touched(node: &Node, problems: &mut Problems) -> Option<Touched> {
    let mut fields = Fields::open(node, Mapping::Touched, problems)?;
    let path = fields.required("path", node, problems);
    let path = path.and_then(|path| read_path(path, problems));
    let unit = fields.required("unit", node, problems).and_then(|node| {
        let written = string(node, "unit", problems)?;
        let unit = Unit::ALL.into_iter().find(|unit| unit.name() == written);
        if unit.is_none() {
            let units = crate::problem::code_list(Unit::ALL.map(Unit::name));
            let what = text!("unknown unit `{written}`", written);
            let help = text!("use one of {units}", units);
            let problem = Problem::new(what).code(Code::UnknownName);
            problems.push(problem.at(node.place()).help(help));
        }
        unit
    });
    let step = read_step(node, &mut fields, StepList::Measure, problems);
    fields.close(problems);
    Some(Touched {
        step: step?,
        path: path?,
        unit: unit?,
    })
}

fn read_id(node: &Node, fields: &mut Fields<'_>, problems: &mut Problems) -> Option<CheckId> {
    let id = fields.required("id", node, problems)?;
    let written = string(id, "id", problems)?;
    match CheckId::new(&written) {
        Ok(id) => Some(id),
        Err(error) => {
            let problem = Problem::new(error.text()).code(Code::InvalidName);
            problems.push(problem.at(id.place()));
            None
        }
    }
}
