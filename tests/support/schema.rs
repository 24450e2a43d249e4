//! JSON Schemas, for tests of what must be valid by them.

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::Value;

/// A schema that is valid by the schema of its own draft.
pub(crate) struct Schema {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Schema {
    #[track_caller]
    pub(crate) fn new(schema: Value) -> Self {
        let mut compiler = Compiler::new();
        let mut schemas = Schemas::new();
        compiler
            .add_resource("schema.json", schema)
            .expect("a schema");
        let index = compiler.compile("schema.json", &mut schemas);
        let index = index.unwrap_or_else(|error| panic!("{error:#}"));
        Self { schemas, index }
    }

    /// Returns why a document is not valid.
    pub(crate) fn error(&self, document: &Value) -> Option<String> {
        let error = self.schemas.validate(document, self.index).err()?;
        Some(format!("{error:#}"))
    }

    pub(crate) fn is_valid(&self, document: &Value) -> bool {
        self.error(document).is_none()
    }

    /// Asserts that every line of an output is a valid document.
    #[track_caller]
    pub(crate) fn assert_valid_lines(&self, output: &str) {
        for line in output.lines() {
            let document: Value = serde_json::from_str(line).expect("JSON");
            assert_eq!(self.error(&document), None, "{document}");
        }
    }
}
