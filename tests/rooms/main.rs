//! How the sources of `dlpack` and `dlpack-pyo3` are laid out: which room may import which, where `unsafe` may be and what it owes.
//!
//! The rules are checked on the text of the sources, with comments and strings taken out where they would mislead.

mod imports;
mod lexer;
mod panics;
mod python;
mod safety;
mod sizes;
mod sources;
