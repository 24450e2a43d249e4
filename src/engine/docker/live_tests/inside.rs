//! What happens inside a container: programs, files, logs, health.

use std::time::Instant;

use super::*;
use crate::engine::{Follow, Health};
use crate::lab::Healthcheck;

#[tokio::test]
async fn programs_run_with_their_output_apart_and_come_to_an_end() {
    let Some(bench) = Bench::open() else { return };
    let docker = &bench.docker;
    let id = bench.up(&bench.spec("db", &["sleep", "600"])).await;
    let second = Duration::from_secs(1);

    let said = bench.sh(&id, "echo out; echo err >&2; exit 3").await;
    assert_eq!(
        (said.exit_code, said.stdout.as_str(), said.stderr.as_str()),
        (3, "out\n", "err\n")
    );
    let mut exec = run(&["sh", "-c", "pwd; id -un; echo $A"]);
    exec.workdir = Some("/tmp".into());
    exec.user = Some("nobody".into());
    exec.env = vec!["A=b".into()];
    let said = docker.exec(&id, &exec, 5 * second).await.unwrap();
    assert_eq!(said.stdout, "/tmp\nnobody\nb\n");
    assert_eq!(bench.sh(&id, "no-such-program").await.exit_code, 127);

    for missing in [vec!["/nope"], vec!["/etc/hostname"]] {
        let error = docker.exec(&id, &run(&missing), second).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::NoProgram, "{error}");
    }
    for endless in [vec!["sleep", "47"], vec!["yes"]] {
        let begun = Instant::now();
        let error = docker.exec(&id, &run(&endless), second).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Timeout, "{error}");
        assert!(begun.elapsed() < 4 * second, "{:?}", begun.elapsed());
    }
    let processes = bench.sh(&id, "cat /proc/[0-9]*/comm").await.stdout;
    let strays = processes
        .lines()
        .filter(|comm| matches!(*comm, "yes" | "timeout"))
        .count();
    // This look itself runs under `timeout`.
    assert!(strays <= 1, "{processes}");
    assert_eq!(
        processes.lines().filter(|comm| *comm == "sleep").count(),
        1,
        "{processes}"
    );

    docker
        .call(&text!("test"), READ_TIMEOUT, |client| {
            client.pause_container(&id)
        })
        .await
        .unwrap();
    let paused = docker.exec(&id, &run(&["true"]), second).await.unwrap_err();
    // Podman does not report whether it has ended or is paused.
    let expected = match docker.is_podman().await.unwrap() {
        true => ErrorKind::NotRunning,
        false => ErrorKind::Paused,
    };
    assert_eq!(paused.kind, expected);
    docker
        .call(&text!("test"), READ_TIMEOUT, |client| {
            client.unpause_container(&id)
        })
        .await
        .unwrap();

    let dying = run(&["sh", "-c", "sleep 30"]);
    let (died, stopped) = futures_util::join!(docker.exec(&id, &dying, 20 * second), async {
        until("the program runs", async || {
            bench
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
    let gone = docker.exec(&id, &run(&["true"]), second).await.unwrap_err();
    assert_eq!(gone.kind, ErrorKind::NotRunning, "{gone}");
    docker.remove_container(&id).await.unwrap();
    let gone = docker.exec(&id, &run(&["true"]), second).await.unwrap_err();
    assert_eq!(gone.kind, ErrorKind::NotFound, "{gone}");
    bench.close().await;
}

#[tokio::test]
async fn programs_side_by_side_each_come_with_their_exit_code() {
    let Some(bench) = Bench::open() else { return };
    let mut spec = bench.spec("db", &["sleep", "600"]);
    spec.limits.pids = 512;
    let id = &bench.up(&spec).await;
    for round in 0..3 {
        let all = (0..32).map(async |number: i64| {
            let said = bench.sh(id, &format!("echo {number}; exit {number}")).await;
            assert_eq!(said.exit_code, number, "round {round}: {said:?}");
            assert_eq!(said.stdout, format!("{number}\n"), "round {round}");
        });
        futures_util::future::join_all(all).await;
    }
    bench.close().await;
}

#[tokio::test]
async fn a_container_without_timeout_is_served_all_the_same() {
    let Some(bench) = Bench::open() else { return };
    let spec = bench.spec(
        "db",
        &[
            "sh",
            "-c",
            "mv /usr/bin/timeout /usr/bin/gone; exec sleep 600",
        ],
    );
    let id = bench.up(&spec).await;
    until("timeout is gone", async || {
        let there = bench.docker.read_file(&id, "/usr/bin/gone").await.unwrap();
        there.is_some()
    })
    .await;
    assert_eq!(bench.sh(&id, "echo hi").await.stdout, "hi\n");
    assert!(bench.docker.without_timeout.borrow().contains(&id));
    let error = bench
        .docker
        .exec(&id, &run(&["/nope"]), Duration::from_secs(5))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::NoProgram);
    assert!(error.to_string().contains("`/nope` not found"), "{error}");
    let error = bench
        .docker
        .exec(&id, &run(&["sleep", "9"]), Duration::from_millis(500))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout);
    bench.close().await;
}

#[tokio::test]
async fn files_go_in_and_out_one_by_one() {
    let Some(bench) = Bench::open() else { return };
    let docker = &bench.docker;
    let id = bench.up(&bench.spec("db", &["sleep", "600"])).await;
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
    let said = bench.sh(&id, "stat -c '%a %u' /tmp/x.txt; ln -s x.txt /tmp/link; head -c 1048577 /dev/zero > /tmp/big").await;
    assert_eq!(said.stdout, "644 0\n");
    assert_eq!(
        docker.read_file(&id, "/tmp/link").await.unwrap().as_deref(),
        Some(b"one\n".as_slice())
    );
    assert_eq!(docker.read_file(&id, "/tmp/none").await.unwrap(), None);
    for odd in ["/tmp", "/tmp/big", "/usr"] {
        assert!(docker.read_file(&id, odd).await.is_err(), "{odd}");
    }
    // Podman makes the folder.
    if !docker.is_podman().await.unwrap() {
        let error = docker.write_file(&id, "/no/folder/x", b"").await;
        assert_eq!(error.unwrap_err().kind, ErrorKind::NotFound);
    }
    assert!(docker.write_file(&id, "/tmp/", b"").await.is_err());
    docker.remove_container(&id).await.unwrap();
    let error = docker.read_file(&id, "/tmp/x.txt").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    bench.close().await;
}

#[tokio::test]
async fn a_log_is_followed_to_its_end() {
    let Some(bench) = Bench::open() else { return };
    let script = "echo first; sleep 0.2; echo second >&2; exec sleep 600";
    let id = bench.up(&bench.spec("job", &["sh", "-c", script])).await;
    let lines = RefCell::new(Vec::new());
    let tell = |line: LogLine| lines.borrow_mut().push((line.at, line.text));
    let wish = LogOptions {
        tail: Some(100),
        since: None,
        follow: Follow::Yes,
    };
    let (followed, ()) = futures_util::join!(bench.docker.stream_log(&id, &wish, &tell), async {
        until("both lines", async || lines.borrow().len() == 2).await;
        bench.docker.stop(&id, None).await.unwrap();
    });
    followed.unwrap();
    let lines = lines.into_inner();
    let texts: Vec<&str> = lines.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(texts, ["first", "second"]);
    // Podman tells whole seconds.
    assert!(lines[0].0 <= lines[1].0, "{lines:?}");
    assert_eq!(bench.docker.logs(&id, 1).await.unwrap(), "second\n");
    bench.close().await;
}

#[tokio::test]
async fn health_is_told_with_what_the_probe_said() {
    let Some(bench) = Bench::open() else { return };
    // Podman leaves health checks to systemd, which may not be there.
    if bench.docker.is_podman().await.unwrap() {
        return;
    }
    let mut spec = bench.spec("db", &["sleep", "600"]);
    spec.healthcheck = Some(Healthcheck {
        test: vec!["CMD-SHELL".into(), "echo not yet; exit 1".into()],
        interval: Duration::from_millis(100),
        timeout: Duration::from_secs(5),
        retries: 1,
        start_period: Duration::ZERO,
    });
    let id = bench.up(&spec).await;
    until("unhealthy", async || {
        bench.docker.inspect(&id).await.unwrap().health == Some(Health::Unhealthy("not yet".into()))
    })
    .await;
    bench.close().await;
}
