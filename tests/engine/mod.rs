//! What [`Engine`] promises, on the engine of this machine. These tests use the library, not the program, and remove all that
//! they create.

mod containers;
mod images;
mod refusals;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use roadlab::engine::docker::Docker;
use roadlab::engine::locate::locate;
use roadlab::engine::{
    Build, BuildProgress, ContainerExec, ContainerFiles, Containers, Endpoint, EngineError,
    ErrorKind, Exec, ExecOutput, ImageBuild, Images, Inspect, Inventory, LogLine, LogOptions, Logs,
    Networks, PullProgress, Result, Stats, System, Volumes,
};
use roadlab::lab::{
    Access, Gpus, Instance, LabId, Limits, Protocol, PublishAddress, RunId, ServiceName,
};
use roadlab::plan::{
    ContainerSpec, HostPort, MountSpec, NetworkAttachment, NetworkSpec, PortSpec, RunLabels,
    Running, Scope, Subnet, VolumeSpec,
};
use serde_json::Value;

use crate::support::TIME_LIMIT;
use crate::support::engine_lab::{image, request};

const LAB: &str = "engine-test";
/// The images that these tests create.
const CREATED: [&str; 2] = ["built", "root"];
const ABSENT: &str = "engine-test/none:1";

fn tcp(container: u16, host: u16) -> PortSpec {
    PortSpec {
        container,
        protocol: Protocol::Tcp,
        host: HostPort::Chosen(host),
        publish: PublishAddress::Loopback,
    }
}

fn attachment(network: &str, aliases: &[&str], number: Option<u32>) -> NetworkAttachment {
    NetworkAttachment {
        network: network.to_owned(),
        aliases: aliases.iter().map(|&name| name.to_owned()).collect(),
        number,
    }
}

/// A run on the engine, with unique labels.
struct TestRun {
    docker: Docker,
    run_labels: RunLabels,
}

impl TestRun {
    fn start() -> Self {
        image();
        let run = ulid::Ulid::generate().to_string().to_lowercase();
        Self {
            docker: Docker::connect(&endpoint()).unwrap(),
            run_labels: RunLabels {
                run: RunId::new(&run).unwrap(),
                lab: LabId::new(LAB).unwrap(),
                instance: Instance::new("main").unwrap(),
                owner: format!("test-{run}").into(),
                service: None,
                digest: None,
                mounted: None,
            },
        }
    }

    fn scope(&self) -> Scope {
        Scope::owner(&self.run_labels.owner.id)
    }

    fn spec(&self, service: &str, command: &[&str]) -> ContainerSpec {
        let service = ServiceName::new(service).unwrap();
        let mut words = command.iter().map(|word| (*word).to_owned());
        let program = words.next();
        ContainerSpec {
            name: self.run_labels.name(service.as_str()),
            image: image().into(),
            // The image has an entrypoint of its own, which these tests do not need.
            entrypoint: program.map(|program| vec![program]),
            command: Some(words.collect()),
            environment: BTreeMap::from([("GREETING".into(), "hello".into())]),
            ports: Vec::new(),
            mounts: Vec::new(),
            tmpfs: BTreeMap::new(),
            networks: Vec::new(),
            hostname: service.to_string(),
            domainname: None,
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
            sysctls: BTreeMap::new(),
            extra_hosts: BTreeMap::new(),
            gpus: Gpus::None,
            stop_signal: None,
            stop_grace_period: None,
            restart: roadlab::lab::RestartPolicy::Never,
            stdin_open: false,
            cap_drop: Vec::new(),
            healthcheck: None,
            labels: self.run_labels.of_service(&service, "d".into()).labels(),
        }
    }

    fn network(&self, name: &str) -> NetworkSpec {
        NetworkSpec {
            name: self.run_labels.name(name),
            subnet: Subnet::parse("10.0.0.0/27").unwrap(),
            internal: false,
            labels: self.run_labels.labels(),
        }
    }

    /// Creates networks in free subnets; other tests take some at the same time.
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
            made.push((self.run_labels.name(name), id));
        }
        made
    }

    fn volume(&self, name: &str) -> VolumeSpec {
        VolumeSpec {
            name: self.run_labels.name(name),
            labels: self.run_labels.labels(),
        }
    }

    async fn up(&self, spec: &ContainerSpec) -> String {
        let id = self.docker.create_container(spec).await.unwrap();
        self.docker.start(&id).await.unwrap();
        id
    }

    async fn sh(&self, container: &str, script: &str) -> ExecOutput {
        let limit = TIME_LIMIT;
        self.docker
            .exec(container, &run(&["sh", "-c", script]), limit)
            .await
            .unwrap()
    }

    /// Removes all resources of this run and asserts that none is left.
    async fn close(self) {
        sweep(&self.docker, &self.run_labels).await.unwrap();
        let left = self.docker.observe(&self.scope()).await.unwrap();
        assert!(left.is_empty(), "{left:?}");
    }
}

impl Drop for TestRun {
    /// Removes the resources of a test that fails.
    fn drop(&mut self) {
        if std::thread::panicking() {
            let run_labels = self.run_labels.clone();
            let swept = std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build();
                let docker = Docker::connect(&endpoint()).unwrap();
                runtime.unwrap().block_on(sweep(&docker, &run_labels))
            });
            // The test already fails; a second panic would abort.
            drop(swept.join());
        }
    }
}

/// The name of an image that these tests create.
fn image_name(run_labels: &RunLabels, name: &str) -> String {
    format!("{LAB}/{name}:{}", run_labels.run.short())
}

async fn sweep(docker: &Docker, run_labels: &RunLabels) -> Result<()> {
    let left = docker.observe(&Scope::owner(&run_labels.owner.id)).await?;
    for container in &left.containers {
        docker.remove_container(&container.id).await?;
    }
    for network in &left.networks {
        docker.remove_network(&network.id).await?;
    }
    for volume in &left.volumes {
        docker.remove_volume(&volume.name).await?;
    }
    for name in CREATED {
        docker.remove_image(&image_name(run_labels, name)).await?;
    }
    Ok(())
}

async fn is_podman(docker: &Docker) -> bool {
    docker.system_info().await.unwrap().product == "Podman"
}

/// What a user reads of an error.
fn message(error: &EngineError) -> String {
    error.to_string()
}

/// The engine that the program uses.
fn endpoint() -> Endpoint {
    locate(None).expect("the harness has found an engine")
}

fn run(words: &[&str]) -> Exec {
    Exec {
        run: words.iter().map(|word| (*word).to_owned()).collect(),
        user: None,
        workdir: None,
        env: Vec::new(),
    }
}

/// Waits until a condition holds.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let result = tokio::select! {
        () = waiting => Ok(()),
        () = tokio::time::sleep(TIME_LIMIT) => Err(what),
    };
    result.unwrap();
}

#[apply(engine_test)]
async fn the_engine_reports_its_product_and_platform() {
    let test_run = TestRun::start();
    let about = test_run.docker.system_info().await.unwrap();
    assert!(["Docker", "Podman"].contains(&about.product.as_str()));
    assert!(about.platform.starts_with("linux/") && about.memory > 0 && about.cpus > 0);
    assert!(about.root.is_absolute());
    let image = test_run.docker.image(image()).await.unwrap().unwrap();
    assert!(image.id.starts_with("sha256:") && image.size > 0);
    assert_eq!(image.platform, about.platform);
    assert_eq!(test_run.docker.image(ABSENT).await.unwrap(), None);
}

#[apply(engine_test)]
async fn a_container_has_the_rights_and_limits_of_its_spec() {
    let test_run = TestRun::start();
    let docker = &test_run.docker;
    let networks = test_run.networks(&["front", "back"]).await;
    docker
        .create_volume(&test_run.volume("data"))
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("seed"), "42").unwrap();

    let mut spec = test_run.spec(
        "db",
        &["sh", "-c", "echo out; echo err >&2; exec sleep 600"],
    );
    spec.networks = networks
        .iter()
        .map(|(name, _)| attachment(name, &["db", "primary"], None))
        .collect();
    spec.ports = vec![tcp(6379, 0)];
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
            name: test_run.run_labels.name("data"),
            target: "/data".into(),
            access: Access::ReadWrite,
            labels: test_run.run_labels.labels(),
        },
    ];
    let id = test_run.up(&spec).await;

    let printed = test_run
        .sh(
            &id,
            "cat /lab/seed; id -u; hostname; echo $GREETING; awk '/open files/ {print $4, $5}' /proc/1/limits; touch /data/x",
        )
        .await;
    // Of the first process: one that is started with exec gets the hard limit for both now and then, from the engine's own
    // program, which raises its limit while it starts.
    let expected = |limit| format!("420\ndb\nhello\n{limit} 2048\n");
    // Podman 4 gives the hard limit for both.
    let either = match is_podman(docker).await {
        true => [expected(1024), expected(2048)],
        false => [expected(1024), expected(1024)],
    };
    assert!(either.contains(&printed.stdout), "{printed:?}");
    let status = test_run
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
    assert_ne!(test_run.sh(&id, "touch /nope").await.exit_code, 0);
    assert_ne!(test_run.sh(&id, "touch /lab/nope").await.exit_code, 0);
    assert_eq!(test_run.sh(&id, "getent hosts primary").await.exit_code, 0);
    // The engine may write what a program prints a moment later.
    until("both lines of the log", async || {
        let log = docker.logs(&id, 10).await.unwrap();
        log.lines().collect::<BTreeSet<_>>() == BTreeSet::from(["err", "out"])
    })
    .await;
    assert!(docker.memory_usage(&id).await.unwrap().memory > 0);

    let state = docker.inspect(&id).await.unwrap();
    assert!(state.running && !state.paused);
    let host = state.ports.host_of(6379).unwrap();
    assert_eq!(docker.published_ports().await.unwrap()[&host], spec.name);
    let seen = docker.observe(&test_run.scope()).await.unwrap();
    assert_eq!((seen.networks.len(), seen.volumes.len()), (2, 1));
    let db = &seen.containers[0];
    assert_eq!(
        (&db.id, &db.name, db.running),
        (&id, &spec.name, Running::Yes)
    );
    assert_eq!(db.ports.hosts().collect::<Vec<_>>(), [host]);
    assert!(db.created > 0 && db.run_labels.service.is_some());

    docker
        .stop(&id, Some(Duration::from_secs(1)))
        .await
        .unwrap();
    docker.stop(&id, None).await.unwrap();
    assert_eq!(docker.inspect(&id).await.unwrap().status, "exited");
    assert_eq!(
        docker.observe(&test_run.scope()).await.unwrap().containers[0].running,
        Running::No
    );
    test_run.close().await;
}
