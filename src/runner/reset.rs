//! Resets a running lab, runs solutions, restarts services.

use crate::engine::Engine;
use crate::event::{Event, Warning};
use crate::lab::{Exercise, Restart, RestartMode, ServiceName, Task};
use crate::localized;
use crate::probe::ProbeMode;
use crate::runner::act::{restart_service, run_steps};
use crate::runner::up::run_start_steps;
use crate::runner::{Failure, Live, Runner};
use crate::store::Workspace;

/// Runs the steps of `start` and `health` again, after starting services that do not run and restoring the workspace, if one is
/// given.
pub async fn reset<E: Engine>(
    runner: &Runner<'_, E>,
    live: &mut Live,
    workspace: Option<&Workspace>,
) -> Result<(), Failure> {
    let stopped: Vec<ServiceName> = live
        .addresses
        .keys()
        .filter(|name| !live.runs(name))
        .cloned()
        .collect();
    for service in stopped
        .into_iter()
        .filter(|name| !crate::plan::completes(runner.lab, name))
    {
        runner.emit(Event::Warning(Warning::ServiceRestarted {
            service: service.to_string(),
        }));
        restart_service(
            runner,
            live,
            &Restart {
                service,
                how: RestartMode::Stop,
            },
        )
        .await?;
    }
    if let Some(workspace) = workspace {
        drop(workspace.restore()?);
    }
    run_start_steps(runner, live).await
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
