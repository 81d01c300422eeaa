//! Arrays of `ndarray`.

mod edges;
mod owned;
mod views;
