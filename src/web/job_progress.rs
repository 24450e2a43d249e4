//! How far a job is: what it does just now, how much of a pull or a build is done, and what it reported.

use std::collections::{BTreeMap, VecDeque};

use maud::{Markup, html};

use crate::event::Event;
use crate::localized;
use crate::report::{Paint, Wording, event_lines, sanitize};

/// The most lines that are kept for pages that are opened later.
const MAX_LINES: usize = 300;

/// The parts into which a bar is divided.
const WHOLE: u64 = 1000;

/// How far a job is.
#[derive(Debug, Clone, Default)]
pub(super) struct JobProgress {
    /// What is done just now.
    present: String,
    /// Of the pull or build that is done just now, in thousandths.
    share: Option<u64>,
    /// The bytes of each layer of a pull: those that are there, and all.
    layers: BTreeMap<String, (u64, u64)>,
    lines: VecDeque<String>,
}

impl JobProgress {
    /// Adds an event and returns the new lines.
    pub(super) fn add(&mut self, event: &Event) -> Vec<String> {
        match event {
            Event::PullStarted { image } => self.begin(localized!("pulling {image}", image)),
            Event::PullProgress {
                image,
                layer,
                current,
                total,
                ..
            } => self.add_layer(image, layer, current.zip(*total)),
            Event::BuildStarted { image, .. } => self.begin(localized!("building {image}", image)),
            Event::BuildStep {
                image,
                step,
                steps,
                name,
            } => {
                self.present = localized!(
                    "building {image}: step {step} of {steps}, {name}",
                    image,
                    step,
                    steps,
                    name = sanitize(name)
                );
                let done = u64::from(step.saturating_sub(1));
                self.share = Some(done * WHOLE / u64::from(*steps).max(1));
            }
            Event::PullFinished { .. } | Event::BuildFinished { .. } => self.begin(String::new()),
            Event::OperationStarted { operation } => self.begin(sanitize(operation)),
            Event::Waiting { service, .. } => {
                self.begin(localized!("waiting for {service} to be ready", service));
            }
            Event::Step { step } => self.begin(sanitize(step)),
            _ => {}
        }
        let new = event_lines(event, Paint::Plain, Wording::Plain);
        self.lines.extend(new.iter().cloned());
        let surplus = self.lines.len().saturating_sub(MAX_LINES);
        self.lines.drain(..surplus);
        new
    }

    fn begin(&mut self, present: String) {
        self.present = present;
        self.share = None;
        self.layers.clear();
    }

    /// Counts what there is of a layer. A bar never goes back while more layers become known.
    fn add_layer(&mut self, image: &str, layer: &str, bytes: Option<(u64, u64)>) {
        if let Some((current, total)) = bytes.filter(|(_, total)| *total > 0) {
            self.layers
                .insert(layer.to_owned(), (current.min(total), total));
        }
        self.present = localized!("pulling {image}", image);
        let (done, all) = self
            .layers
            .values()
            .fold((0, 0), |(done, all), bytes| (done + bytes.0, all + bytes.1));
        if let Some(share) = (done * WHOLE).checked_div(all) {
            self.share = Some(self.share.unwrap_or(0).max(share));
        }
    }

    /// Returns what was reported so far.
    pub(super) fn lines(&self) -> impl Iterator<Item = &String> {
        self.lines.iter()
    }

    /// Returns what is done just now, and a bar for how much of it is done.
    pub(super) fn markup(&self) -> Markup {
        html! {
            @if !self.present.is_empty() {
                div.job-progress {
                    @match self.share {
                        Some(share) => progress value=(share) max=(WHOLE) aria-label=(localized!("progress")) {},
                        None => progress aria-label=(localized!("progress")) {},
                    }
                    span.state { (self.present) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pulled(layer: &str, current: u64, total: u64) -> Event {
        Event::PullProgress {
            image: "redis:8".to_owned(),
            layer: layer.to_owned(),
            status: "Downloading".to_owned(),
            current: Some(current),
            total: Some(total),
        }
    }

    #[test]
    fn a_pull_and_a_build_have_a_bar_that_never_goes_back() {
        let mut progress = JobProgress::default();
        assert_eq!(progress.markup().into_string(), "");
        let image = || "redis:8".to_owned();
        progress.add(&Event::PullStarted { image: image() });
        assert_eq!(progress.share, None);
        progress.add(&pulled("a", 50, 100));
        assert_eq!(progress.share, Some(500));
        progress.add(&pulled("b", 0, 900));
        assert_eq!(progress.share, Some(500));
        progress.add(&pulled("b", 900, 900));
        assert_eq!(progress.share, Some(950));
        progress.add(&Event::BuildStep {
            image: image(),
            step: 3,
            steps: 4,
            name: "RUN <b>".to_owned(),
        });
        assert_eq!(progress.share, Some(500));
        let html = progress.markup().into_string();
        assert!(html.contains("step 3 of 4, RUN &lt;b&gt;"), "{html}");
        progress.add(&Event::OperationStarted {
            operation: "start redis".to_owned(),
        });
        assert_eq!(
            (progress.share, progress.present.as_str()),
            (None, "start redis")
        );
    }
}
