//! The program; see the crate's documentation for the map.

use std::process::ExitCode;

fn main() -> ExitCode {
    roadlab::main()
}
