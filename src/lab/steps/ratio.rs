//! The `measure` of a check: the ratio of the times of two sides of a measurement.

use crate::lab::id::CheckId;
use crate::lab::steps::model::RatioProbe;
use crate::lab::yaml::{Fields, Node, Problems, string};
use crate::problem::{Code, Problem};

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
