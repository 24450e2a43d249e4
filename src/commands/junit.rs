//! Writes results as JUnit XML.

use std::path::Path;

use crate::report::{self, JunitCase};
use crate::runner::Failure;

/// Writes cases to a file; `name` is the name of the report.
pub(super) fn save(path: &Path, name: &str, cases: &[JunitCase]) -> Result<(), Failure> {
    let xml = report::junit(name, cases)?;
    std::fs::write(path, xml).map_err(|error| Failure::cannot_write(path, &error))
}
