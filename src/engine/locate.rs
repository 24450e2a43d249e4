//! Selects the socket of the container engine, and explains why.
//!
//! [`select_endpoint`] decides from [`Settings`] alone; [`Settings::read`] is the only place that reads the environment and
//! Docker's configuration. Whether an engine answers there is not known here.

mod settings;

use std::fmt;
use std::path::{Path, PathBuf};

pub use settings::{ContextError, DockerContext, Settings};

use super::error::{EngineError, ErrorKind, JOIN_DOCKER_GROUP};
use crate::text;
use crate::text::Text;

/// Docker's default socket.
pub const SYSTEM_SOCKET: &str = "/var/run/docker.sock";

/// The address of an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The path of a Unix socket.
    pub socket: PathBuf,
    /// What selected it.
    pub source: EndpointSource,
}

/// What selected an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndpointSource {
    /// The option `--engine`.
    Flag,
    /// The variable `DOCKER_HOST`.
    DockerHost,
    /// The Docker context of this name.
    Context(String),
    /// The default socket of Docker, of rootless Docker or of Podman exists.
    System,
    Rootless,
    Podman,
}

impl fmt::Display for EndpointSource {
    /// Writes the name that the JSON output has, too: "`--engine`", "$DOCKER_HOST", "Docker context `x`", "system socket",
    /// "rootless Docker" or "Podman".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EndpointSource::Flag => f.write_str("`--engine`"),
            EndpointSource::DockerHost => f.write_str("$DOCKER_HOST"),
            EndpointSource::Context(name) => write!(f, "Docker context `{}`", name.escape_debug()),
            EndpointSource::System => f.write_str("system socket"),
            EndpointSource::Rootless => f.write_str("rootless Docker"),
            EndpointSource::Podman => f.write_str("Podman"),
        }
    }
}

impl EndpointSource {
    /// Returns what selected the engine, in words.
    pub fn text(&self) -> Text {
        match self {
            EndpointSource::Context(name) => {
                text!("Docker context `{name}`", name = name.escape_debug())
            }
            EndpointSource::System => text!("system socket"),
            EndpointSource::Rootless => text!("rootless Docker"),
            // Names that are the same in every language.
            EndpointSource::Flag | EndpointSource::DockerHost | EndpointSource::Podman => {
                Text::verbatim(self.to_string())
            }
        }
    }
}

/// Why no engine could be selected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LocateError {
    /// Nothing exists at the path that the user gave.
    Missing {
        socket: PathBuf,
        source: EndpointSource,
    },
    /// Something other than a socket exists there.
    NotASocket {
        socket: PathBuf,
        source: EndpointSource,
    },
    /// The address is not that of a local Unix socket.
    Remote {
        address: String,
        source: EndpointSource,
    },
    /// The address cannot be parsed.
    Malformed {
        address: String,
        source: EndpointSource,
    },
    /// The Docker context has no usable address.
    DockerContext {
        source: EndpointSource,
        why: ContextError,
    },
    /// Docker's configuration file cannot be read.
    Config { file: PathBuf, why: String },
    /// The user named no engine, and none of the default sockets exists.
    NotFound { tried: Vec<PathBuf> },
}

/// What exists at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathKind {
    Socket,
    /// Something else, such as the folder that a container's mount created.
    Other,
    Absent,
    /// This user may not read the folder; only a connection attempt shows what is there.
    NoPermission,
}

/// Selects the engine; `explicit` is the value of `--engine`.
pub fn locate(explicit: Option<&str>) -> Result<Endpoint, LocateError> {
    select_endpoint(&Settings::read(explicit), path_kind)
}

/// Selects the engine that the user named, or else the first default socket that exists.
pub fn select_endpoint(
    settings: &Settings,
    path_kind: impl Fn(&Path) -> PathKind,
) -> Result<Endpoint, LocateError> {
    if let Some((address, source)) = named(settings)? {
        let socket = socket_of(&address, &source)?;
        return match path_kind(&socket) {
            PathKind::Socket | PathKind::NoPermission => Ok(Endpoint { socket, source }),
            PathKind::Absent => Err(LocateError::Missing { socket, source }),
            PathKind::Other => Err(LocateError::NotASocket { socket, source }),
        };
    }
    let places = default_sockets(settings);
    let found = places
        .iter()
        .find(|(socket, _)| path_kind(socket) == PathKind::Socket);
    match found {
        Some((socket, source)) => Ok(Endpoint {
            socket: socket.clone(),
            source: source.clone(),
        }),
        None => Err(LocateError::NotFound {
            tried: places.into_iter().map(|(socket, _)| socket).collect(),
        }),
    }
}

/// Explains why the first call to a selected engine failed, and what to do about it.
pub fn connect_error(endpoint: &Endpoint, error: &EngineError) -> EngineError {
    let (address, source) = (url(&endpoint.socket), &endpoint.source);
    match error.kind {
        ErrorKind::Unreachable => {
            let reason = match source {
                EndpointSource::Podman => {
                    text!(
                        "Podman is not running at {address} ({source})",
                        address,
                        source = source.text()
                    )
                }
                _ => text!(
                    "Docker is not running at {address} ({source})",
                    address,
                    source = source.text()
                ),
            };
            EngineError::new(error.kind, reason).help(match source {
                EndpointSource::System => text!("start it with `roadlab engine up`"),
                EndpointSource::Rootless => {
                    text!("start it with `systemctl --user start docker`")
                }
                EndpointSource::Podman => text!(
                    "start it with `systemctl --user start podman.socket`, or as root with `systemctl start podman.socket`"
                ),
                named => start_or_leave(named),
            })
        }
        ErrorKind::Denied => EngineError::permission_denied(&text!(
            "{address} ({source})",
            address,
            source = source.text()
        )),
        ErrorKind::Timeout => EngineError::new(
            error.kind,
            text!(
                "Docker does not answer at {address} ({source})",
                address,
                source = source.text()
            ),
        )
        .help(text!(
            "it is frozen or overloaded: inspect it with `roadlab engine status`, then restart it"
        )),
        _ => EngineError::new(
            error.kind,
            text!(
                "Docker at {address} ({source}): {reason}",
                address,
                source = source.text(),
                reason = error
            ),
        ),
    }
}

impl LocateError {
    /// Returns the error for people.
    pub fn error(&self) -> EngineError {
        let (reason, help) = match self {
            LocateError::Missing { socket, source } => (
                text!(
                    "no container engine at {address} (from {source})",
                    address = url(socket),
                    source = source.text()
                ),
                start_or_leave(source),
            ),
            LocateError::NotASocket { socket, source } => (
                text!(
                    "{address} (from {source}) is not a socket",
                    address = url(socket),
                    source = source.text()
                ),
                start_or_leave(source),
            ),
            LocateError::Remote { address, source } => (
                text!(
                    "`{address}` (from {source}) is not a local Unix socket, so that ports and lab files would not be on this machine",
                    address = address.escape_debug(),
                    source = source.text()
                ),
                leave(source),
            ),
            LocateError::Malformed { address, source } => (
                text!(
                    "invalid engine address `{address}` (from {source})",
                    address = address.escape_debug(),
                    source = source.text()
                ),
                text!(
                    "use the path of a Unix socket, such as `unix://{socket}`",
                    socket = SYSTEM_SOCKET
                ),
            ),
            LocateError::DockerContext { source, why } => (
                text!(
                    "{source}: {reason}",
                    source = source.text(),
                    reason = why.text()
                ),
                leave(source),
            ),
            LocateError::Config { file, why } => (
                text!(
                    "cannot read the current Docker context from {file}: {reason}",
                    file = file.display(),
                    reason = *why
                ),
                text!("correct the file, or name the engine with `--engine`"),
            ),
            LocateError::NotFound { tried } => (
                text!(
                    "no container engine on this machine (tried {sockets})",
                    sockets = tried
                        .iter()
                        .map(|path| path.display().to_string())
                        .collect::<Vec<_>>()
                        .join(", ")
                ),
                text!("start one with `roadlab engine up`"),
            ),
        };
        EngineError::new(ErrorKind::Unreachable, reason).help(help)
    }

    /// Returns the command that helps.
    pub fn fix(&self) -> &'static str {
        match self {
            LocateError::NotFound { .. } => START,
            LocateError::Missing { source, .. }
            | LocateError::NotASocket { source, .. }
            | LocateError::Remote { source, .. }
            | LocateError::Malformed { source, .. }
            | LocateError::DockerContext { source, .. } => leave_command(source),
            LocateError::Config { .. } => "docker context ls",
        }
    }
}

/// Returns the command that helps if the first call to a selected engine failed.
pub fn connect_fix(endpoint: &Endpoint, kind: ErrorKind) -> &'static str {
    match (kind, &endpoint.source) {
        (ErrorKind::Denied, _) => JOIN_DOCKER_GROUP,
        (ErrorKind::Unreachable, EndpointSource::System) => START,
        (ErrorKind::Unreachable, EndpointSource::Rootless) => "systemctl --user start docker",
        (ErrorKind::Unreachable, EndpointSource::Podman) => "systemctl --user start podman.socket",
        (ErrorKind::Unreachable, named) => leave_command(named),
        _ => "roadlab engine status",
    }
}

const START: &str = "roadlab engine up --yes";

/// Returns the command after which the default sockets are used again.
fn leave_command(source: &EndpointSource) -> &'static str {
    match source {
        EndpointSource::DockerHost => "unset DOCKER_HOST",
        EndpointSource::Context(_) => "docker context use default; unset DOCKER_CONTEXT",
        EndpointSource::Flag
        | EndpointSource::System
        | EndpointSource::Rootless
        | EndpointSource::Podman => "roadlab engine status",
    }
}

/// Returns the address that the user named, and where.
fn named(settings: &Settings) -> Result<Option<(String, EndpointSource)>, LocateError> {
    if let Some(address) = &settings.explicit {
        return Ok(Some((address.clone(), EndpointSource::Flag)));
    }
    if let Some(address) = &settings.docker_host {
        return Ok(Some((address.clone(), EndpointSource::DockerHost)));
    }
    match &settings.context {
        DockerContext::Default => Ok(None),
        DockerContext::Named { name, host } => {
            let source = EndpointSource::Context(name.clone());
            match host {
                Ok(address) => Ok(Some((address.clone(), source))),
                Err(why) => Err(LocateError::DockerContext {
                    source,
                    why: why.clone(),
                }),
            }
        }
        DockerContext::Unreadable { file, why } => Err(LocateError::Config {
            file: file.clone(),
            why: why.clone(),
        }),
    }
}

/// Returns the path in `unix://PATH` or `PATH`.
fn socket_of(address: &str, source: &EndpointSource) -> Result<PathBuf, LocateError> {
    let malformed = || LocateError::Malformed {
        address: address.to_owned(),
        source: source.clone(),
    };
    match address.split_once("://") {
        Some(("unix", "")) => Ok(PathBuf::from(SYSTEM_SOCKET)),
        Some(("unix", path)) => Ok(PathBuf::from(path)),
        Some(("tcp" | "http" | "https" | "ssh" | "npipe" | "fd", _)) => Err(LocateError::Remote {
            address: address.to_owned(),
            source: source.clone(),
        }),
        Some(_) => Err(malformed()),
        None if address.starts_with(['/', '.']) => Ok(PathBuf::from(address)),
        None => Err(malformed()),
    }
}

/// Returns the default sockets in order of preference, without duplicates.
fn default_sockets(settings: &Settings) -> Vec<(PathBuf, EndpointSource)> {
    use EndpointSource::{Podman, Rootless, System};
    let own = PathBuf::from(format!("/run/user/{}", settings.uid));
    let runtime = [settings.runtime_dir.clone(), Some(own)];
    let runtime = || runtime.iter().flatten();
    let mut places = vec![(PathBuf::from(SYSTEM_SOCKET), System)];
    places.extend(runtime().map(|folder| (folder.join("docker.sock"), Rootless)));
    if let Some(home) = &settings.home {
        places.push((home.join(".docker/run/docker.sock"), Rootless));
        places.push((home.join(".docker/desktop/docker.sock"), Rootless));
    }
    places.extend(runtime().map(|folder| (folder.join("podman/podman.sock"), Podman)));
    places.push((PathBuf::from("/run/podman/podman.sock"), Podman));
    let mut seen = std::collections::BTreeSet::new();
    places.retain(|(socket, _)| seen.insert(socket.clone()));
    places
}

fn path_kind(path: &Path) -> PathKind {
    use std::os::unix::fs::FileTypeExt;
    match std::fs::metadata(path) {
        Ok(meta) if meta.file_type().is_socket() => PathKind::Socket,
        Ok(_) => PathKind::Other,
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            PathKind::NoPermission
        }
        Err(_) => PathKind::Absent,
    }
}

/// Returns a socket's URL, such as `unix:///var/run/docker.sock`, safe to print.
pub fn url(socket: &Path) -> String {
    format!("unix://{}", socket.to_string_lossy().escape_debug())
}

/// Says what to do about an engine that the user named and that is not there.
fn start_or_leave(source: &EndpointSource) -> Text {
    match source {
        EndpointSource::DockerHost => {
            text!("start an engine there, or `unset DOCKER_HOST` to use the default socket")
        }
        EndpointSource::Context(_) => text!(
            "start an engine there, or leave the context with `docker context use default` and `unset DOCKER_CONTEXT`"
        ),
        EndpointSource::Flag
        | EndpointSource::System
        | EndpointSource::Rootless
        | EndpointSource::Podman => text!("start an engine there, or omit `--engine`"),
    }
}

/// Says how to use the default sockets again.
fn leave(source: &EndpointSource) -> Text {
    match source {
        EndpointSource::DockerHost => text!("`unset DOCKER_HOST` to use the default socket"),
        EndpointSource::Context(_) => {
            text!("leave the context with `docker context use default` and `unset DOCKER_CONTEXT`")
        }
        EndpointSource::Flag
        | EndpointSource::System
        | EndpointSource::Rootless
        | EndpointSource::Podman => text!("omit `--engine`"),
    }
}

#[cfg(test)]
mod tests;
