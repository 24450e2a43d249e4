//! Decisions: what is observed and what a lab wants become a printable [`Plan`]. Pure: no engine, no clock, no randomness.

mod digest;
mod down;
mod mark;
mod observed;
mod operation;
mod ports;
#[cfg(test)]
mod props;
mod spec;
mod subnet;
mod up;

pub(crate) use down::down;
pub(crate) use mark::{Mark, Scope};
pub(crate) use observed::{Observed, ObservedContainer, ObservedNetwork, ObservedVolume, Running};
pub(crate) use operation::{Cause, Operation, Plan, Stage};
pub(crate) use ports::HostPorts;
pub(crate) use spec::{ContainerSpec, MountSpec, NetworkSpec, Placement, PortSpec, VolumeSpec};
pub(crate) use subnet::Subnet;
pub(crate) use up::{ServiceImage, Wanted, completes, up};
