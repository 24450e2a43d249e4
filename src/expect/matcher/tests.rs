//! Each case is one call: a value, a rule, and whether it holds.

use serde_json::{Value, json};

use super::{Matcher, Mismatch, Parts, Rule};
use crate::expect::{Actual, Decimal, Status, Typing, ValuePath, ValueType};

fn one(rule: Rule) -> Matcher {
    Matcher {
        rules: vec![rule],
        ..Matcher::default()
    }
}

fn at(path: &str, rule: Rule) -> Matcher {
    Matcher {
        path: Some(ValuePath::parse(path).unwrap()),
        rules: vec![rule],
        ..Matcher::default()
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

/// The same rule on the same value, where the protocol knows types and where it transfers text.
#[track_caller]
fn typed_and_text(value: Value, rule: Rule, expected: [bool; 2]) {
    let actual = [Typing::Typed, Typing::TextOnly]
        .map(|typing| one(rule.clone()).holds(&Actual::value(value.clone()).with_typing(typing)));
    assert_eq!(actual, expected, "{value} {rule:?}");
}

#[test]
fn a_text_equals_a_number_only_where_the_protocol_transfers_text() {
    let equals = |value: Value, expected: Value, both: [bool; 2]| {
        typed_and_text(value, Rule::Equals(expected), both);
    };
    equals(json!(8), json!(8), [true, true]);
    equals(json!(8), json!(8.0), [true, true]);
    equals(json!("8"), json!("8"), [true, true]);
    equals(json!("8"), json!(8), [false, true]);
    equals(json!(8), json!("8"), [false, true]);
    equals(json!("8.0"), json!(8), [false, true]);
    equals(json!(" 8 "), json!(8), [false, true]);
    equals(json!("8.0"), json!("8"), [false, false]);
    equals(json!("007"), json!("7"), [false, false]);
    equals(json!("042x"), json!(42), [false, false]);
    equals(json!(true), json!("true"), [false, false]);
    equals(json!(1), json!(true), [false, false]);
    equals(json!(null), json!(0), [false, false]);
    equals(
        json!(["1", {"a": 2}]),
        json!([1, {"a": "2"}]),
        [false, true],
    );
    equals(json!([1, {"a": 2.0}]), json!([1.0, {"a": 2}]), [true, true]);
    typed_and_text(json!("8"), Rule::NotEquals(json!(8)), [true, false]);
    typed_and_text(
        json!("8"),
        Rule::OneOf(vec![json!(7), json!(8)]),
        [false, true],
    );
    typed_and_text(json!(["8"]), Rule::Contains(json!(8)), [false, true]);
    typed_and_text(
        json!({"a": "8"}),
        Rule::Contains(json!({"a": 8})),
        [false, true],
    );
    typed_and_text(json!(["8"]), Rule::SameItems(vec![json!(8)]), [false, true]);
    typed_and_text(
        json!([{"n": "8"}]),
        Rule::Rows(vec![json!([8])]),
        [false, true],
    );
    typed_and_text(json!("8"), Rule::AtLeast(8.into()), [false, true]);
    typed_and_text(json!("8"), Rule::AtMost(8.into()), [false, true]);
    typed_and_text(
        json!(8),
        Rule::Matches(regex::Regex::new("8").unwrap()),
        [false, true],
    );
    typed_and_text(json!(18), Rule::Contains(json!("8")), [false, true]);
    typed_and_text(json!("18"), Rule::Contains(json!(8)), [true, true]);
    differs(json!("8"), Rule::Equals(json!(8)), "8", "\"8\"");
}

#[test]
fn numbers_are_exact_at_any_size() {
    let equals = |value: Value, expected: Value, holds: bool| {
        typed_and_text(value, Rule::Equals(expected), [holds, holds]);
    };
    let decimal = |text: &str| json!({ "$numberDecimal": text });
    equals(
        json!(9_007_199_254_740_993_i64),
        json!(9_007_199_254_740_993_i64),
        true,
    );
    equals(
        json!(9_007_199_254_740_993_i64),
        json!(9_007_199_254_740_992_i64),
        false,
    );
    equals(
        json!(9_007_199_254_740_993_i64),
        json!(9_007_199_254_740_992.0),
        false,
    );
    equals(json!(i64::MIN), json!(i64::MIN + 1), false);
    equals(json!(u64::MAX), json!(u64::MAX - 1), false);
    equals(json!(u64::MAX), decimal("18446744073709551615"), true);
    equals(
        decimal("18446744073709551617"),
        decimal("18446744073709551616"),
        false,
    );
    equals(decimal("1.50"), json!(1.5), true);
    equals(decimal("1.5"), decimal("1.50"), true);
    equals(decimal("0.1"), json!(0.1), true);
    equals(
        decimal("0.10000000000000000000000000000000001"),
        json!(0.1),
        false,
    );
    equals(json!({ "$numberLong": "5" }), json!(5), true);
    // JSON knows an integer beyond 64 bits as a floating-point number only.
    equals(json!(1e20), decimal("100000000000000000001"), true);
    equals(json!({"a": decimal("2")}), json!({"a": 2}), true);
    let limit = Decimal::parse("9007199254740993").unwrap();
    typed_and_text(
        json!(9_007_199_254_740_992_i64),
        Rule::AtLeast(limit.clone()),
        [false, false],
    );
    typed_and_text(
        json!(9_007_199_254_740_994_i64),
        Rule::AtMost(limit.clone()),
        [false, false],
    );
    typed_and_text(
        json!(9_007_199_254_740_993_i64),
        Rule::AtLeast(limit.clone()),
        [true, true],
    );
    typed_and_text(
        json!(9_007_199_254_740_993_i64),
        Rule::AtMost(limit),
        [true, true],
    );
}

#[test]
fn dates_are_equal_if_they_are_the_same_moment() {
    let equals = |value: &str, expected: Value, holds: bool| {
        let value = json!({ "$date": value });
        typed_and_text(value, Rule::Equals(expected), [holds, holds]);
    };
    equals(
        "2024-01-01T00:00:00Z",
        json!({ "$date": "2024-01-01T00:00:00.000Z" }),
        true,
    );
    equals(
        "2024-01-01T00:00:00Z",
        json!({ "$date": "2024-01-01T09:00:00+09:00" }),
        true,
    );
    equals(
        "2024-01-01T00:00:00Z",
        json!({ "$date": { "$numberLong": "1704067200000" } }),
        true,
    );
    equals(
        "2024-01-01T00:00:00Z",
        json!({ "$date": "2024-01-01T00:00:00.001Z" }),
        false,
    );
    equals("2024-01-01T00:00:00Z", json!("2024-01-01T00:00:00Z"), false);
}

#[test]
fn a_type_includes_what_the_service_returned_with_it() {
    let of = |value: Value, expected: &[&str]| {
        let types = |typing| {
            let all = ValueType::ALL.into_iter();
            let included = all.filter(|of| of.includes(&value, typing));
            included.map(ValueType::name).collect::<Vec<_>>()
        };
        assert_eq!(types(Typing::Typed), expected, "{value}");
    };
    of(json!("8"), &["string"]);
    of(json!(8), &["number", "integer"]);
    of(json!(u64::MAX), &["number", "integer"]);
    of(json!(8.0), &["number"]);
    of(json!(true), &["boolean"]);
    of(json!([]), &["list"]);
    of(json!({}), &["object"]);
    of(json!({"a": 1, "$date": 2}), &["object"]);
    of(json!(null), &["null"]);
    of(json!({"$date": "2024-01-01T00:00:00Z"}), &["date"]);
    of(json!({"$numberDecimal": "8"}), &["number", "decimal"]);
    of(json!({"$numberLong": "8"}), &["number", "integer"]);
    of(json!({"$oid": "65f0c0ffee65f0c0ffee65f0"}), &[]);
    let text = [
        ("8", true, true),
        ("8.0", true, true),
        ("8.5", true, false),
        ("8x", false, false),
    ];
    for (value, number, integer) in text {
        for (of, holds) in [
            (ValueType::Number, number),
            (ValueType::Integer, integer),
            (ValueType::String, true),
        ] {
            assert_eq!(
                of.includes(&json!(value), Typing::TextOnly),
                holds,
                "{value} {of:?}"
            );
        }
    }
    differs(
        json!("8"),
        Rule::Type(vec![ValueType::Integer, ValueType::Null]),
        "type integer | null",
        "\"8\"",
    );
    assert!(!at("$.a", Rule::Type(vec![ValueType::Null])).holds(&Actual::value(json!({}))));
    assert!(at("$.a", Rule::Type(vec![ValueType::Null])).holds(&Actual::value(json!({"a": null}))));
}

#[test]
fn a_matcher_can_read_texts_as_numbers() {
    let actual = Actual::value(json!({"value": [1.5, "3"]}));
    let limits = vec![Rule::AtLeast(3.into()), Rule::Equals(json!(3))];
    let typed = Matcher {
        path: Some(ValuePath::parse("$.value[1]").unwrap()),
        rules: limits,
        ..Matcher::default()
    };
    assert!(!typed.holds(&actual));
    let as_number = Matcher {
        typing: Some(Typing::TextOnly),
        ..typed
    };
    assert!(as_number.holds(&actual));
    assert!(one(Rule::All(vec![as_number.clone()])).holds(&actual));
    assert!(!as_number.holds(&Actual::value(json!({"value": [1.5, "x"]}))));
}

#[test]
fn values_are_compared_as_data() {
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
    holds(json!(1800), Rule::AtLeast(1.into()));
    typed_and_text(json!("1800"), Rule::AtMost(3600.into()), [false, true]);
    differs(json!(-1), Rule::AtLeast(1.into()), "at least 1", "-1");
    differs(json!([]), Rule::AtLeast(0.into()), "at least 0", "[]");
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
        Rule::Length(Box::new(one(Rule::AtLeast(2.into())))),
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
    let actual = Actual::with_status("boom", Status::Failure(7));
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

#[test]
fn a_matcher_depends_on_the_parts_that_its_paths_select() {
    #[track_caller]
    fn check(matcher: &Matcher, expected: Option<&[&str]>) {
        let paths = match matcher.parts() {
            Parts::Whole => None,
            Parts::Paths(paths) => Some(paths.iter().map(ToString::to_string).collect::<Vec<_>>()),
        };
        let expected = expected.map(|paths| paths.iter().map(ToString::to_string).collect());
        assert_eq!(paths, expected);
    }
    let status = Rule::Status(Box::new(one(Rule::Equals(json!(200)))));
    check(&one(Rule::Exists), None);
    check(&one(status.clone()), Some(&[]));
    check(&Matcher::default(), Some(&[]));
    check(&at("$.a", Rule::Exists), Some(&["$.a"]));
    // Nested paths apply to what the outer one selects.
    check(
        &at("$.a", Rule::All(vec![at("$.b", Rule::Exists)])),
        Some(&["$.a"]),
    );
    let several = vec![
        at("$.a", Rule::Exists),
        one(status),
        at("$.b", Rule::Absent),
    ];
    check(&one(Rule::All(several.clone())), Some(&["$.a", "$.b"]));
    check(
        &one(Rule::Any([several, vec![one(Rule::Exists)]].concat())),
        None,
    );
    check(
        &one(Rule::Not(Box::new(at("$.c", Rule::Exists)))),
        Some(&["$.c"]),
    );
}

#[test]
fn each_field_holds_or_not_by_itself() {
    let fields = |rules: Vec<Rule>, actual: &Actual| {
        let matcher = Matcher {
            rules,
            ..Matcher::default()
        };
        let fields = matcher.fields(actual).into_iter();
        fields.map(|(_, holds)| holds).collect::<Vec<_>>()
    };
    let bounds = || vec![Rule::AtLeast(1.into()), Rule::AtMost(3.into())];
    assert_eq!(fields(bounds(), &Actual::value(9)), [true, false]);
    assert_eq!(
        fields(bounds(), &Actual::error("WRONGTYPE", "no")),
        [false, false]
    );
    let all = bounds().into_iter().map(|rule| Matcher {
        rules: vec![rule],
        ..Matcher::default()
    });
    assert_eq!(
        fields(vec![Rule::All(all.collect())], &Actual::value(9)),
        [true, false]
    );
    assert_eq!(fields(Vec::new(), &Actual::value(9)), [true]);
}
