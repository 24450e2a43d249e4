//! Fuzz targets: each takes any bytes and must neither panic nor hang. `tests/fuzz/` runs them; unit tests replay the corpus.

use std::path::Path;

use crate::expect::ValuePath;
use crate::lab::compose::read_ports;
use crate::lab::guide::Guide;
use crate::lab::rendering::render;
use crate::lab::size::parse_size;
use crate::lab::steps::read_matcher;
use crate::lab::template::render_without_addresses;
use crate::lab::testing::{COMPOSE, GUIDE, InMemoryFs, LAB, files, problems_of};
use crate::lab::variables::{Dialect, Variables, expand_all};
use crate::lab::yaml::{Kind, Node, parse_duration};
use crate::lab::{Addresses, ExerciseId, ImageName, Lab, LabId, Lang, RunId, load, load_services};
use crate::problem::{Problem, suggestion};

/// The separator between the parts of an input.
const SEPARATOR: &str = "\n=====\n";

/// Fuzzes the files of a lab: `lab.yaml`, `compose.yaml`, the English guide and an entry of the catalogue. A missing part is
/// replaced with a valid one.
pub fn lab(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut parts = text.splitn(4, SEPARATOR).map(|part| match part {
        "" => None,
        part => Some(part),
    });
    let mut part = |valid: &'static str| parts.next().flatten().unwrap_or(valid).to_owned();
    let (lab, compose, guide) = (part(LAB), part(COMPOSE), part(GUIDE));
    let mut files = files(&lab, &compose, &guide);
    let entry = part(COMPOSE);
    files.0.insert("compose/redis/compose.yaml".into(), entry);
    let folder = Path::new("labs/small");
    let loaded = load(folder, &files);
    if let Ok(loaded) = &loaded {
        assert_complete(&loaded.lab);
    }
    let problems = problems_of(loaded);
    assert_well_formed(&files, &problems);
    let again = problems_of(load(folder, &files));
    assert_eq!(print(&problems), print(&again), "loaded twice");
    load_services(Path::new("compose/redis"), &Default::default(), &files);
}

fn print(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(Problem::to_string).collect()
}

/// Asserts that a lab has what commands and completion rely on: a section for each exercise in each language, whose texts can
/// be rendered.
pub fn assert_complete(lab: &Lab) {
    for lang in lab.guides.keys().chain([&Lang::english()]) {
        for exercise in &lab.exercises {
            lab.section(&exercise.id, lang);
        }
        for text in lab.guide(lang).templates() {
            render(&text.markdown, lab, &Addresses::new()).expect("a valid template");
        }
    }
}

/// Asserts that every problem has a text, and a place inside its file.
pub fn assert_well_formed(files: &InMemoryFs, problems: &[Problem]) {
    for problem in problems {
        assert!(!problem.to_string().is_empty());
        let Some(place) = problem.place.as_ref().filter(|place| place.line > 0) else {
            continue;
        };
        let text = files.0.get(&place.file).expect("a file of the lab");
        let lines = text.trim_start_matches('\u{feff}').lines().count();
        // An error at the end of a file points after its last line.
        assert!(
            place.line <= lines + 1,
            "{problem}: the file has {lines} lines"
        );
        assert!(
            place.text.is_empty() || text.contains(&place.text),
            "{problem}"
        );
    }
}

/// Fuzzes the YAML parser.
pub fn yaml(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(node) = Node::parse(Path::new("any.yaml"), text) {
        node.to_json();
        walk(&node);
    }
}

fn walk(node: &Node) {
    node.place();
    node.as_string();
    match &node.kind {
        Kind::List(items) => items.iter().for_each(walk),
        Kind::Map(entries) => entries.iter().for_each(|(key, value)| {
            walk(key);
            walk(value);
        }),
        Kind::Null | Kind::Bool(_) | Kind::Number(..) | Kind::String(_) => {}
    }
}

/// Fuzzes a guide and its templates.
pub fn guide(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut problems = Vec::new();
    let (id, variables) = (LabId::new("small").expect("a valid id"), Variables::new());
    let render_title = |text: &str| render_without_addresses(text, &id, &variables);
    let guide = Guide::parse(
        Path::new("guide.en.md"),
        &text,
        &render_title,
        &mut problems,
    );
    let loaded = load(Path::new("labs/small"), &files(LAB, COMPOSE, GUIDE));
    let lab = loaded.expect("the lab is sound").lab;
    for template in guide.templates() {
        if let Ok(rendered) = render(&template.markdown, &lab, &Addresses::new()) {
            assert!(rendered.len() <= 64 * template.markdown.len() + 64);
        }
    }
}

/// Fuzzes references such as `${a}` in both dialects: a value, a line break, and the text that refers to it.
pub fn references(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (value, text) = text.split_once('\n').unwrap_or(("", &text));
    let variables = Variables::from([("a".to_owned(), value.to_owned())]);
    let quoted = serde_json::Value::from(text).to_string();
    let Ok(node) = Node::parse(Path::new("any.yaml"), &quoted) else {
        return;
    };
    for dialect in [Dialect::Lab, Dialect::Compose] {
        let mut problems = Vec::new();
        let captures = ["b".to_owned()].into();
        expand_all(&node, &variables, &captures, dialect, &mut problems);
        assert!(problems.len() <= 1);
    }
}

/// Fuzzes values: names, images, durations, sizes, ports, matchers and paths.
pub fn words(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let name = ExerciseId::new(&text).map(|name| name.to_string());
    assert!(name.is_err() || name.is_ok_and(|name| name == text));
    if let Ok(run) = RunId::new(&text) {
        run.short();
    }
    if let Ok(image) = ImageName::new(&text) {
        let (name, tag) = image.split();
        assert!(!name.is_empty() && !tag.is_empty(), "{image}");
        image.registry();
    }
    parse_duration(&text);
    parse_size(&text);
    Lang::parse(&text);
    suggestion(&text, ["redis", "rabbitmq"]);
    if let Ok(path) = ValuePath::parse(&text) {
        let data = serde_json::json!({ "a": [{ "b": 1, "c": [1, 2, [3]] }, "x", null], "b": { "a": "x" } });
        path.select(&data);
    }
    let quoted = serde_json::Value::from(text.as_ref()).to_string();
    let mut problems = Vec::new();
    for yaml in [quoted.clone(), format!("{{ matches: {quoted} }}")] {
        let Ok(node) = Node::parse(Path::new("any.yaml"), &yaml) else {
            continue;
        };
        read_ports(&node, &mut problems);
        read_matcher(&node, &mut problems);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Target = fn(&[u8]);

    /// Replays the corpus of a target, and returns the number of its files.
    fn replay(name: &str, target: Target) -> usize {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
        let entries = std::fs::read_dir(folder.join(name)).unwrap();
        let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        for file in &files {
            target(&std::fs::read(file).unwrap());
        }
        files.len()
    }

    #[test]
    fn the_corpus_of_the_fuzzer_is_read_without_a_panic() {
        let targets: [(&str, Target); 5] = [
            ("lab", lab),
            ("yaml", yaml),
            ("guide", guide),
            ("references", references),
            ("words", words),
        ];
        for (name, target) in targets {
            assert!(replay(name, target) >= 5, "the corpus of {name} is missing");
        }
    }
}
