#![no_main]
//! See [`fuzz::payloads`].

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::payloads::check(data));
