//! Faults that a learner causes in a running lab, and their repair.

use std::collections::BTreeSet;

use crate::app::{App, InitialData, RunningLab, UpOptions};
use crate::engine::Engine;
use crate::lab::{Fault, Lab, ServiceName};
use crate::plan::{Plan, changed_services, missing};
use crate::runner::{self, Expiry, Failure, OnFailure};
use crate::store::Lifetime;

impl App {
    /// Causes a fault of a service of a running lab.
    pub async fn cause_fault<E: Engine>(
        &self,
        engine: &E,
        lab: &Lab,
        fault: &Fault,
    ) -> Result<(), Failure> {
        let _lock = self.lock(engine, &lab.id).await?;
        let mut running = self.running(engine, lab).await?;
        runner::apply_fault(&running.runner, &mut running.live, fault).await
    }

    /// Ends every fault of services of a running lab. What is missing of the lab is created again. Returns the services that were
    /// repaired.
    pub async fn heal<E: Engine>(
        &self,
        engine: &E,
        lab: &Lab,
        services: &[ServiceName],
    ) -> Result<BTreeSet<ServiceName>, Failure> {
        let _lock = self.lock(engine, &lab.id).await?;
        let mut running = self.running(engine, lab).await?;
        let mut repaired = changed_services(&running.create_missing().await?);
        let services: Vec<&ServiceName> = services.iter().collect();
        repaired
            .extend(runner::repair_services(&running.runner, &mut running.live, &services).await?);
        Ok(repaired)
    }
}

impl<E: Engine> RunningLab<'_, E> {
    /// Creates containers and networks of the lab again that were removed by hand. Returns what was done.
    pub(super) async fn create_missing(&mut self) -> Result<Plan, Failure> {
        if missing(self.lab, &self.live.observed).is_empty() {
            return Ok(Plan::default());
        }
        let images = self.app.get_images(&self.runner).await?;
        let options = UpOptions {
            lifetime: Lifetime::Persistent,
            expiry: Expiry::Unchanged,
            on_failure: OnFailure::Retain,
            initial_data: InitialData::Copied,
        };
        let request = self.app.request(options, &images, self.workspace.as_ref());
        runner::create_missing(&self.runner, &request, &mut self.live).await
    }
}
