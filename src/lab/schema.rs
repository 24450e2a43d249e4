//! The JSON Schema of lab.yaml, with `x-roadlab` among its definitions. `schema_tests.rs` compares it with the readers.
//!
//! In `schema.json` each key of a step stands once. A definition with [`KEYS_OF`] has the keys of the one that it names beside its
//! own. They are added here, because editors know no way to extend a definition that also refuses other keys.

use serde_json::{Map, Value};

pub(super) const SOURCE: &str = include_str!("schema.json");

/// The keyword of `schema.json` that names the definition whose keys a definition has too.
pub(super) const KEYS_OF: &str = "x-keys-of";

/// Returns the JSON Schema of lab.yaml.
pub fn schema() -> Value {
    let mut schema: Value = serde_json::from_str(SOURCE).expect("a test reads schema.json");
    if let Some(definitions) = schema["$defs"].as_object_mut() {
        add_keys(definitions);
    }
    schema
}

/// Adds the keys of other definitions, and which of them exclude each other unless the definition states that itself.
fn add_keys(definitions: &mut Map<String, Value>) {
    let all = definitions.clone();
    for definition in definitions.values_mut().filter_map(Value::as_object_mut) {
        let Some(other) = definition.shift_remove(KEYS_OF) else {
            continue;
        };
        let other = other.as_str().and_then(|name| all.get(name));
        let other = other.expect("a test names every definition");
        if let (Some(own), Some(keys)) = (
            definition["properties"].as_object_mut(),
            other["properties"].as_object(),
        ) {
            own.extend(keys.clone());
        }
        if !definition.contains_key("oneOf") {
            definition.insert("oneOf".to_owned(), other["oneOf"].clone());
        }
    }
}
