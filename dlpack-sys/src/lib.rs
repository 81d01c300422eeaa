//! What C says: every declaration of `dlpack.h` 1.3, by its C name, and nothing else.
//!
//! Bindgen made the declarations and they are part of the source, so a build needs no libclang.
//! Enumerations are open: any number is a [`DLDeviceType`] or a [`DLDataTypeCode`], as it is in C.
//! The crate `dlpack` gives these structs an owner and checks what they say.
//!
//! # Examples
//!
//! A 2×3 tensor of `float32` in the memory of an array:
//!
//! ```
//! use dlpack_sys::{DLDataType, DLDataTypeCode, DLDevice, DLDeviceType, DLTensor};
//!
//! let mut elements = [0.0f32; 6];
//! let mut shape = [2, 3];
//! let mut strides = [3, 1];
//! let tensor = DLTensor {
//!     data: elements.as_mut_ptr().cast(),
//!     device: DLDevice { device_type: DLDeviceType::kDLCPU, device_id: 0 },
//!     ndim: 2,
//!     dtype: DLDataType { code: DLDataTypeCode::kDLFloat.0 as u8, bits: 32, lanes: 1 },
//!     shape: shape.as_mut_ptr(),
//!     strides: strides.as_mut_ptr(),
//!     byte_offset: 0,
//! };
//! assert_eq!(tensor.dtype, DLDataType { code: 2, bits: 32, lanes: 1 });
//! ```
//!
//! # The header
//!
//! `dlpack.h` is in the package. The build script of a crate that depends directly on this one
//! finds the folder to give to its C compiler in the variable `DEP_DLPACK_INCLUDE`.
//!
//! C compiled with `-fshort-enums` does not follow this layout: the standard's device type has 32
//! bits.
//!
//! # Features
//!
//! - `bindgen`: makes the declarations from that header at build time. Needs libclang.

#![no_std]

#[cfg(not(feature = "bindgen"))]
#[rustfmt::skip]
#[allow(non_snake_case, non_upper_case_globals, reason = "the names are those of the header")]
mod bindings;

#[cfg(feature = "bindgen")]
#[allow(non_snake_case, non_upper_case_globals, reason = "the names are those of the header")]
mod bindings {
    include!(concat!(env!("OUT_DIR"), "/bindings.rs"));
}

mod layout;

pub use bindings::*;

/// What has an owner cannot be copied: two would run one deleter.
///
/// ```compile_fail,E0382
/// fn twice(tensor: dlpack_sys::DLManagedTensor) -> [dlpack_sys::DLManagedTensor; 2] {
///     [tensor, tensor]
/// }
/// ```
///
/// ```compile_fail,E0382
/// use dlpack_sys::DLManagedTensorVersioned as Tensor;
///
/// fn twice(tensor: Tensor) -> [Tensor; 2] {
///     [tensor, tensor]
/// }
/// ```
///
/// ```compile_fail,E0382
/// fn twice(table: dlpack_sys::DLPackExchangeAPI) -> [dlpack_sys::DLPackExchangeAPI; 2] {
///     [table, table]
/// }
/// ```
#[cfg(doctest)]
struct NoCopies;
