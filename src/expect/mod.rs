//! What must hold: an [`Actual`] that a probe saw, a [`Matcher`] that judges it, the [`Verdict`] of a check.
//!
//! Pure and total: no look at any service, no clock, no printing.

mod actual;
mod matcher;
mod path;
mod verdict;

pub use actual::Actual;
pub use matcher::{Matcher, Mismatch, Rule};
pub use path::ValuePath;
pub use verdict::Verdict;
