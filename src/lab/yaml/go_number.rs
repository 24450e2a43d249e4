//! Numbers as Compose reads and prints them: Compose is written in Go, and its YAML library keeps the forms of YAML 1.1.

use serde_json::Number;

/// A plain scalar that is a number for Compose.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct GoNumber {
    pub value: Number,
    /// The number as Compose writes it, such as `1.1` for `1.10` and `493` for `0755`.
    pub text: String,
}

/// Reads a plain scalar by the rules of `gopkg.in/yaml.v3`; `None` for what is no number there, such as `12:30` and `.inf`.
pub(crate) fn parse_go_number(written: &str) -> Option<GoNumber> {
    let plain = written.replace('_', "");
    let is_candidate =
        written.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'));
    if !is_candidate {
        return None;
    }
    if let Some(integer) = parse_integer(&plain) {
        let value = match i64::try_from(integer) {
            Ok(value) => Number::from(value),
            Err(_) => Number::from(u64::try_from(integer).ok()?),
        };
        return Some(GoNumber {
            value,
            text: integer.to_string(),
        });
    }
    // With a dot in front, underscores do not belong to a number.
    let text = match written.starts_with('.') {
        true => written,
        false => &plain,
    };
    let is_float = is_decimal(text);
    let value: f64 = text.parse().ok().filter(|_| is_float)?;
    Some(GoNumber {
        value: Number::from_f64(value)?,
        text: print_float(value),
    })
}

/// Parses an integer of any base that Go knows: `0755` and `0o17` are octal, `0x1F` hexadecimal, `0b101` binary.
fn parse_integer(plain: &str) -> Option<i128> {
    let (sign, digits) = match plain.strip_prefix(['+', '-']) {
        Some(digits) if plain.starts_with('-') => (-1, digits),
        Some(digits) => (1, digits),
        None => (1, plain),
    };
    let lower = digits.to_ascii_lowercase();
    let (base, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let value = i128::from_str_radix(digits, base)
        .ok()
        .filter(|_| is_plain)?;
    let value = sign * value;
    (value >= i128::from(i64::MIN) && value <= i128::from(u64::MAX)).then_some(value)
}

/// Returns whether a text is a decimal number: digits with at most one dot, and possibly an exponent.
fn is_decimal(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let has_digits = !whole.is_empty() || !fraction.is_empty();
    let exponent = exponent.map(|exponent| exponent.strip_prefix(['+', '-']).unwrap_or(exponent));
    let sound = exponent.is_none_or(|exponent| !exponent.is_empty() && digits(exponent));
    has_digits && digits(whole) && digits(fraction) && sound
}

/// Prints a number as Go's `%v` does: the shortest decimal form, with an exponent for very small numbers and from a million on.
fn print_float(value: f64) -> String {
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    match (-4..6).contains(&exponent) {
        true => format!("{value}"),
        false => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{mantissa}e{sign}{:02}", exponent.abs())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `docker compose config` 2.40 prints for a variable with each value.
    #[test]
    fn numbers_are_read_and_printed_as_compose_does() {
        for (written, expected) in [
            ("1.50", "1.5"),
            ("100000000000000000000", "1e+20"),
            ("0.1e-5", "1e-06"),
            ("1E5", "100000"),
            ("123456789.123456789", "1.2345678912345679e+08"),
            ("08", "8"),
            ("1__0", "10"),
            ("0.0", "0"),
            ("-0", "0"),
            ("-0.0", "-0"),
            ("1.", "1"),
            ("1e+3", "1000"),
            ("685230.15e+03", "6.8523015e+08"),
            ("0755", "493"),
            ("0o17", "15"),
            ("0x1F", "31"),
            ("1_000", "1000"),
            ("1e6", "1e+06"),
            ("1234567.5", "1.2345675e+06"),
            ("12345678", "12345678"),
            ("0.00001", "1e-05"),
            ("0.0001", "0.0001"),
            ("+5", "5"),
            (".5", "0.5"),
            ("-.5", "-0.5"),
            (".5e3", "500"),
            ("1_0.5", "10.5"),
            ("0b101", "5"),
            ("-0b11", "-3"),
            ("-0x1f", "-31"),
            ("0755_1", "3945"),
            ("09.5", "9.5"),
            ("18446744073709551615", "18446744073709551615"),
            ("18446744073709551616", "1.8446744073709552e+19"),
            ("1_", "1"),
            ("00", "0"),
            ("2.5e-7", "2.5e-07"),
        ] {
            let read = parse_go_number(written).map(|number| number.text);
            assert_eq!(read.as_deref(), Some(expected), "{written}");
        }
    }

    #[test]
    fn what_is_no_number_for_compose_stays_a_text() {
        for written in [
            "1e400",
            "0x",
            "_1",
            "1e",
            "1.2.3",
            "0o9",
            "12:30:45",
            "2020-01-01",
            ".inf",
            "-",
            "+",
            ".",
            "1 0",
            "",
            "e5",
            "0x1g",
        ] {
            assert_eq!(parse_go_number(written), None, "{written}");
        }
    }
}
