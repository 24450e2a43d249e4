//! The page of all labs.

use hyper::StatusCode;
use maud::{Markup, html};

use crate::app::LabEntry;
use crate::lab::{Lang, Level, Summary};
use crate::localized;
use crate::report::{memory, sanitize};
use crate::web::layout::{self, Content};
use crate::web::map_page;
use crate::web::reply::{self, Reply};
use crate::web::site::Site;

/// Returns the page of all labs.
pub(super) fn labs_page(site: &Site, lang: &Lang) -> Reply {
    let app = site.quiet_app(lang);
    let title = localized!("Labs");
    let list = match app.list_labs() {
        Ok(list) => list,
        Err(failure) => {
            let sentences = [sanitize(&failure.to_string())];
            let text = layout::message(&title, lang, "/", &sentences);
            return reply::page(StatusCode::INTERNAL_SERVER_ERROR, text);
        }
    };
    let body = html! {
        main #content .labs {
            h1 { (title) }
            form.search role="search" data-filter="labs" {
                label {
                    (localized!("Search")) " "
                    input type="search" name="q" autocomplete="off";
                }
            }
            ul #labs .cards {
                @for entry in &list.entries { (card(entry, lang)) }
            }
        }
    };
    let text = layout::page(&Content {
        title: &title,
        lang,
        path: "/",
        bar: html! { a href=(map_page::PATH) { (localized!("Map")) } },
        socket: None,
        body,
    });
    reply::page(StatusCode::OK, text)
}

fn card(entry: &LabEntry, lang: &Lang) -> Markup {
    html! {
        li.card {
            @match &entry.summary {
                Ok(summary) => (readable(entry, summary, lang)),
                Err(_) => {
                    h2 { (sanitize(&entry.name)) }
                    p.bad { (localized!("has problems: `roadlab validate {folder}`", folder = sanitize(&entry.folder.display().to_string()))) }
                }
            }
        }
    }
}

fn readable(entry: &LabEntry, summary: &Summary, lang: &Lang) -> Markup {
    let text = summary.text(lang);
    let (done, all) = (
        entry.done.as_ref().copied().unwrap_or(0),
        summary.exercises.len(),
    );
    html! {
        h2 { a href={ "/labs/" (entry.name) } { (sanitize(&text.title)) } }
        p.about {
            (level(summary.level)) " · "
            (localized!("{minutes} min", minutes = summary.minutes)) " · "
            (memory(summary.memory.unsigned_abs()))
            @if !entry.running.is_empty() { " · " span.good { (localized!("running")) } }
            @if !entry.paused.is_empty() { " · " (localized!("paused")) }
        }
        p { (sanitize(&text.summary)) }
        p.score {
            progress value=(done) max=(all) aria-hidden="true" {}
            " " (localized!("solved {done} of {all}", done, all))
        }
        @if let Err(problem) = &entry.done { p.bad { (sanitize(&problem.to_string())) } }
    }
}

fn level(level: Level) -> String {
    match level {
        Level::Beginner => localized!("beginner"),
        Level::Intermediate => localized!("intermediate"),
        Level::Advanced => localized!("advanced"),
    }
}
