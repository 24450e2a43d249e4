//! The peer: Docker Compose v2 with the same image, the same limits and a health check every second.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::json;

use crate::floor::Floor;

/// The Compose program of this machine.
pub(crate) struct Compose {
    words: Vec<String>,
}

impl Compose {
    /// `$COMPOSE`, `docker compose` or `docker-compose`, if it is version 2 or later; otherwise the reason.
    pub(crate) fn find() -> Result<Self, String> {
        let named = std::env::var("COMPOSE").ok().map(|path| vec![path]);
        let usual = [vec!["docker", "compose"], vec!["docker-compose"]]
            .map(|words| words.into_iter().map(str::to_owned).collect());
        let mut why = Vec::new();
        for words in named.map_or(usual.to_vec(), |named| vec![named]) {
            let compose = Self { words };
            match compose.version() {
                Some(version) if !version.starts_with("1.") => return Ok(compose),
                Some(version) => why.push(format!("`{compose}` is version {version}")),
                None => why.push(format!("no `{compose}`")),
            }
        }
        Err(format!("{}; name one with COMPOSE", why.join(", ")))
    }

    fn version(&self) -> Option<String> {
        let output = self.command().args(["version", "--short"]).output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let version = text.trim().trim_start_matches('v').to_owned();
        (output.status.success() && version.starts_with(|c: char| c.is_ascii_digit()))
            .then_some(version)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.words[0]);
        command.args(&self.words[1..]).stdin(Stdio::null());
        command
    }

    /// A project that is not up yet.
    pub(crate) fn project<'a>(
        &'a self,
        folder: &Path,
        floor: &Floor,
        name: &str,
    ) -> anyhow::Result<Project<'a>> {
        let file = folder.join(format!("{name}.yaml"));
        // JSON is YAML, and a dollar sign begins a variable in a Compose file.
        let text = file_like(floor).to_string().replace('$', "$$");
        std::fs::write(&file, text)?;
        Ok(Project {
            compose: self,
            name: format!("bench-{}-{name}", std::process::id()),
            file,
        })
    }
}

impl std::fmt::Display for Compose {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.words.join(" "))
    }
}

/// The Compose file of a careful author for the same resources as the lab.
fn file_like(floor: &Floor) -> serde_json::Value {
    let mut volumes = vec!["data:/data".to_owned()];
    volumes.extend(floor.mounted_files());
    json!({
        "services": { "redis": {
            "image": floor.image, "pull_policy": "never", "user": "redis", "command": floor.command,
            "ports": ["127.0.0.1::6379", "127.0.0.1::8080"], "volumes": volumes, "mem_limit": "256m", "pids_limit": 512,
            "cap_drop": ["ALL"], "security_opt": ["no-new-privileges"],
            "healthcheck": { "test": ["CMD", "redis-cli", "PING"], "interval": "1s", "timeout": "1s", "retries": 30 },
        } },
        "volumes": { "data": {} },
    })
}

/// A project; dropping it removes what is left.
pub(crate) struct Project<'a> {
    compose: &'a Compose,
    name: String,
    file: PathBuf,
}

impl Project<'_> {
    /// Not started yet.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.compose.command();
        command.args(["-p", &self.name, "-f"]).arg(&self.file);
        command.args(arguments);
        command
    }

    pub(crate) fn up(&self) -> anyhow::Result<Duration> {
        self.run(&UP)
    }

    pub(crate) fn down(&self) -> anyhow::Result<Duration> {
        self.run(&DOWN)
    }

    fn run(&self, arguments: &[&str]) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        let output = self.command(arguments).output();
        let elapsed = begun.elapsed();
        let output = output.with_context(|| self.compose.to_string())?;
        match output.status.success() {
            true => Ok(elapsed),
            false => bail!(
                "{} {}: {}",
                self.compose,
                arguments.join(" "),
                String::from_utf8_lossy(&output.stderr).trim()
            ),
        }
    }
}

pub(crate) const UP: [&str; 3] = ["up", "--wait", "--detach"];
pub(crate) const DOWN: [&str; 2] = ["down", "-v"];

impl Drop for Project<'_> {
    fn drop(&mut self) {
        // Usually gone already.
        let _ = self.down();
    }
}
