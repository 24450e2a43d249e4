//! Removing, so that it can be done twice and by two at once: gone already is fine, going already is waited for.

use std::time::Duration;

use bollard::models::NetworkDisconnectRequest;
use bollard::query_parameters::{
    RemoveContainerOptionsBuilder, RemoveImageOptions, RemoveVolumeOptionsBuilder,
};

use super::{CHANGE, Docker, bounded, names};
use crate::engine::{EngineError, ErrorKind, Result};

/// How long somebody else's removal of the same container is waited for.
const REMOVAL: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);
/// A container that is connected again and again wins.
const DISCONNECTS: usize = 3;

impl Docker {
    pub(super) async fn delete_container(&self, container: &str) -> Result<()> {
        let what = format!("remove container `{container}`");
        // Without `v` its anonymous volumes stay, and those carry no labels.
        let options = RemoveContainerOptionsBuilder::default()
            .force(true)
            .v(true)
            .build();
        let named = names::resource(container)?;
        let removed = self
            .client
            .ask(|client| client.remove_container(named, Some(options)));
        // The next container of that name may be another.
        self.untimed.borrow_mut().remove(container);
        match gone_is_fine(self.call(&what, CHANGE, removed).await) {
            Err(error) if error.kind == ErrorKind::Busy => {
                bounded(&what, REMOVAL, self.until_gone(container)).await?
            }
            result => result,
        }
    }

    async fn until_gone(&self, container: &str) -> Result<()> {
        loop {
            match self.look_at_container(container).await {
                Ok(_) => tokio::time::sleep(POLL).await,
                Err(error) => return gone_is_fine(Err(error)),
            }
        }
    }

    pub(super) async fn delete_network(&self, network: &str) -> Result<Vec<String>> {
        let what = format!("remove network `{network}`");
        let network = names::resource(network)?;
        let mut disconnected = Vec::new();
        // Podman removes a network by its id under the containers that use it, which then cannot be started again.
        if self.is_podman().await? {
            disconnected.extend(self.disconnect_all(network).await?);
        }
        for _ in 0..DISCONNECTS {
            let removed = self.client.ask(|client| client.remove_network(network));
            match gone_is_fine(self.call(&what, CHANGE, removed).await) {
                Err(error) if error.kind == ErrorKind::Busy => {
                    disconnected.extend(self.disconnect_all(network).await?);
                }
                result => return result.map(|()| disconnected),
            }
        }
        let removed = self.client.ask(|client| client.remove_network(network));
        gone_is_fine(self.call(&what, CHANGE, removed).await).map(|()| disconnected)
    }

    /// Takes every container off a network; returns their names.
    async fn disconnect_all(&self, network: &str) -> Result<Vec<String>> {
        let containers = match self.containers_on(network).await {
            Err(error) => return gone_is_fine(Err(error)).map(|()| Vec::new()),
            Ok(containers) => containers,
        };
        let mut names = Vec::new();
        for (container, name) in containers {
            let what = format!("disconnect container `{container}` from network `{network}`");
            let request = NetworkDisconnectRequest {
                container,
                force: Some(true),
            };
            let disconnected = self
                .client
                .ask(|client| client.disconnect_network(network, request));
            gone_is_fine(self.call(&what, CHANGE, disconnected).await)?;
            names.push(name);
        }
        Ok(names)
    }

    pub(super) async fn delete_volume(&self, volume: &str) -> Result<()> {
        let what = format!("remove volume `{volume}`");
        let options = RemoveVolumeOptionsBuilder::default().force(true).build();
        let named = names::resource(volume)?;
        let removed = self
            .client
            .ask(|client| client.remove_volume(named, Some(options)));
        match gone_is_fine(self.call(&what, CHANGE, removed).await) {
            Err(error) if error.kind == ErrorKind::Busy => {
                let holders = self.containers_with(volume).await.unwrap_or_default();
                match holders.is_empty() {
                    true => Err(error),
                    false => Err(EngineError::new(
                        ErrorKind::Busy,
                        format!(
                            "cannot {what}: container `{}` uses it",
                            holders.join("`, `")
                        ),
                    )),
                }
            }
            result => result,
        }
    }

    pub(super) async fn delete_image(&self, name: &str) -> Result<()> {
        let what = format!("remove image `{name}`");
        let named = names::image(name)?;
        let removed = self
            .client
            .ask(|client| client.remove_image(named, None::<RemoveImageOptions>, None));
        gone_is_fine(self.call(&what, CHANGE, removed).await.map(drop))
    }
}

fn gone_is_fine(result: Result<()>) -> Result<()> {
    match result {
        Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::NoSuchImage) => Ok(()),
        result => result,
    }
}
