//! Chains of operations on views.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dlpack_fuzz::variants::run_each(
    bytes,
    dlpack_fuzz::views::run
));
