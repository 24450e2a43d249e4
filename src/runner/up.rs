//! Starts a lab: creates what is missing and waits until every service is ready, seeded and healthy.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::engine::{Engine, ErrorKind, clock, is_port_free};
use crate::event::{Event, StartPart, Warning};
use crate::lab::{Draw, Lab, Presence, RunId, ServiceName, Step};
use crate::machine;
use crate::plan::{
    Desired, HostPorts, NoFreeSubnet, Observed, Owner, Plan, PlanWarning, RunLabels, Scope,
    reconcile,
};
use crate::probe::{ProbeMode, StepMode};
use crate::runner::act::run_steps;
use crate::runner::disks::observe_disks;
use crate::runner::execute::execute_with_data;
use crate::runner::initial_data::{Copied, StartingData};
use crate::runner::ready::check_not_failed;
use crate::runner::subnets::{no_free_subnet, used_subnets};
use crate::runner::{
    Failure, Images, Live, RunGuard, Runner, SweepMode, require_same_network, teardown,
};
use crate::store::{Journal, Lifetime, VolumeCopies, Workspace, mounted_digests, now};
use crate::text;

/// How a lab is started.
pub struct Up<'a> {
    pub images: &'a Images,
    /// The learner's files, if the lab has a workspace.
    pub workspace: Option<&'a Workspace>,
    /// Whether the run outlives this process.
    pub life: Lifetime,
    /// When a persistent run is removed automatically.
    pub ends: Expiry,
    pub on_failure: OnFailure,
    /// The process that removes the run if this one dies.
    pub run_guard: &'a RunGuard,
    /// The copies of volumes from which a new run starts, and to which its own is added; `None` if its services initialise
    /// their data themselves.
    pub volume_copies: Option<&'a VolumeCopies>,
}

/// When a persistent run is removed automatically.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// An existing run keeps its time; a new one is not removed.
    Unchanged,
    /// This long after the start.
    After(Duration),
    /// At this time, in seconds since 1970.
    At(u64),
}

impl Expiry {
    /// Returns the time in seconds since 1970. `before` is the time of the existing run.
    pub fn until(self, before: Option<u64>) -> Option<u64> {
        match self {
            Expiry::Unchanged => before,
            Expiry::After(time) => Some(now() + time.as_secs_f64().ceil() as u64),
            Expiry::At(time) => Some(time),
        }
    }
}

/// What happens to a lab that does not start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    TearDown,
    /// Containers stay, so that the user can inspect them.
    Retain,
}

/// A lab that was started.
pub struct UpResult {
    pub live: Live,
    /// What was done; empty if the lab was running.
    pub plan: Plan,
    pub journal: Journal,
}

/// Makes the plan for a lab and emits its warnings. Returns the labels of the run too, which is the existing one or a new one.
pub async fn plan_up<E: Engine>(
    runner: &Runner<'_, E>,
    up: &Up<'_>,
    observed: &Observed,
) -> Result<(Plan, RunLabels), Failure> {
    let run_labels = run_labels(runner, up.run_guard.folder(), observed)?;
    let mounted = mounted_digests(runner.lab);
    let desired = Desired {
        run_labels: &run_labels,
        images: &up.images.found,
        mounted: &mounted,
        workspace: up.workspace.map(|workspace| workspace.path.as_path()),
    };
    let changes = reconcile(runner.lab, desired, observed);
    let ports = match changes.creates_containers() {
        true => choose_ports(runner, observed).await?,
        false => HostPorts::default(),
    };
    let taken = match changes.creates_networks() {
        true => used_subnets(runner).await?,
        false => Vec::new(),
    };
    let plan = changes.plan(&ports, &taken);
    let plan = plan.map_err(|NoFreeSubnet| no_free_subnet())?;
    for warning in &plan.warnings {
        runner.emit(Event::Warning(match warning {
            PlanWarning::UnusedVolume { name } => Warning::UnusedVolume {
                volume: name.clone(),
            },
            PlanWarning::UnknownIdentity { service } => Warning::UnknownIdentity {
                service: service.to_string(),
                lab: runner.name(),
            },
        }));
    }
    Ok((plan, run_labels))
}

/// Starts a lab. If that fails, what was created is removed, unless it is to be retained or was running before.
///
/// A new run ends with this process until [`keep_started`] has kept it: what else belongs to a start may still fail.
pub async fn up<E: Engine>(runner: &Runner<'_, E>, up: &Up<'_>) -> Result<UpResult, Failure> {
    let begun = Instant::now();
    let mut observed = runner.observe().await?;
    observe_disks(runner.engine, runner.lab, &mut observed).await;
    let fresh = observed.containers.is_empty();
    if fresh {
        // The reaper starts while the plan is computed.
        up.run_guard.begin()?;
    }
    let (plan, run_labels) = plan_up(runner, up, &observed).await?;
    let path = up.workspace.map(|workspace| workspace.path.clone());
    let runs = observed.runs();
    let known = Journal::find(
        up.run_guard.folder(),
        &runner.lab.id,
        runner.instance,
        &runs,
    )?;
    let before = known.filter(|journal| journal.run == run_labels.run);
    require_same_network(&observed, before.as_ref(), runner)?;
    let until = before.as_ref().and_then(|journal| journal.until);
    let was_paused = before.as_ref().is_some_and(|one| one.paused.is_some());
    let draw = match before {
        Some(journal) => journal.draw,
        None => runner.lab.random.draw.clone(),
    };
    let mut journal = Journal {
        run: run_labels.run.clone(),
        lab: runner.lab.id.clone(),
        instance: runner.instance.clone(),
        // A command in another working folder finds the lab by it.
        folder: std::path::absolute(&runner.lab.folder)
            .unwrap_or_else(|_| runner.lab.folder.clone()),
        workspace: path.clone(),
        life: Lifetime::Persistent,
        until,
        network: machine::network(),
        draw,
        paused: None,
    };
    if plan.is_empty() {
        if up.life == Lifetime::Persistent && (up.ends != Expiry::Unchanged || was_paused) {
            journal.until = up.ends.until(until);
            up.run_guard.keep(&journal)?;
        }
        return Ok(UpResult {
            live: Live::new(runner.lab, observed, path),
            plan,
            journal,
        });
    }
    // A run that this process began ends with it, whatever is changed of it meanwhile.
    let own = up.life == Lifetime::Process && up.run_guard.runs().contains(&run_labels.run);
    if fresh {
        journal.life = Lifetime::Process;
        up.run_guard.guard(&journal).await?;
    } else if own {
        journal.life = Lifetime::Process;
    } else {
        // A lab that ran before this command stays, even if the command fails.
        up.run_guard.keep(&journal)?;
    }
    runner.emit(Event::start_part_finished(StartPart::Plan, begun));
    let live = match perform(runner, up, &plan, &observed).await {
        Ok(live) => live,
        Err(failure) => {
            if matches!(&failure, Failure::Engine { error, .. } if error.kind == ErrorKind::PortsNotLocal)
            {
                journal.network = None;
            }
            if fresh {
                end_failed_start(runner, up, journal).await;
            } else if !own {
                retain(runner, up, journal);
            }
            return Err(failure);
        }
    };
    // A new run is kept when its start is complete.
    if !fresh && !own {
        journal.life = Lifetime::Persistent;
        journal.until = up.ends.until(until);
        up.run_guard.keep(&journal)?;
    }
    Ok(UpResult {
        live,
        plan,
        journal,
    })
}

/// Keeps a run that [`up`] started after this process has ended, if it is to be.
pub fn keep_started(up: &Up<'_>, journal: &mut Journal) -> Result<(), Failure> {
    if is_to_be_kept(up, journal) {
        journal.life = Lifetime::Persistent;
        journal.until = up.ends.until(journal.until);
        up.run_guard.keep(journal)?;
    }
    Ok(())
}

/// Removes a run that [`up`] started and that was not kept yet, or retains it if that is wanted: what else belongs to its start
/// failed.
pub async fn abandon_started<E: Engine>(runner: &Runner<'_, E>, up: &Up<'_>, journal: Journal) {
    if is_to_be_kept(up, &journal) {
        end_failed_start(runner, up, journal).await;
    }
}

/// Returns whether a run is new and is to outlive this process.
fn is_to_be_kept(up: &Up<'_>, journal: &Journal) -> bool {
    up.life == Lifetime::Persistent && journal.life == Lifetime::Process
}

/// Removes or retains a new run whose start failed.
async fn end_failed_start<E: Engine>(runner: &Runner<'_, E>, up: &Up<'_>, journal: Journal) {
    match up.on_failure {
        OnFailure::TearDown => clean_up(runner, up, &journal.run).await,
        OnFailure::Retain => retain(runner, up, journal),
    }
}

/// Keeps a run whose start failed. The failure itself matters more, so that problems here are only warnings.
fn retain<E: Engine>(runner: &Runner<'_, E>, up: &Up<'_>, mut journal: Journal) {
    journal.life = Lifetime::Persistent;
    if let Err(not_kept) = up.run_guard.keep(&journal) {
        let reason = not_kept.to_string();
        runner.emit(Event::Warning(Warning::RunNotKept { reason }));
    } else if up.on_failure == OnFailure::Retain {
        let name = runner.name();
        runner.emit(Event::Warning(Warning::ContainersRetained { name }));
    }
}

/// Removes what a failed `up` created. The failure itself matters more, so that problems here are only warnings.
async fn clean_up<E: Engine>(runner: &Runner<'_, E>, up: &Up<'_>, run: &RunId) {
    let scope = Scope::run(runner.owner, run);
    let warning = match teardown(runner.engine, &scope, SweepMode::Once, runner.emit).await {
        Ok(removed) => {
            up.run_guard.forget(run);
            Warning::CleanedUp {
                removed: removed.summary(),
            }
        }
        // The reaper continues when this process has ended.
        Err(failure) => Warning::CleanupContinues {
            reason: failure.to_string(),
        },
    };
    runner.emit(Event::Warning(warning));
}

/// Performs the plan and runs the `start` steps of a new run.
async fn perform<E: Engine>(
    runner: &Runner<'_, E>,
    up: &Up<'_>,
    plan: &Plan,
    observed: &Observed,
) -> Result<Live, Failure> {
    let fresh = observed.containers.is_empty();
    if let Some(workspace) = up.workspace {
        for file in workspace.make()? {
            runner.emit(Event::Warning(Warning::FileKept {
                file: file.file.display().to_string(),
                kept: file.kept.display().to_string(),
            }));
        }
    }
    let path = up.workspace.map(|workspace| workspace.path.clone());
    // Volumes that are there already keep what they hold.
    let is_new = fresh && observed.volumes.is_empty();
    let copies = up.volume_copies.filter(|_| is_new);
    let data =
        copies.and_then(|copies| StartingData::find(runner.lab, up.images, up.workspace, copies));
    let begun = clock::now();
    execute_with_data(runner, plan, path.as_deref(), data.as_ref()).await?;
    let took = clock::since(begun);
    let mut live = Live::new(runner.lab, runner.observe().await?, path);
    if let Some(data) = &data {
        let begun = Instant::now();
        if data.copy(runner, &live, took).await? == Copied::Yes {
            runner.emit(Event::start_part_finished(StartPart::CopyVolumes, begun));
        }
    }
    if fresh {
        run_start_steps(runner, &mut live).await?;
    } else {
        let joined = joined_services(runner.lab, observed, &live);
        let of_joined =
            |service: Option<&ServiceName>| service.is_some_and(|it| joined.contains(it));
        run_steps_of(runner, &mut live, of_joined).await?;
    }
    check_not_failed(runner, &live).await?;
    Ok(live)
}

/// Returns the optional services that join a run, because what they lacked before is there now.
pub fn joined_services(lab: &Lab, before: &Observed, live: &Live) -> BTreeSet<ServiceName> {
    let optional = lab
        .services
        .values()
        .filter(|service| service.interface.presence == Presence::Optional)
        .map(|service| &service.name);
    let joined = optional
        .filter(|name| before.container(name).is_none() && live.addresses.contains_key(*name));
    joined.cloned().collect()
}

/// Runs the `start` and `health` steps, without those of services that are unavailable.
pub(crate) async fn run_start_steps<E: Engine>(
    runner: &Runner<'_, E>,
    live: &mut Live,
) -> Result<(), Failure> {
    let there: BTreeSet<ServiceName> = live.addresses.keys().cloned().collect();
    let of_there = |service: Option<&ServiceName>| service.is_none_or(|it| there.contains(it));
    run_steps_of(runner, live, of_there).await
}

/// Runs those `start` and `health` steps whose service is wanted.
async fn run_steps_of<E: Engine>(
    runner: &Runner<'_, E>,
    live: &mut Live,
    wanted: impl Fn(Option<&ServiceName>) -> bool,
) -> Result<(), Failure> {
    let lists: [(_, StepMode, _); 2] = [
        (&runner.lab.start, ProbeMode::of_change, "start"),
        (&runner.lab.health, ProbeMode::of_check, "health"),
    ];
    for (steps, mode, what) in lists {
        let steps = steps.iter().filter(|step| wanted(step.act.service()));
        let steps: Vec<Step> = steps.cloned().collect();
        run_steps(runner, live, &steps, mode, what).await?;
    }
    Ok(())
}

/// Returns the labels of the existing run, or of a new one. `runs` is the folder of the journals.
pub fn run_labels<E: Engine>(
    runner: &Runner<'_, E>,
    runs: &Path,
    observed: &Observed,
) -> Result<RunLabels, Failure> {
    let found = observed.runs();
    let run = match found.len() {
        0 => new_run_id(),
        1 => found.first().map_or_else(new_run_id, |run| (*run).clone()),
        count => {
            return Err(Failure::Environment(text!(
                "lab `{lab}` has containers, networks or volumes of {count} runs; remove them with `roadlab down {argument}`",
                lab = runner.lab.id,
                argument = runner.name(),
                count
            )));
        }
    };
    Ok(RunLabels {
        run,
        lab: runner.lab.id.clone(),
        instance: runner.instance.clone(),
        owner: owner(runner.owner, runs),
        service: None,
        digest: None,
        mounted: None,
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

/// Returns a new draw of random values.
pub fn new_draw() -> Draw {
    // The end of a ULID is random.
    let id = ulid::Ulid::generate().to_string().to_ascii_lowercase();
    Draw::new(&id[id.len() - 10..])
}

/// Chooses host ports that are free or that this lab uses already.
async fn choose_ports<E: Engine>(
    runner: &Runner<'_, E>,
    observed: &Observed,
) -> Result<HostPorts, Failure> {
    let published = runner.engine.published_ports().await;
    let published = published.map_err(Failure::engine(text!("cannot list published ports")))?;
    let containers = observed.containers.iter();
    let own: BTreeSet<u16> = containers.flat_map(|one| one.ports.hosts()).collect();
    let mut taken: BTreeSet<u16> = published
        .into_keys()
        .filter(|port| !own.contains(port))
        .collect();
    loop {
        let ports = HostPorts::choose(runner.lab, runner.instance, &taken);
        let mut used = Vec::new();
        for port in ports.chosen().filter(|port| !own.contains(port)) {
            if !is_port_free(port).await {
                used.push(port);
            }
        }
        // Every round excludes at least one more port, so the loop ends.
        if used.iter().all(|port| !taken.insert(*port)) {
            return Ok(ports);
        }
    }
}
