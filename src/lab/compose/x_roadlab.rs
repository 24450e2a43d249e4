//! Reads `x-roadlab`: how roadlab connects to a service.

use crate::lab::compose::values::{read_size, read_words};
use crate::lab::id::ServiceName;
use crate::lab::service::{DEFAULT_READY_WITHIN, Presence, ServiceInterface, Web};
use crate::lab::steps::{StepList, check_server_path, read_steps};
use crate::lab::yaml::{Fields, Mapping, Node, Problems, string};
use crate::problem::Problem;
use crate::text;

/// Reads `x-roadlab`.
pub(crate) fn read_interface(
    node: &Node,
    name: &ServiceName,
    problems: &mut Problems,
) -> Option<ServiceInterface> {
    let mut fields = Fields::open(node, Mapping::XRoadlab, problems)?;
    let ready = read_steps(
        &fields.one_or_many("ready"),
        StepList::Ready(name),
        problems,
    );
    let ready_within = fields
        .duration("ready_within", problems)
        .unwrap_or(DEFAULT_READY_WITHIN);
    let url = fields.string("url", problems);
    let url_place = fields.get("url").map(Node::place);
    let shell = read_words(&mut fields, "shell", problems);
    let web = fields
        .one_or_many("web")
        .into_iter()
        .filter_map(|web| read_web(web, problems))
        .collect();
    let presence = match fields.boolean("optional", problems) {
        Some(true) => Presence::Optional,
        Some(false) | None => Presence::Required,
    };
    let image_size = read_size(&mut fields, "image_size", problems);
    let warm_start = fields.boolean("warm_start", problems).unwrap_or(false);
    fields.close(problems);
    Some(ServiceInterface {
        ready,
        ready_within,
        url,
        url_place,
        shell,
        web,
        presence,
        image_size: image_size.and_then(|bytes| u64::try_from(bytes).ok()),
        warm_start,
    })
}

fn read_web(node: &Node, problems: &mut Problems) -> Option<Web> {
    let mut fields = Fields::open(node, Mapping::WebInterface, problems)?;
    let title = fields.required_string("title", node, problems);
    let port = fields.required("port", node, problems);
    let port = port.and_then(|node| {
        let written = fields.integer("port", problems)?;
        let port = u16::try_from(written).ok().filter(|port| *port != 0);
        if port.is_none() {
            let what = text!(
                "`port` must be from 1 to 65535, not `{port}`",
                port = written
            );
            problems.push(Problem::new(what).at(node.place()));
        }
        port
    });
    let path = fields.get("path").map_or(Some("/".to_owned()), |node| {
        let path = string(node, "path", problems)?;
        check_server_path(&path, node, problems);
        Some(path)
    });
    let login = fields.string("login", problems);
    fields.close(problems);
    Some(Web {
        title: title?,
        port: port?,
        path: path?,
        login,
    })
}

impl Default for ServiceInterface {
    fn default() -> Self {
        Self {
            ready: Vec::new(),
            ready_within: DEFAULT_READY_WITHIN,
            url: None,
            url_place: None,
            shell: None,
            web: Vec::new(),
            presence: Presence::Required,
            image_size: None,
            warm_start: false,
        }
    }
}
