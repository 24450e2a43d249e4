//! Resets a running lab, runs solutions, restarts services.

use crate::engine::Engine;
use crate::event::{Event, Warning};
use crate::lab::{Exercise, Restart, RestartMode, ServiceName, Task};
use crate::plan::{Plan, Running};
use crate::probe::ProbeMode;
use crate::runner::act::{restart_service, run_steps};
use crate::runner::execute::execute;
use crate::runner::fault::repair_services;
use crate::runner::up::{plan_up, run_start_steps};
use crate::runner::{Failure, Live, Runner, Up};
use crate::store::Workspace;
use crate::{localized, text};

/// Runs the steps of `start` and `health` again, after ending every fault of the services and restoring the workspace, if one
/// is given.
pub async fn reset<E: Engine>(
    runner: &Runner<'_, E>,
    live: &mut Live,
    workspace: Option<&Workspace>,
) -> Result<(), Failure> {
    let services: Vec<ServiceName> = live.addresses.keys().cloned().collect();
    let down = |name: &&ServiceName| !live.runs(name) && !crate::plan::completes(runner.lab, name);
    for service in services.iter().filter(down) {
        let container = live.observed.container(service);
        let paused = container.is_some_and(|container| container.running == Running::Paused);
        let name = service.to_string();
        runner.emit(Event::Warning(match paused {
            true => Warning::ServiceContinued { service: name },
            false => Warning::ServiceRestarted { service: name },
        }));
        // A service that ends again and again waits for its next start.
        if let Some(container) = container.filter(|container| container.running == Running::No) {
            let stopped = runner.engine.stop(&container.id, None).await;
            stopped.map_err(Failure::engine(text!("cannot stop `{service}`", service)))?;
        }
    }
    let services: Vec<&ServiceName> = services.iter().collect();
    drop(repair_services(runner, live, &services).await?);
    if let Some(workspace) = workspace {
        drop(workspace.restore()?);
    }
    run_start_steps(runner, live).await
}

/// Creates what is missing of a running lab, as `up` does. Returns what was done.
pub async fn create_missing<E: Engine>(
    runner: &Runner<'_, E>,
    up: &Up<'_>,
    live: &mut Live,
) -> Result<Plan, Failure> {
    live.renew(runner).await?;
    let (plan, _) = plan_up(runner, up, &live.observed).await?;
    execute(runner, &plan, live.workspace.as_deref()).await?;
    live.renew(runner).await?;
    Ok(plan)
}

/// Runs the solutions of exercises in order; a quiz has none.
pub async fn solve<E: Engine>(
    runner: &Runner<'_, E>,
    live: &mut Live,
    exercises: &[&Exercise],
) -> Result<(), Failure> {
    for exercise in exercises {
        if let Task::Practical { solution, .. } = &exercise.task {
            let what = localized!("solution of `{exercise}`", exercise = exercise.id);
            run_steps(runner, live, solution, ProbeMode::of_change, &what).await?;
        }
    }
    Ok(())
}

/// Runs the steps of `prepare` of an exercise.
pub async fn prepare<E: Engine>(
    runner: &Runner<'_, E>,
    live: &mut Live,
    exercise: &Exercise,
) -> Result<(), Failure> {
    let what = localized!("preparation of `{exercise}`", exercise = exercise.id);
    run_steps(runner, live, &exercise.prepare, ProbeMode::of_change, &what).await
}

/// Restarts services of a running lab, keeping containers and data.
pub async fn restart<E: Engine>(
    runner: &Runner<'_, E>,
    live: &mut Live,
    services: &[ServiceName],
    how: RestartMode,
) -> Result<(), Failure> {
    for service in services {
        restart_service(
            runner,
            live,
            &Restart {
                service: service.clone(),
                how,
            },
        )
        .await?;
    }
    Ok(())
}
