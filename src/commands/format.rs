//! Lines and words that several commands show alike.

use crate::app::{App, WebPage};
use crate::lab::{Lab, Level};
use crate::localized;
use crate::report::{Paint, duration, sanitize, table};
use crate::runner::Live;
use crate::store::now;

/// Returns the name of a level.
pub(super) fn level(level: Level) -> String {
    match level {
        Level::Beginner => localized!("beginner"),
        Level::Intermediate => localized!("intermediate"),
        Level::Advanced => localized!("advanced"),
    }
}

/// Returns when a run expires; `until` is in seconds since 1970.
pub(super) fn expiry(until: u64) -> String {
    match until.checked_sub(now()).filter(|left| *left > 0) {
        Some(left) => localized!("expires in {time}", time = duration(left * 1000)),
        None => localized!("expired; it is being removed"),
    }
}

/// Returns the name of a lab with the option for its instance, as it is typed after a command.
pub(super) fn lab_argument(app: &App, lab: &Lab) -> String {
    format!("{}{}", lab.id, app.instance_option())
}

/// Returns a line for each address of a running lab, and one for the learner's folder.
pub(super) fn address_lines(paint: Paint, lab: &Lab, live: &Live) -> Vec<String> {
    let mut rows = Vec::new();
    let pages = WebPage::list(lab, &live.addresses);
    for (name, address) in &live.addresses {
        if let Some(url) = &address.url {
            rows.push(vec![format!("  {name}"), paint.link(&sanitize(url))]);
        }
        for page in pages.iter().filter(|page| page.service == *name) {
            let login = page.login.as_ref();
            let login = login.map(|login| format!("  ({})", sanitize(login)));
            rows.push(vec![
                format!("  {name}: {}", sanitize(&page.title)),
                format!(
                    "{}{}",
                    paint.link(&sanitize(&page.url)),
                    login.unwrap_or_default()
                ),
            ]);
        }
    }
    if let Some(workspace) = &live.workspace {
        rows.push(vec![
            format!("  {}", localized!("your files")),
            paint.link(&sanitize(&workspace.display().to_string())),
        ]);
    }
    table(&rows)
}
