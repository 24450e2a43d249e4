//! Creating networks, volumes and containers, starting and stopping them.

use std::collections::HashMap;
use std::time::Duration;

use bollard::models::{NetworkConnectRequest, VolumeCreateRequest};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, KillContainerOptionsBuilder, ListNetworksOptionsBuilder,
    StartContainerOptions, StopContainerOptionsBuilder,
};

use super::{CHANGE, Docker, LOOK, convert, errors, names, podman};
use crate::engine::{EngineError, ErrorKind, Result};
use crate::plan::{ContainerSpec, MountSpec, NetworkSpec, VolumeSpec};

impl Docker {
    /// Older engines allow two networks of one name, so the name is looked up first.
    pub(super) async fn make_network(&self, spec: &NetworkSpec) -> Result<String> {
        let name = names::resource(&spec.name)?;
        let filters = HashMap::from([("name", vec![name])]);
        let options = ListNetworksOptionsBuilder::default()
            .filters(&filters)
            .build();
        let found = self
            .client
            .ask(|client| client.list_networks(Some(options)));
        let found = self.call("list networks", LOOK, found).await?;
        if found
            .iter()
            .any(|network| network.name.as_deref() == Some(name))
        {
            return Err(taken("network", name));
        }
        let what = format!("create network `{name}` ({})", spec.subnet);
        let made = self
            .client
            .ask(|client| client.create_network(convert::network(spec)));
        Ok(self.call(&what, CHANGE, made).await?.id)
    }

    /// Creating a volume that exists is a success with the existing one's labels: only those tell whose it is.
    pub(super) async fn make_volume(&self, spec: &VolumeSpec) -> Result<()> {
        let name = names::resource(&spec.name)?;
        let made = self.client.ask(|client| {
            client.create_volume(VolumeCreateRequest {
                name: Some(name.to_owned()),
                labels: Some(convert::labels(&spec.labels)),
                ..Default::default()
            })
        });
        let what = format!("create volume `{name}`");
        let made = self.call(&what, CHANGE, made).await?;
        match made.labels == convert::labels(&spec.labels) {
            true => Ok(()),
            false => Err(taken("volume", name)),
        }
    }

    pub(super) async fn make_container(&self, spec: &ContainerSpec) -> Result<String> {
        let name = names::resource(&spec.name)?;
        for (network, _) in &spec.networks {
            names::resource(network)?;
        }
        let what = format!("create container `{name}`");
        for mount in &spec.mounts {
            stays(mount, &what)?;
        }
        let options = CreateContainerOptionsBuilder::default().name(name).build();
        let mut body = convert::container(spec);
        if !spec.ulimits.is_empty() && self.is_podman().await? {
            podman::limit_all(&mut body);
        }
        let made = self
            .client
            .ask(|client| client.create_container(Some(options), body));
        let id = self.call(&what, CHANGE, made).await?.id;
        match self.attach(&id, spec).await {
            Ok(()) => Ok(id),
            Err(error) => {
                // What went wrong first is what the caller must hear.
                let _ = self.delete_container(&id).await;
                Err(error)
            }
        }
    }

    /// Engines before 25 take one network in the create call; the others follow one by one.
    async fn attach(&self, id: &str, spec: &ContainerSpec) -> Result<()> {
        for (network, aliases) in spec.networks.iter().skip(1) {
            self.attach_to(id, network, aliases).await?;
        }
        Ok(())
    }

    pub(super) async fn attach_to(
        &self,
        container: &str,
        network: &str,
        aliases: &[String],
    ) -> Result<()> {
        let what = format!("connect container `{container}` to network `{network}`");
        let network = names::resource(network)?;
        let request = NetworkConnectRequest {
            container: names::resource(container)?.to_owned(),
            endpoint_config: Some(convert::attachment(aliases)),
        };
        let connected = self
            .client
            .ask(|client| client.connect_network(network, request));
        match self.call(&what, CHANGE, connected).await {
            // It is connected already.
            Err(error) if error.kind == ErrorKind::NameTaken => Ok(()),
            result => result,
        }
    }

    pub(super) async fn start_container(&self, container: &str) -> Result<()> {
        let what = format!("start container `{container}`");
        let named = names::resource(container)?;
        let started = self
            .client
            .ask(|client| client.start_container(named, None::<StartContainerOptions>));
        let Err(refused) = started.within(&what, CHANGE).await? else {
            return Ok(());
        };
        let port = errors::taken_port(&refused.to_string());
        let error = self.translate(&what, refused);
        match port {
            Some(port) if error.kind == ErrorKind::PortTaken => {
                Err(self.name_the_other(&what, port, error).await)
            }
            Some(_) | None => Err(error),
        }
    }

    /// Says which container has the port, if one has.
    pub(super) async fn name_the_other(
        &self,
        what: &str,
        port: u16,
        error: EngineError,
    ) -> EngineError {
        let published = self.list_published_ports().await.unwrap_or_default();
        match published.get(&port) {
            Some(other) => EngineError::new(
                ErrorKind::PortTaken,
                format!(
                    "cannot {what}: port {port} is used by container `{other}`; stop it or take another port"
                ),
            ),
            None => error,
        }
    }

    pub(super) async fn stop_container(
        &self,
        container: &str,
        grace: Option<Duration>,
    ) -> Result<()> {
        let what = format!("stop container `{container}`");
        let named = names::resource(container)?;
        if grace.is_none() {
            // Stopping without grace still sends the polite signal first, and a quick service saves its data on that.
            let options = KillContainerOptionsBuilder::default()
                .signal("KILL")
                .build();
            let killed = self
                .client
                .ask(|client| client.kill_container(named, Some(options)));
            match self.call(&what, CHANGE, killed).await {
                Err(error) if error.kind != ErrorKind::NotRunning => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        // After a kill this only waits for the end.
        let grace = grace.unwrap_or_default();
        let seconds = i32::try_from(grace.as_millis().div_ceil(1000)).unwrap_or(i32::MAX);
        let options = StopContainerOptionsBuilder::default().t(seconds).build();
        let stopped = self
            .client
            .ask(|client| client.stop_container(named, Some(options)));
        self.call(&what, grace + CHANGE, stopped).await
    }
}

/// The engine follows links, and a service may have put one into the learner's folder since it was looked at.
fn stays(mount: &MountSpec, what: &str) -> Result<()> {
    let MountSpec::Bind { source, .. } = mount else {
        return Ok(());
    };
    let real = source.canonicalize();
    match real {
        Ok(real) if real == *source => Ok(()),
        Ok(real) => Err(EngineError::new(
            ErrorKind::Other,
            format!(
                "cannot {what}: {} is a link to {}; remove it, or put the learner's folder back with `roadlab reset`",
                source.display(),
                real.display()
            ),
        )),
        Err(error) => Err(EngineError::new(
            ErrorKind::Other,
            format!("cannot {what}: {}: {error}", source.display()),
        )),
    }
}

fn taken(kind: &str, name: &str) -> EngineError {
    EngineError::new(
        ErrorKind::NameTaken,
        format!(
            "{kind} `{name}` exists and is not ours; `docker {kind} inspect {name}` shows whose it may be"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::Access;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_link_in_place_of_what_is_mounted_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("dags")).unwrap();
        symlink("/etc", root.join("away")).unwrap();
        let mount = |below: &str| MountSpec::Bind {
            source: root.join(below),
            target: "/x".into(),
            access: Access::ReadWrite,
        };
        assert!(stays(&mount("dags"), "create x").is_ok());
        for bad in ["away", "away/ssl", "dags/../../..", "missing"] {
            assert!(stays(&mount(bad), "create x").is_err(), "{bad}");
        }
    }
}
