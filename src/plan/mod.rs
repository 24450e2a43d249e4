//! Decisions: what is observed and what a lab wants become a printable [`Plan`]. Pure: no engine, no clock, no randomness.

mod cause;
mod digest;
mod down;
mod finding;
mod machine;
mod observed;
mod operation;
mod orphans;
mod ports;
#[cfg(test)]
mod props;
mod run_labels;
mod sockets;
mod spec;
mod subnet;
mod up;

pub use cause::{Cause as LikelyCause, Evidence, ProbeFailure, likely_cause};
pub use down::down;
pub use finding::{Finding, NoEngine, Severity};
pub use machine::{
    Clock, Disk, EngineInfo, Folder, Machine, Memory, Need, Process, Proxies, findings, memory,
    room,
};
pub use observed::{Observed, ObservedContainer, ObservedNetwork, ObservedVolume, Running};
pub use operation::{Cause, Operation, Plan, Stage};
pub use orphans::{OrphanReason, OrphanRun, orphan_runs};
pub use ports::HostPorts;
pub use run_labels::{Owner, RunLabels, Scope};
pub use sockets::{BindScope, ListeningSocket, parse_listening_sockets};
pub use spec::{ContainerSpec, MountSpec, NetworkSpec, Placement, PortSpec, VolumeSpec};
pub use subnet::Subnet;
pub use up::{ServiceImage, Wanted, completes, up};
