//! Diagnosis: what is wrong with a machine, and why a service most likely did not become ready.
//!
//! Everything here is pure: facts become findings, causes and messages. `machine` and `runner` gather the facts, `report` lays
//! out the messages.

mod cause;
mod facts;
mod finding;
mod findings;
mod message;
mod sockets;
mod systems;

pub use cause::{Evidence, KILLED, LikelyCause, ProbeFailure, likely_cause};
pub use facts::{
    Clock, ClockSource, Disk, EngineInfo, EngineUnavailable, Folder, Machine, Memory,
    MissingImages, Need, Process, Proxies,
};
pub use finding::{Finding, Severity};
pub use findings::{disk_space, findings, memory};
pub use message::{Message, format_bytes};
pub use sockets::{BindScope, ListeningSocket, parse_listening_sockets};
pub use systems::{Experience, Host, System};
