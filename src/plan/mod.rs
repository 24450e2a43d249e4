//! Decisions: what is observed and what a lab wants become a printable [`Plan`]. Pure: no engine, no clock, no randomness.

mod cause;
mod digest;
mod down;
mod finding;
mod machine;
mod mark;
mod observed;
mod operation;
mod ports;
#[cfg(test)]
mod props;
mod sockets;
mod spec;
mod subnet;
mod up;

pub(crate) use cause::{Cause as LikelyCause, Evidence, likely};
pub(crate) use down::down;
pub(crate) use finding::{Finding, NoEngine, State};
pub(crate) use machine::{
    Clock, Disk, EngineSeen, Folder, Machine, Memory, Need, Process, Proxies, findings, memory,
    room,
};
pub(crate) use mark::{Mark, Scope};
pub(crate) use observed::{Observed, ObservedContainer, ObservedNetwork, ObservedVolume, Running};
pub(crate) use operation::{Cause, Operation, Plan, Stage};
pub(crate) use ports::HostPorts;
pub(crate) use sockets::{Listening, Reach, listening};
pub(crate) use spec::{ContainerSpec, MountSpec, NetworkSpec, Placement, PortSpec, VolumeSpec};
pub(crate) use subnet::Subnet;
pub(crate) use up::{ServiceImage, Wanted, completes, up};
