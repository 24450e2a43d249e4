//! The order of calls to the engine, and what is left when one of them fails, with the fake engine.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::Notify;

use crate::diagnosis::ProbeFailure;
use crate::engine::{ContainerState, ErrorKind, Fake, Networks};
use crate::event::Event;
use crate::lab::testing::lab;
use crate::lab::{Instance, Lab, Protocol, ServiceName};
use crate::plan::{PlanWarning, Scope, ServiceImage};
use crate::runner::diagnostics::{FailedWait, not_ready};
use crate::runner::up::UpResult;
use crate::runner::{
    Changed, Expiry, Failure, Images, OnFailure, ReaperCommand, RunGuard, Runner, SweepMode, Up,
    keep_started, reap, teardown, up,
};
use crate::store::{Journal, LabsOption, Lifetime, VolumeCopies};
use crate::text::Text;

const TWO: &str = "\
services:
  redis: { image: 'redis:8.0', ports: ['6379'], mem_limit: 64m, volumes: ['data:/data'], healthcheck: { test: [CMD, redis-cli, ping] } }
  app: { image: 'app:1', mem_limit: 32m, depends_on: { redis: { condition: service_healthy } } }
volumes: { data: {} }
";

/// A lab, an engine and folders of their own.
struct Machine {
    engine: Fake,
    lab: Lab,
    instance: Instance,
    folder: tempfile::TempDir,
    copies: Option<VolumeCopies>,
}

impl Machine {
    fn new(compose: &str) -> Self {
        Self {
            engine: Fake::with_images(&["redis:8.0", "app:1"]),
            lab: lab(compose),
            instance: Instance::main(),
            folder: tempfile::tempdir().unwrap(),
            copies: None,
        }
    }

    /// A machine whose starts use copies of volumes, which are in the folder `cache`.
    fn with_copies(compose: &str, cache: &Path) -> Self {
        let mut copies = VolumeCopies::new(cache);
        copies.worth_after = Duration::ZERO;
        Self {
            copies: Some(copies),
            ..Self::new(compose)
        }
    }

    fn up(&self, on_failure: OnFailure) -> Result<UpResult, Failure> {
        self.up_with(on_failure, "printf + >&0; cat >/dev/null")
    }

    /// Starts the lab with a script in place of the reaper.
    fn up_with(&self, on_failure: OnFailure, reaper: &str) -> Result<UpResult, Failure> {
        let emit = |_: Event| {};
        let runner = Runner {
            engine: &self.engine,
            lab: &self.lab,
            instance: &self.instance,
            owner: "me",
            labs: &LabsOption::default(),
            emit: &emit,
        };
        let found = self.lab.services.values().map(|service| {
            let name = service
                .image
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default();
            (
                service.name.clone(),
                ServiceImage {
                    id: name.clone(),
                    name,
                },
            )
        });
        let images = Images {
            found: found.collect(),
            unavailable: BTreeMap::new(),
        };
        let launch = ReaperCommand {
            program: "sh".into(),
            arguments: vec!["-c".to_owned(), reaper.to_owned()],
            log: self.folder.path().join("log"),
        };
        let run_guard = RunGuard::new(launch, self.runs());
        let options = Up {
            images: &images,
            workspace: None,
            life: Lifetime::Persistent,
            on_failure,
            ends: Expiry::Unchanged,
            run_guard: &run_guard,
            volume_copies: self.copies.as_ref(),
        };
        let mut started = block(up(&runner, &options))?;
        keep_started(&options, &mut started.journal)?;
        Ok(started)
    }

    fn runs(&self) -> PathBuf {
        self.folder.path().join("runs")
    }

    /// Returns the calls since the last time. `RUN` stands for the random part of the names.
    fn calls(&self) -> String {
        let log = self.engine.log();
        self.engine.calls.borrow_mut().clear();
        let runs = Journal::all(&self.runs());
        runs.iter()
            .fold(log, |log, journal| log.replace(journal.run.short(), "RUN"))
    }
}

fn block<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(future)
}

#[test]
fn a_lab_starts_in_the_order_of_its_dependencies_and_a_second_up_does_nothing() {
    let machine = Machine::new(TWO);
    assert!(machine.up(OnFailure::TearDown).unwrap().plan.changes());
    insta::assert_snapshot!(machine.calls(), @r"
    create network roadlab-small-RUN-default
    create volume roadlab-small-RUN-data
    create container roadlab-small-RUN-app
    create container roadlab-small-RUN-redis
    start roadlab-small-RUN-redis
    start roadlab-small-RUN-app
    ");
    assert!(machine.up(OnFailure::TearDown).unwrap().plan.is_empty());
    assert_eq!(machine.calls(), "");
}

/// The volumes of `redis` are copied.
fn with_warm_start() -> String {
    let interface = "x-roadlab: { warm_start: true }, healthcheck";
    TWO.replacen("healthcheck", interface, 1)
}

#[test]
fn volumes_are_copied_while_all_services_are_paused_and_filled_before_any_starts() {
    let (compose, cache) = (with_warm_start(), tempfile::tempdir().unwrap());
    let machine = Machine::with_copies(&compose, cache.path());
    machine.up(OnFailure::TearDown).unwrap();
    insta::assert_snapshot!(machine.calls(), @r"
    create network roadlab-small-RUN-default
    create volume roadlab-small-RUN-data
    create container roadlab-small-RUN-app
    create container roadlab-small-RUN-redis
    start roadlab-small-RUN-redis
    start roadlab-small-RUN-app
    pause roadlab-small-RUN-app
    pause roadlab-small-RUN-redis
    save /data of roadlab-small-RUN-redis
    start roadlab-small-RUN-app
    start roadlab-small-RUN-redis
    ");
    let second = Machine::with_copies(&compose, cache.path());
    second.up(OnFailure::TearDown).unwrap();
    // Both starts took next to no time.
    insta::assert_snapshot!(second.calls(), @r"
    create network roadlab-small-RUN-default
    create volume roadlab-small-RUN-data
    create container roadlab-small-RUN-app
    create container roadlab-small-RUN-redis
    load /data of roadlab-small-RUN-redis
    start roadlab-small-RUN-redis
    start roadlab-small-RUN-app
    ");
}

#[test]
fn a_copy_that_makes_a_start_slower_is_used_once() {
    let (compose, cache) = (with_warm_start(), tempfile::tempdir().unwrap());
    let machine = Machine::with_copies(&compose, cache.path());
    machine.up(OnFailure::TearDown).unwrap();
    // Nothing is quicker than a first start that took no time.
    let copies = VolumeCopies::new(cache.path());
    let key = std::fs::read_dir(cache.path().join("volumes"))
        .unwrap()
        .next();
    let key = key.unwrap().unwrap().file_name().into_string().unwrap();
    copies.find(&key).unwrap().remove();
    let mut copy = copies.begin(&key, "small", Duration::ZERO).unwrap();
    drop(copy.create("data").unwrap());
    copy.add("data", 0);
    copy.finish().unwrap();
    let loads = || {
        let next = Machine::with_copies(&compose, cache.path());
        next.up(OnFailure::TearDown).unwrap();
        let calls = next.calls();
        assert!(!calls.contains("save"), "{calls}");
        calls.contains("load")
    };
    assert!(loads());
    assert!(copies.find(&key).unwrap().is_rejected());
    assert!(!loads());
}

#[test]
fn a_copy_that_the_engine_cannot_unpack_is_removed_and_the_volumes_are_empty() {
    let (compose, cache) = (with_warm_start(), tempfile::tempdir().unwrap());
    let machine = Machine::with_copies(&compose, cache.path());
    machine.up(OnFailure::TearDown).unwrap();
    let second = Machine::with_copies(&compose, cache.path());
    second.engine.only_fail(&["load"]);
    second.engine.fail_at(5, ErrorKind::Other);
    second.up(OnFailure::TearDown).unwrap();
    insta::assert_snapshot!(second.calls(), @r"
    create network roadlab-small-RUN-default
    create volume roadlab-small-RUN-data
    create container roadlab-small-RUN-app
    create container roadlab-small-RUN-redis
    load /data of roadlab-small-RUN-redis
    remove container roadlab-small-RUN-redis
    remove volume roadlab-small-RUN-data
    create container roadlab-small-RUN-redis
    start roadlab-small-RUN-redis
    start roadlab-small-RUN-app
    ");
    assert_eq!(VolumeCopies::new(cache.path()).all(), []);
}

#[test]
fn services_continue_if_their_volumes_cannot_be_copied() {
    let (compose, cache) = (with_warm_start(), tempfile::tempdir().unwrap());
    let machine = Machine::with_copies(&compose, cache.path());
    machine.engine.only_fail(&["save"]);
    machine.engine.fail_at(9, ErrorKind::DiskFull);
    let live = machine.up(OnFailure::TearDown).unwrap().live;
    assert!(
        machine
            .lab
            .services
            .keys()
            .all(|service| live.runs(service))
    );
    assert_eq!(VolumeCopies::new(cache.path()).all(), []);
    let calls = machine.calls();
    assert!(
        calls.ends_with("start roadlab-small-RUN-redis\n"),
        "{calls}"
    );
}

#[test]
fn the_journal_keeps_the_absolute_folder_of_a_lab() {
    let machine = Machine::new(TWO);
    machine.up(OnFailure::TearDown).unwrap();
    let folder = Journal::all(&machine.runs()).remove(0).folder;
    assert!(machine.lab.folder.is_relative());
    assert!(folder.is_absolute(), "{folder:?}");
    assert!(folder.ends_with(&machine.lab.folder), "{folder:?}");
}

#[test]
fn only_the_changed_container_is_created_again() {
    let mut machine = Machine::new(TWO);
    machine.up(OnFailure::TearDown).unwrap();
    machine.calls();
    machine.lab = lab(&TWO.replace("mem_limit: 32m", "mem_limit: 48m"));
    machine.up(OnFailure::TearDown).unwrap();
    insta::assert_snapshot!(machine.calls(), @r"
    remove container roadlab-small-RUN-app
    create container roadlab-small-RUN-app
    start roadlab-small-RUN-app
    ");
}

/// The lab with a service on two networks of its own.
const NETWORKS: &str = "\
services:
  redis: { image: 'redis:8.0', ports: ['6379'], mem_limit: 64m, networks: [front, back], volumes: ['data:/data'] }
volumes: { data: {} }
networks: { front: {}, back: {} }
";

#[test]
fn a_renamed_network_is_created_and_the_old_one_removed() {
    let mut machine = Machine::new(NETWORKS);
    machine.up(OnFailure::TearDown).unwrap();
    machine.calls();
    machine.lab = lab(&NETWORKS.replace("back", "rear"));
    machine.up(OnFailure::TearDown).unwrap();
    insta::assert_snapshot!(machine.calls(), @r"
    remove container roadlab-small-RUN-redis
    remove network roadlab-small-RUN-back
    create network roadlab-small-RUN-rear
    create container roadlab-small-RUN-redis
    start roadlab-small-RUN-redis
    ");
    assert!(machine.up(OnFailure::TearDown).unwrap().plan.is_empty());
}

#[test]
fn a_network_that_was_removed_by_hand_is_created_and_connected_again() {
    let machine = Machine::new(NETWORKS);
    machine.up(OnFailure::TearDown).unwrap();
    let back = machine
        .engine
        .networks
        .borrow()
        .keys()
        .next()
        .unwrap()
        .clone();
    block(machine.engine.remove_network(&back)).unwrap();
    machine.calls();
    machine.up(OnFailure::TearDown).unwrap();
    insta::assert_snapshot!(machine.calls(), @r"
    create network roadlab-small-RUN-back
    connect roadlab-small-RUN-redis to network roadlab-small-RUN-back
    ");
    assert!(machine.up(OnFailure::TearDown).unwrap().plan.is_empty());
}

#[test]
fn every_published_port_is_published() {
    let compose = "\
services:
  redis:
    image: redis:8.0
    ports: ['28080:80', '28081:80', '25353:53/tcp', '25353:53/udp', '6379', '6379']
    mem_limit: 64m
    volumes: ['data:/data']
volumes: { data: {} }
";
    let machine = Machine::new(compose);
    machine.up(OnFailure::TearDown).unwrap();
    let containers = machine.engine.containers.borrow();
    let spec = &containers.values().next().unwrap().spec;
    let hosts = |container: u16, protocol: Protocol| -> Vec<u16> {
        let ports = spec.ports.iter();
        let ports = ports.filter(|port| port.container == container && port.protocol == protocol);
        ports.map(|port| port.host.number()).collect()
    };
    assert_eq!(hosts(80, Protocol::Tcp), [28080, 28081]);
    assert_eq!(hosts(53, Protocol::Tcp), [25353]);
    assert_eq!(hosts(53, Protocol::Udp), [25353]);
    let chosen = hosts(6379, Protocol::Tcp);
    assert!(chosen.len() == 2 && chosen[0] != chosen[1], "{chosen:?}");
}

#[test]
fn a_changed_network_is_replaced_under_its_container() {
    let mut machine = Machine::new(NETWORKS);
    machine.up(OnFailure::TearDown).unwrap();
    machine.calls();
    machine.lab = lab(&NETWORKS.replace("back: {}", "back: { internal: true }"));
    machine.up(OnFailure::TearDown).unwrap();
    insta::assert_snapshot!(machine.calls(), @r"
    remove network roadlab-small-RUN-back
    create network roadlab-small-RUN-back
    connect roadlab-small-RUN-redis to network roadlab-small-RUN-back
    ");
    assert!(machine.up(OnFailure::TearDown).unwrap().plan.is_empty());
}

#[test]
fn an_unused_volume_is_reported_and_kept() {
    let mut machine = Machine::new(NETWORKS);
    machine.up(OnFailure::TearDown).unwrap();
    machine.calls();
    machine.lab = lab(&NETWORKS
        .replace("'data:/data'", "'other:/data'")
        .replace("data: {}", "other: {}"));
    let plan = machine.up(OnFailure::TearDown).unwrap().plan;
    assert!(
        matches!(&plan.warnings[..], [PlanWarning::UnusedVolume { name }] if name.ends_with("-data"))
    );
    let left = machine.engine.left();
    assert!(
        left.iter()
            .any(|name| name.starts_with("volume") && name.ends_with("-data")),
        "{left:?}"
    );
}

#[test]
fn a_port_or_an_address_range_that_stays_taken_is_an_error() {
    for (first, kind) in [(1, ErrorKind::SubnetTaken), (5, ErrorKind::PortTaken)] {
        let machine = Machine::new(TWO);
        for call in first..first + 100 {
            machine.engine.fail_at(call, kind);
        }
        // Only these calls fail, so that the container can be created again between the attempts.
        machine.engine.only_fail(&["create network", "start"]);
        let failure = machine.up(OnFailure::Retain).err().unwrap();
        assert!(matches!(failure, Failure::Engine { error, .. } if error.kind == kind));
        let calls = machine.calls();
        let attempts = calls
            .lines()
            .filter(|call| call.starts_with("create network") || call.starts_with("start"));
        let network = usize::from(kind == ErrorKind::PortTaken);
        assert_eq!(attempts.count(), 8 + network, "{calls}");
    }
}

#[test]
fn nothing_is_left_whichever_call_fails() {
    for n in 1..=6 {
        let machine = Machine::new(TWO);
        machine.engine.fail_at(n, ErrorKind::Other);
        assert!(machine.up(OnFailure::TearDown).is_err(), "call {n}");
        assert_eq!(machine.engine.left(), Vec::<String>::new(), "call {n}");
        assert_eq!(Journal::all(&machine.runs()), [], "call {n}");
    }
}

#[test]
fn a_failed_lab_can_be_retained_and_removed_without_its_lab_file() {
    let machine = Machine::new(TWO);
    machine.engine.fail_at(6, ErrorKind::Other);
    assert!(machine.up(OnFailure::Retain).is_err());
    assert!(!machine.engine.left().is_empty());
    let scope = Scope::instance("me", &machine.lab.id, &machine.instance);
    let removed = block(teardown(&machine.engine, &scope, SweepMode::Once, &|_| {})).unwrap();
    assert_eq!(removed.to_string(), "2 containers, 1 network, 1 volume");
    assert_eq!(machine.engine.left(), Vec::<String>::new());
}

#[test]
fn teardown_keeps_what_other_users_own() {
    let machine = Machine::new(TWO);
    machine.up(OnFailure::TearDown).unwrap();
    let removed = block(teardown(
        &machine.engine,
        &Scope::owner("another"),
        SweepMode::Once,
        &|_| {},
    ));
    assert_eq!(
        removed.unwrap().to_string(),
        "0 containers, 0 networks, 0 volumes"
    );
    assert_eq!(machine.engine.left().len(), 4);
}

#[test]
fn a_taken_port_is_replaced() {
    let machine = Machine::new(TWO);
    // The calls before are: a network, a volume and two containers.
    machine.engine.fail_at(5, ErrorKind::PortTaken);
    machine.up(OnFailure::TearDown).unwrap();
    insta::assert_snapshot!(machine.calls(), @r"
    create network roadlab-small-RUN-default
    create volume roadlab-small-RUN-data
    create container roadlab-small-RUN-app
    create container roadlab-small-RUN-redis
    start roadlab-small-RUN-redis
    remove container roadlab-small-RUN-redis
    create container roadlab-small-RUN-redis
    start roadlab-small-RUN-redis
    start roadlab-small-RUN-app
    ");
}

#[test]
fn without_a_reaper_nothing_is_created() {
    for reaper in [
        "exit 0",
        "printf x >&0; cat >/dev/null",
        "echo no >&2; exit 1",
    ] {
        let machine = Machine::new(TWO);
        let failure = machine.up_with(OnFailure::TearDown, reaper).err().unwrap();
        let text = failure.to_string();
        assert!(matches!(failure, Failure::Environment(_)), "{text}");
        assert!(
            text.starts_with("cannot start the cleanup process: "),
            "{text}"
        );
        assert_eq!(
            (
                machine.calls().as_str(),
                Journal::all(&machine.runs()).len()
            ),
            ("", 0)
        );
    }
}

/// Runs the reaper for the only run of the machine and returns its log. The first `away` attempts find no engine.
fn reaped(machine: &Machine, away: u32) -> String {
    let run = Journal::all(&machine.runs()).remove(0).run;
    let (log, tries) = (RefCell::new(String::new()), Cell::new(0));
    let connect = async || {
        tries.set(tries.get() + 1);
        match tries.get() > away {
            true => Ok(&machine.engine),
            false => Err(Failure::Environment(Text::verbatim("no answer"))),
        }
    };
    let write = |line: &str| *log.borrow_mut() += &format!("{line}\n");
    let leave = Notify::new();
    block(reap(&machine.runs(), "me", &run, connect, &write, &leave));
    log.into_inner().replace(&run.to_string(), "RUN")
}

#[test]
fn the_reaper_keeps_a_persistent_run_and_removes_another_when_the_engine_answers() {
    let machine = Machine::new(TWO);
    machine.up(OnFailure::TearDown).unwrap();
    assert_eq!(reaped(&machine, 0), "");
    assert_eq!(machine.engine.left().len(), 4);
    let mut journal = Journal::all(&machine.runs()).remove(0);
    journal.life = Lifetime::Process;
    drop(journal.write(&machine.runs()).unwrap());
    let log = reaped(&machine, 2);
    insta::assert_snapshot!(log, @r"
    run RUN of small: removing
    not yet: no answer
    run RUN of small: removed 2 containers, 1 network, 1 volume
    ");
    assert_eq!(machine.engine.left(), Vec::<String>::new());
    assert_eq!(Journal::all(&machine.runs()), []);
}

#[test]
fn a_run_without_its_journal_or_network_is_refused_with_the_commands_that_restart_it() {
    let mut machine = Machine::new(TWO);
    machine.instance = Instance::new("two").unwrap();
    machine.up(OnFailure::TearDown).unwrap();
    let mut journal = Journal::all(&machine.runs()).remove(0);
    let refused = || {
        let failure = machine.up(OnFailure::TearDown).err().unwrap();
        assert!(matches!(failure, Failure::Environment(_)), "{failure}");
        failure.to_string()
    };
    let restart = "`roadlab down small --instance two`, then `roadlab up small --instance two`";
    journal.network = Some(1);
    drop(journal.write(&machine.runs()).unwrap());
    let text = refused();
    assert!(text.contains("in another network namespace"), "{text}");
    assert!(text.ends_with(restart), "{text}");
    let file = machine.runs().join(format!("{}.json", journal.run));
    std::fs::write(&file, "{").unwrap();
    let text = refused();
    assert!(text.starts_with("cannot read the journal"), "{text}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "{");
    std::fs::remove_file(&file).unwrap();
    let text = refused();
    assert!(text.contains("journal of lab `small` is missing"), "{text}");
    assert!(text.ends_with(restart), "{text}");
    assert_eq!(machine.engine.left().len(), 4);
}

#[test]
fn a_service_that_was_created_and_not_started_when_it_was_observed_is_found_once_it_runs() {
    let machine = Machine::new(TWO);
    let mut live = machine.up(OnFailure::TearDown).unwrap().live;
    let redis = ServiceName::new("redis").unwrap();
    let ports = live.addresses[&redis].ports.clone();
    assert!(!ports.is_empty());
    let emit = |_: Event| {};
    let runner = Runner {
        engine: &machine.engine,
        lab: &machine.lab,
        instance: &machine.instance,
        owner: "me",
        labs: &LabsOption::default(),
        emit: &emit,
    };
    // As a session sees it while another terminal starts the lab: the containers are there, but have no ports yet.
    let name = live.addresses[&redis].container.clone();
    let running = machine.engine.containers.borrow()[&name].state.clone();
    machine
        .engine
        .containers
        .borrow_mut()
        .get_mut(&name)
        .unwrap()
        .state = ContainerState::default();
    assert_eq!(block(live.refresh(&runner)).unwrap(), Changed::Yes);
    assert!(live.addresses[&redis].ports.is_empty());
    machine
        .engine
        .containers
        .borrow_mut()
        .get_mut(&name)
        .unwrap()
        .state = running;
    assert_eq!(block(live.refresh(&runner)).unwrap(), Changed::Yes);
    assert_eq!(live.addresses[&redis].ports, ports);
    assert_eq!(block(live.refresh(&runner)).unwrap(), Changed::No);
}

/// On a busy machine the engine takes seconds for what takes milliseconds elsewhere.
#[test]
fn a_log_that_comes_late_is_still_shown() {
    let machine = Machine::new(TWO);
    machine.up(OnFailure::TearDown).unwrap();
    let service = &machine.lab.services[&ServiceName::new("redis").unwrap()];
    let container = {
        let mut containers = machine.engine.containers.borrow_mut();
        let mut found = containers.iter_mut();
        let found = found.find(|(name, _)| name.ends_with("-redis"));
        let (name, container) = found.unwrap();
        container.log.push("giving up".to_owned());
        name.clone()
    };
    machine.engine.log_delay.set(Duration::from_secs(3));
    let emit = |_: Event| {};
    let runner = Runner {
        engine: &machine.engine,
        lab: &machine.lab,
        instance: &machine.instance,
        owner: "me",
        labs: &LabsOption::default(),
        emit: &emit,
    };
    let waited = FailedWait {
        time: Duration::from_secs(60),
        attempts: 3,
        last: "refused".to_owned(),
        failure: ProbeFailure::Refused,
    };
    let Failure::NotReady(found) = block(not_ready(&runner, service, &container, waited)) else {
        panic!("another failure");
    };
    assert_eq!(found.log, ["giving up"]);
}

#[test]
fn an_optional_service_that_needs_trust_gets_a_container_only_while_that_is_granted() {
    let mut machine = Machine::new(
        "services:\n  redis: { image: 'redis:8.0', mem_limit: 64m, ports: ['6379'] }\n  app: { image: 'app:1', mem_limit: 32m, \
         cap_add: [NET_RAW], x-roadlab: { optional: true } }\n",
    );
    let withheld = machine.lab.clone();
    machine.up(OnFailure::TearDown).unwrap();
    assert!(!machine.calls().contains("-app"));
    assert_eq!(machine.lab.take_withheld().len(), 1);
    machine.up(OnFailure::TearDown).unwrap();
    let calls = machine.calls();
    assert!(
        calls.contains("create container roadlab-small-RUN-app"),
        "{calls}"
    );
    machine.lab = withheld;
    machine.up(OnFailure::TearDown).unwrap();
    let calls = machine.calls();
    assert!(
        calls.contains("remove") && calls.contains("-app"),
        "{calls}"
    );
}
