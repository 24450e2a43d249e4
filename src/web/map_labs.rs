//! The labs on the map, each with its progress, its memory, whether its images are here, and the button that starts it. While
//! the map is open it follows what happens to them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::{Duration, Instant, SystemTime};

use maud::{Markup, html};
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::sleep;

use crate::app::{App, DrawOf, LabEntry, PathLab, RoadmapReport};
use crate::engine::{ContainerEvent, Events, clock};
use crate::lab::{LabId, Lang, Roadmap, Summary};
use crate::localized;
use crate::plan::Scope;
use crate::report::{memory, sanitize};
use crate::runner::Failure;
use crate::web::image_count::ImageCount;
use crate::web::labs_page::level;
use crate::web::live::Attention;
use crate::web::parts::id;
use crate::web::site::Site;
use crate::web::update::{SentParts, Update};

/// How long labs are left alone to which nothing happens.
const INTERVAL: Duration = Duration::from_secs(15);

/// The pause after an event, within which more of them come.
const PAUSE: Duration = Duration::from_millis(300);

/// How long what is known about images is taken for true.
const IMAGES: Duration = Duration::from_secs(60);

/// A lab on the map.
pub(super) struct MapLab {
    pub(super) id: LabId,
    /// How many labs it stands below.
    depth: usize,
    done: usize,
    summary: Summary,
    running: bool,
    paused: bool,
}

/// Returns the labs in the order of the way through them. The ways begin in the order of the roadmap.
pub(super) fn map_labs(report: &RoadmapReport, entries: Vec<LabEntry>) -> Vec<MapLab> {
    let mut ways: Vec<(usize, Vec<&PathLab>)> = Vec::new();
    for place in &report.path {
        match ways.last_mut().filter(|_| place.depth > 0) {
            Some((_, way)) => way.push(place),
            None => ways.push((usize::MAX, vec![place])),
        }
    }
    let mut entries: BTreeMap<String, LabEntry> = entries
        .into_iter()
        .map(|entry| (entry.name.clone(), entry))
        .collect();
    let topics: Vec<_> = Roadmap::get().coverable().map(|topic| &topic.id).collect();
    for (first, way) in &mut ways {
        let summary = way.first().and_then(|place| entries.get(&place.lab.lab));
        let covered = summary.and_then(|entry| entry.summary.as_ref().ok());
        let covered = covered.map_or(&[][..], |summary| summary.roadmap.as_slice());
        let at = topics.iter().position(|topic| covered.contains(topic));
        *first = at.unwrap_or(usize::MAX);
    }
    ways.sort_by_key(|(first, _)| *first);
    let places = ways.into_iter().flat_map(|(_, way)| way);
    let labs = places.filter_map(|place| {
        let entry = entries.remove(&place.lab.lab)?;
        Some(MapLab {
            id: LabId::new(&entry.name).ok()?,
            depth: place.depth,
            done: place.lab.done,
            summary: entry.summary.ok()?,
            running: !entry.running.is_empty(),
            paused: !entry.paused.is_empty(),
        })
    });
    labs.collect()
}

/// Returns the labs as a list, which the script of the page keeps up to date.
pub(super) fn list(labs: &[MapLab], site: &Site, lang: &Lang) -> Markup {
    html! {
        ul #way .way {
            @for lab in labs {
                li.{ "depth-" (lab.depth.min(4)) } {
                    div id=(id::map_lab(&lab.id)) { (row(lab, site, lang)) }
                    div id=(id::map_progress(&lab.id)) {
                        @if let Some(progress) = site.job_progress(&lab.id) { (progress.markup()) }
                    }
                }
            }
        }
    }
}

/// Returns what the map shows of a lab.
fn row(lab: &MapLab, site: &Site, lang: &Lang) -> Markup {
    let (summary, id) = (&lab.summary, &lab.id);
    let all = summary.exercises.len();
    let job = site.job(id);
    let images = site.images.borrow().get(id).copied();
    let title = sanitize(&summary.text(lang).title);
    html! {
        div.way-lab {
            a href={ "/labs/" (id) } { (title) }
            span.about {
                (level(summary.level)) " · " (localized!("{minutes} min", minutes = summary.minutes)) " · "
                (memory(summary.memory.unsigned_abs()))
                @if let Some(images) = images { " · " (images.words()) }
            }
            span.about { (localized!("solved {done} of {all}", done = lab.done, all)) }
            @match (&job, lab.running) {
                (Some(what), _) => span.state { span.dot.busy aria-hidden="true" {} (sanitize(what)) },
                (None, true) => {
                    span.state { span.dot.good aria-hidden="true" {} (localized!("running")) }
                    form method="post" action={ "/labs/" (id) "/down" } data-confirm=(localized!("Stop the lab and remove its services with their data? Your progress and files stay.")) {
                        button type="submit" aria-label=(localized!("Stop {lab}", lab = title)) { (localized!("Stop")) }
                    }
                }
                (None, false) => {
                    @if lab.paused { span.state { (localized!("paused")) } }
                    form method="post" action={ "/labs/" (id) "/up" } {
                        button type="submit" aria-label=(localized!("Start {lab}", lab = title)) { (localized!("Start")) }
                    }
                }
            }
        }
    }
}

/// The map while it is open in a browser.
pub(super) struct LiveMap<'a> {
    pub(super) site: &'a Site,
    pub(super) app: &'a App,
    pub(super) updates: UnboundedSender<String>,
    pub(super) attention: &'a Attention,
    pub(super) sent: RefCell<SentParts>,
}

impl LiveMap<'_> {
    /// Sends what changes, until the page is closed.
    pub(super) async fn follow(&self) -> Infallible {
        let mut changes = self.site.changes();
        let mut counted: Option<(Instant, usize)> = None;
        loop {
            changes.mark_unchanged();
            if self.attention.is_visible() {
                let labs = self.send_rows();
                let jobs = self.site.job_count();
                let known =
                    counted.is_some_and(|(at, before)| at.elapsed() < IMAGES && before <= jobs);
                if !known {
                    self.count_images(&labs).await;
                    counted = Some((Instant::now(), jobs));
                }
                counted = counted.map(|(at, _)| (at, jobs));
            }
            tokio::select! {
                () = self.next_event() => {}
                _ = changes.changed() => {}
            }
        }
    }

    /// Sends the rows that changed, and returns the labs.
    fn send_rows(&self) -> Vec<MapLab> {
        let read = self.app.roadmap().and_then(|report| {
            let list = self.app.list_labs()?;
            Ok(map_labs(&report, list.entries))
        });
        // What cannot be read now stays as it is.
        let labs = read.unwrap_or_default();
        for lab in &labs {
            self.send_row(lab);
        }
        labs
    }

    fn send_row(&self, lab: &MapLab) {
        let row = row(lab, self.site, &self.app.lang);
        let mut update = Update::default().part(id::map_lab(&lab.id), row);
        if self.site.job(&lab.id).is_none() {
            update = update.part(id::map_progress(&lab.id), html! {});
        }
        if let Some(update) = update.without_sent(&mut self.sent.borrow_mut()) {
            // The page is being closed if nothing receives it.
            let _ = self.updates.send(update.to_json().to_string());
        }
        // How far a job is comes by itself, and must be taken away when it has ended.
        if self.site.job(&lab.id).is_some() {
            self.sent
                .borrow_mut()
                .remove(id::map_progress(&lab.id).as_str());
        }
    }

    /// Counts the images of each lab that are on this machine, and sends each row as soon as it is known.
    async fn count_images(&self, labs: &[MapLab]) {
        for lab in labs {
            let Ok(count) = self.count(&lab.id).await else {
                continue;
            };
            self.site.images.borrow_mut().insert(lab.id.clone(), count);
            self.send_row(lab);
        }
    }

    async fn count(&self, lab: &LabId) -> Result<ImageCount, Failure> {
        let lab = self.site.lab(self.app, lab, &DrawOf::Run)?;
        let engine = self.app.existing_engine().await?;
        ImageCount::of(self.app, &engine, &lab).await
    }

    /// Waits until something happens to a container of this user, at most a while.
    async fn next_event(&self) {
        let happened = async {
            let Ok(engine) = self.app.existing_engine().await else {
                return std::future::pending().await;
            };
            let scope = Scope {
                owner: Some(self.app.owner.clone()),
                ..Scope::default()
            };
            let event = Notify::new();
            let on_event = |happened: ContainerEvent| {
                // The checks run programs in containers all the time.
                if !happened.action.starts_with("exec_") {
                    event.notify_one();
                }
            };
            tokio::select! {
                _ = engine.events(&scope, SystemTime::now(), &on_event) => sleep(INTERVAL).await,
                () = event.notified() => sleep(PAUSE).await,
            }
        };
        let _ = clock::timeout(INTERVAL, happened).await;
    }
}
