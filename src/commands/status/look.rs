//! Looks at everything of ours on the engine at one moment.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::join_all;

use crate::commands::Context;
use crate::engine::Engine;
use crate::engine::clock::timeout;
use crate::event::Event;
use crate::lab::{ExerciseId, Instance, Lab, LabId, RunId, load};
use crate::plan::{Observed, ObservedContainer, Running, Scope};
use crate::runner::{Failure, Live, Runner, ServiceHealth, health, health_of_engine};
use crate::store::{Journal, OsFs, Progress};

/// What one service that hangs may cost the others.
const PATIENCE: Duration = Duration::from_secs(3);

/// One instance of a lab on the engine.
pub(super) struct Run {
    pub(super) lab: LabId,
    pub(super) instance: Instance,
    pub(super) run: Option<RunId>,
    pub(super) done: Vec<ExerciseId>,
    /// `None` if the lab's files are not there.
    pub(super) exercises: Option<usize>,
    pub(super) services: Vec<Row>,
    /// When it ends by itself, in seconds since 1970.
    pub(super) until: Option<u64>,
}

/// One service of it.
pub(super) struct Row {
    pub(super) service: String,
    pub(super) running: Running,
    /// The engine's own words.
    pub(super) state: String,
    pub(super) health: ServiceHealth,
    pub(super) url: Option<String>,
    /// Bytes.
    pub(super) memory: Option<u64>,
    pub(super) limit: Option<u64>,
    /// Seconds since it was started.
    pub(super) uptime: Option<u64>,
    /// Seconds since 1970.
    pub(super) created: i64,
}

/// A lab, if its files are there.
type Found = Option<Rc<Lab>>;

/// Looks as often as wanted; what does not change is read once.
pub(super) struct StatusCollector<'a, E> {
    context: &'a Context,
    engine: &'a E,
    wanted: Option<LabId>,
    labs: RefCell<BTreeMap<(LabId, Instance), Found>>,
}

impl<'a, E: Engine> StatusCollector<'a, E> {
    pub(super) fn new(context: &'a Context, engine: &'a E, wanted: Option<LabId>) -> Self {
        Self {
            context,
            engine,
            wanted,
            labs: RefCell::default(),
        }
    }

    pub(super) async fn look(&self) -> Result<Vec<Run>, Failure> {
        let scope = Scope {
            lab: self.wanted.clone(),
            ..Scope::owner(&self.context.owner)
        };
        let observed = self
            .engine
            .observe(&scope)
            .await
            .map_err(Failure::engine("cannot see what runs"))?;
        let runs: BTreeSet<(LabId, Instance)> = observed
            .labels()
            .map(|run_labels| (run_labels.lab.clone(), run_labels.instance.clone()))
            .collect();
        let looked = runs
            .into_iter()
            .map(async |(lab, instance)| self.instance(&observed, lab, instance).await);
        Ok(join_all(looked).await)
    }

    async fn instance(&self, observed: &Observed, lab: LabId, instance: Instance) -> Run {
        let ours = |container: &&ObservedContainer| {
            container.run_labels.lab == lab && container.run_labels.instance == instance
        };
        let mine = Observed {
            containers: observed.containers.iter().filter(ours).cloned().collect(),
            ..Observed::default()
        };
        let run = observed
            .labels()
            .find(|run_labels| run_labels.lab == lab && run_labels.instance == instance)
            .map(|run_labels| run_labels.run.clone());
        let loaded = self.lab(&lab, &instance);
        let live = loaded
            .as_deref()
            .map(|lab| (lab, Live::new(lab, mine.clone(), None)));
        let rows = mine
            .containers
            .iter()
            .map(async |container| self.service(container, live.as_ref(), &instance).await);
        let services = join_all(rows).await;
        let journal = Journal::find(self.context.watch.folder(), &lab, &instance);
        let folder = self.context.paths.progress();
        let progress = Progress::read(&folder, &lab, &instance).unwrap_or_default();
        Run {
            done: progress.done.into_keys().collect(),
            exercises: loaded.map(|lab| lab.exercises.len()),
            lab,
            instance,
            run,
            services,
            until: journal.and_then(|journal| journal.until),
        }
    }

    async fn service(
        &self,
        container: &ObservedContainer,
        live: Option<&(&Lab, Live)>,
        instance: &Instance,
    ) -> Row {
        let id = &container.id;
        let state = timeout(PATIENCE, self.engine.inspect(id));
        let memory_usage = timeout(PATIENCE, self.engine.memory_usage(id));
        let (state, memory_usage) = futures_util::join!(state, memory_usage);
        let state = state.ok().and_then(Result::ok);
        let memory_usage = memory_usage.ok().and_then(Result::ok);
        let service = container.run_labels.service.as_ref();
        let known = live.zip(service);
        let health = match (&state, known) {
            (None, _) => ServiceHealth::Unknown,
            (Some(state), None) => health_of_engine(state),
            (Some(state), Some(((lab, live), service))) => {
                let emit = |_: Event| {};
                let runner = Runner {
                    engine: self.engine,
                    lab,
                    instance,
                    owner: &self.context.owner,
                    emit: &emit,
                };
                let asked = timeout(PATIENCE, health(&runner, live, service, state)).await;
                asked.unwrap_or_else(|_| {
                    let what = format!("no answer within {} s", PATIENCE.as_secs());
                    ServiceHealth::Unhealthy(what)
                })
            }
        };
        let url = known.and_then(|((_, live), service)| live.addresses.get(service)?.url.clone());
        let port = container.ports.values().next();
        let started = state.filter(|state| state.running).and_then(|s| s.started);
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let uptime = started
            .zip(now.ok())
            .map(|(at, now)| now.saturating_sub(at));
        Row {
            service: service.map_or_else(|| container.name.clone(), ToString::to_string),
            running: container.running,
            state: container.state.clone(),
            health,
            url: url.or_else(|| port.map(|port| format!("127.0.0.1:{port}"))),
            memory: memory_usage.map(|memory_usage| memory_usage.memory),
            limit: memory_usage.and_then(|memory_usage| memory_usage.limit),
            uptime: uptime.map(|uptime| uptime.as_secs()),
            created: container.created,
        }
    }

    /// The lab as it lay when it was started, else as it is found by name.
    fn lab(&self, lab: &LabId, instance: &Instance) -> Found {
        let key = (lab.clone(), instance.clone());
        if let Some(known) = self.labs.borrow().get(&key) {
            return known.clone();
        }
        let journal = Journal::find(&self.context.paths.runs(), lab, instance);
        let kept = journal.and_then(|journal| load(&journal.folder, &OsFs).ok());
        let named = || {
            let folder = self.context.labs().ok()?.folder(lab.as_str()).ok()?;
            load(&folder, &OsFs).ok()
        };
        let found = kept.or_else(named).map(|loaded| Rc::new(loaded.lab));
        self.labs.borrow_mut().insert(key, found.clone());
        found
    }
}
