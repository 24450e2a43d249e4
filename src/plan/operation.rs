//! A plan: stages of operations, each one call to the engine and the reason for it.

use std::fmt;

use crate::lab::{Condition, ServiceName, without_digest};
use crate::plan::{ContainerSpec, NetworkAttachment, NetworkSpec, VolumeSpec};
use crate::text;
use crate::text::Text;

/// Stages in order. The operations of one stage do not depend on each other.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    pub stages: Vec<Stage>,
    /// What the plan leaves as it is, although the user may not expect that.
    pub warnings: Vec<PlanWarning>,
}

/// Operations that may run at the same time.
pub type Stage = Vec<Operation>;

/// One call to the engine.
#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    RemoveContainer {
        id: String,
        name: String,
        reason: Reason,
    },
    RemoveNetwork {
        id: String,
        name: String,
        reason: Reason,
    },
    RemoveVolume {
        name: String,
    },
    CreateNetwork(NetworkSpec),
    CreateVolume(VolumeSpec),
    CreateContainer {
        service: ServiceName,
        /// The name of the image, for people.
        image: String,
        spec: Box<ContainerSpec>,
        reason: Reason,
    },
    /// Connects an existing container to a network under the names that it has there.
    ConnectNetwork {
        service: ServiceName,
        container: String,
        attachment: NetworkAttachment,
    },
    DisconnectNetwork {
        service: ServiceName,
        container: String,
        network: String,
    },
    StartContainer {
        service: ServiceName,
        /// The id of a container that existed before the plan.
        id: Option<String>,
        reason: Reason,
    },
    /// Stops a container within the time that its service may take.
    StopContainer {
        service: ServiceName,
        id: String,
    },
    /// Removes what a fault filled a file system in memory with.
    FreeDisk {
        service: ServiceName,
        container: String,
        path: String,
    },
    Wait {
        service: ServiceName,
        condition: Condition,
    },
}

/// How texts about a plan name images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageNames {
    Whole,
    /// As a person knows them.
    WithoutDigests,
}

impl ImageNames {
    /// Returns the name of an image in this form.
    pub fn of(self, image: &str) -> &str {
        match self {
            ImageNames::Whole => image,
            ImageNames::WithoutDigests => without_digest(image),
        }
    }
}

/// Why an operation is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It does not exist.
    Missing,
    /// It was created from another definition or image.
    Changed,
    /// It exists but does not run.
    Stopped,
    /// It is no longer part of the lab.
    Orphan,
    /// The user requested it.
    Requested,
}

/// Something that a plan does not change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlanWarning {
    /// A volume that no service of the lab mounts any more. It may hold the only copy of a learner's data.
    UnusedVolume { name: String },
    /// A container that a newer roadlab created, so that this one cannot tell whether the lab file has changed since.
    UnknownIdentity { service: ServiceName },
}

impl Plan {
    /// Makes a plan of the stages that are not empty.
    pub fn new(stages: impl IntoIterator<Item = Stage>) -> Self {
        Self {
            stages: stages
                .into_iter()
                .filter(|stage| !stage.is_empty())
                .collect(),
            warnings: Vec::new(),
        }
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.stages.is_empty()
    }

    /// Whether anything is created, started, connected or removed; waiting changes nothing.
    pub fn changes(&self) -> bool {
        self.stages
            .iter()
            .flatten()
            .any(|operation| !matches!(operation, Operation::Wait { .. }))
    }

    /// Returns a line for each operation, with the number of its stage.
    pub fn lines(&self, names: ImageNames) -> Vec<String> {
        let stages = self.stages.iter().zip(1..);
        let lines = stages.flat_map(|(stage, number)| {
            let line =
                move |operation: &Operation| format!("{number:>2}. {}", operation.line(names));
            stage.iter().map(line)
        });
        lines.collect()
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines(ImageNames::Whole)
            .iter()
            .try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl Operation {
    /// Returns what the operation does, such as "start redis", without the reason for it.
    pub fn text(&self) -> Text {
        self.text_with(ImageNames::Whole)
    }

    fn text_with(&self, names: ImageNames) -> Text {
        match self {
            Operation::RemoveContainer { name, .. } => text!("remove container {name}", name),
            Operation::RemoveNetwork { name, .. } => text!("remove network {name}", name),
            Operation::RemoveVolume { name } => text!("remove volume {name}", name),
            Operation::CreateNetwork(spec) => text!(
                "create network {name} ({subnet})",
                name = spec.name,
                subnet = spec.subnet
            ),
            Operation::CreateVolume(spec) => text!("create volume {name}", name = spec.name),
            Operation::CreateContainer { image, spec, .. } => text!(
                "create container {name} from {image}",
                name = spec.name,
                image = names.of(image)
            ),
            Operation::ConnectNetwork {
                service,
                attachment,
                ..
            } => text!(
                "connect {service} to network {network}",
                service,
                network = attachment.network
            ),
            Operation::DisconnectNetwork {
                service, network, ..
            } => text!(
                "disconnect {service} from network {network}",
                service,
                network
            ),
            Operation::StartContainer { service, .. } => text!("start {service}", service),
            Operation::StopContainer { service, .. } => text!("stop {service}", service),
            Operation::FreeDisk { service, path, .. } => {
                text!("free the disk {path} of {service}", path, service)
            }
            Operation::Wait { service, condition } => match condition {
                Condition::Started => text!("wait until {service} is running", service),
                Condition::Healthy => text!("wait until {service} is ready", service),
                Condition::Completed => text!("wait until {service} has completed", service),
            },
        }
    }

    /// Returns what the operation does and why.
    fn line(&self, names: ImageNames) -> String {
        let text = self.text_with(names).localized();
        match self.reason().and_then(Reason::text) {
            Some(reason) => format!("{text} ({})", reason.localized()),
            None => text,
        }
    }

    fn reason(&self) -> Option<Reason> {
        match self {
            Operation::RemoveContainer { reason, .. }
            | Operation::RemoveNetwork { reason, .. }
            | Operation::CreateContainer { reason, .. }
            | Operation::StartContainer { reason, .. } => Some(*reason),
            Operation::RemoveVolume { .. }
            | Operation::CreateNetwork(_)
            | Operation::CreateVolume(_)
            | Operation::ConnectNetwork { .. }
            | Operation::DisconnectNetwork { .. }
            | Operation::StopContainer { .. }
            | Operation::FreeDisk { .. }
            | Operation::Wait { .. } => None,
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line(ImageNames::Whole))
    }
}

impl Reason {
    /// Returns the reason in words; `None` where the operation explains itself.
    fn text(self) -> Option<Text> {
        match self {
            Reason::Missing => None,
            Reason::Changed => Some(text!("changed")),
            Reason::Stopped => Some(text!("stopped")),
            Reason::Orphan => Some(text!("no longer in the lab")),
            Reason::Requested => Some(text!("requested")),
        }
    }
}
