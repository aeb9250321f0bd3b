#![no_main]
//! Runs `fairlane_fuzz::decoders::segment` on libFuzzer's inputs.

libfuzzer_sys::fuzz_target!(|data: &[u8]| fairlane_fuzz::decoders::segment(data));
