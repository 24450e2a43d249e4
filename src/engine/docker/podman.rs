//! What Podman says in other words than Docker: read again in Docker's, as the client knows no others.

use bollard::errors::Error as ClientError;
use bollard::models::{ContainerCreateBody, ResourcesUlimits, SystemVersion};
use rustix::process::{Resource, getrlimit};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The states that Docker knows and the client reads.
const STATES: [&str; 7] = [
    "created",
    "running",
    "paused",
    "restarting",
    "removing",
    "exited",
    "dead",
];

/// Whether it is Podman that answers.
pub(super) fn speaks(version: &SystemVersion) -> bool {
    let mut components = version.components.iter().flatten();
    components.any(|component| component.name.contains("Podman"))
}

/// Reads containers again that the client could not read for a state that it does not know. One such state would else
/// hide all containers of a list.
pub(super) fn reread<T: DeserializeOwned>(error: ClientError) -> Result<T, ClientError> {
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

/// Where one limit is given, Podman raises the others as far as root can, which fails where root may not: they get what
/// this process has.
pub(super) fn limit_all(body: &mut ContainerCreateBody) {
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
        // Ended, and not cleaned up yet.
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

    /// As the client would read it: first its own way, then ours.
    fn read<T: DeserializeOwned>(text: &str) -> Result<T, ClientError> {
        let own = serde_json::from_str(text);
        own.or_else(|error: serde_json::Error| {
            reread(ClientError::JsonDataError {
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
    fn a_state_that_docker_does_not_know_hides_no_container() {
        check("initialized", "created");
        check("configured", "created");
        check("stopped", "exited");
        check("unknown", "");
        check("paused", "paused");
    }

    #[test]
    fn a_limit_that_was_given_stays_and_the_others_are_ours() {
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
        limit_all(&mut body);
        let limits = body.host_config.unwrap().ulimits.unwrap();
        let mut expected = vec![limit("nofile", 7)];
        if let Some(own) = getrlimit(Resource::Nproc).maximum {
            expected.push(limit("nproc", i64::try_from(own).unwrap()));
        }
        assert_eq!(limits, expected);
    }

    #[test]
    fn what_is_wrong_otherwise_stays_an_error() {
        let text = r#"[{"Id":7,"State":"stopped"}]"#;
        let error = read::<Vec<ContainerSummary>>(text).unwrap_err();
        assert!(error.to_string().contains("expected a string"), "{error}");
        assert!(read::<Vec<ContainerSummary>>("<html>").is_err());
    }
}
