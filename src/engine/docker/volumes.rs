//! Named volumes: created with roadlab's labels, removed unless a container uses them.

use bollard::models::VolumeCreateRequest;
use bollard::query_parameters::RemoveVolumeOptionsBuilder;

use super::containers::ignore_not_found;
use super::{Docker, WRITE_TIMEOUT, convert, names};
use crate::engine::{EngineError, ErrorKind, Result, Volumes};
use crate::plan::VolumeSpec;
use crate::text;

impl Volumes for Docker {
    async fn create_volume(&self, spec: &VolumeSpec) -> Result<()> {
        let name = names::resource(&spec.name)?;
        let operation = text!("create volume `{name}`", name);
        let request = VolumeCreateRequest {
            name: Some(name.to_owned()),
            labels: Some(convert::labels(&spec.labels)),
            ..Default::default()
        };
        let volume = self
            .call(&operation, WRITE_TIMEOUT, |client| {
                client.create_volume(request)
            })
            .await?;
        // The engine reports success for a volume that exists; only its labels tell who created it.
        match volume.labels == convert::labels(&spec.labels) {
            true => Ok(()),
            false => Err(EngineError::new(
                ErrorKind::NameTaken,
                text!("a volume of this name exists and was not created by roadlab"),
            )
            .during(&operation)
            .help(text!(
                "inspect it with `docker volume inspect {name}`",
                name
            ))),
        }
    }

    async fn remove_volume(&self, volume: &str) -> Result<()> {
        let operation = text!("remove volume `{volume}`", volume);
        let options = RemoveVolumeOptionsBuilder::default().force(true).build();
        let name = names::resource(volume)?;
        let removed = self
            .call(&operation, WRITE_TIMEOUT, |client| {
                client.remove_volume(name, Some(options))
            })
            .await;
        match ignore_not_found(removed) {
            Err(error) if error.kind == ErrorKind::Busy => {
                let users = self.containers_with(volume).await.unwrap_or_default();
                match users.is_empty() {
                    true => Err(error),
                    false => Err(EngineError::new(
                        ErrorKind::Busy,
                        text!("it is used by `{users}`", users = users.join("`, `")),
                    )
                    .during(&operation)),
                }
            }
            result => result,
        }
    }
}
