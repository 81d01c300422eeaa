//! Foreign shape and strides are read once, in the import call; no safe function reads them again.
//!
//! A producer in C keeps to the contract of import, and to nothing more: as soon as its tensor has been taken in it
//! rewrites, moves or frees the arrays of shape and strides, and again between any two later calls. Each row passes the
//! tensor to one function. Whatever leaves must say what came in, and the producer's deleter runs once.
//!
//! AddressSanitizer finds a second reading of freed arrays in any case; without it, what is read then is something else.
#![cfg(not(miri))]

#[cfg(feature = "alloc")]
#[path = "../../dlpack/doc/boxes.rs"]
mod boxes;
#[cfg(feature = "alloc")]
mod convert;
#[cfg(feature = "alloc")]
mod exchange;
#[cfg(feature = "alloc")]
mod leave;
mod lend;
#[cfg(feature = "alloc")]
mod negotiate;
mod scene;
mod stay;
