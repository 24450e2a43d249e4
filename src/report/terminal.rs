//! Reports events on a terminal: a spinner per running operation, bars for pulls, and a permanent line for what is done.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::event::{Event, InstanceEvent};
use crate::localized;
use crate::report::plain::lines;
use crate::report::{Paint, Wording, sanitize};

/// How long a service may take to start before the reason why it is not ready is shown.
const USUAL_START: Duration = Duration::from_secs(20);

/// How often spinners move.
const TICK: Duration = Duration::from_millis(100);

/// A reporter that draws progress bars.
pub(crate) struct Terminal {
    paint: Paint,
    wording: Wording,
    bars: MultiProgress,
    now: RefCell<Now>,
}

#[derive(Default)]
struct Now {
    /// The running operation.
    doing: Option<ProgressBar>,
    /// The instances that a test uses, by lab and name.
    instances: BTreeMap<(String, String), InstanceLine>,
    /// The last line of a build.
    build_line: Option<ProgressBar>,
    /// The services that are not ready yet.
    waiting: BTreeMap<String, ProgressBar>,
    /// The layers that are being pulled.
    layers: BTreeMap<String, ProgressBar>,
    seen: BTreeSet<String>,
    done: BTreeSet<String>,
}

impl Terminal {
    pub(crate) fn new(paint: Paint, wording: Wording) -> Self {
        Self {
            paint,
            wording,
            bars: MultiProgress::new(),
            now: RefCell::default(),
        }
    }

    pub(crate) fn report(&self, event: &Event) {
        self.show(event, &mut self.now.borrow_mut());
        // A running operation has a bar; its line comes when it is done.
        let begins = matches!(
            event,
            Event::PullStarted { .. } | Event::BuildStarted { .. }
        );
        for line in lines(event, self.paint, self.wording)
            .into_iter()
            .filter(|_| !begins)
        {
            self.bars.suspend(|| crate::report::sink::error_now(&line));
        }
    }

    fn show(&self, event: &Event, now: &mut Now) {
        match event {
            Event::PullStarted { image } => {
                self.doing(now, &localized!("pulling {image}", image), Clock::Restart);
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
                let text = localized!("pulling {image}: {done} of {all} layers", image, done, all);
                self.doing(now, &text, Clock::Continue);
            }
            Event::FileProgress {
                file,
                current,
                total,
            } => self.layer(now, file, "", Some((*current, *total))),
            Event::BuildStarted { image, .. } => {
                self.doing(now, &localized!("building {image}", image), Clock::Restart);
            }
            Event::BuildStep {
                image,
                step,
                steps,
                name,
            } => {
                let name = sanitize(name);
                let text = localized!(
                    "building {image}: step {step} of {steps}, {name}",
                    image,
                    step,
                    steps,
                    name
                );
                self.doing(now, &text, Clock::Restart);
            }
            Event::BuildLine { line, .. } | Event::EngineSetupLine { line, .. } => {
                self.show_build_line(now, &sanitize(line.trim()))
            }
            Event::OperationStarted { operation } => {
                self.doing(now, &sanitize(operation), Clock::Continue)
            }
            Event::Step { step } => self.doing(now, &sanitize(step), Clock::Continue),
            Event::OfInstance(of) => self.show_instance(now, of),
            Event::Waiting { service, last, .. } => {
                end(now.doing.take());
                let bar = now.waiting.entry(service.clone());
                let bar = bar.or_insert_with(|| self.line());
                // That a service does not answer at first is no failure.
                let text = match bar.elapsed() < USUAL_START {
                    true => localized!("waiting for {service} to be ready", service),
                    false => localized!(
                        "waiting for {service} to be ready; last: {last}",
                        service,
                        last = sanitize(last)
                    ),
                };
                bar.set_message(in_one_line(&text));
            }
            Event::Ready { service, .. } => end(now.waiting.remove(service)),
            Event::PullFinished { .. } | Event::BuildFinished { .. } => clear(now),
            Event::ImagesMissing { .. }
            | Event::OperationFinished { .. }
            | Event::StartPartFinished { .. }
            | Event::ServiceUnavailable { .. }
            | Event::ServicesNeedTrust { .. }
            | Event::AnswerStarted { .. }
            | Event::AnswerFinished { .. }
            | Event::ProofPhaseFinished { .. }
            | Event::PartTested { .. }
            | Event::LabAdded { .. }
            | Event::Warning(_) => {}
        }
    }

    /// Shows what an instance of a test does, in a line of its own.
    fn show_instance(&self, now: &mut Now, of: &InstanceEvent) {
        let key = (of.lab.clone(), of.instance.clone());
        let line = now.instances.entry(key).or_default();
        let text = match &*of.event {
            Event::OperationStarted { operation } => sanitize(operation),
            Event::Waiting { service, .. } => {
                localized!("waiting for {service} to be ready", service)
            }
            Event::AnswerStarted {
                exercise,
                answer,
                number,
                answers,
            } => {
                let text = localized!(
                    "{number} of {answers}: {exercise}, {answer}",
                    number,
                    answers,
                    exercise,
                    answer = sanitize(answer)
                );
                line.answer = Some(text.clone());
                end(line.bar.take());
                text
            }
            Event::Step { step } => match &line.answer {
                Some(answer) => format!("{answer}: {}", sanitize(step)),
                None => sanitize(step),
            },
            Event::ProofPhaseFinished { .. } => {
                line.answer = None;
                return;
            }
            // The next event, if there is one, shows what the instance does then.
            Event::OperationFinished { .. } | Event::Ready { .. } | Event::PartTested { .. } => {
                return end(line.bar.take());
            }
            event => return self.show(event, now),
        };
        let bar = line.bar.get_or_insert_with(|| self.line());
        bar.set_message(in_one_line(&format!("{}: {text}", of.lab)));
    }

    pub(crate) fn finish(&self) {
        clear(&mut self.now.borrow_mut());
        // A terminal that is gone shows no bars.
        let _ = self.bars.clear();
    }

    /// Adds a spinner with its elapsed time, cut to the width of the terminal.
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
            // Above the bars that belong to it.
            let bar = self.line();
            self.bars.remove(&bar);
            now.doing = Some(self.bars.insert(0, bar));
        }
        let Some(bar) = &now.doing else { return };
        if clock == Clock::Restart {
            bar.reset_elapsed();
        }
        bar.set_message(in_one_line(text));
    }

    /// Shows the last line of a build below its step.
    fn show_build_line(&self, now: &mut Now, line: &str) {
        if line.is_empty() || line.starts_with("Step ") {
            return;
        }
        let bar = now.build_line.get_or_insert_with(|| {
            let bar = self.bars.add(ProgressBar::new_spinner());
            bar.set_style(style("    {wide_msg:.dim}", self.paint));
            bar
        });
        bar.set_message(in_one_line(line));
    }

    fn layer(&self, now: &mut Now, layer: &str, status: &str, bytes: Option<(u64, u64)>) {
        // Messages about the whole image have no layer; the first of them has the tag in its place.
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

/// The line of an instance that a test uses.
#[derive(Default)]
struct InstanceLine {
    bar: Option<ProgressBar>,
    /// The answer that is being played.
    answer: Option<String>,
}

/// What happens to the elapsed time of a spinner.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Clock {
    Restart,
    Continue,
}

fn end(bar: Option<ProgressBar>) {
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
}

fn clear(now: &mut Now) {
    let Now {
        doing,
        instances,
        build_line,
        waiting,
        layers,
        ..
    } = std::mem::take(now);
    let bars = waiting.into_values().chain(layers.into_values());
    let instances = instances.into_values().filter_map(|line| line.bar);
    bars.chain(doing)
        .chain(instances)
        .chain(build_line)
        .for_each(|bar| end(Some(bar)));
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
