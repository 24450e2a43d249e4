//! How roadlab talks to a service: reads the catalogue's `x-roadlab`.

use crate::lab::ServiceName;
use crate::lab::compose_values::words;
use crate::lab::fields::{Fields, Problems, text};
use crate::lab::read_step::steps;
use crate::lab::service::{Presence, READY_WITHIN, ServiceInterface, Web};
use crate::lab::yaml::Node;

/// Reads the catalogue's `x-roadlab`.
pub(crate) fn talk_of(
    node: &Node,
    name: &ServiceName,
    problems: &mut Problems,
) -> Option<ServiceInterface> {
    let mut fields = Fields::open(node, "x-roadlab", problems)?;
    let ready = steps(&fields.one_or_many("ready"), Some(name), problems);
    let ready_within = fields
        .duration("ready_within", problems)
        .unwrap_or(READY_WITHIN);
    let url = fields.text("url", problems);
    let shell = words(&mut fields, "shell", problems);
    let web = fields
        .one_or_many("web")
        .into_iter()
        .filter_map(|web| web_of(web, problems))
        .collect();
    let presence = match fields.bool("optional", problems) {
        Some(true) => Presence::Optional,
        Some(false) | None => Presence::Required,
    };
    fields.close(problems);
    Some(ServiceInterface {
        ready,
        ready_within,
        url,
        shell,
        web,
        presence,
    })
}

fn web_of(node: &Node, problems: &mut Problems) -> Option<Web> {
    let mut fields = Fields::open(node, "web interface", problems)?;
    let title = fields
        .required("title", node, problems)
        .and_then(|title| text(title, "title", problems));
    let port = fields.required("port", node, problems);
    let port = port
        .and_then(|_| fields.integer("port", problems))
        .and_then(|port| u16::try_from(port).ok());
    let path = fields
        .text("path", problems)
        .unwrap_or_else(|| "/".to_owned());
    let login = fields.text("login", problems);
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
            ready_within: READY_WITHIN,
            url: None,
            shell: None,
            web: Vec::new(),
            presence: Presence::Required,
        }
    }
}
