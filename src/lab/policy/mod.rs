//! The policy: what a lab may request from this machine. A lab may come from a stranger, so whatever is not listed as
//! allowed does not reach the engine.
//!
//! A request is allowed, has no effect because roadlab decides it, needs `--trust`, or is refused with or without it.

mod capabilities;
mod decision;
mod keys;
mod values;

pub use capabilities::CAPABILITIES;
pub(crate) use capabilities::check_capability;
pub(crate) use decision::refused;
pub(crate) use keys::{
    check_build, check_config, check_label, check_network, check_service, check_volume, extra_hosts,
};
pub use values::check_memory;
pub(crate) use values::{
    check_limits, check_port, check_sysctl, check_tmpfs, check_ulimit, check_writable_mount,
};
