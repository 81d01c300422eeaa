//! Matrices of `nalgebra`.

#[cfg(feature = "alloc")]
mod owned;
mod types;
#[cfg(feature = "alloc")]
mod views;
