//! What a lab is: its files become a [`Lab`], or a list of everything that is wrong with them.
//!
//! Pure: files come in through the [`FileSystem`] seam, nothing is printed and no engine is known here.

mod agree;
mod agree_guides;
mod compose;
mod compose_limits;
mod compose_mounts;
mod compose_values;
mod fields;
mod files;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod guide;
mod id;
mod include;
mod lab_file;
mod lang;
mod load;
mod merge;
mod model;
mod policy;
mod policy_values;
#[cfg(test)]
mod props;
mod read_amqp;
mod read_matcher;
mod read_probe;
mod read_step;
mod roadmap;
#[cfg(test)]
mod schema_tests;
mod service;
mod step;
mod summary;
mod talk;
mod template;
#[cfg(any(test, fuzzing))]
pub mod testing;
mod vars;
mod yaml;

pub use fields::parse_duration;
pub use files::FileSystem;
pub use guide::Section;
pub use id::{CheckId, ExerciseId, Instance, InvalidName, LabId, RunId, ServiceName, TopicId};
pub use lang::Lang;
pub use load::{LoadedLab, load, load_catalogue};

/// The JSON Schema of lab.yaml, with `x-roadlab` among its definitions. `schema_tests.rs` proves that the readers agree with it.
pub const SCHEMA: &str = include_str!("schema.json");
pub use model::{Exercise, Lab, Level, Network, Quiz, Task, Wrong};
pub use policy::{CAPABILITIES, memory as check_memory};
pub use roadmap::{Roadmap, Topic};
pub use service::*;
pub use step::*;
pub use summary::Summary;
pub use template::{Addresses, ServiceAddress, render, url as render_url};
