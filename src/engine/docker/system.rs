//! The engine itself: whether it answers, what it is, and whether it is Podman.

use std::path::PathBuf;
use std::time::Duration;

use super::{Docker, podman};
use crate::engine::{Result, System, SystemInfo};
use crate::text;

/// A working engine describes itself within milliseconds.
const INFO_TIMEOUT: Duration = Duration::from_secs(10);

impl System for Docker {
    async fn ping(&self) -> Result<()> {
        let operation = text!("connect to Docker");
        self.call(&operation, INFO_TIMEOUT, |client| client.ping())
            .await
            .map(drop)
    }

    async fn system_info(&self) -> Result<SystemInfo> {
        let operation = text!("get information about Docker");
        let (version, info) = futures_util::try_join!(
            self.call(&operation, INFO_TIMEOUT, |client| client.version()),
            self.call(&operation, INFO_TIMEOUT, |client| client.info()),
        )?;
        let podman = podman::is_podman(&version);
        let known = |text: Option<String>| text.unwrap_or_else(|| "unknown".into());
        let positive = |number: Option<i64>| number.and_then(|n| u64::try_from(n).ok());
        Ok(SystemInfo {
            product: if podman { "Podman" } else { "Docker" }.into(),
            version: known(version.version),
            api: known(version.api_version),
            platform: format!("{}/{}", known(version.os), known(version.arch)),
            rootless: is_rootless(info.security_options.as_deref()),
            desktop: info.operating_system.as_deref() == Some("Docker Desktop"),
            memory: positive(info.mem_total).unwrap_or(0),
            cpus: positive(info.ncpu).unwrap_or(0),
            root: PathBuf::from(info.docker_root_dir.unwrap_or_default()),
            cgroup: info.cgroup_version.map(|version| version.to_string()),
            unlimited: unlimited(info.memory_limit, info.pids_limit),
            warnings: info.warnings.unwrap_or_default(),
            proxies: [info.http_proxy, info.https_proxy]
                .into_iter()
                .flatten()
                .filter(|proxy| !proxy.is_empty())
                .collect(),
            time: info.system_time,
        })
    }
}

impl Docker {
    /// Returns whether the engine is Podman. It is requested once: an engine does not change while this program runs.
    pub(super) async fn is_podman(&self) -> Result<bool> {
        if let Some(known) = self.podman.get() {
            return Ok(*known);
        }
        let operation = text!("get the version of Docker");
        let version = self.call(&operation, INFO_TIMEOUT, |client| client.version());
        let version = version.await?;
        Ok(*self.podman.get_or_init(|| podman::is_podman(&version)))
    }

    /// Returns the architecture of the engine's machine, such as `amd64`.
    pub(super) async fn architecture(&self) -> Result<String> {
        let operation = text!("get the version of Docker");
        let version = self.call(&operation, INFO_TIMEOUT, |client| client.version());
        Ok(version.await?.arch.unwrap_or_default())
    }
}

/// Returns whether the options contain `name=rootless`, with which Docker and Podman say that they run without root.
fn is_rootless(options: Option<&[String]>) -> bool {
    let mut names = options.into_iter().flatten();
    names.any(|option| option.split(',').any(|part| part == "name=rootless"))
}

/// The limits that an engine reports it cannot enforce; one that does not report can.
fn unlimited(memory: Option<bool>, pids: Option<bool>) -> Vec<String> {
    let limits = [("memory", memory), ("pids", pids)];
    let missing = limits.iter().filter(|(_, has)| *has == Some(false));
    missing.map(|(name, _)| (*name).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_without_root_are_known_by_their_security_options() {
        let with = |option: &str| is_rootless(Some(&["name=cgroupns".into(), option.into()]));
        assert!(with("name=rootless"));
        assert!(!with("name=seccomp,profile=rootless"));
        assert!(!is_rootless(None));
    }

    #[test]
    fn only_limits_reported_as_missing_are_listed() {
        assert_eq!(unlimited(Some(false), Some(true)), ["memory"]);
        assert_eq!(unlimited(None, Some(false)), ["pids"]);
        assert_eq!(unlimited(None, None), [""; 0]);
    }
}
