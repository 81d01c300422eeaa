//! Rust types for dtypes that Rust itself has no type for: small floats, integers narrower than a byte, booleans.
//!
//! # Examples
//!
//! ```
//! use dlpack::types::{Bool1, F4E2m1fn, F8E4m3fn, I4, U2};
//!
//! assert_eq!(F8E4m3fn::from_f32(1.0).to_bits(), 0x38);
//! assert_eq!(F8E4m3fn::MAX.to_f32(), 448.0);
//! assert_eq!(F4E2m1fn::from_bits(0x3).to_f32(), 1.5);
//!
//! assert_eq!(I4::from_bits(0xf).to_i8(), -1);
//! assert_eq!((U2::new(3), U2::new(4)), (Some(U2::MAX), None));
//! assert!(Bool1::from(true).to_bool());
//! ```

mod bool8;
mod float8;
mod float_bits;
mod float_macro;
mod representation;
mod sub_byte;
mod sub_byte_float;
mod sub_byte_integer;

pub use bool8::Bool8;
pub use float8::{
    F8E3m4, F8E4m3, F8E4m3b11fnuz, F8E4m3fn, F8E4m3fnuz, F8E5m2, F8E5m2fnuz, F8E8m0fnu,
};
pub use sub_byte::SubByte;
pub(crate) use sub_byte::assert_sub_byte;
pub use sub_byte_float::{F4E2m1fn, F6E2m3fn, F6E3m2fn};
pub use sub_byte_integer::{Bool1, I2, I4, U1, U2, U4};
