//! The peer: Docker Compose 2 with the lab's own Compose file, the images that roadlab uses, and a health check every second.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use serde_json::{Map, Value, json};

use crate::cost::{self, Cost};
use crate::floor::{Data, Floor};

pub(crate) const UP: [&str; 3] = ["up", "--wait", "--detach"];
pub(crate) const DOWN: &str = "down";

/// How many of the checks are played; the time for all of them is a multiple.
const PLAYED: usize = 5;

/// The Compose program of this machine.
pub(crate) struct Compose {
    words: Vec<String>,
    pub(crate) version: String,
    engine: Option<PathBuf>,
}

impl Compose {
    /// `$COMPOSE` or `docker compose`, version 2 or later.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let named = std::env::var("COMPOSE").ok().map(|path| vec![path]);
        let words = named.unwrap_or_else(|| vec!["docker".to_owned(), "compose".to_owned()]);
        let mut found = Self {
            words,
            version: String::new(),
            engine: None,
        };
        let output = found.program().args(["version", "--short"]).output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        found.version = text.trim().trim_start_matches('v').to_owned();
        match found.version.chars().next() {
            Some('2'..='9') => Ok(found),
            _ => bail!("no Compose 2: name it with COMPOSE"),
        }
    }

    /// The same program, which uses the engine behind another socket.
    pub(crate) fn through(&self, socket: &Path) -> Self {
        Self {
            words: self.words.clone(),
            version: self.version.clone(),
            engine: Some(socket.to_owned()),
        }
    }

    fn program(&self) -> Command {
        let mut command = Command::new(&self.words[0]);
        // The labs have variables that roadlab fills in.
        command
            .args(&self.words[1..])
            .env("token", "none")
            .stdin(Stdio::null());
        if let Some(socket) = &self.engine {
            command.env("DOCKER_HOST", format!("unix://{}", socket.display()));
        }
        command
    }

    /// A lab's Compose file, as Compose resolves it. Only YAML keeps the extensions of the services.
    pub(crate) fn resolve(&self, lab: &Path) -> anyhow::Result<Value> {
        let mut command = self.program();
        command.arg("-f").arg(lab.join("compose.yaml"));
        let output = command.arg("config").output()?;
        serde_saphyr::from_str(&String::from_utf8_lossy(&output.stdout)).with_context(|| {
            format!(
                "compose config: {}",
                String::from_utf8_lossy(&output.stderr)
            )
        })
    }

    /// A project that is not up yet.
    pub(crate) fn project<'a>(
        &'a self,
        lab: &Path,
        floor: &Floor,
        name: &str,
    ) -> anyhow::Result<Project<'a>> {
        let folder = tempfile::tempdir()?;
        let mut services = Map::new();
        for container in &floor.containers {
            let mut settings = json!({ "image": container.image, "pull_policy": "never" });
            if let Some(test) = container.health_check() {
                // A dollar sign begins a variable in a Compose file.
                let test = test.replace('$', "$$");
                settings["healthcheck"] = json!({ "test": ["CMD-SHELL", test], "interval": "1s", "timeout": "10s", "retries": 240 });
            }
            services.insert(container.service.clone(), settings);
        }
        let more = folder.path().join("more.yaml");
        // JSON is YAML.
        std::fs::write(&more, json!({ "services": services }).to_string())?;
        let workspace = folder.path().join("workspace");
        copy_folder(&lab.join("files/workspace"), &workspace)?;
        let tests = floor.containers.iter();
        let tests = tests.filter_map(|one| Some((one.service.clone(), one.health_check()?)));
        Ok(Project {
            compose: self,
            name: format!("bench-{}-{name}", std::process::id()),
            files: vec![lab.join("compose.yaml"), more],
            workspace,
            services: floor
                .containers
                .iter()
                .map(|one| one.service.clone())
                .collect(),
            tests: tests.collect(),
            folder: std::rc::Rc::new(folder),
        })
    }
}

/// A project; dropping it removes what is left.
pub(crate) struct Project<'a> {
    compose: &'a Compose,
    name: String,
    files: Vec<PathBuf>,
    workspace: PathBuf,
    services: Vec<String>,
    /// The tests of the health checks, by service.
    tests: Vec<(String, String)>,
    folder: std::rc::Rc<tempfile::TempDir>,
}

impl Project<'_> {
    /// The same project, by another program.
    pub(crate) fn with<'b>(&self, compose: &'b Compose) -> Project<'b> {
        Project {
            compose,
            name: self.name.clone(),
            files: self.files.clone(),
            workspace: self.workspace.clone(),
            services: self.services.clone(),
            tests: self.tests.clone(),
            folder: std::rc::Rc::clone(&self.folder),
        }
    }

    /// Not started yet. `up` starts the services that roadlab starts.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.compose.program();
        command
            .args(["-p", &self.name])
            .env("WORKSPACE", &self.workspace);
        for file in &self.files {
            command.arg("-f").arg(file);
        }
        command.args(arguments);
        if arguments.first() == Some(&UP[0]) {
            command.args(&self.services);
        }
        command
    }

    pub(crate) fn up(&self) -> anyhow::Result<Cost> {
        cost::run(&mut self.command(&UP), &[0])
    }

    pub(crate) fn down(&self, data: Data) -> anyhow::Result<Cost> {
        let arguments = match data {
            Data::New => [DOWN, "-v"].as_slice(),
            Data::Existing => &[DOWN],
        };
        cost::run(&mut self.command(arguments), &[0])
    }

    /// As many checks by `exec` as roadlab has. Some are played, and the cost is that of all.
    pub(crate) fn checks(&self, count: usize) -> anyhow::Result<Cost> {
        let played = PLAYED.min(count).max(1);
        let mut all = Cost::default();
        for (service, test) in self.tests.iter().cycle().take(played) {
            let exec = ["exec", "-T", service, "sh", "-c", test];
            all = all.and(cost::run(&mut self.command(&exec), &[0])?);
        }
        Ok(all.times(count as f64 / played as f64))
    }
}

impl Drop for Project<'_> {
    fn drop(&mut self) {
        // Usually gone already.
        let _ = self.down(Data::New);
    }
}

fn copy_folder(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    if !from.is_dir() {
        return Ok(());
    }
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy_folder(&entry.path(), &target)?,
            false => drop(std::fs::copy(entry.path(), &target)?),
        }
    }
    Ok(())
}
