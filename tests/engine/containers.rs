//! Programs, files, logs and health checks of a container.

use roadlab::engine::{Follow, Health};
use roadlab::lab::Healthcheck;
use serde_json::Value;

use super::*;

#[apply(engine_test)]
async fn programs_end_with_separate_outputs_or_at_their_timeout() {
    let test_run = TestRun::start();
    let docker = &test_run.docker;
    let id = test_run.up(&test_run.spec("db", &["sleep", "600"])).await;
    let second = Duration::from_secs(1);

    let output = test_run.sh(&id, "echo out; echo err >&2; exit 3").await;
    assert_eq!(
        (
            output.exit_code,
            output.stdout.as_str(),
            output.stderr.as_str()
        ),
        (3, "out\n", "err\n")
    );
    let mut exec = run(&["sh", "-c", "pwd; id -un; echo $A"]);
    exec.workdir = Some("/tmp".into());
    exec.user = Some("nobody".into());
    exec.env = vec!["A=b".into()];
    let output = docker.exec(&id, &exec, TIME_LIMIT).await.unwrap();
    assert_eq!(output.stdout, "/tmp\nnobody\nb\n");
    assert_eq!(test_run.sh(&id, "no-such-program").await.exit_code, 127);

    for missing in [vec!["/nope"], vec!["/etc/hostname"]] {
        let error = docker
            .exec(&id, &run(&missing), TIME_LIMIT)
            .await
            .unwrap_err();
        assert_eq!(error.kind, ErrorKind::NoProgram, "{error}");
    }
    for endless in [vec!["sleep", "47"], vec!["yes"]] {
        let error = docker.exec(&id, &run(&endless), second).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Timeout, "{error}");
    }
    until("both have ended", async || {
        let processes = test_run.sh(&id, "cat /proc/[0-9]*/comm").await.stdout;
        let count = |name: &str| processes.lines().filter(|comm| *comm == name).count();
        // This program itself runs under `timeout`, and the service is a `sleep`.
        count("yes") == 0 && count("timeout") <= 1 && count("sleep") == 1
    })
    .await;

    let post = |action: &str| {
        let path = format!("/containers/{id}/{action}");
        request(&endpoint().socket, "POST", &path, &Value::Null);
    };
    post("pause");
    let paused = docker
        .exec(&id, &run(&["true"]), TIME_LIMIT)
        .await
        .unwrap_err();
    // Podman does not report whether a container is paused or has ended.
    let expected = match is_podman(docker).await {
        true => ErrorKind::NotRunning,
        false => ErrorKind::Paused,
    };
    assert_eq!(paused.kind, expected, "{paused}");
    post("unpause");

    let dying = run(&["sh", "-c", "sleep 600"]);
    let (died, stopped) = futures_util::join!(docker.exec(&id, &dying, TIME_LIMIT), async {
        until("the program runs", async || {
            test_run
                .sh(&id, "cat /proc/[0-9]*/comm")
                .await
                .stdout
                .matches("sleep")
                .count()
                == 2
        })
        .await;
        docker.stop(&id, None).await
    });
    stopped.unwrap();
    assert_eq!(died.unwrap_err().kind, ErrorKind::ContainerExited);
    let gone = docker
        .exec(&id, &run(&["true"]), TIME_LIMIT)
        .await
        .unwrap_err();
    assert_eq!(gone.kind, ErrorKind::NotRunning, "{gone}");
    docker.remove_container(&id).await.unwrap();
    let gone = docker
        .exec(&id, &run(&["true"]), TIME_LIMIT)
        .await
        .unwrap_err();
    assert_eq!(gone.kind, ErrorKind::NotFound, "{gone}");
    test_run.close().await;
}

#[apply(engine_test)]
async fn concurrent_programs_return_their_own_exit_codes() {
    let test_run = TestRun::start();
    let mut spec = test_run.spec("db", &["sleep", "600"]);
    spec.limits.pids = 512;
    let id = &test_run.up(&spec).await;
    for round in 0..3 {
        let all = (0..32).map(async |number: i64| {
            let output = test_run
                .sh(id, &format!("echo {number}; exit {number}"))
                .await;
            assert_eq!(output.exit_code, number, "round {round}: {output:?}");
            assert_eq!(output.stdout, format!("{number}\n"), "round {round}");
        });
        futures_util::future::join_all(all).await;
    }
    test_run.close().await;
}

#[apply(engine_test)]
async fn exec_works_without_the_timeout_program() {
    let test_run = TestRun::start();
    let spec = test_run.spec(
        "db",
        &[
            "sh",
            "-c",
            "mv /usr/bin/timeout /usr/bin/gone; exec sleep 600",
        ],
    );
    let id = test_run.up(&spec).await;
    until("timeout is gone", async || {
        let there = test_run
            .docker
            .read_file(&id, "/usr/bin/gone")
            .await
            .unwrap();
        there.is_some()
    })
    .await;
    assert_eq!(test_run.sh(&id, "echo hi").await.stdout, "hi\n");
    let error = test_run
        .docker
        .exec(&id, &run(&["/nope"]), TIME_LIMIT)
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::NoProgram);
    assert!(message(&error).contains("`/nope` not found"), "{error}");
    let error = test_run
        .docker
        .exec(&id, &run(&["sleep", "600"]), Duration::from_millis(500))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout);
    test_run.close().await;
}

#[apply(engine_test)]
async fn files_can_be_written_and_read() {
    let test_run = TestRun::start();
    let docker = &test_run.docker;
    let id = test_run.up(&test_run.spec("db", &["sleep", "600"])).await;
    docker
        .write_file(&id, "/tmp/x.txt", b"one\n")
        .await
        .unwrap();
    assert_eq!(
        docker
            .read_file(&id, "/tmp/x.txt")
            .await
            .unwrap()
            .as_deref(),
        Some(b"one\n".as_slice())
    );
    let output = test_run.sh(&id, "stat -c '%a %u' /tmp/x.txt; ln -s x.txt /tmp/link; head -c 1048577 /dev/zero > /tmp/big").await;
    assert_eq!(output.stdout, "644 0\n");
    assert_eq!(
        docker.read_file(&id, "/tmp/link").await.unwrap().as_deref(),
        Some(b"one\n".as_slice())
    );
    assert_eq!(docker.read_file(&id, "/tmp/none").await.unwrap(), None);
    for odd in ["/tmp", "/tmp/big", "/usr"] {
        assert!(docker.read_file(&id, odd).await.is_err(), "{odd}");
    }
    // Podman creates the folder.
    if !is_podman(docker).await {
        let error = docker.write_file(&id, "/no/folder/x", b"").await;
        assert_eq!(error.unwrap_err().kind, ErrorKind::NotFound);
    }
    assert!(docker.write_file(&id, "/tmp/", b"").await.is_err());
    docker.remove_container(&id).await.unwrap();
    let error = docker.read_file(&id, "/tmp/x.txt").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    test_run.close().await;
}

#[apply(engine_test)]
async fn a_log_is_followed_to_its_end() {
    let test_run = TestRun::start();
    // The engine reads the two outputs side by side: the second line is written when the first has arrived.
    let script =
        "echo first; until [ -e /tmp/go ]; do sleep 0.01; done; echo second >&2; exec sleep 600";
    let id = test_run
        .up(&test_run.spec("job", &["sh", "-c", script]))
        .await;
    let lines = RefCell::new(Vec::new());
    let report = |line: LogLine| lines.borrow_mut().push((line.at, line.text));
    let options = LogOptions {
        tail: Some(100),
        since: None,
        follow: Follow::Yes,
    };
    let (followed, ()) =
        futures_util::join!(test_run.docker.stream_log(&id, &options, &report), async {
            until("the first line", async || lines.borrow().len() == 1).await;
            test_run.sh(&id, "touch /tmp/go").await;
            until("both lines", async || lines.borrow().len() == 2).await;
            test_run.docker.stop(&id, None).await.unwrap();
        });
    followed.unwrap();
    let lines = lines.into_inner();
    let texts: Vec<&str> = lines.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(texts, ["first", "second"]);
    // Podman reports whole seconds.
    assert!(lines[0].0 <= lines[1].0, "{lines:?}");
    assert_eq!(test_run.docker.logs(&id, 1).await.unwrap(), "second\n");
    test_run.close().await;
}

/// Podman leaves health checks to systemd, which may not run.
#[apply(docker_test)]
async fn health_includes_the_output_of_the_check() {
    let test_run = TestRun::start();
    let mut spec = test_run.spec("db", &["sleep", "600"]);
    spec.healthcheck = Some(Healthcheck {
        test: vec!["CMD-SHELL".into(), "echo not yet; exit 1".into()],
        interval: Duration::from_millis(100),
        timeout: Duration::from_secs(5),
        retries: 1,
        start_period: Duration::ZERO,
    });
    let id = test_run.up(&spec).await;
    until("unhealthy", async || {
        test_run.docker.inspect(&id).await.unwrap().health
            == Some(Health::Unhealthy("not yet".into()))
    })
    .await;
    test_run.close().await;
}
