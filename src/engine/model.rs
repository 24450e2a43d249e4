//! What is passed to an engine and returned by it: plain data, without the types of any Docker client and without logic.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::plan::PublishedPorts;

/// What an engine is and what it runs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemInfo {
    /// `Docker` or `Podman`.
    pub product: String,
    /// The engine's version, such as `28.1.1`.
    pub version: String,
    /// The version of its API, such as `1.49`.
    pub api: String,
    /// The engine's platform, such as `linux/amd64`.
    pub platform: String,
    /// Whether the engine runs without root.
    pub rootless: bool,
    /// Whether it is Docker Desktop.
    pub desktop: bool,
    /// The memory of the engine's machine, in bytes.
    pub memory: u64,
    /// The number of processors of the engine's machine.
    pub cpus: u64,
    /// The folder on the engine's machine that holds images and volumes.
    pub root: PathBuf,
    /// The version of control groups: `1` or `2`.
    pub cgroup: Option<String>,
    /// The limits that the engine cannot enforce: `memory`, `pids`.
    pub unlimited: Vec<String>,
    /// Warnings that the engine itself gives.
    pub warnings: Vec<String>,
    /// The proxies through which the engine pulls.
    pub proxies: Vec<String>,
    /// The engine's time, as RFC 3339.
    pub time: Option<String>,
}

/// An image that is present.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageInfo {
    /// The image's id, such as `sha256:0a1b…`.
    pub id: String,
    /// The platform that the image is made for, such as `linux/amd64`.
    pub platform: String,
    /// The engine's platform, if the image cannot run on it.
    pub incompatible_with: Option<String>,
    /// The image's size in bytes.
    pub size: u64,
    /// The variables of its environment, as `NAME=value`.
    pub env: Vec<String>,
}

/// A name of an image in the list of all images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedImage {
    /// The name with its tag, such as `redis:8`.
    pub name: String,
    /// The image's id, such as `sha256:0a1b…`.
    pub id: String,
    /// The image's size in bytes.
    pub size: u64,
    /// How many of these bytes other images use as well; `None` if the engine does not tell.
    pub shared: Option<u64>,
}

/// The state of one layer during a pull.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullProgress {
    /// The layer's short id; empty if the status is about the whole image.
    pub layer: String,
    /// `Downloading`, `Extracting`, `Pull complete`, …
    pub status: String,
    /// The bytes that are done, if the engine reports them.
    pub current: Option<u64>,
    /// The bytes in all, if the engine reports them.
    pub total: Option<u64>,
}

/// A build of an image from a recipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// The folder that is sent to the engine. Links that lead out of it are refused.
    pub context: PathBuf,
    /// The Dockerfile, relative to the context.
    pub dockerfile: String,
    /// Build arguments.
    pub args: BTreeMap<String, String>,
    /// The stage to build; `None`: the last one.
    pub target: Option<String>,
    /// Files that are added to the context under these names, such as the host's CA bundle.
    pub extra: BTreeMap<String, Vec<u8>>,
    /// The name of the image.
    pub tag: String,
}

/// The progress of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuildProgress<'a> {
    /// A step begins.
    Step {
        /// The step's number, from 1.
        number: u32,
        /// The number of steps.
        of: u32,
        /// The instruction, such as `RUN apt-get update`.
        name: &'a str,
    },
    /// A line of output.
    Line(&'a str),
}

/// The state of a container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContainerState {
    /// Whether its process exists, paused or not.
    pub running: bool,
    /// Whether its process is paused.
    pub paused: bool,
    /// `created`, `running`, `exited`, `dead`, …
    pub status: String,
    /// The exit code of a container that has ended.
    pub exit_code: i64,
    /// Whether the kernel killed it because it exceeded its memory limit.
    pub out_of_memory: bool,
    /// The engine's error, if a start failed.
    pub error: String,
    /// The result of the engine's health check, if the container has one.
    pub health: Option<Health>,
    /// How often the engine has started it again by its restart policy.
    pub restarts: u64,
    /// The time of the last start, since 1970.
    pub started: Option<Duration>,
    /// The time of the last end, since 1970.
    pub ended: Option<Duration>,
    /// The published host port of each container port.
    pub ports: PublishedPorts,
}

/// The result of an engine's health check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// No result yet.
    Starting,
    /// The last check succeeded.
    Healthy,
    /// The checks failed; with the output of the last one.
    Unhealthy(String),
}

/// A program to run in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exec {
    /// The program and its arguments.
    pub run: Vec<String>,
    /// The user; `None`: the container's.
    pub user: Option<String>,
    /// The working directory; `None`: the container's.
    pub workdir: Option<String>,
    /// Variables that are added to the environment, as `KEY=value`.
    pub env: Vec<String>,
}

/// The result of a program that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecOutput {
    /// The program's exit code.
    pub exit_code: i64,
    /// The first MiB of its standard output; invalid UTF-8 is replaced.
    pub stdout: String,
    /// The first MiB of its standard error; invalid UTF-8 is replaced.
    pub stderr: String,
}

/// Whether a program gets the standard input of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// It reads the standard input of this process.
    Passed,
    /// Its standard input is empty.
    Empty,
}

/// Which lines of a log to return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogOptions {
    /// How many of the last lines to return; `None`: all.
    pub tail: Option<u32>,
    /// The time of the first line, in seconds since 1970.
    pub since: Option<i64>,
    /// Whether to wait for new lines.
    pub follow: Follow,
}

/// Whether new lines of a log are waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follow {
    /// New lines are returned until the container ends.
    Yes,
    /// Only lines that exist are returned.
    No,
}

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When it was written, since 1970.
    pub at: Duration,
    /// The line, without its end.
    pub text: String,
}

/// An event of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerEvent {
    /// `start`, `die`, `exec_die`, …
    pub action: String,
}

/// The memory that a container uses, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryUsage {
    /// The memory in use, without the file cache.
    pub memory: u64,
    /// The container's limit; the machine's memory if it has none.
    pub limit: Option<u64>,
}
