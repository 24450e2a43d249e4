//! Removes everything within a scope, without the lab file. Safe to run twice at once.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::engine::{Engine, EngineError, clock};
use crate::event::Event;
use crate::plan::{Observed, Operation, Scope, down};
use crate::runner::Failure;

/// How sure one must be that nothing comes after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SweepMode {
    /// Nobody creates anything any more: one empty look is enough.
    Once,
    /// Calls of a process that was stopped may still land: look until it has been quiet for a while.
    UntilQuiet,
}

/// What was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Removed {
    pub containers: usize,
    pub networks: usize,
    pub volumes: usize,
}

/// Creates in flight when a client dies were seen to land up to 105 ms later; this is twenty times that.
const QUIET: Duration = Duration::from_secs(2);
const BETWEEN: Duration = Duration::from_millis(200);

/// After this long somebody has to look at what is left; if nothing went away all that time, so much sooner.
const LONGEST: Duration = Duration::from_secs(60);
const NO_PROGRESS: Duration = Duration::from_secs(3);

/// Removes all that is ours within a scope until nothing is left, and says how much it was.
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
    loop {
        let observed = engine
            .observe(scope)
            .await
            .map_err(Failure::engine("cannot see what is left"))?;
        if observed.is_empty() {
            let since = *quiet_since.get_or_insert_with(Instant::now);
            if sweep == SweepMode::Once || since.elapsed() >= QUIET {
                return Ok(removed);
            }
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
        }
        if sweep == SweepMode::UntilQuiet || error.is_some() {
            tokio::time::sleep(BETWEEN).await;
        }
    }
}

/// One sweep. Errors do not stop it: the next look decides what is left.
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
                Operation::RemoveNetwork { id, name } => {
                    engine.remove_network(id).await.map(|on_it| {
                        // One of ours that would not go is told as what is left.
                        let ours = |name: &String| observed.containers.iter().any(|c| c.name == *name);
                        for container in on_it.into_iter().filter(|name| !ours(name)) {
                            emit(Event::Note {
                                text: format!("container {container} is not ours and was on network {name}: it was taken off it and goes on"),
                            });
                        }
                    })
                }
                Operation::RemoveVolume { name } => engine.remove_volume(name).await,
                Operation::CreateNetwork(_)
                | Operation::CreateVolume(_)
                | Operation::CreateContainer { .. }
                | Operation::StartContainer { .. }
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
    let reason = error.map_or_else(String::new, |error| format!(" ({error})"));
    Failure::Step(format!(
        "something could not be removed{reason}; by hand: {}",
        commands.join("; ")
    ))
}

impl std::ops::AddAssign for Removed {
    fn add_assign(&mut self, other: Self) {
        self.containers += other.containers;
        self.networks += other.networks;
        self.volumes += other.volumes;
    }
}

impl std::fmt::Display for Removed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let plural = |n: usize, one: &str| {
            if n == 1 {
                format!("1 {one}")
            } else {
                format!("{n} {one}s")
            }
        };
        let parts = [
            plural(self.containers, "container"),
            plural(self.networks, "network"),
            plural(self.volumes, "volume"),
        ];
        f.write_str(&parts.join(", "))
    }
}
