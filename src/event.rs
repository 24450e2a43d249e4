//! What happens while a command runs, as data for reporters and for `--json`. Nothing here prints.

mod of_instance;
mod played_answer;
mod result_line;
mod side_times;
mod warning;

use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::Serialize;

use crate::diagnosis::LikelyCause;
use crate::expect::Words;
use crate::lab::CheckRole;

pub use of_instance::InstanceEvent;
pub use played_answer::{CheckView, FieldView, HintView, PlayedAnswer};
pub use result_line::{
    CheckedCheck, CheckedExercise, IndistinguishableAnswer, JudgedExercise, ProofFigures,
    ResultLine, TestProblem, TestedLab,
};
pub use side_times::{SideTimes, ratios};
pub use warning::Warning;

/// Something that happened. `--json` prints one event per line; names and fields are never removed or changed, only added.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(tag = "event")]
pub enum Event {
    /// Images of the lab are not on this machine; they are pulled or built now.
    #[serde(rename = "images_missing")]
    ImagesMissing {
        /// How many they are.
        images: usize,
        /// How much of the disk they will take together at least, in bytes.
        bytes: u64,
        /// What is free where the engine keeps images, in bytes; null if that is not known.
        free: Option<u64>,
    },
    /// The pull of an image started.
    #[serde(rename = "pull_begun")]
    PullStarted {
        /// The reference of the image, such as `redis:8`.
        image: String,
    },
    /// The pull of an image, or of one of its layers, made progress.
    #[serde(rename = "pull_progress")]
    PullProgress {
        /// The reference of the image.
        image: String,
        /// The short digest of the layer; empty for messages about the whole image.
        layer: String,
        /// The message of the engine, such as `Downloading`.
        status: String,
        /// Bytes done; null if the engine does not report them.
        current: Option<u64>,
        /// Bytes in total; null if the engine does not report them.
        total: Option<u64>,
    },
    /// The pull of an image finished or failed.
    #[serde(rename = "pull_ended")]
    PullFinished {
        /// The reference of the image.
        image: String,
        /// Why the image could not be pulled; null after success.
        problem: Option<String>,
        /// Whether an image built from the service's recipe is used instead.
        recipe: bool,
    },
    /// A lab was added or updated, or was there already, because `up` or `run` got a file.
    #[serde(rename = "lab_added")]
    LabAdded {
        /// The name of the lab.
        lab: String,
        /// The author's version; null if it has none.
        version: Option<String>,
        /// The SHA-256 that stands for the lab with everything that belongs to it.
        digest: String,
        /// Whether the lab was there before in another version.
        updated: bool,
        /// Whether exactly this lab was there before, so that nothing was changed.
        unchanged: bool,
    },
    /// An image file was written or read up to a position.
    #[serde(rename = "file_progress")]
    FileProgress {
        /// The path of the file.
        file: String,
        /// Bytes done.
        current: u64,
        /// Bytes in total, as far as they are known in advance.
        total: u64,
    },
    /// The build of an image from a recipe started.
    #[serde(rename = "build_begun")]
    BuildStarted {
        /// The reference of the image.
        image: String,
        /// Why it is built and from what, for people.
        why: String,
    },
    /// The build of an image reached an instruction.
    #[serde(rename = "build_step")]
    BuildStep {
        /// The reference of the image.
        image: String,
        /// The number of the instruction, from 1.
        step: u32,
        /// The number of instructions.
        steps: u32,
        /// The instruction as it is written in the Dockerfile.
        name: String,
    },
    /// The build of an image printed a line.
    #[serde(rename = "build_line")]
    BuildLine {
        /// The reference of the image.
        image: String,
        /// The line as the build printed it.
        line: String,
    },
    /// The installation or start of the engine printed a line.
    #[serde(rename = "build_line")]
    EngineSetupLine {
        /// Always `engine`, which is not an image.
        image: EngineSetup,
        /// The line as the installer printed it.
        line: String,
    },
    /// The build of an image finished.
    #[serde(rename = "build_ended")]
    BuildFinished {
        /// The reference of the image.
        image: String,
        /// The duration in milliseconds.
        millis: u64,
    },
    /// An optional service is left out because its image is not available.
    #[serde(rename = "service_unavailable")]
    ServiceUnavailable {
        /// The name of the service in compose.yaml.
        service: String,
        /// Why the image is not available, for people.
        reason: String,
    },
    /// Optional services are left out because they request what needs `--trust`.
    #[serde(rename = "services_need_trust")]
    ServicesNeedTrust {
        /// The names of the services in compose.yaml.
        services: Vec<String>,
        /// What they request, for people.
        requests: Vec<String>,
        /// The command that grants this and starts them.
        command: String,
    },
    /// An operation of the plan started.
    #[serde(rename = "operation_begun")]
    OperationStarted {
        /// The operation as the plan prints it, such as `start redis`.
        operation: String,
    },
    /// An operation of the plan finished.
    #[serde(rename = "operation_ended")]
    OperationFinished {
        /// The operation as the plan prints it.
        operation: String,
        /// The duration in milliseconds.
        millis: u64,
    },
    /// A service was probed and is not ready yet.
    #[serde(rename = "waiting")]
    Waiting {
        /// The name of the service.
        service: String,
        /// The number of probes so far.
        attempts: u32,
        /// The result of the last probe, for people.
        last: String,
    },
    /// A service is ready.
    #[serde(rename = "ready")]
    Ready {
        /// The name of the service.
        service: String,
        /// The time since the wait started, in milliseconds.
        millis: u64,
    },
    /// A step of a solution, a start or a reset is run.
    #[serde(rename = "step")]
    Step {
        /// The step, for people.
        step: String,
    },
    /// A part of a start or a reset that is no operation of the plan finished.
    #[serde(rename = "part_ended")]
    StartPartFinished {
        /// The part.
        part: StartPart,
        /// The step, for people; null for every other part.
        step: Option<String>,
        /// The duration in microseconds.
        micros: u64,
    },
    /// `roadlab test` starts to play an answer to an exercise.
    #[serde(rename = "playing")]
    AnswerStarted {
        /// The id of the exercise.
        exercise: String,
        /// The answer, for people.
        answer: String,
        /// The number of the answer among all answers of the lab, from 1.
        number: usize,
        /// The number of all answers of the lab.
        answers: usize,
    },
    /// `roadlab test` has played an answer to an exercise, and knows what the checks saw.
    #[serde(rename = "played")]
    AnswerFinished {
        /// The id of the exercise.
        exercise: String,
        /// The answer, for people.
        answer: String,
        /// Whether every check passed; null if the answer could not be played.
        passed: Option<bool>,
        /// The duration of the reset and of the solutions that the exercise builds on, in milliseconds.
        prepare_millis: u64,
        /// The duration of the steps of the answer, in milliseconds.
        steps_millis: u64,
        /// The duration of the checks, in milliseconds.
        checks_millis: u64,
    },
    /// A phase of `roadlab test` finished for an exercise.
    #[serde(rename = "proved")]
    ProofPhaseFinished {
        /// The id of the exercise.
        exercise: String,
        /// The phase.
        phase: Phase,
        /// The first reason why the phase failed; null after success.
        problem: Option<String>,
        /// Everything for which the phase failed, as in the line `tested`.
        problems: Vec<TestProblem>,
        /// What fails only a strict test.
        notes: Vec<TestProblem>,
        /// The duration in milliseconds.
        millis: u64,
    },
    /// A part of the test of a lab finished: one exercise, or what is true of the lab as a whole.
    #[serde(rename = "part_tested")]
    PartTested {
        /// The id of the exercise; null for the lab as a whole.
        exercise: Option<String>,
        /// The number of answers that were played.
        answers: usize,
        /// The number of problems that were found.
        problems: usize,
        /// The duration in milliseconds.
        millis: u64,
    },
    /// A note for people.
    #[serde(rename = "note")]
    Warning(Warning),
    /// An event of one of the instances that `roadlab test` uses. In JSON it is the event itself with the fields of the instance.
    #[serde(untagged)]
    #[schemars(skip)]
    OfInstance(InstanceEvent),
}

impl Event {
    /// Returns the event for a part of a start that began at a time and is finished now.
    pub fn start_part_finished(part: StartPart, begun: Instant) -> Self {
        Event::StartPartFinished {
            part,
            step: None,
            micros: begun.elapsed().as_micros() as u64,
        }
    }

    /// Returns the event for a line of the engine's installation.
    pub fn engine_setup_line(line: impl Into<String>) -> Self {
        Event::EngineSetupLine {
            image: EngineSetup::Engine,
            line: line.into(),
        }
    }
}

/// A part of a start that is no operation of the plan.
#[derive(Debug, Clone, Copy, Serialize, PartialEq, Eq, JsonSchema)]
pub enum StartPart {
    /// The lab is read and checked.
    #[serde(rename = "lab")]
    Lab,
    /// An engine is found, or installed and started.
    #[serde(rename = "engine")]
    Engine,
    /// Images are looked for, and pulled or built.
    #[serde(rename = "images")]
    Images,
    /// What is on the engine is compared with the journal.
    #[serde(rename = "observe")]
    Observe,
    /// The plan is made: ports, networks and containers.
    #[serde(rename = "plan")]
    Plan,
    /// One of the steps that seed or prepare the services.
    #[serde(rename = "step")]
    Step,
    /// The learner's files are written.
    #[serde(rename = "files")]
    Files,
    /// What must stay unchanged is recorded.
    #[serde(rename = "baselines")]
    Baselines,
    /// New volumes are filled from a copy that an earlier start made.
    #[serde(rename = "fill")]
    FillVolumes,
    /// The volumes of services that have just become ready are copied for later starts.
    #[serde(rename = "copy")]
    CopyVolumes,
}

impl StartPart {
    /// Every part, in the order of a start.
    pub const ALL: [Self; 10] = [
        StartPart::Lab,
        StartPart::Engine,
        StartPart::Images,
        StartPart::Observe,
        StartPart::Plan,
        StartPart::FillVolumes,
        StartPart::CopyVolumes,
        StartPart::Step,
        StartPart::Files,
        StartPart::Baselines,
    ];
}

/// The value of `image` while the engine is being set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub enum EngineSetup {
    #[serde(rename = "engine")]
    Engine,
}

/// A service that did not become ready, with everything that helps to find out why.
#[derive(Debug, Clone)]
pub struct NotReady {
    pub lab: String,
    /// The lab as it is typed after a command: with the option for its instance.
    pub argument: String,
    pub service: String,
    pub waited: Duration,
    /// The probe, for people.
    pub probe: String,
    pub attempts: u32,
    /// The result of the last probe.
    pub last: String,
    /// The state of the container; `None` if the engine did not answer.
    pub container: Option<ContainerStatus>,
    /// The memory limit of the service in bytes.
    pub memory_limit: Option<i64>,
    /// The last lines of its log.
    pub log: Vec<String>,
    pub cause: Option<LikelyCause>,
}

/// The state of a container after a failed wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerStatus {
    pub running: bool,
    /// The exit code of a container that exited.
    pub exit_code: i64,
    pub out_of_memory: bool,
    /// The engine's message if the container could not start; else empty.
    pub error: String,
}

/// The result of one check: the only form in which it goes from the probe to text and JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckResult {
    /// The id of the check in its exercise; `answer` for a quiz.
    pub check: String,
    pub role: CheckRole,
    /// The sentence of the guide that says what is checked.
    pub about: String,
    pub outcome: Outcome,
    /// The expected and the actual value for people; empty if the check passes or they are not shown.
    pub words: Words,
}

/// The outcome of a check or a step. A value that does not match is an outcome, not an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The actual value matches.
    Pass,
    /// The actual value does not match.
    Fail {
        /// The value that must be there, in words.
        expected: String,
        /// The value that is there, in words.
        actual: String,
        /// The name of the hint for this actual value.
        hint: Option<String>,
    },
    /// There is no actual value: the service cannot be reached, the probe cannot run, or it timed out.
    ProbeError { reason: String },
}

impl Outcome {
    /// Returns the name of the outcome in JSON: `pass`, `fail` or `unseen`.
    pub fn name(&self) -> &'static str {
        match self {
            Outcome::Pass => "pass",
            Outcome::Fail { .. } => "fail",
            Outcome::ProbeError { .. } => "unseen",
        }
    }

    /// Returns whether the check passes.
    pub fn passed(&self) -> bool {
        matches!(self, Outcome::Pass)
    }

    /// Returns the expected value of a check that fails.
    pub fn expected(&self) -> Option<&str> {
        match self {
            Outcome::Fail { expected, .. } => Some(expected),
            Outcome::Pass | Outcome::ProbeError { .. } => None,
        }
    }

    /// Returns the actual value of a check that fails, or why there is none.
    pub fn actual(&self) -> Option<&str> {
        match self {
            Outcome::Pass => None,
            Outcome::Fail { actual, .. } => Some(actual),
            Outcome::ProbeError { reason } => Some(reason),
        }
    }

    /// Returns the name of the hint for the actual value.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Outcome::Fail { hint, .. } => hint.as_deref(),
            Outcome::Pass | Outcome::ProbeError { .. } => None,
        }
    }
}

/// A phase of `roadlab test`.
#[derive(Debug, Clone, Copy, Serialize, PartialEq, Eq, JsonSchema)]
pub enum Phase {
    /// Every check fails at the start, every guard passes.
    #[serde(rename = "start")]
    Start,
    /// Every wrong answer fails with its hint.
    #[serde(rename = "wrong")]
    WrongAnswer,
    /// The solution passes.
    #[serde(rename = "solution")]
    Solution,
    /// The solution passes when it is run again.
    #[serde(rename = "solution_again")]
    SolutionAgain,
    /// After a reset every check fails again.
    #[serde(rename = "reset")]
    Reset,
    /// The right choice of a quiz is accepted; every other choice is rejected.
    #[serde(rename = "quiz")]
    Quiz,
    /// Every other right answer passes.
    #[serde(rename = "right")]
    RightAnswer,
    /// The solution fails without any of its steps.
    #[serde(rename = "left_out")]
    LeftOut,
    /// For each check there is a wrong answer that fails by it alone.
    #[serde(rename = "decides")]
    Decides,
    /// For each weaker form of a matcher there is a wrong answer that its check would accept.
    #[serde(rename = "weakened")]
    Weakened,
    /// A reset works, or says what to do, while another session has an open transaction.
    #[serde(rename = "open_transaction")]
    OpenTransaction,
    /// With other random values, the solution passes and the answers of the first ones fail.
    #[serde(rename = "other_draw")]
    OtherDraw,
}

impl Phase {
    /// Every phase, in the order in which they were added.
    pub const ALL: [Self; 12] = [
        Phase::Start,
        Phase::WrongAnswer,
        Phase::Solution,
        Phase::SolutionAgain,
        Phase::Reset,
        Phase::Quiz,
        Phase::RightAnswer,
        Phase::LeftOut,
        Phase::Decides,
        Phase::Weakened,
        Phase::OpenTransaction,
        Phase::OtherDraw,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Phase::Start => "fails at the start",
            Phase::WrongAnswer => "wrong answers fail with their hint",
            Phase::Solution => "the solution passes",
            Phase::SolutionAgain => "the solution passes twice",
            Phase::Reset => "fails again after a reset",
            Phase::Quiz => "only the right choice counts",
            Phase::RightAnswer => "other right answers pass",
            Phase::LeftOut => "no step of the solution can be left out",
            Phase::Decides => "each check decides for a wrong answer",
            Phase::Weakened => "no check could be weaker",
            Phase::OpenTransaction => "reset with an open transaction",
            Phase::OtherDraw => "other random values need another answer",
        }
    }
}

/// Returns the JSON Schema of a line, an event or a result, for programs that read `--json`.
pub fn schema() -> serde_json::Value {
    let mut generator = schemars::SchemaGenerator::default();
    let mut variants = Vec::new();
    for schema in [
        Event::json_schema(&mut generator),
        ResultLine::json_schema(&mut generator),
    ] {
        // `Event` has a variant whose JSON is that of another one.
        let schema = schema.to_value();
        let alternatives = schema.get("oneOf").or_else(|| schema.get("anyOf"));
        if let Some(serde_json::Value::Array(more)) = alternatives {
            variants.extend(more.iter().cloned());
        }
    }
    serde_json::json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Event",
        "description": "A line of `--json`: something that happened, or a result. Names and fields are never removed or changed, only added.",
        "properties": of_instance::properties(),
        // A line of the engine's setup is a build line too, so more than one alternative may match.
        "anyOf": variants,
        "$defs": generator.take_definitions(true),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns an event of each variant.
    fn every_event() -> Vec<Event> {
        let image = || "redis:8".to_owned();
        let service = || "cache".to_owned();
        let operation = || "start cache".to_owned();
        let progress = |current| Event::PullProgress {
            image: image(),
            layer: "a1b2c3".to_owned(),
            status: "Downloading".to_owned(),
            current,
            total: current.map(|bytes| bytes * 2),
        };
        let mut events = vec![
            Event::ImagesMissing {
                images: 2,
                bytes: 300 << 20,
                free: Some(5 << 30),
            },
            Event::ImagesMissing {
                images: 1,
                bytes: 93 << 20,
                free: None,
            },
            Event::PullStarted { image: image() },
            progress(Some(7)),
            progress(None),
            Event::PullFinished {
                image: image(),
                problem: Some("no route".to_owned()),
                recipe: true,
            },
            Event::LabAdded {
                lab: "redis".to_owned(),
                version: Some("1.2".to_owned()),
                digest: "0a1b".to_owned(),
                updated: false,
                unchanged: false,
            },
            Event::FileProgress {
                file: "labs.tar".to_owned(),
                current: 1,
                total: 2,
            },
            Event::BuildStarted {
                image: image(),
                why: "no registry".to_owned(),
            },
            Event::BuildStep {
                image: image(),
                step: 1,
                steps: 3,
                name: "RUN true".to_owned(),
            },
            Event::BuildLine {
                image: image(),
                line: "done".to_owned(),
            },
            Event::engine_setup_line("Setting up docker.io"),
            Event::BuildFinished {
                image: image(),
                millis: 5,
            },
            Event::ServiceUnavailable {
                service: service(),
                reason: "no image".to_owned(),
            },
            Event::ServicesNeedTrust {
                services: vec![service()],
                requests: vec!["capability `NET_RAW`".to_owned()],
                command: "roadlab up small --trust".to_owned(),
            },
            Event::OperationStarted {
                operation: operation(),
            },
            Event::OperationFinished {
                operation: operation(),
                millis: 5,
            },
            Event::Waiting {
                service: service(),
                attempts: 2,
                last: "refused".to_owned(),
            },
            Event::Ready {
                service: service(),
                millis: 5,
            },
            Event::Step {
                step: "SET a 1".to_owned(),
            },
            Event::start_part_finished(StartPart::Plan, Instant::now()),
            Event::StartPartFinished {
                part: StartPart::Step,
                step: Some("SET a 1".to_owned()),
                micros: 5,
            },
            Event::AnswerStarted {
                exercise: "ttl".to_owned(),
                answer: "the solution".to_owned(),
                number: 1,
                answers: 9,
            },
            Event::AnswerFinished {
                exercise: "ttl".to_owned(),
                answer: "the solution".to_owned(),
                passed: Some(true),
                prepare_millis: 5,
                steps_millis: 5,
                checks_millis: 5,
            },
            Event::PartTested {
                exercise: None,
                answers: 9,
                problems: 0,
                millis: 5,
            },
            Event::Warning(Warning::WaitingForRemoval {
                lab: "redis".to_owned(),
            }),
        ];
        events.extend(Phase::ALL.map(|phase| Event::ProofPhaseFinished {
            exercise: "ttl".to_owned(),
            phase,
            problem: None,
            problems: vec![TestProblem {
                exercise: "ttl".to_owned(),
                phase,
                problem: "a hint is missing".to_owned(),
                check: None,
                file: None,
                line: Some(1),
            }],
            notes: Vec::new(),
            millis: 5,
        }));
        events
    }

    /// Returns the name of the variant; a new variant does not compile until it is here.
    fn variant(event: &Event) -> &'static str {
        match event {
            Event::ImagesMissing { .. } => "ImagesMissing",
            Event::PullStarted { .. } => "PullStarted",
            Event::PullProgress { .. } => "PullProgress",
            Event::PullFinished { .. } => "PullFinished",
            Event::FileProgress { .. } => "FileProgress",
            Event::LabAdded { .. } => "LabAdded",
            Event::BuildStarted { .. } => "BuildStarted",
            Event::BuildStep { .. } => "BuildStep",
            Event::BuildLine { .. } => "BuildLine",
            Event::EngineSetupLine { .. } => "EngineSetupLine",
            Event::BuildFinished { .. } => "BuildFinished",
            Event::ServiceUnavailable { .. } => "ServiceUnavailable",
            Event::ServicesNeedTrust { .. } => "ServicesNeedTrust",
            Event::OperationStarted { .. } => "OperationStarted",
            Event::OperationFinished { .. } => "OperationFinished",
            Event::Waiting { .. } => "Waiting",
            Event::Ready { .. } => "Ready",
            Event::Step { .. } => "Step",
            Event::StartPartFinished { .. } => "StartPartFinished",
            Event::AnswerStarted { .. } => "AnswerStarted",
            Event::AnswerFinished { .. } => "AnswerFinished",
            Event::ProofPhaseFinished { .. } => "ProofPhaseFinished",
            Event::PartTested { .. } => "PartTested",
            Event::Warning(_) => "Warning",
            Event::OfInstance(of) => variant(&of.event),
        }
    }

    #[test]
    fn every_event_is_valid_by_the_schema() {
        let schema = schema();
        let mut compiler = boon::Compiler::new();
        let mut schemas = boon::Schemas::new();
        compiler.add_resource("schema.json", schema).unwrap();
        let index = compiler.compile("schema.json", &mut schemas).unwrap();
        let validate = |json: &serde_json::Value| {
            let error = schemas.validate(json, index).err();
            error.map(|error| format!("{error:#}"))
        };
        let of_instance = |event| {
            Event::OfInstance(InstanceEvent {
                lab: "redis".to_owned(),
                instance: "test-1".to_owned(),
                exercise: Some("ttl".to_owned()),
                event: Box::new(event),
            })
        };
        let of_instances = every_event().into_iter().map(of_instance);
        for event in every_event().into_iter().chain(of_instances) {
            let json = serde_json::to_value(&event).unwrap();
            assert_eq!(validate(&json), None, "{json}");
        }
        let unknown = serde_json::json!({ "event": "unknown" });
        assert!(validate(&unknown).is_some());
        let incomplete = serde_json::json!({ "event": "ready", "service": "cache" });
        assert!(validate(&incomplete).is_some());
    }

    #[test]
    fn the_schema_has_every_variant_and_describes_every_field() {
        let variants: std::collections::BTreeSet<_> = every_event().iter().map(variant).collect();
        let schema = schema();
        let described = schema["anyOf"].as_array().unwrap();
        // Seven lines are results.
        assert_eq!(described.len(), variants.len() + 7);
        for variant in described {
            assert!(variant["description"].is_string(), "{variant}");
            let fields = variant["properties"].as_object().unwrap();
            for (name, field) in fields.iter().filter(|(name, _)| *name != "event") {
                assert!(field["description"].is_string(), "{name} of {variant}");
            }
        }
    }
}
