//! roadlab as a user runs it: a process in folders of its own.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use serde_json::Value;
use tempfile::TempDir;

use crate::api::Api;
use crate::cost::{self, Cost};

/// The program, and folders of its own for its state.
pub(crate) struct Program {
    path: PathBuf,
    labs: PathBuf,
    folder: std::rc::Rc<Folder>,
    engine: Option<PathBuf>,
}

/// Removed with the last user, and what runs with it.
struct Folder {
    path: TempDir,
    program: PathBuf,
    /// The volumes of the engine before the benchmark.
    volumes: BTreeSet<String>,
}

/// A part of a start: its name, and the milliseconds from the beginning until it began and until it ended.
pub(crate) type Part = (String, f64, f64);

impl Program {
    pub(crate) fn new(path: &Path, labs: &Path) -> anyhow::Result<Self> {
        let path = path.canonicalize();
        let path = path.context("there is no program to measure: `--roadlab FILE`")?;
        Ok(Self {
            labs: labs.to_owned(),
            engine: None,
            folder: std::rc::Rc::new(Folder {
                path: tempfile::tempdir()?,
                program: path.clone(),
                volumes: volumes()?,
            }),
            path,
        })
    }

    /// The same program, which uses the engine behind another socket.
    pub(crate) fn through(&self, socket: &Path) -> Self {
        Self {
            path: self.path.clone(),
            labs: self.labs.clone(),
            folder: std::rc::Rc::clone(&self.folder),
            engine: Some(socket.to_owned()),
        }
    }

    /// A command that is not started yet.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.folder.command(&self.path);
        command.arg("--labs").arg(&self.labs).args(arguments);
        if let Some(socket) = &self.engine {
            command.env("DOCKER_HOST", format!("unix://{}", socket.display()));
        }
        command
    }

    /// A failed check is no error.
    pub(crate) fn run(&self, arguments: &[&str]) -> anyhow::Result<Cost> {
        cost::run(&mut self.command(arguments), &[0, 1])
    }

    /// The document that a command prints, or the last of several.
    pub(crate) fn json(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let output = self.command(arguments).output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let last = text.lines().last().unwrap_or_default();
        let document: Value = serde_json::from_str(&text)
            .or_else(|_| serde_json::from_str(last))
            .with_context(|| format!("roadlab {}: no JSON", arguments.join(" ")))?;
        if let Some(error) = document.get("error") {
            bail!("roadlab {}: {}", arguments.join(" "), error["message"]);
        }
        Ok(document)
    }

    pub(crate) fn version(&self) -> anyhow::Result<String> {
        let output = self.command(&["--version"]).output()?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// The labs whose images are all on this machine.
    pub(crate) fn labs_with_images(&self) -> anyhow::Result<Vec<String>> {
        let list = self.json(&["list", "--json"])?;
        let labs = list.as_array().into_iter().flatten();
        let ids = labs.filter_map(|lab| Some(lab["lab"].as_str()?.to_owned()));
        let mut here = Vec::new();
        for lab in ids {
            let plan = self
                .command(&["up", &lab, "--dry-run", "--offline"])
                .output()?;
            let text = String::from_utf8_lossy(&plan.stdout).into_owned();
            if plan.status.success() && !text.contains("images to download or build") {
                here.push(lab);
            }
        }
        Ok(here)
    }

    /// How many checks a lab that is up has.
    pub(crate) fn checks(&self, lab: &str) -> anyhow::Result<usize> {
        let checked = self.json(&["check", lab, "--json"])?;
        let exercises = checked["exercises"].as_array().into_iter().flatten();
        let checks = exercises.filter_map(|exercise| Some(exercise["checks"].as_array()?.len()));
        Ok(checks.sum())
    }

    /// The memory that a lab may use, in bytes.
    pub(crate) fn memory(&self, lab: &str) -> anyhow::Result<u64> {
        let list = self.json(&["list", "--json"])?;
        let mut labs = list.as_array().into_iter().flatten();
        let found = labs.find(|one| one["lab"] == lab);
        found
            .and_then(|one| one["memory"].as_u64())
            .context("the lab has no memory")
    }

    /// The parts of a start.
    pub(crate) fn trace(&self, lab: &str) -> anyhow::Result<Vec<Part>> {
        let up = self.json(&["up", lab, "--timings", "--json"])?;
        self.run(&["down", lab])?;
        let parts = up["timings"].as_array().into_iter().flatten();
        let part = |part: &Value| {
            let time = |key: &str| part[key].as_f64();
            Some((
                part["name"].as_str()?.to_owned(),
                time("from")?,
                time("to")?,
            ))
        };
        Ok(parts.filter_map(part).collect())
    }
}

impl Folder {
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.path.path())
            .env("XDG_STATE_HOME", self.path.path().join("state"))
            .env("XDG_CACHE_HOME", self.path.path().join("cache"))
            .env("XDG_DATA_HOME", self.path.path().join("data"))
            .env_remove("ROADLAB_LABS");
        command
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Knows by the state folder what is ours; usually nothing is left.
        let mut down = self.command(&self.program.clone());
        let _ = cost::run(down.args(["down", "--all"]), &[0]);
        // The copies with which starts began.
        let copies = volumes().unwrap_or_default();
        for copy in copies
            .difference(&self.volumes)
            .filter(|name| name.starts_with("roadlab-"))
        {
            let _ = Api::new().delete(&format!("/volumes/{copy}"));
        }
    }
}

/// The names of the volumes of the engine.
fn volumes() -> anyhow::Result<BTreeSet<String>> {
    let found = Api::new().get("/volumes")?;
    let found = found["Volumes"].as_array().into_iter().flatten();
    Ok(found
        .filter_map(|one| Some(one["Name"].as_str()?.to_owned()))
        .collect())
}

/// The memory that is free, in bytes.
pub(crate) fn free_memory() -> anyhow::Result<u64> {
    let text = std::fs::read_to_string("/proc/meminfo")?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    Ok(kib.context("no MemAvailable")? * 1024)
}
