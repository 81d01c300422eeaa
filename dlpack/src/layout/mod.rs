//! Arithmetic on shapes and strides: counts, extents, contiguity, overlap.
//!
//! Nothing here follows a pointer, allocates, or is `unsafe`. The rooms to the right only act on what this
//! one has found, so that everything which depends on foreign numbers can be tested with plain integers.
//!
//! Shapes and strides are those of the C struct: `i64`, strides counted in elements. An element with index
//! `k` lies `Σ k[i]·strides[i]` elements from the first one.
//!
//! # Examples
//!
//! ```
//! use dlpack::{DataType, layout::Layout};
//!
//! // Two rows of three, stored backwards.
//! let layout = Layout::new(&[2, 3], &[-3, -1], DataType::F32, false)?;
//! assert_eq!(layout.numel(), 6);
//! assert_eq!(layout.byte_extents(), -20..4);
//! # Ok::<(), dlpack::Error>(())
//! ```
#![deny(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::indexing_slicing)]

mod check;
mod element_size;
mod fast_path;
mod order;
mod overlap;

pub use check::Layout;
pub(crate) use fast_path::FastLayout;
#[cfg(feature = "alloc")]
pub(crate) use order::canonical;
