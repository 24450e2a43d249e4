//! Brings a lab up: from what there is to a lab that answers, seeded and healthy.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use crate::engine::{Engine, ErrorKind, is_port_free};
use crate::event::Event;
use crate::lab::RunId;
use crate::machine;
use crate::plan::{HostPorts, Observed, Owner, Plan, RunLabels, Scope, Subnet, Wanted};
use crate::runner::act::play;
use crate::runner::execute::execute;
use crate::runner::{
    Failure, Images, Live, RunGuard, Runner, SweepMode, require_same_network, teardown,
};
use crate::store::{Journal, Lifetime, Workspace, now};

/// What an `up` is told.
pub struct Up<'a> {
    pub images: &'a Images,
    /// The learner's folder, if the lab has one.
    pub workspace: Option<&'a Workspace>,
    /// Whether the run outlives this process.
    pub life: Lifetime,
    /// When a kept run ends by itself.
    pub ends: Expiry,
    pub on_failure: OnFailure,
    /// Who answers for the run.
    pub watch: &'a RunGuard,
}

/// When a kept run ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// As it was; a new run never does.
    Unchanged,
    /// So long after it is up.
    After(Duration),
    /// Then, in seconds since 1970.
    At(u64),
}

impl Expiry {
    /// As a time, for what was the time before.
    pub fn until(self, before: Option<u64>) -> Option<u64> {
        match self {
            Expiry::Unchanged => before,
            Expiry::After(time) => Some(now() + time.as_secs_f64().ceil() as u64),
            Expiry::At(time) => Some(time),
        }
    }
}

/// What becomes of a lab that did not come up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    TearDown,
    /// Kept for a look.
    Retain,
}

/// A lab that is up.
pub struct UpResult {
    pub live: Live,
    /// What was done; empty if nothing had to be.
    pub plan: Plan,
    /// What is written down of the run.
    pub journal: Journal,
}

/// The plan for a lab, without doing it.
pub async fn plan_up<E: Engine>(
    runner: &Runner<'_, E>,
    up: &Up<'_>,
    observed: &Observed,
) -> Result<(Plan, RunLabels), Failure> {
    let run_labels = run_labels(runner, owner(runner.owner, up.watch.folder()), observed)?;
    let services = runner
        .lab
        .services
        .values()
        .filter(|service| up.images.found.contains_key(&service.name));
    let networks: BTreeSet<&String> = services
        .clone()
        .flat_map(|service| service.networks.keys())
        .collect();
    let missing_networks = networks.len().saturating_sub(observed.networks.len());
    let subnets = match missing_networks {
        0 => Vec::new(),
        missing => free_subnets(runner, &run_labels, missing).await?,
    };
    let ports = match services
        .clone()
        .all(|service| observed.container(&service.name).is_some())
    {
        // Ports of containers that exist are not chosen again; a drifted one keeps its place.
        true if observed.containers.is_empty() => HostPorts::default(),
        _ => choose_ports(runner, observed).await?,
    };
    let wanted = Wanted {
        run_labels: run_labels.clone(),
        images: &up.images.found,
        ports,
        subnets,
        workspace: up.workspace.map(|workspace| workspace.path.as_path()),
    };
    Ok((crate::plan::up(runner.lab, &wanted, observed), run_labels))
}

/// Brings the lab up. If it fails it is torn down again, unless it is to be retained.
pub async fn up<E: Engine>(runner: &Runner<'_, E>, up: &Up<'_>) -> Result<UpResult, Failure> {
    let observed = runner.observe().await?;
    let fresh = observed.containers.is_empty();
    if fresh {
        // It gets ready while the plan is made.
        up.watch.begin()?;
    }
    let (plan, run_labels) = plan_up(runner, up, &observed).await?;
    let path = up.workspace.map(|workspace| workspace.path.clone());
    let known = Journal::find(up.watch.folder(), &runner.lab.id, runner.instance);
    let before = known.filter(|journal| journal.run == run_labels.run);
    require_same_network(&observed, before.as_ref(), runner)?;
    let until = before.and_then(|journal| journal.until);
    let mut journal = Journal {
        run: run_labels.run.clone(),
        lab: runner.lab.id.clone(),
        instance: runner.instance.clone(),
        folder: runner.lab.folder.clone(),
        workspace: path.clone(),
        life: Lifetime::Persistent,
        until,
        network: machine::network(),
    };
    if plan.is_empty() {
        if up.life == Lifetime::Persistent && up.ends != Expiry::Unchanged {
            journal.until = up.ends.until(until);
            up.watch.keep(&journal)?;
        }
        return Ok(UpResult {
            live: Live::new(runner.lab, observed, path),
            plan,
            journal,
        });
    }
    if fresh {
        journal.life = Lifetime::Process;
        up.watch.guard(&journal).await?;
    } else {
        // A lab that was up before this command stays, whatever becomes of the command.
        up.watch.keep(&journal)?;
    }
    let live = match bring(runner, up, &plan, fresh).await {
        Ok(live) => live,
        Err(failure) => {
            if matches!(&failure, Failure::Engine { error, .. } if error.kind == ErrorKind::PortsNotLocal)
            {
                journal.network = None;
            }
            if fresh && up.on_failure == OnFailure::TearDown {
                remove_again(runner, up, &run_labels.run).await;
            } else {
                journal.life = Lifetime::Persistent;
                up.watch.keep(&journal)?;
            }
            return Err(failure);
        }
    };
    if up.life == Lifetime::Persistent || !fresh {
        journal.life = Lifetime::Persistent;
        journal.until = up.ends.until(until);
        up.watch.keep(&journal)?;
    }
    Ok(UpResult {
        live,
        plan,
        journal,
    })
}

/// Removes what was made by an `up` that failed. Why it failed is what must be heard first, so this only tells.
async fn remove_again<E: Engine>(runner: &Runner<'_, E>, up: &Up<'_>, run: &RunId) {
    let scope = Scope::run(runner.owner, run);
    let text = match teardown(runner.engine, &scope, SweepMode::Once, runner.emit).await {
        Ok(removed) => {
            up.watch.forget(run);
            format!("removed what was made: {removed}")
        }
        // The reaper goes on when we are gone.
        Err(failure) => {
            format!("not everything is removed yet, which goes on in the background: {failure}")
        }
    };
    runner.emit(Event::Note { text });
}

async fn bring<E: Engine>(
    runner: &Runner<'_, E>,
    up: &Up<'_>,
    plan: &Plan,
    fresh: bool,
) -> Result<Live, Failure> {
    if let Some(workspace) = up.workspace {
        workspace
            .make()
            .map_err(|error| Failure::Environment(format!("{error:#}")))?;
    }
    let path = up.workspace.map(|workspace| workspace.path.clone());
    execute(runner, plan, path.as_deref()).await?;
    let mut live = Live::new(runner.lab, runner.observe().await?, path);
    if fresh {
        start_again(runner, &mut live).await?;
    }
    Ok(live)
}

/// Runs `start` and proves `health`. Steps about a service that is left out are left out with it.
pub(crate) async fn start_again<E: Engine>(
    runner: &Runner<'_, E>,
    live: &mut Live,
) -> Result<(), Failure> {
    for (steps, what) in [(&runner.lab.start, "start"), (&runner.lab.health, "health")] {
        let there = |step: &&crate::lab::Step| {
            step.act
                .service()
                .is_none_or(|service| live.addresses.contains_key(service))
        };
        let steps: Vec<_> = steps.iter().filter(there).cloned().collect();
        play(runner, live, &steps, what).await?;
    }
    Ok(())
}

/// The mark of the run that is there, or of a new one.
fn run_labels<E: Engine>(
    runner: &Runner<'_, E>,
    owner: Owner,
    observed: &Observed,
) -> Result<RunLabels, Failure> {
    let known: BTreeSet<&RunId> = observed
        .labels()
        .map(|run_labels| &run_labels.run)
        .collect();
    let run = match known.len() {
        0 => new_run_id(),
        1 => known.first().map_or_else(new_run_id, |run| (*run).clone()),
        several => {
            let id = &runner.lab.id;
            let what = format!(
                "there are leftovers of {several} runs of lab `{id}`: `roadlab down {id}` first"
            );
            return Err(Failure::Environment(what));
        }
    };
    Ok(RunLabels {
        run,
        lab: runner.lab.id.clone(),
        instance: runner.instance.clone(),
        owner,
        service: None,
        digest: None,
    })
}

/// Returns the owner of a new run, with the names that other users see. `runs` is the folder of the journals, which is in the
/// state folder.
fn owner(id: &str, runs: &Path) -> Owner {
    Owner {
        id: id.to_owned(),
        user: Some(machine::user()),
        state_folder: runs.parent().map(|folder| folder.display().to_string()),
    }
}

fn new_run_id() -> RunId {
    let text = ulid::Ulid::generate().to_string().to_ascii_lowercase();
    RunId::new(&text).expect("a ULID has 26 letters and digits")
}

async fn free_subnets<E: Engine>(
    runner: &Runner<'_, E>,
    run_labels: &RunLabels,
    count: usize,
) -> Result<Vec<Subnet>, Failure> {
    let mut taken = runner
        .engine
        .subnets()
        .await
        .map_err(Failure::engine("cannot see the networks"))?;
    taken.extend(routes());
    // Runs that start at the same moment begin to look at different places.
    let seed = run_labels.run.short().bytes().fold(0u32, |seed, byte| {
        seed.wrapping_mul(31).wrapping_add(byte.into())
    });
    let free = Subnet::free(&taken, seed, count);
    match free.len() == count {
        true => Ok(free),
        false => Err(Failure::Environment(
            "there is no free address range left for a network: `roadlab down --all`, or `docker network prune`".into(),
        )),
    }
}

/// The IPv4 routes of this machine: a network of ours must not hide one of them.
fn routes() -> Vec<Subnet> {
    let table = std::fs::read_to_string("/proc/net/route").unwrap_or_default();
    let route = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let address = u32::from_str_radix(fields.get(1)?, 16).ok()?.swap_bytes();
        let mask = u32::from_str_radix(fields.get(7)?, 16).ok()?.swap_bytes();
        Some(Subnet::new(address, mask.leading_ones() as u8))
    };
    table.lines().skip(1).filter_map(route).collect()
}

async fn choose_ports<E: Engine>(
    runner: &Runner<'_, E>,
    observed: &Observed,
) -> Result<HostPorts, Failure> {
    let published = runner
        .engine
        .published_ports()
        .await
        .map_err(Failure::engine("cannot see the ports in use"))?;
    let ours: BTreeSet<u16> = observed
        .containers
        .iter()
        .flat_map(|c| c.ports.values().copied())
        .collect();
    let mut taken: BTreeSet<u16> = published
        .into_keys()
        .filter(|port| !ours.contains(port))
        .collect();
    loop {
        let ports = HostPorts::choose(runner.lab, runner.instance, &taken);
        let chosen = runner.lab.services.values().flat_map(|service| {
            let open = service.ports.iter().filter(|port| port.host.is_none());
            open.map(|port| ports.get(&service.name, port.container))
        });
        let busy: Vec<u16> = chosen
            .filter(|port| !ours.contains(port) && !is_port_free(*port))
            .collect();
        // Each round takes at least one more port out, so this ends.
        if busy.iter().all(|port| !taken.insert(*port)) {
            return Ok(ports);
        }
    }
}
