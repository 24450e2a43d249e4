//! Compares the JSON Schema with the readers: each mapping has the same keys and the same required keys in both.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use crate::lab::compose::read_interface;
use crate::lab::random::RandomValues;
use crate::lab::steps::{StepList, read_steps};
use crate::lab::testing::no_scripts;
use crate::lab::variables::Variables;
use crate::lab::yaml::{Node, Problems, read_keys};
use crate::lab::{Level, SCHEMA, ServiceName, lab_file};

/// Every key of lab.yaml, once; keys that exclude each other are in different places.
const WHOLE: &str = "
level: beginner
minutes: 1
random: { r: { hex: 8 } }
exercises:
  - id: practical
    checks:
      - id: c
        redis: { service: s, command: [GET, k] }
        expect: { equals: 1 }
        capture: { name: n }
        hints: [ { when: { absent: true }, say: h } ]
      - id: u
        redis: { service: s, command: [GET, k] }
        unchanged: { path: $.a }
    solution:
      - exec: { service: s, run: [a] }
      - http: { service: s, path: /, auth: { user: u } }
      - tcp: { service: s }
      - log: { service: s }
      - file: { service: s, path: /x }
      - sql: { service: s, query: q }
      - mongo: { service: s, command: { ping: 1 } }
      - amqp: { service: s, publish: { body: b } }
      - amqp: { service: s, declare_queue: { name: q } }
      - amqp: { service: s, declare_exchange: { name: e } }
      - amqp: { service: s, bind: { queue: q, exchange: e } }
      - restart: { service: s }
      - network: { service: s, cut: true }
      - pause: { service: s }
      - stop: { service: s }
      - start: { service: s }
      - disk: { service: s, path: /d, fill: true }
      - client: { service: s, input: i }
    right: [ { name: n, do: [ { redis: { service: s, command: [PING] } } ] } ]
    wrong: [ { do: [ { redis: { service: s, command: [PING] } } ] } ]
  - id: quiz
    quiz: { choices: [a, b], answer: a }
    measure:
      - id: m
        sides:
          - id: a
            path: $.a
            redis: { service: s, command: [GET, k] }
            touched: { redis: { service: s, command: [GET, k] }, path: $.a, unit: keys }
          - { id: b, redis: { service: s, command: [GET, k] } }
";

const X_ROADLAB: &str = "
ready: { redis: { command: [PING] } }
web: { title: t, port: 1 }
";

fn parse(text: &str) -> Node {
    Node::parse(Path::new("lab.yaml"), text).unwrap()
}

fn definitions() -> serde_json::Map<String, Value> {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    schema["$defs"].as_object().unwrap().clone()
}

/// Returns the keys of each mapping in the schema.
fn schema_keys() -> BTreeMap<String, BTreeSet<String>> {
    let keys = |definition: &Value| {
        let keys = definition["properties"].as_object()?.keys();
        Some(keys.cloned().collect())
    };
    let found = definitions().into_iter();
    found
        .filter_map(|(name, definition)| Some((name, keys(&definition)?)))
        .collect()
}

#[test]
fn the_schema_has_the_keys_that_the_readers_read() {
    read_keys::take();
    let mut problems = Vec::new();
    let random = RandomValues::read(&parse(WHOLE), &Variables::new(), None, &mut problems);
    lab_file::read(
        &parse(WHOLE),
        &Variables::new(),
        &random,
        &no_scripts(),
        &mut problems,
    )
    .unwrap();
    let service = ServiceName::new("s").unwrap();
    read_interface(&parse(X_ROADLAB), &service, &mut problems).unwrap();
    assert!(problems.is_empty(), "{problems:?}");
    let read: BTreeMap<String, BTreeSet<String>> = read_keys::take()
        .into_iter()
        .map(|(mapping, keys)| {
            let keys = keys.into_iter().map(str::to_owned).collect();
            (mapping.name().to_owned(), keys)
        })
        .collect();
    assert_eq!(read, schema_keys());
}

#[test]
fn every_key_has_a_description_and_other_keys_are_invalid() {
    let all = definitions();
    for (name, definition) in &all {
        let Some(keys) = definition["properties"].as_object() else {
            continue;
        };
        assert_eq!(definition["additionalProperties"], false, "{name}");
        for (key, value) in keys {
            let target = value["$ref"]
                .as_str()
                .and_then(|at| at.strip_prefix("#/$defs/"));
            let target = target.map(|target| &all[target]["description"]);
            let has_description =
                value["description"].is_string() || target.is_some_and(Value::is_string);
            assert!(has_description, "{name}.{key}");
        }
    }
}

/// Returns a file that has an empty mapping in the place of a definition.
fn with_empty(name: &str) -> String {
    match name {
        "lab" => "{}".to_owned(),
        "exercise" => "exercises: [ {} ]".to_owned(),
        "quiz" => "exercises: [ { id: x, quiz: {} } ]".to_owned(),
        "check" => "exercises: [ { id: x, checks: [ {} ] } ]".to_owned(),
        "measurement" => "exercises: [ { id: x, measure: [ {} ] } ]".to_owned(),
        "side" => "exercises: [ { id: x, measure: [ { sides: [ {}, {} ] } ] } ]".to_owned(),
        "touched" => {
            "exercises: [ { id: x, measure: [ { sides: [ { touched: {} }, {} ] } ] } ]".to_owned()
        }
        "unchanged" => "exercises: [ { id: x, checks: [ { unchanged: {} } ] } ]".to_owned(),
        "hint" => "exercises: [ { id: x, checks: [ { hints: [ {} ] } ] } ]".to_owned(),
        "right-answer" => "exercises: [ { id: x, right: [ {} ] } ]".to_owned(),
        "wrong-answer" => "exercises: [ { id: x, wrong: [ {} ] } ]".to_owned(),
        "capture" => "start: [ { capture: {} } ]".to_owned(),
        "login" => "start: [ { http: { service: s, path: /, auth: {} } } ]".to_owned(),
        "binding" => "start: [ { amqp: { service: s, bind: {} } } ]".to_owned(),
        "declare_queue" | "declare_exchange" => {
            format!("start: [ {{ amqp: {{ service: s, {name}: {{}} }} }} ]")
        }
        "web-interface" => "web: {}".to_owned(),
        step => {
            let key = step.split('-').next().unwrap();
            format!("start: [ {{ {key}: {{}} }} ]")
        }
    }
}

fn read(name: &str, yaml: &str, problems: &mut Problems) {
    let node = parse(yaml);
    match name {
        "web-interface" => {
            let service = ServiceName::new("s").unwrap();
            drop(read_interface(&node, &service, problems));
        }
        _ => drop(lab_file::read(
            &node,
            &Variables::new(),
            &RandomValues::default(),
            &no_scripts(),
            problems,
        )),
    }
}

#[test]
fn the_schema_requires_the_keys_that_the_readers_require() {
    for (name, definition) in definitions() {
        let Some(keys) = definition["required"].as_array() else {
            continue;
        };
        let required: BTreeSet<&str> = keys.iter().filter_map(Value::as_str).collect();
        let mut problems = Vec::new();
        read(&name, &with_empty(&name), &mut problems);
        let printed: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let missing: BTreeSet<&str> = printed
            .iter()
            .filter_map(|problem| problem.split("missing key `").nth(1)?.split('`').next())
            .collect();
        let is_required = |key: &&str| missing.contains(key);
        assert!(required.iter().all(is_required), "{name}: {printed:#?}");
    }
}

#[test]
fn levels_and_steps_are_those_of_the_readers() {
    let definitions = definitions();
    let levels = &definitions["lab"]["properties"]["level"]["enum"];
    assert_eq!(*levels, Value::from(Level::ALL.map(Level::name).to_vec()));
    let steps = definitions["step"]["oneOf"].as_array().unwrap();
    for key in steps.iter().map(|one| one["required"][0].as_str().unwrap()) {
        let mut problems = Vec::new();
        read_steps(
            &[&parse(&format!("{{ {key}: {{}} }}"))],
            StepList::Start,
            &mut problems,
        );
        let printed: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let unknown = printed
            .iter()
            .any(|problem| problem.contains("unknown key"));
        assert!(!unknown && !printed.is_empty(), "{key}: {printed:#?}");
    }
}
