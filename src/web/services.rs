//! The services of a lab on its page: state, health, memory and addresses, as they are from moment to moment.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::time::{Duration, SystemTime};

use maud::{Markup, html};
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::sleep;

use crate::app::{App, DrawOf, Row, RunningLab, ServiceFault, StatusCollector, Stopped, WebPage};
use crate::engine::docker::Docker;
use crate::engine::{ContainerEvent, Events, clock};
use crate::lab::{LabId, ServiceName};
use crate::localized;
use crate::plan::{Running, Scope, completes};
use crate::report::{age, memory, sanitize};
use crate::runner::{Failure, ServiceHealth};
use crate::web::leave;
use crate::web::live::Attention;
use crate::web::parts::id;
use crate::web::picture::picture;
use crate::web::place::Scheme;
use crate::web::site::Site;
use crate::web::update::Update;

/// How long services are left alone to which nothing happens. What looks at their health may run programs in containers, which
/// the checks take for something that the learner did.
const INTERVAL: Duration = Duration::from_secs(15);

/// The pause after an event, within which more of them come.
const PAUSE: Duration = Duration::from_millis(300);

/// The number of measurements that a curve shows.
const SAMPLES: usize = 40;

/// The size of a curve.
const CURVE: (usize, usize) = (80, 18);

/// The services of the lab of an open page.
pub(super) struct LiveServices<'a> {
    pub(super) site: &'a Site,
    pub(super) app: &'a App,
    pub(super) lab: &'a LabId,
    pub(super) updates: UnboundedSender<String>,
    pub(super) attention: &'a Attention,
}

/// The memory of each service at the last moments, in bytes.
type Samples = BTreeMap<String, VecDeque<u64>>;

impl LiveServices<'_> {
    /// Sends the state of the services whenever it changes.
    pub(super) async fn follow(&self) -> Infallible {
        let mut samples = Samples::new();
        let mut sent = String::new();
        loop {
            // What happens while the services are observed counts.
            let since = SystemTime::now();
            if self.attention.is_visible() {
                let content = self.content(&mut samples).await;
                let content = content.unwrap_or_else(|_| html! {});
                if content.0 != sent {
                    sent.clone_from(&content.0);
                    let update = Update::default().part(id::SERVICES, content);
                    // The page is being closed if nothing receives it.
                    let _ = self.updates.send(update.to_json().to_string());
                }
            }
            self.next_event(since).await;
        }
    }

    /// Waits until something has happened to a container of the lab since a moment or the page is seen again, at most a while.
    async fn next_event(&self, since: SystemTime) {
        let happened = async {
            let Ok(engine) = self.app.existing_engine().await else {
                return std::future::pending().await;
            };
            let scope = Scope::instance(&self.app.owner, self.lab, &self.app.instance);
            let event = Notify::new();
            let on_event = |happened: ContainerEvent| {
                // The checks run programs in containers all the time.
                if happened.action != "exec_die" {
                    event.notify_one();
                }
            };
            tokio::select! {
                _ = engine.events(&scope, since, &on_event) => sleep(INTERVAL).await,
                () = event.notified() => sleep(PAUSE).await,
            }
        };
        tokio::select! {
            _ = clock::timeout(INTERVAL, happened) => {}
            () = self.attention.shown.notified() => {}
        }
    }

    async fn content(&self, samples: &mut Samples) -> Result<Markup, Failure> {
        let lab = self.site.lab(self.app, self.lab, &DrawOf::Run)?;
        let engine = self.app.existing_engine().await?;
        let running = self.app.observe(&engine, &lab).await?;
        let collector = StatusCollector::new(self.app, &engine, Some(lab.id.clone()));
        let rows = collector.services(&running).await;
        for row in &rows {
            let known = samples.entry(row.service.clone()).or_default();
            known.extend(row.memory);
            known.drain(..known.len().saturating_sub(SAMPLES));
        }
        let reach = self.site.access.origin().scheme();
        Ok(services(&running, &rows, samples, reach))
    }
}

/// Returns the services; `reach` is how the browser reaches the page.
fn services(
    running: &RunningLab<'_, Docker>,
    rows: &[Row],
    samples: &Samples,
    reach: Scheme,
) -> Markup {
    let pages = WebPage::list(running.lab, &running.live.addresses);
    let dots = rows.iter().map(|row| (row.service.as_str(), dot(row)));
    html! {
        (picture(running.lab, &dots.collect()))
        ul.services {
            @for row in rows {
                li {
                    div.service-head {
                        span.dot.(dot(row)) aria-hidden="true" {}
                        strong { (sanitize(&row.service)) }
                        span.state { (state(row)) }
                        @if let Some(uptime) = row.uptime { span.state { (age(uptime)) } }
                        @if can_restart(running, row) {
                            form.restart method="post" action={ "/labs/" (running.lab.id) "/services/" (row.service) "/restart" } {
                                button type="submit" aria-label=(localized!("Restart {service}", service = row.service)) { (localized!("Restart")) }
                            }
                        }
                    }
                    @if let ServiceHealth::Unhealthy(why) = &row.health {
                        p.state.bad { (sanitize(why)) }
                    }
                    @if let Some(used) = row.memory {
                        div.service-memory {
                            (curve(samples.get(&row.service), row.limit))
                            span.state {
                                (memory(used))
                                @if let Some(limit) = row.limit { " / " (memory(limit)) }
                            }
                        }
                    }
                    @if let Some(url) = &row.url {
                        div.address {
                            code { (sanitize(url)) }
                            button.copy-text type="button" data-copy-text=(sanitize(url)) { (localized!("Copy")) }
                        }
                    }
                    @for page in pages.iter().filter(|page| page.service.as_str() == row.service) {
                        div.address {
                            @match reach {
                                Scheme::Http => a href=(leave::path(&page.url)) target="_blank" rel="noopener noreferrer" { (sanitize(&page.title)) },
                                // It would lead the other machine to itself.
                                Scheme::Https => span { (sanitize(&page.title)) ": " (localized!("only on the machine that runs the labs")) },
                            }
                            @if let Some(login) = &page.login { span.state { (localized!("login: {login}", login = sanitize(login))) } }
                        }
                    }
                }
            }
        }
    }
}

/// Returns whether a service can be restarted: one that does its work and ends would only do it again.
fn can_restart(running: &RunningLab<'_, Docker>, row: &Row) -> bool {
    let service = ServiceName::new(&row.service).ok();
    service.is_some_and(|service| {
        running.live.addresses.contains_key(&service) && !completes(running.lab, &service)
    })
}

fn dot(row: &Row) -> &'static str {
    match (row.running, &row.health) {
        (Running::Yes, ServiceHealth::Unhealthy(_)) => "failing",
        (Running::Yes, _) if row.faults.is_empty() => "good",
        (Running::Yes | Running::Paused, _) => "busy-still",
        (Running::No, _) if matches!(row.stopped, Some(Stopped::Finished { .. })) => "good",
        (Running::No, _) => "failing",
    }
}

/// Returns the state of a service in words.
fn state(row: &Row) -> String {
    let faults = row.faults.iter().filter_map(|fault| match fault {
        ServiceFault::CutOff => Some(localized!("cut off")),
        ServiceFault::PartlyCutOff => Some(localized!("partly cut off")),
        ServiceFault::DiskFull => Some(localized!("disk full")),
        ServiceFault::Paused | ServiceFault::Stopped | ServiceFault::Removed => None,
    });
    let faults: Vec<String> = faults.collect();
    match (row.running, &row.health) {
        (Running::Yes, _) if !faults.is_empty() => faults.join(", "),
        (Running::Yes, ServiceHealth::Healthy) => localized!("healthy"),
        (Running::Yes, ServiceHealth::Unhealthy(_)) => localized!("unhealthy"),
        (Running::Yes, ServiceHealth::Unknown) => localized!("running"),
        (Running::Paused, _) => localized!("paused"),
        (Running::No, _) => sanitize(&row.stopped_text(age)),
    }
}

/// Returns the memory of a service against its limit as a curve.
fn curve(samples: Option<&VecDeque<u64>>, limit: Option<u64>) -> Markup {
    let (width, height) = CURVE;
    let samples: Vec<u64> = samples.into_iter().flatten().copied().collect();
    let points = points(&samples, limit);
    html! {
        svg.curve viewBox={ "0 0 " (width) " " (height) } width=(width) height=(height) aria-hidden="true" {
            @if !points.is_empty() { polygon points={ (points) " " (width) "," (height) " " (first_x(samples.len())) "," (height) } {} }
            polyline points=(points) fill="none" stroke="currentColor" stroke-width="1.5" {}
        }
    }
}

/// Returns where the first of so many measurements stands.
fn first_x(count: usize) -> String {
    let step = CURVE.0 as f64 / (SAMPLES - 1) as f64;
    format!("{:.1}", SAMPLES.saturating_sub(count) as f64 * step)
}

/// Returns the points of a curve: the last measurement is at the right, and the limit at the top.
fn points(samples: &[u64], limit: Option<u64>) -> String {
    let (width, height) = CURVE;
    let most = samples.iter().copied().max().unwrap_or(0);
    let top = limit.unwrap_or(most).max(most).max(1);
    let step = width as f64 / (SAMPLES - 1) as f64;
    let first = SAMPLES.saturating_sub(samples.len());
    let points = samples.iter().enumerate().map(|(at, used)| {
        let x = (first + at) as f64 * step;
        let y = height as f64 * (1.0 - *used as f64 / top as f64);
        format!("{x:.1},{y:.1}")
    });
    points.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_ends_at_the_right_and_its_limit_is_the_top() {
        assert_eq!(points(&[], None), "");
        assert_eq!(points(&[50], Some(100)), "80.0,9.0");
        assert_eq!(points(&[0, 100], Some(100)), "77.9,18.0 80.0,0.0");
        // A service can use more than its limit for a moment.
        assert_eq!(points(&[200], Some(100)), "80.0,0.0");
        assert_eq!(points(&[7], None), "80.0,0.0");
    }
}
