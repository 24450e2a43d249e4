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

fn context(host: Result<&str, &str>) -> Settings {
    let host = host.map(str::to_owned).map_err(str::to_owned);
    Settings {
        context: DockerContext::Named {
            name: "lab".to_owned(),
            host,
        },
        ..settings()
    }
}

/// One line: what is chosen where only these sockets exist, or why nothing is.
#[track_caller]
fn check(settings: &Settings, sockets: &[&str], expected: &str) {
    let look = |path: &Path| match sockets.iter().any(|socket| Path::new(socket) == path) {
        true => PathKind::Socket,
        false => PathKind::Absent,
    };
    let actual = match choose(settings, look) {
        Ok(Endpoint { socket, source }) => format!("{} from {source}", socket.display()),
        Err(error) => error.to_string(),
    };
    assert_eq!(actual, expected);
}

#[test]
fn what_is_named_goes_before_what_is_found_in_this_order() {
    let all = ["/var/run/docker.sock", "/flag", "/host", "/context"];
    let mut settings = context(Ok("unix:///context"));
    check(&settings, &all, "/context from Docker context `lab`");
    settings.docker_host = Some("unix:///host".to_owned());
    check(&settings, &all, "/host from $DOCKER_HOST");
    settings.explicit = Some("/flag".to_owned());
    check(&settings, &all, "/flag from `--engine`");
}

#[test]
fn an_address_is_a_path_or_a_unix_url() {
    check(&flag("./a.sock"), &["./a.sock"], "./a.sock from `--engine`");
    check(
        &host("unix://"),
        &["/var/run/docker.sock"],
        "/var/run/docker.sock from $DOCKER_HOST",
    );
    for bad in ["localhost:2375", "docker", "ftp://x", "a\u{1b}b"] {
        let error = choose(&host(bad), |_| PathKind::Socket).unwrap_err();
        assert!(matches!(error, NoEngine::Malformed { .. }), "{bad}");
        assert!(!error.to_string().contains('\u{1b}'));
    }
}

#[test]
fn usual_places_have_an_order() {
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
        "no Docker on this machine: start one with `roadlab engine up` (looked at /var/run/docker.sock, /run/user/7/docker.sock, /home/ann/.docker/run/docker.sock, /home/ann/.docker/desktop/docker.sock, /run/user/7/podman/podman.sock, /run/podman/podman.sock)",
    );
}

#[test]
fn what_is_named_and_not_there_is_an_error_and_never_skipped() {
    let system = ["/var/run/docker.sock"];
    check(
        &host("unix:///nope.sock"),
        &system,
        "no Docker at unix:///nope.sock (from $DOCKER_HOST): start an engine there, or `unset DOCKER_HOST` to look in the usual places",
    );
    check(
        &flag("/nope.sock"),
        &system,
        "no Docker at unix:///nope.sock (from `--engine`): start an engine there, or leave out `--engine`",
    );
    check(
        &context(Ok("unix:///nope.sock")),
        &system,
        "no Docker at unix:///nope.sock (from Docker context `lab`): start an engine there, or leave that context with `docker context use default` and `unset DOCKER_CONTEXT`",
    );
    check(
        &context(Err("there is no such context")),
        &system,
        "Docker context `lab`: there is no such context; mend it, or leave that context with `docker context use default` and `unset DOCKER_CONTEXT`",
    );
    let unclear = Settings {
        context: DockerContext::Unreadable {
            file: PathBuf::from("/c/config.json"),
            why: "EOF".to_owned(),
        },
        ..settings()
    };
    check(
        &unclear,
        &system,
        "cannot tell the current Docker context: /c/config.json: EOF; mend the file, or name the engine with `--engine`",
    );
    let folder = choose(&flag("/folder"), |_| PathKind::Other).unwrap_err();
    assert_eq!(
        folder.to_string(),
        "unix:///folder (from `--engine`) is not a socket: start an engine there, or leave out `--engine`"
    );
}

#[test]
fn engines_on_other_machines_are_refused() {
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
                "`{address}` (from $DOCKER_HOST) is not a local Unix socket: ports and lab files would not be on this machine; `unset DOCKER_HOST` to look in the usual places"
            ),
        );
        let error = choose(&context(Ok(address)), |_| PathKind::Socket).unwrap_err();
        assert!(matches!(error, NoEngine::Remote { .. }), "{address}");
    }
}

#[test]
fn a_socket_that_cannot_be_looked_at_is_taken_if_named_only() {
    let choose = |settings: &Settings| choose(settings, |_| PathKind::NoPermission);
    assert!(choose(&flag("/root/a.sock")).is_ok());
    assert!(choose(&settings()).is_err());
}

#[test]
fn a_failed_first_call_gets_one_next_step() {
    #[track_caller]
    fn check(source: &str, kind: ErrorKind, expected: &str) {
        let endpoint = Endpoint {
            socket: PathBuf::from("/x.sock"),
            source: source.to_owned(),
        };
        let error = EngineError::new(kind, Text::verbatim("boom"));
        assert_eq!(explain(&endpoint, &error), expected);
    }
    check(
        SYSTEM,
        ErrorKind::Unreachable,
        "Docker is not running at unix:///x.sock (system socket): start it with `roadlab engine up`",
    );
    check(
        PODMAN,
        ErrorKind::Unreachable,
        "Podman is not running at unix:///x.sock (Podman): start it with `systemctl --user start podman.socket`, or as root `systemctl start podman.socket`",
    );
    check(
        HOST,
        ErrorKind::Unreachable,
        "Docker is not running at unix:///x.sock ($DOCKER_HOST): start an engine there, or `unset DOCKER_HOST` to look in the usual places",
    );
    check(
        SYSTEM,
        ErrorKind::Denied,
        "permission denied on unix:///x.sock (system socket); join the `docker` group with `sudo usermod -aG docker \"$USER\"` and log in again (its members can do what root can), or use rootless Docker",
    );
    check(
        SYSTEM,
        ErrorKind::Timeout,
        "Docker does not answer at unix:///x.sock (system socket): it is frozen or overloaded; look at `roadlab engine status`, then restart it",
    );
    check(
        SYSTEM,
        ErrorKind::Other,
        "Docker at unix:///x.sock (system socket): boom",
    );
}
