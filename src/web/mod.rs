//! The labs in a browser: a face of the application layer beside the commands and the session in the terminal.
//!
//! A server on this machine answers one person; `access` decides who that is. `route` says what a path means, `lab_page` and
//! `labs_page` write the pages, `parts` what changes in them. A page has one WebSocket, in `live` or `live_overview`:
//! the server sends what changed as soon as the checks see it, and the browser polls nothing. `actions` are what the buttons do.
//!
//! No decision about labs is made here, and nothing is printed. What a lab or a service wrote is escaped by the type of a page
//! ([`maud::Markup`]); `markdown` is the one place that makes HTML of another text.

mod access;
mod actions;
mod assets;
mod by_language;
mod client_language;
mod colors;
mod failures;
mod files;
mod image_count;
mod job_progress;
mod keys;
mod lab_page;
mod labs_page;
mod layout;
mod leave;
mod live;
mod live_overview;
mod logs;
mod map_labs;
mod map_page;
mod markdown;
mod messages;
mod observation;
mod parts;
mod picture;
mod place;
mod reply;
mod route;
mod screen;
mod server;
mod services;
mod site;
mod socket;
mod terminals;
mod update;

pub(crate) use access::Secret;
pub(crate) use place::{NetworkOptions, Place};
pub(crate) use server::Server;
pub(crate) use site::{BrowserLanguage, Settings};
