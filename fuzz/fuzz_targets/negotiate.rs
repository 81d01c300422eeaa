//! Tables of functions, from both sides.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dlpack_fuzz::variants::run_each(
    bytes,
    dlpack_fuzz::negotiate::run
));
