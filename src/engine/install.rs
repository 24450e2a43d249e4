//! `engine up`, `down` and `status`: installs Docker Engine with the system's package manager, starts it, stops it.
//!
//! `observe` looks at the machine, `plan` decides (pure), `commands` shows a plan as a person would
//! type it, `perform` runs it. Whether the person agreed is the caller's business: without consent,
//! show the commands. What a daemon that we started is known by is kept in `record`.

mod observe;
mod packages;
mod perform;
mod plan;
mod process;
mod record;
mod situation;

pub use observe::{find_program, observe};
pub use perform::{Tail, perform};
pub(super) use plan::joined;
pub use plan::{Goal, commands, plan};
pub use situation::{Site, describe};
