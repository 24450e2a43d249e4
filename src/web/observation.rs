//! What is known about the services of a lab at one moment.

use crate::app::App;
use crate::lab::{Addresses, Lab, RunId};
use crate::runner::Failure;
use crate::store::Workspace;
use crate::web::parts::RunState;
use crate::web::site::Site;

/// What is known about the services of a lab at one moment.
pub(super) struct Observation {
    pub(super) addresses: Addresses,
    pub(super) run: Option<RunId>,
    pub(super) state: RunState,
    /// The learner's folder.
    pub(super) workspace: Option<Workspace>,
}

impl Observation {
    /// Observes a lab. Never fails: what is wrong is its state.
    pub(super) async fn of(site: &Site, app: &App, lab: &Lab) -> Self {
        let expected = |state| Self {
            addresses: app.expected_addresses(lab),
            run: None,
            state,
            workspace: app.workspace(lab, None),
        };
        if let Some(job) = site.job(&lab.id) {
            return expected(RunState::Busy(job));
        }
        let running = async {
            let engine = app.existing_engine().await?;
            let running = app.running(&engine, lab).await?;
            Ok::<_, Failure>((running.run(), running.live.addresses, running.workspace))
        };
        match running.await {
            Ok((run, addresses, workspace)) => Self {
                addresses,
                run,
                workspace,
                state: RunState::Running,
            },
            Err(failure) => expected(stopped(&failure)),
        }
    }
}

/// Returns the state of a lab that is not running for a reason.
pub(super) fn stopped(failure: &Failure) -> RunState {
    match failure {
        Failure::NotRunning(why) if why.others.is_empty() => RunState::NotRunning,
        failure => RunState::Unusable(failure.to_string()),
    }
}
