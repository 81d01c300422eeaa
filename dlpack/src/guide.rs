//! Tasks that DLPack is used for, one a page, each with a program that is compiled and run by the tests.
//!
//! | Task | Page |
//! |---|---|
//! | a pointer from C becomes a slice | [`import`] |
//! | C calls a function of mine with a tensor that stays C's, or lends one until an unlock | [`callback`] |
//! | a library of the legacy ABI passes memory to be written | [`legacy`] |
//! | C may refuse my tensor: who frees it? | [`refusal`] |
//! | pixels, points and other small vectors: one more axis, not lanes | [`pixels`] |
//! | memory of an allocator: aligned blocks, foreign blocks, a writable window | [`blocks`] |
//! | a buffer of a ring returns when its consumer is done | [`ring`] |
//! | mapped files: `.npy` and safetensors | [`files`] |
//! | memory that another process writes | [`shared_memory`] |
//! | device memory for a kernel | [`device`] |
//! | an array type of my own | [`array_type`] |
//! | where a copy cannot be avoided | [`copies`] |
//! | an extension for Python | [`python`] |
//! | which library does what | [`libraries`] |
//!
//! The functions that stand for C in these programs are written in Rust; in your own, an `unsafe extern "C"` block declares
//! them. This module is there in the documentation only.

// The pages link to names of the crate.
#[allow(unused_imports, reason = "only links use it")]
use crate::*;

macro_rules! pages {
    ($($name:ident)*) => {$(
        #[doc = include_str!(concat!("../doc/guide/", stringify!($name), ".md"))]
        pub mod $name {}
    )*};
}

pages! {
    import callback legacy refusal pixels blocks ring device array_type copies python libraries
}

// Miri maps no files.
#[cfg(not(miri))]
pages! { files shared_memory }
