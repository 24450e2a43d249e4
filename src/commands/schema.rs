//! `roadlab schema`: prints the JSON Schema of lab files, for editors, or of the events, for programs.

use serde_json::{Value, json};

use crate::cli::SchemaKind;
use crate::event;
use crate::exit::Exit;
use crate::lab;
use crate::report;
use crate::runner::Failure;

pub(crate) fn schema(of: SchemaKind) -> Result<Exit, Failure> {
    let schema = match of {
        SchemaKind::Lab => lab::schema(),
        SchemaKind::Compose => compose_schema(),
        SchemaKind::Events => event::schema(),
    };
    report::document(&schema);
    Ok(Exit::Success)
}

/// Returns the schema of `x-roadlab` blocks. The rest of a Compose file is described by the Compose Specification.
fn compose_schema() -> Value {
    let mut schema = lab::schema();
    if let Some(fields) = schema.as_object_mut() {
        let service = json!({ "properties": { "x-roadlab": { "$ref": "#/$defs/x-roadlab" } } });
        let services = json!({ "additionalProperties": service });
        fields.remove("$ref");
        fields.insert(
            "title".into(),
            "compose.yaml of a service for roadlab".into(),
        );
        fields.insert("properties".into(), json!({ "services": services }));
    }
    schema
}
