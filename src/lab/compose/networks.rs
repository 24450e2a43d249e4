//! Reads the top-level networks and volumes, which must belong to the lab.

use std::collections::BTreeMap;

use crate::lab::compose::composition::Composition;
use crate::lab::id::ServiceName;
use crate::lab::model::Network;
use crate::lab::policy;
use crate::lab::yaml::{Fields, Kind, Mapping, Node, Problems};
use crate::problem::Problem;
use crate::text;

/// Reads the networks of a lab. Each is a bridge network of its own.
pub(crate) fn read_networks(
    found: &Composition,
    problems: &mut Problems,
) -> BTreeMap<String, Network> {
    let mut out = BTreeMap::from([("default".to_owned(), Network::Open)]);
    for (name, node) in &found.networks {
        check_name(name, node, problems);
        out.insert(name.clone(), read_network(node, problems));
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
        problems.push(policy::refused(node, what));
    }
    let internal = fields.boolean("internal", problems).unwrap_or(false);
    fields.accept(&["labels"]);
    policy::check_network(&mut fields, problems);
    fields.close(problems);
    match internal {
        true => Network::Internal,
        false => Network::Open,
    }
}

/// Checks the volumes of a lab. Each is a local volume of its own.
pub(crate) fn check_volumes(found: &Composition, problems: &mut Problems) {
    for (name, node) in &found.volumes {
        check_name(name, node, problems);
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
            problems.push(policy::refused(node, what));
        }
        fields.accept(&["labels"]);
        policy::check_volume(&mut fields, problems);
        fields.close(problems);
    }
}

fn check_name(name: &str, node: &Node, problems: &mut Problems) {
    if let Err(error) = ServiceName::new(name) {
        problems.push(Problem::new(error.text()).at(node.place()));
    }
}
