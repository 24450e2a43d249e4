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
/// The number of addresses in a range.
const SIZE: u32 = 1 << (32 - BITS);
/// The first number that a container can have: engines give 1 to the gateway.
const FIRST_NUMBER: u32 = 2;

/// The numbers that containers can have in a range of the pool.
pub(super) const NUMBERS: std::ops::Range<u32> = FIRST_NUMBER..SIZE - 1;

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

    /// Returns the address with a number in the range; `None` beyond its end, and for the addresses of the network itself and
    /// of its gateway.
    pub fn address(self, number: u32) -> Option<Ipv4Addr> {
        let size = 1u64 << (32 - u32::from(self.bits));
        let usable = number >= FIRST_NUMBER && u64::from(number) + 1 < size;
        usable.then(|| Ipv4Addr::from(self.base + number))
    }

    /// Returns the number of an address in a range of this pool.
    pub fn number(address: Ipv4Addr) -> u32 {
        u32::from(address) % SIZE
    }

    fn overlaps(self, other: Self) -> bool {
        let bits = self.bits.min(other.bits);
        Self::new(self.base, bits) == Self::new(other.base, bits)
    }

    /// Returns `count` free ranges of the pool, or fewer if it is used up. The search begins at a place that depends on `seed`.
    pub fn free(taken: &[Subnet], seed: u32, count: usize) -> Vec<Subnet> {
        // The default route overlaps with everything and does not count.
        let taken: Vec<_> = taken.iter().filter(|subnet| subnet.bits > 0).collect();
        let candidates = (0..COUNT)
            .map(|step| Self::new(POOL.base + (seed.wrapping_add(step) % COUNT) * SIZE, BITS));
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
    fn containers_have_the_addresses_between_the_gateway_and_the_broadcast_address() {
        let range = Subnet::parse("10.214.3.32/27").unwrap();
        let address = |number| range.address(number).map(|address| address.to_string());
        assert_eq!(address(1), None);
        assert_eq!(address(NUMBERS.start).as_deref(), Some("10.214.3.34"));
        assert_eq!(address(NUMBERS.end - 1).as_deref(), Some("10.214.3.62"));
        assert_eq!(address(NUMBERS.end), None);
        assert_eq!(Subnet::number(range.address(7).unwrap()), 7);
        assert_eq!(Subnet::parse("0.0.0.0/0").unwrap().address(u32::MAX), None);
    }

    #[test]
    fn nothing_is_free_if_the_whole_pool_is_taken() {
        check(&["10.0.0.0/8"], 5, &[]);
    }
}
