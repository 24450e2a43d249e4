//! Expectations: the [`Actual`] result of a probe, a [`Matcher`] that compares it, and the [`Verdict`] of a check.
//!
//! Nothing here contacts a service, reads a clock or prints.

mod actual;
mod matcher;
mod path;
mod verdict;

pub use actual::Actual;
pub use matcher::{Matcher, Mismatch, Rule};
pub use path::ValuePath;
pub use verdict::Verdict;
