//! Looking at services, each in its own protocol, from roadlab's own process.

use std::time::Duration;

use crate::engine::Engine;
use crate::expect::Actual;
use crate::lab::{Act, Addresses, Lab, ServiceName};

/// What probes need to know of a running lab.
pub(crate) struct Target<'a, E> {
    pub(crate) engine: &'a E,
    pub(crate) lab: &'a Lab,
    /// Where each running service answers.
    pub(crate) addresses: &'a Addresses,
    /// The learner's folder, if the lab has one.
    pub(crate) workspace: Option<&'a std::path::Path>,
    /// Kept open between looks.
    pub(crate) connections: &'a Connections,
}

/// Open connections by service, so that twenty checks connect once.
#[derive(Default)]
pub(crate) struct Connections {}

/// Nothing could be seen, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unseen {
    /// Nobody answers, or what answers does not speak the protocol.
    #[error("{0}")]
    NoAnswer(String),
    /// The look itself cannot be made: no such program, a bad request.
    #[error("{0}")]
    CannotLook(String),
    /// It took longer than the step allows.
    #[error("no answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
}

/// Looks once, for at most `timeout`.
pub(crate) async fn look<E: Engine>(
    act: &Act,
    target: &Target<'_, E>,
    timeout: Duration,
) -> Result<Actual, Unseen> {
    let _ = (act, target, timeout, ServiceName::new("x"));
    Err(Unseen::CannotLook("not written yet".into()))
}
