#![no_main]
//! See [`fuzz::record_batches`].

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::record_batches::check(data));
