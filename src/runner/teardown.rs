//! Removes everything within a scope. It needs no lab file, and several processes may do it at the same time.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::engine::{Engine, EngineError, clock};
use crate::event::{Event, Warning};
use crate::plan::{Observed, Operation, Scope, down};
use crate::runner::Failure;
use crate::text;
use crate::text::Text;
use crate::text_plural;

/// When a teardown counts as complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SweepMode {
    /// When nothing is left. For a scope in which no process creates anything any more.
    Once,
    /// When nothing has appeared for a while, because calls of a process that was killed may still take effect.
    UntilQuiet,
}

/// Whether the next sweep must wait. The snapshot right after a sweep does not wait, since most often nothing is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pause {
    Due,
    Over,
}

/// How much was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Removed {
    pub containers: usize,
    pub networks: usize,
    pub volumes: usize,
}

/// How long nothing may appear with [`SweepMode::UntilQuiet`]. Calls of a killed client took effect up to 105 ms later; this is
/// twenty times that.
const QUIET: Duration = Duration::from_secs(2);
/// The time between two sweeps.
const INTERVAL: Duration = Duration::from_millis(200);

/// How long removal is tried, and how long while nothing goes away.
const LONGEST: Duration = Duration::from_secs(60);
const NO_PROGRESS: Duration = Duration::from_secs(3);

/// Removes everything within a scope and returns how much it was.
///
/// Fails with [`Failure::Step`], which lists what is left, if something cannot be removed in time.
pub async fn teardown<E: Engine>(
    engine: &E,
    scope: &Scope,
    sweep: SweepMode,
    emit: &dyn Fn(Event),
) -> Result<Removed, Failure> {
    let begun = clock::now();
    let mut quiet_since = None;
    let mut names = BTreeSet::new();
    let mut removed = Removed::default();
    let mut error = None;
    let mut before = (usize::MAX, begun);
    let mut pause = Pause::Over;
    loop {
        let observed = engine
            .observe(scope)
            .await
            .map_err(Failure::engine(text!("cannot list what is left")))?;
        if observed.is_empty() {
            let since = *quiet_since.get_or_insert_with(Instant::now);
            if sweep == SweepMode::Once || since.elapsed() >= QUIET {
                return Ok(removed);
            }
        } else if pause == Pause::Due {
            // The engine may report what it is still removing.
            tokio::time::sleep(INTERVAL).await;
            pause = Pause::Over;
            continue;
        } else {
            quiet_since = None;
            let left = observed.labels().count();
            if left < before.0 {
                before = (left, clock::now());
            }
            let stuck = error.is_some() && clock::since(before.1) > NO_PROGRESS;
            if stuck || clock::since(begun) > LONGEST {
                return Err(left_behind(&observed, error));
            }
            count(&observed, &mut names, &mut removed);
            error = remove(engine, &observed, emit).await;
            pause = Pause::Due;
        }
        if sweep == SweepMode::UntilQuiet || error.is_some() {
            tokio::time::sleep(INTERVAL).await;
            pause = Pause::Over;
        }
    }
}

/// Removes once what was observed. Errors do not stop it, because the next snapshot shows what is left.
async fn remove<E: Engine>(
    engine: &E,
    observed: &Observed,
    emit: &dyn Fn(Event),
) -> Option<EngineError> {
    let mut error = None;
    for stage in down(observed).stages {
        let removals = stage.iter().map(async |operation| {
            let begun = Instant::now();
            let text = operation.to_string();
            emit(Event::OperationStarted {
                operation: text.clone(),
            });
            let result = match operation {
                Operation::RemoveContainer { id, .. } => engine.remove_container(id).await,
                Operation::RemoveNetwork { id, name, .. } => {
                    engine.remove_network(id).await.map(|disconnected| {
                        // A container of this scope that could not be removed is reported as left.
                        let is_own =
                            |name: &String| observed.containers.iter().any(|c| c.name == *name);
                        for container in disconnected.into_iter().filter(|name| !is_own(name)) {
                            let network = name.clone();
                            emit(Event::Warning(Warning::ContainerDisconnected {
                                container,
                                network,
                            }));
                        }
                    })
                }
                Operation::RemoveVolume { name } => engine.remove_volume(name).await,
                Operation::CreateNetwork(_)
                | Operation::CreateVolume(_)
                | Operation::CreateContainer { .. }
                | Operation::ConnectNetwork { .. }
                | Operation::DisconnectNetwork { .. }
                | Operation::StartContainer { .. }
                | Operation::StopContainer { .. }
                | Operation::FreeDisk { .. }
                | Operation::Wait { .. } => Ok(()),
            };
            emit(Event::OperationFinished {
                operation: text,
                millis: begun.elapsed().as_millis() as u64,
            });
            result
        });
        error = join_all(removals)
            .await
            .into_iter()
            .find_map(Result::err)
            .or(error);
    }
    error
}

fn count(observed: &Observed, names: &mut BTreeSet<String>, removed: &mut Removed) {
    removed.containers += observed
        .containers
        .iter()
        .filter(|c| names.insert(format!("c {}", c.id)))
        .count();
    removed.networks += observed
        .networks
        .iter()
        .filter(|n| names.insert(format!("n {}", n.id)))
        .count();
    removed.volumes += observed
        .volumes
        .iter()
        .filter(|v| names.insert(format!("v {}", v.name)))
        .count();
}

fn left_behind(observed: &Observed, error: Option<EngineError>) -> Failure {
    let containers = observed
        .containers
        .iter()
        .map(|c| format!("docker rm -fv {}", c.name));
    let networks = observed
        .networks
        .iter()
        .map(|n| format!("docker network rm {}", n.id));
    let volumes = observed
        .volumes
        .iter()
        .map(|v| format!("docker volume rm {}", v.name));
    let commands: Vec<String> = containers.chain(networks).chain(volumes).collect();
    let commands = commands.join("; ");
    Failure::Step(match error {
        Some(error) => text!(
            "cannot remove everything: {error}; remove the rest with: {commands}",
            error,
            commands
        ),
        None => text!(
            "cannot remove everything; remove the rest with: {commands}",
            commands
        ),
    })
}

impl std::ops::AddAssign for Removed {
    fn add_assign(&mut self, other: Self) {
        self.containers += other.containers;
        self.networks += other.networks;
        self.volumes += other.volumes;
    }
}

impl Removed {
    /// Returns the numbers for people: `2 containers, 1 network, 1 volume`.
    pub fn summary(&self) -> Text {
        let containers = text_plural!(
            "{count} container",
            "{count} containers",
            count = self.containers
        );
        let networks = text_plural!("{count} network", "{count} networks", count = self.networks);
        let volumes = text_plural!("{count} volume", "{count} volumes", count = self.volumes);
        text!(
            "{containers}, {networks}, {volumes}",
            containers,
            networks,
            volumes
        )
    }
}

impl std::fmt::Display for Removed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.summary().localized())
    }
}
