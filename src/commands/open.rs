//! `roadlab open`: opens the web interfaces of a lab in the browser, and prints their addresses.

use std::collections::BTreeSet;

use serde_json::json;

use crate::app::{WebPage, select_services};
use crate::commands::browser::{BrowserResult, open_in_browser};
use crate::commands::{Context, format};
use crate::exit::Exit;
use crate::lab::ServiceName;
use crate::localized;
use crate::report::{self, Paint, error, output, sanitize, table};
use crate::runner::Failure;
use crate::text;

pub(crate) async fn open(
    context: &Context,
    name: &str,
    service: Option<&str>,
) -> Result<Exit, Failure> {
    let lab = context.lab(name)?;
    let names: Vec<String> = service.map(str::to_owned).into_iter().collect();
    let selected = select_services(&lab, &names)?;
    let with_web = |name: &&ServiceName| !lab.services[*name].interface.web.is_empty();
    let wanted: Vec<&ServiceName> = selected.iter().filter(with_web).collect();
    if wanted.is_empty() {
        let known = lab
            .services
            .keys()
            .filter(with_web)
            .map(ServiceName::as_str);
        let known: Vec<&str> = known.collect();
        return Err(Failure::Usage(match (service, known.as_slice()) {
            (Some(service), [_, ..]) => text!(
                "service `{service}` has no web interface; these have one: {names}",
                service,
                names = known.join(", ")
            ),
            _ => text!(
                "lab `{lab}` has no web interface; `roadlab status {argument}` shows the addresses of its services",
                lab = lab.id,
                argument = format::lab_argument(&context.app, &lab)
            ),
        }));
    }
    let engine = context.app.existing_engine().await?;
    let running = context.app.observe(&engine, &lab).await?;
    context.reporter.finish();
    let mut pages = WebPage::list(&lab, &running.live.addresses);
    pages.retain(|page| wanted.contains(&&page.service) && running.live.runs(&page.service));
    let lab_argument = format::lab_argument(&context.app, &lab);
    if pages.is_empty() {
        let names: Vec<&str> = wanted.iter().map(|name| name.as_str()).collect();
        return Err(Failure::Environment(text!(
            "not running: {services}; start it with `roadlab up {lab}`",
            services = names.join(", "),
            lab = lab_argument
        )));
    }
    let services: BTreeSet<&ServiceName> = pages.iter().map(|page| &page.service).collect();
    let opened = match pages.first() {
        Some(first) if services.len() == 1 => Some(open_in_browser(first)),
        _ => None,
    };
    if context.global.json {
        let documents = pages.iter().enumerate().map(|(at, page)| {
            json!({
                "service": page.service.as_str(),
                "title": page.title,
                "url": page.url,
                "login": page.login,
                "opened": at == 0 && opened == Some(BrowserResult::InBrowser),
            })
        });
        report::document(&documents.collect::<Vec<_>>());
        return Ok(Exit::Success);
    }
    let rows = pages.iter().map(|page| row(page, context.paint));
    for line in table(&rows.collect::<Vec<_>>()) {
        output(&line);
    }
    match opened {
        Some(BrowserResult::InBrowser) => {}
        Some(not_opened) => error(&not_opened.describe()),
        None => {
            let names: Vec<&str> = services.iter().map(|name| name.as_str()).collect();
            error(&localized!(
                "specify a service: `roadlab open {lab} SERVICE`, one of: {names}",
                lab = lab_argument,
                names = names.join(", ")
            ));
        }
    }
    Ok(Exit::Success)
}

fn row(page: &WebPage, paint: Paint) -> Vec<String> {
    let login = page.login.as_deref().map(sanitize);
    let login = login.map(|login| localized!("login: {login}", login));
    vec![
        page.service.to_string(),
        sanitize(&page.title),
        paint.link(&sanitize(&page.url)),
        login.unwrap_or_default(),
    ]
}
