//! `roadlab schema`: the JSON Schema of lab files, for editors.

use serde_json::{Value, json};

use crate::cli::SchemaKind;
use crate::exit::Exit;
use crate::lab::SCHEMA;
use crate::report;
use crate::runner::Failure;

pub(crate) fn schema(of: SchemaKind) -> Result<Exit, Failure> {
    let mut schema: Value = serde_json::from_str(SCHEMA).map_err(anyhow::Error::new)?;
    if let (SchemaKind::Compose, Some(fields)) = (of, schema.as_object_mut()) {
        // The Compose Specification defines everything but `x-roadlab`.
        let service = json!({ "properties": { "x-roadlab": { "$ref": "#/$defs/x-roadlab" } } });
        let services = json!({ "additionalProperties": service });
        fields.remove("$ref");
        fields.insert(
            "title".into(),
            "compose.yaml of a service for roadlab".into(),
        );
        fields.insert("properties".into(), json!({ "services": services }));
    }
    report::document(&schema);
    Ok(Exit::Success)
}
