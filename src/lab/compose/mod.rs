//! The documented subset of the Compose Specification, and the `x-roadlab` of a service.

mod build;
mod composition;
mod env_file;
mod merge;
mod mounts;
mod networks;
mod numbers;
mod pairs;
mod paths;
mod ports;
mod resources;
mod service_reader;
mod values;
mod workspace_variable;
mod x_roadlab;

pub(crate) use composition::{Composition, env_place, read_composition, read_env_defaults};
pub(crate) use networks::{check_files, check_volumes, read_networks};
#[cfg(any(test, fuzzing))]
pub(crate) use ports::read_ports;
pub(crate) use service_reader::{Services, inactive_but_used, read_services};
pub(crate) use workspace_variable::compose_variables;
#[cfg(test)]
pub(crate) use x_roadlab::read_interface;
