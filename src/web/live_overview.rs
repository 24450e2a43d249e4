//! Keeps the pages of all labs up to date while they are open: the list of labs, and the map with its topics.

use std::cell::RefCell;
use std::convert::Infallible;
use std::time::{Duration, Instant, SystemTime};

use maud::html;
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::sleep;

use crate::app::{App, DrawOf};
use crate::engine::{ContainerEvent, Events, clock};
use crate::lab::LabId;
use crate::plan::Scope;
use crate::runner::Failure;
use crate::web::image_count::ImageCount;
use crate::web::labs_page;
use crate::web::live::Attention;
use crate::web::map_labs::{self, MapLab, map_labs};
use crate::web::map_page;
use crate::web::parts::id;
use crate::web::route::Overview;
use crate::web::site::Site;
use crate::web::update::{SentParts, Update};

/// How long labs are left alone to which nothing happens.
const INTERVAL: Duration = Duration::from_secs(15);

/// The pause after an event, within which more of them come.
const PAUSE: Duration = Duration::from_millis(300);

/// How long what is known about images is taken for true.
const IMAGES: Duration = Duration::from_secs(60);

/// A page of all labs while it is open in a browser.
pub(super) struct LiveOverview<'a> {
    pub(super) site: &'a Site,
    pub(super) app: &'a App,
    pub(super) overview: Overview,
    pub(super) updates: UnboundedSender<String>,
    pub(super) attention: &'a Attention,
    pub(super) sent: RefCell<SentParts>,
}

impl LiveOverview<'_> {
    /// Sends what changes, until the page is closed.
    pub(super) async fn follow(&self) -> Infallible {
        let mut changes = self.site.changes();
        let mut counted: Option<(Instant, usize)> = None;
        loop {
            changes.mark_unchanged();
            // What happens while the labs are read counts.
            let since = SystemTime::now();
            if self.attention.is_visible() {
                // What cannot be read now stays as it is.
                match self.overview {
                    Overview::Labs => {
                        if let Ok(cards) = labs_page::cards(self.app) {
                            self.send(&Update::default().part(id::LABS, cards));
                        }
                    }
                    Overview::Map => {
                        let labs = self.send_map().unwrap_or_default();
                        let jobs = self.site.job_count();
                        let known = counted
                            .is_some_and(|(at, before)| at.elapsed() < IMAGES && before <= jobs);
                        if !known {
                            self.count_images(&labs).await;
                            counted = Some((Instant::now(), jobs));
                        }
                        counted = counted.map(|(at, _)| (at, jobs));
                    }
                }
            }
            tokio::select! {
                () = self.next_event(since) => {}
                () = self.attention.shown.notified() => {}
                _ = changes.changed() => {}
            }
        }
    }

    /// Sends the rows of the labs, the topics and the counts, and returns the labs.
    fn send_map(&self) -> Result<Vec<MapLab>, Failure> {
        let report = self.app.roadmap()?;
        let labs = map_labs(&report, self.app.list_labs()?.entries);
        for lab in &labs {
            self.send_row(lab);
        }
        self.send(&map_page::topics_update(&report, &self.app.lang));
        Ok(labs)
    }

    fn send_row(&self, lab: &MapLab) {
        let row = map_labs::row(lab, self.site, &self.app.lang);
        let mut update = Update::default().part(id::map_lab(&lab.id), row);
        if self.site.job(&lab.id).is_none() {
            update = update.part(id::map_progress(&lab.id), html! {});
        }
        self.send(&update);
        // How far a job is comes by itself, and must be taken away when it has ended.
        if self.site.job(&lab.id).is_some() {
            self.sent
                .borrow_mut()
                .remove(id::map_progress(&lab.id).as_str());
        }
    }

    /// Sends an update without what the page shows already.
    fn send(&self, update: &Update) {
        if let Some(update) = update.without_sent(&mut self.sent.borrow_mut()) {
            // The page is being closed if nothing receives it.
            let _ = self.updates.send(update.to_json().to_string());
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

    /// Waits until something has happened to a container of this user since a moment, at most a while.
    async fn next_event(&self, since: SystemTime) {
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
                _ = engine.events(&scope, since, &on_event) => sleep(INTERVAL).await,
                () = event.notified() => sleep(PAUSE).await,
            }
        };
        let _ = clock::timeout(INTERVAL, happened).await;
    }
}
