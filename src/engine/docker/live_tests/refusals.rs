//! What the engine refuses and what we refuse; and removing, whatever has happened before.

use super::*;

#[tokio::test]
async fn what_cannot_start_is_told_by_kind() {
    let Some(bench) = Bench::open() else { return };
    let docker = &bench.docker;
    let mut nope = bench.spec("nope", &["/nope"]);
    // With an init, the start succeeds and it is the init that ends with 127.
    nope.init = false;
    let nope = docker.create_container(&nope).await.unwrap();
    let error = docker.start(&nope).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NoProgram);
    assert!(
        error.to_string().contains("`/nope` not found in image"),
        "{error}"
    );
    let error = docker
        .create_container(&bench.spec("nope", &["/nope"]))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::NameTaken, "{error}");

    let mut first = bench.spec("one", &["sleep", "600"]);
    first.ports = vec![tcp(80, 0)];
    let port = docker.inspect(&bench.up(&first).await).await.unwrap().ports[&80];
    let mut second = bench.spec("two", &["sleep", "600"]);
    second.ports = vec![tcp(80, port)];
    let id = docker.create_container(&second).await.unwrap();
    let error = docker.start(&id).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::PortTaken);
    let used = format!("port {port} is used by container `{}`", first.name);
    assert!(error.to_string().contains(&used), "{error}");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut third = bench.spec("three", &["sleep", "600"]);
    third.ports = vec![tcp(80, listener.local_addr().unwrap().port())];
    let id = docker.create_container(&third).await.unwrap();
    let error = docker.start(&id).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::PortTaken);
    assert!(
        error.to_string().contains("used by another program"),
        "{error}"
    );

    let mut imageless = bench.spec("four", &["true"]);
    imageless.image = ABSENT.into();
    let error = docker.create_container(&imageless).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NoSuchImage, "{error}");
    let mut sourceless = bench.spec("five", &["true"]);
    sourceless.mounts = vec![MountSpec::Bind {
        source: std::path::PathBuf::from("/nowhere/at/all"),
        target: "/lab".into(),
        access: Access::ReadOnly,
    }];
    assert!(docker.create_container(&sourceless).await.is_err());
    assert!(!std::path::PathBuf::from("/nowhere").exists());
    bench.close().await;
}

#[tokio::test]
async fn a_container_that_cannot_be_connected_is_removed_again() {
    let Some(bench) = Bench::open() else { return };
    let docker = &bench.docker;
    let networks = bench.networks(&["front"]).await;
    let mut spec = bench.spec("db", &["true"]);
    spec.networks = vec![(networks[0].0.clone(), vec![]), ("host".into(), vec![])];
    let error = docker.create_container(&spec).await.unwrap_err();
    assert!(error.to_string().contains("to network `host`"), "{error}");
    let error = docker.inspect(&spec.name).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);

    // A network that is not there is told now or at the start, as the engine's age has it.
    spec.networks = vec![(bench.run_labels.name("none"), vec![])];
    let error = match docker.create_container(&spec).await {
        Ok(id) => docker.start(&id).await.unwrap_err(),
        Err(error) => error,
    };
    assert_eq!(error.kind, ErrorKind::NotFound, "{error}");
    bench.close().await;
}

#[tokio::test]
async fn networks_and_volumes_that_are_not_ours_are_refused() {
    let Some(bench) = Bench::open() else { return };
    let docker = &bench.docker;
    let networks = bench.networks(&["front"]).await;
    let mut twice = bench.network("front");
    let error = docker.create_network(&twice).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NameTaken);
    twice.name = bench.run_labels.name("back");
    let taken = docker
        .call(&text!("test"), READ_TIMEOUT, |client| {
            client.inspect_network(&networks[0].1, None)
        })
        .await
        .unwrap();
    let range = taken
        .ipam
        .unwrap()
        .config
        .unwrap()
        .remove(0)
        .subnet
        .unwrap();
    twice.subnet = Subnet::parse(&range).unwrap();
    let error = docker.create_network(&twice).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::SubnetTaken, "{error}");

    let foreign = bench.volume("data");
    let unlabelled = bollard::models::VolumeCreateRequest {
        name: Some(foreign.name.clone()),
        ..Default::default()
    };
    docker
        .call(&text!("test"), READ_TIMEOUT, |client| {
            client.create_volume(unlabelled)
        })
        .await
        .unwrap();
    let error = docker.create_volume(&foreign).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NameTaken);
    assert!(
        error.to_string().contains("was not created by roadlab"),
        "{error}"
    );
    docker.remove_volume(&foreign.name).await.unwrap();
    docker.create_volume(&foreign).await.unwrap();
    docker.create_volume(&foreign).await.unwrap();
    bench.close().await;
}

#[tokio::test]
async fn removing_can_be_done_twice_and_by_two_at_once() {
    let Some(bench) = Bench::open() else { return };
    let docker = &bench.docker;
    let networks = bench.networks(&["front"]).await;
    docker.create_volume(&bench.volume("data")).await.unwrap();
    let mut spec = bench.spec("db", &["sleep", "600"]);
    spec.networks = vec![(networks[0].0.clone(), vec![])];
    spec.mounts = vec![MountSpec::Volume {
        name: bench.run_labels.name("data"),
        target: "/data".into(),
        labels: bench.run_labels.labels(),
    }];
    let id = bench.up(&spec).await;

    let busy = docker
        .remove_volume(&bench.run_labels.name("data"))
        .await
        .unwrap_err();
    assert_eq!(busy.kind, ErrorKind::Busy);
    assert!(busy.to_string().contains(&spec.name), "{busy}");
    docker.remove_network(&networks[0].1).await.unwrap();
    assert!(
        docker.inspect(&id).await.unwrap().running,
        "only disconnected"
    );
    let calls = (0..4).map(|_| docker.remove_container(&id));
    for removed in futures_util::future::join_all(calls).await {
        removed.unwrap();
    }
    docker.remove_container(&id).await.unwrap();
    docker.remove_network(&networks[0].1).await.unwrap();
    docker
        .remove_volume(&bench.run_labels.name("data"))
        .await
        .unwrap();
    docker
        .remove_volume(&bench.run_labels.name("data"))
        .await
        .unwrap();
    bench.close().await;
}

#[tokio::test]
async fn names_that_climb_reach_nothing() {
    let Some(bench) = Bench::open() else { return };
    let docker = &bench.docker;
    docker.create_volume(&bench.volume("victim")).await.unwrap();
    let climbing = format!("../volumes/{}", bench.run_labels.name("victim"));
    assert!(docker.remove_container(&climbing).await.is_err());
    assert!(docker.remove_network(&climbing).await.is_err());
    assert!(docker.remove_image(&climbing).await.is_err());
    assert_eq!(
        docker.observe(&bench.scope()).await.unwrap().volumes.len(),
        1
    );
    bench.close().await;
}
