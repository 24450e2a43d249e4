//! The schema says of each mapping exactly what its reader reads: the same keys, the same kinds, the same that must be there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use crate::lab::fields::asked;
use crate::lab::read_step::steps;
use crate::lab::talk::talk_of;
use crate::lab::vars::Vars;
use crate::lab::yaml::{Kind, Node};
use crate::lab::{Level, SCHEMA, ServiceName, lab_file};

/// Everything that a lab file may hold, once; what excludes each other stands in two places.
const WHOLE: &str = "
level: beginner
minutes: 1
exercises:
  - id: deed
    checks:
      - id: c
        redis: { service: s, command: [GET, k] }
        expect: { equals: 1 }
        capture: { name: n }
        hints: [ { when: { absent: true }, say: h } ]
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
    wrong: [ { do: [ { redis: { service: s, command: [PING] } } ] } ]
  - id: quiz
    quiz: { choices: [a, b], answer: a }
";

const TALK: &str = "
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

/// The definitions of mappings that have keys of their own.
fn described() -> BTreeMap<String, BTreeSet<String>> {
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
fn every_key_that_is_read_is_described_and_every_described_one_is_read() {
    asked::take();
    let mut problems = Vec::new();
    lab_file::read(&parse(WHOLE), &Vars::new(), &mut problems).unwrap();
    let service = ServiceName::new("s").unwrap();
    talk_of(&parse(TALK), &service, &mut problems).unwrap();
    assert_eq!(problems, []);
    let read: BTreeMap<String, BTreeSet<String>> = asked::take()
        .into_iter()
        .map(|(noun, keys)| {
            let keys = keys.into_iter().map(str::to_owned).collect();
            (noun.replace(' ', "-"), keys)
        })
        .collect();
    assert_eq!(read, described());
}

#[test]
fn every_key_is_explained_and_nothing_else_is_let_through() {
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
            let explained =
                value["description"].is_string() || target.is_some_and(Value::is_string);
            assert!(explained, "{name}.{key}");
        }
    }
}

#[test]
fn what_must_be_there_is_what_the_readers_ask_for() {
    for (name, definition) in definitions() {
        let noun = name.replace('-', " ");
        let Some(keys) = definition["required"].as_array() else {
            continue;
        };
        let mut problems = Vec::new();
        let empty = parse("{}");
        let place = |yaml: &str| parse(yaml);
        // The mapping alone, where its reader finds it.
        match name.as_str() {
            "lab" => drop(lab_file::read(&empty, &Vars::new(), &mut problems)),
            "web-interface" => {
                let service = ServiceName::new("s").unwrap();
                drop(talk_of(&place("web: {}"), &service, &mut problems));
            }
            _ => {
                let yaml = match name.as_str() {
                    "exercise" => "exercises: [ {} ]".to_owned(),
                    "quiz" => "exercises: [ { id: x, quiz: {} } ]".to_owned(),
                    "check" => "exercises: [ { id: x, checks: [ {} ] } ]".to_owned(),
                    "hint" => "exercises: [ { id: x, checks: [ { hints: [ {} ] } ] } ]".to_owned(),
                    "wrong-answer" => "exercises: [ { id: x, wrong: [ {} ] } ]".to_owned(),
                    "capture" => "start: [ { capture: {} } ]".to_owned(),
                    "login" => "start: [ { http: { service: s, path: /, auth: {} } } ]".to_owned(),
                    "binding" => "start: [ { amqp: { service: s, bind: {} } } ]".to_owned(),
                    "declare_queue" | "declare_exchange" => {
                        format!("start: [ {{ amqp: {{ service: s, {name}: {{}} }} }} ]")
                    }
                    act => {
                        let act = act.split('-').next().unwrap();
                        format!("start: [ {{ {act}: {{}} }} ]")
                    }
                };
                drop(lab_file::read(&place(&yaml), &Vars::new(), &mut problems));
            }
        }
        let told: Vec<String> = problems
            .iter()
            .map(|problem| problem.what.clone())
            .collect();
        for key in keys.iter().filter_map(Value::as_str) {
            let needed = format!("a {noun} needs `{key}`");
            let service =
                key == "service" && told.iter().any(|what| what.contains("needs `service`"));
            assert!(service || told.contains(&needed), "{needed}: {told:#?}");
        }
        let needed = told
            .iter()
            .filter(|what| what.starts_with(&format!("a {noun} needs `")));
        for what in needed.filter(|_| name != "exercise") {
            let key = what.split('`').nth(1).unwrap();
            assert!(keys.contains(&key.into()), "{what}");
        }
    }
}

#[test]
fn levels_and_acts_are_those_of_the_reader() {
    let definitions = definitions();
    let levels = &definitions["lab"]["properties"]["level"]["enum"];
    assert_eq!(*levels, Value::from(Level::ALL.map(Level::name).to_vec()));
    let acts = definitions["step"]["oneOf"].as_array().unwrap();
    for act in acts.iter().map(|one| one["required"][0].as_str().unwrap()) {
        let node = parse(&format!("{{ {act}: {{}} }}"));
        let mut problems = Vec::new();
        steps(&[&node], None, &mut problems);
        let what = "a step needs exactly one probe or action";
        assert!(problems.iter().all(|problem| problem.what != what), "{act}");
        let Kind::Map(entries) = &node.kind else {
            panic!("a mapping")
        };
        assert_eq!(entries.len(), 1);
    }
}
