//! The `measure` of a check: the ratio of the times of two sides of a measurement.

use crate::expect::{Decimal, Matcher, Rule};
use crate::lab::id::CheckId;
use crate::lab::steps::model::RatioProbe;
use crate::lab::yaml::{Fields, Node, Problems, string};
use crate::problem::{Code, Place, Problem};
use crate::text;

/// Reads the `measure` of a check: which measurement, and which of its sides are compared.
pub(super) fn read_ratio(
    node: &Node,
    fields: &mut Fields<'_>,
    problems: &mut Problems,
) -> Option<RatioProbe> {
    let measurement = read_id(node, fields, problems);
    let mut side = |key| {
        let node = fields.required(key, node, problems)?;
        read_check_id(node, key, problems)
    };
    let (slower, faster) = (side("slower"), side("faster"));
    Some(RatioProbe {
        measurement: measurement?,
        slower: slower?,
        faster: faster?,
    })
}

/// Reads `id`, the id of a measurement or of a side.
pub(super) fn read_id(
    node: &Node,
    fields: &mut Fields<'_>,
    problems: &mut Problems,
) -> Option<CheckId> {
    let id = fields.required("id", node, problems)?;
    read_check_id(id, "id", problems)
}

fn read_check_id(node: &Node, key: &'static str, problems: &mut Problems) -> Option<CheckId> {
    let written = string(node, key, problems)?;
    match CheckId::new(&written) {
        Ok(id) => Some(id),
        Err(error) => {
            let problem = Problem::new(error.text()).code(Code::InvalidName);
            problems.push(problem.at(node.place()));
            None
        }
    }
}

/// The smallest ratio that a check may ask for, in tenths: less than that is not above what a busy machine does.
const LEAST_RATIO: i64 = 15;

/// Times differ from one moment to the next, and a ratio much less: a check may ask for a clear one, and for nothing else.
pub(super) fn check_margin(expect: &Matcher, place: Place, problems: &mut Problems) {
    let wide = |limit: &Decimal| {
        let least = Decimal::parse(&format!("{}.{}", LEAST_RATIO / 10, LEAST_RATIO % 10));
        least.is_some_and(|least| *limit >= least)
    };
    let is_wide = match expect.rules.as_slice() {
        [Rule::AtLeast(limit) | Rule::AtMost(limit)] => expect.path.is_none() && wide(limit),
        _ => false,
    };
    if !is_wide {
        let what = text!(
            "a ratio is expected to be `at_least` or `at_most` a number, and that is at least 1.5"
        );
        let help = text!(
            "write `expect: {{ at_least: 3 }}`, and no more than a third of what you measure yourself"
        );
        problems.push(Problem::new(what).at(place).help(help));
    }
}
