//! The address ranges that networks may have.

use crate::engine::Engine;
use crate::plan::Subnet;
use crate::runner::{Failure, Runner};
use crate::text;

pub(super) fn no_free_subnet() -> Failure {
    Failure::Environment(text!(
        "no free address range for a network; `roadlab down --all` and `docker network prune` remove unused networks"
    ))
}

/// Returns the address ranges of all networks on the engine and of this machine's routes.
pub(super) async fn used_subnets<E: Engine>(
    runner: &Runner<'_, E>,
) -> Result<Vec<Subnet>, Failure> {
    let subnets = runner.engine.subnets().await;
    let mut subnets = subnets.map_err(Failure::engine(text!("cannot list networks")))?;
    subnets.extend(routes());
    Ok(subnets)
}

/// Returns the IPv4 routes of this machine, which a network must not hide. Source: `/proc/net/route`, whose numbers are in
/// network byte order.
fn routes() -> Vec<Subnet> {
    let table = std::fs::read_to_string("/proc/net/route").unwrap_or_default();
    let route = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let address = u32::from_str_radix(fields.get(1)?, 16).ok()?.swap_bytes();
        let mask = u32::from_str_radix(fields.get(7)?, 16).ok()?.swap_bytes();
        Some(Subnet::new(address, mask.leading_ones() as u8))
    };
    table.lines().skip(1).filter_map(route).collect()
}
