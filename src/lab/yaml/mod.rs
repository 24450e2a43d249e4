//! YAML files as trees of nodes that know their place, and readers that collect every problem of a mapping.

mod fields;
mod mapping;
mod node;

pub use fields::parse_duration;
#[cfg(test)]
pub(crate) use fields::read_keys;
pub(crate) use fields::{Fields, Problems, entries, keyed_entries, list, mismatch, string};
pub(crate) use mapping::Mapping;
pub(crate) use node::{Kind, MergeTag, Node};
