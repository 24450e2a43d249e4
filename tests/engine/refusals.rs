//! What the engine or the library refuses, and removing.

use serde_json::json;

use super::*;

#[apply(engine_test)]
async fn start_failures_have_kinds() {
    let test_run = TestRun::start();
    let docker = &test_run.docker;
    let mut nope = test_run.spec("nope", &["/nope"]);
    // With an init process, the start succeeds and the init process exits with 127.
    nope.init = false;
    let nope = docker.create_container(&nope).await.unwrap();
    let error = docker.start(&nope).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NoProgram);
    assert!(
        message(&error).contains("`/nope` not found in image"),
        "{error}"
    );
    let error = docker
        .create_container(&test_run.spec("nope", &["/nope"]))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::NameTaken, "{error}");

    let mut first = test_run.spec("one", &["sleep", "600"]);
    first.ports = vec![tcp(80, 0)];
    let port = docker
        .inspect(&test_run.up(&first).await)
        .await
        .unwrap()
        .ports
        .host_of(80)
        .unwrap();
    let mut second = test_run.spec("two", &["sleep", "600"]);
    second.ports = vec![tcp(80, port)];
    let id = docker.create_container(&second).await.unwrap();
    let error = docker.start(&id).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::PortTaken);
    let used = format!("port {port} is used by container `{}`", first.name);
    assert!(message(&error).contains(&used), "{error}");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut third = test_run.spec("three", &["sleep", "600"]);
    third.ports = vec![tcp(80, listener.local_addr().unwrap().port())];
    let id = docker.create_container(&third).await.unwrap();
    let error = docker.start(&id).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::PortTaken);
    assert!(
        message(&error).contains("used by another program"),
        "{error}"
    );

    let mut imageless = test_run.spec("four", &["true"]);
    imageless.image = ABSENT.into();
    let error = docker.create_container(&imageless).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NoSuchImage, "{error}");
    let mut sourceless = test_run.spec("five", &["true"]);
    sourceless.mounts = vec![MountSpec::Bind {
        source: std::path::PathBuf::from("/nowhere/at/all"),
        target: "/lab".into(),
        access: Access::ReadOnly,
    }];
    assert!(docker.create_container(&sourceless).await.is_err());
    assert!(!std::path::PathBuf::from("/nowhere").exists());
    test_run.close().await;
}

#[apply(engine_test)]
async fn a_container_that_cannot_be_connected_is_removed() {
    let test_run = TestRun::start();
    let docker = &test_run.docker;
    let networks = test_run.networks(&["front"]).await;
    let mut spec = test_run.spec("db", &["true"]);
    spec.networks = vec![
        attachment(&networks[0].0, &[], None),
        attachment("host", &[], None),
    ];
    let error = docker.create_container(&spec).await.unwrap_err();
    assert!(message(&error).contains("to network `host`"), "{error}");
    let error = docker.inspect(&spec.name).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);

    // Old engines report a missing network when the container starts.
    spec.networks = vec![attachment(&test_run.run_labels.name("none"), &[], None)];
    let error = match docker.create_container(&spec).await {
        Ok(id) => docker.start(&id).await.unwrap_err(),
        Err(error) => error,
    };
    assert_eq!(error.kind, ErrorKind::NotFound, "{error}");
    test_run.close().await;
}

#[apply(engine_test)]
async fn unowned_networks_and_volumes_are_refused() {
    let test_run = TestRun::start();
    let docker = &test_run.docker;
    let networks = test_run.networks(&["front"]).await;
    let mut twice = test_run.network("front");
    let error = docker.create_network(&twice).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NameTaken);
    twice.name = test_run.run_labels.name("back");
    let path = format!("/networks/{}", networks[0].1);
    let taken = request(&endpoint().socket, "GET", &path, &Value::Null);
    let range = taken["IPAM"]["Config"][0]["Subnet"].as_str().unwrap();
    twice.subnet = Subnet::parse(range).unwrap();
    let error = docker.create_network(&twice).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::SubnetTaken, "{error}");

    let volume = test_run.volume("data");
    let unlabelled = json!({ "Name": volume.name });
    request(&endpoint().socket, "POST", "/volumes/create", &unlabelled);
    let error = docker.create_volume(&volume).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NameTaken);
    assert!(
        message(&error).contains("was not created by roadlab"),
        "{error}"
    );
    docker.remove_volume(&volume.name).await.unwrap();
    docker.create_volume(&volume).await.unwrap();
    docker.create_volume(&volume).await.unwrap();
    test_run.close().await;
}

#[apply(engine_test)]
async fn removing_is_idempotent_and_concurrent() {
    let test_run = TestRun::start();
    let docker = &test_run.docker;
    let networks = test_run.networks(&["front"]).await;
    docker
        .create_volume(&test_run.volume("data"))
        .await
        .unwrap();
    let mut spec = test_run.spec("db", &["sleep", "600"]);
    spec.networks = vec![attachment(&networks[0].0, &[], None)];
    spec.mounts = vec![MountSpec::Volume {
        name: test_run.run_labels.name("data"),
        target: "/data".into(),
        access: Access::ReadWrite,
        labels: test_run.run_labels.labels(),
    }];
    let id = test_run.up(&spec).await;

    let busy = docker
        .remove_volume(&test_run.run_labels.name("data"))
        .await
        .unwrap_err();
    assert_eq!(busy.kind, ErrorKind::Busy);
    assert!(message(&busy).contains(&spec.name), "{busy}");
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
        .remove_volume(&test_run.run_labels.name("data"))
        .await
        .unwrap();
    docker
        .remove_volume(&test_run.run_labels.name("data"))
        .await
        .unwrap();
    test_run.close().await;
}

#[apply(engine_test)]
async fn names_with_path_separators_are_refused() {
    let test_run = TestRun::start();
    let docker = &test_run.docker;
    docker
        .create_volume(&test_run.volume("victim"))
        .await
        .unwrap();
    let climbing = format!("../volumes/{}", test_run.run_labels.name("victim"));
    assert!(docker.remove_container(&climbing).await.is_err());
    assert!(docker.remove_network(&climbing).await.is_err());
    assert!(docker.remove_image(&climbing).await.is_err());
    assert_eq!(
        docker
            .observe(&test_run.scope())
            .await
            .unwrap()
            .volumes
            .len(),
        1
    );
    test_run.close().await;
}
