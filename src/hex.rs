//! Bytes as hexadecimal digits. Nothing else.

/// Returns two lower-case digits for each byte.
pub fn encode(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_two_digits_each() {
        assert_eq!(encode(&[0, 0x0a, 0xff]), "000aff");
        assert_eq!(encode(&[]), "");
    }
}
