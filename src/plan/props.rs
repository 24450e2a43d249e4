//! What holds of plans, whatever a lab and an engine look like.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use crate::lab::testing::lab;
use crate::lab::{Condition, Instance, Lab, LabId, RunId, ServiceName};
use crate::plan::{
    HostPorts, Observed, ObservedContainer, ObservedNetwork, ObservedVolume, Operation, Plan,
    RunLabels, Running, ServiceImage, Subnet, Wanted, completes, down, up,
};

/// How each service depends on those before it: so there is no circle.
fn labs() -> impl Strategy<Value = Lab> {
    let condition = prop_oneof![
        Just(None),
        Just(Some("service_started")),
        Just(Some("service_healthy")),
        Just(Some("service_completed_successfully")),
    ];
    let needs = prop::collection::vec(prop::collection::vec(condition, 5), 1..6);
    (needs, prop::collection::vec(any::<bool>(), 6)).prop_map(|(needs, volumes)| {
        let mut compose = "services:\n  redis: { image: 'redis:8', ports: ['6379'], volumes: ['data:/data'] }\n".to_owned();
        for (at, conditions) in needs.iter().enumerate() {
            compose.push_str(&format!("  s{at}:\n    image: x:1\n"));
            if volumes[at] {
                compose.push_str(&format!("    volumes: ['v{at}:/v']\n    networks: [back]\n"));
            }
            let on: Vec<String> = conditions[..at.min(5)]
                .iter()
                .enumerate()
                .filter_map(|(on, condition)| Some(format!("s{on}: {{ condition: {} }}", (*condition)?)))
                .collect();
            compose.push_str(&format!("    depends_on: {{ {} }}\n", on.join(", ")));
        }
        compose.push_str("volumes: { data: {}, v0: {}, v1: {}, v2: {}, v3: {}, v4: {} }\nnetworks: { back: {} }\n");
        lab(&compose)
    })
}

fn run_labels() -> RunLabels {
    RunLabels {
        run: RunId::new("01jd8w0zq3v5k8m2x4y6z7a9bc").expect("a run"),
        lab: LabId::new("small").expect("a lab"),
        instance: Instance::main(),
        owner: "abc".into(),
        service: None,
        digest: None,
    }
}

fn images(lab: &Lab) -> BTreeMap<ServiceName, ServiceImage> {
    let image = |name: &ServiceName| ServiceImage {
        id: format!("sha256:{name}"),
        name: "x:1".into(),
    };
    lab.services
        .keys()
        .map(|name| (name.clone(), image(name)))
        .collect()
}

fn plan(lab: &Lab, images: &BTreeMap<ServiceName, ServiceImage>, observed: &Observed) -> Plan {
    let wanted = Wanted {
        run_labels: run_labels(),
        images,
        ports: HostPorts::choose(lab, &Instance::main(), &BTreeSet::new()),
        subnets: Subnet::free(&[], 0, 4),
        workspace: None,
    };
    up(lab, &wanted, observed)
}

/// What an engine looks like once a plan was done, in the order of the plan; a stage that needs what is not there fails.
fn done(lab: &Lab, plan: &Plan, mut observed: Observed) -> Observed {
    for operation in plan.stages.iter().flatten() {
        match operation {
            Operation::RemoveContainer { id, .. } => {
                let before = observed.containers.len();
                observed.containers.retain(|container| container.id != *id);
                assert_eq!(observed.containers.len() + 1, before, "{operation}");
            }
            Operation::RemoveNetwork { id, .. } => {
                assert!(observed.containers.is_empty(), "{operation}");
                observed.networks.retain(|network| network.id != *id);
            }
            Operation::RemoveVolume { name } => {
                assert!(observed.containers.is_empty(), "{operation}");
                observed.volumes.retain(|volume| volume.name != *name);
            }
            Operation::CreateNetwork(spec) => observed.networks.push(ObservedNetwork {
                id: format!("id-{}", spec.name),
                name: spec.name.clone(),
                run_labels: RunLabels::read(&spec.name, &spec.labels).expect("ours"),
            }),
            Operation::CreateVolume(spec) => observed.volumes.push(ObservedVolume {
                name: spec.name.clone(),
                run_labels: RunLabels::read(&spec.name, &spec.labels).expect("ours"),
            }),
            Operation::CreateContainer { spec, .. } => {
                for (network, _) in &spec.networks {
                    assert!(
                        observed.networks.iter().any(|known| known.name == *network),
                        "{operation}"
                    );
                }
                observed.containers.push(ObservedContainer {
                    id: format!("id-{}", spec.name),
                    name: spec.name.clone(),
                    run_labels: RunLabels::read(&spec.name, &spec.labels).expect("ours"),
                    running: Running::No,
                    state: String::new(),
                    ports: BTreeMap::new(),
                    created: 0,
                });
            }
            Operation::StartContainer { service, .. } => {
                for on in lab.services[service].depends_on.keys() {
                    let there = observed
                        .container(on)
                        .is_some_and(|on| on.running == Running::Yes);
                    assert!(there || completes(lab, on), "{service} starts before {on}");
                }
                let found = observed
                    .containers
                    .iter_mut()
                    .find(|c| c.run_labels.service.as_ref() == Some(service));
                found.expect("it was created").running = Running::Yes;
            }
            Operation::Wait { service, condition } => {
                let found = observed
                    .containers
                    .iter_mut()
                    .find(|c| c.run_labels.service.as_ref() == Some(service));
                let found = found.expect("it was created");
                if *condition == Condition::Completed {
                    found.running = Running::No;
                }
            }
        }
    }
    observed
}

/// An engine on which the lab is up.
fn everything(lab: &Lab) -> Observed {
    let plan = plan(lab, &images(lab), &Observed::default());
    done(lab, &plan, Observed::default())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_was_just_done_needs_nothing_more(lab in labs()) {
        let there = everything(&lab);
        let again = plan(&lab, &images(&lab), &there);
        prop_assert!(again.is_empty(), "{}", again);
    }

    #[test]
    fn from_wherever_it_stopped_a_plan_comes_to_its_end(lab in labs(), stop in 0_usize..12, keep in 0_usize..8) {
        let images = images(&lab);
        let first = plan(&lab, &images, &Observed::default());
        let part = Plan::new(first.stages.iter().take(stop).cloned());
        let mut there = done(&lab, &part, Observed::default());
        // Somebody removed a container meanwhile.
        if keep < there.containers.len() {
            there.containers.remove(keep);
        }
        let rest = plan(&lab, &images, &there);
        let there = done(&lab, &rest, there);
        prop_assert!(plan(&lab, &images, &there).is_empty());
    }

    #[test]
    fn a_service_that_drifted_is_made_again_and_no_other(lab in labs(), which in 0_usize..6) {
        let there = everything(&lab);
        let mut images = images(&lab);
        let drifted = lab.services.keys().nth(which % lab.services.len()).expect("there is one").clone();
        images.get_mut(&drifted).expect("it has an image").id = "sha256:other".into();
        let change = plan(&lab, &images, &there);
        let mut touched = BTreeSet::new();
        for operation in change.stages.iter().flatten() {
            match operation {
                Operation::CreateContainer { service, .. } | Operation::StartContainer { service, .. } => {
                    touched.insert(service.clone());
                }
                Operation::RemoveContainer { id, .. } => {
                    let found = there.containers.iter().find(|container| container.id == *id);
                    touched.extend(found.and_then(|container| container.run_labels.service.clone()));
                }
                Operation::Wait { .. } => {}
                other => prop_assert!(false, "{}", other),
            }
        }
        prop_assert_eq!(touched, BTreeSet::from([drifted]));
        let there = done(&lab, &change, there);
        prop_assert!(plan(&lab, &images, &there).is_empty());
    }

    #[test]
    fn down_removes_what_is_there_once_and_nothing_else(lab in labs(), stop in 0_usize..12) {
        let first = plan(&lab, &images(&lab), &Observed::default());
        let part = Plan::new(first.stages.iter().take(stop).cloned());
        let there = done(&lab, &part, Observed::default());
        let down = down(&there);
        let mut removed: Vec<String> = Vec::new();
        for operation in down.stages.iter().flatten() {
            match operation {
                Operation::RemoveContainer { name, .. } | Operation::RemoveNetwork { name, .. } | Operation::RemoveVolume { name } => {
                    removed.push(name.clone());
                }
                other => prop_assert!(false, "{}", other),
            }
        }
        let containers = there.containers.iter().map(|container| &container.name);
        let networks = there.networks.iter().map(|network| &network.name);
        let mut all: Vec<String> = containers.chain(networks).chain(there.volumes.iter().map(|volume| &volume.name)).cloned().collect();
        removed.sort();
        all.sort();
        prop_assert_eq!(removed, all);
        prop_assert!(done(&lab, &down, there).is_empty(), "networks and volumes after the containers that hold them");
    }

    #[test]
    fn each_service_starts_once_and_is_waited_for_at_the_end(lab in labs()) {
        let plan = plan(&lab, &images(&lab), &Observed::default());
        let mut starts = BTreeMap::new();
        let mut waited = BTreeSet::new();
        for operation in plan.stages.iter().flatten() {
            match operation {
                Operation::StartContainer { service, .. } => *starts.entry(service.clone()).or_insert(0) += 1,
                Operation::Wait { service, .. } => drop(waited.insert(service.clone())),
                _ => {}
            }
        }
        let once: BTreeMap<_, _> = lab.services.keys().map(|name| (name.clone(), 1)).collect();
        prop_assert_eq!(starts, once);
        prop_assert_eq!(waited, lab.services.keys().cloned().collect());
    }
}
