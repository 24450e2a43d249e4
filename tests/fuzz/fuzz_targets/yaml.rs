#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| roadlab::lab::fuzzing::yaml(bytes));
