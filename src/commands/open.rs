//! `roadlab open`: opens the web interfaces of a lab in the browser, and prints their addresses.

use std::collections::BTreeSet;

use serde_json::json;

use crate::app::WebPage;
use crate::commands::Context;
use crate::commands::browser::{BrowserResult, open_in_browser};
use crate::exit::Exit;
use crate::lab::ServiceName;
use crate::localized;
use crate::report::{self, Paint, error, output, sanitize, table};
use crate::runner::Failure;

pub(crate) async fn open(
    context: &Context,
    name: &str,
    service: Option<&str>,
) -> Result<Exit, Failure> {
    let lab = context.lab(name)?;
    let services = context.app.services_with_pages(&lab, service)?;
    let engine = context.app.existing_engine().await?;
    let pages = context.app.web_pages(&engine, &lab, &services).await?;
    context.reporter.finish();
    let lab_argument = context.app.lab_argument(&lab.id);
    let services: BTreeSet<&ServiceName> = pages.iter().map(|page| &page.service).collect();
    let opened = match pages.first() {
        Some(first) if services.len() == 1 => Some(open_in_browser(&first.url)),
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
