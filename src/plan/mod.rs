//! Decisions about what to create, start and remove: a lab and what was observed become a printable [`Plan`].
//!
//! Everything here is pure: no engine, no clock, no randomness. Judgements about a machine are in [`crate::diagnosis`].

mod connections;
mod disks;
mod down;
mod fault;
mod identity;
mod initial_data;
mod observed;
mod operation;
mod orphans;
mod pause;
mod ports;
#[cfg(test)]
mod props;
mod reconcile;
mod run_labels;
mod spec;
mod subnet;

pub use connections::{CutOff, cut_off};
pub use down::down;
pub use fault::{Repair, changed_services, cut, missing, repair};
pub use initial_data::{CopiedVolume, CopiedVolumes, InitialFiles};
pub use observed::{
    Observed, ObservedContainer, ObservedNetwork, ObservedVolume, PublishedPort, PublishedPorts,
    Running,
};
pub use operation::{ImageNames, Operation, Plan, PlanWarning, Reason, Stage};
pub use orphans::{OrphanKind, OrphanRun, orphan_runs};
pub use pause::pause;
pub use ports::{HostPort, HostPorts, PortKey, candidates_after, published_ports};
pub use reconcile::{Changes, Desired, NoFreeSubnet, ServiceImage, completes, reconcile};
pub use run_labels::{Owner, RunLabels, Scope};
pub use spec::{
    AddressNumbers, ContainerSpec, MountSpec, NetworkAttachment, NetworkSpec, Placement, PortSpec,
    VolumeSpec,
};
pub use subnet::Subnet;
