//! Where the services of a lab answer, and texts of the guide with these addresses in them.

use std::collections::BTreeSet;

use crate::app::App;
use crate::lab::{Addresses, Lab, ServiceAddress, ServiceName, render, render_url};
use crate::localized;
use crate::plan::HostPorts;

/// A web interface of a running service.
#[derive(Debug, Clone)]
pub struct WebPage {
    pub service: ServiceName,
    pub title: String,
    pub url: String,
    /// The user and the password, if the interface needs one.
    pub login: Option<String>,
}

impl WebPage {
    /// Lists the web interfaces of a lab's services that have an address.
    pub fn list(lab: &Lab, addresses: &Addresses) -> Vec<Self> {
        let pages = addresses.iter().flat_map(|(name, address)| {
            let service = lab.services.get(name).into_iter();
            let web = service.flat_map(|service| &service.interface.web);
            web.filter_map(|web| {
                let port = address.port(Some(web.port))?;
                Some(Self {
                    service: name.clone(),
                    title: web.title.clone(),
                    url: format!("http://127.0.0.1:{port}{}", web.path),
                    login: web.login.clone(),
                })
            })
        });
        pages.collect()
    }
}

impl App {
    /// Returns where the services of a lab answer; of a lab that is not running, where they will answer unless another program
    /// takes their ports first.
    pub async fn addresses(&self, lab: &Lab) -> Addresses {
        if let Ok((engine, _)) = self.setup().existing_engine().await
            && let Ok(running) = self.observe(&engine, lab).await
        {
            return running.live.addresses;
        }
        let ports = HostPorts::choose(lab, &self.instance, &BTreeSet::new());
        let services = lab.services.values().map(|service| {
            let mut address = ServiceAddress {
                host: "127.0.0.1".to_owned(),
                ports: ports.by_container_port(service),
                first: service.ports.first().map(|port| port.container),
                url: None,
                container: localized!("<container of {service}>", service = service.name),
            };
            let url = service.interface.url.as_deref();
            address.url = url.and_then(|url| render_url(url, &lab.vars, &address).ok());
            (service.name.clone(), address)
        });
        services.collect()
    }
}

/// Returns a text with the addresses in it, or as it is if it needs one that is missing.
pub(super) fn fill_in(text: &str, lab: &Lab, addresses: &Addresses) -> String {
    render(text, lab, addresses).unwrap_or_else(|_| text.to_owned())
}
