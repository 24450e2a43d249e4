//! What probes need to know of a running lab.

use std::path::Path;

use crate::lab::{Addresses, Lab};

/// A running lab, as probes see it.
pub struct Target<'a, E> {
    pub engine: &'a E,
    pub lab: &'a Lab,
    /// The command that starts the lab.
    pub up: String,
    /// The addresses of the services that have a container.
    pub addresses: &'a Addresses,
    /// The learner's folder, if the lab has one.
    pub workspace: Option<&'a Path>,
}
