//! What every page has: its head, the bar at the top, and the way to its content.

use maud::{DOCTYPE, Markup, html};

use crate::lab::Lang;
use crate::localized;
use crate::text::Language;
use crate::web::assets;
use crate::web::route::MAP;
use crate::web::site;

/// A page without its frame.
pub(super) struct Content<'a> {
    pub(super) title: &'a str,
    pub(super) lang: &'a Lang,
    /// The path of the page.
    pub(super) path: &'a str,
    /// What stands beside the name of the program in the bar.
    pub(super) bar: Markup,
    /// The path of the page's WebSocket.
    pub(super) socket: Option<&'a str>,
    /// The scripts beside that of every page.
    pub(super) scripts: &'a [&'a str],
    pub(super) body: Markup,
}

/// Returns a whole page.
pub(super) fn page(content: &Content<'_>) -> String {
    let language = site::language(content.lang);
    let page = html! {
        (DOCTYPE)
        html lang=(language.code()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (content.title) " · roadlab" }
                link rel="icon" href=(assets::path("icon.svg")) type="image/svg+xml";
                link rel="stylesheet" href=(assets::path("page.css"));
                script type="module" src=(assets::path("page.js")) {}
                @for name in content.scripts { script type="module" src=(assets::path(name)) {} }
            }
            body data-socket=[content.socket] data-lost=(localized!("the connection to roadlab is lost and is tried again; if roadlab has ended, start it again with `roadlab web`")) data-back=(localized!("connected again")) data-copy=(localized!("Copy")) data-copied=(localized!("copied")) data-run=(localized!("Run in the terminal")) data-cancel=(localized!("Cancel")) data-failed=(localized!("roadlab does not answer; start it again with `roadlab web`")) {
                a.skip href="#content" { (localized!("Skip to the content")) }
                header.bar {
                    a.brand href="/" { "roadlab" }
                    nav.bar-pages aria-label=(localized!("Pages")) {
                        @for (path, name) in [("/", localized!("All labs")), (MAP, localized!("Map"))] {
                            a href=(path) aria-current=[(content.path == path).then_some("page")] { (name) }
                        }
                    }
                    div.bar-content { (content.bar) }
                    form.language method="post" action="/language" data-plain {
                        input type="hidden" name="path" value=(content.path);
                        @for other in Language::ALL {
                            button type="submit" name="lang" value=(other.code()) lang=(other.code()) aria-pressed=(if other == language { "true" } else { "false" }) { (name(other)) }
                        }
                    }
                }
                p #announcement .visually-hidden role="status" aria-live="polite" {}
                div #note hidden {
                    p #note-text role="alert" {}
                    button #note-close type="button" aria-label=(localized!("Close")) { "×" }
                }
                (content.body)
            }
        }
    };
    page.into_string()
}

/// Returns a page that only has a message.
pub(super) fn message(title: &str, lang: &Lang, path: &str, sentences: &[String]) -> String {
    page(&Content {
        title,
        lang,
        path,
        bar: html! {},
        socket: None,
        scripts: &[],
        body: html! {
            main #content .message {
                h1 { (title) }
                @for sentence in sentences { p { (sentence) } }
                p { a href="/" { (localized!("All labs")) } }
            }
        },
    })
}

/// Returns the name of a language in itself.
fn name(language: Language) -> &'static str {
    match language {
        Language::English => "English",
        Language::Korean => "한국어",
    }
}
