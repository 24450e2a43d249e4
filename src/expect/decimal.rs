//! Decimal numbers of any size, compared exactly.

use std::cmp::Ordering;
use std::fmt;

/// A decimal number, as it is written. `8`, `8.0` and `80e-1` are equal.
#[derive(Debug, Clone)]
pub struct Decimal {
    negative: bool,
    /// The significant digits: no zero at either end, and none at all for zero.
    digits: String,
    /// The place of the decimal point: the number is `0.digits` times ten to this power.
    point: i64,
    text: String,
}

impl Decimal {
    /// Parses a decimal number such as `-12.50` or `1e30`; `None` if the text is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (negative, rest) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (rest, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let leading = all.len() - all.trim_start_matches('0').len();
        let digits = all.trim_matches('0').to_owned();
        Some(Self {
            negative: negative && !digits.is_empty(),
            point: match digits.is_empty() {
                true => 0,
                false => whole.len() as i64 - leading as i64 + i64::from(exponent),
            },
            digits,
            text: text.to_owned(),
        })
    }

    /// Returns whether the number has no fraction.
    pub fn is_integer(&self) -> bool {
        self.point >= self.digits.len() as i64
    }

    /// Returns the number as it is written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl From<i64> for Decimal {
    fn from(number: i64) -> Self {
        Self::parse(&number.to_string()).expect("an integer is a decimal number")
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Decimal {}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let sign = |number: &Self| match (number.digits.is_empty(), number.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        let magnitude = || {
            let point = self.point.cmp(&other.point);
            point.then_with(|| self.digits.cmp(&other.digits))
        };
        sign(self).cmp(&sign(other)).then_with(|| match sign(self) {
            -1 => magnitude().reverse(),
            _ => magnitude(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(left: &str, expected: Ordering, right: &str) {
        let [a, b] = [left, right].map(|text| Decimal::parse(text).unwrap());
        assert_eq!(a.cmp(&b), expected, "{left} and {right}");
        assert_eq!(b.cmp(&a), expected.reverse(), "{right} and {left}");
    }

    #[test]
    fn equal_numbers_are_equal_however_they_are_written() {
        for text in ["8", "8.0", "80e-1", "+8", "008", "8.", " 8 ", "0.8E1"] {
            check(text, Ordering::Equal, "8");
        }
        for text in ["0", "-0", "0.00", "0e9"] {
            check(text, Ordering::Equal, "0");
        }
    }

    #[test]
    fn numbers_beyond_64_and_128_bits_are_exact() {
        check("9007199254740993", Ordering::Greater, "9007199254740992");
        check(
            "18446744073709551616",
            Ordering::Greater,
            "18446744073709551615",
        );
        let nines = "9".repeat(60);
        check(&nines, Ordering::Less, &format!("1{}", "0".repeat(60)));
        check(
            &format!("-{nines}"),
            Ordering::Greater,
            &format!("-1{}", "0".repeat(60)),
        );
        check(
            "0.1",
            Ordering::Less,
            "0.10000000000000000000000000000000001",
        );
    }

    #[test]
    fn signs_and_fractions_are_ordered() {
        check("-1", Ordering::Less, "0");
        check("-2", Ordering::Less, "-1");
        check("0.09", Ordering::Less, "0.1");
        check("9.99", Ordering::Less, "10");
        check("1e-3", Ordering::Less, "0.0011");
    }

    #[test]
    fn other_texts_are_no_numbers() {
        for text in [
            "", " ", "-", ".", "e5", "1e", "0x1F", "1,5", "1 2", "NaN", "inf", "８", "--1",
        ] {
            assert!(Decimal::parse(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn integers_have_no_fraction() {
        for (text, expected) in [
            ("8", true),
            ("8.0", true),
            ("80e-1", true),
            ("8.5", false),
            ("85e-1", false),
            ("0", true),
            ("0.5", false),
        ] {
            assert_eq!(
                Decimal::parse(text).unwrap().is_integer(),
                expected,
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn integers_are_ordered_like_integers(a: i128, b: i128) {
            let [left, right] = [a, b].map(|number| Decimal::parse(&number.to_string()).unwrap());
            prop_assert_eq!(left.cmp(&right), a.cmp(&b));
        }

        #[test]
        fn floats_are_ordered_like_floats(a in -1e15..1e15_f64, b in -1e-15..1e15_f64) {
            let [left, right] = [a, b].map(|number| Decimal::parse(&number.to_string()).unwrap());
            prop_assert_eq!(Some(left.cmp(&right)), a.partial_cmp(&b));
        }
    }
}
