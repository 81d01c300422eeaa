//! Matrices of `faer`: views in both directions, owned matrices as tensors.

mod owned;
mod views;
