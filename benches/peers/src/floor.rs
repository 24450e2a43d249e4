//! The lower bound: what the engine needs for the containers of a lab by bare calls, with the settings that roadlab gave them.
//! The data that a lab makes at its start is not part of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::api::Api;
use crate::cost::Cost;
use crate::ready::Ready;

/// The time between two attempts, and the limit on all of them.
const PAUSE: Duration = Duration::from_millis(2);
const LONGEST: Duration = Duration::from_secs(240);

/// Whether volumes are there already, or are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Data {
    New,
    Existing,
}

/// What to create, copied from the containers of a lab that is up.
pub(crate) struct Floor {
    networks: Vec<Value>,
    volumes: Vec<String>,
    pub(crate) containers: Vec<Container>,
}

pub(crate) struct Container {
    pub(crate) service: String,
    /// A name of the image.
    pub(crate) image: String,
    pub(crate) ready: Vec<Ready>,
    name: String,
    body: Value,
    /// The networks to which it is connected before it starts, with its settings there.
    networks: Vec<(String, Value)>,
    /// The services that come first, each with its condition.
    after: BTreeMap<String, String>,
    published: BTreeMap<u16, u16>,
}

/// What a service has reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Started,
    Ready,
    Completed,
}

impl Floor {
    /// `up` is what `roadlab up --json` printed, `model` the lab's Compose file as Compose resolves it.
    pub(crate) fn like(up: &Value, model: &Value) -> anyhow::Result<Self> {
        let prefix = format!("bench-floor-{}-", std::process::id());
        let mut networks = BTreeMap::new();
        let mut volumes = BTreeSet::new();
        let mut containers = Vec::new();
        for service in up["services"].as_array().into_iter().flatten() {
            let name = service["service"]
                .as_str()
                .context("a service has a name")?;
            let id = service["container"]
                .as_str()
                .context("a service has a container")?;
            let made = Api::new().get(&format!("/containers/{id}/json"))?;
            let mut body = made["Config"].clone();
            let mut host = made["HostConfig"].clone();
            body["Labels"] = json!({});
            let mounts = host["Mounts"].as_array_mut().into_iter().flatten();
            for mount in mounts.filter(|mount| mount["Type"] == "volume") {
                let source = mount["Source"].as_str().unwrap_or_default();
                let source = format!("{prefix}{source}");
                mount["Source"] = json!(source);
                mount["VolumeOptions"] = Value::Null;
                volumes.insert(source);
            }
            let mut connected = Vec::new();
            for (network, endpoint) in made["NetworkSettings"]["Networks"]
                .as_object()
                .into_iter()
                .flatten()
            {
                let settings = Api::new().get(&format!("/networks/{network}"))?;
                let copy = format!("{prefix}{network}");
                networks.entry(copy.clone()).or_insert_with(|| {
                    json!({ "Name": copy, "Driver": settings["Driver"], "Internal": settings["Internal"],
                        "IPAM": settings["IPAM"], "Options": settings["Options"], "CheckDuplicate": true })
                });
                let aliases = endpoint["Aliases"].as_array().into_iter().flatten();
                let aliases: Vec<&Value> = aliases
                    .filter(|alias| !id.starts_with(alias.as_str().unwrap_or("-")))
                    .collect();
                connected.push((
                    copy,
                    json!({ "Aliases": aliases, "IPAMConfig": endpoint["IPAMConfig"] }),
                ));
            }
            let first = host["NetworkMode"].as_str().unwrap_or_default();
            let first = format!("{prefix}{first}");
            connected.sort_by_key(|(network, _)| *network != first);
            if let Some((network, endpoint)) = connected.first().cloned() {
                host["NetworkMode"] = json!(network);
                body["NetworkingConfig"] = json!({ "EndpointsConfig": { network: endpoint } });
                connected.remove(0);
            }
            let image = body["Image"].as_str().unwrap_or_default().to_owned();
            let tags = Api::new().get(&format!("/images/{image}/json"))?["RepoTags"].clone();
            let published = host["PortBindings"].as_object().into_iter().flatten();
            let published = published.filter_map(|(inside, bindings)| {
                let number = |text: &str| text.parse::<u16>().ok();
                let outside = bindings[0]["HostPort"].as_str().and_then(number)?;
                Some((number(inside.split('/').next()?)?, outside))
            });
            let published = published.collect();
            let settings = &model["services"][name];
            let interface = &settings["x-roadlab"];
            let ports = settings["ports"].as_array().into_iter().flatten();
            let mut ports = ports.filter_map(|port| u16::try_from(port["target"].as_u64()?).ok());
            let (url, first) = (interface["url"].as_str().unwrap_or_default(), ports.next());
            // Compose appends the list of the file to that of the catalogue.
            let mut steps: Vec<&Value> = Vec::new();
            for step in interface["ready"].as_array().into_iter().flatten() {
                if !steps.contains(&step) {
                    steps.push(step);
                }
            }
            let ready = steps.into_iter();
            let ready = ready.map(|step| Ready::read(step, url, first));
            let after = settings["depends_on"].as_object().into_iter().flatten();
            let after = after.map(|(other, how)| {
                (
                    other.clone(),
                    how["condition"].as_str().unwrap_or_default().to_owned(),
                )
            });
            body["HostConfig"] = host;
            containers.push(Container {
                service: name.to_owned(),
                image: tags[0].as_str().unwrap_or(&image).to_owned(),
                ready: ready.collect::<anyhow::Result<_>>()?,
                name: format!("{prefix}{name}"),
                body,
                networks: connected,
                after: after.collect(),
                published,
            });
        }
        Ok(Self {
            networks: networks.into_values().collect(),
            volumes: volumes.into_iter().collect(),
            containers,
        })
    }

    /// Creates and starts the containers, those that do not wait for others at the same time, until each answers.
    pub(crate) fn up(&self, data: Data) -> anyhow::Result<Cost> {
        let begun = Instant::now();
        for network in &self.networks {
            Api::new().post("/networks/create", network)?;
        }
        if data == Data::New {
            for volume in &self.volumes {
                Api::new().post("/volumes/create", &json!({ "Name": volume }))?;
            }
        }
        let board = Board::default();
        let all = self.containers.iter().map(|container| &container.service);
        let all: BTreeSet<&String> = all.collect();
        let results = std::thread::scope(|scope| {
            let started: Vec<_> = self
                .containers
                .iter()
                .map(|container| scope.spawn(|| container.start(&board, &all)))
                .collect();
            let ended = started
                .into_iter()
                .map(|one| one.join().expect("no thread panics"));
            ended.collect::<Vec<_>>()
        });
        results.into_iter().collect::<anyhow::Result<()>>()?;
        Ok(Cost::of_wall(begun.elapsed()))
    }

    /// Removes the containers by force, all at the same time, then networks and, if they are not to stay, volumes.
    pub(crate) fn down(&self, data: Data) -> anyhow::Result<Cost> {
        let begun = Instant::now();
        std::thread::scope(|scope| {
            let removed: Vec<_> = self
                .containers
                .iter()
                .map(|one| {
                    scope.spawn(|| {
                        Api::new().delete(&format!("/containers/{}?force=1&v=1", one.name))
                    })
                })
                .collect();
            let mut removed = removed.into_iter();
            removed.try_for_each(|one| one.join().expect("no thread panics").map(drop))
        })?;
        for network in &self.networks {
            let name = network["Name"].as_str().unwrap_or_default();
            Api::new().delete(&format!("/networks/{name}"))?;
        }
        if data == Data::New {
            for volume in &self.volumes {
                Api::new().delete(&format!("/volumes/{volume}?force=1"))?;
            }
        }
        Ok(Cost::of_wall(begun.elapsed()))
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        // Usually gone already.
        for container in &self.containers {
            let _ = Api::new().delete(&format!("/containers/{}?force=1&v=1", container.name));
        }
        for network in &self.networks {
            let name = network["Name"].as_str().unwrap_or_default();
            let _ = Api::new().delete(&format!("/networks/{name}"));
        }
        for volume in &self.volumes {
            let _ = Api::new().delete(&format!("/volumes/{volume}?force=1"));
        }
    }
}

impl Container {
    fn start(&self, board: &Board, all: &BTreeSet<&String>) -> anyhow::Result<()> {
        let done = self.try_start(board, all);
        if done.is_err() {
            board.give_up();
        }
        done
    }

    fn try_start(&self, board: &Board, all: &BTreeSet<&String>) -> anyhow::Result<()> {
        let name = &self.name;
        Api::new().post(&format!("/containers/create?name={name}"), &self.body)?;
        for (network, endpoint) in &self.networks {
            let body = json!({ "Container": name, "EndpointConfig": endpoint });
            Api::new().call("POST", &format!("/networks/{network}/connect"), &body)?;
        }
        for (other, condition) in self.after.iter().filter(|(other, _)| all.contains(other)) {
            board.wait(
                other,
                match condition.as_str() {
                    "service_healthy" => State::Ready,
                    "service_completed_successfully" => State::Completed,
                    _ => State::Started,
                },
            )?;
        }
        Api::new().post(&format!("/containers/{name}/start"), &Value::Null)?;
        board.reached(&self.service, State::Started);
        let begun = Instant::now();
        for ready in &self.ready {
            let published = ready
                .port()
                .and_then(|port| self.published.get(&port).copied());
            while !ready.holds(name, published) {
                if begun.elapsed() > LONGEST {
                    bail!("{} does not answer: {ready:?}", self.service);
                }
                std::thread::sleep(PAUSE);
            }
        }
        board.reached(&self.service, State::Ready);
        if board.is_awaited(&self.service) {
            Api::new().post(&format!("/containers/{name}/wait"), &Value::Null)?;
            board.reached(&self.service, State::Completed);
        }
        Ok(())
    }

    /// The test of a health check of Docker for the same conditions; `None` if there are none.
    pub(crate) fn health_check(&self) -> Option<String> {
        let tests: Vec<String> = self.ready.iter().map(Ready::health_check).collect();
        (!tests.is_empty()).then(|| tests.join(" && "))
    }
}

/// What each service has reached, for those that wait for it.
#[derive(Default)]
struct Board {
    state: Mutex<Reached>,
    changed: Condvar,
}

#[derive(Default)]
struct Reached {
    states: BTreeMap<String, State>,
    /// The services whose end another one waits for.
    awaited: BTreeSet<String>,
    gave_up: bool,
}

impl Board {
    fn reached(&self, service: &str, state: State) {
        let mut reached = self.state.lock().expect("no thread panics");
        reached.states.insert(service.to_owned(), state);
        self.changed.notify_all();
    }

    fn give_up(&self) {
        self.state.lock().expect("no thread panics").gave_up = true;
        self.changed.notify_all();
    }

    fn is_awaited(&self, service: &str) -> bool {
        let reached = self.state.lock().expect("no thread panics");
        reached.awaited.contains(service)
    }

    fn wait(&self, service: &str, state: State) -> anyhow::Result<()> {
        let mut reached = self.state.lock().expect("no thread panics");
        if state == State::Completed {
            reached.awaited.insert(service.to_owned());
        }
        while reached.states.get(service).is_none_or(|now| *now < state) {
            if reached.gave_up {
                bail!("another service did not start");
            }
            reached = self.changed.wait(reached).expect("no thread panics");
        }
        Ok(())
    }
}
