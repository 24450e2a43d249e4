use serde_json::{Value, json};

use super::*;
use crate::expect::{Status, Typing, ValuePath};

fn matcher(path: &str, rules: Vec<Rule>) -> Matcher {
    Matcher {
        path: (!path.is_empty()).then(|| ValuePath::parse(path).unwrap()),
        rules,
        ..Matcher::default()
    }
}

/// `expected | actual`, or a line for each place.
#[track_caller]
fn check(matcher: &Matcher, actual: &Actual, expected: &str) {
    assert!(
        !matcher.holds(actual),
        "only what does not hold is described"
    );
    let words = matcher.words(actual, &ValueNames::default());
    let places = words.places.iter();
    let places = places.map(|at| match (at.actual.as_str(), at.expected.as_str()) {
        ("", missing) => format!("{}: missing {missing}", at.place),
        (surplus, "") => format!("{}: not expected {surplus}", at.place),
        (actual, expected) => format!("{}: {actual}, expected {expected}", at.place),
    });
    let mut lines: Vec<String> = places.collect();
    match (words.expected.as_str(), words.actual.as_str()) {
        ("", "") => {}
        ("", actual) => lines.push(actual.to_owned()),
        (expected, actual) => lines.push(format!("{expected} | {actual}")),
    }
    assert_eq!(lines.join("\n"), expected);
}

#[track_caller]
fn check_value(path: &str, rules: Vec<Rule>, value: Value, expected: &str) {
    check(&matcher(path, rules), &Actual::value(value), expected);
}

fn number(text: &str) -> Rule {
    Rule::Equals(serde_json::from_str(text).unwrap())
}

#[test]
fn short_values_are_shown_as_they_are() {
    check_value("", vec![number("3")], json!(4), "3 | 4");
    check_value("", vec![number("\"EUR\"")], json!(null), "EUR | nothing");
    check_value(
        "$[?@.name == 'billing'].name",
        vec![Rule::Equals(json!(["billing"]))],
        json!([{"name": "other"}]),
        "billing | nothing",
    );
    check_value(
        "$.messages",
        vec![number("2")],
        json!({"messages": 0}),
        "messages: 2 | messages: 0",
    );
    check_value(
        "$.a[0].b",
        vec![Rule::Exists],
        json!({}),
        "something | nothing",
    );
    check_value(
        "",
        vec![Rule::OneOf(vec![json!("a"), json!("b")])],
        json!("c"),
        "one of: a, b | c",
    );
}

#[test]
fn a_large_value_shows_the_place_that_differs() {
    let document = |day: &str, hours: Value| {
        json!({"name": "Aiko Tanaka of the team Security", "schedules": [
            {"day": {"$date": format!("{day}T00:00:00Z")}, "hours": hours, "client": "C-0421"},
        ]})
    };
    check_value(
        "",
        vec![Rule::Equals(document("2026-03-02", json!(8)))],
        document("2026-03-01", json!(8)),
        "schedules, row 1, day: 2026-03-01, expected 2026-03-02",
    );
    check_value(
        "",
        vec![Rule::Equals(document("2026-03-02", json!(8)))],
        document("2026-03-02", json!("eight")),
        "schedules, row 1 (day: 2026-03-02), hours: eight, expected 8",
    );
}

#[test]
fn a_row_shows_the_columns_that_differ() {
    check_value(
        "",
        vec![Rule::Rows(vec![json!([1, 1, 0])])],
        json!([{"days": 1, "hours": 0, "texts": 0}]),
        "hours: 0, expected 1",
    );
    check_value(
        "",
        vec![Rule::Rows(vec![json!(["Busan", 3]), json!(["Jeju", 4])])],
        json!([{"city": "Busan", "sum": 3}, {"city": "Jeju", "sum": 5}]),
        "row 2 (city: Jeju): 5, expected 4",
    );
    check_value(
        "",
        vec![Rule::Rows(vec![json!(["Busan", 3]), json!(["Jeju", 4])])],
        json!([{"city": "Busan", "sum": 3}]),
        ": missing Jeju, 4",
    );
    check_value(
        "",
        vec![Rule::Rows(vec![json!(["Busan", 3]), json!(["Jeju", 4])])],
        json!([{"city": "Daegu", "sum": 1}, {"city": "Busan", "sum": 3}, {"city": "Jeju", "sum": 4}]),
        ": not expected Daegu, 1",
    );
    check_value(
        "",
        vec![Rule::Rows(vec![json!(["Busan", 3]), json!(["Jeju", 4])])],
        json!([{"city": "Jeju", "sum": 4}, {"city": "Busan", "sum": 3}]),
        "Busan, 3; Jeju, 4 | the same in another order: Jeju, 4; Busan, 3",
    );
    check_value(
        "",
        vec![Rule::Rows(vec![json!(["Busan", 3]), json!(["Jeju", 4])])],
        json!([]),
        "Busan, 3; Jeju, 4 | no rows",
    );
}

#[test]
fn another_row_is_shown_as_a_whole() {
    let rows = vec![json!(["ingrid", "+31"]), json!(["jonas", "+32"])];
    check_value(
        "",
        vec![Rule::Rows(rows)],
        json!([{"email": "ingrid", "number": "+31"}, {"email": "sana", "number": "+33"}]),
        "row 2: sana, +33, expected jonas, +32",
    );
    // A text that is a number names the row as the number does.
    let rows = vec![json!([1, "a", 2]), json!([2, "b", 3])];
    let actual = Actual::value(json!([
        {"id": "1", "name": "a", "n": "2"}, {"id": "2", "name": "b", "n": "4"}
    ]));
    check(
        &matcher("", vec![Rule::Rows(rows)]),
        &actual.with_typing(Typing::TextOnly),
        "row 2 (id: 2), n: 4, expected 3",
    );
}

#[test]
fn a_difference_is_one_sentence() {
    let sentence = |rule: Rule, value: Value| {
        let matcher = matcher("", vec![rule]);
        let words = matcher.words(&Actual::value(value), &ValueNames::default());
        words.sentence()
    };
    assert_eq!(sentence(number("3"), json!(4)), "expected 3, got 4");
    let rows = Rule::Rows(vec![json!(["a", 1, 2])]);
    assert_eq!(
        sentence(rows, json!([{"k": "a", "x": 5, "y": 6}])),
        "x: expected 1, got 5; y: expected 2, got 6"
    );
    let regex = regex::Regex::new("^up").unwrap();
    assert_eq!(sentence(Rule::Matches(regex), json!("down")), "got down");
}

#[test]
fn values_and_fields_have_the_names_of_the_lab() {
    let names = [
        ("how", "방식"),
        ("never", "끝나지 않음"),
        ("in full", "전부"),
        ("zero hours", "0시간"),
    ];
    let names = names.map(|(value, name)| (value.to_owned(), name.to_owned()));
    let names = ValueNames::from(std::collections::BTreeMap::from(names));
    let how = matcher("$.how", vec![Rule::Equals(json!("in full"))]);
    let words = how.words(&Actual::value(json!({"how": "never"})), &names);
    assert_eq!(
        (words.expected.as_str(), words.actual.as_str()),
        ("방식: 전부", "방식: 끝나지 않음")
    );
    let rows = matcher(
        "",
        vec![Rule::Rows(vec![json!(["zero hours", 1]), json!(["x", 2])])],
    );
    let actual = Actual::value(json!([{"how": "zero hours", "n": 2}, {"how": "x", "n": 2}]));
    let words = rows.words(&actual, &names);
    assert_eq!(words.places[0].place, "row 1 (방식: 0시간)");
}

#[test]
fn what_is_equal_is_not_a_difference() {
    let part = Rule::Contains(json!({"messages": 2, "consumers": 0}));
    check_value(
        "",
        vec![part],
        json!({"messages": 0, "consumers": 0, "name": "orders"}),
        "messages: 0, expected 2",
    );
    let nested = Rule::Contains(json!({"arguments": {"a": 1, "b": [1]}}));
    check_value(
        "",
        vec![nested],
        json!({"arguments": {"a": 1, "b": [2], "c": 3}}),
        "arguments.b, item 1: 2, expected 1",
    );
    check_value(
        "",
        vec![Rule::Equals(json!(true))],
        json!(false),
        "yes | no",
    );
    check_value(
        "$.durable",
        vec![Rule::Equals(json!(true))],
        json!({"durable": false}),
        "durable: true | durable: false",
    );
    let at_least_two = Rule::Length(Box::new(matcher(
        "",
        vec![Rule::AtLeast(crate::expect::Decimal::parse("2").unwrap())],
    )));
    check_value(
        "",
        vec![at_least_two],
        json!(["a"]),
        "at least 2 of them | 1 of them: a",
    );
}

#[test]
fn a_member_that_is_missing_makes_no_others_differ() {
    let names = |names: &[&str]| {
        let item = |name: &&str| json!({"name": name, "mail": format!("{name}@fjord.example")});
        Value::Array(names.iter().map(item).collect())
    };
    check_value(
        "$.people",
        vec![Rule::Equals(names(&["ada", "bo", "cy", "dee"]))],
        json!({"people": names(&["ada", "cy", "dee"])}),
        "people: missing bo, bo@fjord.example",
    );
}

#[test]
fn a_set_shows_what_is_missing_and_what_is_too_much() {
    let items = vec![json!("kim"), json!("lee"), json!("park")];
    check_value(
        "",
        vec![Rule::SameItems(items.clone())],
        json!(["kim", "lee", "Park"]),
        "kim, lee, park in any order | kim, lee, Park (missing: park; not expected: Park)",
    );
    check_value(
        "",
        vec![Rule::SameItems(items)],
        json!([]),
        "kim, lee, park in any order | nothing",
    );
}

#[test]
fn a_refusal_is_a_word_and_not_a_code() {
    let refused = Actual::error(
        "23514",
        "new row for relation \"expense\" violates check constraint",
    );
    let accepted = Actual::error("P0001", "accepted");
    let rule = |code: &str| matcher("", vec![Rule::Error(code.to_owned())]);
    check(
        &rule("23514"),
        &accepted,
        "is refused, because it breaks a rule | was accepted",
    );
    check(
        &rule("accepted"),
        &refused,
        "is accepted | was refused, because it breaks a rule",
    );
    check(
        &rule("55P03"),
        &Actual::value(json!([])),
        "is refused | was accepted",
    );
    check(
        &rule("billable is true"),
        &Actual::error("P0001", "billable is unknown"),
        "billable is true | billable is unknown",
    );
    let duplicate = Actual::error("DuplicateKey", "11000 E11000 duplicate key error");
    check(
        &rule("121"),
        &duplicate,
        "is refused, because it breaks a rule | was refused, but because it exists already",
    );
    let either = Rule::Any(vec![rule("23502"), rule("23514")]);
    check(
        &matcher("", vec![either]),
        &accepted,
        "is refused, because a value is missing or because it breaks a rule | was accepted",
    );
    check(
        &matcher("", vec![number("1")]),
        &Actual::error("42P01", "relation \"fjord.team\" does not exist"),
        "1 | there is no table or view fjord.team",
    );
    for (code, message, expected) in [
        (
            "404",
            "NOT_FOUND - no queue 'orders' in vhost 'shop'",
            "1 | there is no queue orders",
        ),
        (
            "42703",
            "column \"hours\" does not exist",
            "1 | there is no column hours",
        ),
        (
            "404",
            "NOT_FOUND - no vhost",
            "1 | does not exist: no vhost",
        ),
    ] {
        let error = Actual::error(code, message);
        check(&matcher("", vec![number("1")]), &error, expected);
    }
    check(
        &matcher("", vec![number("1")]),
        &Actual::error("42501", "permission denied for table pay"),
        "1 | was refused: permission denied for table pay",
    );
}

#[test]
fn the_envelope_of_a_reply_and_a_list_of_one_are_not_named() {
    check_value(
        "$.cursor.firstBatch",
        vec![Rule::Equals(json!([{"_id": "Data Platform", "n": 60}]))],
        json!({"cursor": {"firstBatch": [{"_id": "Data", "n": 60}]}}),
        "_id: Data, expected Data Platform",
    );
    check_value(
        "$.cursor.firstBatch",
        vec![Rule::Equals(json!([1, 2]))],
        json!({"cursor": {"firstBatch": []}}),
        "1, 2 | an empty list",
    );
    check_value(
        "",
        vec![Rule::Equals(json!({"cloud": 500, "data": 5300}))],
        json!({"data": 5000, "cloud": 800}),
        "cloud: 800, expected 500\ndata: 5000, expected 5300",
    );
    check_value(
        "",
        vec![number("8")],
        json!("8"),
        "8 (a number) | 8 (a text)",
    );
    let integer = Rule::Type(vec![ValueType::Integer]);
    check_value("", vec![integer], json!("8"), "an integer | 8 (a text)");
    let not = Rule::Not(Box::new(matcher("", vec![Rule::Contains(json!("SORT"))])));
    check_value(
        "",
        vec![not],
        json!(["SORT", "COLLSCAN"]),
        "without SORT | SORT, COLLSCAN",
    );
}

#[test]
fn a_regular_expression_is_left_to_the_sentence_of_the_check() {
    let regex = regex::Regex::new("cmdstat_scan:").unwrap();
    check_value(
        "",
        vec![Rule::Matches(regex.clone())],
        json!("a\r\nb\r\n"),
        "a ⏎ b",
    );
    let plan = json!([{"QUERY PLAN": [{"Node Type": "x".repeat(100)}]}]);
    check_value(
        "",
        vec![Rule::Matches(regex.clone())],
        plan,
        "something else; `--verbose` shows it",
    );
    check_value(
        "",
        vec![Rule::Matches(regex)],
        json!("a line of a log\n".repeat(40)),
        "something else; `--verbose` shows it",
    );
}

#[test]
fn a_status_shows_the_message_of_the_service() {
    let status = Matcher {
        rules: vec![Rule::Status(Box::new(matcher("", vec![number("200")])))],
        ..Matcher::default()
    };
    let actual = Actual::with_status(
        json!({"error": "Object Not Found", "reason": "x"}),
        Status::Failure(404),
    );
    check(&status, &actual, "status 200 | does not exist");
    check(
        &matcher("", vec![Rule::Exists]),
        &actual,
        "something | does not exist",
    );
}
