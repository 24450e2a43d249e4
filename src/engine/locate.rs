//! Where the engine is: which socket, and why that one.
//!
//! `choose` decides from settings alone; `Settings::read` is the one place that looks at the
//! environment and Docker's configuration. Whether anybody listens there is for `about` to find out.

mod settings;

use std::path::{Path, PathBuf};

pub use settings::{DockerContext, Settings};

use super::error::{EngineError, ErrorKind, JOIN_DOCKER_GROUP};

/// Where Docker listens unless it is told otherwise.
pub const SYSTEM_SOCKET: &str = "/var/run/docker.sock";

const FLAG: &str = "`--engine`";
const HOST: &str = "$DOCKER_HOST";
const SYSTEM: &str = "system socket";
const ROOTLESS: &str = "rootless Docker";
const PODMAN: &str = "Podman";

/// The address of an engine, and where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The path of a Unix socket.
    pub socket: PathBuf,
    /// Why this one: "`--engine`", "$DOCKER_HOST", "Docker context `x`", "system socket", "rootless Docker", "Podman".
    pub source: String,
}

/// Why there is no engine to talk to, with the next thing to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoEngine {
    #[error("no Docker at {} (from {from}): {}", url(socket), way_out(from))]
    Missing { socket: PathBuf, from: String },

    #[error("{} (from {from}) is not a socket: {}", url(socket), way_out(from))]
    NotASocket { socket: PathBuf, from: String },

    #[error(
        "`{}` (from {from}) is not a local Unix socket: ports and lab files would not be on this machine; {}",
        address.escape_debug(), leave(from)
    )]
    Remote { address: String, from: String },

    #[error(
        "`{}` (from {from}) is not the address of an engine: give the path of a Unix socket, such as `unix://{SYSTEM_SOCKET}`",
        text.escape_debug()
    )]
    Malformed { text: String, from: String },

    #[error("{from}: {why}; mend it, or {}", leave(from))]
    DockerContext { from: String, why: String },

    #[error(
        "cannot tell the current Docker context: {}: {why}; mend the file, or name the engine with `--engine`", file.display()
    )]
    Config { file: PathBuf, why: String },

    #[error(
        "no Docker on this machine: start one with `roadlab engine up` (looked at {})",
        tried.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    )]
    NotFound { tried: Vec<PathBuf> },
}

/// What lies at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathKind {
    Socket,
    /// Something else, such as the folder a container's mount made.
    Other,
    Absent,
    /// This user may not look; only asking tells.
    NoPermission,
}

/// The engine to talk to; `explicit` is the value of `--engine`.
pub fn locate(explicit: Option<&str>) -> Result<Endpoint, NoEngine> {
    choose(&Settings::read(explicit), look)
}

/// What is named is taken or is an error; without a name, the first usual place with a socket.
pub fn choose(settings: &Settings, look: impl Fn(&Path) -> PathKind) -> Result<Endpoint, NoEngine> {
    if let Some((address, source)) = named(settings)? {
        let socket = socket_of(&address, &source)?;
        return match look(&socket) {
            PathKind::Socket | PathKind::NoPermission => Ok(Endpoint { socket, source }),
            PathKind::Absent => Err(NoEngine::Missing {
                socket,
                from: source,
            }),
            PathKind::Other => Err(NoEngine::NotASocket {
                socket,
                from: source,
            }),
        };
    }
    let places = usual_places(settings);
    let found = places
        .iter()
        .find(|(socket, _)| look(socket) == PathKind::Socket);
    match found {
        Some((socket, source)) => Ok(Endpoint {
            socket: socket.clone(),
            source: (*source).to_owned(),
        }),
        None => Err(NoEngine::NotFound {
            tried: places.into_iter().map(|(socket, _)| socket).collect(),
        }),
    }
}

/// What to say when an engine was chosen and the first call to it failed: one best next step.
pub fn explain(endpoint: &Endpoint, error: &EngineError) -> String {
    let place = format!("{} ({})", url(&endpoint.socket), endpoint.source);
    let source = endpoint.source.as_str();
    match error.kind {
        ErrorKind::Unreachable => {
            let step = match source {
                SYSTEM => "start it with `roadlab engine up`".to_owned(),
                ROOTLESS => "start it with `systemctl --user start docker`".to_owned(),
                PODMAN => "start it with `systemctl --user start podman.socket`, or as root `systemctl start podman.socket`".to_owned(),
                named => way_out(named),
            };
            let product = match source {
                PODMAN => "Podman",
                _ => "Docker",
            };
            format!("{product} is not running at {place}: {step}")
        }
        ErrorKind::Denied => EngineError::permission_denied(&place).to_string(),
        ErrorKind::Timeout => format!(
            "Docker does not answer at {place}: it is frozen or overloaded; look at `roadlab engine status`, then restart it"
        ),
        _ => format!("Docker at {place}: {error}"),
    }
}

impl NoEngine {
    /// The command that helps.
    pub fn fix(&self) -> &'static str {
        match self {
            NoEngine::NotFound { .. } => START,
            NoEngine::Missing { from, .. }
            | NoEngine::NotASocket { from, .. }
            | NoEngine::Remote { from, .. }
            | NoEngine::Malformed { from, .. }
            | NoEngine::DockerContext { from, .. } => leave_command(from),
            NoEngine::Config { .. } => "docker context ls",
        }
    }
}

/// The command that helps when an engine was chosen and the first call to it failed.
pub fn fix(endpoint: &Endpoint, kind: ErrorKind) -> &'static str {
    match (kind, endpoint.source.as_str()) {
        (ErrorKind::Denied, _) => JOIN_DOCKER_GROUP,
        (ErrorKind::Unreachable, SYSTEM) => START,
        (ErrorKind::Unreachable, ROOTLESS) => "systemctl --user start docker",
        (ErrorKind::Unreachable, PODMAN) => "systemctl --user start podman.socket",
        (ErrorKind::Unreachable, named) => leave_command(named),
        _ => "roadlab engine status",
    }
}

const START: &str = "roadlab engine up --yes";

/// `leave` as something to type.
fn leave_command(from: &str) -> &'static str {
    match from {
        FLAG => "roadlab doctor",
        HOST => "unset DOCKER_HOST",
        _ => "docker context use default; unset DOCKER_CONTEXT",
    }
}

/// The address somebody chose, and who did.
fn named(settings: &Settings) -> Result<Option<(String, String)>, NoEngine> {
    if let Some(address) = &settings.explicit {
        return Ok(Some((address.clone(), FLAG.to_owned())));
    }
    if let Some(address) = &settings.docker_host {
        return Ok(Some((address.clone(), HOST.to_owned())));
    }
    match &settings.context {
        DockerContext::Default => Ok(None),
        DockerContext::Named { name, host } => {
            let from = format!("Docker context `{}`", name.escape_debug());
            match host {
                Ok(address) => Ok(Some((address.clone(), from))),
                Err(why) => Err(NoEngine::DockerContext {
                    from,
                    why: why.clone(),
                }),
            }
        }
        DockerContext::Unreadable { file, why } => Err(NoEngine::Config {
            file: file.clone(),
            why: why.clone(),
        }),
    }
}

/// The path in `unix://PATH` or `PATH`.
fn socket_of(address: &str, from: &str) -> Result<PathBuf, NoEngine> {
    let malformed = || NoEngine::Malformed {
        text: address.to_owned(),
        from: from.to_owned(),
    };
    match address.split_once("://") {
        Some(("unix", "")) => Ok(PathBuf::from(SYSTEM_SOCKET)),
        Some(("unix", path)) => Ok(PathBuf::from(path)),
        Some(("tcp" | "http" | "https" | "ssh" | "npipe" | "fd", _)) => Err(NoEngine::Remote {
            address: address.to_owned(),
            from: from.to_owned(),
        }),
        Some(_) => Err(malformed()),
        None if address.starts_with(['/', '.']) => Ok(PathBuf::from(address)),
        None => Err(malformed()),
    }
}

/// Where engines listen when nobody names one, the best first.
fn usual_places(settings: &Settings) -> Vec<(PathBuf, &'static str)> {
    let own = PathBuf::from(format!("/run/user/{}", settings.uid));
    let runtime = [settings.runtime_dir.clone(), Some(own)];
    let runtime = || runtime.iter().flatten();
    let mut places = vec![(PathBuf::from(SYSTEM_SOCKET), SYSTEM)];
    places.extend(runtime().map(|folder| (folder.join("docker.sock"), ROOTLESS)));
    if let Some(home) = &settings.home {
        places.push((home.join(".docker/run/docker.sock"), ROOTLESS));
        places.push((home.join(".docker/desktop/docker.sock"), ROOTLESS));
    }
    places.extend(runtime().map(|folder| (folder.join("podman/podman.sock"), PODMAN)));
    places.push((PathBuf::from("/run/podman/podman.sock"), PODMAN));
    let mut seen = std::collections::BTreeSet::new();
    places.retain(|(socket, _)| seen.insert(socket.clone()));
    places
}

fn look(path: &Path) -> PathKind {
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

/// `unix:///var/run/docker.sock`, safe to show.
pub fn url(socket: &Path) -> String {
    format!("unix://{}", socket.to_string_lossy().escape_debug())
}

/// What to do about an engine that was named and is not there.
fn way_out(from: &str) -> String {
    format!("start an engine there, or {}", leave(from))
}

/// How to stop naming an engine, so that the usual places are looked at.
fn leave(from: &str) -> &'static str {
    match from {
        FLAG => "leave out `--engine`",
        HOST => "`unset DOCKER_HOST` to look in the usual places",
        _ => "leave that context with `docker context use default` and `unset DOCKER_CONTEXT`",
    }
}

#[cfg(test)]
mod tests;
