//! Runs the corpora, the inputs that once failed, and inputs drawn at random, without a fuzzer.

use std::fs;
use std::path::Path;

/// One that refuses allocations where a target asks for it.
#[global_allocator]
static GLOBAL: dlpack_fuzz::failing::Failing = dlpack_fuzz::failing::Failing;

/// How many inputs are drawn for each target.
fn drawn() -> usize {
    let set = std::env::var("DLPACK_FUZZ_DRAWN").ok().and_then(|n| n.parse().ok());
    set.unwrap_or(if cfg!(miri) { 20 } else { 2000 })
}

#[test]
fn corpora_pass() {
    for (name, run) in dlpack_fuzz::TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
        let mut count = 0;
        for entry in fs::read_dir(&folder).expect("each target has a corpus") {
            let path = entry.expect("a file").path();
            println!("{}", path.display());
            run(&fs::read(&path).expect("a file"));
            count += 1;
        }
        assert!(count > 0, "{name} has no corpus");
    }
}

/// An input that the fuzzer found, with its variants, the last of which is the one that fails: `DLPACK_FUZZ_INPUT=gate:PATH`.
#[test]
fn an_input_that_was_found_passes() {
    let Ok(input) = std::env::var("DLPACK_FUZZ_INPUT") else { return };
    let (target, path) = input.split_once(':').expect("a target and a path");
    let (_, run) = dlpack_fuzz::TARGETS.iter().find(|(name, _)| *name == target).expect("a target");
    dlpack_fuzz::variants::run_each(&fs::read(path).expect("a file"), |bytes| {
        println!("{bytes:?}");
        run(bytes);
    });
}

#[test]
fn inputs_at_random_pass() {
    for (name, run) in dlpack_fuzz::TARGETS {
        // xorshift64*, from a seed of its own for each target.
        let mut state =
            name.bytes().fold(1_u64, |sum, byte| sum.wrapping_mul(257) + u64::from(byte));
        let mut next = || {
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            state.wrapping_mul(0x2545_F491_4F6C_DD1D)
        };
        for _ in 0..drawn() {
            let count = usize::try_from(next() % 400).unwrap();
            let bytes: Vec<u8> = (0..count).map(|_| next().to_be_bytes()[0]).collect();
            run(&bytes);
        }
    }
}
