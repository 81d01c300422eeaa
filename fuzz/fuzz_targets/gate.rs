//! Structs and arrays from bytes, in both ABIs and on loan.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dlpack_fuzz::variants::run_each(
    bytes,
    dlpack_fuzz::gate::run
));
