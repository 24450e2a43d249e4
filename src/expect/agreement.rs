//! Whether two services returned the same result.

use serde_json::Value;

use crate::expect::difference::{Fields, differences};
use crate::expect::plain_value::{ValueNames, plain};
use crate::expect::value_type::{Typing, date, number};
use crate::localized;

/// The first place at which the results of two services differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disagreement {
    /// `row 4 (team: red), total`; empty for the whole result.
    pub place: String,
    /// The two values, as people read them.
    pub first: String,
    pub second: String,
}

/// Compares the results of two services, which may have types of their own: numbers and moments are compared by their value. The
/// order of a list counts, that of fields does not. Returns `None` if the results are the same.
pub fn first_disagreement(first: &Value, second: &Value) -> Option<Disagreement> {
    let names = ValueNames::default();
    let found = differences(first, second, Fields::Exactly, &same, &names);
    let difference = found.into_iter().next()?;
    let plain = |value: Value| plain(&value, &names);
    let text = |value: Option<Value>| value.map_or_else(|| localized!("nothing"), plain);
    Some(Disagreement {
        place: difference.place,
        first: text(difference.expected),
        second: text(difference.actual),
    })
}

fn same(first: &Value, second: &Value) -> bool {
    let numbers = number(first, Typing::Typed).zip(number(second, Typing::Typed));
    let dates = date(first).zip(date(second));
    match (numbers, dates) {
        (Some((first, second)), _) => first == second,
        (None, Some((first, second))) => first == second,
        // A day is a date in one service and a text in another.
        (None, None) if date(first).is_some() || date(second).is_some() => {
            let names = ValueNames::default();
            plain(first, &names) == plain(second, &names)
        }
        (None, None) => first == second,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(first: &Value, second: &Value, same: bool) {
        let found = first_disagreement(first, second);
        assert_eq!(found.is_none(), same, "{found:?}");
    }

    #[test]
    fn types_of_the_services_do_not_matter_and_values_do() {
        let row = |total: Value| json!([{"team": "red", "total": total}]);
        check(
            &row(json!(12)),
            &row(json!({"$numberDecimal": "12.00"})),
            true,
        );
        check(&row(json!(12)), &row(json!({"$numberLong": "12"})), true);
        check(&row(json!(12.5)), &row(json!(12.25)), false);
        check(&row(json!(12)), &row(json!("12")), false);
        check(
            &json!([{"total": 12, "team": "red"}]),
            &row(json!(12)),
            true,
        );
        check(
            &row(json!("2026-03-01")),
            &row(json!({"$date": "2026-03-01T00:00:00Z"})),
            true,
        );
        check(&json!([1, 2]), &json!([2, 1]), false);
        check(&json!([1]), &json!([1, 2]), false);
        check(&json!([1]), &json!({}), false);
        let found = first_disagreement(&json!({"a": {"b": 1}}), &json!({"a": {"b": 2}}));
        let found = found.expect("they differ");
        assert_eq!((found.place.as_str(), found.first.as_str()), ("a.b", "1"));
        assert_eq!(found.second, "2");
    }
}
