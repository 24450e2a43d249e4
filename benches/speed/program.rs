//! roadlab as a user runs it: a process in folders of its own, its wall time and its peak memory.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::Value;
use tempfile::TempDir;

/// The time between two readings of the memory of a process.
const PAUSE: Duration = Duration::from_micros(200);

/// The program, and folders of its own for its state.
pub(crate) struct Program {
    path: PathBuf,
    folder: TempDir,
}

impl Program {
    /// `$ROADLAB`, else the one Cargo built for this benchmark.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let built = option_env!("CARGO_BIN_EXE_roadlab").map(PathBuf::from);
        let path = std::env::var_os("ROADLAB").map(PathBuf::from).or(built);
        let path = path.context("there is no roadlab to measure: set ROADLAB")?;
        let path = std::fs::canonicalize(&path)
            .with_context(|| format!("there is no program at {}", path.display()))?;
        let folder = tempfile::tempdir().context("cannot make a folder for the benchmark")?;
        Ok(Self { path, folder })
    }

    /// A command that is not started yet. Its state, cache and labs are in the folder of the benchmark.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.path);
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("XDG_STATE_HOME", self.folder.path().join("state"))
            .env("XDG_CACHE_HOME", self.folder.path().join("cache"))
            .env("XDG_DATA_HOME", self.folder.path().join("data"))
            .env_remove("ROADLAB_LABS")
            .stdin(Stdio::null());
        command
    }

    /// The wall time of the process. A failed check is accepted, any other failure is not.
    pub(crate) fn run(&self, arguments: &[&str]) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        let output = self.command(arguments).output();
        let elapsed = begun.elapsed();
        let output = output.with_context(|| self.path.display().to_string())?;
        match output.status.code() {
            Some(0 | 1) => Ok(elapsed),
            _ => bail!(
                "roadlab {}: {}",
                arguments.join(" "),
                String::from_utf8_lossy(&output.stderr).trim()
            ),
        }
    }

    /// The last line of its output, as JSON, or all of it.
    pub(crate) fn json(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let output = self.command(arguments).output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let last = text.lines().last().unwrap_or_default();
        serde_json::from_str(&text)
            .or_else(|_| serde_json::from_str(last))
            .with_context(|| format!("roadlab {}: no JSON", arguments.join(" ")))
    }

    /// Peak memory in KiB while it runs, as the kernel counts it; the last reading is at most a millisecond before its end.
    pub(crate) fn peak(&self, arguments: &[&str]) -> anyhow::Result<u64> {
        let mut command = self.command(arguments);
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let mut peak = 0;
        while child.try_wait()?.is_none() {
            peak = peak.max(memory(&child, "VmHWM:").unwrap_or(0));
            std::thread::sleep(PAUSE);
        }
        Ok(peak)
    }

    /// A folder that is removed with the benchmark.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Knows by the state folder what is ours; usually nothing is left.
        let _ = self.run(&["down", "--all"]);
    }
}

/// A line of what the kernel says about the memory of a process, in KiB.
pub(crate) fn memory(child: &Child, line: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find_map(|one| one.strip_prefix(line));
    line?.trim().trim_end_matches(" kB").parse().ok()
}
