//! What a lab is: its files become a [`Lab`], or a list of everything that is wrong with them.
//!
//! Pure: files come in through the [`Files`] seam, nothing is printed and no engine is known here.

mod agree;
mod agree_guides;
mod compose;
mod compose_limits;
mod compose_mounts;
mod compose_values;
mod fields;
mod files;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
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
pub(crate) mod testing;
mod vars;
mod yaml;

pub(crate) use fields::parse_duration;
pub(crate) use files::Files;
pub(crate) use guide::Section;
pub(crate) use id::{BadName, CheckId, ExerciseId, Instance, LabId, RunId, ServiceName, TopicId};
pub(crate) use lang::Lang;
pub(crate) use load::{load, load_catalogue};

/// The JSON Schema of lab.yaml, with `x-roadlab` among its definitions. `schema_tests.rs` proves that the readers agree with it.
pub(crate) const SCHEMA: &str = include_str!("schema.json");
pub(crate) use model::{Exercise, Lab, Level, Network, Quiz, Task, Wrong};
pub(crate) use policy::{CAPABILITIES, memory as judge_memory};
pub(crate) use roadmap::{Roadmap, Topic};
pub(crate) use service::*;
pub(crate) use step::*;
pub(crate) use summary::Summary;
pub(crate) use template::{Addresses, ServiceAddress, render, url as render_url};
