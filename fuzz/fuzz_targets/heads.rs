#![no_main]
//! Runs `fairlane_fuzz::decoders::heads` on libFuzzer's inputs.

libfuzzer_sys::fuzz_target!(|data: &[u8]| fairlane_fuzz::decoders::heads(data));
