//! Matrices of `nalgebra`: views in both directions, owned matrices as tensors.

mod axes;
#[cfg(feature = "alloc")]
mod owned;
mod views;
