//! Turns what Docker and its client report into errors with a kind. The only file that reads Docker's own wording.
//!
//! HTTP codes mislead (no free address range is a 404, active endpoints are a 403, a taken port is a 500), so the message
//! decides first and the code only if no rule matches. Pure.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use bollard::errors::Error as ClientError;

use crate::engine::locate::url;
use crate::engine::{Endpoint, EngineError, ErrorKind};
use crate::text;
use crate::text::Text;

/// Parts of the engine's messages, in lower case, and what they mean. The first match decides.
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
    // Of a pause, on a busy machine with control groups v1.
    ("unable to freeze", ErrorKind::Busy),
    ("is already in use by container", ErrorKind::NameTaken),
    ("name is already in use", ErrorKind::NameTaken),
    ("already exists", ErrorKind::NameTaken),
    ("is not running", ErrorKind::NotRunning),
    ("is paused", ErrorKind::Paused),
    ("already paused", ErrorKind::Paused),
    ("is not connected to", ErrorKind::NotFound),
    ("is restarting", ErrorKind::NotRunning),
    // Podman does not report whether it has ended or is paused.
    ("container state improper", ErrorKind::NotRunning),
    ("executable file not found", ErrorKind::NoProgram),
    ("command that was not found", ErrorKind::NoProgram),
    ("exec: \"", ErrorKind::NoProgram),
    ("exec format error", ErrorKind::CannotRun),
    ("oci runtime exec failed", ErrorKind::CannotRun),
    ("no such image", ErrorKind::NoSuchImage),
    ("image not known", ErrorKind::NoSuchImage),
    (NO_CONTAINER, ErrorKind::NotFound),
    ("is marked for removal", ErrorKind::NotFound),
    ("no such network", ErrorKind::NotFound),
    ("network not found", ErrorKind::NotFound),
    ("no such volume", ErrorKind::NotFound),
    ("no such exec", ErrorKind::NotFound),
];

const NO_CONTAINER: &str = "no such container";
const NO_RANGE: &str = "could not find an available, non-overlapping";
const NO_RANGE_LATER: &str = "predefined address pools have been fully subnetted";

/// The same for messages of a registry, or of the connection to it.
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

/// How engines refuse a build without BuildKit, in lower case.
const BUILDKIT_REFUSALS: [&str; 4] = [
    "buildkit",
    "classic builder",
    "legacy builder",
    "not implemented",
];

/// What Docker and Podman report for a Dockerfile with a syntax error, in lower case.
const SYNTAX_ERRORS: [&str; 2] = ["dockerfile parse error", "build error: unknown instruction"];

/// Where Podman's error begins to describe its own memory.
const PODMAN_INTERNALS: &str = " &imagebuilder.";

/// How the client reports an answer that ends in the middle of a line.
const STREAM_CUT: &str = "bytes remaining on stream";

/// How the engine starts a message that it writes in place of a program's output.
pub(super) const EXEC_REFUSED: &str = "OCI runtime exec failed";

/// Translates the client's error for a call; `operation` completes "cannot …".
pub(super) fn translate(endpoint: &Endpoint, operation: &Text, error: ClientError) -> EngineError {
    match error {
        ClientError::DockerResponseServerError {
            status_code,
            message,
        } => refused(operation, Some(status_code), &message),
        ClientError::DockerStreamError { error } => refused(operation, None, &error),
        ClientError::JsonDataError { message, .. } => EngineError::new(
            ErrorKind::Other,
            text!("unexpected answer from Docker ({reason})", reason = message),
        )
        .during(operation),
        ClientError::SocketNotFoundError(_) => no_engine(endpoint),
        other => no_connection(endpoint, operation, &other),
    }
}

/// Translates the client's error for a pull: it is the registry's, unless it is about the engine itself.
pub(super) fn translate_pull(
    endpoint: &Endpoint,
    operation: &Text,
    error: ClientError,
) -> EngineError {
    let registry = message(&error).and_then(|message| registry_kind(&message));
    let error = translate(endpoint, operation, error);
    match (error.kind, registry) {
        (
            ErrorKind::Unreachable | ErrorKind::StreamCut | ErrorKind::Denied | ErrorKind::DiskFull,
            _,
        )
        | (_, None) => error,
        (_, Some(ErrorKind::RegistryUnreachable)) => registry_unreachable(operation, error.reason),
        (_, Some(kind)) => EngineError { kind, ..error },
    }
}

/// A registry that cannot be reached, or that stopped sending.
pub(super) fn registry_unreachable(operation: &Text, reason: Text) -> EngineError {
    EngineError::new(ErrorKind::RegistryUnreachable, reason)
        .during(operation)
        .help(text!(
            "run `roadlab images pull LAB` when the registry can be reached"
        ))
}

/// How far a build came before it failed.
pub(super) struct BuildState {
    /// Whether the builder had written anything.
    pub(super) began: bool,
    /// Whether the last step pulls an image.
    pub(super) pulling: bool,
    /// The last lines of output, each after a line end.
    pub(super) output: String,
}

/// Translates the client's error for a build: it is the recipe's, unless it is about the engine or the base image.
pub(super) fn translate_build(
    endpoint: &Endpoint,
    operation: &Text,
    error: ClientError,
    state: &BuildState,
) -> EngineError {
    let Some(message) = message(&error) else {
        return translate(endpoint, operation, error);
    };
    let error = translate(endpoint, operation, error);
    if needs_buildkit(error.kind, &message, state.began) {
        return EngineError::new(
            ErrorKind::NoBuilder,
            text!(
                "the build requires BuildKit, which roadlab does not support (Docker reported: {message})",
                message
            ),
        )
        .during(operation);
    }
    let kind = match error.kind {
        ErrorKind::DiskFull => return error,
        _ if state.pulling => registry_kind(&message),
        _ if contains_any(&message, &SYNTAX_ERRORS) => Some(ErrorKind::InvalidRecipe),
        _ => None,
    };
    let message = message.split(PODMAN_INTERNALS).next().unwrap_or(&message);
    let reason = Text::quotation(format!("{message}{}", state.output));
    EngineError::new(kind.unwrap_or(ErrorKind::BuildFailed), reason).during(operation)
}

/// The engine refused to build without BuildKit, which has a protocol of its own.
fn needs_buildkit(kind: ErrorKind, message: &str, began: bool) -> bool {
    match began {
        // A recipe's own output can contain anything, but only the engine writes this.
        true => contains_any(message, &["option requires buildkit"]),
        false => kind == ErrorKind::NotFound || contains_any(message, &BUILDKIT_REFUSALS),
    }
}

/// A call that was not answered in time.
pub(super) fn no_answer(operation: &Text, limit: Duration) -> EngineError {
    EngineError::new(
        ErrorKind::Timeout,
        text!(
            "Docker did not answer within {seconds} s",
            seconds = limit.as_secs_f32()
        ),
    )
    .during(operation)
    .help(text!("check that `docker ps` works, then try again"))
}

/// A program in a container that did not end in time.
pub(super) fn exec_timeout(operation: &Text, limit: Duration) -> EngineError {
    EngineError::new(
        ErrorKind::Timeout,
        text!(
            "it did not end within {seconds} s",
            seconds = limit.as_secs_f32()
        ),
    )
    .during(operation)
}

/// What the engine refused to do, by its status code and message.
pub(super) fn refused(operation: &Text, code: Option<u16>, message: &str) -> EngineError {
    let message = trim(message);
    let fallback = match code {
        Some(404) => ErrorKind::NotFound,
        _ => ErrorKind::Other,
    };
    let kind = find(RULES, &message).unwrap_or(fallback);
    let (reason, help) = explain(kind, &message);
    let error = EngineError::new(kind, reason).during(operation);
    match help {
        Some(help) => error.help(help),
        None => error,
    }
}

/// The error of a host port that is in use; `user` names who uses it.
pub(super) fn port_taken(operation: &Text, port: u16, user: Text) -> EngineError {
    EngineError::new(
        ErrorKind::PortTaken,
        text!("port {port} is used by {user}", port, user),
    )
    .during(operation)
    .help(stop_or_change_port())
}

/// Returns whether a container exists and the file that was to be read does not; the engine has one code for both.
pub(super) fn is_missing_file(error: &ClientError) -> bool {
    match error {
        ClientError::DockerResponseServerError {
            status_code: 404,
            message,
        } => !contains_any(message, &[NO_CONTAINER]),
        _ => false,
    }
}

/// Returns the host port that a start failed for, from `…127.0.0.1:5432…`.
pub(super) fn taken_port(error: &ClientError) -> Option<u16> {
    port_in(&message(error)?)
}

/// The message of the engine itself, in one line.
fn message(error: &ClientError) -> Option<String> {
    match error {
        ClientError::DockerResponseServerError { message, .. } => Some(trim(message)),
        ClientError::DockerStreamError { error } => Some(trim(error)),
        _ => None,
    }
}

fn registry_kind(message: &str) -> Option<ErrorKind> {
    find(REGISTRY_RULES, message)
}

fn find(rules: &[(&str, ErrorKind)], message: &str) -> Option<ErrorKind> {
    let message = message.to_lowercase();
    let rule = rules.iter().find(|(part, _)| message.contains(part));
    rule.map(|(_, kind)| *kind)
}

/// Whether a message contains one of these parts, which are in lower case.
fn contains_any(message: &str, parts: &[&str]) -> bool {
    let message = message.to_lowercase();
    parts.iter().any(|part| message.contains(part))
}

/// The reason and the help for a message of the engine.
fn explain(kind: ErrorKind, message: &str) -> (Text, Option<Text>) {
    let verbatim = || Text::quotation(message);
    match kind {
        ErrorKind::DiskFull => (
            text!("Docker's disk is full"),
            Some(text!("free space (`docker system df` shows what uses it)")),
        ),
        ErrorKind::PortTaken => {
            let user = match contains_any(message, &["already allocated"]) {
                true => text!("another container"),
                false => text!("another program"),
            };
            match port_in(message) {
                Some(port) => (
                    text!("port {port} is used by {user}", port, user),
                    Some(stop_or_change_port()),
                ),
                None => (
                    text!("a port is used by {user} ({message})", user, message),
                    None,
                ),
            }
        }
        ErrorKind::SubnetTaken => (
            text!("its address range overlaps with that of another network"),
            None,
        ),
        ErrorKind::NoProgram => (no_program(message).unwrap_or_else(verbatim), None),
        ErrorKind::Paused => (
            text!("the container is paused"),
            Some(text!("`roadlab fault LAB heal` continues it")),
        ),
        ErrorKind::NotRunning => (text!("the container is not running"), None),
        ErrorKind::Other if contains_any(message, &[NO_RANGE, NO_RANGE_LATER]) => (
            text!("Docker has no free address range for a network"),
            Some(text!("remove unused networks with `docker network prune`")),
        ),
        _ if message.is_empty() => (text!("Docker gave no reason"), None),
        _ => (verbatim(), None),
    }
}

fn stop_or_change_port() -> Text {
    text!("stop it or use another port")
}

/// The program in `exec: "/nope": stat /nope: no such file or directory`, and why it did not run.
fn no_program(message: &str) -> Option<Text> {
    let (_, rest) = message.rsplit_once("exec: \"")?;
    let (program, reason) = rest.split_once("\": ")?;
    Some(match contains_any(reason, &["no such file", "not found"]) {
        true => text!("`{program}` not found in image", program),
        false => text!("`{program}` cannot be executed: {reason}", program, reason),
    })
}

/// The host port in `…127.0.0.1:5432…`.
fn port_in(message: &str) -> Option<u16> {
    message.match_indices(':').find_map(|(at, _)| {
        let address = message[..at].ends_with(|c: char| c.is_ascii_digit() || c == ']');
        let digits = message[at + 1..]
            .split(|c: char| !c.is_ascii_digit())
            .next();
        digits.filter(|_| address)?.parse().ok()
    })
}

/// One line, without what only developers of the engine can use, and never raw JSON.
fn trim(message: &str) -> String {
    let inner = serde_json::from_str::<serde_json::Value>(message).ok();
    let inner = inner.as_ref().and_then(|json| {
        ["message", "error", "cause"]
            .iter()
            .find_map(|key| json.get(key)?.as_str())
    });
    let line = inner.unwrap_or(message).split_whitespace();
    let line = line.collect::<Vec<_>>().join(" ");
    let line = line.trim_end_matches('.').trim_end_matches(": unknown");
    line.to_owned()
}

fn no_engine(endpoint: &Endpoint) -> EngineError {
    EngineError::new(
        ErrorKind::Unreachable,
        text!("no Docker at {address}", address = address(endpoint)),
    )
    .help(text!("`roadlab engine up` starts one"))
}

/// The error of a call that got no answer, or not a whole one.
fn no_connection(endpoint: &Endpoint, operation: &Text, error: &ClientError) -> EngineError {
    let address = address(endpoint);
    match io_kind(error) {
        Some(io::ErrorKind::NotFound) => no_engine(endpoint),
        Some(io::ErrorKind::ConnectionRefused) => EngineError::new(
            ErrorKind::Unreachable,
            text!(
                "Docker is not running: nothing listens at {address}",
                address
            ),
        )
        .help(text!("`roadlab engine up` starts it")),
        Some(io::ErrorKind::PermissionDenied) => EngineError::permission_denied(&address),
        _ => {
            let reason = error.to_string();
            let kind = match reason.contains(STREAM_CUT) {
                true => ErrorKind::StreamCut,
                false => ErrorKind::Unreachable,
            };
            EngineError::new(
                kind,
                text!("the connection to Docker was lost ({reason})", reason),
            )
            .during(operation)
            .help(text!("check that `docker ps` works, then try again"))
        }
    }
}

fn address(endpoint: &Endpoint) -> Text {
    text!(
        "{address} ({source})",
        address = url(&endpoint.socket),
        source = endpoint.source.text()
    )
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
mod tests;
