//! Ends the programs that a shell would leave running in a container. The engine cannot: a program continues when its
//! client disconnects.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Docker;
use crate::engine::{ContainerExec, ErrorKind, Exec, Result};

/// Ends all processes with a variable in their environment: SIGTERM first, SIGKILL after a second.
const KILL_SCRIPT: &str = "i=0; while files=$(grep -lsF \"$1\" /proc/[0-9]*/environ); [ \"$files\" ] && [ $i -lt 20 ]; do \
    signal=; [ $i = 0 ] && signal=TERM; [ $i = 10 ] && signal=KILL; \
    for file in $files; do pid=${file#/proc/}; [ -z \"$signal\" ] || kill -$signal ${pid%/environ}; done; \
    i=$((i+1)); sleep 0.1; done 2>/dev/null";
/// How long the script may take on a busy machine.
const KILL_TIMEOUT: Duration = Duration::from_secs(10);

/// How a program on the standard streams of this process ended.
#[derive(Debug)]
pub enum ShellExit {
    /// It ended with this exit code.
    Ended(i64),
    /// This process was stopped by a signal with this number and ended the program.
    Stopped(u8),
    /// The output of this process could not be written, which ended the program. A reader that closed it is no such error.
    OutputError(std::io::Error),
}

/// A variable in the environment of a program and of all that it starts, by which they are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessTag(String);

impl ProcessTag {
    /// Makes a tag that no other program has.
    pub fn unique() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let nanos = now.unwrap_or_default().as_nanos();
        Self(format!("ROADLAB_SHELL={}-{nanos}", std::process::id()))
    }

    /// Returns the tag with this variable.
    pub fn of_variable(variable: String) -> Self {
        Self(variable)
    }

    /// Returns the variable as `KEY=value`.
    pub fn variable(&self) -> String {
        self.0.clone()
    }
}

impl Docker {
    /// Ends a program and all that it started, if the image has the tools for it; otherwise the program continues. Fails if the
    /// container exists and cannot be reached.
    pub async fn kill_tagged(&self, container: &str, tag: &ProcessTag) -> Result<()> {
        let exec = Exec {
            run: ["sh", "-c", KILL_SCRIPT, "sh", &tag.0]
                .map(str::to_owned)
                .into(),
            user: None,
            workdir: None,
            env: Vec::new(),
        };
        match self.exec(container, &exec, KILL_TIMEOUT).await {
            // The program is gone with its container.
            Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::NotRunning) => {
                Ok(())
            }
            result => result.map(drop),
        }
    }
}
