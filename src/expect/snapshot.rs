//! What a probe returned at some moment, in a form that can be written to a file and compared later.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::expect::actual::{Actual, ServiceError};
use crate::expect::matcher::Parts;
use crate::expect::value_type::Typing;

/// What a probe returned at some moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The value as JSON text: a number that is read and written again is not rounded.
    value: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<ServiceError>,
    success: bool,
    typing: Typing,
}

impl Snapshot {
    /// Returns the snapshot of a result.
    pub fn of(actual: &Actual) -> Self {
        Self {
            value: actual.value.to_string(),
            status: actual.status,
            error: actual.error.clone(),
            success: actual.success,
            typing: actual.typing,
        }
    }

    /// Returns the result. A value that cannot be read, because the file was edited, is null.
    pub fn actual(&self) -> Actual {
        Actual {
            value: serde_json::from_str(&self.value).unwrap_or(Value::Null),
            status: self.status,
            error: self.error.clone(),
            success: self.success,
            typing: self.typing,
        }
    }

    /// Returns whether both show the same in these parts: the same values with the same types, the same status, and the same
    /// code of an error, whose message may name what differs each time.
    pub fn same(&self, other: &Self, parts: &Parts<'_>) -> bool {
        let code = |snapshot: &Self| snapshot.error.as_ref().map(|error| error.code.clone());
        let value = |snapshot: &Self| parts.select(&snapshot.actual().value);
        self.status == other.status
            && self.success == other.success
            && code(self) == code(other)
            && (self.value == other.value || value(self) == value(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expect::{Status, ValuePath};
    use proptest::prelude::*;
    use serde_json::json;

    fn snapshot(value: Value) -> Snapshot {
        Snapshot::of(&Actual::value(value))
    }

    #[track_caller]
    fn check(before: Value, after: Value, same: bool) {
        let [before, after] = [before, after].map(snapshot);
        assert_eq!(before.same(&after, &Parts::Whole), same);
        let written = serde_json::to_string(&before).unwrap();
        let read: Snapshot = serde_json::from_str(&written).unwrap();
        assert_eq!(read.same(&after, &Parts::Whole), same, "{written}");
    }

    #[test]
    fn the_same_values_have_the_same_types() {
        check(json!(8), json!(8), true);
        check(json!(8), json!("8"), false);
        check(json!(8), json!(8.0), false);
        check(json!(null), json!({}), false);
        check(json!({"a": 1, "b": [2]}), json!({"b": [2], "a": 1}), true);
        check(json!([1, 2]), json!([2, 1]), false);
        check(
            json!(9_007_199_254_740_993_i64),
            json!(9_007_199_254_740_992_i64),
            false,
        );
    }

    #[test]
    fn a_part_is_compared_alone() {
        let [before, after] = [json!({"a": 1, "b": 1}), json!({"a": 1, "b": 2})].map(snapshot);
        let paths = ["$.a", "$.b"].map(|path| ValuePath::parse(path).unwrap());
        assert!(before.same(&after, &Parts::Paths(vec![&paths[0]])));
        assert!(!before.same(&after, &Parts::Paths(vec![&paths[1]])));
        assert!(!before.same(&after, &Parts::Paths(vec![&paths[0], &paths[1]])));
        assert!(before.same(&after, &Parts::Paths(Vec::new())));
    }

    #[test]
    fn a_status_and_the_code_of_an_error_are_compared() {
        let of = |actual: Actual| Snapshot::of(&actual);
        let parts = Parts::Paths(Vec::new());
        let ok = of(Actual::with_status("x", Status::Success(200)));
        assert!(!ok.same(&of(Actual::with_status("x", Status::Failure(404))), &parts));
        let error = of(Actual::error("42P01", "relation \"a\" does not exist"));
        assert!(error.same(&of(Actual::error("42P01", "another message")), &parts));
        assert!(!error.same(&of(Actual::error("42703", "column")), &parts));
        assert!(!error.same(&of(Actual::value(json!(null))), &parts));
    }

    proptest! {
        /// A value that was written and read any number of times is the same.
        #[test]
        fn a_number_survives_the_file(float: f64, integer: i64) {
            prop_assume!(float.is_finite());
            let before = snapshot(json!([float, integer]));
            let mut read = before.clone();
            for _ in 0..3 {
                read = serde_json::from_str(&serde_json::to_string(&read).unwrap()).unwrap();
            }
            prop_assert!(read.same(&before, &Parts::Whole));
            prop_assert_eq!(read, before);
        }
    }
}
