//! Where Podman's answers differ from Docker's: they are translated, as the client accepts only Docker's. Pure, except
//! for this process's own limits.

use std::future::Future;

use bollard::errors::Error as ClientError;
use bollard::models::{ContainerCreateBody, ResourcesUlimits, SystemVersion};
use rustix::process::{Resource, getrlimit};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::client::Answer;

/// The states of Docker, which the client accepts.
const STATES: [&str; 7] = [
    "created",
    "running",
    "paused",
    "restarting",
    "removing",
    "exited",
    "dead",
];

/// Returns whether the engine is Podman.
pub(super) fn is_podman(version: &SystemVersion) -> bool {
    let mut components = version.components.iter().flatten();
    components.any(|component| component.name.contains("Podman"))
}

/// Accepts an answer that the client rejects because a container is in a state that Docker does not have. Otherwise one
/// such container would hide all others of a list.
pub(super) async fn any_state<T: DeserializeOwned>(
    call: impl Future<Output = Answer<T>>,
) -> Answer<T> {
    call.await.or_else(parse_again)
}

fn parse_again<T: DeserializeOwned>(error: ClientError) -> Answer<T> {
    let ClientError::JsonDataError { contents, .. } = &error else {
        return Err(error);
    };
    let Ok(mut answer) = serde_json::from_str::<Value>(contents) else {
        return Err(error);
    };
    match &mut answer {
        Value::Array(list) => list
            .iter_mut()
            .filter_map(|container| container.get_mut("State"))
            .for_each(translate),
        container => container
            .pointer_mut("/State/Status")
            .into_iter()
            .for_each(translate),
    }
    serde_json::from_value(answer).map_err(|_| error)
}

/// Sets the limits that a container does not set to those of this process. Podman would raise them to root's maximum,
/// which fails where root is restricted.
pub(super) fn set_missing_limits(body: &mut ContainerCreateBody) {
    let own = [("nofile", Resource::Nofile), ("nproc", Resource::Nproc)];
    let Some(limits) = body
        .host_config
        .as_mut()
        .and_then(|config| config.ulimits.as_mut())
    else {
        return;
    };
    for (name, resource) in own {
        let given = limits
            .iter()
            .any(|limit| limit.name.as_deref() == Some(name));
        let own = getrlimit(resource).maximum.map(i64::try_from);
        if let (false, Some(Ok(own))) = (given, own) {
            limits.push(ResourcesUlimits {
                name: Some(name.into()),
                soft: Some(own),
                hard: Some(own),
            });
        }
    }
}

fn translate(state: &mut Value) {
    let docker = match state.as_str() {
        Some(known) if STATES.contains(&known) => return,
        // It has ended and is not cleaned up yet.
        Some("stopped") => "exited",
        Some("initialized" | "configured") => "created",
        Some(_) | None => "",
    };
    *state = docker.into();
}

#[cfg(test)]
mod tests {
    use super::*;
    use bollard::models::{ContainerInspectResponse, ContainerSummary, HostConfig};

    /// Parses an answer as the client does, and again if it is rejected.
    fn read<T: DeserializeOwned>(text: &str) -> Answer<T> {
        let own = serde_json::from_str(text);
        own.or_else(|error: serde_json::Error| {
            parse_again(ClientError::JsonDataError {
                message: error.to_string(),
                contents: text.into(),
                column: error.column(),
            })
        })
    }

    #[track_caller]
    fn check(podman: &str, docker: &str) {
        let list = format!(
            r#"[{{"Id":"0a","Names":["/a"],"State":"running"}},{{"Id":"0b","Names":["/b"],"State":"{podman}"}}]"#
        );
        let list: Vec<ContainerSummary> = read(&list).unwrap();
        let state = list[1].state.map(|state| state.to_string());
        assert_eq!((list.len(), state.as_deref()), (2, Some(docker)));
        let one = format!(r#"{{"Id":"0b","State":{{"Status":"{podman}","ExitCode":137}}}}"#);
        let one: ContainerInspectResponse = read(&one).unwrap();
        let state = one.state.unwrap();
        assert_eq!(state.status.unwrap().to_string(), docker);
        assert_eq!(state.exit_code, Some(137));
    }

    #[test]
    fn unknown_state_hides_no_container() {
        check("initialized", "created");
        check("configured", "created");
        check("stopped", "exited");
        check("unknown", "");
        check("paused", "paused");
    }

    #[test]
    fn given_limit_stays_and_others_are_those_of_this_process() {
        let limit = |name: &str, value| ResourcesUlimits {
            name: Some(name.into()),
            soft: Some(value),
            hard: Some(value),
        };
        let mut body = ContainerCreateBody {
            host_config: Some(HostConfig {
                ulimits: Some(vec![limit("nofile", 7)]),
                ..Default::default()
            }),
            ..Default::default()
        };
        set_missing_limits(&mut body);
        let limits = body.host_config.unwrap().ulimits.unwrap();
        let mut expected = vec![limit("nofile", 7)];
        if let Some(own) = getrlimit(Resource::Nproc).maximum {
            expected.push(limit("nproc", i64::try_from(own).unwrap()));
        }
        assert_eq!(limits, expected);
    }

    #[test]
    fn other_mistakes_remain_errors() {
        let text = r#"[{"Id":7,"State":"stopped"}]"#;
        let error = read::<Vec<ContainerSummary>>(text).unwrap_err();
        assert!(error.to_string().contains("expected a string"), "{error}");
        assert!(read::<Vec<ContainerSummary>>("<html>").is_err());
    }
}
