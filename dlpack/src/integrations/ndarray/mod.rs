//! Arrays of `ndarray`: views in both directions, owned and shared arrays as tensors.

mod owned;
mod views;
