//! What a container engine can do, one trait for each role. A function asks for the roles that it needs, or for
//! [`Engine`]; an implementation has one `impl` per role, in the file where its code is.
//!
//! No type of a Docker client appears here, and nothing decides here.
//!
//! Every method waits at most until a deadline of its own. Any of them can fail with [`Unreachable`], [`StreamCut`],
//! [`Denied`], [`Timeout`] or [`Other`]; a method that takes a name fails with [`Other`] if no engine accepts such a
//! name. Further kinds are listed with each method.
//!
//! [`Unreachable`]: ErrorKind::Unreachable
//! [`StreamCut`]: ErrorKind::StreamCut
//! [`Denied`]: ErrorKind::Denied
//! [`Timeout`]: ErrorKind::Timeout
//! [`Other`]: ErrorKind::Other

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::error::EngineError;
#[cfg(doc)]
use super::error::ErrorKind;
use super::model::{
    Build, BuildProgress, ContainerEvent, ContainerState, Exec, ExecOutput, ImageInfo, ListedImage,
    LogLine, LogOptions, MemoryUsage, PullProgress, SystemInfo,
};
use crate::lab::ImageName;
use crate::plan::{
    ContainerSpec, NetworkAttachment, NetworkSpec, Observed, Scope, Subnet, VolumeSpec,
};

/// The result of a call to an engine.
pub type Result<T> = std::result::Result<T, EngineError>;

/// An engine with all roles.
pub trait Engine:
    System
    + Inventory
    + Inspect
    + Images
    + ImageBuild
    + ImageTransfer
    + Containers
    + Networks
    + Volumes
    + ContainerExec
    + ContainerFiles
    + ContainerFolders
    + Logs
    + Events
    + Stats
{
}

impl<T> Engine for T where
    T: System
        + Inventory
        + Inspect
        + Images
        + ImageBuild
        + ImageTransfer
        + Containers
        + Networks
        + Volumes
        + ContainerExec
        + ContainerFiles
        + ContainerFolders
        + Logs
        + Events
        + Stats
{
}

/// What probes and steps need of an engine: programs, files and logs of containers.
pub trait ContainerAccess: ContainerExec + ContainerFiles + Logs {}

impl<T> ContainerAccess for T where T: ContainerExec + ContainerFiles + Logs {}

/// The engine itself.
pub trait System {
    /// Checks that the engine answers.
    async fn ping(&self) -> Result<()>;

    /// Returns what the engine is and what it runs on.
    async fn system_info(&self) -> Result<SystemInfo>;
}

/// Lists of what exists.
pub trait Inventory {
    /// Returns roadlab's containers, networks and volumes in a scope.
    async fn observe(&self, scope: &Scope) -> Result<Observed>;

    /// Returns the IPv4 ranges of all networks, including those that roadlab did not create.
    async fn subnets(&self) -> Result<Vec<Subnet>>;

    /// Returns the host ports that containers publish, each with the container's name.
    async fn published_ports(&self) -> Result<BTreeMap<u16, String>>;
}

/// The state of a container.
pub trait Inspect {
    /// Returns a container's state, by name or id.
    ///
    /// Fails with [`ErrorKind::NotFound`].
    async fn inspect(&self, container: &str) -> Result<ContainerState>;
}

/// Images, and where they come from.
pub trait Images {
    /// Returns an image by name or id; `None` if it is not present.
    async fn image(&self, name: &str) -> Result<Option<ImageInfo>>;

    /// Returns all images that have a name, the newest first, an image with several names once for each.
    async fn all_images(&self) -> Result<Vec<ListedImage>>;

    /// Pulls an image and calls `progress` at every change of a layer. A transfer that stalls or is cut is retried.
    ///
    /// Fails with [`ErrorKind::RegistryUnreachable`], [`ErrorKind::NoSuchImage`] or [`ErrorKind::DiskFull`].
    async fn pull(&self, image: &ImageName, progress: &dyn Fn(PullProgress)) -> Result<()>;

    /// Imports a root file system from a tar file as an image with this name.
    ///
    /// Fails with [`ErrorKind::DiskFull`].
    async fn import(&self, root: &Path, name: &str) -> Result<()>;

    /// Removes an image; succeeds if it is not present.
    ///
    /// Fails with [`ErrorKind::Busy`] if a container uses it.
    async fn remove_image(&self, name: &str) -> Result<()>;
}

/// Builds of images from recipes.
pub trait ImageBuild {
    /// Builds an image and calls `progress` at every step and every line of output.
    ///
    /// Fails with [`ErrorKind::InvalidRecipe`], [`ErrorKind::BuildFailed`], [`ErrorKind::NoBuilder`],
    /// [`ErrorKind::DiskFull`], or, if the base image cannot be pulled, with [`ErrorKind::RegistryUnreachable`] or
    /// [`ErrorKind::NoSuchImage`].
    async fn build(&self, build: &Build, progress: &dyn Fn(BuildProgress<'_>)) -> Result<()>;
}

/// Images as files, for machines without a network.
pub trait ImageTransfer {
    /// Writes images and their names into a file as `docker save` does; `progress` gets the bytes written so far.
    ///
    /// Fails with [`ErrorKind::NoSuchImage`].
    async fn save(&self, images: &[&str], file: File, progress: &dyn Fn(u64)) -> Result<()>;

    /// Loads a file that [`ImageTransfer::save`] wrote and returns the names of its images; `progress` gets the bytes
    /// read so far.
    ///
    /// Fails with [`ErrorKind::DiskFull`].
    async fn load(&self, file: &Path, progress: &dyn Fn(u64)) -> Result<Vec<String>>;
}

/// The life of containers. Containers are given by name or id.
pub trait Containers {
    /// Creates a container and returns its id. A container that could not be connected to all of its networks is
    /// removed again.
    ///
    /// Fails with [`ErrorKind::NameTaken`], [`ErrorKind::NoSuchImage`], [`ErrorKind::NotFound`] for a network, or
    /// [`ErrorKind::DiskFull`].
    async fn create_container(&self, spec: &ContainerSpec) -> Result<String>;

    /// Starts a container whose published ports are free on this machine, and checks that they lead to it. One that is paused
    /// continues.
    ///
    /// Fails with [`ErrorKind::PortTaken`], [`ErrorKind::PortsNotLocal`], [`ErrorKind::NotFound`] for the container or
    /// one of its networks, [`ErrorKind::NoProgram`], [`ErrorKind::CannotRun`] or [`ErrorKind::DiskFull`].
    async fn start(&self, container: &str) -> Result<()>;

    /// Stops a container by its stop signal and kills it after `grace`; `None` kills it at once. Succeeds if it has
    /// ended before.
    ///
    /// Fails with [`ErrorKind::NotFound`].
    async fn stop(&self, container: &str, grace: Option<Duration>) -> Result<()>;

    /// Pauses the processes of a container; [`Containers::start`] lets them continue. Succeeds if it is paused already.
    ///
    /// Fails with [`ErrorKind::NotRunning`], [`ErrorKind::NotFound`] or [`ErrorKind::Busy`].
    async fn pause(&self, container: &str) -> Result<()>;

    /// Kills and removes a container with its anonymous volumes; succeeds if it does not exist.
    ///
    /// Fails with [`ErrorKind::Busy`].
    async fn remove_container(&self, container: &str) -> Result<()>;
}

/// Networks.
pub trait Networks {
    /// Creates a network and returns its id.
    ///
    /// Fails with [`ErrorKind::NameTaken`] or [`ErrorKind::SubnetTaken`].
    async fn create_network(&self, spec: &NetworkSpec) -> Result<String>;

    /// Connects a container to a network; succeeds if it is connected already.
    ///
    /// Fails with [`ErrorKind::NotFound`] for the container or the network.
    async fn connect_network(&self, container: &str, attachment: &NetworkAttachment) -> Result<()>;

    /// Disconnects a container from a network; succeeds if the container, the network or the connection does not exist.
    async fn disconnect_network(&self, container: &str, network: &str) -> Result<()>;

    /// Removes a network, by name or id, and returns the names of the containers that were still connected. They are
    /// disconnected and otherwise left alone. Succeeds if the network does not exist.
    ///
    /// Fails with [`ErrorKind::Busy`].
    async fn remove_network(&self, network: &str) -> Result<Vec<String>>;
}

/// Named volumes.
pub trait Volumes {
    /// Creates a volume; succeeds if roadlab has created it before with the same labels.
    ///
    /// Fails with [`ErrorKind::NameTaken`] if the existing volume has other labels.
    async fn create_volume(&self, spec: &VolumeSpec) -> Result<()>;

    /// Removes a volume; succeeds if it does not exist.
    ///
    /// Fails with [`ErrorKind::Busy`] if a container uses it.
    async fn remove_volume(&self, volume: &str) -> Result<()>;
}

/// Programs in running containers.
pub trait ContainerExec {
    /// Runs a program in a container and waits until it ends, at most `timeout`. A program that is still running then is
    /// killed, if the image has a `timeout` program.
    ///
    /// Fails with [`ErrorKind::NoProgram`], [`ErrorKind::CannotRun`], [`ErrorKind::NotRunning`], [`ErrorKind::Paused`],
    /// [`ErrorKind::NotFound`], or with [`ErrorKind::ContainerExited`] if the container ended first.
    async fn exec(&self, container: &str, exec: &Exec, timeout: Duration) -> Result<ExecOutput>;
}

/// Single files in containers, running or not.
pub trait ContainerFiles {
    /// Returns the content of a regular file of at most 1 MiB, following links; `None` if there is none.
    ///
    /// Fails with [`ErrorKind::NotFound`] if the container does not exist.
    async fn read_file(&self, container: &str, path: &str) -> Result<Option<Vec<u8>>>;

    /// Writes a regular file whose folder exists. The file belongs to root and has mode 0644.
    ///
    /// Fails with [`ErrorKind::NotFound`] if the container or the folder does not exist.
    async fn write_file(&self, container: &str, path: &str, content: &[u8]) -> Result<()>;
}

/// Folders in containers, running or not.
pub trait ContainerFolders {
    /// Writes a folder of a container with everything in it, and with owners and modes, into a file as a tar, and returns its
    /// size in bytes. It fails if the tar would be larger than `limit`.
    ///
    /// Fails with [`ErrorKind::NotFound`] if the container or the folder does not exist.
    async fn save_folder(&self, container: &str, path: &str, file: File, limit: u64)
    -> Result<u64>;

    /// Puts what [`ContainerFolders::save_folder`] wrote into the same folder of another container, which need not run.
    ///
    /// Fails with [`ErrorKind::NotFound`] if the container does not exist, or with [`ErrorKind::DiskFull`].
    async fn load_folder(&self, container: &str, path: &str, file: &Path) -> Result<()>;
}

/// Logs of containers: standard output and standard error together.
pub trait Logs {
    /// Returns the last `tail` lines of a log, at most 1 MiB.
    ///
    /// Fails with [`ErrorKind::NotFound`].
    async fn logs(&self, container: &str, tail: u32) -> Result<String>;

    /// Calls `on_line` with each line of a log. With [`Follow::Yes`](super::Follow::Yes) it returns when the container
    /// ends; the caller may drop the future before.
    ///
    /// Fails with [`ErrorKind::NotFound`].
    async fn stream_log(
        &self,
        container: &str,
        options: &LogOptions,
        on_line: &dyn Fn(LogLine),
    ) -> Result<()>;
}

/// Events of containers.
pub trait Events {
    /// Calls `on_event` with what happens to a scope's containers from a moment on, until the caller drops the future.
    async fn events(
        &self,
        scope: &Scope,
        since: SystemTime,
        on_event: &dyn Fn(ContainerEvent),
    ) -> Result<()>;
}

/// Measurements of running containers: one sample each.
pub trait Stats {
    /// Returns the bytes that a container has received over its networks since it started; 0 if it is not running.
    ///
    /// Fails with [`ErrorKind::NotFound`].
    async fn received_bytes(&self, container: &str) -> Result<u64>;

    /// Returns the memory that a container uses.
    ///
    /// Fails with [`ErrorKind::NotRunning`] or [`ErrorKind::NotFound`].
    async fn memory_usage(&self, container: &str) -> Result<MemoryUsage>;
}
