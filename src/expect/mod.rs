//! What must hold: an [`Actual`] value that a probe returned, and the [`Matcher`] that evaluates it.
//!
//! Nothing here contacts a service, reads a clock or prints.

mod actual;
mod agreement;
mod change;
mod decimal;
mod description;
mod difference;
mod matcher;
mod path;
mod plain_value;
mod snapshot;
mod value_type;

pub use actual::{Actual, Status};
pub use agreement::{Disagreement, first_disagreement};
pub use change::Change;
pub use decimal::Decimal;
pub use description::{DifferentPlace, Words};
pub use matcher::{Matcher, Mismatch, Parts, Rule};
pub use path::ValuePath;
pub use plain_value::ValueNames;
pub use snapshot::Snapshot;
pub use value_type::{Typing, ValueType};
