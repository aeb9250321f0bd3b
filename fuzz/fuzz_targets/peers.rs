#![no_main]
//! Runs `fairlane_fuzz::messages::peers` on libFuzzer's inputs.

libfuzzer_sys::fuzz_target!(|data: &[u8]| fairlane_fuzz::messages::peers(data));
