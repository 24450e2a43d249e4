//! Conversion of values from MySQL's text format to JSON. Pure.

use mysql_async::consts::ColumnType;
use mysql_async::{Column, Value as Cell};
use serde_json::Value;

use crate::probe::postgres_values::{float, numeric};

/// Converts a cell to JSON: numbers and JSON as such, bits as a number, bytes that are no text as `\x` and hexadecimal digits,
/// and everything else as the server's text. MariaDB sends JSON as text.
pub(super) fn value(cell: &Cell, column: &Column) -> Value {
    converted(cell, column.column_type())
}

fn converted(cell: &Cell, of: ColumnType) -> Value {
    use ColumnType::{
        MYSQL_TYPE_BIT, MYSQL_TYPE_DECIMAL, MYSQL_TYPE_DOUBLE, MYSQL_TYPE_FLOAT, MYSQL_TYPE_INT24,
        MYSQL_TYPE_JSON, MYSQL_TYPE_LONG, MYSQL_TYPE_LONGLONG, MYSQL_TYPE_NEWDECIMAL,
        MYSQL_TYPE_SHORT, MYSQL_TYPE_TINY, MYSQL_TYPE_YEAR,
    };
    if let (Cell::Bytes(bytes), MYSQL_TYPE_BIT) = (cell, of) {
        return bits(bytes);
    }
    let Some(text) = as_text(cell) else {
        return Value::Null;
    };
    let number = match of {
        MYSQL_TYPE_TINY | MYSQL_TYPE_SHORT | MYSQL_TYPE_INT24 | MYSQL_TYPE_LONG
        | MYSQL_TYPE_LONGLONG | MYSQL_TYPE_YEAR => integer(&text),
        MYSQL_TYPE_FLOAT | MYSQL_TYPE_DOUBLE => float(&text),
        MYSQL_TYPE_DECIMAL | MYSQL_TYPE_NEWDECIMAL => numeric(&text),
        MYSQL_TYPE_JSON => serde_json::from_str(&text).ok(),
        _ => None,
    };
    number.unwrap_or(Value::String(text))
}

fn integer(text: &str) -> Option<Value> {
    let signed = text.parse::<i64>().map(Value::from);
    signed
        .or_else(|_| text.parse::<u64>().map(Value::from))
        .ok()
}

/// Converts the bytes of a `BIT` column, the highest first, to a number.
fn bits(bytes: &[u8]) -> Value {
    let number = bytes.iter().fold(0_u64, |number, byte| {
        (number << u8::BITS) | u64::from(*byte)
    });
    Value::from(number)
}

/// Returns a cell as text, `None` for `NULL`.
pub(super) fn as_text(cell: &Cell) -> Option<String> {
    match cell {
        Cell::NULL => None,
        Cell::Bytes(bytes) => Some(match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => format!("\\x{}", crate::hex::encode(bytes)),
        }),
        // The text protocol sends bytes only.
        other => Some(other.as_sql(true)),
    }
}

/// Returns about how many bytes a cell takes.
pub(super) fn size(cell: &Cell) -> usize {
    match cell {
        Cell::Bytes(bytes) => bytes.len(),
        _ => size_of::<Cell>(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(cell: &str, of: ColumnType, expected: &str) {
        let cell = Cell::Bytes(cell.as_bytes().to_vec());
        assert_eq!(converted(&cell, of).to_string(), expected);
    }

    #[test]
    fn cells_are_converted_by_their_type() {
        use ColumnType::*;
        assert_eq!(converted(&Cell::NULL, MYSQL_TYPE_LONG), Value::Null);
        check("1", MYSQL_TYPE_TINY, "1");
        check(
            "-9223372036854775808",
            MYSQL_TYPE_LONGLONG,
            "-9223372036854775808",
        );
        check(
            "18446744073709551615",
            MYSQL_TYPE_LONGLONG,
            "18446744073709551615",
        );
        check("2026", MYSQL_TYPE_YEAR, "2026");
        check("0.1", MYSQL_TYPE_DOUBLE, "0.1");
        check("12.50", MYSQL_TYPE_NEWDECIMAL, "12.5");
        check(
            "123456789012345.60",
            MYSQL_TYPE_NEWDECIMAL,
            r#"{"$numberDecimal":"123456789012345.60"}"#,
        );
        check("42", MYSQL_TYPE_VAR_STRING, r#""42""#);
        check(
            r#"{"b": 1, "a": [null]}"#,
            MYSQL_TYPE_JSON,
            r#"{"b":1,"a":[null]}"#,
        );
        check(
            "2024-02-29 12:00:00",
            MYSQL_TYPE_DATETIME,
            r#""2024-02-29 12:00:00""#,
        );
        check("가", MYSQL_TYPE_BLOB, r#""가""#);
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_as_digits_and_bits_as_a_number() {
        let bytes = Cell::Bytes(vec![0xff, 0x00]);
        assert_eq!(converted(&bytes, ColumnType::MYSQL_TYPE_BLOB), "\\xff00");
        assert_eq!(converted(&bytes, ColumnType::MYSQL_TYPE_BIT), 0xff00);
    }
}
