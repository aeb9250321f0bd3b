#![no_main]
//! Runs `fairlane_fuzz::messages::clients` on libFuzzer's inputs.

libfuzzer_sys::fuzz_target!(|data: &[u8]| fairlane_fuzz::messages::clients(data));
