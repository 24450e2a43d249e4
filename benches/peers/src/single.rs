//! The peer for one service: testcontainers, which waits for a line of the log and removes the container.

use std::process::Command;

use anyhow::Context;
use testcontainers::core::{ImageExt as _, WaitFor};
use testcontainers::runners::AsyncRunner as _;
use testcontainers::{ContainerAsync, GenericImage};

use crate::cost::{self, Cost};
use crate::floor::Floor;

/// A service that is the only one of a lab, and the line of its log by which testcontainers' own modules know that it is ready.
pub(crate) struct Single {
    image: String,
    message: &'static str,
    /// A variable that the image needs.
    variable: &'static str,
}

impl Single {
    pub(crate) fn of(lab: &str, floor: &Floor) -> Option<Self> {
        let (message, variable) = match lab {
            "redis" => ("Ready to accept connections", ""),
            "shop-model" => ("port: 3306", "MARIADB_ROOT_PASSWORD=lab"),
            _ => return None,
        };
        let image = floor.containers.first()?.image.clone();
        Some(Self {
            image,
            message,
            variable,
        })
    }

    /// Starts and removes it in a process of its own, so that its cost is known.
    pub(crate) fn measure(&self) -> anyhow::Result<Cost> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--single", &self.image, self.message, self.variable]);
        cost::run(&mut command, &[0])
    }
}

/// What that process does.
pub(crate) fn start_and_remove(image: &str, message: &str, variable: &str) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let (name, tag) = image.rsplit_once(':').context("an image has a tag")?;
        let waited = WaitFor::message_on_either_std(message);
        let image = GenericImage::new(name, tag).with_wait_for(waited);
        let (key, value) = variable.split_once('=').unwrap_or(("NONE", ""));
        let container: ContainerAsync<GenericImage> =
            image.with_env_var(key, value).start().await?;
        container.rm().await?;
        Ok(())
    })
}
