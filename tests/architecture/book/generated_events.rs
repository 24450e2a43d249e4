//! The lines of `--json`, from the JSON Schema that `roadlab schema events` prints.

use serde_json::Value;

use super::generated::{table, types};

struct Schema(Value);

impl Schema {
    /// Returns the definition that a value refers to, with its name.
    fn referred(&self, value: &Value) -> Option<(String, &Value)> {
        let name = value["$ref"].as_str()?.strip_prefix("#/$defs/")?;
        Some((name.to_owned(), &self.0["$defs"][name]))
    }

    /// Returns what a value can be, in words.
    fn kind(&self, value: &Value) -> String {
        if let Some((name, definition)) = self.referred(value) {
            return match definition.get("properties") {
                Some(_) => format!("[{name}](#{})", name.to_lowercase()),
                None => self.kind(definition),
            };
        }
        if let Some(only) = value["const"].as_str() {
            return format!("`{only}`");
        }
        for alternatives in ["oneOf", "anyOf", "enum"] {
            if let Some(kinds) = value[alternatives].as_array() {
                let kinds = kinds.iter().map(|kind| match kind {
                    Value::String(only) => format!("`{only}`"),
                    other => self.kind(other),
                });
                return kinds.collect::<Vec<_>>().join(", ");
            }
        }
        let named = |kind: &str| match kind {
            "array" => format!("list of {}", self.kind(&value["items"])),
            other => other.to_owned(),
        };
        types(value, &named)
    }

    fn fields(&self, mapping: &Value) -> Vec<Vec<String>> {
        let fields = mapping["properties"].as_object().into_iter().flatten();
        let fields = fields.filter(|(field, _)| *field != "event");
        let rows = fields.map(|(field, value)| {
            let meaning = value["description"].as_str().unwrap_or_default();
            vec![format!("`{field}`"), self.kind(value), meaning.to_owned()]
        });
        rows.collect()
    }
}

const HEAD: [&str; 3] = ["field", "value", "meaning"];

pub(super) fn events() -> String {
    let schema = Schema(roadlab::event::schema());
    let mut sections = vec![table(&HEAD, schema.fields(&schema.0))];
    let alternatives = schema.0["anyOf"].as_array().expect("alternatives");
    for event in alternatives {
        let name = event["properties"]["event"]["const"]
            .as_str()
            .expect("a name");
        let about = event["description"].as_str().unwrap_or_default();
        let mut fields = schema.fields(event);
        if let Some((_, definition)) = schema.referred(event) {
            fields.extend(schema.fields(definition));
        }
        sections.push(format!(
            "### `{name}`\n\n{about}\n\n{}",
            table(&HEAD, fields)
        ));
    }
    let definitions = schema.0["$defs"].as_object().expect("definitions");
    for (name, definition) in definitions {
        let fields = schema.fields(definition);
        if !fields.is_empty() {
            let about = definition["description"]
                .as_str()
                .unwrap_or("Part of other lines.");
            sections.push(format!("### {name}\n\n{about}\n\n{}", table(&HEAD, fields)));
        }
    }
    sections.join("\n")
}
