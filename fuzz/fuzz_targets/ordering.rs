#![no_main]
//! Runs `fairlane_fuzz::ordering::against_oracle` on libFuzzer's inputs.

libfuzzer_sys::fuzz_target!(|data: &[u8]| fairlane_fuzz::ordering::against_oracle(data));
