//! Reads `x-roadlab`: how roadlab connects to a service.

use crate::lab::compose::values::{read_size, read_words};
use crate::lab::id::ServiceName;
use crate::lab::service::{DEFAULT_READY_WITHIN, Presence, ServiceInterface, Web};
use crate::lab::steps::{StepList, read_steps};
use crate::lab::yaml::{Fields, Mapping, Node, Problems};

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
    let port = port
        .and_then(|_| fields.integer("port", problems))
        .and_then(|port| u16::try_from(port).ok());
    let path = fields
        .string("path", problems)
        .unwrap_or_else(|| "/".to_owned());
    let login = fields.string("login", problems);
    fields.close(problems);
    Some(Web {
        title: title?,
        port: port?,
        path,
        login,
    })
}

impl Default for ServiceInterface {
    fn default() -> Self {
        Self {
            ready: Vec::new(),
            ready_within: DEFAULT_READY_WITHIN,
            url: None,
            shell: None,
            web: Vec::new(),
            presence: Presence::Required,
            image_size: None,
            warm_start: false,
        }
    }
}
