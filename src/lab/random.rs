//! Values that differ by learner: `random` in lab.yaml. A draw gives each name a value; the same draw always gives the same.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::lab::steps::references;
use crate::lab::variables::{Variables, is_variable_name};
use crate::lab::yaml::{Fields, Kind, Mapping, Node, Problems, keyed_entries};
use crate::problem::{Code, Place, Problem, ProblemKind};
use crate::text;

/// The most random values of a lab.
const MAX_VALUES: usize = 50;

/// The hexadecimal digits of a value.
const DIGITS: std::ops::RangeInclusive<i64> = 1..=32;

/// The draw of a run, from which its random values follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Draw {
    seed: String,
    /// Another draw whose values this one must not have.
    #[serde(skip)]
    unlike: Option<String>,
}

impl Draw {
    /// Creates the draw that follows from a text.
    pub fn new(seed: impl Into<String>) -> Self {
        Self {
            seed: seed.into(),
            unlike: None,
        }
    }

    /// Returns the draw of a test, which is always the same.
    pub fn of_test() -> Self {
        Self::new("test-1")
    }

    /// Returns another draw of a test: each of its values differs from that of the first.
    pub fn second_of_test() -> Self {
        Self {
            seed: "test-2".to_owned(),
            unlike: Some("test-1".to_owned()),
        }
    }

    /// Returns the text from which it follows.
    pub fn seed(&self) -> &str {
        &self.seed
    }

    /// Returns a number below `count`, which is at least 1.
    fn number(&self, name: &str, count: u128) -> u128 {
        match &self.unlike {
            Some(other) if count > 1 => {
                let other = hash(other, name) % count;
                (other + 1 + hash(&self.seed, name) % (count - 1)) % count
            }
            Some(_) | None => hash(&self.seed, name) % count,
        }
    }
}

fn hash(seed: &str, name: &str) -> u128 {
    let digest = Sha256::digest(format!("{seed}\0{name}"));
    let first = digest.first_chunk().copied();
    u128::from_be_bytes(first.expect("SHA-256 has 32 bytes"))
}

/// The random values of a lab.
#[derive(Debug, Clone, Default)]
pub struct RandomValues {
    /// The draw of the run; `None` if the lab has none yet. The values are then those of an example.
    pub draw: Option<Draw>,
    values: BTreeMap<String, Value>,
}

/// A value and where it is defined.
#[derive(Debug, Clone)]
struct Value {
    /// A number, or a text.
    kind: Kind,
    /// The value as it stands in a text.
    text: String,
    place: Place,
}

/// What values a name can have.
#[derive(Debug)]
enum Choice {
    /// This many hexadecimal digits, of which the first is a letter: such a value is never taken for a number.
    Hex(u32),
    Integers {
        from: i64,
        to: i64,
    },
    OneOf(Vec<Node>),
}

impl Choice {
    /// Returns how many values there are.
    fn count(&self) -> u128 {
        match self {
            Choice::Hex(digits) => 6 * 16_u128.pow(digits - 1),
            Choice::Integers { from, to } => (i128::from(*to) - i128::from(*from) + 1)
                .try_into()
                .unwrap_or(0),
            Choice::OneOf(values) => values.len() as u128,
        }
    }

    /// Returns one of the values, which are counted from 0.
    fn value(&self, number: u128) -> Kind {
        match self {
            Choice::Hex(digits) => {
                let first = 16_u128.pow(digits - 1);
                Kind::String(format!("{:x}", 10 * first + number))
            }
            Choice::Integers { from, .. } => {
                let number = i128::from(*from) + number.cast_signed();
                let number = i64::try_from(number).unwrap_or(*from);
                Kind::Number(number.into(), number.to_string())
            }
            Choice::OneOf(values) => usize::try_from(number)
                .ok()
                .and_then(|at| values.get(at))
                .map_or(Kind::Null, |node| node.kind.clone()),
        }
    }
}

impl RandomValues {
    /// Returns whether a lab.yaml has random values.
    pub(crate) fn are_in(root: &Node) -> bool {
        let random = root.child("random").map(|node| &node.kind);
        matches!(random, Some(Kind::Map(entries)) if !entries.is_empty())
    }

    /// Reads `random` of a lab.yaml and draws its values; without a draw, those of an example. `variables` are the names that are
    /// taken.
    pub(crate) fn read(
        root: &Node,
        variables: &Variables,
        draw: Option<&Draw>,
        problems: &mut Problems,
    ) -> Self {
        let mut random = Self {
            draw: draw.cloned(),
            values: BTreeMap::new(),
        };
        let Some(node) = root.child("random") else {
            return random;
        };
        let example = Draw::new("example");
        let draw = draw.unwrap_or(&example);
        let entries = keyed_entries(node, "random", problems);
        if entries.len() > MAX_VALUES {
            let what = text!(
                "too many random values: the limit is {limit}",
                limit = MAX_VALUES
            );
            problems.push(Problem::new(what).code(Code::Limit).at(node.place()));
        }
        for (key, node) in entries.into_iter().take(MAX_VALUES) {
            let Some(name) = key.as_string() else {
                continue;
            };
            check_name(&name, key, variables, problems);
            let choice = read_choice(&name, node, problems);
            // What is broken has a value too, so that nothing follows from it.
            let kind = choice.map_or(Kind::Number(1.into(), "1".to_owned()), |choice| {
                choice.value(draw.number(&name, choice.count()))
            });
            let text = node.with_kind(kind.clone()).as_string();
            let value = Value {
                kind,
                text: text.unwrap_or_default(),
                place: key.place(),
            };
            random.values.insert(name, value);
        }
        random
    }

    /// Returns whether the lab has no random values.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Returns the values by name.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        let values = self.values.iter();
        values.map(|(name, value)| (name.as_str(), value.text.as_str()))
    }

    /// Returns what guides show: the values, or names in capitals while there are none.
    pub(crate) fn shown(&self) -> Variables {
        let values = self.texts();
        let shown = values.map(|(name, text)| match self.draw {
            Some(_) => (name.to_owned(), text.to_owned()),
            None => (name.to_owned(), placeholder(name)),
        });
        shown.collect()
    }

    /// Returns the placeholders in a text of a guide.
    pub fn placeholders_in(&self, text: &str) -> Vec<String> {
        let undrawn = self.values.keys().filter(|_| self.draw.is_none());
        let names = undrawn.map(|name| placeholder(name));
        names.filter(|name| text.contains(name)).collect()
    }

    /// Adds the values to the variables that steps refer to.
    pub(crate) fn add_to(&self, variables: &Variables) -> Variables {
        let mut all = variables.clone();
        let values = self.texts();
        all.extend(values.map(|(name, text)| (name.to_owned(), text.to_owned())));
        all
    }

    /// Replaces each text that is nothing but a reference to a number by that number, so that it is compared as one.
    pub(crate) fn put_numbers(&self, node: &Node, captures: &BTreeSet<String>) -> Node {
        let number = |string: &str| {
            let name = string.strip_prefix("${")?.strip_suffix('}')?;
            let value = self.values.get(name).filter(|_| !captures.contains(name))?;
            matches!(value.kind, Kind::Number(..)).then(|| value.kind.clone())
        };
        let put = |node: &Node| self.put_numbers(node, captures);
        match &node.kind {
            Kind::String(string) => match number(string) {
                Some(number) => node.with_kind(number),
                None => node.clone(),
            },
            Kind::List(items) => node.with_kind(Kind::List(items.iter().map(put).collect())),
            Kind::Map(entries) => {
                let entries = entries.iter();
                let entries = entries.map(|(key, value)| (key.clone(), put(value)));
                node.with_kind(Kind::Map(entries.collect()))
            }
            Kind::Null | Kind::Bool(_) | Kind::Number(..) => node.clone(),
        }
    }

    /// Returns the names that a tree refers to.
    pub(crate) fn used_in(&self, node: &Node) -> BTreeSet<String> {
        let mut used = BTreeSet::new();
        if !self.is_empty() {
            self.collect(node, lab_references, &mut |name, _| {
                used.insert(name);
            });
        }
        used
    }

    /// Returns the names that the templates of a text refer to.
    pub(crate) fn named_in(&self, text: &str) -> BTreeSet<String> {
        let names = self.values.keys();
        let tags = text.split("{{").skip(1);
        let tags: Vec<&str> = tags
            .filter_map(|tag| Some(tag.split_once("}}")?.0.trim()))
            .collect();
        names
            .filter(|name| tags.contains(&name.as_str()))
            .cloned()
            .collect()
    }

    /// Refuses references in a Compose file: its containers are the same for every learner.
    pub(crate) fn refuse_in_compose(&self, root: &Node, problems: &mut Problems) {
        self.collect(root, compose_references, &mut |name, place| {
            let what = text!(
                "`{name}` differs by learner, and containers are the same for all",
                name
            );
            let help =
                text!("give the service its value in `start` of lab.yaml, or use one of `vars`");
            let problem = Problem::new(what).code(Code::InvalidReference);
            problems.push(problem.at(place).help(help));
        });
    }

    fn collect(
        &self,
        node: &Node,
        names: fn(&str) -> Vec<String>,
        found: &mut dyn FnMut(String, Place),
    ) {
        match &node.kind {
            Kind::String(string) => {
                for name in names(string) {
                    if self.values.contains_key(&name) {
                        found(name, node.place());
                    }
                }
            }
            Kind::List(items) => items
                .iter()
                .for_each(|item| self.collect(item, names, found)),
            Kind::Map(entries) => entries
                .iter()
                .for_each(|(_, value)| self.collect(value, names, found)),
            Kind::Null | Kind::Bool(_) | Kind::Number(..) => {}
        }
    }

    /// Notes each value that neither lab.yaml nor a guide uses.
    pub(crate) fn check_used(&self, used: &BTreeSet<String>, problems: &mut Problems) {
        for (name, value) in &self.values {
            if used.contains(name) {
                continue;
            }
            let what = text!("the random value `{name}` is not used", name);
            let help = text!(
                "use it as `${{{name}}}` in a step or `{{{{ {name} }}}}` in the guides, or remove it",
                name
            );
            let problem = Problem::new(what).kind(ProblemKind::Note).code(Code::Note);
            problems.push(problem.at(value.place.clone()).help(help));
        }
    }

    /// Reports the names that captures and services have too.
    pub(crate) fn check_names<'a>(
        &self,
        captures: &BTreeSet<String>,
        services: impl Iterator<Item = &'a str>,
        problems: &mut Problems,
    ) {
        let services: BTreeSet<String> = services.map(|name| name.replace('-', "_")).collect();
        for (name, value) in &self.values {
            let what = if captures.contains(name) {
                text!("`{name}` is the name of a capture too", name)
            } else if services.contains(name) {
                text!("`{name}` is the name of a service too", name)
            } else {
                continue;
            };
            problems.push(taken(what, value.place.clone()));
        }
    }
}

/// Returns the names that a text of lab.yaml refers to, as in `${name}` and `${name:-default}`.
fn lab_references(text: &str) -> Vec<String> {
    let names = references(text);
    names.map(|name| leading_name(&name).to_owned()).collect()
}

/// Returns the names that a text of a Compose file refers to, as in `$name` and `${name:-default}`.
fn compose_references(text: &str) -> Vec<String> {
    // `$$` is a dollar sign.
    let text = text.replace("$$", "");
    let after = text.split('$').skip(1);
    let names = after.map(|rest| leading_name(rest.strip_prefix('{').unwrap_or(rest)));
    names.map(str::to_owned).collect()
}

fn leading_name(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    &text[..end.unwrap_or(text.len())]
}

/// `TOKEN`, as in the usage of a command.
fn placeholder(name: &str) -> String {
    name.to_uppercase()
}

fn taken(what: text::Text, place: Place) -> Problem {
    let help = text!("give the random value another name");
    Problem::new(what)
        .code(Code::DuplicateName)
        .at(place)
        .help(help)
}

fn check_name(name: &str, key: &Node, variables: &Variables, problems: &mut Problems) {
    if !is_variable_name(name) {
        let what = text!(
            "`{name}` cannot be the name of a random value",
            name = name.escape_debug()
        );
        let help = text!("use letters, digits and `_`, and begin with a letter");
        let problem = Problem::new(what).code(Code::InvalidName);
        problems.push(problem.at(key.place()).help(help));
    } else if variables.contains_key(name) {
        let what = text!("`{name}` is defined in `vars` too", name);
        problems.push(taken(what, key.place()));
    } else if name == "lab" {
        let what = text!("`{name}` is the name of the lab in guides", name);
        problems.push(taken(what, key.place()));
    }
}

fn read_choice(name: &str, node: &Node, problems: &mut Problems) -> Option<Choice> {
    let mut fields = Fields::open(node, Mapping::RandomValue, problems)?;
    let hex = fields.contains("hex");
    let integers = fields.contains("from") || fields.contains("to");
    let one_of = fields.contains("one_of");
    let before = problems.len();
    let digits = fields.integer("hex", problems);
    // Beside another kind, a range is one kind too many, and not half of one.
    let (from, to) = match integers && !hex && !one_of {
        true => (
            fields.required("from", node, problems),
            fields.required("to", node, problems),
        ),
        false => (fields.get("from"), fields.get("to")),
    };
    let from = from.and_then(|_| fields.integer("from", problems));
    let to = to.and_then(|_| fields.integer("to", problems));
    let values = fields.list("one_of", problems);
    let kinds = usize::from(hex) + usize::from(integers) + usize::from(one_of);
    if kinds != 1 {
        let what = text!("a random value needs one of `hex`, `from` and `to`, or `one_of`");
        let help = text!(
            "write `{name}: {{ hex: 8 }}`, `{name}: {{ from: 10, to: 99 }}` or `{name}: {{ one_of: [a, b] }}`",
            name
        );
        let problem = Problem::new(what).code(Code::MissingKey);
        let problem = problem.at(node.place()).help(help);
        match kinds {
            0 => fields.report_missing(&["hex", "from", "to", "one_of"], problem),
            _ => problems.push(problem),
        }
    }
    fields.close(problems);
    if problems.len() > before {
        return None;
    }
    let limit = |what: text::Text, help: text::Text, problems: &mut Problems| {
        let problem = Problem::new(what).code(Code::Limit);
        problems.push(problem.at(node.place()).help(help));
        None
    };
    let choice = match (digits, from.zip(to)) {
        (Some(digits), _) if DIGITS.contains(&digits) => Choice::Hex(digits.unsigned_abs() as u32),
        (Some(digits), _) => {
            let what = text!("`hex` must be from 1 to 32 digits, not {digits}", digits);
            return limit(what, text!("write `{name}: {{ hex: 8 }}`", name), problems);
        }
        (None, Some((from, to))) if from > to => {
            let what = text!("the range from {from} to {to} is empty", from, to);
            return limit(what, text!("swap `from` and `to`"), problems);
        }
        (None, Some((from, to))) => Choice::Integers { from, to },
        (None, None) => Choice::OneOf(read_values(&values, problems)?),
    };
    if choice.count() < 2 {
        let what = match choice.count() {
            0 => text!("`{name}` has no value to draw", name),
            _ => text!("`{name}` has one value, so it does not differ", name),
        };
        let help = text!("allow at least two values, or move it to `vars`");
        return limit(what, help, problems);
    }
    Some(choice)
}

/// Reads the values of `one_of`, which are texts and numbers.
fn read_values(values: &[&Node], problems: &mut Problems) -> Option<Vec<Node>> {
    let mut seen = BTreeSet::new();
    let before = problems.len();
    for node in values {
        let text = match node.kind {
            Kind::String(_) | Kind::Number(..) => node.as_string(),
            Kind::Null | Kind::Bool(_) | Kind::List(_) | Kind::Map(_) => None,
        };
        let problem = match text {
            None => Problem::new(text!(
                "a value of `one_of` must be a text or a number, not {actual}",
                actual = node.describe()
            ))
            .code(Code::WrongType),
            Some(text) if !seen.insert(text.clone()) => {
                Problem::new(text!("duplicate value `{value}`", value = text))
                    .code(Code::DuplicateName)
                    .help(text!("remove one of the two"))
            }
            Some(_) => continue,
        };
        problems.push(problem.at(node.place()));
    }
    (problems.len() == before).then(|| values.iter().map(|node| (*node).clone()).collect())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn read(random: &str, draw: Option<&Draw>) -> (RandomValues, Vec<String>) {
        let text = format!("random:\n{random}");
        let root = Node::parse(Path::new("lab.yaml"), &text).unwrap();
        let mut problems = Vec::new();
        let variables = Variables::from([("user".to_owned(), "kim".to_owned())]);
        let random = RandomValues::read(&root, &variables, draw, &mut problems);
        (random, problems.iter().map(ToString::to_string).collect())
    }

    fn texts(random: &RandomValues) -> BTreeMap<String, String> {
        let texts = random.texts();
        texts
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .collect()
    }

    const THREE: &str =
        "  token: { hex: 8 }\n  price: { from: 10, to: 99 }\n  city: { one_of: [Seoul, Busan] }\n";

    #[test]
    fn the_same_draw_has_the_same_values_in_their_ranges() {
        for seed in 0..200 {
            let draw = Draw::new(seed.to_string());
            let (random, problems) = read(THREE, Some(&draw));
            assert!(problems.is_empty(), "{problems:?}");
            let values = texts(&random);
            assert_eq!(values, texts(&read(THREE, Some(&draw)).0));
            let token = &values["token"];
            assert_eq!(token.len(), 8);
            assert!(
                token.starts_with(|c: char| ('a'..='f').contains(&c)),
                "{token}"
            );
            assert!((10..=99).contains(&values["price"].parse().unwrap()));
            assert!(["Seoul", "Busan"].contains(&values["city"].as_str()));
        }
    }

    #[test]
    fn the_two_draws_of_a_test_have_no_value_in_common() {
        let many: String = (0..40)
            .map(|at| format!("  v{at}: {{ from: 1, to: {} }}\n", 2 + at % 3))
            .collect();
        let draws = [Draw::of_test(), Draw::second_of_test()];
        let [first, second] = draws.map(|draw| texts(&read(&many, Some(&draw)).0));
        for (name, value) in &first {
            assert_ne!(value, &second[name], "{name}");
        }
    }

    #[test]
    fn the_widest_ranges_have_values() {
        let wide = format!(
            "  a: {{ from: {}, to: {} }}\n  b: {{ hex: 32 }}\n",
            i64::MIN,
            i64::MAX
        );
        let (random, problems) = read(&wide, Some(&Draw::of_test()));
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(texts(&random)["b"].len(), 32);
        assert!(texts(&random)["a"].parse::<i64>().is_ok());
    }

    #[test]
    fn a_reference_alone_to_a_number_is_a_number() {
        let (random, _) = read(THREE, Some(&Draw::of_test()));
        let yaml = "[ '${price}', 'now ${price}', '${token}', '${id}' ]";
        let node = Node::parse(Path::new("lab.yaml"), yaml).unwrap();
        let put = random.put_numbers(&node, &BTreeSet::new()).to_json();
        assert!(put[0].is_i64(), "{put}");
        assert_eq!(put[1], "now ${price}");
        assert_eq!(put[2], "${token}");
        let captured = BTreeSet::from(["price".to_owned()]);
        assert_eq!(
            random.put_numbers(&node, &captured).to_json(),
            node.to_json()
        );
    }

    #[test]
    fn references_of_both_kinds_of_files_are_found() {
        assert_eq!(lab_references("${a}-${b:-c} $d $${e"), ["a", "b"]);
        assert_eq!(
            compose_references("$a ${b:-${c}} $$d x$"),
            ["a", "b", "c", ""]
        );
    }

    #[test]
    fn before_the_draw_guides_have_placeholders() {
        let (random, _) = read(THREE, None);
        assert_eq!(random.shown()["token"], "TOKEN");
        assert_eq!(random.placeholders_in("SET a TOKEN"), ["TOKEN"]);
        let (drawn, _) = read(THREE, Some(&Draw::of_test()));
        assert_eq!(drawn.shown()["token"], texts(&drawn)["token"]);
        assert!(drawn.placeholders_in("SET a TOKEN").is_empty());
    }

    #[test]
    fn every_problem_of_a_random_value_has_its_line() {
        let (_, problems) = read(
            "  user: { hex: 4 }
  lab: { hex: 4 }
  a-b: { hex: 4 }
  none: {}
  both: { hex: 4, from: 1 }
  hexx: { hxe: 4 }
  digits: { hex: 40 }
  swapped: { from: 9, to: 1 }
  same: { from: 5, to: 5 }
  half: { from: 5 }
  empty: { one_of: [] }
  single: { one_of: [a] }
  twice: { one_of: [a, a] }
  typed: { one_of: [[a], true] }
  word: { from: a, to: b }
  other: { digits: 8 }
",
            None,
        );
        insta::assert_snapshot!(problems.join("\n"), @r"
        lab.yaml:2:3: `user` is defined in `vars` too (give the random value another name)
        lab.yaml:3:3: `lab` is the name of the lab in guides (give the random value another name)
        lab.yaml:4:3: `a-b` cannot be the name of a random value (use letters, digits and `_`, and begin with a letter)
        lab.yaml:5:9: a random value needs one of `hex`, `from` and `to`, or `one_of` (write `none: { hex: 8 }`, `none: { from: 10, to: 99 }` or `none: { one_of: [a, b] }`)
        lab.yaml:6:9: a random value needs one of `hex`, `from` and `to`, or `one_of` (write `both: { hex: 8 }`, `both: { from: 10, to: 99 }` or `both: { one_of: [a, b] }`)
        lab.yaml:7:11: unknown key `hxe` in a random value (did you mean `hex`?)
        lab.yaml:8:11: `hex` must be from 1 to 32 digits, not 40 (write `digits: { hex: 8 }`)
        lab.yaml:9:12: the range from 9 to 1 is empty (swap `from` and `to`)
        lab.yaml:10:9: `same` has one value, so it does not differ (allow at least two values, or move it to `vars`)
        lab.yaml:11:9: missing key `to` in a random value
        lab.yaml:12:10: `empty` has no value to draw (allow at least two values, or move it to `vars`)
        lab.yaml:13:11: `single` has one value, so it does not differ (allow at least two values, or move it to `vars`)
        lab.yaml:14:24: duplicate value `a` (remove one of the two)
        lab.yaml:15:21: a value of `one_of` must be a text or a number, not a list
        lab.yaml:15:26: a value of `one_of` must be a text or a number, not `true`
        lab.yaml:16:17: `from` must be an integer, not `a`
        lab.yaml:16:24: `to` must be an integer, not `b`
        lab.yaml:17:12: unknown key `digits` in a random value (use one of `hex`, `from`, `to`, `one_of`)
        ");
    }
}
