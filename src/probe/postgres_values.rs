//! Conversion of values from PostgreSQL's text format to JSON. Pure.

use serde_json::{Number, Value, json};
use tokio_postgres::types::{Kind, Type};

use crate::expect::Decimal;

/// The most decimal digits that a JSON number holds exactly.
const EXACT_DIGITS: usize = 15;

/// Converts a cell to JSON: booleans, numbers, JSON and arrays as such, and everything else as PostgreSQL's text.
pub(super) fn value(cell: Option<&str>, of: &Type) -> Value {
    let Some(cell) = cell else {
        return Value::Null;
    };
    if let Kind::Array(element) = of.kind() {
        return array(cell, element).unwrap_or_else(|| Value::from(cell));
    }
    let converted = match *of {
        Type::BOOL => Some(Value::from(cell == "t")),
        Type::INT2 | Type::INT4 | Type::INT8 | Type::OID => {
            cell.parse::<i64>().ok().map(Value::from)
        }
        Type::FLOAT4 | Type::FLOAT8 => float(cell),
        Type::NUMERIC => numeric(cell),
        Type::JSON | Type::JSONB => serde_json::from_str(cell).ok(),
        _ => None,
    };
    converted.unwrap_or_else(|| Value::from(cell))
}

pub(super) fn float(cell: &str) -> Option<Value> {
    Number::from_f64(cell.parse().ok()?).map(Value::Number)
}

/// Converts to a number if a JSON number holds it exactly, otherwise to a decimal of extended JSON, which matchers compare
/// exactly.
pub(super) fn numeric(cell: &str) -> Option<Value> {
    if let Ok(integer) = cell.parse::<i64>() {
        return Some(Value::from(integer));
    }
    Decimal::parse(cell)?;
    let digits = cell
        .chars()
        .filter(char::is_ascii_digit)
        .collect::<String>();
    let significant = digits.trim_matches('0').len();
    match significant <= EXACT_DIGITS {
        true => float(cell),
        false => Some(json!({ "$numberDecimal": cell })),
    }
}

/// Parses `{1,NULL,"a b",{…}}`, as PostgreSQL writes arrays; `None` if it is not one.
fn array(cell: &str, element: &Type) -> Option<Value> {
    // Bounds come first if they do not start at 1: `[0:1]={a,b}`.
    let from = match cell.starts_with('[') {
        true => cell.find("={")? + 1,
        false => 0,
    };
    let mut reader = Reader {
        rest: &cell[from..],
        separator: if *element == Type::BOX { ';' } else { ',' },
        element,
    };
    let list = reader.list()?;
    reader.rest.is_empty().then_some(list)
}

struct Reader<'a> {
    rest: &'a str,
    separator: char,
    element: &'a Type,
}

impl Reader<'_> {
    fn next_is(&mut self, wanted: char) -> bool {
        let after = self.rest.strip_prefix(wanted);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn list(&mut self) -> Option<Value> {
        if !self.next_is('{') {
            return None;
        }
        let mut items = Vec::new();
        if self.next_is('}') {
            return Some(Value::Array(items));
        }
        loop {
            items.push(self.item()?);
            if self.next_is('}') {
                return Some(Value::Array(items));
            }
            if !self.next_is(self.separator) {
                return None;
            }
        }
    }

    fn item(&mut self) -> Option<Value> {
        if self.rest.starts_with('{') {
            return self.list();
        }
        if self.next_is('"') {
            let text = self.quoted()?;
            return Some(value(Some(&text), self.element));
        }
        let end = self.rest.find([self.separator, '}'])?;
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        match word {
            "NULL" => Some(Value::Null),
            word => Some(value(Some(word), self.element)),
        }
    }

    fn quoted(&mut self) -> Option<String> {
        let mut text = String::new();
        let mut letters = self.rest.char_indices();
        while let Some((at, letter)) = letters.next() {
            match letter {
                '"' => {
                    self.rest = &self.rest[at + 1..];
                    return Some(text);
                }
                '\\' => text.push(letters.next()?.1),
                letter => text.push(letter),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(cell: &str, of: &Type, expected: &str) {
        assert_eq!(value(Some(cell), of).to_string(), expected);
    }

    #[test]
    fn cells_are_converted_by_their_type() {
        assert_eq!(value(None, &Type::INT4), Value::Null);
        check("t", &Type::BOOL, "true");
        check("f", &Type::BOOL, "false");
        check("-9223372036854775808", &Type::INT8, "-9223372036854775808");
        check("0.1", &Type::FLOAT8, "0.1");
        check("NaN", &Type::FLOAT8, r#""NaN""#);
        check("Infinity", &Type::FLOAT4, r#""Infinity""#);
        check("1e+30", &Type::FLOAT8, "1e+30");
        check("42", &Type::TEXT, r#""42""#);
        check(
            r#"{"b": 1, "a": [null]}"#,
            &Type::JSONB,
            r#"{"b":1,"a":[null]}"#,
        );
        check(
            "2024-02-29 12:00:00+00",
            &Type::TIMESTAMPTZ,
            r#""2024-02-29 12:00:00+00""#,
        );
        check("\\xff", &Type::BYTEA, r#""\\xff""#);
    }

    #[test]
    fn a_numeric_is_converted_to_a_number_only_if_that_is_exact() {
        check("12", &Type::NUMERIC, "12");
        check("12.50", &Type::NUMERIC, "12.5");
        check("0.000000000000001", &Type::NUMERIC, "1e-15");
        check(
            "123456789012345.6",
            &Type::NUMERIC,
            r#"{"$numberDecimal":"123456789012345.6"}"#,
        );
        check(
            "0.1234567890123456",
            &Type::NUMERIC,
            r#"{"$numberDecimal":"0.1234567890123456"}"#,
        );
        check(
            "99999999999999999999",
            &Type::NUMERIC,
            r#"{"$numberDecimal":"99999999999999999999"}"#,
        );
        check("NaN", &Type::NUMERIC, r#""NaN""#);
    }

    #[test]
    fn arrays_are_converted_to_lists() {
        check("{}", &Type::INT4_ARRAY, "[]");
        check("{1,NULL,-3}", &Type::INT4_ARRAY, "[1,null,-3]");
        check("{{1,2},{3,4}}", &Type::INT4_ARRAY, "[[1,2],[3,4]]");
        check("[0:1]={5,6}", &Type::INT4_ARRAY, "[5,6]");
        check(
            r#"{a,"b c","d,\"e\\","NULL",""}"#,
            &Type::TEXT_ARRAY,
            r#"["a","b c","d,\"e\\","NULL",""]"#,
        );
        check("{t,f}", &Type::BOOL_ARRAY, "[true,false]");
        check(r#"{"{\"a\": 1}"}"#, &Type::JSONB_ARRAY, r#"[{"a":1}]"#);
        check("{1,2", &Type::INT4_ARRAY, r#""{1,2""#);
    }

    proptest! {
        #[test]
        fn no_input_makes_the_array_reader_panic(text in "[\\[\\]{}\",;\\\\=:a1é]{0,24}") {
            array(&text, &Type::TEXT);
        }

        #[test]
        fn a_quoted_array_is_read_back_unchanged(texts in proptest::collection::vec(".{0,8}", 0..5)) {
            let quoted = texts.iter().map(|text| {
                format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
            });
            let cell = format!("{{{}}}", quoted.collect::<Vec<_>>().join(","));
            prop_assert_eq!(array(&cell, &Type::TEXT), Some(Value::from(texts)));
        }
    }
}
