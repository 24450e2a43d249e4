//! Why an AMQP operation has no value.

use lapin::Error;

use crate::probe::error::ProbeError;

/// Why an operation has no value.
pub(super) enum Failure {
    Broker(Error),
    Probe(ProbeError),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Broker(error)
    }
}

impl From<ProbeError> for Failure {
    fn from(error: ProbeError) -> Self {
        Self::Probe(error)
    }
}
