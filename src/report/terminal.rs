//! Progress on a terminal: bars for what is pulled, one moving line for what goes on, lines for what is done.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::event::Event;
use crate::report::plain::lines;
use crate::report::{Paint, clean};

/// Bars that are on the screen now.
pub(crate) struct Terminal {
    paint: Paint,
    bars: MultiProgress,
    now: RefCell<Option<ProgressBar>>,
    layers: RefCell<BTreeMap<String, ProgressBar>>,
}

impl Terminal {
    pub(crate) fn new(paint: Paint) -> Self {
        Self {
            paint,
            bars: MultiProgress::new(),
            now: RefCell::new(None),
            layers: RefCell::new(BTreeMap::new()),
        }
    }

    pub(crate) fn tell(&self, event: &Event) {
        match event {
            Event::PullBegun { image } => self.doing(&format!("pulling {image}")),
            Event::PullProgress {
                layer,
                status,
                current,
                total,
                ..
            } => self.layer(layer, status, *current, *total),
            Event::FileProgress {
                file,
                current,
                total,
            } => self.layer(file, "", Some(*current), Some(*total)),
            Event::BuildBegun { image, .. } => self.doing(&format!("building {image}")),
            Event::BuildLine { image, line } => {
                let line = clean(line.trim());
                if !line.is_empty() {
                    self.doing(&format!("building {image}: {line}"));
                }
            }
            Event::OperationBegun { operation } => self.doing(&clean(operation)),
            Event::Waiting {
                service,
                attempts,
                last,
            } => {
                self.doing(&format!(
                    "waiting for {service} ({attempts} looks): {}",
                    clean(last)
                ));
            }
            Event::Step { step } => self.doing(&clean(step)),
            Event::PullEnded { .. } => self.layers.borrow_mut().clear(),
            Event::OperationEnded { .. }
            | Event::BuildEnded { .. }
            | Event::ServiceUnavailable { .. }
            | Event::Ready { .. }
            | Event::Proved { .. }
            | Event::Note { .. } => {}
        }
        // What a bar shows while it goes on needs no line before it ends.
        let begins = matches!(event, Event::PullBegun { .. } | Event::BuildBegun { .. });
        for line in lines(event, self.paint).into_iter().filter(|_| !begins) {
            self.bars.suspend(|| crate::report::sink::error(&line));
        }
    }

    pub(crate) fn finish(&self) {
        self.layers.borrow_mut().clear();
        if let Some(bar) = self.now.borrow_mut().take() {
            bar.finish_and_clear();
        }
        // Bars may draw a last time on a terminal that is gone; there is nothing to do about it.
        let _ = self.bars.clear();
    }

    /// The one line that says what goes on now, cut to the terminal's width.
    fn doing(&self, text: &str) {
        let mut now = self.now.borrow_mut();
        let bar = now.get_or_insert_with(|| {
            let bar = self.bars.add(ProgressBar::new_spinner());
            bar.set_style(style(
                "{spinner:.cyan} {wide_msg} {elapsed:.dim}",
                self.paint,
            ));
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        bar.set_message(text.replace(['\n', '\t'], " "));
    }

    fn layer(&self, layer: &str, status: &str, current: Option<u64>, total: Option<u64>) {
        if layer.is_empty() {
            return;
        }
        let mut layers = self.layers.borrow_mut();
        if matches!(
            status,
            "Pull complete" | "Already exists" | "Download complete"
        ) {
            if let Some(bar) = layers.remove(layer) {
                bar.finish_and_clear();
            }
            return;
        }
        let (Some(current), Some(total)) = (current, total) else {
            return;
        };
        let bar = layers.entry(layer.to_owned()).or_insert_with(|| {
            let bar = self.bars.add(ProgressBar::new(total));
            let template = "  {prefix:12} {bar:24.cyan/dim} {bytes:>10}/{total_bytes:10} {bytes_per_sec:>12} {eta:>4} {msg}";
            bar.set_style(style(template, self.paint).progress_chars("━━─"));
            bar
        });
        bar.set_prefix(clean(layer));
        bar.set_length(total);
        bar.set_position(current);
        bar.set_message(clean(status).to_lowercase());
    }
}

fn style(template: &str, paint: Paint) -> ProgressStyle {
    let template = match paint {
        Paint::Colored => template.to_owned(),
        Paint::Plain => template
            .replace(":.cyan", "")
            .replace(":.dim", "")
            .replace(".cyan/dim", ""),
    };
    ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}
