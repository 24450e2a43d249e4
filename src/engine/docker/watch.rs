//! What happens to a lab's containers, as it happens: the engine's events, and the traffic of a container.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use bollard::models::{ContainerStatsResponse, EventMessage};
use bollard::query_parameters::{EventsOptionsBuilder, StatsOptionsBuilder};

use super::logs::SILENCE;
use super::{Docker, LOOK, names};
use crate::engine::{ContainerEvent, Result};
use crate::plan::Scope;

/// The events after which checks may see something else. `exec_die` is a program that ended inside a container.
const ACTIONS: [&str; 8] = [
    "start",
    "die",
    "pause",
    "unpause",
    "exec_die",
    "health_status",
    "connect",
    "disconnect",
];

impl Docker {
    pub(super) async fn follow_events(
        &self,
        scope: &Scope,
        since: SystemTime,
        tell: &dyn Fn(ContainerEvent),
    ) -> Result<()> {
        let filters = HashMap::from([
            ("type", vec!["container".to_owned()]),
            ("label", scope.filters()),
            ("event", ACTIONS.map(str::to_owned).to_vec()),
        ]);
        let since = since.duration_since(UNIX_EPOCH).unwrap_or_default();
        let options = EventsOptionsBuilder::default()
            .since(&format!("{}.{:09}", since.as_secs(), since.subsec_nanos()))
            .filters(&filters)
            .build();
        let mut events = self.client.listen(|client| client.events(Some(options)));
        while let Some(event) = self.next("follow events", SILENCE, &mut events).await? {
            tell(happening(event));
        }
        Ok(())
    }

    pub(super) async fn count_received(&self, container: &str) -> Result<u64> {
        let what = format!("measure the traffic of container `{container}`");
        let options = StatsOptionsBuilder::default()
            .stream(false)
            .one_shot(true)
            .build();
        let name = names::resource(container)?;
        let mut stats = self
            .client
            .listen(|client| client.stats(name, Some(options)));
        let sample = self.next(&what, LOOK, &mut stats).await?;
        Ok(sample.map(received_bytes).unwrap_or_default())
    }
}

fn happening(event: EventMessage) -> ContainerEvent {
    // `exec_start: sh -c …` and `health_status: healthy` say more than their name.
    let action = event.action.unwrap_or_default();
    let name = action.split(':').next().unwrap_or_default();
    ContainerEvent {
        action: name.to_owned(),
    }
}

fn received_bytes(stats: ContainerStatsResponse) -> u64 {
    let networks = stats.networks.unwrap_or_default();
    networks
        .values()
        .filter_map(|network| network.rx_bytes)
        .sum()
}
