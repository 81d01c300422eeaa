//! A crate with C code of its own, which includes `dlpack.h` from where `dlpack-sys` says it is.
//!
//! Each function returns a number of the header as C has it, and -1 past the last one.

unsafe extern "C" {
    /// Returns the value of a `DLDeviceType`, counted in the header's order.
    pub safe fn dependent_device_type(index: usize) -> i64;
    /// Returns the value of a `DLDataTypeCode`, counted in the header's order.
    pub safe fn dependent_data_type_code(index: usize) -> i64;
    /// Returns the value of a macro, counted in the header's order.
    pub safe fn dependent_macro(index: usize) -> i64;
    /// Returns the size in bytes of a type, counted in the header's order.
    pub safe fn dependent_size(index: usize) -> i64;
}
