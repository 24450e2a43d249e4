//! Reads the top-level networks and volumes, which must belong to the lab.

use std::collections::BTreeMap;

use crate::lab::compose::composition::{Composition, Part};
use crate::lab::id::ServiceName;
use crate::lab::model::Network;
use crate::lab::policy;
use crate::lab::yaml::{Fields, Kind, Mapping, Node, Problems};
use crate::problem::{Code, Problem};
use crate::text;

/// Reads the networks of a lab. Each is a bridge network of its own.
pub(crate) fn read_networks(
    found: &Composition,
    problems: &mut Problems,
) -> BTreeMap<String, Network> {
    let mut out = BTreeMap::from([("default".to_owned(), Network::Open)]);
    for part in &found.networks {
        check_name(part, problems);
        out.insert(part.name.clone(), read_network(&part.node, problems));
    }
    out
}

fn read_network(node: &Node, problems: &mut Problems) -> Network {
    if matches!(node.kind, Kind::Null) {
        return Network::Open;
    }
    let Some(mut fields) = Fields::open_compose(node, Mapping::Network, problems) else {
        return Network::Open;
    };
    if let Some(driver) = fields
        .string("driver", problems)
        .filter(|name| name != "bridge")
    {
        let what = text!(
            "network driver `{driver}` could reach outside the lab",
            driver
        );
        let at = node.child("driver").unwrap_or(node);
        problems.push(policy::refused(at, what));
    }
    let internal = fields.boolean("internal", problems).unwrap_or(false);
    policy::check_keys(Mapping::Network, &mut fields, problems);
    fields.close(problems);
    match internal {
        true => Network::Internal,
        false => Network::Open,
    }
}

/// Checks the volumes of a lab. Each is a local volume of its own.
pub(crate) fn check_volumes(found: &Composition, problems: &mut Problems) {
    for part in &found.volumes {
        let node = &part.node;
        check_name(part, problems);
        if matches!(node.kind, Kind::Null) {
            continue;
        }
        let Some(mut fields) = Fields::open_compose(node, Mapping::Volume, problems) else {
            continue;
        };
        if let Some(driver) = fields
            .string("driver", problems)
            .filter(|name| name != "local")
        {
            let what = text!(
                "volume driver `{driver}` could reach outside the lab",
                driver
            );
            let at = node.child("driver").unwrap_or(node);
            problems.push(policy::refused(at, what));
        }
        policy::check_keys(Mapping::Volume, &mut fields, problems);
        fields.close(problems);
    }
}

/// Checks the configs and secrets of a lab. Each is a file in its folder.
pub(crate) fn check_files(found: &Composition, problems: &mut Problems) {
    for part in found.configs.iter().chain(&found.secrets) {
        let Some(mut fields) = Fields::open_compose(&part.node, Mapping::Config, problems) else {
            continue;
        };
        fields.string("file", problems);
        let before = problems.len();
        policy::check_keys(Mapping::Config, &mut fields, problems);
        let has_other_source = problems.len() > before;
        if !fields.contains("file") && !has_other_source {
            fields.required("file", &part.key, problems);
        }
        fields.close(problems);
    }
}

fn check_name(part: &Part, problems: &mut Problems) {
    if let Err(error) = ServiceName::new(&part.name) {
        problems.push(
            Problem::new(error.text())
                .code(Code::InvalidName)
                .at(part.key.place()),
        );
    }
}
