//! Measurements of an exercise: the same question put to several sides, each with a step.

use crate::expect::ValuePath;
use crate::lab::id::CheckId;
use crate::lab::steps::model::{Check, Step, StepKind};
use crate::lab::steps::ratio::read_id;
use crate::lab::steps::reader::{StepList, read_step};
use crate::lab::steps::service_field::read_path;
use crate::lab::yaml::{Fields, Mapping, Node, Problems, list, string};
use crate::problem::{Code, Place, Problem, suggestion};
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

/// Checks that the ratios of an exercise's checks are of its measurements, if these could be read, and come last.
pub(crate) fn check_ratios(
    measurements: Option<&[Measurement]>,
    checks: &[Check],
    problems: &mut Problems,
) {
    for (at, check) in checks.iter().enumerate() {
        let StepKind::Ratio(ratio) = &check.step.act else {
            continue;
        };
        if checks[at..]
            .iter()
            .any(|later| !matches!(later.step.act, StepKind::Ratio(_)))
        {
            let what = text!("a check with `measure` comes after all others");
            let help = text!("move it to the end: it is measured once the others pass");
            let problem = Problem::new(what).help(help);
            problems.push(problem.at(check.step.place.clone()));
        }
        let Some(measurements) = measurements else {
            continue;
        };
        let place = &check.step.service_place;
        let ids = measurements.iter().map(|known| known.id.as_str());
        let found = measurements
            .iter()
            .find(|known| known.id == ratio.measurement);
        let Some(measurement) = found else {
            let what = text!("no such measurement: `{id}`", id = ratio.measurement);
            problems.push(unknown(what, &ratio.measurement, ids, place));
            continue;
        };
        for side in [&ratio.slower, &ratio.faster] {
            let ids = measurement.sides.iter().map(|known| known.id.as_str());
            if !measurement.sides.iter().any(|known| known.id == *side) {
                let what = text!(
                    "no such side of measurement `{id}`: `{side}`",
                    id = measurement.id,
                    side
                );
                problems.push(unknown(what, side, ids, place));
            }
        }
        if ratio.slower == ratio.faster {
            let what = text!("`slower` and `faster` are the same side");
            problems.push(Problem::new(what).at(place.clone()));
        }
    }
}

fn unknown<'a>(
    what: crate::text::Text,
    name: &CheckId,
    known: impl Iterator<Item = &'a str>,
    place: &Place,
) -> Problem {
    Problem::new(what)
        .code(Code::UnknownName)
        .at(place.clone())
        .help(suggestion(name.as_str(), known))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::steps::reader::read_check;
    use std::path::Path;

    const MEASURE: &str = "{ id: by-key, sides: [ { id: get, redis: { service: r, command: [GET, k] } }, { id: hash, redis: { service: r, command: [GET, k] } } ] }";

    #[track_caller]
    fn check(keys: &str, expected: &[&str]) {
        let mut problems = Vec::new();
        let parse = |yaml: &str| Node::parse(Path::new("m.yaml"), yaml).unwrap();
        let measurements = read_measurements(&[&parse(MEASURE)], &mut problems);
        let checks = read_check(&parse(&format!("{{ id: c, {keys} }}")), &mut problems);
        let checks: Vec<Check> = checks.into_iter().collect();
        check_ratios(Some(&measurements), &checks, &mut problems);
        let printed: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(printed, expected);
    }

    #[test]
    fn a_ratio_is_of_two_sides_of_a_measurement_of_the_exercise() {
        let expect = "expect: { at_least: 2 }";
        check(
            &format!("measure: {{ id: by-key, slower: get, faster: hash }}, {expect}"),
            &[],
        );
        check(
            &format!("measure: {{ id: by-kay, slower: get, faster: hash }}, {expect}"),
            &["m.yaml:1:19: no such measurement: `by-kay` (did you mean `by-key`?)"],
        );
        check(
            &format!("measure: {{ id: by-key, slower: gett, faster: hash }}, {expect}"),
            &["m.yaml:1:19: no such side of measurement `by-key`: `gett` (did you mean `get`?)"],
        );
        check(
            &format!("measure: {{ id: by-key, slower: get, faster: get }}, {expect}"),
            &["m.yaml:1:19: `slower` and `faster` are the same side"],
        );
        check(
            &format!("measure: {{ id: by-key, slower: get }}, {expect}"),
            &["m.yaml:1:19: missing key `faster` in a `measure` probe"],
        );
    }

    #[test]
    fn a_ratio_has_a_wide_margin_and_is_no_time() {
        const MARGIN: &str = "a ratio is expected to be `at_least` or `at_most` a number, and that is at least 1.5 (write `expect: { at_least: 3 }`, and no more than a third of what you measure yourself)";
        let measure = "measure: { id: by-key, slower: get, faster: hash }";
        for expect in ["at_least: 1.5", "at_most: 3"] {
            check(&format!("{measure}, expect: {{ {expect} }}"), &[]);
        }
        for expect in ["at_least: 1.2", "equals: 2", "at_least: 2, at_most: 3"] {
            let problem = format!("m.yaml:1:70: {MARGIN}");
            check(&format!("{measure}, expect: {{ {expect} }}"), &[&problem]);
        }
        check(measure, &[&format!("m.yaml:1:19: {MARGIN}")]);
        check(
            &format!("{measure}, expect: {{ at_lest: 2 }}"),
            &["m.yaml:1:72: unknown key `at_lest` in a matcher (did you mean `at_least`?)"],
        );
        check(
            &format!("{measure}, expct: {{ at_least: 2 }}"),
            &["m.yaml:1:62: unknown key `expct` in a check (did you mean `expect`?)"],
        );
        check(
            &format!("{measure}, expect: {{ at_least: 2 }}, within: 5s"),
            &[
                "m.yaml:1:87: `within` is not allowed together with `measure` (remove it; the sides are measured once everything else passes)",
            ],
        );
    }
}
