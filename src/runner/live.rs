//! A lab that runs: where its services answer.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::engine::Engine;
use crate::lab::{Addresses, Lab, ServiceAddress, ServiceName, render_url};
use crate::machine;
use crate::plan::{Observed, Running, Scope};
use crate::probe::{Connections, Target};
use crate::runner::{Changed, Failure, Runner};
use crate::store::Journal;

/// The services of a running lab.
pub struct Live {
    pub addresses: Addresses,
    pub observed: Observed,
    /// The learner's folder, if the lab has one.
    pub workspace: Option<PathBuf>,
    pub connections: Connections,
}

impl Live {
    /// Reads where services answer out of a snapshot.
    pub fn new(lab: &Lab, observed: Observed, workspace: Option<PathBuf>) -> Self {
        let mut addresses = BTreeMap::new();
        for service in lab.services.values() {
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
            // Without a port, as a container is that does not run, there is nowhere to connect to.
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

    /// Whether every service that has a container runs.
    pub fn runs(&self, service: &ServiceName) -> bool {
        self.observed
            .container(service)
            .is_some_and(|container| container.running == Running::Yes)
    }

    /// Looks again where services answer. If containers came or went, what was kept open is closed.
    pub async fn refresh<E: Engine>(&mut self, runner: &Runner<'_, E>) -> Result<Changed, Failure> {
        let observed = runner.observe().await?;
        let ids = |observed: &Observed| -> BTreeSet<String> {
            let containers = observed.containers.iter();
            containers.map(|container| container.id.clone()).collect()
        };
        if ids(&observed) == ids(&self.observed) {
            return Ok(Changed::No);
        }
        let fresh = Self::new(runner.lab, observed, self.workspace.clone());
        std::mem::replace(self, fresh).connections.close().await;
        Ok(Changed::Yes)
    }

    /// What probes need.
    pub fn target<'a, E: Engine>(&'a self, runner: &Runner<'a, E>) -> Target<'a, E> {
        Target {
            engine: runner.engine,
            lab: runner.lab,
            up: runner.command_up(),
            addresses: &self.addresses,
            workspace: self.workspace.as_deref(),
            connections: &self.connections,
        }
    }
}

impl<E: Engine> Runner<'_, E> {
    /// Everything of this instance on the engine.
    pub async fn observe(&self) -> Result<Observed, Failure> {
        let scope = Scope::instance(self.owner, &self.lab.id, self.instance);
        self.engine
            .observe(&scope)
            .await
            .map_err(Failure::engine(crate::text::Text::verbatim(
                "cannot see what is there",
            )))
    }

    /// What a learner types to bring this instance up.
    fn command_up(&self) -> String {
        let instance = match self.instance.is_main() {
            true => String::new(),
            false => format!(" --instance {}", self.instance),
        };
        format!("roadlab up {}{instance}", self.lab.id)
    }

    /// Fails if the engine is gone. A service that stopped or cannot be seen since then is not at fault.
    pub async fn check_engine(&self) -> Result<(), Failure> {
        let answer = self.engine.ping().await;
        answer.map_err(Failure::engine(crate::text::Text::verbatim(
            "Docker stopped meanwhile",
        )))
    }

    /// The running lab, or that it is not up.
    pub async fn live(&self, workspace: Option<PathBuf>) -> Result<Live, Failure> {
        let observed = self.observe().await?;
        if observed.containers.is_empty() {
            return Err(Failure::Environment(crate::text::Text::verbatim(format!(
                "lab `{}` is not up: start it with `{}`",
                self.lab.id,
                self.command_up()
            ))));
        }
        Ok(Live::new(self.lab, observed, workspace))
    }
}

/// Refuses a run whose ports were never seen to lead to it from where this program is. A service that does not run has none,
/// and is looked at when it starts.
pub fn require_same_network<E>(
    observed: &Observed,
    known: Option<&Journal>,
    runner: &Runner<'_, E>,
) -> Result<(), Failure> {
    let mut containers = observed.containers.iter();
    let runs = containers.any(|container| container.running != Running::No);
    let run = |journal: &&Journal| {
        observed
            .labels()
            .all(|run_labels| run_labels.run == journal.run)
    };
    let seen = known.filter(run).and_then(|journal| journal.network);
    if !runs || seen == machine::network() {
        return Ok(());
    }
    let id = &runner.lab.id;
    Err(Failure::Environment(crate::text::Text::verbatim(format!(
        "lab `{id}` was not started here but in another network (a container's, or another namespace): at its addresses \
         somebody else may answer; run roadlab there, or start it anew here: `roadlab down {id}`, then `roadlab up {id}`"
    ))))
}
