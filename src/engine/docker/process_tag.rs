//! Ends what a learner would leave running in a container. The engine has no way to: a program goes on when its client is gone.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Docker;
use crate::engine::Exec;

/// A program gets a second to end by itself; then it is killed.
const END: &str = "i=0; while files=$(grep -lsF \"$1\" /proc/[0-9]*/environ); [ \"$files\" ] && [ $i -lt 20 ]; do \
    signal=; [ $i = 0 ] && signal=TERM; [ $i = 10 ] && signal=KILL; \
    for file in $files; do pid=${file#/proc/}; [ -z \"$signal\" ] || kill -$signal ${pid%/environ}; done; \
    i=$((i+1)); sleep 0.1; done 2>/dev/null";
/// The whole of it, on a busy machine.
const END_WITHIN: Duration = Duration::from_secs(10);

/// How a learner's program came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShellExit {
    /// With this exit code.
    Ended(i64),
    /// We were stopped by this signal, and ended it.
    Stopped(u8),
}

/// What the environment of a program, and of all that it starts, is known by.
pub(super) struct ProcessTag(String);

impl ProcessTag {
    pub(super) fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let nanos = now.unwrap_or_default().as_nanos();
        Self(format!("ROADLAB_SHELL={}-{nanos}", std::process::id()))
    }

    /// A variable of the environment.
    pub(super) fn variable(&self) -> String {
        self.0.clone()
    }
}

impl Docker {
    /// Ends a program and all that it started. Where the image lacks the tools for it, it goes on.
    pub(super) async fn kill_tagged(&self, container: &str, mark: &ProcessTag) {
        let exec = Exec {
            run: ["sh", "-c", END, "sh", &mark.0].map(str::to_owned).into(),
            user: None,
            workdir: None,
            env: Vec::new(),
        };
        // The container may be gone, and the program with it.
        let _ = self.run(container, &exec, END_WITHIN).await;
    }
}
