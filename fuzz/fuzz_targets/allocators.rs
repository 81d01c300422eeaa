//! Sequences of calls on live tensors, in which allocations are refused.
#![no_main]

#[global_allocator]
static GLOBAL: dlpack_fuzz::failing::Failing = dlpack_fuzz::failing::Failing;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    dlpack_fuzz::variants::run_each(bytes, dlpack_fuzz::tensors::run_refusing);
});
