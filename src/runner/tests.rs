//! Order and faults, proved with the fake engine: the calls that are made, and what is left when one of them fails.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::PathBuf;

use tokio::sync::Notify;

use crate::engine::{ErrorKind, Fake};
use crate::event::Event;
use crate::lab::testing::lab;
use crate::lab::{Instance, Lab};
use crate::plan::{Scope, ServiceImage};
use crate::runner::up::UpResult;
use crate::runner::{
    Expiry, Failure, Images, OnFailure, ReaperCommand, RunGuard, Runner, SweepMode, Up, reap,
    teardown, up,
};
use crate::store::{Journal, Lifetime};

const TWO: &str = "\
services:
  redis: { image: 'redis:8.0', ports: ['6379'], mem_limit: 64m, volumes: ['data:/data'] }
  app: { image: 'app:1', mem_limit: 32m, depends_on: { redis: { condition: service_healthy } } }
volumes: { data: {} }
";

/// A machine of its own: folders, an engine, a lab.
struct Machine {
    engine: Fake,
    lab: Lab,
    instance: Instance,
    folder: tempfile::TempDir,
}

impl Machine {
    fn new(compose: &str) -> Self {
        Self {
            engine: Fake::with_images(&["redis:8.0", "app:1"]),
            lab: lab(compose),
            instance: Instance::main(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn up(&self, on_failure: OnFailure) -> Result<UpResult, Failure> {
        self.up_with(on_failure, "printf + >&0; cat >/dev/null")
    }

    /// With a script for a reaper.
    fn up_with(&self, on_failure: OnFailure, reaper: &str) -> Result<UpResult, Failure> {
        let emit = |_: Event| {};
        let runner = Runner {
            engine: &self.engine,
            lab: &self.lab,
            instance: &self.instance,
            owner: "me",
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
        let watch = RunGuard::new(launch, self.runs());
        let wish = Up {
            images: &images,
            workspace: None,
            life: Lifetime::Persistent,
            on_failure,
            ends: Expiry::Unchanged,
            watch: &watch,
        };
        block(up(&runner, &wish))
    }

    fn runs(&self) -> PathBuf {
        self.folder.path().join("runs")
    }

    /// The calls since the last time, names without their random part.
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
fn a_lab_comes_up_in_the_order_of_its_dependencies_and_twice_is_nothing() {
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

#[test]
fn drift_makes_again_only_what_changed() {
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

#[test]
fn whatever_call_fails_nothing_is_left() {
    for n in 1..=6 {
        let machine = Machine::new(TWO);
        machine.engine.fail_at(n, ErrorKind::Other);
        assert!(machine.up(OnFailure::TearDown).is_err(), "call {n}");
        assert_eq!(machine.engine.left(), Vec::<String>::new(), "call {n}");
        assert_eq!(Journal::all(&machine.runs()), [], "call {n}");
    }
}

#[test]
fn a_failed_lab_can_be_retained_and_removed_without_its_file() {
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
fn teardown_leaves_other_owners_alone() {
    let machine = Machine::new(TWO);
    machine.up(OnFailure::TearDown).unwrap();
    let removed = block(teardown(
        &machine.engine,
        &Scope::owner("somebody"),
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
fn a_port_that_somebody_took_meanwhile_is_replaced() {
    let machine = Machine::new(TWO);
    // Calls: network, volume, two containers, and then the start that finds its port taken.
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

/// Lets the reaper see to the machine's one run; `away` tries find no engine.
fn reaped(machine: &Machine, away: u32) -> String {
    let run = Journal::all(&machine.runs()).remove(0).run;
    let (said, tries) = (RefCell::new(String::new()), Cell::new(0));
    let connect = async || {
        tries.set(tries.get() + 1);
        match tries.get() > away {
            true => Ok(&machine.engine),
            false => Err(Failure::Environment("nobody answers".to_owned())),
        }
    };
    let say = |line: &str| *said.borrow_mut() += &format!("{line}\n");
    let leave = Notify::new();
    block(reap(&machine.runs(), "me", &run, connect, &say, &leave));
    said.into_inner().replace(&run.to_string(), "RUN")
}

#[test]
fn the_reaper_leaves_what_was_kept_and_removes_the_rest_when_the_engine_is_back() {
    let machine = Machine::new(TWO);
    machine.up(OnFailure::TearDown).unwrap();
    assert_eq!(reaped(&machine, 0), "");
    assert_eq!(machine.engine.left().len(), 4);
    let mut journal = Journal::all(&machine.runs()).remove(0);
    journal.life = Lifetime::Process;
    drop(journal.write(&machine.runs()).unwrap());
    let said = reaped(&machine, 2);
    insta::assert_snapshot!(said, @r"
    run RUN of small: removing
    not yet: nobody answers
    run RUN of small: removed 2 containers, 1 network, 1 volume
    ");
    assert_eq!(machine.engine.left(), Vec::<String>::new());
    assert_eq!(Journal::all(&machine.runs()), []);
}
