//! Weaker forms of a matcher. If no wrong answer notices one, the original proves less than it seems to.
//!
//! Each form is a matcher again, so it compares values exactly as the original does.

use serde_json::{Map, Value};

use crate::expect::{Decimal, Matcher, Rule, ValuePath};
use crate::text;
use crate::text::Text;

/// The longest list whose members are left out one by one. A longer one is weakened to its length.
const MAX_MEMBERS: usize = 40;

/// A matcher with one of its rules weakened.
#[derive(Debug, Clone)]
pub struct Weakened {
    /// The rule that is weakened, in words.
    pub rule: Text,
    /// What it becomes, in words.
    pub weaker: Text,
    pub matcher: Matcher,
}

/// A weaker form of a rule: another rule, or none.
struct Form {
    rule: Text,
    weaker: Text,
    replacement: Option<Rule>,
}

/// Returns the weaker forms of a matcher, one for each rule in it and in the matchers that it combines.
pub fn weaken(matcher: &Matcher) -> Vec<Weakened> {
    let mut weakened = Vec::new();
    for (at, rule) in matcher.rules.iter().enumerate() {
        for form in forms(rule) {
            let mut weaker = matcher.clone();
            match form.replacement {
                Some(replacement) => weaker.rules[at] = replacement,
                None => drop(weaker.rules.remove(at)),
            }
            weakened.push(Weakened {
                rule: form.rule,
                weaker: form.weaker,
                matcher: weaker,
            });
        }
    }
    weakened
}

fn forms(rule: &Rule) -> Vec<Form> {
    match rule {
        Rule::Equals(Value::Array(items)) if items.len() > 1 => {
            vec![form(rule, all_but_one(items, &list_without))]
        }
        Rule::Equals(Value::Object(fields)) | Rule::Contains(Value::Object(fields))
            if fields.len() > 1 =>
        {
            vec![form(rule, all_fields_but_one(fields))]
        }
        Rule::SameItems(items) if items.len() > 1 => {
            vec![form(rule, all_but_one(items, &items_without))]
        }
        Rule::Rows(rows) if rows.len() > 1 => {
            vec![form(rule, all_but_one(rows, &rows_without))]
        }
        Rule::Rows(rows) if rows.len() == 1 => vec![form(rule, length(1))],
        Rule::Equals(Value::Null) => vec![dropped(rule)],
        Rule::Equals(_)
        | Rule::OneOf(_)
        | Rule::Contains(_)
        | Rule::SameItems(_)
        | Rule::Matches(_)
        | Rule::Rows(_) => vec![form(rule, plain(Rule::Exists))],
        Rule::AtLeast(limit) => vec![form(rule, plain(Rule::AtLeast(moved(limit, -1))))],
        Rule::AtMost(limit) => vec![form(rule, plain(Rule::AtMost(moved(limit, 1))))],
        Rule::Error(code) if !code.is_empty() => vec![Form {
            rule: described(rule),
            weaker: text!("any error"),
            replacement: Some(Rule::Error(String::new())),
        }],
        Rule::NotEquals(_)
        | Rule::Exists
        | Rule::Absent
        | Rule::Columns(_)
        | Rule::Type(_)
        | Rule::Not(_) => {
            vec![dropped(rule)]
        }
        Rule::Error(_) => Vec::new(),
        Rule::Length(inner) => wrapped(inner, &|matcher| Rule::Length(Box::new(matcher))),
        Rule::Status(inner) => wrapped(inner, &|matcher| Rule::Status(Box::new(matcher))),
        Rule::All(matchers) => combined(matchers, &Rule::All),
        Rule::Any(matchers) => combined(matchers, &Rule::Any),
    }
}

/// What a rule becomes, and the words for it where those of the rule itself would be too long.
struct Replacement {
    rule: Rule,
    words: Option<Text>,
}

fn plain(rule: Rule) -> Replacement {
    Replacement { rule, words: None }
}

fn length(count: usize) -> Replacement {
    let equals = Rule::Equals(Value::from(count));
    plain(Rule::Length(Box::new(only(equals))))
}

fn form(rule: &Rule, replacement: Replacement) -> Form {
    Form {
        rule: described(rule),
        weaker: replacement
            .words
            .unwrap_or_else(|| described(&replacement.rule)),
        replacement: Some(replacement.rule),
    }
}

fn dropped(rule: &Rule) -> Form {
    Form {
        rule: described(rule),
        weaker: text!("anything"),
        replacement: None,
    }
}

fn described(rule: &Rule) -> Text {
    only(rule.clone()).text()
}

fn only(rule: Rule) -> Matcher {
    Matcher {
        rules: vec![rule],
        ..Matcher::default()
    }
}

/// Moves a bound by one, by one in its last decimal place, or by a hundredth if that is more: what is measured in seconds or
/// bytes cannot be missed by exactly one.
fn moved(limit: &Decimal, by: i64) -> Decimal {
    let written = limit.as_str();
    if let Ok(integer) = written.parse::<i64>() {
        let step = (integer / 100).abs().max(1);
        return Decimal::from(integer.saturating_add(by.saturating_mul(step)));
    }
    let decimals = written
        .split_once('.')
        .map_or(0, |(_, digits)| digits.len());
    let number: f64 = written.parse().unwrap_or_default();
    let step = 10_f64.powi(-(decimals as i32)).max(number.abs() / 100.0);
    let moved = format!("{:.decimals$}", number + step * by as f64);
    Decimal::parse(&moved).expect("a formatted number is a decimal number")
}

/// Weakens the matcher inside a rule.
fn wrapped(inner: &Matcher, wrap: &dyn Fn(Matcher) -> Rule) -> Vec<Form> {
    let weakened = weaken(inner).into_iter().map(|weakened| Form {
        rule: described(&wrap(inner.clone())),
        weaker: described(&wrap(weakened.matcher.clone())),
        replacement: Some(wrap(weakened.matcher)),
    });
    weakened.collect()
}

/// Weakens one matcher of several in turn.
fn combined(matchers: &[Matcher], combine: &dyn Fn(Vec<Matcher>) -> Rule) -> Vec<Form> {
    let mut forms = Vec::new();
    for (at, matcher) in matchers.iter().enumerate() {
        for weakened in weaken(matcher) {
            let mut all = matchers.to_vec();
            all[at] = weakened.matcher;
            forms.push(Form {
                rule: weakened.rule,
                weaker: weakened.weaker,
                replacement: Some(combine(all)),
            });
        }
    }
    forms
}

/// Accepts lists with one member missing or another in its place. `without` returns the two matchers for a position.
fn all_but_one(items: &[Value], without: &dyn Fn(&[Value], usize) -> [Matcher; 2]) -> Replacement {
    if items.len() > MAX_MEMBERS {
        return length(items.len());
    }
    let forms = (0..items.len()).flat_map(|at| without(items, at));
    let list = Value::Array(items.to_vec());
    let equals = described(&Rule::Equals(list));
    Replacement {
        rule: Rule::Any(forms.collect()),
        words: Some(text!("all but one of {list}", list = equals)),
    }
}

fn without(items: &[Value], left_out: usize) -> Vec<Value> {
    let others = items.iter().enumerate().filter(|(at, _)| *at != left_out);
    others.map(|(_, item)| item.clone()).collect()
}

/// A list of this length in which every member but one, at its place, holds.
fn with_another(length: usize, left_out: usize, member: &dyn Fn(usize) -> Matcher) -> Matcher {
    let equals = Rule::Equals(Value::from(length));
    let mut all = vec![only(Rule::Length(Box::new(only(equals))))];
    all.extend((0..length).filter(|at| *at != left_out).map(member));
    only(Rule::All(all))
}

fn list_without(items: &[Value], left_out: usize) -> [Matcher; 2] {
    let member = |at: usize| Matcher {
        path: path(&format!("$[{at}]")),
        ..only(Rule::Equals(items[at].clone()))
    };
    let missing = Rule::Equals(Value::Array(without(items, left_out)));
    [only(missing), with_another(items.len(), left_out, &member)]
}

fn rows_without(rows: &[Value], left_out: usize) -> [Matcher; 2] {
    let member = |at: usize| Matcher {
        path: path(&format!("$[{at}:{}]", at + 1)),
        ..only(Rule::Rows(vec![rows[at].clone()]))
    };
    let missing = Rule::Rows(without(rows, left_out));
    [only(missing), with_another(rows.len(), left_out, &member)]
}

fn items_without(items: &[Value], left_out: usize) -> [Matcher; 2] {
    let contained = |at: usize| only(Rule::Contains(items[at].clone()));
    let missing = Rule::SameItems(without(items, left_out));
    [
        only(missing),
        with_another(items.len(), left_out, &contained),
    ]
}

fn all_fields_but_one(fields: &Map<String, Value>) -> Replacement {
    let forms = fields.keys().map(|left_out| {
        let others = fields.iter().filter(|(name, _)| *name != left_out);
        let others = others.map(|(name, value)| (name.clone(), value.clone()));
        only(Rule::Contains(Value::Object(others.collect())))
    });
    let object = described(&Rule::Equals(Value::Object(fields.clone())));
    Replacement {
        rule: Rule::Any(forms.collect()),
        words: Some(text!("all but one of {list}", list = object)),
    }
}

fn path(text: &str) -> Option<ValuePath> {
    Some(ValuePath::parse(text).expect("an index is a valid path"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::expect::Actual;

    /// Asserts that the matcher refuses `noticed`, that its only weaker form accepts it, and that it still refuses `far`.
    #[track_caller]
    fn check(rule: Rule, noticed: Value, far: Option<Value>) {
        let matcher = only(rule);
        let weakened = weaken(&matcher);
        assert_eq!(weakened.len(), 1, "{weakened:?}");
        let weaker = &weakened[0].matcher;
        assert!(!matcher.holds(&Actual::value(noticed.clone())));
        assert!(weaker.holds(&Actual::value(noticed)), "{weaker:?}");
        if let Some(far) = far {
            assert!(!weaker.holds(&Actual::value(far)), "{weaker:?}");
        }
    }

    #[test]
    fn a_value_becomes_any_value() {
        check(
            Rule::Equals(json!("hello")),
            json!("hallo"),
            Some(json!(null)),
        );
        check(Rule::OneOf(vec![json!(1)]), json!(2), Some(json!(null)));
        check(Rule::Contains(json!("a")), json!("b"), Some(json!(null)));
        let regex = regex::Regex::new("^a").unwrap();
        check(Rule::Matches(regex), json!("b"), Some(json!(null)));
        check(Rule::Equals(json!(null)), json!("b"), None);
        check(Rule::Exists, json!(null), None);
        check(Rule::Absent, json!(1), None);
        check(Rule::NotEquals(json!(1)), json!(1), None);
    }

    #[test]
    fn a_bound_moves_by_one() {
        check(Rule::AtLeast(3.into()), json!(2), Some(json!(1)));
        check(Rule::AtMost(100.into()), json!(101), Some(json!(102)));
        check(Rule::AtMost(3600.into()), json!(3636), Some(json!(3637)));
        check(Rule::AtLeast(5000.into()), json!(4999), Some(json!(4949)));
        check(
            Rule::AtMost(Decimal::parse("0.5").unwrap()),
            json!(0.6),
            Some(json!(0.7)),
        );
    }

    #[test]
    fn a_list_may_lack_one_member_or_have_another_in_its_place() {
        for list in [json!([1, 3]), json!([1, 9, 3])] {
            let items = [json!(1), json!(2), json!(3)];
            let far = Some(json!([1, 9, 9]));
            check(Rule::Equals(json!(items)), list.clone(), far.clone());
            check(Rule::SameItems(items.to_vec()), list, far);
        }
        let rows = vec![json!([1, "a"]), json!([2, "b"])];
        let seen = json!([{ "id": 1, "name": "a" }, { "id": 2, "name": "z" }]);
        check(Rule::Rows(rows.clone()), seen, Some(json!([])));
        check(Rule::Rows(rows), json!([{ "id": 2, "name": "b" }]), None);
        check(
            Rule::Rows(vec![json!([1])]),
            json!([{ "n": 2 }]),
            Some(json!([])),
        );
    }

    #[test]
    fn an_object_may_differ_in_one_field() {
        let object = json!({ "stock": 7, "price": 990 });
        let seen = json!({ "stock": 8, "price": 990 });
        let far = Some(json!({ "stock": 8, "price": 1 }));
        check(Rule::Equals(object.clone()), seen.clone(), far.clone());
        check(Rule::Contains(object), seen, far);
    }

    #[test]
    fn each_rule_of_a_matcher_is_weakened_in_turn() {
        let inner = |rule| only(rule);
        let all = Rule::All(vec![
            inner(Rule::AtLeast(1.into())),
            inner(Rule::Not(Box::new(only(Rule::Equals(json!(5)))))),
        ]);
        let matcher = Matcher {
            rules: vec![all, Rule::AtMost(9.into())],
            ..Matcher::default()
        };
        let words: Vec<String> = weaken(&matcher)
            .iter()
            .map(|weakened| {
                let words = [&weakened.rule, &weakened.weaker];
                words.map(Text::localized).join(" → ")
            })
            .collect();
        assert_eq!(
            words,
            [
                "at least 1 → at least 0",
                "not (5) → anything",
                "at most 9 → at most 10"
            ]
        );
        let five = weaken(&matcher).remove(1).matcher;
        assert!(five.holds(&Actual::value(5)) && !five.holds(&Actual::value(10)));
    }

    #[test]
    fn the_matcher_of_a_length_is_weakened() {
        let bound = Rule::Length(Box::new(only(Rule::AtMost(2.into()))));
        check(bound, json!([1, 2, 3]), Some(json!([1, 2, 3, 4])));
    }

    #[test]
    fn another_error_is_accepted_in_place_of_one() {
        let matcher = only(Rule::Error("23505".to_owned()));
        let weaker = weaken(&matcher).remove(0).matcher;
        assert!(weaker.holds(&Actual::error("23514", "violates check constraint")));
        assert!(!weaker.holds(&Actual::value(1)));
    }
}
