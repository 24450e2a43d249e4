//! The policy: what a lab may request from this machine. A lab may come from a stranger, so whatever is not listed as
//! allowed does not reach the engine.
//!
//! A request is allowed, has no effect because roadlab decides it, needs `--trust`, or is refused with or without it.

mod capabilities;
mod decision;
mod keys;
mod values;

pub use capabilities::CAPABILITIES;
pub(crate) use capabilities::{capability_name, check_capability};
pub(crate) use decision::refused;
pub use keys::compose_keys_document;
#[cfg(test)]
pub(crate) use keys::table_keys;
pub(crate) use keys::{check_keys, check_label, check_replicas, check_service, extra_hosts};
pub use values::check_memory;
pub(crate) use values::{
    check_address, check_host_port, check_limits, check_sysctl, check_tmpfs, check_ulimit,
    check_writable_mount,
};
