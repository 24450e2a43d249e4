//! The same promises on a real engine. They run where `ROADLAB_TEST_ENGINE=1` is set, with a small Debian image
//! present, and remove all that they make.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::*;
use crate::engine::Health;
use crate::lab::{Access, Healthcheck, Instance, LabId, Limits, Protocol, RunId, ServiceName};
use crate::plan::{Mark, MountSpec, Running};

const IMAGE: &str = "roadlab/debian:trixie";
const LAB: &str = "hlp-docker";

/// One run on the real engine, with a name of its own.
struct Bench {
    docker: Docker,
    mark: Mark,
}

impl Bench {
    /// `None` where no engine is to be used.
    fn open() -> Option<Self> {
        if std::env::var("ROADLAB_TEST_ENGINE").as_deref() != Ok("1") {
            return None;
        }
        let run = ulid::Ulid::generate().to_string().to_lowercase();
        Some(Self {
            docker: Docker::connect(&endpoint()).unwrap(),
            mark: Mark {
                run: RunId::new(&run).unwrap(),
                lab: LabId::new(LAB).unwrap(),
                instance: Instance::main(),
                owner: format!("test-{run}"),
                service: None,
                digest: None,
            },
        })
    }

    fn scope(&self) -> Scope {
        Scope::owner(&self.mark.owner)
    }

    fn spec(&self, service: &str, command: &[&str]) -> ContainerSpec {
        let service = ServiceName::new(service).unwrap();
        ContainerSpec {
            name: self.mark.name(service.as_str()),
            image: IMAGE.into(),
            entrypoint: None,
            command: Some(command.iter().map(|word| (*word).to_owned()).collect()),
            environment: BTreeMap::from([("GREETING".into(), "hello".into())]),
            ports: Vec::new(),
            mounts: Vec::new(),
            tmpfs: BTreeMap::new(),
            networks: Vec::new(),
            hostname: service.to_string(),
            user: None,
            working_dir: None,
            init: true,
            read_only: false,
            limits: Limits {
                memory: Some(64 << 20),
                cpus: Some(1.0),
                pids: 64,
                shm: None,
            },
            ulimits: BTreeMap::new(),
            cap_add: Vec::new(),
            stop_signal: None,
            healthcheck: None,
            labels: self.mark.of_service(&service, "d".into()).labels(),
        }
    }

    fn network(&self, name: &str) -> NetworkSpec {
        NetworkSpec {
            name: self.mark.name(name),
            subnet: Subnet::parse("10.0.0.0/27").unwrap(),
            internal: false,
            labels: self.mark.labels(),
        }
    }

    /// Networks on ranges that are free now; other tests take some at the same time.
    async fn networks(&self, names: &[&str]) -> Vec<(String, String)> {
        let mut made = Vec::new();
        for name in names {
            let mut seed = std::process::id().wrapping_mul(31);
            let id = loop {
                let taken = self.docker.subnets().await.unwrap();
                let mut spec = self.network(name);
                spec.subnet = Subnet::free(&taken, seed, 1)[0];
                match self.docker.create_network(&spec).await {
                    Ok(id) => break id,
                    Err(error) if error.kind == ErrorKind::SubnetTaken => seed += 7,
                    Err(error) => panic!("{error}"),
                }
            };
            made.push((self.mark.name(name), id));
        }
        made
    }

    fn volume(&self, name: &str) -> VolumeSpec {
        VolumeSpec {
            name: self.mark.name(name),
            labels: self.mark.labels(),
        }
    }

    async fn up(&self, spec: &ContainerSpec) -> String {
        let id = self.docker.create_container(spec).await.unwrap();
        self.docker.start(&id).await.unwrap();
        id
    }

    async fn sh(&self, container: &str, script: &str) -> ExecOutput {
        let limit = Duration::from_secs(20);
        self.docker
            .exec(container, &run(&["sh", "-c", script]), limit)
            .await
            .unwrap()
    }

    /// Removes all of this run and proves that nothing is left.
    async fn close(self) {
        let left = self.docker.observe(&self.scope()).await.unwrap();
        for container in &left.containers {
            self.docker.remove_container(&container.id).await.unwrap();
        }
        for network in &left.networks {
            self.docker.remove_network(&network.id).await.unwrap();
        }
        for volume in &left.volumes {
            self.docker.remove_volume(&volume.name).await.unwrap();
        }
        assert!(self.docker.observe(&self.scope()).await.unwrap().is_empty());
    }
}

fn endpoint() -> Endpoint {
    Endpoint {
        socket: PathBuf::from("/var/run/docker.sock"),
        source: "system socket".into(),
    }
}

fn run(words: &[&str]) -> Exec {
    Exec {
        run: words.iter().map(|word| (*word).to_owned()).collect(),
        user: None,
        workdir: None,
        env: Vec::new(),
    }
}

/// Waits for a condition, as no test may sleep and hope.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting)
        .await
        .expect(what);
}

#[tokio::test]
async fn the_engine_says_what_it_is() {
    let Some(bench) = Bench::open() else { return };
    let about = bench.docker.about().await.unwrap();
    assert_eq!(about.product, "Docker");
    assert!(about.platform.starts_with("linux/") && about.memory > 0 && about.cpus > 0);
    assert!(about.root.is_absolute());
    let image = bench.docker.image(IMAGE).await.unwrap().unwrap();
    assert!(image.id.starts_with("sha256:") && image.size > 0);
    assert_eq!(image.platform, about.platform);
    assert_eq!(bench.docker.image("hlp-docker/none:1").await.unwrap(), None);
}

#[tokio::test]
async fn a_container_has_the_rights_and_limits_of_its_spec_and_is_observed_as_ours() {
    let Some(bench) = Bench::open() else { return };
    let docker = &bench.docker;
    let networks = bench.networks(&["front", "back"]).await;
    docker.create_volume(&bench.volume("data")).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("seed"), "42").unwrap();

    let mut spec = bench.spec(
        "db",
        &["sh", "-c", "echo out; echo err >&2; exec sleep 600"],
    );
    spec.networks = networks
        .iter()
        .map(|(name, _)| (name.clone(), vec!["db".into(), "primary".into()]))
        .collect();
    spec.ports = vec![(6379, Protocol::Tcp, 0)];
    spec.tmpfs = BTreeMap::from([("/scratch".into(), "size=1m".into())]);
    spec.ulimits = BTreeMap::from([("nofile".into(), (1024, 2048))]);
    spec.read_only = true;
    spec.mounts = vec![
        MountSpec::Bind {
            source: folder.path().to_owned(),
            target: "/lab".into(),
            access: Access::ReadOnly,
        },
        MountSpec::Volume {
            name: bench.mark.name("data"),
            target: "/data".into(),
            labels: bench.mark.labels(),
        },
    ];
    let id = bench.up(&spec).await;

    let said = bench
        .sh(
            &id,
            "cat /lab/seed; id -u; hostname; echo $GREETING; ulimit -n; touch /data/x",
        )
        .await;
    assert_eq!(
        said.stdout,
        "42\n0\ndb\nhello\n1024\n".replacen("42\n", "42", 1)
    );
    let status = bench
        .sh(&id, "cat /proc/1/status; ls /sys/class/net")
        .await
        .stdout;
    assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    // CHOWN, DAC_OVERRIDE, FOWNER, KILL, SETGID, SETUID, NET_BIND_SERVICE.
    assert!(status.contains("CapBnd:\t00000000000004eb"), "{status}");
    assert!(
        status.contains("eth0") && status.contains("eth1"),
        "{status}"
    );
    assert_ne!(bench.sh(&id, "touch /nope").await.exit_code, 0);
    assert_ne!(bench.sh(&id, "touch /lab/nope").await.exit_code, 0);
    assert_eq!(bench.sh(&id, "getent hosts primary").await.exit_code, 0);
    assert_eq!(
        docker
            .logs(&id, 10)
            .await
            .unwrap()
            .lines()
            .collect::<BTreeSet<_>>(),
        BTreeSet::from(["err", "out"])
    );
    assert!(docker.memory(&id).await.unwrap() > 0);

    let state = docker.inspect(&id).await.unwrap();
    assert!(state.running && !state.paused);
    let host = state.ports[&6379];
    assert_eq!(docker.published_ports().await.unwrap()[&host], spec.name);
    let seen = docker.observe(&bench.scope()).await.unwrap();
    assert_eq!((seen.networks.len(), seen.volumes.len()), (2, 1));
    let db = &seen.containers[0];
    assert_eq!(
        (&db.id, &db.name, db.running),
        (&id, &spec.name, Running::Yes)
    );
    assert_eq!(db.ports, BTreeMap::from([(6379, host)]));
    assert!(db.created > 0 && db.mark.service.is_some());

    docker
        .stop(&id, Some(Duration::from_secs(1)))
        .await
        .unwrap();
    docker.stop(&id, None).await.unwrap();
    assert_eq!(docker.inspect(&id).await.unwrap().status, "exited");
    assert_eq!(
        docker.observe(&bench.scope()).await.unwrap().containers[0].running,
        Running::No
    );
    bench.close().await;
}

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
        assert_eq!(error.kind, ErrorKind::CannotRun, "{error}");
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

    docker.client.pause_container(&id).await.unwrap();
    let paused = docker.exec(&id, &run(&["true"]), second).await.unwrap_err();
    assert_eq!(paused.kind, ErrorKind::NotRunning);
    assert!(paused.message.contains("is paused"), "{paused}");
    docker.client.unpause_container(&id).await.unwrap();

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
    assert_eq!(died.unwrap_err().kind, ErrorKind::NotRunning);
    let gone = docker.exec(&id, &run(&["true"]), second).await.unwrap_err();
    assert_eq!(gone.kind, ErrorKind::NotRunning, "{gone}");
    docker.remove_container(&id).await.unwrap();
    let gone = docker.exec(&id, &run(&["true"]), second).await.unwrap_err();
    assert_eq!(gone.kind, ErrorKind::NotFound, "{gone}");
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
    assert!(bench.docker.untimed.borrow().contains(&id));
    let error = bench
        .docker
        .exec(&id, &run(&["/nope"]), Duration::from_secs(5))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::CannotRun);
    assert!(error.message.starts_with("`/nope` not found"), "{error}");
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
    let error = docker
        .write_file(&id, "/no/folder/x", b"")
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound, "{error}");
    assert!(docker.write_file(&id, "/tmp/", b"").await.is_err());
    docker.remove_container(&id).await.unwrap();
    let error = docker.read_file(&id, "/tmp/x.txt").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    bench.close().await;
}

#[tokio::test]
async fn a_log_is_followed_to_its_end() {
    let Some(bench) = Bench::open() else { return };
    let script = "echo first; sleep 0.2; echo second >&2; printf third";
    let id = bench.up(&bench.spec("job", &["sh", "-c", script])).await;
    let lines = RefCell::new(Vec::new());
    let following = bench
        .docker
        .follow_logs(&id, 100, &|line| lines.borrow_mut().push(line.to_owned()));
    tokio::time::timeout(Duration::from_secs(20), following)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(*lines.borrow(), ["first", "second", "third"]);
    assert_eq!(bench.docker.logs(&id, 1).await.unwrap(), "third");
    bench.close().await;
}

#[tokio::test]
async fn health_is_told_with_what_the_probe_said() {
    let Some(bench) = Bench::open() else { return };
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

#[tokio::test]
async fn what_cannot_start_is_told_by_kind() {
    let Some(bench) = Bench::open() else { return };
    let docker = &bench.docker;
    let nope = docker
        .create_container(&bench.spec("nope", &["/nope"]))
        .await
        .unwrap();
    let error = docker.start(&nope).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::CannotRun);
    assert!(
        error.message.starts_with("`/nope` not found in image"),
        "{error}"
    );
    let error = docker
        .create_container(&bench.spec("nope", &["/nope"]))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::NameTaken, "{error}");

    let mut first = bench.spec("one", &["sleep", "600"]);
    first.ports = vec![(80, Protocol::Tcp, 0)];
    let port = docker.inspect(&bench.up(&first).await).await.unwrap().ports[&80];
    let mut second = bench.spec("two", &["sleep", "600"]);
    second.ports = vec![(80, Protocol::Tcp, port)];
    let id = docker.create_container(&second).await.unwrap();
    let error = docker.start(&id).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::PortTaken);
    let used = format!("port {port} is used by container `{}`", first.name);
    assert!(error.message.contains(&used), "{error}");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut third = bench.spec("three", &["sleep", "600"]);
    third.ports = vec![(80, Protocol::Tcp, listener.local_addr().unwrap().port())];
    let id = docker.create_container(&third).await.unwrap();
    let error = docker.start(&id).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::PortTaken);
    assert!(error.message.contains("used by another program"), "{error}");

    let mut imageless = bench.spec("four", &["true"]);
    imageless.image = "hlp-docker/none:1".into();
    let error = docker.create_container(&imageless).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NoSuchImage, "{error}");
    let mut sourceless = bench.spec("five", &["true"]);
    sourceless.mounts = vec![MountSpec::Bind {
        source: PathBuf::from("/nowhere/at/all"),
        target: "/lab".into(),
        access: Access::ReadOnly,
    }];
    assert!(docker.create_container(&sourceless).await.is_err());
    assert!(!PathBuf::from("/nowhere").exists());
    // The second network is not there: the container that was made meanwhile is removed again.
    let mut networkless = bench.spec("six", &["true"]);
    let networks = bench.networks(&["front"]).await;
    networkless.networks = vec![
        (networks[0].0.clone(), vec![]),
        (bench.mark.name("none"), vec![]),
    ];
    let error = docker.create_container(&networkless).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound, "{error}");
    let error = docker.inspect(&networkless.name).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
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
    twice.name = bench.mark.name("back");
    let taken = docker
        .client
        .inspect_network(&networks[0].1, None)
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
    docker.client.create_volume(unlabelled).await.unwrap();
    let error = docker.create_volume(&foreign).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NameTaken);
    assert!(
        error.message.starts_with("volume `") && error.message.contains("is not ours"),
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
        name: bench.mark.name("data"),
        target: "/data".into(),
        labels: bench.mark.labels(),
    }];
    let id = bench.up(&spec).await;

    let busy = docker
        .remove_volume(&bench.mark.name("data"))
        .await
        .unwrap_err();
    assert_eq!(busy.kind, ErrorKind::Busy);
    assert!(busy.message.contains(&spec.name), "{busy}");
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
        .remove_volume(&bench.mark.name("data"))
        .await
        .unwrap();
    docker
        .remove_volume(&bench.mark.name("data"))
        .await
        .unwrap();
    bench.close().await;
}

#[tokio::test]
async fn names_that_climb_reach_nothing() {
    let Some(bench) = Bench::open() else { return };
    let docker = &bench.docker;
    docker.create_volume(&bench.volume("victim")).await.unwrap();
    let climbing = format!("../volumes/{}", bench.mark.name("victim"));
    assert!(docker.remove_container(&climbing).await.is_err());
    assert!(docker.remove_network(&climbing).await.is_err());
    assert!(docker.remove_image(&climbing).await.is_err());
    assert_eq!(
        docker.observe(&bench.scope()).await.unwrap().volumes.len(),
        1
    );
    bench.close().await;
}
