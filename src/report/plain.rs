//! Reports events to a log file or a pipe: a line per important event, none twice.

use std::cell::RefCell;
use std::collections::BTreeSet;

use crate::event::{Event, Phase};
use crate::report::format::{duration, memory};
use crate::report::sink::error;
use crate::report::{Paint, Wording, sanitize};
use crate::{localized, text_plural};

/// A reporter that writes lines.
#[derive(Default)]
pub(crate) struct Plain {
    /// The services whose wait was reported.
    reported: RefCell<BTreeSet<String>>,
    wording: Wording,
}

impl Plain {
    pub(crate) fn new(wording: Wording) -> Self {
        Self {
            wording,
            ..Self::default()
        }
    }

    pub(crate) fn report(&self, event: &Event) {
        for line in lines(event, Paint::Plain, self.wording) {
            error(&line);
        }
        // That a service does not answer yet is what waiting means; why is shown if it never does.
        if let Event::Waiting { service, .. } = event
            && self.reported.borrow_mut().insert(service.clone())
        {
            error(&localized!("waiting for {service} to be ready", service));
        }
    }
}

/// Returns the lines of an event. Progress within an operation has none.
pub(crate) fn lines(event: &Event, paint: Paint, wording: Wording) -> Vec<String> {
    match event {
        Event::LabAdded {
            lab,
            version,
            digest,
            updated,
            unchanged,
        } => {
            let version = version.iter().map(|version| format!(" {version}"));
            let lab = format!("{lab}{}", sanitize(&version.collect::<String>()));
            vec![match (updated, unchanged) {
                (_, true) => localized!("{lab} is up to date, digest {digest}", lab, digest),
                (true, false) => localized!("updated {lab}, digest {digest}", lab, digest),
                (false, false) => localized!("added {lab}, digest {digest}", lab, digest),
            }]
        }
        Event::ImagesMissing {
            images,
            bytes,
            free,
        } => {
            let size = memory(*bytes);
            vec![match free {
                Some(free) => localized!(
                    "images to download or build: {images}, at least {size}; {free} free",
                    images,
                    size,
                    free = memory(*free)
                ),
                None => localized!(
                    "images to download or build: {images}, at least {size}",
                    images,
                    size
                ),
            }]
        }
        Event::PullStarted { image } => vec![localized!("pulling {image}", image)],
        Event::PullFinished {
            image,
            problem: None,
            ..
        } => vec![localized!("pulled {image}", image)],
        Event::PullFinished {
            image,
            problem: Some(problem),
            recipe,
        } => {
            let why = sanitize(problem);
            let line = match (recipe, wording) {
                (false, _) => localized!("cannot pull {image}: {why}", image, why),
                (true, Wording::Plain) => localized!(
                    "{image} is not in a registry that can be reached from here; its recipe is used instead",
                    image
                ),
                (true, Wording::Technical) => localized!(
                    "{image} cannot be pulled, and its recipe is used instead: {why}",
                    image,
                    why
                ),
            };
            vec![paint.dim(&line)]
        }
        Event::BuildStarted { image, why } => {
            vec![localized!(
                "building {image} ({why})",
                image,
                why = sanitize(why)
            )]
        }
        Event::BuildFinished { image, millis } => {
            vec![localized!(
                "built {image} in {time}",
                image,
                time = duration(*millis)
            )]
        }
        Event::ServiceUnavailable { service, reason } => {
            vec![paint.warn(&localized!(
                "{service} is unavailable, the rest of the lab works: {why}",
                service,
                why = sanitize(reason)
            ))]
        }
        Event::ServicesNeedTrust {
            services,
            requests,
            command,
        } => {
            let mut lines = vec![paint.warn(&localized!(
                "left out, because they need `--trust`: {services}; the rest of the lab works",
                services = services.join(", ")
            ))];
            lines.extend(requests.iter().map(|one| format!("  {}", sanitize(one))));
            lines.push(localized!(
                "`{command}` grants this and starts them",
                command
            ));
            lines
        }
        Event::Ready { service, millis } => {
            vec![localized!(
                "{service} ready after {time}",
                service,
                time = duration(*millis)
            )]
        }
        // What passes is part of the line for the exercise.
        Event::ProofPhaseFinished { problem: None, .. } if wording == Wording::Plain => Vec::new(),
        Event::ProofPhaseFinished {
            exercise,
            phase,
            problems,
            millis,
            ..
        } => {
            let sign = sign(problems.is_empty(), paint);
            let time = paint.dim(&duration(*millis));
            let mut lines = vec![format!("{sign} {exercise}: {} {time}", phase_name(*phase))];
            // The report at the end has them again, with their places. A test that is interrupted never comes to that.
            lines.extend(
                problems
                    .iter()
                    .map(|one| format!("      {}", sanitize(&one.problem))),
            );
            lines
        }
        Event::PartTested {
            exercise,
            answers,
            problems,
            millis,
        } => {
            let sign = sign(*problems == 0, paint);
            let time = paint.dim(&duration(*millis));
            let line = match exercise {
                None => format!("{sign} {} {time}", localized!("the lab as a whole")),
                Some(exercise) if *answers == 0 => format!("{sign} {exercise} {time}"),
                Some(exercise) => {
                    let answers =
                        text_plural!("{count} answer", "{count} answers", count = *answers);
                    format!("{sign} {exercise}: {} {time}", answers.localized())
                }
            };
            vec![line]
        }
        // An instance becomes ready again after each restart.
        Event::OfInstance(of)
            if wording == Wording::Plain && matches!(*of.event, Event::Ready { .. }) =>
        {
            Vec::new()
        }
        Event::OfInstance(of) => {
            let mut lines = lines(&of.event, paint, wording);
            if let Some(first) = lines.first_mut() {
                *first = format!("{}: {first}", of.lab);
            }
            lines
        }
        Event::Warning(warning) => vec![sanitize(&warning.text().localized())],
        Event::PullProgress { .. }
        | Event::FileProgress { .. }
        | Event::BuildStep { .. }
        | Event::BuildLine { .. }
        | Event::EngineSetupLine { .. }
        | Event::OperationStarted { .. }
        | Event::OperationFinished { .. }
        | Event::Waiting { .. }
        | Event::AnswerStarted { .. }
        | Event::AnswerFinished { .. }
        | Event::StartPartFinished { .. }
        | Event::Step { .. } => Vec::new(),
    }
}

fn sign(passed: bool, paint: Paint) -> String {
    match passed {
        true => paint.good("✓"),
        false => paint.bad("✗"),
    }
}

/// Returns what a phase of `roadlab test` shows.
fn phase_name(phase: Phase) -> String {
    match phase {
        Phase::Start => localized!("fails at the start"),
        Phase::WrongAnswer => localized!("wrong answers fail with their hint"),
        Phase::Solution => localized!("the solution passes"),
        Phase::SolutionAgain => localized!("the solution passes twice"),
        Phase::Reset => localized!("fails again after a reset"),
        Phase::Quiz => localized!("only the right choice counts"),
        Phase::RightAnswer => localized!("other right answers pass"),
        Phase::LeftOut => localized!("no step of the solution can be left out"),
        Phase::Decides => localized!("each check decides for a wrong answer"),
        Phase::Weakened => localized!("no check could be weaker"),
        Phase::OpenTransaction => localized!("reset with an open transaction"),
        Phase::OtherDraw => localized!("other random values need another answer"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pull_that_fails_is_no_failure_where_a_recipe_is_used() {
        let check = |recipe, wording, expected: &str| {
            let event = Event::PullFinished {
                image: "redis:8.0".to_owned(),
                problem: Some("no route".to_owned()),
                recipe,
            };
            assert_eq!(lines(&event, Paint::Plain, wording), [expected]);
        };
        check(
            true,
            Wording::Plain,
            "redis:8.0 is not in a registry that can be reached from here; its recipe is used instead",
        );
        check(
            true,
            Wording::Technical,
            "redis:8.0 cannot be pulled, and its recipe is used instead: no route",
        );
        check(false, Wording::Plain, "cannot pull redis:8.0: no route");
    }
}
