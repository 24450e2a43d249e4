//! All tests that use the program or the library from outside, in one binary. `harness.rs` shows how a test is written.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by a panic; clippy knows only functions with #[test] as tests"
)]

#[macro_use]
extern crate macro_rules_attribute;

#[macro_use]
mod harness;
mod support;

mod architecture;
mod author_loop;
mod authoring;
mod bad_input;
mod base_images;
mod baselines;
mod completions;
mod compose_effects;
mod concurrency;
mod conformance;
mod daemon_failures;
mod disputes;
mod doctor;
mod engine;
mod engine_outage;
mod engine_setup;
mod faults;
mod hostile;
mod image_archives;
mod instructors_chapter;
mod isolation;
mod json_contract;
mod kept;
mod lab_proof;
mod learners_chapters;
mod learning;
mod list_and_roadmap;
mod measure;
mod mysql_probes;
mod optional_services;
mod orphans;
mod output;
mod ownership;
mod ports_and_networks;
mod preparation;
mod progress;
mod quizzes;
mod random_values;
mod read_only_probes;
mod readme;
mod redis_lab;
mod registry_credentials;
mod service_faults;
mod session;
mod sharing;
mod shell;
mod shutdown;
mod sigkill;
mod start_timings;
mod startup_failures;
mod status_logs_open;
mod suggestions;
mod time_limit;
mod unusual_engines;
mod usage_errors;
mod warm_start;
mod web;

fn main() -> std::process::ExitCode {
    harness::main()
}
