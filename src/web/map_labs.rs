//! The labs on the map, each with its progress, its memory, whether its images are here, and the button that starts it.

use std::collections::BTreeMap;

use maud::{Markup, html};

use crate::app::{LabEntry, PathLab, RoadmapReport};
use crate::lab::{LabId, Lang, Roadmap, Summary};
use crate::localized;
use crate::report::{memory, sanitize};
use crate::web::labs_page::level;
use crate::web::parts::id;
use crate::web::site::Site;

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
pub(super) fn row(lab: &MapLab, site: &Site, lang: &Lang) -> Markup {
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
