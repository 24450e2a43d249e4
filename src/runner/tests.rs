//! Order and faults, proved with the fake engine: the calls that are made, and what is left when one of them fails.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::engine::{ErrorKind, Fake};
use crate::event::Event;
use crate::lab::testing::lab;
use crate::lab::{Instance, Lab};
use crate::plan::{Scope, ServiceImage};
use crate::runner::up::UpDone;
use crate::runner::{
    Ends, Failure, Images, Launch, OnFailure, Runner, Sweep, Up, Watch, teardown, up,
};
use crate::store::{Journal, Life};

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

    fn up(&self, on_failure: OnFailure) -> Result<UpDone, Failure> {
        let tell = |_: Event| {};
        let runner = Runner {
            engine: &self.engine,
            lab: &self.lab,
            instance: &self.instance,
            owner: "me",
            tell: &tell,
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
        let watch = Watch::new(self.launch("printf + >&0; cat >/dev/null"), self.runs());
        let wish = Up {
            images: &images,
            workspace: None,
            life: Life::Kept,
            on_failure,
            ends: Ends::Unchanged,
            watch: &watch,
        };
        block(up(&runner, &wish))
    }

    /// A reaper that only says it is ready, as a script.
    fn launch(&self, script: &str) -> Launch {
        Launch {
            program: "sh".into(),
            arguments: vec!["-c".to_owned(), script.to_owned()],
            log: self.folder.path().join("log"),
        }
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
    let removed = block(teardown(&machine.engine, &scope, Sweep::Once, &|_| {})).unwrap();
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
        Sweep::Once,
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
