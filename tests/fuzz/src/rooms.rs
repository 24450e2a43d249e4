//! The pure rooms of roadlab, for the fuzz targets.

#[path = "../../../src/expect/mod.rs"]
mod expect;
#[path = "../../../src/lab/mod.rs"]
mod lab;
#[path = "../../../src/problem.rs"]
mod problem;

/// A target: any bytes, and nothing may panic or hang.
pub type Target = fn(&[u8]);

pub const LAB: Target = lab::fuzzing::lab;
pub const YAML: Target = lab::fuzzing::yaml;
pub const GUIDE: Target = lab::fuzzing::guide;
pub const REFERENCES: Target = lab::fuzzing::references;
pub const WORDS: Target = lab::fuzzing::words;
