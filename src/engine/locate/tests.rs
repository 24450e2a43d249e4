use std::path::{Path, PathBuf};

use super::*;
use crate::text::Text;

fn settings() -> Settings {
    Settings {
        explicit: None,
        docker_host: None,
        context: DockerContext::Default,
        runtime_dir: Some(PathBuf::from("/run/user/7")),
        home: Some(PathBuf::from("/home/ann")),
        uid: 7,
    }
}

fn host(address: &str) -> Settings {
    Settings {
        docker_host: Some(address.to_owned()),
        ..settings()
    }
}

fn flag(address: &str) -> Settings {
    Settings {
        explicit: Some(address.to_owned()),
        ..settings()
    }
}

fn context(host: Result<&str, ContextError>) -> Settings {
    Settings {
        context: DockerContext::Named {
            name: "lab".to_owned(),
            host: host.map(str::to_owned),
        },
        ..settings()
    }
}

/// Checks which engine is selected if only these sockets exist, or why none is.
#[track_caller]
fn check(settings: &Settings, sockets: &[&str], expected: &str) {
    let kind = |path: &Path| match sockets.iter().any(|socket| Path::new(socket) == path) {
        true => PathKind::Socket,
        false => PathKind::Absent,
    };
    let actual = match select_endpoint(settings, kind) {
        Ok(Endpoint { socket, source }) => format!("{} from {source}", socket.display()),
        Err(error) => error.error().to_string(),
    };
    assert_eq!(actual, expected);
}

#[test]
fn named_engine_takes_precedence_over_default_sockets() {
    let all = ["/var/run/docker.sock", "/flag", "/host", "/context"];
    let mut settings = context(Ok("unix:///context"));
    check(&settings, &all, "/context from Docker context `lab`");
    settings.docker_host = Some("unix:///host".to_owned());
    check(&settings, &all, "/host from $DOCKER_HOST");
    settings.explicit = Some("/flag".to_owned());
    check(&settings, &all, "/flag from `--engine`");
}

#[test]
fn address_is_a_path_or_a_unix_url() {
    check(&flag("./a.sock"), &["./a.sock"], "./a.sock from `--engine`");
    check(
        &host("unix://"),
        &["/var/run/docker.sock"],
        "/var/run/docker.sock from $DOCKER_HOST",
    );
    for bad in ["localhost:2375", "docker", "ftp://x", "a\u{1b}b"] {
        let error = select_endpoint(&host(bad), |_| PathKind::Socket).unwrap_err();
        assert!(matches!(error, LocateError::Malformed { .. }), "{bad}");
        assert!(!error.error().to_string().contains('\u{1b}'));
    }
}

#[test]
fn default_sockets_are_tried_in_order() {
    let mut sockets = vec![
        ("/var/run/docker.sock", "system socket"),
        ("/run/user/7/docker.sock", "rootless Docker"),
        ("/home/ann/.docker/run/docker.sock", "rootless Docker"),
        ("/home/ann/.docker/desktop/docker.sock", "rootless Docker"),
        ("/run/user/7/podman/podman.sock", "Podman"),
        ("/run/podman/podman.sock", "Podman"),
    ];
    while let Some((socket, source)) = sockets.first().copied() {
        let left: Vec<_> = sockets.iter().map(|(socket, _)| *socket).collect();
        check(&settings(), &left, &format!("{socket} from {source}"));
        sockets.remove(0);
    }
    check(
        &settings(),
        &[],
        "no container engine on this machine (tried /var/run/docker.sock, /run/user/7/docker.sock, /home/ann/.docker/run/docker.sock, /home/ann/.docker/desktop/docker.sock, /run/user/7/podman/podman.sock, /run/podman/podman.sock); start one with `roadlab engine up`",
    );
}

#[test]
fn named_engine_that_does_not_exist_is_an_error() {
    let system = ["/var/run/docker.sock"];
    check(
        &host("unix:///nope.sock"),
        &system,
        "no container engine at unix:///nope.sock (from $DOCKER_HOST); start an engine there, or `unset DOCKER_HOST` to use the default socket",
    );
    check(
        &flag("/nope.sock"),
        &system,
        "no container engine at unix:///nope.sock (from `--engine`); start an engine there, or omit `--engine`",
    );
    check(
        &context(Ok("unix:///nope.sock")),
        &system,
        "no container engine at unix:///nope.sock (from Docker context `lab`); start an engine there, or leave the context with `docker context use default` and `unset DOCKER_CONTEXT`",
    );
    check(
        &context(Err(ContextError::NotFound)),
        &system,
        "Docker context `lab`: no such context (`docker context ls` lists them); leave the context with `docker context use default` and `unset DOCKER_CONTEXT`",
    );
    let unreadable = Settings {
        context: DockerContext::Unreadable {
            file: PathBuf::from("/c/config.json"),
            why: "EOF".to_owned(),
        },
        ..settings()
    };
    check(
        &unreadable,
        &system,
        "cannot read the current Docker context from /c/config.json: EOF; correct the file, or name the engine with `--engine`",
    );
    let folder = select_endpoint(&flag("/folder"), |_| PathKind::Other).unwrap_err();
    assert_eq!(
        folder.error().to_string(),
        "unix:///folder (from `--engine`) is not a socket; start an engine there, or omit `--engine`"
    );
}

#[test]
fn remote_engines_are_refused() {
    for address in [
        "tcp://10.0.0.5:2375",
        "http://x",
        "https://x",
        "ssh://ann@x",
        "npipe:////./pipe/docker_engine",
    ] {
        check(
            &host(address),
            &["/var/run/docker.sock"],
            &format!(
                "`{address}` (from $DOCKER_HOST) is not a local Unix socket, so that ports and lab files would not be on this machine; `unset DOCKER_HOST` to use the default socket"
            ),
        );
        let remote = context(Ok(address));
        let error = select_endpoint(&remote, |_| PathKind::Socket).unwrap_err();
        assert!(matches!(error, LocateError::Remote { .. }), "{address}");
    }
}

#[test]
fn socket_in_a_forbidden_folder_is_selected_only_by_name() {
    let select = |settings: &Settings| select_endpoint(settings, |_| PathKind::NoPermission);
    assert!(select(&flag("/root/a.sock")).is_ok());
    assert!(select(&settings()).is_err());
}

#[test]
fn failed_connection_is_explained_with_one_next_step() {
    #[track_caller]
    fn check(source: EndpointSource, kind: ErrorKind, expected: &str) {
        let endpoint = Endpoint {
            socket: PathBuf::from("/x.sock"),
            source,
        };
        let error = EngineError::new(kind, Text::verbatim("boom"));
        assert_eq!(connect_error(&endpoint, &error).to_string(), expected);
    }
    check(
        EndpointSource::System,
        ErrorKind::Unreachable,
        "Docker is not running at unix:///x.sock (system socket); start it with `roadlab engine up`",
    );
    check(
        EndpointSource::Podman,
        ErrorKind::Unreachable,
        "Podman is not running at unix:///x.sock (Podman); start it with `systemctl --user start podman.socket`, or as root with `systemctl start podman.socket`",
    );
    check(
        EndpointSource::DockerHost,
        ErrorKind::Unreachable,
        "Docker is not running at unix:///x.sock ($DOCKER_HOST); start an engine there, or `unset DOCKER_HOST` to use the default socket",
    );
    check(
        EndpointSource::System,
        ErrorKind::Timeout,
        "Docker does not answer at unix:///x.sock (system socket); it is frozen or overloaded: inspect it with `roadlab engine status`, then restart it",
    );
    check(
        EndpointSource::System,
        ErrorKind::Other,
        "Docker at unix:///x.sock (system socket): boom",
    );
    let denied = Endpoint {
        socket: PathBuf::from("/x.sock"),
        source: EndpointSource::System,
    };
    let error = EngineError::new(ErrorKind::Denied, Text::verbatim("boom"));
    let message = connect_error(&denied, &error).to_string();
    assert!(message.contains(JOIN_DOCKER_GROUP), "{message}");
    assert_eq!(connect_fix(&denied, ErrorKind::Denied), JOIN_DOCKER_GROUP);
}

#[test]
fn what_selected_the_engine_is_shown_in_the_language_of_the_message() {
    #[track_caller]
    fn check(source: EndpointSource, korean: &str) {
        let endpoint = Endpoint {
            socket: PathBuf::from("/x.sock"),
            source,
        };
        for kind in [ErrorKind::Unreachable, ErrorKind::Denied, ErrorKind::Other] {
            let error = EngineError::new(kind, Text::verbatim("boom"));
            let message = connect_error(&endpoint, &error).text();
            let message = message.in_language(crate::text::Language::Korean);
            assert!(message.contains(&format!("({korean})")), "{message}");
        }
    }
    check(EndpointSource::System, "시스템 소켓");
    check(EndpointSource::Rootless, "루트리스 Docker");
    let context = EndpointSource::Context("work".to_owned());
    check(context, "Docker 컨텍스트 `work`");
    check(EndpointSource::DockerHost, "$DOCKER_HOST");
}

#[test]
fn the_fix_is_never_the_command_that_just_failed() {
    let endpoint = Endpoint {
        socket: PathBuf::from("/x.sock"),
        source: EndpointSource::Flag,
    };
    for kind in [ErrorKind::Unreachable, ErrorKind::Timeout, ErrorKind::Other] {
        assert_ne!(connect_fix(&endpoint, kind), "roadlab doctor");
    }
}
