#![no_main]
//! See [`fuzz::compression`].

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::compression::check(data));
