//! Small address ranges for networks. With the engine's default ranges, a few dozen labs use up its pools.

use std::net::Ipv4Addr;

/// An IPv4 range: `10.214.3.32/27`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subnet {
    base: u32,
    bits: u8,
}

/// The pool that ranges are taken from: 2048 ranges of 32 addresses.
const POOL: Subnet = Subnet {
    base: 0x0AD6_0000,
    bits: 16,
};
const BITS: u8 = 27;
const COUNT: u32 = 1 << (BITS - POOL.bits);

impl Subnet {
    /// Parses `a.b.c.d/n`.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/')?;
        let bits: u8 = bits.parse().ok().filter(|bits| *bits <= 32)?;
        let address: Ipv4Addr = address.parse().ok()?;
        Some(Self::new(u32::from(address), bits))
    }

    /// Returns the range with this prefix length that contains an address.
    pub fn new(address: u32, bits: u8) -> Self {
        let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
        Self {
            base: address & mask,
            bits,
        }
    }

    fn overlaps(self, other: Self) -> bool {
        let bits = self.bits.min(other.bits);
        Self::new(self.base, bits) == Self::new(other.base, bits)
    }

    /// Returns `count` free ranges of the pool, or fewer if it is used up. The search begins at a place that depends on `seed`.
    pub fn free(taken: &[Subnet], seed: u32, count: usize) -> Vec<Subnet> {
        // The default route overlaps with everything and does not count.
        let taken: Vec<_> = taken.iter().filter(|subnet| subnet.bits > 0).collect();
        let size = 1u32 << (32 - BITS);
        let candidates = (0..COUNT)
            .map(|step| Self::new(POOL.base + (seed.wrapping_add(step) % COUNT) * size, BITS));
        candidates
            .filter(|candidate| !taken.iter().any(|other| candidate.overlaps(**other)))
            .take(count)
            .collect()
    }
}

impl std::fmt::Display for Subnet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from(self.base), self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(taken: &[&str], seed: u32, expected: &[&str]) {
        let taken: Vec<Subnet> = taken
            .iter()
            .map(|text| Subnet::parse(text).unwrap())
            .collect();
        let free: Vec<String> = Subnet::free(&taken, seed, 2)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(free, expected);
    }

    #[test]
    fn taken_ranges_are_skipped() {
        check(&[], 0, &["10.214.0.0/27", "10.214.0.32/27"]);
        check(&["10.214.0.0/26"], 0, &["10.214.0.64/27", "10.214.0.96/27"]);
        check(
            &["172.17.0.0/16", "10.214.0.17/32"],
            0,
            &["10.214.0.32/27", "10.214.0.64/27"],
        );
        check(&[], 2047, &["10.214.255.224/27", "10.214.0.0/27"]);
        check(&["0.0.0.0/0"], 1, &["10.214.0.32/27", "10.214.0.64/27"]);
    }

    #[test]
    fn nothing_is_free_if_the_whole_pool_is_taken() {
        check(&["10.0.0.0/8"], 5, &[]);
    }
}
