#![no_main]
//! See [`fuzz::legacy_records`].

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::legacy_records::check(data));
