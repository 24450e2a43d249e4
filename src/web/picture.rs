//! The services of a lab as a picture: what depends on what, in which networks, and how each is doing.

use std::collections::BTreeMap;

use maud::{Markup, html};

use crate::lab::{Lab, Service, ServiceName};
use crate::localized;

/// The size of a box, the space between two, and the most beside each other.
const WIDTH: usize = 156;
const HEIGHT: usize = 46;
const GAP: usize = 14;
const FALL: usize = 34;
const BESIDE: usize = 3;

/// The most characters of a name in a box.
const LONGEST: usize = 19;

/// Where a service is in the picture.
struct Place<'a> {
    x: usize,
    y: usize,
    service: &'a Service,
}

/// Returns the picture. `class` has the class of each service's dot.
pub(super) fn picture(lab: &Lab, class: &BTreeMap<&str, &'static str>) -> Markup {
    let places = places(lab);
    let middle = |place: &Place<'_>| place.x + WIDTH / 2;
    let width = places.iter().map(|place| place.x + WIDTH).max();
    let height = places.iter().map(|place| place.y + HEIGHT).max();
    let (width, height) = (width.unwrap_or(0), height.unwrap_or(0));
    let several = lab.networks.len() > 1;
    html! {
        svg.picture viewBox={ "-2 -2 " (width + 4) " " (height + 4) } width=(width) role="img" aria-label=(sentence(lab)) {
            @for place in &places {
                @for above in places.iter().filter(|above| place.service.depends_on.contains_key(&above.service.name)) {
                    line.needs x1=(middle(above)) y1=(above.y + HEIGHT) x2=(middle(place)) y2=(place.y) {}
                }
            }
            @for place in &places {
                @let name = place.service.name.as_str();
                g.place.(class.get(name).copied().unwrap_or("unknown")) {
                    title { (name) }
                    rect x=(place.x) y=(place.y) width=(WIDTH) height=(HEIGHT) rx="8" {}
                    circle cx=(place.x + 15) cy=(place.y + HEIGHT / 2) r="6" {}
                    text x=(place.x + 28) y=(place.y + if several { 16 } else { HEIGHT / 2 }) { (cut(name)) }
                    @if several {
                        text.networks x=(place.x + 28) y=(place.y + 33) { (cut(&networks(place.service))) }
                    }
                }
            }
        }
    }
}

/// Places the services: each below all that it depends on.
fn places(lab: &Lab) -> Vec<Place<'_>> {
    let mut by_depth: BTreeMap<usize, Vec<&Service>> = BTreeMap::new();
    for service in lab.services.values() {
        let depth = depth(lab, &service.name, 0);
        by_depth.entry(depth).or_default().push(service);
    }
    let mut places = Vec::new();
    let mut y = 0;
    for services in by_depth.values() {
        for row in services.chunks(BESIDE) {
            let boxes = row.iter().enumerate().map(|(at, service)| Place {
                x: at * (WIDTH + GAP),
                y,
                service,
            });
            places.extend(boxes);
            y += HEIGHT + GAP;
        }
        y += FALL - GAP;
    }
    places
}

/// Returns how many services stand above one: the longest chain of what it depends on.
fn depth(lab: &Lab, name: &ServiceName, passed: usize) -> usize {
    let Some(service) = lab
        .services
        .get(name)
        .filter(|_| passed <= lab.services.len())
    else {
        return 0;
    };
    let above = service.depends_on.keys();
    above
        .map(|above| depth(lab, above, passed + 1) + 1)
        .max()
        .unwrap_or(0)
}

/// Returns the picture in words.
fn sentence(lab: &Lab) -> String {
    let parts = lab.services.values().map(|service| {
        let needs: Vec<&str> = service.depends_on.keys().map(ServiceName::as_str).collect();
        match needs.as_slice() {
            [] => service.name.to_string(),
            needs => localized!(
                "{service} depends on {others}",
                service = service.name,
                others = needs.join(", ")
            ),
        }
    });
    parts.collect::<Vec<_>>().join("; ")
}

fn networks(service: &Service) -> String {
    let names: Vec<&str> = service.networks.keys().map(String::as_str).collect();
    names.join(", ")
}

fn cut(text: &str) -> String {
    match text.chars().count() > LONGEST {
        true => text.chars().take(LONGEST - 1).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::testing::lab;

    #[test]
    fn a_service_stands_below_what_it_depends_on() {
        let service = "{ image: 'x:1', mem_limit: 64m, depends_on: [";
        let lab = lab(&format!(
            "services:\n  web: {service}app, cache] }}\n  app: {service}redis] }}\n  redis: {service}], ports: ['6379'] }}\n  cache: {service}] }}\n"
        ));
        let places = places(&lab);
        let found: Vec<_> = places
            .iter()
            .map(|place| (place.service.name.as_str(), place.x > 0, place.y))
            .collect();
        let row = HEIGHT + FALL;
        let expected = [
            ("cache", false, 0),
            ("redis", true, 0),
            ("app", false, row),
            ("web", false, 2 * row),
        ];
        assert_eq!(found, expected);
        let html = picture(&lab, &BTreeMap::from([("redis", "good")])).into_string();
        assert_eq!(html.matches("<line").count(), 3);
        assert!(html.contains("app depends on redis"), "{html}");
        assert!(html.contains("class=\"place good\""), "{html}");
    }
}
