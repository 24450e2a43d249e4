//! The `log` probe: reads the last lines of a service's log.

use std::time::Duration;

use crate::engine::Engine;
use crate::expect::Actual;
use crate::lab::LogProbe;
use crate::probe::address::address;
use crate::probe::error::ProbeError;
use crate::probe::target::Target;

pub(super) async fn run<E: Engine>(
    probe: &LogProbe,
    target: &Target<'_, E>,
    timeout: Duration,
) -> Result<Actual, ProbeError> {
    let container = &address(target, &probe.service)?.container;
    let lines = target.engine.logs(container, probe.tail).await;
    lines
        .map(Actual::value)
        .map_err(|error| ProbeError::from_engine(&probe.service, error, timeout))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::StepKind;
    use crate::probe::double::{Double, Scene};

    #[tokio::test]
    async fn the_value_is_the_last_lines() {
        let engine = Double {
            log: "one\ntwo\nthree\n".to_owned(),
            ..Double::default()
        };
        let act = StepKind::Log(LogProbe {
            service: Scene::service(),
            tail: 2,
        });
        let result = Scene::new(engine, 1).probe(&act).await.unwrap();
        assert_eq!(result, Actual::value("two\nthree"));
    }
}
