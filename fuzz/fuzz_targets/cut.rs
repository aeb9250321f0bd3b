#![no_main]
//! Runs `fairlane_fuzz::decoders::cut` on libFuzzer's inputs.

libfuzzer_sys::fuzz_target!(|data: &[u8]| fairlane_fuzz::decoders::cut(data));
