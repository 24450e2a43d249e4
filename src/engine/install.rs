//! Installs and starts Docker Engine on Debian and Ubuntu, and stops the daemon that it started.
//!
//! This covers a fresh Debian machine, as root, with or without systemd. On every other system the user gets the official
//! command instead. [`observe`] inspects the machine, [`plan`] decides (pure), [`perform`] runs the actions. Consent is the
//! caller's responsibility: [`commands`] shows a plan as the user would type it.

mod daemon;
mod observe;
mod output_tail;
mod perform;
mod plan;
mod process;
mod site;

pub use observe::{find_program, observe};
pub use output_tail::OutputTail as Tail;
pub(super) use perform::perform;
pub use plan::{Goal, commands, plan};
pub(super) use process::command_line;
pub use site::{DaemonRecord, DaemonSite};
