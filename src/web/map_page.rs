//! The map: the topics of a data engineer's way as a picture, coloured by progress, and the same as a list.

use console::measure_text_width;
use hyper::StatusCode;
use maud::{Markup, html};

use crate::app::{RoadmapReport, TopicContent, TopicLab, TopicReport, TopicState};
use crate::lab::Lang;
use crate::localized;
use crate::web::failures::failure_lines;
use crate::web::layout::{self, Content};
use crate::web::map_labs::{self, MapLab, map_labs};
use crate::web::parts::id;
use crate::web::reply::{self, Reply};
use crate::web::route::MAP as PATH;
use crate::web::site::Site;
use crate::web::update::Update;

/// The path of its WebSocket.
const SOCKET: &str = "/map/socket";

/// The width of the picture, and where its two columns begin, in the units of its text.
const WIDTH: usize = 1240;
const SPINE: usize = 16;
const NAMES: usize = 38;
const TOPICS: usize = 400;

/// The height of a row, and that of a topic in it.
const ROW: usize = 40;
const BOX: usize = 28;

/// The width of a column of text, wide letters included.
const COLUMN: usize = 9;

/// Returns the page of the map.
pub(super) fn map_page(site: &Site, lang: &Lang) -> Reply {
    let title = localized!("Map");
    let app = site.quiet_app(lang);
    let read = app
        .roadmap()
        .and_then(|report| Ok((report, app.list_labs()?)));
    let (report, list) = match read {
        Ok(read) => read,
        Err(failure) => {
            let text = layout::message(&title, lang, PATH, &failure_lines(&failure));
            return reply::page(StatusCode::INTERNAL_SERVER_ERROR, text);
        }
    };
    let text = layout::page(&Content {
        title: &title,
        lang,
        path: PATH,
        bar: html! {},
        socket: Some(SOCKET),
        scripts: &[],
        body: body(&report, &map_labs(&report, list.entries), site, lang),
    });
    reply::page(StatusCode::OK, text)
}

fn body(report: &RoadmapReport, labs: &[MapLab], site: &Site, lang: &Lang) -> Markup {
    let states = [
        TopicState::Done,
        TopicState::Begun,
        TopicState::Open,
        TopicState::NoLab,
    ];
    html! {
        main #content .labs {
            h1 { (localized!("Map")) }
            p #(id::TOPIC_COUNTS) .about { (counts(report)) }
            @for problem in &report.problems { p.bad { (crate::report::sanitize(&problem.to_string())) } }
            ul.legend {
                @for state in states {
                    li { span.topic-sign.(class(state)) aria-hidden="true" { (sign(state)) } " " (word(state)) }
                }
            }
            div #(id::TOPIC_PICTURE) { (picture(&report.groups, lang)) }
            h2 { (localized!("The order of the labs")) }
            (map_labs::list(labs, site, lang))
            h2 { (localized!("Topics")) }
            form.search role="search" data-filter="topics" {
                label {
                    (localized!("Search")) " "
                    input type="search" name="q" autocomplete="off";
                }
            }
            ul #(id::TOPICS) .topics { (topics(report, lang)) }
        }
    }
}

/// Returns what changes on the map beside the labs.
pub(super) fn topics_update(report: &RoadmapReport, lang: &Lang) -> Update {
    Update::default()
        .part(id::TOPIC_COUNTS, counts(report))
        .part(id::TOPIC_PICTURE, picture(&report.groups, lang))
        .part(id::TOPICS, topics(report, lang))
}

fn counts(report: &RoadmapReport) -> Markup {
    let counts = report.counts();
    html! {
        (localized!(
            "{covered} of {all} topics have a lab, {done} done",
            all = counts.all,
            covered = counts.covered,
            done = counts.done
        ))
    }
}

fn topics(report: &RoadmapReport, lang: &Lang) -> Markup {
    html! { @for group in &report.groups { (listed(group, "", lang)) } }
}

/// Returns the topics of a group as items of a list, each with the groups that it is in.
fn listed(group: &TopicReport, above: &str, lang: &Lang) -> Markup {
    let name = group.topic.name(lang);
    match &group.content {
        TopicContent::Group(topics) => {
            let above = match above {
                "" => name.to_owned(),
                above => format!("{above} · {name}"),
            };
            html! { @for topic in topics { (listed(topic, &above, lang)) } }
        }
        TopicContent::Labs { labs, state } => html! {
            li id={ "topic-" (group.topic.id) } {
                span.topic-sign.(class(*state)) aria-hidden="true" { (sign(*state)) }
                " " strong { (name) } " "
                span.about { (above) " · " (word(*state)) }
                @for one in labs { " " (lab(one)) }
            }
        },
    }
}

fn lab(lab: &TopicLab) -> Markup {
    html! {
        a href={ "/labs/" (lab.lab) } { (lab.lab) }
        span.about { " " (localized!("solved {done} of {all}", done = lab.done, all = lab.exercises)) }
    }
}

/// A part of the picture: the name of a group within a group, or a topic.
struct Place<'a> {
    x: usize,
    y: usize,
    width: usize,
    report: &'a TopicReport,
}

/// Returns the picture: the groups along a line, and beside each its topics.
fn picture(groups: &[TopicReport], lang: &Lang) -> Markup {
    let mut y = 0;
    let mut rows = Vec::new();
    for group in groups {
        let places = places(group, y, lang);
        let last = places.last().map_or(y, |place| place.y);
        rows.push((group, y, places));
        y = last + ROW + 10;
    }
    let last = rows.last().map_or(0, |(_, y, _)| *y);
    html! {
        svg.map viewBox={ "0 0 " (WIDTH) " " (y) } role="group" aria-label=(localized!("Map")) {
            line.spine x1=(SPINE) y1=(ROW / 2) x2=(SPINE) y2=(last + ROW / 2) {}
            @for (group, y, places) in &rows {
                circle.stop cx=(SPINE) cy=(y + ROW / 2) r="7" {}
                text.group x=(NAMES) y=(y + ROW / 2) { (group.topic.name(lang)) }
                @for place in places { (drawn(place, lang)) }
            }
        }
    }
}

/// Places the topics of a group in rows.
fn places<'a>(group: &'a TopicReport, top: usize, lang: &Lang) -> Vec<Place<'a>> {
    let mut flat = Vec::new();
    flatten(group, &mut flat);
    let (mut x, mut y) = (TOPICS, top);
    let mut places = Vec::new();
    let width_of = |report: &TopicReport| {
        let columns = measure_text_width(report.topic.name(lang)) + 2;
        columns * COLUMN + 14
    };
    for (at, report) in flat.iter().copied().enumerate() {
        let width = width_of(report);
        // The name of a group is not parted from its first topic.
        let first = match &report.content {
            TopicContent::Group(_) => flat.get(at + 1).map(|topic| width_of(topic) + 8),
            TopicContent::Labs { .. } => None,
        };
        if x + width + first.unwrap_or(0) > WIDTH && x > TOPICS {
            (x, y) = (TOPICS, y + ROW);
        }
        places.push(Place {
            x,
            y,
            width,
            report,
        });
        x += width + 8;
    }
    places
}

/// Adds what is in a group, with the groups in it.
fn flatten<'a>(group: &'a TopicReport, flat: &mut Vec<&'a TopicReport>) {
    if let TopicContent::Group(topics) = &group.content {
        for topic in topics {
            flat.push(topic);
            flatten(topic, flat);
        }
    }
}

fn drawn(place: &Place<'_>, lang: &Lang) -> Markup {
    let name = place.report.topic.name(lang);
    let (x, middle) = (place.x, place.y + ROW / 2);
    let TopicContent::Labs { labs, state } = &place.report.content else {
        return html! { text.below x=(x + 6) y=(middle) { (name) ":" } };
    };
    let content = html! {
        title { (name) ": " (word(*state)) }
        rect x=(x) y=(place.y + (ROW - BOX) / 2) width=(place.width) height=(BOX) rx="8" {}
        text x=(x + 9) y=(middle) { (sign(*state)) " " (name) }
    };
    let class = class(*state);
    match labs.as_slice() {
        [] => html! { g.topic.(class) { (content) } },
        [one] => html! { a.topic.(class) href={ "/labs/" (one.lab) } { (content) } },
        _ => html! { a.topic.(class) href={ "#topic-" (place.report.topic.id) } { (content) } },
    }
}

fn class(state: TopicState) -> &'static str {
    match state {
        TopicState::NoLab => "no-lab",
        TopicState::Open => "open",
        TopicState::Begun => "begun",
        TopicState::Done => "done",
    }
}

/// The state without a colour.
fn sign(state: TopicState) -> &'static str {
    match state {
        TopicState::NoLab => "·",
        TopicState::Open => "○",
        TopicState::Begun => "◐",
        TopicState::Done => "✓",
    }
}

fn word(state: TopicState) -> String {
    match state {
        TopicState::NoLab => localized!("no lab yet"),
        TopicState::Open => localized!("has a lab"),
        TopicState::Begun => localized!("in progress"),
        TopicState::Done => localized!("done"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::Roadmap;

    fn groups() -> Vec<TopicReport> {
        fn report(topic: &'static crate::lab::Topic) -> TopicReport {
            let content = match topic.topics.as_slice() {
                [] => TopicContent::Labs {
                    labs: Vec::new(),
                    state: TopicState::NoLab,
                },
                topics => TopicContent::Group(topics.iter().map(report).collect()),
            };
            TopicReport { topic, content }
        }
        Roadmap::get().topics.iter().map(report).collect()
    }

    #[test]
    fn nothing_in_the_picture_covers_anything_else() {
        for lang in ["en", "ko"].map(|code| Lang::parse(code).unwrap()) {
            let groups = groups();
            let mut top = 0;
            for group in &groups {
                let name = measure_text_width(group.topic.name(&lang)) * COLUMN;
                assert!(NAMES + name <= TOPICS, "{}", group.topic.name(&lang));
                let places = places(group, top, &lang);
                for pair in places.windows(2) {
                    let [one, next] = pair else { continue };
                    let beside = one.y == next.y && one.x + one.width < next.x;
                    assert!(beside || next.y == one.y + ROW);
                }
                assert!(places.iter().all(|place| place.x + place.width <= WIDTH));
                top = places.last().map_or(top, |place| place.y) + ROW;
            }
        }
    }

    #[test]
    fn every_topic_is_in_the_picture_and_in_the_list() {
        let groups = groups();
        let picture = picture(&groups, &Lang::english()).into_string();
        for topic in Roadmap::get().coverable() {
            let name = html! { (topic.name(&Lang::english())) }.into_string();
            assert!(picture.contains(&format!("· {name}<")), "{name}");
        }
    }
}
