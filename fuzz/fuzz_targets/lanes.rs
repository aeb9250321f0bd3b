#![no_main]
//! Runs `fairlane_fuzz::lanes::run` on libFuzzer's inputs.

libfuzzer_sys::fuzz_target!(|data: &[u8]| fairlane_fuzz::lanes::run(data));
