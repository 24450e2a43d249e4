//! A running lab: the addresses of its services, and its containers as they were observed.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::engine::Engine;
use crate::lab::{Addresses, Exercise, Lab, ServiceAddress, ServiceName, render_url};
use crate::machine;
use crate::plan::{Observed, PublishedPorts, Running, Scope};
use crate::probe::{Connections, Target};
use crate::runner::{Changed, Failure, NotRunning, Runner};
use crate::store::Journal;
use crate::text;

/// The services of a running lab, as they were observed once.
pub struct Live {
    pub addresses: Addresses,
    pub observed: Observed,
    /// The learner's folder, if the lab has one.
    pub workspace: Option<PathBuf>,
    pub connections: Connections,
}

impl Live {
    /// Finds the addresses of the services in what was observed on the engine.
    pub fn new(lab: &Lab, observed: Observed, workspace: Option<PathBuf>) -> Self {
        let mut addresses = BTreeMap::new();
        // A service that was trusted when it was started, and is not any more, counts as unavailable.
        for service in lab.services.values().filter(|one| !one.is_withheld()) {
            let Some(container) = observed.container(&service.name) else {
                continue;
            };
            let mut address = ServiceAddress {
                host: "127.0.0.1".to_owned(),
                ports: container.ports.by_container_port(service),
                first: service.ports.first().map(|port| port.container),
                url: None,
                container: container.name.clone(),
            };
            // A container that does not run has no port to connect to.
            let template = service.interface.url.as_deref();
            let template = template.filter(|_| !address.ports.is_empty());
            address.url =
                template.and_then(|template| render_url(template, &lab.vars, &address).ok());
            addresses.insert(service.name.clone(), address);
        }
        Self {
            addresses,
            observed,
            workspace,
            connections: Connections::default(),
        }
    }

    /// Returns whether the container of a service is running.
    pub fn runs(&self, service: &ServiceName) -> bool {
        self.observed
            .container(service)
            .is_some_and(|container| container.running == Running::Yes)
    }

    /// Returns the services that an exercise needs and that are unavailable.
    pub fn missing_services<'e>(&self, exercise: &'e Exercise) -> Vec<&'e ServiceName> {
        let needed = exercise.needs_service.iter();
        needed
            .filter(|name| !self.addresses.contains_key(*name))
            .collect()
    }

    /// Returns whether every service that an exercise needs is available.
    pub fn is_available(&self, exercise: &Exercise) -> bool {
        self.missing_services(exercise).is_empty()
    }

    /// Returns the exercises of which every service is available, and the others.
    pub fn by_availability<'e>(
        &self,
        exercises: impl IntoIterator<Item = &'e Exercise>,
    ) -> (Vec<&'e Exercise>, Vec<&'e Exercise>) {
        let exercises = exercises.into_iter();
        exercises.partition(|exercise| self.is_available(exercise))
    }

    /// Observes the lab again. Open connections are closed if containers or their ports are others since: a container that was
    /// observed between its creation and its start had no ports yet.
    pub async fn refresh<E: Engine>(&mut self, runner: &Runner<'_, E>) -> Result<Changed, Failure> {
        let observed = runner.observe().await?;
        let places = |observed: &Observed| -> BTreeMap<String, PublishedPorts> {
            let containers = observed.containers.iter();
            let places = containers.map(|one| (one.id.clone(), one.ports.clone()));
            places.collect()
        };
        if places(&observed) == places(&self.observed) {
            // Networks may be gone, and with the last one the lab.
            self.observed = observed;
            return Ok(Changed::No);
        }
        let fresh = Self::new(runner.lab, observed, self.workspace.clone());
        std::mem::replace(self, fresh).connections.close().await;
        Ok(Changed::Yes)
    }

    /// Observes the lab again after it was changed: ports may have moved and connections may be broken.
    pub(super) async fn renew<E: Engine>(&mut self, runner: &Runner<'_, E>) -> Result<(), Failure> {
        let observed = runner.observe().await?;
        let fresh = Self::new(runner.lab, observed, self.workspace.clone());
        std::mem::replace(self, fresh).connections.close().await;
        Ok(())
    }

    /// Ends the SQL sessions after steps were played, and before programs are run. A session keeps the settings that its role and
    /// its database had when it was opened, and a database with sessions can be neither copied nor dropped.
    pub(super) async fn end_sql_sessions(&self) {
        self.connections.close_sql().await;
    }

    /// Returns what probes need.
    pub fn target<'a, E: Engine>(&'a self, runner: &Runner<'a, E>) -> Target<'a, E> {
        Target {
            engine: runner.engine,
            lab: runner.lab,
            up: runner.up_command(),
            addresses: &self.addresses,
            workspace: self.workspace.as_deref(),
        }
    }
}

impl<E: Engine> Runner<'_, E> {
    /// Lists everything of this instance on the engine.
    pub async fn observe(&self) -> Result<Observed, Failure> {
        let scope = Scope::instance(self.owner, &self.lab.id, self.instance);
        self.engine
            .observe(&scope)
            .await
            .map_err(Failure::engine(text!("cannot list the containers")))
    }

    /// Returns the command that starts this instance.
    pub fn up_command(&self) -> String {
        self.command("up")
    }

    /// Returns the command that ends every fault of a service.
    pub(super) fn heal_command(&self, service: &ServiceName) -> String {
        format!("roadlab fault {} heal {service}", self.name())
    }

    /// Returns the lab with the options that select it and this instance.
    pub(super) fn name(&self) -> String {
        let labs = self.labs.of(&self.lab.id);
        match self.instance.is_main() {
            true => format!("{}{labs}", self.lab.id),
            false => format!("{} --instance {}{labs}", self.lab.id, self.instance),
        }
    }

    fn command(&self, verb: &str) -> String {
        format!("roadlab {verb} {}", self.name())
    }

    /// Fails if the engine does not answer, since a service that stopped with it is not at fault.
    pub async fn check_engine(&self) -> Result<(), Failure> {
        let answer = self.engine.ping().await;
        answer.map_err(Failure::engine(text!(
            "Docker stopped while the command was running"
        )))
    }

    /// Returns the running lab, or a failure that says how to start it.
    pub async fn live(&self, workspace: Option<PathBuf>) -> Result<Live, Failure> {
        let observed = self.observe().await?;
        if observed.containers.is_empty() {
            return Err(Failure::NotRunning(NotRunning {
                lab: self.lab.id.clone(),
                instance: self.instance.clone(),
                up: self.up_command(),
                others: Vec::new(),
            }));
        }
        Ok(Live::new(self.lab, observed, workspace))
    }
}

/// Refuses a run that was started in another network namespace, where its published ports may lead elsewhere. A run without
/// a running container has no ports yet.
pub fn require_same_network<E: Engine>(
    observed: &Observed,
    known: Option<&Journal>,
    runner: &Runner<'_, E>,
) -> Result<(), Failure> {
    let mut containers = observed.containers.iter();
    let runs = containers.any(|container| container.running != Running::No);
    let here = machine::network();
    if !runs || here.is_none() {
        return Ok(());
    }
    let run = |journal: &&Journal| {
        observed
            .labels()
            .all(|run_labels| run_labels.run == journal.run)
    };
    let id = &runner.lab.id;
    let (down, up) = (runner.command("down"), runner.up_command());
    match known.filter(run) {
        Some(journal) if journal.network == here => Ok(()),
        Some(_) => Err(Failure::Environment(text!(
            "lab `{id}` was started in another network namespace, so another program may answer at its addresses; run roadlab in that namespace, or restart the lab here: `{down}`, then `{up}`",
            id,
            down,
            up
        ))),
        None => Err(Failure::Environment(text!(
            "the journal of lab `{id}` is missing, so another program may answer at its addresses; restart the lab: `{down}`, then `{up}`",
            id,
            down,
            up
        ))),
    }
}
