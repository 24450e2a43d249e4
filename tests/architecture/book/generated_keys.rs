//! The keys of `lab.yaml` and of `x-roadlab`, from the JSON Schema in `src/lab/schema.json`, which a unit test compares with the
//! readers.

use std::collections::BTreeSet;

use roadlab::lab;
use serde_json::{Map, Value};

use super::generated::{table, types};

/// The mappings of `lab.yaml` outside of steps, in the order in which they are met.
const LAB: [(&str, &str); 13] = [
    ("lab", "`lab.yaml`"),
    ("random-value", "`random`"),
    ("exercise", "An exercise"),
    ("quiz", "`quiz`"),
    ("step", "A step"),
    ("check", "A check"),
    ("unchanged", "`unchanged`"),
    ("hint", "`hints`"),
    ("capture", "`capture`"),
    ("right-answer", "`right`"),
    ("wrong-answer", "`wrong`"),
    ("measurement", "`measure`"),
    ("side", "`sides`"),
];

struct Schema(Map<String, Value>);

impl Schema {
    fn read() -> Self {
        let schema = lab::schema();
        Self(schema["$defs"].as_object().expect("definitions").clone())
    }

    /// Returns the name of the definition that a value refers to.
    fn reference(value: &Value) -> Option<&str> {
        value["$ref"].as_str()?.strip_prefix("#/$defs/")
    }

    /// Returns the keys of a step that are probes or actions, with the names of their definitions.
    fn kinds(&self, ending: &str) -> Vec<(String, String)> {
        let keys = self.0["step"]["properties"].as_object().expect("keys");
        let kinds = keys.iter().filter_map(|(key, value)| {
            let definition = Self::reference(value)?;
            let kind = definition.ends_with(ending);
            kind.then(|| (key.clone(), definition.to_owned()))
        });
        kinds.collect()
    }

    fn describe(&self, definition: &str) -> String {
        self.0[definition]["description"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// Returns what a value can be, in words.
    fn kind(&self, value: &Value) -> String {
        if let Some(definition) = Self::reference(value) {
            return match definition {
                "text" => "text".to_owned(),
                "texts" => "list of texts".to_owned(),
                "text-map" => "map of texts".to_owned(),
                "words" => "list of texts, or a text".to_owned(),
                "steps" => "list of steps".to_owned(),
                "name" | "service-name" => "name".to_owned(),
                "path" => "JSONPath".to_owned(),
                plain @ ("duration" | "port") => plain.to_owned(),
                mapping => format!(
                    "`{}`",
                    mapping
                        .trim_end_matches("-probe")
                        .trim_end_matches("-action")
                ),
            };
        }
        if let Some(values) = value["enum"].as_array() {
            let values = values.iter().filter(|value| !value.is_null());
            let values: Vec<String> = values.map(|value| format!("`{}`", plain(value))).collect();
            return values.join(", ");
        }
        if let Some(only) = value.get("const") {
            return format!("`{only}`");
        }
        if let Some(kinds) = value["oneOf"].as_array() {
            let kinds: Vec<String> = kinds.iter().map(|kind| self.kind(kind)).collect();
            return kinds.join(" or ");
        }
        let named = |kind: &str| match kind {
            "string" => "text".to_owned(),
            "array" => match value.get("items") {
                Some(items) => match self.kind(items).as_str() {
                    "name" => "list of names".to_owned(),
                    items => format!("list of {items}"),
                },
                None => "list".to_owned(),
            },
            "object" => "map".to_owned(),
            other => other.to_owned(),
        };
        types(value, &named)
    }

    /// Returns the table of the keys of a mapping, without those in `skipped`.
    fn keys(&self, definition: &str, skipped: &BTreeSet<String>) -> String {
        let mapping = &self.0[definition];
        let required = |of: &Value| -> BTreeSet<String> {
            let keys = of["required"].as_array().into_iter().flatten();
            keys.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let always = required(mapping);
        let alternatives: Vec<_> = mapping["oneOf"]
            .as_array()
            .into_iter()
            .flatten()
            .map(required)
            .collect();
        let needed = |key: &str| {
            let one = alternatives
                .iter()
                .any(|keys| keys.len() == 1 && keys.contains(key));
            match (always.contains(key), one) {
                (true, _) => "yes",
                (false, true) => "one of these",
                (false, false) => "",
            }
        };
        let keys = mapping["properties"].as_object().expect("keys").iter();
        let rows = keys
            .filter(|(key, _)| !skipped.contains(*key))
            .map(|(key, value)| {
                let own = value["description"].as_str().map(str::to_owned);
                let meaning = own.or_else(|| Some(self.describe(Self::reference(value)?)));
                vec![
                    format!("`{key}`"),
                    self.kind(value),
                    needed(key).to_owned(),
                    meaning.unwrap_or_default(),
                ]
            });
        table(&["key", "value", "required", "meaning"], rows)
    }

    fn section(
        &self,
        level: &str,
        title: &str,
        definition: &str,
        skipped: &BTreeSet<String>,
    ) -> String {
        let about = self.describe(definition);
        let about = if about.is_empty() {
            about
        } else {
            format!("{about}\n\n")
        };
        format!(
            "{level} {title}\n\n{about}{}",
            self.keys(definition, skipped)
        )
    }

    /// Returns a section for each probe or action, and below it one for each mapping that only it has.
    fn steps(&self, ending: &str) -> String {
        let mut described = BTreeSet::new();
        let mut sections = Vec::new();
        for (key, definition) in self.kinds(ending) {
            sections.push(self.section("###", &format!("`{key}`"), &definition, &BTreeSet::new()));
            let keys = self.0[&definition]["properties"].as_object().expect("keys");
            let inner = keys.values().filter_map(Self::reference);
            for inner in inner.filter(|inner| self.0[*inner].get("properties").is_some()) {
                if described.insert(inner.to_owned()) {
                    let title = format!("`{inner}` of `{key}`");
                    sections.push(self.section("####", &title, inner, &BTreeSet::new()));
                }
            }
        }
        sections.join("\n")
    }
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

pub(super) fn lab() -> String {
    let schema = Schema::read();
    let kinds = ["-probe", "-action"].map(|ending| schema.kinds(ending));
    let probes: BTreeSet<String> = kinds.concat().into_iter().map(|(key, _)| key).collect();
    let step = schema.0["step"]["properties"].as_object().expect("keys");
    // A check has the keys of a step, too.
    let of_step: BTreeSet<String> = step.keys().cloned().collect();
    let nothing = BTreeSet::new();
    let sections = LAB.map(|(definition, title)| {
        let skipped = match definition {
            "check" => &of_step,
            "step" | "side" => &probes,
            _ => &nothing,
        };
        schema.section("###", title, definition, skipped)
    });
    let touched = schema.section("###", "`touched`", "touched", &probes);
    format!("{}\n{touched}", sections.join("\n"))
}

pub(super) fn probes() -> String {
    Schema::read().steps("-probe")
}

pub(super) fn actions() -> String {
    Schema::read().steps("-action")
}

pub(super) fn matchers() -> String {
    Schema::read().keys("matcher", &BTreeSet::new())
}

pub(super) fn services() -> String {
    let schema = Schema::read();
    let service = schema.section("###", "`x-roadlab`", "x-roadlab", &BTreeSet::new());
    let web = schema.section("###", "`web`", "web-interface", &BTreeSet::new());
    format!("{service}\n{web}")
}

/// Every mapping of the schema stands in the reference.
#[apply(test)]
fn no_mapping_is_left_out() {
    let whole = [lab(), probes(), actions(), matchers(), services()].concat();
    for (name, definition) in &Schema::read().0 {
        let keys = definition["properties"].as_object().into_iter().flatten();
        for (key, _) in keys {
            // Probes and actions have a section.
            let places = [format!("| `{key}` |"), format!("### `{key}`\n")];
            let found = places.iter().any(|place| whole.contains(place));
            assert!(found, "{name}: {key}");
        }
    }
}
