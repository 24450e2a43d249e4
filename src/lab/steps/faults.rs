//! Reads faults of services from YAML.

use crate::lab::steps::model::{Fault, FaultKind, RestartMode};
use crate::lab::steps::service_field::read_service;
use crate::lab::yaml::{Fields, Node, Problems};
use crate::problem::Problem;
use crate::text;

/// Reads a `network` action.
pub(crate) fn read_network(
    node: &Node,
    fields: &mut Fields<'_>,
    problems: &mut Problems,
) -> Option<Fault> {
    let service = read_service(node, fields, None, problems);
    let cut = fields
        .required("cut", node, problems)
        .and_then(|_| fields.boolean("cut", problems));
    Some(Fault {
        service: service?,
        kind: match cut? {
            true => FaultKind::Cut,
            false => FaultKind::Reconnect,
        },
    })
}

/// Reads a `pause` action.
pub(crate) fn read_pause(
    node: &Node,
    fields: &mut Fields<'_>,
    problems: &mut Problems,
) -> Option<Fault> {
    Some(Fault {
        service: read_service(node, fields, None, problems)?,
        kind: FaultKind::Pause,
    })
}

/// Reads a `stop` action.
pub(crate) fn read_stop(
    node: &Node,
    fields: &mut Fields<'_>,
    problems: &mut Problems,
) -> Option<Fault> {
    let service = read_service(node, fields, None, problems);
    let how = match fields.boolean("kill", problems) {
        Some(true) => RestartMode::Kill,
        Some(false) | None => RestartMode::Stop,
    };
    Some(Fault {
        service: service?,
        kind: FaultKind::Stop(how),
    })
}

/// Reads a `start` action.
pub(crate) fn read_start(
    node: &Node,
    fields: &mut Fields<'_>,
    problems: &mut Problems,
) -> Option<Fault> {
    Some(Fault {
        service: read_service(node, fields, None, problems)?,
        kind: FaultKind::Start,
    })
}

/// Reads a `disk` action.
pub(crate) fn read_disk(
    node: &Node,
    fields: &mut Fields<'_>,
    problems: &mut Problems,
) -> Option<Fault> {
    let service = read_service(node, fields, None, problems);
    let path = fields.required_string("path", node, problems);
    if let Some(written) = path.as_deref()
        && (!written.starts_with('/') || written.split('/').any(|part| part == ".."))
    {
        let what = text!(
            "`path` must be an absolute path in the container, not `{path}`",
            path = written
        );
        let place = fields.get("path").unwrap_or(node).place();
        problems.push(Problem::new(what).at(place));
    }
    let fill = fields
        .required("fill", node, problems)
        .and_then(|_| fields.boolean("fill", problems));
    Some(Fault {
        service: service?,
        kind: match fill? {
            true => FaultKind::FillDisk(path?),
            false => FaultKind::FreeDisk(path?),
        },
    })
}
