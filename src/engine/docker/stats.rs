//! Measurements of running containers: network traffic and memory, one sample each.

use bollard::models::ContainerStatsResponse;
use bollard::query_parameters::StatsOptionsBuilder;

use super::{Docker, READ_TIMEOUT, convert, names};
use crate::engine::{EngineError, ErrorKind, MemoryUsage, Result, Stats};
use crate::text;
use crate::text::Text;

impl Stats for Docker {
    async fn received_bytes(&self, container: &str) -> Result<u64> {
        let operation = text!("measure the traffic of container `{container}`", container);
        let sample = self.sample(container, &operation).await?;
        Ok(sample.map(received_bytes).unwrap_or_default())
    }

    async fn memory_usage(&self, container: &str) -> Result<MemoryUsage> {
        let operation = text!("measure the memory of container `{container}`", container);
        let sample = self.sample(container, &operation).await?;
        sample.and_then(convert::memory_usage).ok_or_else(|| {
            EngineError::new(ErrorKind::NotRunning, text!("the container is not running"))
                .during(&operation)
        })
    }
}

impl Docker {
    async fn sample(
        &self,
        container: &str,
        operation: &Text,
    ) -> Result<Option<ContainerStatsResponse>> {
        let options = StatsOptionsBuilder::default()
            .stream(false)
            .one_shot(true)
            .build();
        let container = names::resource(container)?;
        let mut stats = self
            .client
            .stream(|client| client.stats(container, Some(options)));
        self.next(operation, READ_TIMEOUT, &mut stats).await
    }
}

fn received_bytes(stats: ContainerStatsResponse) -> u64 {
    let networks = stats.networks.unwrap_or_default();
    networks
        .values()
        .filter_map(|network| network.rx_bytes)
        .sum()
}
