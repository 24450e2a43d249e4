//! The life of containers: created with all of their networks, started on ports that are free, stopped, removed.
//!
//! Removing may happen twice and at the same time: a container that does not exist is no error, and another removal that
//! is in progress is waited for.

use std::time::Duration;

use bollard::models::ContainerInspectResponse;
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, InspectContainerOptions, KillContainerOptionsBuilder,
    RemoveContainerOptionsBuilder, StartContainerOptions, StopContainerOptionsBuilder,
};

use super::client::within;
use super::{Docker, READ_TIMEOUT, WRITE_TIMEOUT, convert, errors, names, podman, port_check};
use crate::engine::{
    ContainerState, Containers, EngineError, ErrorKind, Inspect, Inventory, Networks, Result,
};
use crate::plan::{ContainerSpec, MountSpec};
use crate::text;
use crate::text::Text;

/// How long a removal by another program is waited for.
const REMOVAL_TIMEOUT: Duration = Duration::from_secs(30);
const REMOVAL_POLL: Duration = Duration::from_millis(20);

/// How often a container is paused that the kernel cannot freeze, as happens on a busy machine.
const PAUSE_ATTEMPTS: usize = 6;
const PAUSE_INTERVAL: Duration = Duration::from_millis(500);

impl Inspect for Docker {
    async fn inspect(&self, container: &str) -> Result<ContainerState> {
        let operation = text!("inspect container `{container}`", container);
        let answer = self.inspect_raw(container, &operation).await?;
        Ok(convert::state(answer))
    }
}

impl Containers for Docker {
    async fn create_container(&self, spec: &ContainerSpec) -> Result<String> {
        let name = names::resource(&spec.name)?;
        for attachment in &spec.networks {
            names::resource(&attachment.network)?;
        }
        let operation = text!("create container `{name}`", name);
        for mount in &spec.mounts {
            check_mount(mount, &operation)?;
        }
        let options = CreateContainerOptionsBuilder::default().name(name).build();
        let address = match spec.networks.first() {
            Some(first) => self.address(first).await?,
            None => None,
        };
        let mut body = convert::container(spec, address);
        if !spec.ulimits.is_empty() && self.is_podman().await? {
            podman::set_missing_limits(&mut body);
        }
        let created = self
            .call(&operation, WRITE_TIMEOUT, |client| {
                client.create_container(Some(options), body)
            })
            .await?;
        match self.connect_further_networks(&created.id, spec).await {
            Ok(()) => Ok(created.id),
            Err(error) => {
                // The first error is the one to report.
                let _ = self.remove_container(&created.id).await;
                Err(error)
            }
        }
    }

    async fn start(&self, container: &str) -> Result<()> {
        let operation = text!("start container `{container}`", container);
        // The engine answers this after it has released the ports of an earlier start.
        let answer = self.inspect_raw(container, &operation).await?;
        let bindings = answer.host_config.and_then(|config| config.port_bindings);
        let state = answer.state.unwrap_or_default();
        if state.paused == Some(true) {
            let name = names::resource(container)?;
            return self
                .call(&operation, WRITE_TIMEOUT, |client| {
                    client.unpause_container(name)
                })
                .await;
        }
        if state.running == Some(true) {
            return Ok(());
        }
        let ports = port_check::local_ports(bindings.unwrap_or_default());
        self.require_free_ports(&ports, &operation).await?;
        self.start_once(container, &operation).await?;
        self.require_local_ports(container, &ports, &operation)
            .await
    }

    async fn stop(&self, container: &str, grace: Option<Duration>) -> Result<()> {
        let operation = text!("stop container `{container}`", container);
        let container = names::resource(container)?;
        if grace.is_none() {
            // A stop without grace still sends the stop signal first, on which a fast service saves its data.
            let options = KillContainerOptionsBuilder::default()
                .signal("KILL")
                .build();
            let killed = self
                .call(&operation, WRITE_TIMEOUT, |client| {
                    client.kill_container(container, Some(options))
                })
                .await;
            match killed {
                Err(error) if !matches!(error.kind, ErrorKind::NotRunning | ErrorKind::Paused) => {
                    return Err(error);
                }
                Ok(()) | Err(_) => {}
            }
        }
        // After a kill this only waits for the end.
        let grace = grace.unwrap_or_default();
        let seconds = i32::try_from(grace.as_millis().div_ceil(1000)).unwrap_or(i32::MAX);
        let options = StopContainerOptionsBuilder::default().t(seconds).build();
        self.call(&operation, grace + WRITE_TIMEOUT, |client| {
            client.stop_container(container, Some(options))
        })
        .await
    }

    async fn pause(&self, container: &str) -> Result<()> {
        let operation = text!("pause container `{container}`", container);
        let container = names::resource(container)?;
        let mut attempts = 1..PAUSE_ATTEMPTS;
        loop {
            let paused = self
                .call(&operation, WRITE_TIMEOUT, |client| {
                    client.pause_container(container)
                })
                .await;
            match paused {
                Err(error) if error.kind == ErrorKind::Paused => return Ok(()),
                Err(error) if error.kind == ErrorKind::Busy && attempts.next().is_some() => {
                    tokio::time::sleep(PAUSE_INTERVAL).await;
                }
                result => return result,
            }
        }
    }

    async fn remove_container(&self, container: &str) -> Result<()> {
        let operation = text!("remove container `{container}`", container);
        // Without `v` its anonymous volumes remain, and those have no labels.
        let options = RemoveContainerOptionsBuilder::default()
            .force(true)
            .v(true)
            .build();
        let name = names::resource(container)?;
        let removed = self
            .call(&operation, WRITE_TIMEOUT, |client| {
                client.remove_container(name, Some(options))
            })
            .await;
        // The next container of this name may have a `timeout` program.
        self.without_timeout.borrow_mut().remove(container);
        match ignore_not_found(removed) {
            Err(error) if error.kind == ErrorKind::Busy => {
                within(&operation, REMOVAL_TIMEOUT, self.wait_until_gone(container)).await?
            }
            result => result,
        }
    }
}

impl Docker {
    async fn inspect_raw(
        &self,
        container: &str,
        operation: &Text,
    ) -> Result<ContainerInspectResponse> {
        let container = names::resource(container)?;
        self.call(operation, READ_TIMEOUT, |client| {
            podman::any_state(client.inspect_container(container, None::<InspectContainerOptions>))
        })
        .await
    }

    /// Connects a container to its networks after the first: engines before 25 accept only one in the create call.
    async fn connect_further_networks(&self, id: &str, spec: &ContainerSpec) -> Result<()> {
        for attachment in spec.networks.iter().skip(1) {
            self.connect_network(id, attachment).await?;
        }
        Ok(())
    }

    async fn start_once(&self, container: &str, operation: &Text) -> Result<()> {
        let container = names::resource(container)?;
        let answer = self
            .client
            .call(operation, WRITE_TIMEOUT, |client| {
                client.start_container(container, None::<StartContainerOptions>)
            })
            .await?;
        let Err(refusal) = answer else {
            return Ok(());
        };
        let port = errors::taken_port(&refusal);
        let error = self.translate(operation, refusal);
        match port {
            Some(port) if error.kind == ErrorKind::PortTaken => {
                Err(self.name_port_user(operation, port, error).await)
            }
            Some(_) | None => Err(error),
        }
    }

    /// Returns an error that names the container that publishes a port; `error` if there is none.
    pub(super) async fn name_port_user(
        &self,
        operation: &Text,
        port: u16,
        error: EngineError,
    ) -> EngineError {
        let published = self.published_ports().await.unwrap_or_default();
        match published.get(&port) {
            Some(name) => errors::port_taken(operation, port, text!("container `{name}`", name)),
            None => error,
        }
    }

    async fn wait_until_gone(&self, container: &str) -> Result<()> {
        loop {
            match self.inspect(container).await {
                Ok(_) => tokio::time::sleep(REMOVAL_POLL).await,
                Err(error) => return ignore_not_found(Err(error)),
            }
        }
    }
}

/// Turns the error that a resource does not exist into a success: it was to be removed.
pub(super) fn ignore_not_found(result: Result<()>) -> Result<()> {
    match result {
        Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::NoSuchImage) => Ok(()),
        result => result,
    }
}

/// Refuses to mount a link: the engine would follow it, and a service may have replaced a folder of the learner by one.
fn check_mount(mount: &MountSpec, operation: &Text) -> Result<()> {
    let MountSpec::Bind { source, .. } = mount else {
        return Ok(());
    };
    let error = |reason| EngineError::new(ErrorKind::Other, reason).during(operation);
    match source.canonicalize() {
        Ok(real) if real == *source => Ok(()),
        Ok(real) => Err(error(text!(
            "{path} is a link to {target}",
            path = source.display(),
            target = real.display()
        ))
        .help(text!(
            "remove it, or restore the workspace with `roadlab reset`"
        ))),
        Err(reason) => Err(error(text!(
            "{path}: {reason}",
            path = source.display(),
            reason
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::Access;
    use std::os::unix::fs::symlink;

    #[test]
    fn link_in_place_of_a_mounted_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("dags")).unwrap();
        symlink("/etc", root.join("link")).unwrap();
        let mount = |below: &str| MountSpec::Bind {
            source: root.join(below),
            target: "/x".into(),
            access: Access::ReadWrite,
        };
        let operation = text!("create container `x`");
        assert!(check_mount(&mount("dags"), &operation).is_ok());
        for path in ["link", "link/ssl", "dags/../../..", "missing"] {
            assert!(check_mount(&mount(path), &operation).is_err(), "{path}");
        }
    }
}
