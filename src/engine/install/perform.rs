//! Does what was planned: runs commands, cleans up, starts and stops the daemon.
//!
//! What a command says goes to a file and from there, line by line, to the caller: so a package manager
//! whose starter was killed does not die of a broken pipe. Nothing here asks for consent.

mod daemon;
mod tail;

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::sleep;

use daemon::Awaited;
pub use tail::Tail;

use super::observe::{daemon, find_program, leftovers};
use super::plan::{Action, joined};
use super::situation::{Daemon, Leftover, Services, Site};
use crate::engine::clock::timeout;
use crate::engine::error::{EngineError, ErrorKind};
use crate::text::Text;

type Result<T> = std::result::Result<T, EngineError>;

/// How often the output of a command is looked at.
const LOOK: Duration = Duration::from_millis(50);
const SERVICE: Duration = Duration::from_secs(120);
const CONTAINERD: Duration = Duration::from_secs(10);
/// How many lines of output an error shows.
const SHOWN: usize = 10;

/// Performs actions in order, up to the first that fails; `on_line` gets each command and what it says.
///
/// Needs root. Await it to its end also when asked to stop, and look at the signal then: a package manager
/// must not be killed half-way. It has a process group of its own, so a Ctrl-C at the terminal does not reach
/// it, and no deadline. Everything else has one.
pub async fn perform(actions: &[Action], site: &Site, on_line: &mut dyn FnMut(&str)) -> Result<()> {
    if actions.iter().any(|action| *action != Action::Wait) && !rustix::process::geteuid().is_root()
    {
        return Err(EngineError::new(
            ErrorKind::Denied,
            Text::verbatim(
                "this needs root: run roadlab with `sudo`, or type the commands yourself",
            ),
        ));
    }
    std::fs::create_dir_all(&site.state)
        .map_err(|error| io(&format!("cannot make {}", site.state.display()), &error))?;
    for action in actions {
        if let Some(line) = action.shell() {
            on_line(&format!("$ {line}"));
        }
        match action {
            Action::Refresh(command) => {
                if let Err(error) = run(command, site, None, on_line).await {
                    on_line(&format!("{error}; going on with the lists that are there"));
                }
            }
            Action::Install(command) => run(command, site, None, on_line).await?,
            Action::Mount(command) => run(command, site, Some(SERVICE), on_line).await?,
            Action::Clean(leftover) => clean(leftover, site).await?,
            Action::StartService(command, by) => {
                run(command, site, Some(SERVICE), on_line).await?;
                daemon::wait(site, Awaited::Service).await?;
                daemon::note(site, *by)?;
            }
            Action::StartProgram { command, log } => daemon::start(command, log, site).await?,
            Action::Wait => daemon::wait(site, Awaited::Running).await?,
            Action::Stop(record) => daemon::stop(record, site, on_line).await?,
        }
    }
    Ok(())
}

/// Runs a command to its end, or at most `patience`; its output goes to the set-up log and to `on_line`.
async fn run(
    command: &[String],
    site: &Site,
    patience: Option<Duration>,
    on_line: &mut dyn FnMut(&str),
) -> Result<()> {
    let shown = joined(command);
    let log = site.setup_log();
    let failed = |error: &std::io::Error| io(&format!("cannot run `{shown}`"), error);
    let (name, arguments) = command.split_first().expect("a command has a program");
    let program = find_program(name).ok_or_else(|| {
        EngineError::new(
            ErrorKind::Other,
            Text::verbatim(format!("cannot run `{shown}`: there is no `{name}` here")),
        )
    })?;
    let file = tail::append(&log).map_err(|error| failed(&error))?;
    let mut tail = Tail::at_end(&log).map_err(|error| failed(&error))?;
    let mut child = Command::new(program)
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .stdout(file.try_clone().map_err(|error| failed(&error))?)
        .stderr(file)
        .process_group(0)
        .spawn()
        .map_err(|error| failed(&error))?;
    let ended = async {
        loop {
            tokio::select! {
                ended = child.wait() => break ended,
                () = sleep(LOOK) => tail.read(on_line),
            }
        }
    };
    let ended = match patience {
        None => ended.await,
        Some(patience) => timeout(patience, ended).await.map_err(|_| {
            let seconds = patience.as_secs();
            EngineError::new(
                ErrorKind::Timeout,
                Text::verbatim(format!("`{shown}` has not ended after {seconds} s: look at what it is doing, then try again")),
            )
        })?,
    };
    tail.finish(on_line);
    match ended.map_err(|error| failed(&error))? {
        status if status.success() => Ok(()),
        status => Err(EngineError::new(
            ErrorKind::Other,
            Text::verbatim(format!("`{shown}` failed ({status}){}", tail.shown(SHOWN))),
        )),
    }
}

/// Removes a leftover if it still is one: somebody may have started a daemon since the plan was made.
async fn clean(leftover: &Leftover, site: &Site) -> Result<()> {
    if daemon(site).await != Daemon::Down {
        return Ok(());
    }
    match leftover {
        Leftover::PidFile(path) | Leftover::Socket(path) => {
            if !leftovers(site, Services::None).await.contains(leftover) {
                return Ok(());
            }
            match std::fs::remove_file(path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    Err(io(&format!("cannot remove {}", path.display()), &error))
                }
                _ => Ok(()),
            }
        }
        Leftover::Containerd(process) => {
            use rustix::process::Signal;
            for signal in [Signal::TERM, Signal::KILL] {
                if daemon::signal(*process, signal, CONTAINERD).await? == daemon::Ended::Yes {
                    return Ok(());
                }
            }
            Err(EngineError::new(
                ErrorKind::Other,
                Text::verbatim(format!(
                    "containerd (process {}) of a killed daemon cannot be stopped: restart the machine",
                    process.pid
                )),
            ))
        }
    }
}

fn io(what: &str, error: &std::io::Error) -> EngineError {
    EngineError::new(ErrorKind::Other, Text::verbatim(format!("{what}: {error}")))
}

#[cfg(test)]
mod tests;
