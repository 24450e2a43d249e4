//! What must hold: an [`Actual`] value that a probe returned, and the [`Matcher`] that evaluates it.
//!
//! Nothing here contacts a service, reads a clock or prints.

mod actual;
mod description;
mod difference;
mod matcher;
mod path;
mod plain_value;

pub use actual::Actual;
pub use description::{DifferentPlace, Words};
pub use matcher::{Matcher, Mismatch, Rule};
pub use path::ValuePath;
