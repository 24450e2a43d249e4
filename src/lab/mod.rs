//! Labs: the files of a lab become a [`Lab`], or a list of all their problems.
//!
//! Files come from a [`FileSystem`]. Nothing here prints or knows about an engine.

mod compose;
#[cfg(test)]
mod compose_keys_tests;
mod consistency;
mod file_system;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod guide;
mod id;
mod image_name;
mod lab_file;
mod lab_order;
mod lang;
mod lines;
mod load;
mod model;
mod parts;
mod policy;
#[cfg(test)]
mod props;
mod random;
mod rendering;
mod roadmap;
mod schema;
#[cfg(test)]
mod schema_tests;
mod script_files;
mod service;
mod size;
mod steps;
mod summary;
mod template;
#[cfg(any(test, fuzzing))]
pub mod testing;
mod trial;
mod typed;
mod variables;
mod yaml;

pub use file_system::{FileSystem, ReadError, UnsafeMount};
pub use guide::{Guide, Section, Template, plain_line};
pub use id::{CheckId, ExerciseId, Instance, InvalidName, LabId, RunId, ServiceName, TopicId};
pub use image_name::{ImageName, without_digest};
pub use lab_order::{EarlierLab, lab_cycles, read_earlier_labs};
pub use lang::Lang;
pub use load::{
    COMPOSE_NAMES, LoadedLab, LoadedServices, OVERRIDE_NAMES, compose_files, load,
    load_compose_files, load_drawn, load_services,
};
pub use model::{About, Exercise, Lab, Level, Network, Quiz, RightAnswer, Task, WrongAnswer};
pub use parts::{ChangedExercises, LabParts};
pub use policy::{CAPABILITIES, check_memory, compose_keys_document};
pub use random::{Draw, RandomValues};
pub use rendering::{render, unresolved, with_instance};
pub use roadmap::{Roadmap, Topic};
pub use schema::schema;
pub use service::{
    Access, Condition, DEFAULT_CPUS, DEFAULT_MEMORY, DEFAULT_PIDS, DEFAULT_READY_WITHIN, Gpus,
    Healthcheck, Limits, Mount, Port, Presence, Protocol, PublishAddress, Recipe, RestartPolicy,
    Service, ServiceInterface, Web,
};
pub(crate) use steps::MONGO_TRANSACTIONAL;
pub use steps::{
    AmqpOperation, AmqpProbe, Binding, Capture, Check, CheckRole, ClientInput, ConditionalHint,
    DEFAULT_TIMEOUT, Effect, ExecProbe, Fault, FaultKind, FileChange, FileProbe, HttpBody,
    HttpProbe, LogProbe, Login, Measurement, MongoProbe, Necessity, OutputFormat, Publish,
    RatioProbe, Reason, RedisProbe, Restart, RestartMode, Secrecy, Side, SqlProbe, SqlText, Step,
    StepKind, StreamOffset, TcpProbe, Touched, Unchanged, Unit, line_of_character,
    not_undone_by_mysql, statement_line,
};
pub use summary::{Summary, SummaryText};
pub use template::{Addresses, ServiceAddress, TemplateError, render_url};
pub use trial::{Trial, TrialAnswers, TrialWrong, load_trial};
pub use typed::{TypedBlock, TypingContext};
pub use yaml::parse_duration;
