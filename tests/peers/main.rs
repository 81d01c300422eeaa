//! The mistakes found in other DLPack crates, each shown not to be made here.
//!
//! One module a crate, one test a mistake, named after the crate and the mistake's place in the table at the top of its
//! module. What the type system prevents has no test here but an example in `dlpack/src/compile_fail.rs` that must not
//! compile. What only a Python layer can get wrong is marked so: there is none yet.

mod dlpack_rs;
mod dlpackrs;
mod dlpark;
mod dlpk;
mod pyo3_dlpack;
mod support;
mod tvm_ffi;
mod validation;
