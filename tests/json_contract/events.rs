//! The events of `--json`, compared with their recorded names and fields in `events.txt`.

use serde_json::to_value;

use roadlab::event::{Event, InstanceEvent, Outcome, Phase, StartPart, TestProblem, Warning};

use super::EVENTS;
use super::shape::{Contract, OF_INSTANCE, Shapes};

/// The name of an event in JSON. A new event needs a name here, a sample below and lines in the file.
fn name(event: &Event) -> &'static str {
    match event {
        Event::ImagesMissing { .. } => "images_missing",
        Event::PullStarted { .. } => "pull_begun",
        Event::PullProgress { .. } => "pull_progress",
        Event::PullFinished { .. } => "pull_ended",
        Event::FileProgress { .. } => "file_progress",
        Event::LabAdded { .. } => "lab_added",
        Event::BuildStarted { .. } => "build_begun",
        Event::BuildStep { .. } => "build_step",
        Event::BuildLine { .. } | Event::EngineSetupLine { .. } => "build_line",
        Event::BuildFinished { .. } => "build_ended",
        Event::ServiceUnavailable { .. } => "service_unavailable",
        Event::ServicesNeedTrust { .. } => "services_need_trust",
        Event::OperationStarted { .. } => "operation_begun",
        Event::OperationFinished { .. } => "operation_ended",
        Event::Waiting { .. } => "waiting",
        Event::Ready { .. } => "ready",
        Event::Step { .. } => "step",
        Event::StartPartFinished { .. } => "part_ended",
        Event::AnswerStarted { .. } => "playing",
        Event::AnswerFinished { .. } => "played",
        Event::ProofPhaseFinished { .. } => "proved",
        Event::PartTested { .. } => "part_tested",
        Event::Warning(_) => "note",
        Event::OfInstance(of) => name(&of.event),
    }
}

/// Each event with and without its optional values.
fn samples() -> Vec<Event> {
    let text = || "text".to_owned();
    let mut samples = vec![
        Event::ImagesMissing {
            images: 2,
            bytes: 1,
            free: Some(1),
        },
        Event::ImagesMissing {
            images: 2,
            bytes: 1,
            free: None,
        },
        Event::PullStarted { image: text() },
        Event::LabAdded {
            lab: text(),
            version: None,
            digest: text(),
            updated: false,
            unchanged: true,
        },
        Event::LabAdded {
            lab: text(),
            version: Some(text()),
            digest: text(),
            updated: true,
            unchanged: false,
        },
        Event::FileProgress {
            file: text(),
            current: 1,
            total: 2,
        },
        Event::BuildStarted {
            image: text(),
            why: text(),
        },
        Event::BuildStep {
            image: text(),
            step: 1,
            steps: 2,
            name: text(),
        },
        Event::BuildLine {
            image: text(),
            line: text(),
        },
        Event::BuildFinished {
            image: text(),
            millis: 1,
        },
        Event::ServiceUnavailable {
            service: text(),
            reason: text(),
        },
        Event::ServicesNeedTrust {
            services: vec![text()],
            requests: vec![text()],
            command: text(),
        },
        Event::OperationStarted { operation: text() },
        Event::OperationFinished {
            operation: text(),
            millis: 1,
        },
        Event::Waiting {
            service: text(),
            attempts: 1,
            last: text(),
        },
        Event::Ready {
            service: text(),
            millis: 1,
        },
        Event::Step { step: text() },
        Event::StartPartFinished {
            part: StartPart::Plan,
            step: None,
            micros: 1,
        },
        Event::StartPartFinished {
            part: StartPart::Step,
            step: Some(text()),
            micros: 1,
        },
        Event::AnswerStarted {
            exercise: text(),
            answer: text(),
            number: 1,
            answers: 2,
        },
        Event::Warning(Warning::WaitingForRemoval { lab: text() }),
    ];
    for problem in [None, Some(text())] {
        samples.push(Event::PullProgress {
            image: text(),
            layer: text(),
            status: text(),
            current: problem.as_ref().map(|_| 1),
            total: problem.as_ref().map(|_| 2),
        });
        samples.push(Event::PullFinished {
            image: text(),
            problem: problem.clone(),
            recipe: true,
        });
        let found = |problem: &String| TestProblem {
            exercise: text(),
            phase: Phase::Start,
            problem: problem.clone(),
            check: Some(text()),
            file: Some(text()),
            line: Some(1),
        };
        let found: Vec<TestProblem> = problem.iter().map(found).collect();
        samples.push(Event::ProofPhaseFinished {
            exercise: text(),
            phase: Phase::Start,
            problem: problem.clone(),
            problems: found.clone(),
            notes: found,
            millis: 1,
        });
        samples.push(Event::AnswerFinished {
            exercise: text(),
            answer: text(),
            passed: problem.as_ref().map(|_| true),
            prepare_millis: 1,
            steps_millis: 1,
            checks_millis: 1,
        });
        samples.push(Event::PartTested {
            exercise: problem,
            answers: 1,
            problems: 0,
            millis: 1,
        });
    }
    samples
}

#[apply(test)]
fn events_keep_their_names_and_fields() {
    let contract = Contract::read(EVENTS);
    let mut shapes = Shapes::default();
    for event in samples() {
        let value = to_value(&event).unwrap();
        assert_eq!(value["event"], name(&event));
        contract.check_event(&value);
        shapes.add(name(&event), &value);
    }
    for exercise in [None, Some("text".to_owned())] {
        let event = to_value(Event::OfInstance(InstanceEvent {
            lab: "text".to_owned(),
            instance: "text".to_owned(),
            exercise,
            event: Box::new(Event::Step {
                step: "text".to_owned(),
            }),
        }));
        let mut event = event.unwrap();
        contract.check_event(&event);
        let fields = event.as_object_mut().unwrap();
        fields.retain(|name, _| ["exercise", "lab", "instance"].contains(&name.as_str()));
        shapes.add(OF_INSTANCE, &event);
    }
    contract.check(&shapes, |_| true);
}

#[apply(test)]
fn phases_parts_and_outcomes_keep_their_names() {
    let phases = [
        (Phase::Start, "start"),
        (Phase::WrongAnswer, "wrong"),
        (Phase::Solution, "solution"),
        (Phase::SolutionAgain, "solution_again"),
        (Phase::Reset, "reset"),
        (Phase::Quiz, "quiz"),
        (Phase::RightAnswer, "right"),
        (Phase::LeftOut, "left_out"),
        (Phase::Decides, "decides"),
        (Phase::Weakened, "weakened"),
        (Phase::OpenTransaction, "open_transaction"),
        (Phase::OtherDraw, "other_draw"),
    ];
    assert_eq!(phases.map(|(phase, _)| phase), Phase::ALL);
    for (phase, name) in phases {
        assert_eq!(to_value(phase).unwrap(), name);
    }
    let parts = [
        (StartPart::Lab, "lab"),
        (StartPart::Engine, "engine"),
        (StartPart::Images, "images"),
        (StartPart::Observe, "observe"),
        (StartPart::Plan, "plan"),
        (StartPart::FillVolumes, "fill"),
        (StartPart::CopyVolumes, "copy"),
        (StartPart::Step, "step"),
        (StartPart::Files, "files"),
        (StartPart::Baselines, "baselines"),
    ];
    assert_eq!(parts.map(|(part, _)| part), StartPart::ALL);
    for (part, name) in parts {
        assert_eq!(to_value(part).unwrap(), name);
    }
    let fail = Outcome::Fail {
        expected: String::new(),
        actual: String::new(),
        hint: None,
    };
    let probe_error = Outcome::ProbeError {
        reason: String::new(),
    };
    let outcomes = [Outcome::Pass, fail, probe_error];
    assert_eq!(
        outcomes.each_ref().map(Outcome::name),
        ["pass", "fail", "unseen"]
    );
}
