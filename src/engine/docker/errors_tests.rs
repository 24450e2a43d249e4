//! Messages as engines 20.10 to 29 and Podman 4 write them, and what becomes of them.

use std::path::PathBuf;

use super::*;

#[track_caller]
fn check(what: &str, code: u16, message: &str, kind: ErrorKind, text: &str) {
    let error = refused(what, Some(code), message);
    assert_eq!((error.kind, error.message.as_str()), (kind, text));
}

#[test]
fn the_message_decides_before_the_code() {
    check(
        "create network `n`",
        404,
        "could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network",
        ErrorKind::Other,
        "Docker has no free network range; remove unused networks with `docker network prune`",
    );
    check(
        "create network `n`",
        500,
        "all predefined address pools have been fully subnetted",
        ErrorKind::Other,
        "Docker has no free network range; remove unused networks with `docker network prune`",
    );
    check(
        "create network `n` (10.214.0.0/27)",
        403,
        "Pool overlaps with other one on this address space",
        ErrorKind::SubnetTaken,
        "cannot create network `n` (10.214.0.0/27): its address range overlaps with another network's",
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
fn a_taken_port_is_named_with_who_may_have_it() {
    for message in [
        "driver failed programming external connectivity on endpoint x (0a1b): Bind for 127.0.0.1:5432 failed: port is already allocated",
        "failed to set up container networking: driver failed programming external connectivity on endpoint x (0a1b): Bind for 127.0.0.1:5432 failed: port is already allocated",
    ] {
        check(
            "start container `db`",
            500,
            message,
            ErrorKind::PortTaken,
            "cannot start container `db`: port 5432 is used by another container; stop it or take another port",
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
            "cannot start container `db`: port 5432 is used by another program; stop it or take another port",
        );
    }
}

#[test]
fn names_removals_and_states_are_told_apart() {
    let kind = |code, message| refused("x", Some(code), message).kind;
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
        "cannot run `ls` in container `db`: the container is paused; `docker unpause` wakes it",
    );
}

#[test]
fn a_program_that_is_not_in_the_image_is_named() {
    check(
        "start container `db`",
        400,
        "OCI runtime create failed: container_linux.go:380: starting container process caused: exec: \"/nope\": stat /nope: no such file or directory: unknown",
        ErrorKind::CannotRun,
        "`/nope` not found in image: cannot start container `db`",
    );
    check(
        "start container `db`",
        400,
        "failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: \"nope\": executable file not found in $PATH: unknown",
        ErrorKind::CannotRun,
        "`nope` not found in image: cannot start container `db`",
    );
    check(
        "run `/etc/hosts` in container `db`",
        126,
        "OCI runtime exec failed: exec failed: unable to start container process: exec: \"/etc/hosts\": permission denied: unknown\r\n",
        ErrorKind::CannotRun,
        "`/etc/hosts` cannot be run: permission denied: cannot run `/etc/hosts` in container `db`",
    );
}

#[test]
fn raw_answers_never_reach_the_reader() {
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
        "cannot x: the engine gave no reason",
    );
}

#[test]
fn an_engine_that_is_not_there_is_told_from_one_that_goes_away() {
    let endpoint = Endpoint {
        socket: PathBuf::from("/run/nope.sock"),
        source: crate::engine::EndpointSource::DockerHost,
    };
    let told = |kind: io::ErrorKind| {
        let error = translate(
            &endpoint,
            "list containers",
            ClientError::from(io::Error::from(kind)),
        );
        (error.kind, error.message)
    };
    assert_eq!(
        told(io::ErrorKind::NotFound),
        (
            ErrorKind::Unreachable,
            "no Docker at unix:///run/nope.sock ($DOCKER_HOST); `roadlab engine up` starts one"
                .into()
        )
    );
    assert!(
        told(io::ErrorKind::ConnectionRefused)
            .1
            .starts_with("Docker is not running: ")
    );
    assert_eq!(told(io::ErrorKind::PermissionDenied).0, ErrorKind::Denied);
    let (kind, text) = told(io::ErrorKind::UnexpectedEof);
    assert_eq!(kind, ErrorKind::Unreachable);
    assert!(
        text.starts_with("Docker went away: cannot list containers"),
        "{text}"
    );
}
