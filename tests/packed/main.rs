//! Values smaller than a byte, against a reading of their memory bit by bit.

mod kinds;
#[cfg(feature = "alloc")]
mod padded;
mod side_by_side;
