#![no_main]
//! Runs `fairlane_fuzz::ordering::state` on libFuzzer's inputs.

libfuzzer_sys::fuzz_target!(|data: &[u8]| fairlane_fuzz::ordering::state(data));
