//! The `service` of a probe, and other fields that several probes have.

use serde_json::{Value, json};

use crate::expect::ValuePath;
use crate::lab::id::ServiceName;
use crate::lab::yaml::{Fields, Kind, Node, Problems, string};
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
    let written = match implied {
        Some(_) => fields.get("service"),
        None => Some(fields.required("service", node, problems)?),
    };
    let Some(written) = written else {
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

/// Reads the words of a command. None is a problem.
pub(crate) fn read_words(
    node: &Node,
    fields: &mut Fields<'_>,
    key: &'static str,
    problems: &mut Problems,
) -> Option<Vec<String>> {
    let words = fields.required(key, node, problems)?;
    if matches!(&words.kind, Kind::List(items) if items.is_empty()) {
        problems.push(Problem::new(text!("`{key}` is empty", key)).at(words.place()));
    }
    fields
        .strings(key, problems)
        .filter(|words| !words.is_empty())
}

/// Reads an integer in a range.
pub(crate) fn read_in_range(
    fields: &mut Fields<'_>,
    key: &'static str,
    range: std::ops::RangeInclusive<i64>,
    problems: &mut Problems,
) -> Option<i64> {
    let number = fields.integer(key, problems)?;
    if !range.contains(&number) {
        let place = fields.get(key)?.place();
        let what = text!(
            "`{key}` must be from {least} to {most}, not {number}",
            key,
            least = range.start(),
            most = range.end(),
            number
        );
        problems.push(Problem::new(what).code(Code::Limit).at(place));
        return None;
    }
    Some(number)
}

/// Reads a JSONPath.
pub(crate) fn read_path(node: &Node, problems: &mut Problems) -> Option<ValuePath> {
    let written = string(node, "path", problems)?;
    let report = |error| {
        let problem = Problem::new(error).at(node.place());
        problems.push(match written.starts_with('$') {
            true => problem,
            false => problem.help(text!("begin with `$`, as in `$.name` or `$[0]`")),
        });
    };
    ValuePath::parse(&written).map_err(report).ok()
}

/// Reads a mapping as JSON; `{}` if it is missing.
pub(crate) fn read_json(fields: &mut Fields<'_>, key: &'static str) -> Value {
    fields.get(key).map_or_else(|| json!({}), Node::to_json)
}
