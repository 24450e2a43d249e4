//! Each case is one call: a value, a rule, and whether it holds.

use serde_json::{Value, json};

use super::{Matcher, Mismatch, Rule};
use crate::expect::{Actual, ValuePath};

fn one(rule: Rule) -> Matcher {
    Matcher {
        path: None,
        rules: vec![rule],
    }
}

fn at(path: &str, rule: Rule) -> Matcher {
    Matcher {
        path: Some(ValuePath::parse(path).unwrap()),
        rules: vec![rule],
    }
}

#[track_caller]
fn holds(value: Value, rule: Rule) {
    let result = one(rule).evaluate(&Actual::value(value));
    assert!(result.is_ok(), "{result:?}");
}

#[track_caller]
fn assert_mismatch(mismatch: &Mismatch, expected: &str, actual: &str) {
    let texts = [&mismatch.expected, &mismatch.actual].map(|text| text.localized());
    assert_eq!(texts, [expected, actual]);
}

#[track_caller]
fn differs(value: Value, rule: Rule, expected: &str, actual: &str) {
    let mismatch = one(rule).evaluate(&Actual::value(value)).unwrap_err();
    assert_mismatch(&mismatch, expected, actual);
}

#[test]
fn values_are_compared_as_data_and_numbers_may_be_strings() {
    holds(json!("42"), Rule::Equals(json!(42)));
    holds(json!(42), Rule::Equals(json!("42")));
    holds(json!(["1", {"a": 2}]), Rule::Equals(json!([1, {"a": "2"}])));
    holds(json!(1.0), Rule::Equals(json!(1)));
    differs(json!("042x"), Rule::Equals(json!(42)), "42", "\"042x\"");
    differs(json!(null), Rule::Equals(json!("PONG")), "\"PONG\"", "null");
    differs(json!("007"), Rule::Equals(json!("7")), "\"7\"", "\"007\"");
}

#[test]
fn large_ids_are_not_rounded() {
    differs(
        json!(9_007_199_254_740_993_i64),
        Rule::Equals(json!(9_007_199_254_740_992_i64)),
        "9007199254740992",
        "9007199254740993",
    );
}

#[test]
fn ranges_accept_numbers_and_numeric_strings() {
    holds(json!(1800), Rule::AtLeast(1.0));
    holds(json!("1800"), Rule::AtMost(3600.0));
    differs(json!(-1), Rule::AtLeast(1.0), "at least 1", "-1");
    differs(json!([]), Rule::AtLeast(0.0), "at least 0", "[]");
}

#[test]
fn contains_applies_to_strings_lists_and_objects() {
    holds(json!("hello world"), Rule::Contains(json!("lo w")));
    holds(json!(["a", "b"]), Rule::Contains(json!("b")));
    holds(
        json!({"a": {"b": 1, "c": 2}, "d": 3}),
        Rule::Contains(json!({"a": {"b": 1}})),
    );
    differs(
        json!(["ab"]),
        Rule::Contains(json!("a")),
        "contains \"a\"",
        "[\"ab\"]",
    );
    differs(
        json!({"a": "bc"}),
        Rule::Contains(json!({"a": "b"})),
        "contains {\"a\":\"b\"}",
        "{\"a\":\"bc\"}",
    );
}

#[test]
fn same_items_ignores_the_order_but_not_the_count() {
    holds(
        json!(["b", "a", "b"]),
        Rule::SameItems(vec![json!("a"), json!("b"), json!("b")]),
    );
    differs(
        json!(["a", "a", "b"]),
        Rule::SameItems(vec![json!("a"), json!("b"), json!("b")]),
        "[\"a\",\"b\",\"b\"] in any order",
        "[\"a\",\"a\",\"b\"]",
    );
    differs(
        json!("a"),
        Rule::SameItems(vec![json!("a")]),
        "[\"a\"] in any order",
        "\"a\"",
    );
}

#[test]
fn rows_are_compared_by_cell_and_columns_by_name() {
    let actual = json!([{"name": "kim", "n": 2}, {"name": "lee", "n": 1}]);
    holds(
        actual.clone(),
        Rule::Rows(vec![json!(["kim", 2]), json!(["lee", 1])]),
    );
    holds(
        actual.clone(),
        Rule::Columns(vec![json!("name"), json!("n")]),
    );
    assert!(
        !one(Rule::Columns(vec![json!("n"), json!("name")])).holds(&Actual::value(actual.clone()))
    );
    assert!(!one(Rule::Rows(vec![json!(["kim", 2])])).holds(&Actual::value(actual)));
}

#[test]
fn length_applies_to_strings_lists_and_objects() {
    holds(
        json!("데이터"),
        Rule::Length(Box::new(one(Rule::Equals(json!(3))))),
    );
    holds(
        json!([1, 2]),
        Rule::Length(Box::new(one(Rule::AtLeast(2.0)))),
    );
    differs(
        json!([1]),
        Rule::Length(Box::new(one(Rule::Equals(json!(2))))),
        "length 2",
        "length 1",
    );
    differs(
        json!(7),
        Rule::Length(Box::new(one(Rule::Equals(json!(1))))),
        "length 1",
        "7",
    );
}

#[test]
fn exists_and_absent() {
    holds(json!(0), Rule::Exists);
    holds(json!(null), Rule::Absent);
    differs(json!(null), Rule::Exists, "any value", "null");
    assert!(at("$.a", Rule::Absent).holds(&Actual::value(json!({}))));
    assert!(at("$.a", Rule::NotEquals(json!(1))).holds(&Actual::value(json!({}))));
    let mismatch = at("$.a.b", Rule::Equals(json!(1)))
        .evaluate(&Actual::value(json!({})))
        .unwrap_err();
    assert_mismatch(&mismatch, "$.a.b 1", "no value");
}

#[test]
fn an_error_fails_every_matcher_that_does_not_expect_one() {
    let actual = Actual::error("WRONGTYPE", "WRONGTYPE Operation against a key");
    for rule in [
        Rule::Exists,
        Rule::Absent,
        Rule::NotEquals(json!(1)),
        Rule::Not(Box::new(one(Rule::Exists))),
    ] {
        assert!(!one(rule).holds(&actual));
    }
    assert!(one(Rule::Error("WRONGTYPE".into())).holds(&actual));
    assert!(
        one(Rule::Any(vec![
            one(Rule::Equals(json!(1))),
            one(Rule::Error("WRONGTYPE".into()))
        ]))
        .holds(&actual)
    );
    let mismatch = one(Rule::Error("23505".into()))
        .evaluate(&Actual::value(3))
        .unwrap_err();
    assert_mismatch(&mismatch, "error 23505", "no error, 3");
}

#[test]
fn a_failed_status_fails_every_matcher_without_status() {
    let actual = Actual::with_status("boom", 7, false);
    assert!(!one(Rule::Contains(json!("boom"))).holds(&actual));
    assert!(one(Rule::Status(Box::new(one(Rule::Equals(json!(7)))))).holds(&actual));
    assert!(Matcher::default().evaluate(&actual).is_err());
    let mismatch = one(Rule::Equals(json!("x"))).evaluate(&actual).unwrap_err();
    assert_eq!(mismatch.actual.localized(), "status 7, \"boom\"");
}

#[test]
fn combined_matchers_receive_what_the_path_selects() {
    let actual = Actual::value(json!({"a": [1, 2, 3]}));
    assert!(
        at(
            "$.a",
            Rule::All(vec![
                one(Rule::Contains(json!(1))),
                at("$[1]", Rule::Equals(json!(2)))
            ])
        )
        .holds(&actual)
    );
    assert!(!at("$.a", Rule::Not(Box::new(one(Rule::Contains(json!(1)))))).holds(&actual));
    let all = one(Rule::All(vec![
        at("$.a[0]", Rule::Equals(json!(1))),
        at("$.a[1]", Rule::Equals(json!(9))),
    ]));
    let mismatch = all.evaluate(&actual).unwrap_err();
    assert_mismatch(&mismatch, "$.a[0] 1 and $.a[1] 9", "2");
}
