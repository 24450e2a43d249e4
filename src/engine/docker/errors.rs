//! The engine's errors by kind and in our words. HTTP codes alone lie (no free network range is a 404, active
//! endpoints are a 403, a taken port is a 500), so the message decides first and the code only then.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use bollard::errors::Error as ClientError;

use crate::engine::{Endpoint, EngineError, ErrorKind};

/// A piece of the engine's message, in lower case, and what it means. The first that fits decides.
const RULES: &[(&str, ErrorKind)] = &[
    ("no space left on device", ErrorKind::DiskFull),
    ("disk quota exceeded", ErrorKind::DiskFull),
    ("port is already allocated", ErrorKind::PortTaken),
    ("address already in use", ErrorKind::PortTaken),
    ("ports are not available", ErrorKind::PortTaken),
    ("pool overlaps", ErrorKind::SubnetTaken),
    (
        "is already used on the host or by another config",
        ErrorKind::SubnetTaken,
    ),
    (NO_RANGE, ErrorKind::Other),
    (NO_RANGE_LATER, ErrorKind::Other),
    ("already in progress", ErrorKind::Busy),
    ("volume is in use", ErrorKind::Busy),
    ("volume is being used", ErrorKind::Busy),
    ("has active endpoints", ErrorKind::Busy),
    ("network is being used", ErrorKind::Busy),
    ("using its referenced image", ErrorKind::Busy),
    ("image is being used", ErrorKind::Busy),
    ("image is in use", ErrorKind::Busy),
    ("dependent child images", ErrorKind::Busy),
    ("device or resource busy", ErrorKind::Busy),
    ("is already in use by container", ErrorKind::NameTaken),
    ("name is already in use", ErrorKind::NameTaken),
    ("already exists", ErrorKind::NameTaken),
    ("is not running", ErrorKind::NotRunning),
    ("is paused", ErrorKind::Paused),
    ("is restarting", ErrorKind::NotRunning),
    // Podman does not say whether it has ended or is paused.
    ("container state improper", ErrorKind::NotRunning),
    ("oci runtime exec failed", ErrorKind::CannotRun),
    ("executable file not found", ErrorKind::CannotRun),
    ("command that was not found", ErrorKind::CannotRun),
    ("exec format error", ErrorKind::CannotRun),
    ("exec: \"", ErrorKind::CannotRun),
    ("no such image", ErrorKind::NoSuchImage),
    ("image not known", ErrorKind::NoSuchImage),
    ("no such container", ErrorKind::NotFound),
    ("is marked for removal", ErrorKind::NotFound),
    ("no such network", ErrorKind::NotFound),
    ("network not found", ErrorKind::NotFound),
    ("no such volume", ErrorKind::NotFound),
    ("no such exec", ErrorKind::NotFound),
];

const NO_RANGE: &str = "could not find an available, non-overlapping";
const NO_RANGE_LATER: &str = "predefined address pools have been fully subnetted";

/// The same for what a registry says, or what happens on the way to it.
const REGISTRY_RULES: &[(&str, ErrorKind)] = &[
    ("no space left on device", ErrorKind::DiskFull),
    ("pull access denied", ErrorKind::NoSuchImage),
    ("repository does not exist", ErrorKind::NoSuchImage),
    ("manifest unknown", ErrorKind::NoSuchImage),
    ("name unknown", ErrorKind::NoSuchImage),
    ("no matching manifest", ErrorKind::NoSuchImage),
    ("no such host", ErrorKind::RegistryUnreachable),
    ("name resolution", ErrorKind::RegistryUnreachable),
    ("server misbehaving", ErrorKind::RegistryUnreachable),
    ("connection refused", ErrorKind::RegistryUnreachable),
    ("connection reset", ErrorKind::RegistryUnreachable),
    ("network is unreachable", ErrorKind::RegistryUnreachable),
    ("no route to host", ErrorKind::RegistryUnreachable),
    ("i/o timeout", ErrorKind::RegistryUnreachable),
    ("client.timeout", ErrorKind::RegistryUnreachable),
    ("timeout exceeded", ErrorKind::RegistryUnreachable),
    ("timed out", ErrorKind::RegistryUnreachable),
    ("deadline exceeded", ErrorKind::RegistryUnreachable),
    ("request canceled", ErrorKind::RegistryUnreachable),
    ("tls handshake", ErrorKind::RegistryUnreachable),
    ("tls: ", ErrorKind::RegistryUnreachable),
    ("x509: ", ErrorKind::RegistryUnreachable),
    (
        "http response to https client",
        ErrorKind::RegistryUnreachable,
    ),
    ("proxyconnect ", ErrorKind::RegistryUnreachable),
    ("not found", ErrorKind::NoSuchImage),
];

/// An error of the client for a call; `what` completes "cannot …".
pub(super) fn translate(endpoint: &Endpoint, what: &str, error: ClientError) -> EngineError {
    match error {
        ClientError::DockerResponseServerError {
            status_code,
            message,
        } => refused(what, Some(status_code), &message),
        ClientError::DockerStreamError { error } => refused(what, None, &error),
        ClientError::JsonDataError { message, .. } => EngineError::new(
            ErrorKind::Other,
            format!("cannot {what}: the engine's answer is not understood ({message})"),
        ),
        ClientError::SocketNotFoundError(_) => absent(endpoint),
        other => unheard(endpoint, what, &other),
    }
}

/// A call that was not answered in time.
pub(super) fn too_slow(what: &str, limit: Duration) -> EngineError {
    EngineError::new(
        ErrorKind::Timeout,
        format!(
            "Docker does not answer: cannot {what} within {} s; see whether it hangs (`docker ps`), then try again",
            limit.as_secs_f32()
        ),
    )
}

/// A program in a container that ran longer than it may.
pub(super) fn overran(what: &str, limit: Duration) -> EngineError {
    EngineError::new(
        ErrorKind::Timeout,
        format!(
            "cannot {what}: it did not end within {} s",
            limit.as_secs_f32()
        ),
    )
}

/// What the engine refused to do, by its status code and message.
pub(super) fn refused(what: &str, code: Option<u16>, message: &str) -> EngineError {
    let reason = tidy(message);
    let kind = judge(code, &reason);
    EngineError::new(kind, explain(kind, what, &reason))
}

/// What a pull or a build's base image failed with, if it is the registry's matter.
pub(super) fn judge_registry(message: &str) -> Option<ErrorKind> {
    find(REGISTRY_RULES, &message.to_lowercase())
}

fn judge(code: Option<u16>, reason: &str) -> ErrorKind {
    let fallback = match code {
        Some(404) => ErrorKind::NotFound,
        _ => ErrorKind::Other,
    };
    find(RULES, &reason.to_lowercase()).unwrap_or(fallback)
}

fn find(rules: &[(&str, ErrorKind)], text: &str) -> Option<ErrorKind> {
    let rule = rules.iter().find(|(piece, _)| text.contains(piece));
    rule.map(|(_, kind)| *kind)
}

fn explain(kind: ErrorKind, what: &str, reason: &str) -> String {
    let lower = reason.to_lowercase();
    match kind {
        ErrorKind::DiskFull => format!(
            "Docker's disk is full: cannot {what}; make room (`docker system df` shows what uses it)"
        ),
        ErrorKind::PortTaken => {
            let user = match lower.contains("already allocated") {
                true => "another container",
                false => "another program",
            };
            match taken_port(reason) {
                Some(port) => {
                    format!(
                        "cannot {what}: port {port} is used by {user}; stop it or take another port"
                    )
                }
                None => format!("cannot {what}: a port is used by {user} ({reason})"),
            }
        }
        ErrorKind::SubnetTaken => {
            format!("cannot {what}: its address range overlaps with another network's")
        }
        ErrorKind::CannotRun => cannot_run(what, reason),
        ErrorKind::Paused => {
            format!("cannot {what}: the container is paused; `docker unpause` wakes it")
        }
        ErrorKind::NotRunning => format!("cannot {what}: the container is not running"),
        ErrorKind::Other
            if [NO_RANGE, NO_RANGE_LATER]
                .iter()
                .any(|text| lower.contains(text)) =>
        {
            "Docker has no free network range; remove unused networks with `docker network prune`"
                .into()
        }
        _ => format!("cannot {what}: {reason}"),
    }
}

/// The host port in `…127.0.0.1:5432…`.
pub(super) fn taken_port(reason: &str) -> Option<u16> {
    reason.match_indices(':').find_map(|(at, _)| {
        let address = reason[..at].ends_with(|c: char| c.is_ascii_digit() || c == ']');
        let digits = reason[at + 1..].split(|c: char| !c.is_ascii_digit()).next();
        digits.filter(|_| address)?.parse().ok()
    })
}

/// The program in `exec: "/nope": stat /nope: no such file or directory`, and why it did not run.
fn cannot_run(what: &str, reason: &str) -> String {
    let program = reason
        .rsplit_once("exec: \"")
        .and_then(|(_, rest)| rest.split_once("\": "));
    match program {
        Some((program, why)) if why.contains("no such file") || why.contains("not found") => {
            format!("`{program}` not found in image: cannot {what}")
        }
        Some((program, why)) => format!("`{program}` cannot be run: {why}: cannot {what}"),
        None => format!("cannot {what}: {reason}"),
    }
}

/// One line, without what is only of use to the engine's makers, and never raw JSON.
fn tidy(message: &str) -> String {
    let inner = serde_json::from_str::<serde_json::Value>(message).ok();
    let inner = inner.as_ref().and_then(|json| {
        ["message", "error", "cause"]
            .iter()
            .find_map(|key| json.get(key)?.as_str())
    });
    let line = inner.unwrap_or(message).split_whitespace();
    let line = line.collect::<Vec<_>>().join(" ");
    let line = line.trim_end_matches('.').trim_end_matches(": unknown");
    match line {
        "" => "the engine gave no reason".into(),
        line => line.to_owned(),
    }
}

fn absent(endpoint: &Endpoint) -> EngineError {
    EngineError::new(
        ErrorKind::Unreachable,
        format!(
            "no Docker at {}; `roadlab engine up` starts one",
            place(endpoint)
        ),
    )
}

/// Nothing, or nothing whole, came back.
fn unheard(endpoint: &Endpoint, what: &str, error: &ClientError) -> EngineError {
    let place = place(endpoint);
    match io_kind(error) {
        Some(io::ErrorKind::NotFound) => absent(endpoint),
        Some(io::ErrorKind::ConnectionRefused) => EngineError::new(
            ErrorKind::Unreachable,
            format!(
                "Docker is not running: nobody listens at {place}; `roadlab engine up` starts it"
            ),
        ),
        Some(io::ErrorKind::PermissionDenied) => EngineError::new(
            ErrorKind::Denied,
            format!(
                "no permission to use {place}; join the group `docker` (`sudo usermod -aG docker $USER`, \
                 then log in again), or use rootless Docker"
            ),
        ),
        _ => EngineError::new(
            ErrorKind::Unreachable,
            format!(
                "Docker went away: cannot {what} ({error}); see whether it runs with `docker ps`"
            ),
        ),
    }
}

fn place(endpoint: &Endpoint) -> String {
    format!("unix://{} ({})", endpoint.socket.display(), endpoint.source)
}

/// The kind of the I/O error at the bottom, if there is one.
fn io_kind(error: &ClientError) -> Option<io::ErrorKind> {
    if let ClientError::IOError { err } = error {
        return Some(err.kind());
    }
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(io) = inner.downcast_ref::<io::Error>() {
            return Some(io.kind());
        }
        cause = inner.source();
    }
    None
}

#[cfg(test)]
#[path = "errors_tests.rs"]
mod tests;
