//! Tests with messages as engines 20.10 to 29 and Podman 4 write them.

use std::path::Path;

use super::*;
use crate::engine::docker::fixture;

#[track_caller]
fn check(operation: &str, code: u16, message: &str, kind: ErrorKind, expected: &str) {
    let error = refused(&Text::verbatim(operation), Some(code), message);
    assert_eq!((error.kind, error.to_string().as_str()), (kind, expected));
}

fn server_error(status_code: u16, message: &str) -> ClientError {
    ClientError::DockerResponseServerError {
        status_code,
        message: message.into(),
    }
}

fn endpoint() -> Endpoint {
    fixture::endpoint(Path::new("/run/nope"))
}

#[test]
fn message_decides_before_code() {
    check(
        "create network `n`",
        404,
        "could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network",
        ErrorKind::Other,
        "cannot create network `n`: Docker has no free address range for a network; remove unused networks with `docker network prune`",
    );
    check(
        "create network `n`",
        500,
        "all predefined address pools have been fully subnetted",
        ErrorKind::Other,
        "cannot create network `n`: Docker has no free address range for a network; remove unused networks with `docker network prune`",
    );
    check(
        "create network `n` (10.214.0.0/27)",
        403,
        "Pool overlaps with other one on this address space",
        ErrorKind::SubnetTaken,
        "cannot create network `n` (10.214.0.0/27): its address range overlaps with that of another network",
    );
    check(
        "remove network `n`",
        403,
        "error while removing network: network n id 0a has active endpoints",
        ErrorKind::Busy,
        "cannot remove network `n`: error while removing network: network n id 0a has active endpoints",
    );
}

#[test]
fn taken_port_is_shown_with_its_possible_user() {
    for message in [
        "driver failed programming external connectivity on endpoint x (0a1b): Bind for 127.0.0.1:5432 failed: port is already allocated",
        "failed to set up container networking: driver failed programming external connectivity on endpoint x (0a1b): Bind for 127.0.0.1:5432 failed: port is already allocated",
    ] {
        check(
            "start container `db`",
            500,
            message,
            ErrorKind::PortTaken,
            "cannot start container `db`: port 5432 is used by another container; stop it or use another port",
        );
    }
    for message in [
        "driver failed programming external connectivity on endpoint x (0a1b): Error starting userland proxy: listen tcp4 127.0.0.1:5432: bind: address already in use",
        "failed to bind host port 127.0.0.1:5432/tcp: address already in use",
    ] {
        check(
            "start container `db`",
            500,
            message,
            ErrorKind::PortTaken,
            "cannot start container `db`: port 5432 is used by another program; stop it or use another port",
        );
    }
}

#[test]
fn messages_about_names_removals_and_states_have_kinds() {
    let kind = |code, message| refused(&text!("x"), Some(code), message).kind;
    assert_eq!(
        kind(
            409,
            "Conflict. The container name \"/a\" is already in use by container \"0a\". You have to remove (or rename) that container to be able to reuse that name."
        ),
        ErrorKind::NameTaken
    );
    assert_eq!(
        kind(409, "removal of container a is already in progress"),
        ErrorKind::Busy
    );
    assert_eq!(
        kind(
            500,
            "Cannot pause container 0a: OCI runtime pause failed: unable to freeze"
        ),
        ErrorKind::Busy
    );
    assert_eq!(
        kind(409, "remove v: volume is in use - [0a1b]"),
        ErrorKind::Busy
    );
    assert_eq!(
        kind(409, "network with name n already exists"),
        ErrorKind::NameTaken
    );
    assert_eq!(kind(404, "No such container: a"), ErrorKind::NotFound);
    let going = "container is marked for removal and cannot be started";
    assert_eq!(kind(409, going), ErrorKind::NotFound);
    assert_eq!(kind(404, "network a not found"), ErrorKind::NotFound);
    assert_eq!(kind(404, "get a: no such volume"), ErrorKind::NotFound);
    assert_eq!(kind(404, "No such image: a:latest"), ErrorKind::NoSuchImage);
    assert_eq!(
        kind(500, "write /x: no space left on device"),
        ErrorKind::DiskFull
    );
    assert_eq!(kind(500, "something new"), ErrorKind::Other);
    let podman = |message, expected| assert_eq!(kind(500, message), expected, "{message}");
    podman(
        "container create: creating container storage: the container name \"pa\" is already in use by 2a81. You have to remove that container to be able to reuse that name: that name is already in use",
        ErrorKind::NameTaken,
    );
    podman(
        "\"na\" has associated containers with it. Use -f to forcibly delete containers and pods: network is being used",
        ErrorKind::Busy,
    );
    podman(
        "image x:1 is in use: image used by dd99: image is in use by a container: consider listing external containers and force-removing image",
        ErrorKind::Busy,
    );
    podman(
        "can only kill running containers. 2a81 is in state exited: container state improper",
        ErrorKind::NotRunning,
    );
    podman(
        "container create: unable to find network with name or ID n: network not found",
        ErrorKind::NotFound,
    );
    podman(
        "subnet 10.99.0.0/27 is already used on the host or by another config",
        ErrorKind::SubnetTaken,
    );
    podman(
        "cannot listen on the TCP port: listen tcp4 127.0.0.1:24999: bind: address already in use",
        ErrorKind::PortTaken,
    );
    check(
        "run `ls` in container `db`",
        409,
        "Container 0a1b is not running",
        ErrorKind::NotRunning,
        "cannot run `ls` in container `db`: the container is not running",
    );
    check(
        "run `ls` in container `db`",
        409,
        "Container db is paused, unpause the container before exec",
        ErrorKind::Paused,
        "cannot run `ls` in container `db`: the container is paused; `roadlab fault LAB heal` continues it",
    );
}

#[test]
fn program_that_is_not_in_the_image_is_shown() {
    check(
        "start container `db`",
        400,
        "OCI runtime create failed: container_linux.go:380: starting container process caused: exec: \"/nope\": stat /nope: no such file or directory: unknown",
        ErrorKind::NoProgram,
        "cannot start container `db`: `/nope` not found in image",
    );
    check(
        "start container `db`",
        400,
        "failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: \"nope\": executable file not found in $PATH: unknown",
        ErrorKind::NoProgram,
        "cannot start container `db`: `nope` not found in image",
    );
    check(
        "run `/etc/hosts` in container `db`",
        126,
        "OCI runtime exec failed: exec failed: unable to start container process: exec: \"/etc/hosts\": permission denied: unknown\r\n",
        ErrorKind::NoProgram,
        "cannot run `/etc/hosts` in container `db`: `/etc/hosts` cannot be executed: permission denied",
    );
    check(
        "run `ls` in container `db`",
        126,
        "OCI runtime exec failed: exec failed: unable to start container process: chdir to cwd (\"/nope\") set in config.json failed: no such file or directory: unknown",
        ErrorKind::CannotRun,
        "cannot run `ls` in container `db`: OCI runtime exec failed: exec failed: unable to start container process: chdir to cwd (\"/nope\") set in config.json failed: no such file or directory",
    );
}

#[test]
fn json_is_never_shown() {
    check(
        "x",
        500,
        "{\"message\":\"it\\nbroke\"}",
        ErrorKind::Other,
        "cannot x: it broke",
    );
    check(
        "x",
        500,
        "",
        ErrorKind::Other,
        "cannot x: Docker gave no reason",
    );
}

#[test]
fn missing_engine_differs_from_a_lost_connection() {
    let check = |kind: io::ErrorKind, expected: ErrorKind, message: &str| {
        let error = ClientError::from(io::Error::from(kind));
        let error = translate(&endpoint(), &text!("list containers"), error);
        assert_eq!(
            (error.kind, error.to_string().as_str()),
            (expected, message)
        );
    };
    check(
        io::ErrorKind::NotFound,
        ErrorKind::Unreachable,
        "no Docker at unix:///run/nope/docker.sock (Docker context `a test`); `roadlab engine up` starts one",
    );
    check(
        io::ErrorKind::ConnectionRefused,
        ErrorKind::Unreachable,
        "Docker is not running: nothing listens at unix:///run/nope/docker.sock (Docker context `a test`); `roadlab engine up` starts it",
    );
    check(
        io::ErrorKind::PermissionDenied,
        ErrorKind::Denied,
        "permission denied on unix:///run/nope/docker.sock (Docker context `a test`); join the `docker` group with `sudo usermod -aG docker \"$USER\"` \
         and log in again (its members can do what root can), or use rootless Docker",
    );
    let lost = ClientError::from(io::Error::from(io::ErrorKind::UnexpectedEof));
    let lost = translate(&endpoint(), &text!("list containers"), lost);
    assert_eq!(lost.kind, ErrorKind::Unreachable);
    let message = lost.to_string();
    assert!(
        message.starts_with("cannot list containers: the connection to Docker was lost ("),
        "{message}"
    );
}

#[test]
fn answer_that_ends_in_the_middle_is_a_cut_stream() {
    let cut = ClientError::from(io::Error::other("bytes remaining on stream"));
    let error = translate_pull(&endpoint(), &text!("pull `x`"), cut);
    assert_eq!(error.kind, ErrorKind::StreamCut);
}

#[test]
fn unreachable_registry_differs_from_a_missing_image() {
    #[track_caller]
    fn check(message: &str, expected: ErrorKind) {
        let operation = text!("pull `x`");
        for error in [
            server_error(500, message),
            ClientError::DockerStreamError {
                error: message.into(),
            },
        ] {
            let error = translate_pull(&endpoint(), &operation, error);
            assert_eq!(error.kind, expected, "{message}");
        }
    }
    for message in [
        "Get \"https://registry.test/v2/\": dial tcp: lookup registry.test: no such host",
        "Get \"http://127.0.0.1:5999/v2/\": dial tcp 127.0.0.1:5999: connect: connection refused",
        "dial tcp 192.0.2.1:443: connect: network is unreachable",
        "dial tcp 192.0.2.1:443: i/o timeout",
        "net/http: TLS handshake timeout",
        "x509: certificate signed by unknown authority",
    ] {
        check(message, ErrorKind::RegistryUnreachable);
    }
    for message in [
        "pull access denied for nope, repository does not exist or may require 'docker login'",
        "manifest for redis:nope not found: manifest unknown: manifest unknown",
        "no matching manifest for linux/arm64/v8 in the manifest list entries",
    ] {
        check(message, ErrorKind::NoSuchImage);
    }
    check(
        "write /var/lib/docker/tmp/x: no space left on device",
        ErrorKind::DiskFull,
    );
    check(
        "layer verification failed for digest sha256:0a",
        ErrorKind::Other,
    );
}

#[test]
fn missing_file_differs_from_a_missing_container() {
    let missing = server_error(404, "Could not find the file /x in container db");
    assert!(is_missing_file(&missing));
    assert!(!is_missing_file(&server_error(
        404,
        "No such container: db"
    )));
    assert!(!is_missing_file(&server_error(500, "something else")));
}

#[test]
fn missing_builder_differs_from_a_build_that_fails() {
    #[track_caller]
    fn check(code: u16, message: &str, began: bool, expected: bool) {
        let state = BuildState {
            began,
            pulling: false,
            output: String::new(),
        };
        let error = server_error(code, message);
        let error = translate_build(&endpoint(), &text!("build `x`"), error, &state);
        assert_eq!(error.kind == ErrorKind::NoBuilder, expected, "{message}");
    }
    let mount = "the --mount option requires BuildKit. Refer to https://docs.docker.com/go/buildkit/ to learn how to build images with BuildKit enabled";
    check(500, mount, true, true);
    check(404, "page not found", false, true);
    check(501, "the legacy builder is not available", false, true);
    check(500, "buildkit.service: exit 1", true, false);
    check(500, "Cannot locate specified Dockerfile: x", false, false);
}
