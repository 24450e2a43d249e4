//! Events of containers, as they happen.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use bollard::models::EventMessage;
use bollard::query_parameters::EventsOptionsBuilder;

use super::Docker;
use super::logs::MAX_SILENCE;
use crate::engine::{ContainerEvent, Events, Result};
use crate::plan::Scope;
use crate::text;

/// The events after which the result of a check may change. `exec_die` is the end of a program in a container.
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

impl Events for Docker {
    async fn events(
        &self,
        scope: &Scope,
        since: SystemTime,
        on_event: &dyn Fn(ContainerEvent),
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
        let mut events = self.client.stream(|client| client.events(Some(options)));
        let operation = text!("follow events");
        while let Some(event) = self.next(&operation, MAX_SILENCE, &mut events).await? {
            on_event(container_event(event));
        }
        Ok(())
    }
}

fn container_event(event: EventMessage) -> ContainerEvent {
    // `exec_start: sh -c …` and `health_status: healthy` contain more than the name.
    let action = event.action.unwrap_or_default();
    let name = action.split(':').next().unwrap_or_default();
    ContainerEvent {
        action: name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn action_is_the_name_of_the_event() {
        for (action, expected) in [
            (Some("health_status: healthy"), "health_status"),
            (Some("die"), "die"),
            (None, ""),
        ] {
            let event = EventMessage {
                action: action.map(str::to_owned),
                ..Default::default()
            };
            assert_eq!(container_event(event).action, expected);
        }
    }
}
