//! The `service` of a probe, and other fields that several probes have.

use serde_json::{Value, json};

use crate::lab::id::ServiceName;
use crate::lab::yaml::{Fields, Node, Problems, string};
use crate::problem::{Code, Problem};
use crate::text;

/// The service of steps that do not name one: known in `x-roadlab`, missing elsewhere.
pub(crate) type ImpliedService<'a> = Option<&'a ServiceName>;

/// Reads the service that a probe is about.
pub(crate) fn read_service(
    node: &Node,
    fields: &mut Fields<'_>,
    implied: ImpliedService<'_>,
    problems: &mut Problems,
) -> Option<ServiceName> {
    let Some(written) = fields.get("service") else {
        if implied.is_none() {
            problems.push(
                Problem::new(text!("missing key `service` in a probe"))
                    .code(Code::MissingKey)
                    .at(node.place()),
            );
        }
        return implied.cloned();
    };
    let name = string(written, "service", problems)?;
    ServiceName::new(&name)
        .map_err(|error| {
            problems.push(
                Problem::new(error.text())
                    .code(Code::InvalidName)
                    .at(written.place()),
            )
        })
        .ok()
}

/// Reads a mapping as JSON; `{}` if it is missing.
pub(crate) fn read_json(fields: &mut Fields<'_>, key: &'static str) -> Value {
    fields.get(key).map_or_else(|| json!({}), Node::to_json)
}
