//! What is fuzzed: each target takes any bytes, and nothing may panic or hang. `tests/fuzz/` has the harness; the corpus it found is
//! played again by the ordinary tests.

use std::path::Path;

use crate::expect::ValuePath;
use crate::lab::compose_values::{parse_size, ports};
use crate::lab::fields::parse_duration;
use crate::lab::guide::Guide;
use crate::lab::read_matcher::matcher;
use crate::lab::template::render;
use crate::lab::testing::{COMPOSE, GUIDE, InMemoryFs, LAB, files, problems_of};
use crate::lab::vars::{Dialect, Vars, fill};
use crate::lab::yaml::{Kind, Node};
use crate::lab::{Addresses, ExerciseId, ImageName, Lab, Lang, RunId, load, load_catalogue};
use crate::problem::{Problem, suggestion};

/// What separates the parts of an input.
const CUT: &str = "\n=====\n";

/// All files of a lab: `lab.yaml`, `compose.yaml`, the English guide, a catalogue's entry. A part that is missing is a good one.
pub fn lab(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut parts = text.splitn(4, CUT).map(|part| match part {
        "" => None,
        part => Some(part),
    });
    let mut part = |good: &'static str| parts.next().flatten().unwrap_or(good).to_owned();
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
    assert_eq!(problems, again, "twice the same");
    load_catalogue(Path::new("compose/redis"), &files);
}

/// A lab that was loaded has all that commands and completion take for granted: a section for each exercise in each
/// language, whose texts can be filled in.
pub fn assert_complete(lab: &Lab) {
    for lang in lab.guides.keys().chain([&Lang::english()]) {
        for exercise in &lab.exercises {
            lab.section(&exercise.id, lang);
        }
        for text in lab.guide(lang).texts() {
            render(&text.markdown, lab, &Addresses::new()).expect("a text that can be filled in");
        }
    }
}

/// Every place lies inside its file.
pub fn assert_well_formed(files: &InMemoryFs, problems: &[Problem]) {
    for problem in problems {
        assert!(!problem.what.is_empty());
        let Some(place) = problem.place.as_ref().filter(|place| place.line > 0) else {
            continue;
        };
        let text = files.0.get(&place.file).expect("a file of the lab");
        let lines = text.trim_start_matches('\u{feff}').lines().count();
        // An error at the end of a file points behind its last line.
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

/// The YAML reader alone.
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
    node.text();
    match &node.kind {
        Kind::List(items) => items.iter().for_each(walk),
        Kind::Map(entries) => entries.iter().for_each(|(key, value)| {
            walk(key);
            walk(value);
        }),
        Kind::Null | Kind::Bool(_) | Kind::Number(..) | Kind::Text(_) => {}
    }
}

/// A guide, and its texts as templates.
pub fn guide(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut problems = Vec::new();
    let guide = Guide::parse(Path::new("guide.en.md"), &text, &mut problems);
    let loaded = load(Path::new("labs/small"), &files(LAB, COMPOSE, GUIDE));
    let lab = loaded.expect("the lab is sound").lab;
    for text in guide.texts() {
        if let Ok(filled) = render(&text.markdown, &lab, &Addresses::new()) {
            assert!(filled.len() <= 64 * text.markdown.len() + 64, "it grows");
        }
    }
}

/// `${…}` in both dialects: a value, a line break, and the text that refers to it.
pub fn references(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (value, text) = text.split_once('\n').unwrap_or(("", &text));
    let vars = Vars::from([("a".to_owned(), value.to_owned())]);
    let quoted = serde_json::Value::from(text).to_string();
    let Ok(node) = Node::parse(Path::new("any.yaml"), &quoted) else {
        return;
    };
    for dialect in [Dialect::Lab, Dialect::Compose] {
        let mut problems = Vec::new();
        fill(
            &node,
            &vars,
            &["b".to_owned()].into(),
            dialect,
            &mut problems,
        );
        assert!(problems.len() <= 1);
    }
}

/// The little languages: names, images, times, sizes, ports, matchers, paths.
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
        ports(&node, &mut problems);
        matcher(&node, &mut problems);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Target = fn(&[u8]);

    /// Plays what the fuzzer has kept for a target, and returns how much that was.
    fn play(name: &str, target: Target) -> usize {
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
    fn what_the_fuzzer_found_is_read_without_a_panic() {
        let targets: [(&str, Target); 5] = [
            ("lab", lab),
            ("yaml", yaml),
            ("guide", guide),
            ("references", references),
            ("words", words),
        ];
        for (name, target) in targets {
            assert!(play(name, target) >= 5, "the corpus of {name} is there");
        }
    }
}
