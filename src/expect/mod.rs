//! What must hold: an [`Actual`] value that a probe returned, and the [`Matcher`] that evaluates it.
//!
//! Pure and total: no look at any service, no clock, no printing.

mod actual;
mod matcher;
mod path;

pub use actual::Actual;
pub use matcher::{Matcher, Mismatch, Rule};
pub use path::ValuePath;
