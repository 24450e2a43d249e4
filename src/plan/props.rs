//! Properties that hold of every plan, for every lab and every state of the engine.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use proptest::prelude::*;

use crate::lab::testing::lab;
use crate::lab::{Condition, Instance, Lab, LabId, Network, RunId, ServiceName};
use crate::plan::{
    CutOff, Desired, HostPorts, NetworkAttachment, NoFreeSubnet, Observed, ObservedContainer,
    ObservedNetwork, ObservedVolume, Operation, Plan, PublishedPorts, Repair, RunLabels, Running,
    ServiceImage, Subnet, changed_services, completes, cut, cut_off, down, missing, pause,
    reconcile, repair,
};

/// The names of the networks in a lab file.
type NetworkNames = [&'static str; 3];

const NAMES: NetworkNames = ["front", "back", "side"];

/// The parts of a lab that vary.
#[derive(Debug, Clone)]
struct Shape {
    /// The conditions under which each service depends on those before it, so that there is no circle.
    needs: Vec<Vec<Option<&'static str>>>,
    volumes: Vec<bool>,
    /// Which of the three networks each service is on.
    networks: Vec<Vec<bool>>,
    /// How many host ports a container port has.
    ports: usize,
}

fn shapes() -> impl Strategy<Value = Shape> {
    let condition = prop_oneof![
        Just(None),
        Just(Some("service_started")),
        Just(Some("service_healthy")),
        Just(Some("service_completed_successfully")),
    ];
    let needs = prop::collection::vec(prop::collection::vec(condition, 5), 1..6);
    let volumes = prop::collection::vec(any::<bool>(), 6);
    let networks = prop::collection::vec(prop::collection::vec(any::<bool>(), 3), 6);
    (needs, volumes, networks, 1_usize..4).prop_map(|(needs, volumes, networks, ports)| Shape {
        needs,
        volumes,
        networks,
        ports,
    })
}

impl Shape {
    fn lab(&self, names: NetworkNames, internal: bool) -> Lab {
        let ports = vec!["'6379'"; self.ports].join(", ");
        let mut compose = format!(
            "services:\n  redis: {{ image: 'redis:8', ports: [{ports}], volumes: ['data:/data'] }}\n"
        );
        for (at, conditions) in self.needs.iter().enumerate() {
            compose.push_str(&format!("  s{at}:\n    image: x:1\n"));
            if self.volumes[at] {
                compose.push_str(&format!("    volumes: ['v{at}:/v']\n"));
            }
            let networks = names.iter().zip(&self.networks[at]);
            let networks: Vec<&str> = networks
                .filter(|(_, is_on)| **is_on)
                .map(|(name, _)| *name)
                .collect();
            if !networks.is_empty() {
                compose.push_str(&format!("    networks: [{}]\n", networks.join(", ")));
            }
            let on: Vec<String> = conditions[..at.min(5)]
                .iter()
                .enumerate()
                .filter_map(|(on, condition)| {
                    Some(format!("s{on}: {{ condition: {} }}", (*condition)?))
                })
                .collect();
            compose.push_str(&format!("    depends_on: {{ {} }}\n", on.join(", ")));
        }
        compose.push_str("volumes: { data: {}, v0: {}, v1: {}, v2: {}, v3: {}, v4: {} }\n");
        let [a, b, c] = names;
        compose.push_str(&format!(
            "networks: {{ {a}: {{ internal: {internal} }}, {b}: {{}}, {c}: {{}} }}\n"
        ));
        lab(&compose)
    }
}

fn labs() -> impl Strategy<Value = Lab> {
    shapes().prop_map(|shape| shape.lab(NAMES, false))
}

fn run_labels() -> RunLabels {
    RunLabels {
        run: RunId::new("01jd8w0zq3v5k8m2x4y6z7a9bc").expect("a run"),
        lab: LabId::new("small").expect("a lab"),
        instance: Instance::main(),
        owner: "abc".into(),
        service: None,
        digest: None,
        mounted: None,
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

fn plan_beside(
    lab: &Lab,
    images: &BTreeMap<ServiceName, ServiceImage>,
    observed: &Observed,
    taken: &[Subnet],
) -> Result<Plan, NoFreeSubnet> {
    let run_labels = run_labels();
    let desired = Desired {
        run_labels: &run_labels,
        images,
        mounted: &BTreeMap::new(),
        workspace: None,
    };
    let ports = HostPorts::choose(lab, &Instance::main(), &BTreeSet::new());
    reconcile(lab, desired, observed).plan(&ports, taken)
}

/// Plans while the lab's files that services mount have these digests.
fn plan_mounted(lab: &Lab, mounted: &BTreeMap<ServiceName, String>, observed: &Observed) -> Plan {
    let (run_labels, images) = (run_labels(), images(lab));
    let desired = Desired {
        run_labels: &run_labels,
        images: &images,
        mounted,
        workspace: None,
    };
    let ports = HostPorts::choose(lab, &Instance::main(), &BTreeSet::new());
    let plan = reconcile(lab, desired, observed).plan(&ports, &[]);
    plan.expect("the pool is empty")
}

fn plan(lab: &Lab, images: &BTreeMap<ServiceName, ServiceImage>, observed: &Observed) -> Plan {
    plan_beside(lab, images, observed, &[]).expect("the pool is empty")
}

/// An engine that follows plans. It gives every network a new id, as real engines do.
#[derive(Debug, Clone, Default)]
struct Simulation {
    observed: Observed,
    networks: usize,
}

impl Simulation {
    /// An engine on which the lab is up.
    fn with(lab: &Lab) -> Self {
        let mut engine = Self::default();
        engine.perform(lab, &plan(lab, &images(lab), &engine.observed));
        engine
    }

    fn network(&self, name: &str) -> Option<&ObservedNetwork> {
        self.observed.networks.iter().find(|one| one.name == name)
    }

    /// The address that a container gets, which no other one may have.
    fn address(&self, service: &ServiceName, attachment: &NetworkAttachment) -> Ipv4Addr {
        let number = attachment.number.expect("every service has its number");
        let range = Subnet::parse("10.214.0.0/27").expect("a range");
        let address = range.address(number).expect("a number of the range");
        let containers = self.observed.containers.iter();
        let mut others = containers.filter(|one| one.run_labels.service.as_ref() != Some(service));
        let taken = others.any(|one| one.addresses.get(&attachment.network) == Some(&address));
        assert!(!taken, "{address} on {} is taken", attachment.network);
        address
    }

    fn service(&mut self, service: &ServiceName) -> &mut ObservedContainer {
        let mut containers = self.observed.containers.iter_mut();
        let found = containers.find(|one| one.run_labels.service.as_ref() == Some(service));
        found.expect("the container exists")
    }

    /// Removes a network with the connections of running containers. Those of others keep its id.
    fn remove_network(&mut self, id: &str) {
        self.observed.networks.retain(|network| network.id != id);
        for container in &mut self.observed.containers {
            if container.running == Running::Yes {
                container.networks.retain(|_, known| known != id);
                let kept = &container.networks;
                container
                    .addresses
                    .retain(|name, _| kept.contains_key(name));
            }
        }
    }

    /// Performs a plan in its order. An operation that needs what does not exist fails the test.
    fn perform(&mut self, lab: &Lab, plan: &Plan) {
        for operation in plan.stages.iter().flatten() {
            match operation {
                Operation::RemoveContainer { id, .. } => {
                    let before = self.observed.containers.len();
                    self.observed.containers.retain(|one| one.id != *id);
                    assert_eq!(self.observed.containers.len() + 1, before, "{operation}");
                }
                Operation::RemoveNetwork { id, .. } => {
                    let before = self.observed.networks.len();
                    self.remove_network(id);
                    assert_eq!(self.observed.networks.len() + 1, before, "{operation}");
                }
                Operation::RemoveVolume { name } => {
                    assert!(self.observed.containers.is_empty(), "{operation}");
                    self.observed.volumes.retain(|one| one.name != *name);
                }
                Operation::CreateNetwork(spec) => {
                    assert!(self.network(&spec.name).is_none(), "{operation}");
                    self.networks += 1;
                    self.observed.networks.push(ObservedNetwork {
                        id: format!("network-{}", self.networks),
                        name: spec.name.clone(),
                        run_labels: RunLabels::read(&spec.name, &spec.labels)
                            .expect("well-formed labels"),
                        internal: spec.internal,
                    });
                }
                Operation::CreateVolume(spec) => self.observed.volumes.push(ObservedVolume {
                    name: spec.name.clone(),
                    run_labels: RunLabels::read(&spec.name, &spec.labels)
                        .expect("well-formed labels"),
                }),
                Operation::CreateContainer { service, spec, .. } => {
                    for one in &spec.networks {
                        assert!(self.network(&one.network).is_some(), "{operation}");
                    }
                    let addresses: BTreeMap<String, Ipv4Addr> = spec
                        .networks
                        .iter()
                        .map(|one| (one.network.clone(), self.address(service, one)))
                        .collect();
                    let networks = spec.networks.iter();
                    self.observed.containers.push(ObservedContainer {
                        id: format!("id-{}", spec.name),
                        name: spec.name.clone(),
                        run_labels: RunLabels::read(&spec.name, &spec.labels)
                            .expect("well-formed labels"),
                        running: Running::No,
                        state: String::new(),
                        ports: PublishedPorts::default(),
                        networks: networks
                            .map(|one| (one.network.clone(), String::new()))
                            .collect(),
                        addresses,
                        created: 0,
                        full_disks: Vec::new(),
                    });
                }
                Operation::ConnectNetwork {
                    service,
                    attachment,
                    ..
                } => {
                    let network = &attachment.network;
                    let id = self
                        .network(network)
                        .expect("the network exists")
                        .id
                        .clone();
                    let number = attachment.number;
                    let address = number.map(|_| self.address(service, attachment));
                    let container = self.service(service);
                    let address = address.map(|address| (network.clone(), address));
                    container.addresses.extend(address);
                    let id = match container.running {
                        Running::Yes | Running::Paused => id,
                        Running::No => String::new(),
                    };
                    container.networks.insert(network.clone(), id);
                }
                Operation::DisconnectNetwork {
                    service, network, ..
                } => {
                    let container = self.service(service);
                    assert!(container.networks.remove(network).is_some(), "{operation}");
                    container.addresses.remove(network);
                }
                Operation::StartContainer { service, .. } => {
                    for on in lab.services[service].depends_on.keys() {
                        let runs = self.service(on).running == Running::Yes;
                        assert!(runs || completes(lab, on), "{service} starts before {on}");
                    }
                    let ids: BTreeMap<String, String> = self
                        .observed
                        .networks
                        .iter()
                        .map(|network| (network.name.clone(), network.id.clone()))
                        .collect();
                    let container = self.service(service);
                    for (name, id) in &mut container.networks {
                        let known = ids.get(name).expect("the network exists");
                        assert!(
                            id.is_empty() || id == known,
                            "{service} refers to a removed network"
                        );
                        id.clone_from(known);
                    }
                    // What was stopped starts with empty disks, and what was paused is as before.
                    if container.running == Running::No {
                        container.full_disks.clear();
                    }
                    container.running = Running::Yes;
                }
                Operation::StopContainer { service, .. } => {
                    for (name, other) in &lab.services {
                        let runs = self.service(name).running == Running::Yes;
                        let needs = other.depends_on.contains_key(service);
                        assert!(!(runs && needs), "{service} stops before {name}");
                    }
                    self.service(service).running = Running::No;
                }
                Operation::FreeDisk { service, path, .. } => {
                    let container = self.service(service);
                    assert_eq!(container.running, Running::Yes, "{operation}");
                    container.full_disks.retain(|full| full != path);
                }
                Operation::Wait { service, condition } => {
                    let container = self.service(service);
                    if *condition == Condition::Completed {
                        container.running = Running::No;
                    }
                }
            }
        }
    }

    /// Performs a plan that belongs to a running lab.
    fn perform_fault(&mut self, lab: &Lab, plan: Result<Plan, NoFreeSubnet>) {
        self.perform(lab, &plan.expect("the pool is empty"));
    }

    /// The addresses of every service.
    fn addresses(&self) -> Vec<(String, BTreeMap<String, Ipv4Addr>)> {
        let containers = self.observed.containers.iter();
        containers
            .map(|one| (one.name.clone(), one.addresses.clone()))
            .collect()
    }

    /// Asserts that the networks are those of the lab, and that every container is on its networks.
    fn assert_connected(&self, lab: &Lab) {
        let name = |network: &String| run_labels().name(network);
        let used = lab.services.values().flat_map(|one| one.networks.keys());
        let used: BTreeMap<String, bool> = used
            .map(|network| {
                (
                    name(network),
                    lab.networks.get(network) == Some(&Network::Internal),
                )
            })
            .collect();
        let networks = self.observed.networks.iter();
        let known: BTreeMap<String, bool> = networks
            .map(|network| (network.name.clone(), network.internal))
            .collect();
        assert_eq!(known, used);
        for service in lab.services.values() {
            let container = self.observed.container(&service.name).expect("it exists");
            for network in service.networks.keys() {
                let network = self.network(&name(network)).expect("it exists");
                assert!(container.is_connected(network), "{}", container.name);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_second_plan_is_empty(lab in labs()) {
        let engine = Simulation::with(&lab);
        engine.assert_connected(&lab);
        let again = plan(&lab, &images(&lab), &engine.observed);
        prop_assert!(again.is_empty(), "{}", again);
        prop_assert_eq!(again.warnings, []);
    }

    #[test]
    fn services_that_were_cut_off_or_stopped_have_their_networks_and_addresses_again(
        lab in labs(),
        apart in prop::collection::vec(any::<bool>(), 6),
        stopped in prop::collection::vec(any::<bool>(), 6),
        by_up in any::<bool>(),
    ) {
        let mut engine = Simulation::with(&lab);
        let before = engine.addresses();
        let names: Vec<&ServiceName> = lab.services.keys().collect();
        for (name, _) in names.iter().zip(&apart).filter(|(_, cut)| **cut) {
            let plan = cut(&lab, name, &engine.observed, &[]);
            engine.perform_fault(&lab, plan);
            let container = engine.observed.container(name).expect("it exists");
            prop_assert_eq!(container.networks.len(), 1);
            prop_assert_eq!(cut_off(&lab.services[*name], container), CutOff::Yes);
            let again = cut(&lab, name, &engine.observed, &[]);
            prop_assert!(again.expect("nothing to create").is_empty());
        }
        for (name, _) in names.iter().zip(&stopped).filter(|(_, stopped)| **stopped) {
            engine.service(name).running = Running::No;
        }
        prop_assert_eq!(missing(&lab, &engine.observed), Vec::<&ServiceName>::new());
        let rest = match by_up {
            true => plan(&lab, &images(&lab), &engine.observed),
            false => repair(&lab, &names, Repair::Everything, &engine.observed),
        };
        engine.perform(&lab, &rest);
        engine.assert_connected(&lab);
        prop_assert_eq!(engine.addresses(), before);
        let rest = repair(&lab, &names, Repair::Everything, &engine.observed);
        prop_assert!(rest.is_empty(), "{}", rest);
        prop_assert!(plan(&lab, &images(&lab), &engine.observed).is_empty());
    }

    #[test]
    fn a_paused_lab_has_no_running_service_and_all_of_them_again_after_up(
        lab in labs(),
        stopped in prop::collection::vec(any::<bool>(), 6),
    ) {
        let mut engine = Simulation::with(&lab);
        let before = engine.addresses();
        let names: Vec<&ServiceName> = lab.services.keys().collect();
        let running = |engine: &Simulation| -> Vec<Running> {
            engine.observed.containers.iter().map(|one| one.running).collect()
        };
        let all = running(&engine);
        for (name, _) in names.iter().zip(&stopped).filter(|(_, stopped)| **stopped) {
            engine.service(name).running = Running::No;
        }
        engine.perform(&lab, &pause(&lab, &engine.observed));
        prop_assert!(running(&engine).iter().all(|one| *one == Running::No));
        prop_assert!(pause(&lab, &engine.observed).is_empty());
        engine.perform(&lab, &plan(&lab, &images(&lab), &engine.observed));
        prop_assert_eq!(running(&engine), all);
        prop_assert_eq!(engine.addresses(), before);
    }

    #[test]
    fn a_service_that_was_cut_off_or_healed_in_part_is_repaired(
        lab in labs(),
        which in 0_usize..6,
        cut_stages in 0_usize..4,
        heal_stages in 0_usize..4,
        by_up in any::<bool>(),
    ) {
        let mut engine = Simulation::with(&lab);
        let before = engine.addresses();
        let name = lab.services.keys().nth(which % lab.services.len()).expect("there is one");
        let begun = cut(&lab, name, &engine.observed, &[]).expect("the pool is empty");
        engine.perform(&lab, &Plan::new(begun.stages.into_iter().take(cut_stages)));
        let begun = repair(&lab, &[name], Repair::Networks, &engine.observed);
        engine.perform(&lab, &Plan::new(begun.stages.into_iter().take(heal_stages)));
        let rest = match by_up {
            true => plan(&lab, &images(&lab), &engine.observed),
            false => repair(&lab, &[name], Repair::Everything, &engine.observed),
        };
        let container = engine.observed.container(name).expect("it exists");
        let cut_off_now = cut_off(&lab.services[name], container);
        prop_assert!(cut_off_now == CutOff::No || changed_services(&rest).contains(name), "{}", rest);
        engine.perform(&lab, &rest);
        engine.assert_connected(&lab);
        prop_assert_eq!(engine.addresses(), before);
        let container = engine.observed.container(name).expect("it exists");
        prop_assert_eq!(cut_off(&lab.services[name], container), CutOff::No);
    }

    #[test]
    fn full_disks_are_freed_before_anything_waits_for_their_service(
        lab in labs(),
        states in prop::collection::vec(prop::sample::select(vec![Running::Yes, Running::Paused, Running::No]), 6),
        by_up in any::<bool>(),
    ) {
        let mut lab = lab;
        for service in lab.services.values_mut() {
            service.tmpfs.insert("/scratch".into(), "size=1m".into());
        }
        let lab = lab;
        let mut engine = Simulation::with(&lab);
        let names: Vec<&ServiceName> = lab.services.keys().collect();
        for (name, running) in names.iter().zip(&states) {
            engine.service(name).running = *running;
            engine.service(name).full_disks = vec!["/scratch".into()];
        }
        let mut observed = engine.observed.clone();
        // Nothing runs in a service that is paused or stopped, not even what observes its disks.
        for container in &mut observed.containers {
            if container.running != Running::Yes {
                container.full_disks.clear();
            }
        }
        let rest = match by_up {
            true => plan(&lab, &images(&lab), &observed),
            false => repair(&lab, &names, Repair::Everything, &observed),
        };
        let mut waited = BTreeSet::new();
        for operation in rest.stages.iter().flatten() {
            match operation {
                Operation::Wait { service, .. } => drop(waited.insert(service)),
                Operation::FreeDisk { service, .. } => prop_assert!(!waited.contains(service), "{}", rest),
                _ => {}
            }
        }
        engine.perform(&lab, &rest);
        let full = engine.observed.containers.iter().filter(|one| !one.full_disks.is_empty());
        let full = full.filter(|one| one.running != Running::No);
        prop_assert_eq!(full.count(), 0);
    }

    #[test]
    fn a_plan_completes_what_an_interrupted_one_began(
        lab in labs(),
        stop in 0_usize..12,
        container in 0_usize..8,
        network in 0_usize..4,
    ) {
        let images = images(&lab);
        let mut engine = Simulation::default();
        let first = plan(&lab, &images, &engine.observed);
        engine.perform(&lab, &Plan::new(first.stages.iter().take(stop).cloned()));
        // A container and a network were removed by hand meanwhile.
        if container < engine.observed.containers.len() {
            engine.observed.containers.remove(container);
        }
        if let Some(removed) = engine.observed.networks.get(network) {
            let id = removed.id.clone();
            engine.remove_network(&id);
        }
        let rest = plan(&lab, &images, &engine.observed);
        engine.perform(&lab, &rest);
        engine.assert_connected(&lab);
        prop_assert!(plan(&lab, &images, &engine.observed).is_empty());
    }

    #[test]
    fn networks_follow_the_lab_file(
        shape in shapes(),
        names in prop::sample::select(vec![NAMES, ["front", "rear", "side"], ["back", "front", "side"], ["a", "b", "c"]]),
        internal in any::<bool>(),
        stop in 0_usize..5,
    ) {
        let mut engine = Simulation::with(&shape.lab(NAMES, false));
        let changed = shape.lab(names, internal);
        // Wherever the first attempt stops, the second one completes it.
        for stages in [stop, usize::MAX] {
            let plan = plan(&changed, &images(&changed), &engine.observed);
            engine.perform(&changed, &Plan::new(plan.stages.into_iter().take(stages)));
        }
        engine.assert_connected(&changed);
        prop_assert!(plan(&changed, &images(&changed), &engine.observed).is_empty());
    }

    #[test]
    fn every_network_gets_a_range_of_its_own_or_there_is_no_plan(lab in labs(), free in 0_u32..5) {
        // All of the pool but the last few ranges.
        let last = 0x0AD6_0000 + 2048 * 32;
        let taken: Vec<Subnet> = (0..2048 - free).map(|at| Subnet::new(last - (2048 - at) * 32, 27)).collect();
        let wanted: BTreeSet<&String> = lab.services.values().flat_map(|one| one.networks.keys()).collect();
        let plan = plan_beside(&lab, &images(&lab), &Observed::default(), &taken);
        prop_assert_eq!(plan.is_ok(), wanted.len() <= free as usize);
        let stages = plan.map(|plan| plan.stages).unwrap_or_default();
        let subnets: Vec<Subnet> = stages.iter().flatten().filter_map(|operation| match operation {
            Operation::CreateNetwork(spec) => Some(spec.subnet),
            _ => None,
        }).collect();
        let distinct: BTreeSet<&Subnet> = subnets.iter().collect();
        prop_assert_eq!(distinct.len(), subnets.len());
        prop_assert!(!subnets.iter().any(|subnet| taken.contains(subnet)));
    }

    #[test]
    fn every_published_port_has_a_host_port_of_its_own(shape in shapes()) {
        let lab = shape.lab(NAMES, false);
        let plan = plan(&lab, &images(&lab), &Observed::default());
        let hosts: Vec<u16> = plan.stages.iter().flatten().filter_map(|operation| match operation {
            Operation::CreateContainer { spec, .. } => Some(spec.ports.iter().map(|port| port.host.number())),
            _ => None,
        }).flatten().collect();
        let distinct: BTreeSet<&u16> = hosts.iter().collect();
        prop_assert_eq!((hosts.len(), distinct.len()), (shape.ports, shape.ports));
    }

    #[test]
    fn only_a_service_that_changed_is_created_again(lab in labs(), which in 0_usize..6) {
        let mut engine = Simulation::with(&lab);
        let mut images = images(&lab);
        let changed = lab.services.keys().nth(which % lab.services.len()).expect("there is one").clone();
        images.get_mut(&changed).expect("it has an image").id = "sha256:other".into();
        let change = plan(&lab, &images, &engine.observed);
        let mut touched = BTreeSet::new();
        for operation in change.stages.iter().flatten() {
            match operation {
                Operation::CreateContainer { service, .. } | Operation::StartContainer { service, .. } => {
                    touched.insert(service.clone());
                }
                Operation::RemoveContainer { id, .. } => {
                    let mut containers = engine.observed.containers.iter();
                    let found = containers.find(|container| container.id == *id);
                    touched.extend(found.and_then(|container| container.run_labels.service.clone()));
                }
                Operation::Wait { .. } => {}
                other => prop_assert!(false, "{}", other),
            }
        }
        prop_assert_eq!(touched, BTreeSet::from([changed]));
        engine.perform(&lab, &change);
        prop_assert!(plan(&lab, &images, &engine.observed).is_empty());
    }

    #[test]
    fn a_service_whose_mounted_files_changed_is_created_again_if_it_is_known_what_they_were(
        lab in labs(),
        which in 0_usize..6,
    ) {
        let name = lab.services.keys().nth(which % lab.services.len()).expect("there is one").clone();
        let digests = |digest: &str| BTreeMap::from([(name.clone(), digest.to_owned())]);
        let created = |plan: &Plan| {
            let operations = plan.stages.iter().flatten();
            let created = operations.filter_map(|operation| match operation {
                Operation::CreateContainer { service, .. } => Some(service.clone()),
                _ => None,
            });
            created.collect::<BTreeSet<_>>()
        };
        // A container of an early version does not say what it mounted.
        let engine = Simulation::with(&lab);
        prop_assert!(plan_mounted(&lab, &digests("1"), &engine.observed).is_empty());
        let mut engine = Simulation::default();
        engine.perform(&lab, &plan_mounted(&lab, &digests("1"), &engine.observed));
        prop_assert!(plan_mounted(&lab, &digests("1"), &engine.observed).is_empty());
        // Files that cannot be read are no reason to lose what a container holds.
        prop_assert!(plan_mounted(&lab, &BTreeMap::new(), &engine.observed).is_empty());
        let changed = plan_mounted(&lab, &digests("2"), &engine.observed);
        prop_assert_eq!(created(&changed), BTreeSet::from([name.clone()]));
        engine.perform(&lab, &changed);
        prop_assert!(plan_mounted(&lab, &digests("2"), &engine.observed).is_empty());
    }

    #[test]
    fn down_removes_everything_once(lab in labs(), stop in 0_usize..12) {
        let mut engine = Simulation::default();
        let first = plan(&lab, &images(&lab), &engine.observed);
        engine.perform(&lab, &Plan::new(first.stages.iter().take(stop).cloned()));
        let down = down(&engine.observed);
        let mut removed: Vec<String> = Vec::new();
        for operation in down.stages.iter().flatten() {
            match operation {
                Operation::RemoveContainer { name, .. } | Operation::RemoveNetwork { name, .. } | Operation::RemoveVolume { name } => {
                    removed.push(name.clone());
                }
                other => prop_assert!(false, "{}", other),
            }
        }
        let observed = &engine.observed;
        let containers = observed.containers.iter().map(|container| &container.name);
        let networks = observed.networks.iter().map(|network| &network.name);
        let volumes = observed.volumes.iter().map(|volume| &volume.name);
        let mut all: Vec<String> = containers.chain(networks).chain(volumes).cloned().collect();
        removed.sort();
        all.sort();
        prop_assert_eq!(removed, all);
        engine.perform(&lab, &down);
        prop_assert!(engine.observed.is_empty());
    }

    #[test]
    fn each_service_starts_once_and_is_waited_for(lab in labs()) {
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
