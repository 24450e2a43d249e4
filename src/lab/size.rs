//! Sizes in bytes, as Compose files write them.

/// Parses `256m`, `1.5gb`, `128 MiB` or `1024`, and returns bytes. The units are those of Docker's `RAMInBytes`: all are powers
/// of 1024.
pub(crate) fn parse_size(written: &str) -> Option<i64> {
    let lower = written.trim().to_ascii_lowercase();
    let is_amount = |c: char| c.is_ascii_digit() || matches!(c, '.' | ' ');
    let split = lower.rfind(is_amount).map_or(0, |at| at + 1);
    let amount: f64 = lower[..split].trim_end().parse().ok()?;
    let unit = lower[split..]
        .strip_suffix("ib")
        .or_else(|| lower[split..].strip_suffix('b'));
    let power = match (unit.unwrap_or(&lower[split..]), &lower[split..]) {
        ("", "" | "b") => 0,
        ("k", _) => 1,
        ("m", _) => 2,
        ("g", _) => 3,
        ("t", _) => 4,
        ("p", _) => 5,
        _ => return None,
    };
    let bytes = amount * 1024_f64.powi(power);
    (bytes >= 1.0 && bytes < i64::MAX as f64).then_some(bytes as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_powers_of_1024() {
        assert_eq!(parse_size("256m"), Some(256 << 20));
        assert_eq!(parse_size("1.5GB"), Some(3 << 29));
        assert_eq!(parse_size("512"), Some(512));
        assert_eq!(parse_size("128MiB"), Some(128 << 20));
        assert_eq!(parse_size("128 m"), Some(128 << 20));
        assert_eq!(parse_size("200000kib"), Some(200_000 << 10));
        assert_eq!(parse_size("0.5t"), Some(1 << 39));
        assert_eq!(parse_size("1e8"), Some(100_000_000));
        for invalid in ["0", "-1", "128Mi", "1,5m", "m", "ib", "5x", ""] {
            assert_eq!(parse_size(invalid), None, "{invalid:?}");
        }
    }
}
