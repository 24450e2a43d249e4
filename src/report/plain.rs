//! Progress for a log file or a pipe: a line for each thing that matters, none twice.

use std::cell::RefCell;
use std::collections::BTreeSet;

use crate::event::{Event, Outcome};
use crate::report::sink::error;
use crate::report::words::duration;
use crate::report::{Paint, clean};

/// Remembers what was said.
#[derive(Default)]
pub(crate) struct Plain {
    said: RefCell<BTreeSet<String>>,
}

impl Plain {
    pub(crate) fn tell(&self, event: &Event) {
        for line in lines(event, Paint::Plain) {
            error(&line);
        }
        if let Event::Waiting { service, last, .. } = event
            && self.said.borrow_mut().insert(service.clone())
        {
            error(&format!("waiting for {service}: {}", clean(last)));
        }
    }
}

/// What an event says once and for all; what only goes on says nothing here.
pub(crate) fn lines(event: &Event, paint: Paint) -> Vec<String> {
    match event {
        Event::PullBegun { image } => vec![format!("pulling {image}")],
        Event::PullEnded {
            image,
            problem: None,
        } => vec![format!("pulled {image}")],
        Event::PullEnded {
            image,
            problem: Some(problem),
        } => {
            vec![paint.dim(&format!("cannot pull {image}: {}", clean(problem)))]
        }
        Event::BuildBegun { image, why } => vec![format!("building {image} ({})", clean(why))],
        Event::BuildEnded { image, millis } => {
            vec![format!("built {image} in {}", duration(*millis))]
        }
        Event::ServiceUnavailable { service, reason } => {
            vec![paint.warn(&format!(
                "{service} is left out, the rest of the lab works: {}",
                clean(reason)
            ))]
        }
        Event::Ready { service, millis } => {
            vec![format!("{service} answers after {}", duration(*millis))]
        }
        Event::Proved {
            exercise,
            phase,
            problem,
            millis,
        } => {
            let outcome = if problem.is_none() {
                Outcome::Pass
            } else {
                Outcome::Fail
            };
            let mark = match outcome {
                Outcome::Pass => paint.good("✓"),
                Outcome::Fail | Outcome::Unseen => paint.bad("✗"),
            };
            let time = paint.dim(&duration(*millis));
            let mut lines = vec![format!("  {mark} {exercise}: {} {time}", phase.name())];
            lines.extend(
                problem
                    .iter()
                    .map(|problem| format!("      {}", clean(problem))),
            );
            lines
        }
        Event::Note { text } => vec![clean(text)],
        Event::PullProgress { .. }
        | Event::FileProgress { .. }
        | Event::BuildLine { .. }
        | Event::OperationBegun { .. }
        | Event::OperationEnded { .. }
        | Event::Waiting { .. }
        | Event::Step { .. } => Vec::new(),
    }
}
