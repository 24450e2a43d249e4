//! Pauses a lab: its services end in an orderly way, and containers, data, progress and files stay.

use crate::app::{App, RunningLab};
use crate::engine::Engine;
use crate::lab::{Lab, ServiceName};
use crate::plan::{Operation, Running, pause};
use crate::runner::{self, Failure};
use crate::store::{Journal, Lifetime, now};
use crate::text;

/// What [`App::pause`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PauseReport {
    /// Whether the lab was paused before.
    pub was_paused: bool,
    /// The services that were stopped now.
    pub stopped: Vec<ServiceName>,
    /// The file systems in memory of these services, by their paths: what they held is gone.
    pub lost: Vec<(ServiceName, String)>,
    /// When the run expires, in seconds since 1970. Time goes on while a lab is paused.
    pub until: Option<u64>,
}

impl App {
    /// Stops the services of a running lab. [`App::up`] starts them again, with all that they had on their disks.
    ///
    /// # Errors
    /// The lab belongs to a session, which would remove it at its end.
    pub async fn pause<E: Engine>(&self, engine: &E, lab: &Lab) -> Result<PauseReport, Failure> {
        let _lock = self.lock(engine, &lab.id).await?;
        let running = self.observe(engine, lab).await?;
        let observed = &running.live.observed;
        let journal = self.journal(&lab.id, observed)?;
        if let Some(journal) = &journal
            && journal.life != Lifetime::Persistent
        {
            return Err(Failure::Environment(text!(
                "a session in another terminal owns `{lab}` and may remove it at its end: leave that session with `q` and keep the lab, then pause it",
                lab = self.lab_argument(&lab.id)
            )));
        }
        let plan = pause(lab, observed);
        let until = journal.as_ref().and_then(|journal| journal.until);
        let paused = journal.as_ref().and_then(|journal| journal.paused);
        if let Some(journal) = journal.filter(|journal| journal.paused.is_none()) {
            // Written first: a lab that is stopped by halves is started again by `up` as well.
            self.run_guard.keep(&Journal {
                paused: Some(now()),
                ..journal
            })?;
        }
        runner::execute(&running.runner, &plan, None).await?;
        let stopped: Vec<ServiceName> = plan
            .stages
            .into_iter()
            .flatten()
            .filter_map(|operation| match operation {
                Operation::StopContainer { service, .. } => Some(service),
                _ => None,
            })
            .collect();
        let lost = stopped.iter().flat_map(|name| {
            let disks = lab.services.get(name).into_iter();
            let disks = disks.flat_map(|service| service.tmpfs.keys());
            disks.map(|disk| (name.clone(), disk.clone()))
        });
        Ok(PauseReport {
            lost: lost.collect(),
            was_paused: paused.is_some() && stopped.is_empty(),
            stopped,
            until,
        })
    }

    /// Refuses a lab whose services were stopped by [`App::pause`].
    pub(super) fn require_not_paused<E: Engine>(
        &self,
        running: &RunningLab<'_, E>,
        journal: Option<&Journal>,
    ) -> Result<(), Failure> {
        let containers = &running.live.observed.containers;
        let runs = containers.iter().any(|one| one.running != Running::No);
        match journal.is_some_and(|journal| journal.paused.is_some()) && !runs {
            true => Err(running.is_paused()),
            false => Ok(()),
        }
    }
}

impl<E: Engine> RunningLab<'_, E> {
    /// Refuses a lab that was paused since it was observed, by another process.
    pub fn require_still_not_paused(&self) -> Result<(), Failure> {
        let journal = self.app.journal(&self.lab.id, &self.live.observed)?;
        match journal.is_some_and(|journal| journal.paused.is_some()) {
            true => Err(self.is_paused()),
            false => Ok(()),
        }
    }

    fn is_paused(&self) -> Failure {
        Failure::Environment(text!(
            "lab `{lab}` is paused: continue with `{command}`",
            lab = self.app.lab_argument(&self.lab.id),
            command = self.runner.up_command()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::testing::app;
    use crate::app::{InitialData, UpOptions};
    use crate::engine::Fake;
    use crate::lab::testing::lab;
    use crate::plan::Observed;
    use crate::runner::{Expiry, OnFailure};
    use crate::store::Journals;

    const OPTIONS: UpOptions = UpOptions {
        lifetime: Lifetime::Persistent,
        expiry: Expiry::Unchanged,
        on_failure: OnFailure::TearDown,
        initial_data: InitialData::Copied,
    };

    /// Three services, each started after the one that it depends on; the last has a disk in memory.
    const CHAIN: &str = "services:\n  redis: { image: 'redis:8.0', mem_limit: 64m, ports: ['6379'] }\n  b: { image: 'redis:8.0', mem_limit: 64m, depends_on: [redis] }\n  \
                         c: { image: 'redis:8.0', mem_limit: 64m, depends_on: [b], tmpfs: ['/scratch:size=1m'] }\n";

    async fn observed(app: &App, engine: &Fake, lab: &Lab) -> Observed {
        app.runner(engine, lab).observe().await.unwrap()
    }

    #[tokio::test]
    async fn services_stop_before_those_that_they_depend_on_and_start_again() {
        let folder = tempfile::tempdir().unwrap();
        let app = app(folder.path());
        let (engine, lab) = (Fake::with_images(&["redis:8.0"]), lab(CHAIN));
        drop(app.up(&engine, &lab, OPTIONS).await.unwrap());
        let before = observed(&app, &engine, &lab).await;

        let report = app.pause(&engine, &lab).await.unwrap();
        let names: Vec<_> = report.stopped.iter().map(ServiceName::as_str).collect();
        assert_eq!(names, ["c", "b", "redis"]);
        let lost: Vec<_> = report.lost.iter().map(|(_, path)| path.as_str()).collect();
        assert_eq!(lost, ["/scratch"]);
        let after = observed(&app, &engine, &lab).await;
        assert!(
            after
                .containers
                .iter()
                .all(|one| one.running == Running::No)
        );
        let failure = app.running(&engine, &lab).await.err().unwrap();
        assert!(
            failure.to_string().contains("is paused: continue with"),
            "{failure}"
        );

        assert!(!report.was_paused);
        let again = app.pause(&engine, &lab).await.unwrap();
        assert!(again.was_paused && again.stopped.is_empty());

        drop(app.up(&engine, &lab, OPTIONS).await.unwrap());
        let resumed = observed(&app, &engine, &lab).await;
        let ids = |observed: &Observed| -> Vec<String> {
            observed
                .containers
                .iter()
                .map(|one| one.id.clone())
                .collect()
        };
        assert_eq!(ids(&resumed), ids(&before));
        assert!(app.running(&engine, &lab).await.is_ok());
        let journals = Journals::read(&app.paths.runs()).readable;
        assert_eq!(journals[0].paused, None);
    }

    #[tokio::test]
    async fn a_lab_of_a_session_is_not_paused() {
        let folder = tempfile::tempdir().unwrap();
        let app = app(folder.path());
        let (engine, lab) = (Fake::with_images(&["redis:8.0"]), lab(CHAIN));
        let options = UpOptions {
            lifetime: Lifetime::Process,
            ..OPTIONS
        };
        drop(app.up(&engine, &lab, options).await.unwrap());
        let failure = app.pause(&engine, &lab).await.unwrap_err();
        assert!(failure.to_string().contains("owns `small`"), "{failure}");
        let after = observed(&app, &engine, &lab).await;
        assert!(
            after
                .containers
                .iter()
                .all(|one| one.running == Running::Yes)
        );
    }
}
