//! What each fuzz target does with an input. Nothing here needs a fuzzer, so that any machine can run it.
//!
//! A target reads its input as a script: it makes what a producer would make, well or badly, calls the crate, and compares each
//! answer with a model that shares no code with it. It panics on a difference. What only a sanitizer sees, such as a read
//! after the deleter has run, is left to AddressSanitizer: each array and each tensor has an allocation of its own, of exactly
//! its size.

pub mod exchange;
pub mod failing;
pub mod gate;
pub mod input;
pub mod layout;
pub mod negotiate;
pub mod oracle;
pub mod producer;
pub mod tensors;
pub mod variants;
pub mod views;

/// A target: its name, and what it does with an input.
pub type Target = (&'static str, fn(&[u8]));

/// The targets.
pub const TARGETS: &[Target] = &[
    ("layout", layout::run),
    ("gate", gate::run),
    ("views", views::run),
    ("tensors", tensors::run),
    ("allocators", tensors::run_refusing),
    ("negotiate", negotiate::run),
    ("exchange", exchange::run),
];
