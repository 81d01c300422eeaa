//! Matrices of `faer`.

mod owned;
mod views;
