//! The page of all labs.

use hyper::StatusCode;
use maud::{Markup, html};

use crate::app::{App, LabEntry};
use crate::lab::{Lang, Level, Summary};
use crate::localized;
use crate::report::{memory, sanitize};
use crate::runner::Failure;
use crate::web::layout::{self, Content};
use crate::web::parts::id;
use crate::web::reply::{self, Reply};
use crate::web::site::Site;

/// The path of its WebSocket.
const SOCKET: &str = "/socket";

/// Returns the page of all labs.
pub(super) fn labs_page(site: &Site, lang: &Lang) -> Reply {
    let app = site.quiet_app(lang);
    let title = localized!("Labs");
    let cards = match cards(&app) {
        Ok(cards) => cards,
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
            ul #(id::LABS) .cards { (cards) }
        }
    };
    let text = layout::page(&Content {
        title: &title,
        lang,
        path: "/",
        bar: html! {},
        socket: Some(SOCKET),
        scripts: &[],
        body,
    });
    reply::page(StatusCode::OK, text)
}

/// Returns the cards of all labs: those that are not finished first, what fits best before the others.
pub(super) fn cards(app: &App) -> Result<Markup, Failure> {
    let next = app.next_labs().map(|next| {
        let labs = next.labs.into_iter();
        labs.map(|one| one.lab).collect::<Vec<_>>()
    });
    let next = next.unwrap_or_default();
    let mut list = app.list_labs()?;
    let place = |entry: &LabEntry| next.iter().position(|name| *name == entry.name);
    list.entries
        .sort_by_key(|entry| place(entry).unwrap_or(next.len()));
    Ok(html! {
        @for entry in &list.entries { (card(entry, next.first(), &app.lang)) }
    })
}

/// Returns the card of a lab; `first` is the one that fits best now.
fn card(entry: &LabEntry, first: Option<&String>, lang: &Lang) -> Markup {
    html! {
        li.card {
            @if first == Some(&entry.name) { p.next-lab { (localized!("suggested next")) } }
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
    let done = entry.score.as_ref().map_or(0, |score| score.solved);
    let all = summary.exercises.len();
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
        @if let Err(problem) = &entry.score { p.bad { (sanitize(&problem.to_string())) } }
    }
}

pub(super) fn level(level: Level) -> String {
    match level {
        Level::Beginner => localized!("beginner"),
        Level::Intermediate => localized!("intermediate"),
        Level::Advanced => localized!("advanced"),
    }
}
