//! Progress on a terminal: a line for each thing that goes on, bars for what is pulled, and one lasting line for what is done.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::event::Event;
use crate::report::plain::lines;
use crate::report::{Paint, sanitize, t};

/// Often enough to look alive, seldom enough not to flicker.
const TICK: Duration = Duration::from_millis(100);

/// Bars that are on the screen now.
pub(crate) struct Terminal {
    paint: Paint,
    bars: MultiProgress,
    now: RefCell<Now>,
}

#[derive(Default)]
struct Now {
    /// What goes on, in one line.
    doing: Option<ProgressBar>,
    /// The last line that a build said.
    said: Option<ProgressBar>,
    /// Services that are waited for, side by side.
    waiting: BTreeMap<String, ProgressBar>,
    /// Layers that are pulled now.
    layers: BTreeMap<String, ProgressBar>,
    seen: BTreeSet<String>,
    done: BTreeSet<String>,
}

impl Terminal {
    pub(crate) fn new(paint: Paint) -> Self {
        Self {
            paint,
            bars: MultiProgress::new(),
            now: RefCell::default(),
        }
    }

    pub(crate) fn emit(&self, event: &Event) {
        self.show(event, &mut self.now.borrow_mut());
        // What a bar shows while it goes on needs no line before it ends.
        let begins = matches!(
            event,
            Event::PullStarted { .. } | Event::BuildStarted { .. }
        );
        for line in lines(event, self.paint).into_iter().filter(|_| !begins) {
            self.bars.suspend(|| crate::report::sink::error(&line));
        }
    }

    fn show(&self, event: &Event, now: &mut Now) {
        match event {
            Event::PullStarted { image } => {
                self.doing(now, &t!("progress.pulling", image = image), Clock::Anew);
            }
            Event::PullProgress {
                image,
                layer,
                status,
                current,
                total,
            } => {
                self.layer(now, layer, status, current.zip(*total));
                let (done, all) = (now.done.len(), now.seen.len());
                let text = t!("progress.layers", image = image, done = done, all = all);
                self.doing(now, &text, Clock::GoesOn);
            }
            Event::FileProgress {
                file,
                current,
                total,
            } => self.layer(now, file, "", Some((*current, *total))),
            Event::BuildStarted { image, .. } => {
                self.doing(
                    now,
                    &t!("progress.building_now", image = image),
                    Clock::Anew,
                );
            }
            Event::BuildStep {
                image,
                step,
                steps,
                name,
            } => {
                let name = sanitize(name);
                let text = t!(
                    "progress.step",
                    image = image,
                    step = step,
                    steps = steps,
                    name = name
                );
                self.doing(now, &text, Clock::Anew);
            }
            Event::BuildLine { line, .. } => self.said(now, &sanitize(line.trim())),
            Event::OperationStarted { operation } => {
                self.doing(now, &sanitize(operation), Clock::GoesOn)
            }
            Event::Step { step } => self.doing(now, &sanitize(step), Clock::GoesOn),
            Event::Waiting { service, last, .. } => {
                end(now.doing.take());
                let text = t!("progress.waiting", service = service, last = sanitize(last));
                let bar = now.waiting.entry(service.clone());
                let bar = bar.or_insert_with(|| self.line());
                bar.set_message(in_one_line(&text));
            }
            Event::Ready { service, .. } => end(now.waiting.remove(service)),
            Event::PullFinished { .. } | Event::BuildFinished { .. } => clear(now),
            Event::OperationFinished { .. }
            | Event::ServiceUnavailable { .. }
            | Event::ProofPhaseFinished { .. }
            | Event::Note { .. }
            | Event::Warning(_) => {}
        }
    }

    pub(crate) fn finish(&self) {
        clear(&mut self.now.borrow_mut());
        // Bars may draw a last time on a terminal that is gone; there is nothing to do about it.
        let _ = self.bars.clear();
    }

    /// A line that moves, cut to the terminal's width, with the time that it takes.
    fn line(&self) -> ProgressBar {
        let bar = self.bars.add(ProgressBar::new_spinner());
        bar.set_style(style(
            "{spinner:.cyan} {wide_msg} {elapsed:.dim}",
            self.paint,
        ));
        bar.enable_steady_tick(TICK);
        bar
    }

    fn doing(&self, now: &mut Now, text: &str, clock: Clock) {
        if now.doing.is_none() {
            // It stands above what belongs to it.
            let bar = self.line();
            self.bars.remove(&bar);
            now.doing = Some(self.bars.insert(0, bar));
        }
        let Some(bar) = &now.doing else { return };
        if clock == Clock::Anew {
            bar.reset_elapsed();
        }
        bar.set_message(in_one_line(text));
    }

    /// What a build said last, below its step.
    fn said(&self, now: &mut Now, line: &str) {
        if line.is_empty() || line.starts_with("Step ") {
            return;
        }
        let bar = now.said.get_or_insert_with(|| {
            let bar = self.bars.add(ProgressBar::new_spinner());
            bar.set_style(style("    {wide_msg:.dim}", self.paint));
            bar
        });
        bar.set_message(in_one_line(line));
    }

    fn layer(&self, now: &mut Now, layer: &str, status: &str, bytes: Option<(u64, u64)>) {
        // Words about the whole image have no layer, and the first of them names the tag in its place.
        if layer.is_empty() || status.starts_with("Pulling from") {
            return;
        }
        now.seen.insert(layer.to_owned());
        if matches!(status, "Pull complete" | "Already exists") {
            now.done.insert(layer.to_owned());
        }
        if matches!(
            status,
            "Pull complete" | "Already exists" | "Download complete"
        ) {
            return end(now.layers.remove(layer));
        }
        let Some((current, total)) = bytes else {
            return;
        };
        let bar = now.layers.entry(layer.to_owned()).or_insert_with(|| {
            let bar = self.bars.add(ProgressBar::new(total));
            let template = "  {prefix:12} {msg:11} {wide_bar:.cyan/dim} {bytes:>10} / {total_bytes:10} {bytes_per_sec:>12} {eta:>4}";
            bar.set_style(style(template, self.paint).progress_chars("━━─"));
            bar.set_prefix(sanitize(layer));
            bar
        });
        let status = sanitize(status).to_lowercase();
        if bar.message() != status {
            bar.reset_eta();
            bar.set_message(status);
        }
        bar.set_length(total);
        bar.set_position(current);
    }
}

/// Whether the time of a line begins again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Clock {
    Anew,
    GoesOn,
}

fn end(bar: Option<ProgressBar>) {
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
}

fn clear(now: &mut Now) {
    let Now {
        doing,
        said,
        waiting,
        layers,
        ..
    } = std::mem::take(now);
    let bars = waiting.into_values().chain(layers.into_values());
    bars.chain(doing).chain(said).for_each(|bar| end(Some(bar)));
}

fn in_one_line(text: &str) -> String {
    text.replace(['\n', '\t'], " ")
}

fn style(template: &str, paint: Paint) -> ProgressStyle {
    let template = match paint {
        Paint::Colored => template.to_owned(),
        Paint::Plain => template
            .replace(":.cyan/dim", "")
            .replace(":.cyan", "")
            .replace(":.dim", ""),
    };
    ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}
