//! `roadlab open`: the web interfaces of a lab, in the browser where there is one, and as addresses anyway.

use std::collections::BTreeSet;

use serde_json::json;

use crate::commands::Context;
use crate::commands::restart::select_services;
use crate::exit::Exit;
use crate::lab::{Addresses, Lab, ServiceName};
use crate::report::{self, error, output, sanitize, t, table};
use crate::runner::Failure;

/// A web interface and where it answers.
#[derive(Debug, Clone)]
pub(crate) struct WebPage {
    pub(crate) service: ServiceName,
    pub(crate) title: String,
    pub(crate) url: String,
    /// User and password in words, if one is asked for.
    pub(crate) login: Option<String>,
}

/// What became of opening a page.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Opened {
    Browser,
    /// There is no screen that a browser could be shown on.
    NoScreen,
    Failed(String),
}

pub(crate) async fn open(
    context: &Context,
    name: &str,
    service: Option<&str>,
) -> Result<Exit, Failure> {
    let lab = context.lab(name)?;
    let asked: Vec<String> = service.map(str::to_owned).into_iter().collect();
    let wanted = select_services(&lab, &asked)?;
    let with_web = |name: &&ServiceName| !lab.services[*name].interface.web.is_empty();
    let known: Vec<&str> = lab
        .services
        .keys()
        .filter(with_web)
        .map(ServiceName::as_str)
        .collect();
    let wanted: Vec<&ServiceName> = wanted.iter().filter(with_web).collect();
    if wanted.is_empty() {
        let what = match (service, known.as_slice()) {
            (Some(service), [_, ..]) => {
                t!("open.not_this", service = service, names = known.join(", "))
            }
            _ => t!("open.none", lab = lab.id.as_str()),
        };
        return Err(Failure::Usage(crate::text::Text::verbatim(
            what.into_owned(),
        )));
    }
    let engine = context.engine().await?;
    let emit = |event| context.emit(event);
    let live = context.runner(&engine, &lab, &emit).live(None).await?;
    context.reporter.finish();
    let mut web_pages = web_pages(&lab, &live.addresses);
    web_pages.retain(|page| wanted.contains(&&page.service) && live.runs(&page.service));
    if web_pages.is_empty() {
        let names: Vec<&str> = wanted.iter().map(|name| name.as_str()).collect();
        let up = format!("{}{}", lab.id, context.instance_option());
        let what = t!("open.not_running", services = names.join(", "), lab = up);
        return Err(Failure::Environment(crate::text::Text::verbatim(
            what.into_owned(),
        )));
    }
    let services: BTreeSet<&ServiceName> = web_pages.iter().map(|page| &page.service).collect();
    let opened = (services.len() == 1).then(|| open_in_browser(&web_pages[0].url));
    if context.global.json {
        let documents = web_pages.iter().enumerate().map(|(at, page)| {
            json!({ "service": page.service.as_str(), "title": page.title, "url": page.url, "login": page.login,
                "opened": at == 0 && opened == Some(Opened::Browser) })
        });
        report::document(&documents.collect::<Vec<_>>());
        return Ok(Exit::Success);
    }
    for line in table(
        &web_pages
            .iter()
            .map(|page| row(context, page))
            .collect::<Vec<_>>(),
    ) {
        output(&line);
    }
    match opened {
        Some(Opened::Browser) => {}
        Some(Opened::NoScreen) => error(&t!("open.no_screen")),
        Some(Opened::Failed(why)) => error(&t!("open.failed", why = sanitize(&why))),
        None => {
            let names: Vec<&str> = services.iter().map(|name| name.as_str()).collect();
            let lab = format!("{}{}", lab.id, context.instance_option());
            error(&t!("open.which", lab = lab, names = names.join(", ")));
        }
    }
    Ok(Exit::Success)
}

fn row(context: &Context, page: &WebPage) -> Vec<String> {
    let login = page.login.as_deref().map(sanitize);
    let login = login.map(|login| t!("open.login", login = login));
    vec![
        page.service.to_string(),
        sanitize(&page.title),
        context.paint.link(&sanitize(&page.url)),
        login.unwrap_or_default().into_owned(),
    ]
}

/// The web interfaces of a lab that runs.
pub(crate) fn web_pages(lab: &Lab, addresses: &Addresses) -> Vec<WebPage> {
    let of_service = addresses.iter().flat_map(|(name, address)| {
        let service = lab.services.get(name).into_iter();
        service
            .flat_map(|service| &service.interface.web)
            .filter_map(|web| {
                let port = address.port(Some(web.port))?;
                Some(WebPage {
                    service: name.clone(),
                    title: web.title.clone(),
                    url: format!("http://127.0.0.1:{port}{}", web.path),
                    login: web.login.clone(),
                })
            })
    });
    of_service.collect()
}

/// Opens a page; its address and what was done, in words.
pub(crate) fn open_page(page: &WebPage) -> String {
    let url = sanitize(&page.url);
    let login = page.login.as_deref().map(sanitize);
    let login = login.map(|login| format!("  {}", t!("open.login", login = login)));
    let said = match open_in_browser(&page.url) {
        Opened::Browser => t!("open.opened").into_owned(),
        Opened::NoScreen => t!("open.no_screen").into_owned(),
        Opened::Failed(why) => t!("open.failed", why = sanitize(&why)).into_owned(),
    };
    format!("{url}{}  {said}", login.unwrap_or_default())
}

fn open_in_browser(url: &str) -> Opened {
    if !has_display(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty())) {
        return Opened::NoScreen;
    }
    match open::that_detached(url) {
        Ok(()) => Opened::Browser,
        Err(error) => Opened::Failed(error.to_string()),
    }
}

/// Whether a browser can show itself. Without a screen, `xdg-open` would start one that takes the terminal.
fn has_display(is_set: impl Fn(&str) -> bool) -> bool {
    let names = ["DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME", "BROWSER"];
    cfg!(target_os = "macos") || names.into_iter().any(is_set)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_needs_a_screen_or_somebody_who_names_one() {
        assert!(!has_display(|name| ["TERM", "HOME"].contains(&name)));
        assert!(has_display(|name| name == "WAYLAND_DISPLAY"));
        assert!(has_display(|name| name == "BROWSER"));
    }
}
