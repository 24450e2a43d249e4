//! One case is one call: what was seen, what must hold, whether it does.

use serde_json::{Value, json};

use super::{Matcher, Rule};
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
    let judged = one(rule).evaluate(&Actual::value(value));
    assert_eq!(judged, Ok(()));
}

#[track_caller]
fn differs(value: Value, rule: Rule, expected: &str, actual: &str) {
    let difference = one(rule).evaluate(&Actual::value(value)).unwrap_err();
    assert_eq!(
        (difference.expected.as_str(), difference.actual.as_str()),
        (expected, actual)
    );
}

#[test]
fn equality_is_of_data_and_numbers_may_come_as_text() {
    holds(json!("42"), Rule::Equals(json!(42)));
    holds(json!(42), Rule::Equals(json!("42")));
    holds(json!(["1", {"a": 2}]), Rule::Equals(json!([1, {"a": "2"}])));
    holds(json!(1.0), Rule::Equals(json!(1)));
    differs(json!("042x"), Rule::Equals(json!(42)), "42", "\"042x\"");
    differs(
        json!(null),
        Rule::Equals(json!("PONG")),
        "\"PONG\"",
        "nothing (null)",
    );
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
fn ranges_take_numbers_and_numeric_text() {
    holds(json!(1800), Rule::AtLeast(1.0));
    holds(json!("1800"), Rule::AtMost(3600.0));
    differs(json!(-1), Rule::AtLeast(1.0), "at least 1", "-1");
    differs(json!([]), Rule::AtLeast(0.0), "at least 0", "[]");
}

#[test]
fn containing_looks_into_text_lists_and_objects() {
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
fn the_same_items_may_come_in_any_order_but_as_often() {
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
fn rows_are_compared_cell_by_cell_and_columns_by_name() {
    let seen = json!([{"name": "kim", "n": 2}, {"name": "lee", "n": 1}]);
    holds(
        seen.clone(),
        Rule::Rows(vec![json!(["kim", 2]), json!(["lee", 1])]),
    );
    holds(seen.clone(), Rule::Columns(vec![json!("name"), json!("n")]));
    assert!(
        !one(Rule::Columns(vec![json!("n"), json!("name")])).holds(&Actual::value(seen.clone()))
    );
    assert!(!one(Rule::Rows(vec![json!(["kim", 2])])).holds(&Actual::value(seen)));
}

#[test]
fn length_is_of_text_lists_and_objects() {
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
fn being_there_and_not() {
    holds(json!(0), Rule::Exists);
    holds(json!(null), Rule::Absent);
    differs(
        json!(null),
        Rule::Exists,
        "something there",
        "nothing (null)",
    );
    assert!(at("$.a", Rule::Absent).holds(&Actual::value(json!({}))));
    assert!(at("$.a", Rule::NotEquals(json!(1))).holds(&Actual::value(json!({}))));
    let difference = at("$.a.b", Rule::Equals(json!(1)))
        .evaluate(&Actual::value(json!({})))
        .unwrap_err();
    assert_eq!(
        (difference.expected.as_str(), difference.actual.as_str()),
        ("$.a.b 1", "nothing there")
    );
}

#[test]
fn an_error_of_the_service_fails_every_matcher_that_does_not_expect_it() {
    let seen = Actual::error("WRONGTYPE", "WRONGTYPE Operation against a key");
    for rule in [
        Rule::Exists,
        Rule::Absent,
        Rule::NotEquals(json!(1)),
        Rule::Not(Box::new(one(Rule::Exists))),
    ] {
        assert!(!one(rule).holds(&seen));
    }
    assert!(one(Rule::Error("WRONGTYPE".into())).holds(&seen));
    assert!(
        one(Rule::Any(vec![
            one(Rule::Equals(json!(1))),
            one(Rule::Error("WRONGTYPE".into()))
        ]))
        .holds(&seen)
    );
    let difference = one(Rule::Error("23505".into()))
        .evaluate(&Actual::value(3))
        .unwrap_err();
    assert_eq!(
        (difference.expected.as_str(), difference.actual.as_str()),
        ("error 23505", "no error, 3")
    );
}

#[test]
fn a_bad_status_fails_every_matcher_that_does_not_speak_of_it() {
    let seen = Actual::with_status("boom", 7, false);
    assert!(!one(Rule::Contains(json!("boom"))).holds(&seen));
    assert!(one(Rule::Status(Box::new(one(Rule::Equals(json!(7)))))).holds(&seen));
    assert!(Matcher::default().evaluate(&seen).is_err());
    let difference = one(Rule::Equals(json!("x"))).evaluate(&seen).unwrap_err();
    assert_eq!(difference.actual, "status 7, \"boom\"");
}

#[test]
fn combinations_see_what_the_path_selected() {
    let seen = Actual::value(json!({"a": [1, 2, 3]}));
    assert!(
        at(
            "$.a",
            Rule::All(vec![
                one(Rule::Contains(json!(1))),
                at("$[1]", Rule::Equals(json!(2)))
            ])
        )
        .holds(&seen)
    );
    assert!(!at("$.a", Rule::Not(Box::new(one(Rule::Contains(json!(1)))))).holds(&seen));
    let all = one(Rule::All(vec![
        at("$.a[0]", Rule::Equals(json!(1))),
        at("$.a[1]", Rule::Equals(json!(9))),
    ]));
    let difference = all.evaluate(&seen).unwrap_err();
    assert_eq!(
        (difference.expected.as_str(), difference.actual.as_str()),
        ("$.a[0] 1 and $.a[1] 9", "2")
    );
}
