//! Where the services of a lab answer, and texts of the guide with these addresses in them.

use std::collections::BTreeSet;

use crate::app::{App, select_services};
use crate::engine::Engine;
use crate::lab::{
    Addresses, Instance, Lab, ServiceAddress, ServiceName, render, render_url, unresolved,
    with_instance,
};
use crate::localized;
use crate::plan::HostPorts;
use crate::runner::Failure;
use crate::text;

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
    /// Returns the services of a lab that have a web interface, or the named one. Fails if there is none.
    pub fn services_with_pages(
        &self,
        lab: &Lab,
        service: Option<&str>,
    ) -> Result<Vec<ServiceName>, Failure> {
        let names: Vec<String> = service.map(str::to_owned).into_iter().collect();
        let has_page = |name: &ServiceName| !lab.services[name].interface.web.is_empty();
        let mut selected = select_services(lab, &names)?;
        selected.retain(has_page);
        if !selected.is_empty() {
            return Ok(selected);
        }
        let known = lab.services.keys().filter(|name| has_page(name));
        let known: Vec<&str> = known.map(ServiceName::as_str).collect();
        Err(Failure::Usage(match (service, known.as_slice()) {
            (Some(service), [_, ..]) => text!(
                "service `{service}` has no web interface; these have one: {names}",
                service,
                names = known.join(", ")
            ),
            _ => text!(
                "lab `{lab}` has no web interface; `roadlab status {argument}` shows the addresses of its services",
                lab = lab.id,
                argument = self.lab_argument(&lab.id)
            ),
        }))
    }

    /// Returns the web interfaces of services that are running. Fails if none of them is.
    pub async fn web_pages(
        &self,
        engine: &impl Engine,
        lab: &Lab,
        services: &[ServiceName],
    ) -> Result<Vec<WebPage>, Failure> {
        let live = self.observe(engine, lab).await?.live;
        let mut pages = WebPage::list(lab, &live.addresses);
        pages.retain(|page| services.contains(&page.service) && live.runs(&page.service));
        if pages.is_empty() {
            let names: Vec<&str> = services.iter().map(ServiceName::as_str).collect();
            return Err(Failure::Environment(text!(
                "not running: {services}; start it with `roadlab up {lab}`",
                services = names.join(", "),
                lab = self.lab_argument(&lab.id)
            )));
        }
        Ok(pages)
    }

    /// Returns where the services of a lab answer; of a lab that is not running, where they will answer unless another program
    /// takes their ports first.
    pub async fn addresses(&self, lab: &Lab) -> Addresses {
        if let Ok((engine, _)) = self.setup().existing_engine().await
            && let Ok(running) = self.observe(&engine, lab).await
        {
            return running.live.addresses;
        }
        self.expected_addresses(lab)
    }

    /// Returns where the services of a lab that is not running will answer, unless another program takes their ports first.
    pub fn expected_addresses(&self, lab: &Lab) -> Addresses {
        expected_addresses(lab, &self.instance)
    }

    /// Returns a text of the guide with the addresses of the lab in it, running or not.
    pub async fn fill_in(&self, lab: &Lab, text: &str) -> String {
        self.fill_in_addresses(lab, text, &self.addresses(lab).await)
    }

    /// Returns a text of the guide with these addresses in it, and with the option for this instance in commands. It is as it is
    /// if it needs a name that is missing. A service without an address has a placeholder that is explained at the end.
    pub fn fill_in_addresses(&self, lab: &Lab, text: &str, addresses: &Addresses) -> String {
        let up = || format!("roadlab up {}", self.lab_argument(&lab.id));
        fill_in(text, lab, &self.instance, addresses, &up)
    }
}

fn expected_addresses(lab: &Lab, instance: &Instance) -> Addresses {
    let ports = HostPorts::choose(lab, instance, &BTreeSet::new());
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

/// `up` returns the command that starts the lab.
fn fill_in(
    text: &str,
    lab: &Lab,
    instance: &Instance,
    addresses: &Addresses,
    up: &dyn Fn() -> String,
) -> String {
    let text = render(text, lab, addresses).unwrap_or_else(|_| text.to_owned());
    let mut text = with_instance(&text, &lab.id, instance);
    for (service, names) in unresolved(&text, lab, addresses) {
        let names = names.join("`, `");
        let note = localized!(
            "`{names}`: the address of `{service}`, which is not running",
            names,
            service
        );
        text.push_str(&format!("\n\n{note}"));
    }
    let undrawn = lab.random.placeholders_in(&text);
    if !undrawn.is_empty() {
        let note = localized!(
            "`{names}`: differs by learner; `{up}` draws it",
            names = undrawn.join("`, `"),
            up = up()
        );
        text.push_str(&format!("\n\n{note}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::testing::{COMPOSE, lab};

    #[test]
    fn a_text_of_a_lab_that_is_not_running_has_addresses() {
        let lab = lab(COMPOSE);
        let main = Instance::main();
        let addresses = expected_addresses(&lab, &main);
        let text = fill_in(
            "{{ redis.host }}:{{ redis.port }}",
            &lab,
            &main,
            &addresses,
            &String::new,
        );
        assert!(text.starts_with("127.0.0.1:"), "{text}");
        assert!(!text.contains("{{"), "{text}");
    }

    #[test]
    fn a_service_without_an_address_has_a_placeholder_that_is_explained() {
        let lab = lab(COMPOSE);
        let instance = Instance::new("kim").unwrap();
        let text = "`curl {{ redis.url }}`, then `roadlab check {{ lab }}`.";
        assert_eq!(
            fill_in(text, &lab, &instance, &Addresses::new(), &String::new),
            format!(
                "`curl REDIS_URL`, then `roadlab check {} --instance kim`.\n\n`REDIS_URL`: the address of `redis`, which is not running",
                lab.id
            )
        );
    }
}
