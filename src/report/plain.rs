//! Progress for a log file or a pipe: a line for each thing that matters, none twice.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeSet;

use crate::event::{Event, Phase};
use crate::report::format::duration;
use crate::report::sink::error;
use crate::report::{Paint, sanitize, t};

/// Remembers what was said.
#[derive(Default)]
pub(crate) struct Plain {
    said: RefCell<BTreeSet<String>>,
}

impl Plain {
    pub(crate) fn emit(&self, event: &Event) {
        for line in lines(event, Paint::Plain) {
            error(&line);
        }
        if let Event::Waiting { service, last, .. } = event
            && self.said.borrow_mut().insert(service.clone())
        {
            error(&t!(
                "progress.waiting",
                service = service,
                last = sanitize(last)
            ));
        }
    }
}

/// What an event says once and for all; what only goes on says nothing here.
pub(crate) fn lines(event: &Event, paint: Paint) -> Vec<String> {
    match event {
        Event::PullStarted { image } => vec![t!("progress.pulling", image = image).into_owned()],
        Event::PullFinished {
            image,
            problem: None,
        } => vec![t!("progress.pulled", image = image).into_owned()],
        Event::PullFinished {
            image,
            problem: Some(problem),
        } => {
            vec![paint.dim(&t!(
                "progress.cannot_pull",
                image = image,
                why = sanitize(problem)
            ))]
        }
        Event::BuildStarted { image, why } => {
            vec![t!("progress.building", image = image, why = sanitize(why)).into_owned()]
        }
        Event::BuildFinished { image, millis } => {
            vec![t!("progress.built", image = image, time = duration(*millis)).into_owned()]
        }
        Event::ServiceUnavailable { service, reason } => {
            vec![paint.warn(&t!(
                "progress.left_out",
                service = service,
                why = sanitize(reason)
            ))]
        }
        Event::Ready { service, millis } => {
            vec![
                t!(
                    "progress.ready",
                    service = service,
                    time = duration(*millis)
                )
                .into_owned(),
            ]
        }
        Event::ProofPhaseFinished {
            exercise,
            phase,
            problem,
            millis,
        } => {
            let mark = match problem {
                None => paint.good("✓"),
                Some(_) => paint.bad("✗"),
            };
            let time = paint.dim(&duration(*millis));
            let mut lines = vec![format!(
                "  {mark} {exercise}: {} {time}",
                phase_name(*phase)
            )];
            lines.extend(
                problem
                    .iter()
                    .map(|problem| format!("      {}", sanitize(problem))),
            );
            lines
        }
        Event::Note { text } => vec![sanitize(text)],
        Event::PullProgress { .. }
        | Event::FileProgress { .. }
        | Event::BuildStep { .. }
        | Event::BuildLine { .. }
        | Event::OperationStarted { .. }
        | Event::OperationFinished { .. }
        | Event::Waiting { .. }
        | Event::Step { .. } => Vec::new(),
    }
}

/// What a phase of the self-proof shows.
fn phase_name(phase: Phase) -> Cow<'static, str> {
    match phase {
        Phase::Start => t!("progress.phase_start"),
        Phase::Wrong => t!("progress.phase_wrong"),
        Phase::Solution => t!("progress.phase_solution"),
        Phase::SolutionAgain => t!("progress.phase_again"),
        Phase::Reset => t!("progress.phase_reset"),
        Phase::Quiz => t!("progress.phase_quiz"),
    }
}
