//! A plan: stages of operations, each one call to the engine and why it is made.

use std::fmt;

use crate::lab::{Condition, ServiceName};
use crate::plan::{ContainerSpec, NetworkSpec, VolumeSpec};

/// Stages in order; the operations of one stage do not wait for each other.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    pub stages: Vec<Stage>,
}

/// Operations that may run at the same time.
pub type Stage = Vec<Operation>;

/// One call to the engine.
#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    RemoveContainer {
        id: String,
        name: String,
        cause: Cause,
    },
    RemoveNetwork {
        id: String,
        name: String,
    },
    RemoveVolume {
        name: String,
    },
    CreateNetwork(NetworkSpec),
    CreateVolume(VolumeSpec),
    CreateContainer {
        service: ServiceName,
        spec: Box<ContainerSpec>,
        cause: Cause,
    },
    /// `id` is known if the container exists already.
    StartContainer {
        service: ServiceName,
        id: Option<String>,
        cause: Cause,
    },
    Wait {
        service: ServiceName,
        condition: Condition,
    },
}

/// Why something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// It is not there.
    Missing,
    /// It was made from another definition or image.
    Changed,
    /// It is there but does not run.
    Stopped,
    /// The lab does not have it any more.
    Orphan,
    /// Somebody asked for it.
    Requested,
}

impl Plan {
    /// A plan of the stages that have something to do.
    pub fn new(stages: impl IntoIterator<Item = Stage>) -> Self {
        Self {
            stages: stages
                .into_iter()
                .filter(|stage| !stage.is_empty())
                .collect(),
        }
    }

    /// Nothing to do.
    pub fn is_empty(&self) -> bool {
        self.stages.is_empty()
    }

    /// Whether anything would be created, started or removed; waiting changes nothing.
    pub fn changes(&self) -> bool {
        self.stages
            .iter()
            .flatten()
            .any(|operation| !matches!(operation, Operation::Wait { .. }))
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, stage) in self.stages.iter().enumerate() {
            for operation in stage {
                writeln!(f, "{:>2}. {operation}", at + 1)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Operation::RemoveContainer { name, cause, .. } => {
                write!(f, "remove container {name} ({cause})")
            }
            Operation::RemoveNetwork { name, .. } => write!(f, "remove network {name}"),
            Operation::RemoveVolume { name } => write!(f, "remove volume {name}"),
            Operation::CreateNetwork(spec) => {
                write!(f, "create network {} ({})", spec.name, spec.subnet)
            }
            Operation::CreateVolume(spec) => write!(f, "create volume {}", spec.name),
            Operation::CreateContainer { spec, cause, .. } => {
                write!(
                    f,
                    "create container {} from {} ({cause})",
                    spec.name, spec.image
                )
            }
            Operation::StartContainer { service, cause, .. } => {
                write!(f, "start {service} ({cause})")
            }
            Operation::Wait { service, condition } => match condition {
                Condition::Started => write!(f, "wait until {service} runs"),
                Condition::Healthy => write!(f, "wait until {service} answers"),
                Condition::Completed => write!(f, "wait until {service} has ended well"),
            },
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Cause::Missing => "missing",
            Cause::Changed => "changed",
            Cause::Stopped => "stopped",
            Cause::Orphan => "not in the lab any more",
            Cause::Requested => "asked for",
        })
    }
}
