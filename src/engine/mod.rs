//! The seam to the container engine: plain requests in, plain answers or an [`EngineError`] out.
//!
//! No type of the Docker client crosses this file. Every call has a deadline of its own.

pub mod base;
pub mod clock;
pub mod docker;
mod error;
#[cfg(test)]
mod fake;
pub mod install;
pub mod locate;
mod ports;
mod setup;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

pub use docker::context_digest;
pub use error::{EngineError, ErrorKind};
#[cfg(test)]
pub use fake::Fake;
pub use locate::{Endpoint, EndpointSource};
pub use ports::is_port_free;
pub use setup::{Consent, EngineSetup, SetupOutcome};

use crate::lab::ImageName;
use crate::plan::{ContainerSpec, NetworkSpec, Observed, Scope, Subnet, VolumeSpec};

pub type Result<T> = std::result::Result<T, EngineError>;

/// What roadlab asks of an engine.
pub trait Engine {
    /// Whether it answers. The first call that is made.
    async fn ping(&self) -> Result<()>;

    /// What it is.
    async fn about(&self) -> Result<SystemInfo>;

    /// All of ours within a scope, in one snapshot.
    async fn observe(&self, scope: &Scope) -> Result<Observed>;

    /// The IPv4 ranges of all networks, ours and others'.
    async fn subnets(&self) -> Result<Vec<Subnet>>;

    /// Host ports that any container publishes, with its name.
    async fn published_ports(&self) -> Result<BTreeMap<u16, String>>;

    /// An image by name or id; `None` if it is not present.
    async fn image(&self, name: &str) -> Result<Option<ImageInfo>>;

    /// Pulls an image; `progress` gets every change of a layer.
    async fn pull(&self, image: &ImageName, progress: &dyn Fn(PullProgress)) -> Result<()>;

    /// Builds an image; `progress` gets every step and every line of the build's output.
    async fn build(&self, build: &Build, progress: &dyn Fn(BuildProgress<'_>)) -> Result<()>;

    /// Makes an image of a root file system in a tar file.
    async fn import(&self, root: &Path, name: &str) -> Result<()>;

    /// Writes images with their names into a file, as `docker save` does; `progress` gets the bytes written so far.
    async fn save(&self, images: &[&str], file: File, progress: &dyn Fn(u64)) -> Result<()>;

    /// Loads such a file and returns the names of its images; `progress` gets the bytes read so far.
    async fn load(&self, file: &Path, progress: &dyn Fn(u64)) -> Result<Vec<String>>;

    async fn remove_image(&self, name: &str) -> Result<()>;

    /// Returns the new network's id.
    async fn create_network(&self, spec: &NetworkSpec) -> Result<String>;

    /// Refuses a volume that exists and is not ours.
    async fn create_volume(&self, spec: &VolumeSpec) -> Result<()>;

    /// Returns the new container's id.
    async fn create_container(&self, spec: &ContainerSpec) -> Result<String>;

    /// Refuses a container whose ports somebody has on this machine, or whose ports do not arrive on it.
    async fn start(&self, container: &str) -> Result<()>;

    /// Stops a container, by its stop signal within `grace`, or at once with `None`.
    async fn stop(&self, container: &str, grace: Option<Duration>) -> Result<()>;

    async fn inspect(&self, container: &str) -> Result<ContainerState>;

    /// With its anonymous volumes. Gone already is fine.
    async fn remove_container(&self, container: &str) -> Result<()>;

    /// Containers that are still on it are somebody else's: they are disconnected, never removed, and named in the answer.
    /// Gone already is fine.
    async fn remove_network(&self, network: &str) -> Result<Vec<String>>;

    /// Gone already is fine.
    async fn remove_volume(&self, volume: &str) -> Result<()>;

    /// The last lines of a container's log, standard output and error together, at most 1 MiB.
    async fn logs(&self, container: &str, tail: u32) -> Result<String>;

    /// Tells a container's log line by line; a log that is followed ends with the container or when the caller drops the
    /// future.
    async fn stream_log(
        &self,
        container: &str,
        wish: &LogOptions,
        tell: &dyn Fn(LogLine),
    ) -> Result<()>;

    /// Runs a program in a container and waits for it, at most `timeout`.
    async fn exec(&self, container: &str, exec: &Exec, timeout: Duration) -> Result<ExecOutput>;

    /// A regular file in a container, at most 1 MiB; `None` if there is none.
    async fn read_file(&self, container: &str, path: &str) -> Result<Option<Vec<u8>>>;

    /// Writes a regular file in a container; its folder must exist.
    async fn write_file(&self, container: &str, path: &str, content: &[u8]) -> Result<()>;

    /// Tells what happens to a scope's containers from a moment on, until the caller drops the future.
    async fn events(
        &self,
        scope: &Scope,
        since: SystemTime,
        tell: &dyn Fn(ContainerEvent),
    ) -> Result<()>;

    /// Bytes that a container has received over its networks since it started; 0 if it does not run.
    async fn received_bytes(&self, container: &str) -> Result<u64>;

    /// What a running container uses now: one sample, not a stream.
    async fn memory_usage(&self, container: &str) -> Result<MemoryUsage>;
}

/// What a container uses, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryUsage {
    pub memory: u64,
    /// What it may use at most, which is all of the machine's if nobody said otherwise.
    pub limit: Option<u64>,
}

/// Which lines of a log are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogOptions {
    /// At most so many of the last lines that are there; `None`: all.
    pub tail: Option<u32>,
    /// Only lines since then, in whole seconds since 1970.
    pub since: Option<i64>,
    pub follow: Follow,
}

/// Whether lines are told that are not there yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follow {
    Yes,
    No,
}

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When it was written, since 1970.
    pub at: Duration,
    pub text: String,
}

/// What an engine says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemInfo {
    /// `Docker` or `Podman`.
    pub product: String,
    pub version: String,
    pub api: String,
    /// `linux/amd64`.
    pub platform: String,
    /// Bytes.
    pub memory: u64,
    pub cpus: u64,
    /// Where images and volumes lie.
    pub root: PathBuf,
    /// `1` or `2`.
    pub cgroup: Option<String>,
    /// Limits that it cannot enforce: `memory`, `pids`.
    pub unlimited: Vec<String>,
    pub warnings: Vec<String>,
    /// What it pulls through.
    pub proxies: Vec<String>,
    /// Its time, in the words of RFC 3339.
    pub time: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageInfo {
    pub id: String,
    /// `linux/amd64`.
    pub platform: String,
    /// The machine's platform, if the image is for another one and cannot run here.
    pub incompatible_with: Option<String>,
    /// Bytes.
    pub size: u64,
}

/// Something that happened to a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerEvent {
    /// `start`, `die`, `exec_die`, …
    pub action: String,
}

/// One layer's state during a pull.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullProgress {
    /// The layer's short id; empty for words about the whole image.
    pub layer: String,
    /// `Downloading`, `Extracting`, `Pull complete`, …
    pub status: String,
    /// Bytes done and in all, where the engine says so.
    pub current: Option<u64>,
    pub total: Option<u64>,
}

/// A build of a recipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// The folder that is sent; links that leave it are refused.
    pub context: PathBuf,
    /// Relative to the context.
    pub dockerfile: String,
    pub args: BTreeMap<String, String>,
    pub target: Option<String>,
    /// Files added to the context under these names, such as the host's CA bundle.
    pub extra: BTreeMap<String, Vec<u8>>,
    /// The name of the image.
    pub tag: String,
}

/// What a build says as it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuildProgress<'a> {
    Step {
        /// From 1.
        number: u32,
        of: u32,
        /// The instruction: `RUN apt-get update`.
        name: &'a str,
    },
    Line(&'a str),
}

/// A container's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerState {
    pub running: bool,
    pub paused: bool,
    /// `created`, `running`, `exited`, `dead`, …
    pub status: String,
    pub exit_code: i64,
    pub out_of_memory: bool,
    /// The engine's own error, for a start that failed.
    pub error: String,
    /// The engine's own health check, if the container has one.
    pub health: Option<Health>,
    /// When it was started last, since 1970.
    pub started: Option<Duration>,
    /// Published host port by container port.
    pub ports: BTreeMap<u16, u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    Starting,
    Healthy,
    /// With the last probe's output.
    Unhealthy(String),
}

/// Whether a program gets this process's standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    Passed,
    Empty,
}

/// A program to run in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exec {
    pub run: Vec<String>,
    pub user: Option<String>,
    pub workdir: Option<String>,
    /// `KEY=value`.
    pub env: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecOutput {
    pub exit_code: i64,
    /// At most 1 MiB each.
    pub stdout: String,
    pub stderr: String,
}
