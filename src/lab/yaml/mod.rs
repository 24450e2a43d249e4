//! YAML files as trees of nodes that know their place, and readers that collect every problem of a mapping.

mod fields;
mod go_number;
mod mapping;
mod node;

pub use fields::parse_duration;
#[cfg(test)]
pub(crate) use fields::read_keys;
pub(crate) use fields::{
    Fields, Problems, entries, explain_quotes, keyed_entries, list, mismatch, quoted_string, string,
};
pub(crate) use go_number::parse_go_number;
pub(crate) use mapping::Mapping;
pub(crate) use node::{Kind, MergeTag, Node};
