//! The container engine: what it can do ([`Engine`] and its roles), how it fails ([`EngineError`]), and one
//! implementation ([`docker::Docker`]).
//!
//! Nothing outside `docker` knows a type of the Docker client, nothing here knows a lab's state on disk, and every call
//! has a deadline.

pub mod base;
pub mod clock;
pub mod docker;
mod error;
#[cfg(test)]
mod fake;
pub mod install;
mod lines;
pub mod locate;
mod model;
mod ports;
mod roles;
mod setup;

pub use docker::context_digest;
pub use error::{EngineError, ErrorKind, JOIN_DOCKER_GROUP};
#[cfg(test)]
pub use fake::Fake;
pub use locate::{Endpoint, EndpointSource};
pub use model::{
    Build, BuildProgress, ContainerEvent, ContainerState, Exec, ExecOutput, Follow, Health,
    ImageInfo, Input, ListedImage, LogLine, LogOptions, MemoryUsage, PullProgress, SystemInfo,
};
pub use ports::is_port_free;
pub use roles::{
    ContainerAccess, ContainerExec, ContainerFiles, ContainerFolders, Containers, Engine, Events,
    ImageBuild, ImageTransfer, Images, Inspect, Inventory, Logs, Networks, Result, Stats, System,
    Volumes,
};
pub use setup::{Consent, EngineSetup, SetupOutcome};
