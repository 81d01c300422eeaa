//! Element types as the standard numbers them, written out so that no test takes them from the code under test.

use dlpack_sys::DLDataType;

/// A dtype from its three numbers.
pub const fn dtype(code: u8, bits: u8, lanes: u16) -> DLDataType {
    DLDataType { code, bits, lanes }
}

/// A Rust type with a dtype of its own and no padding.
///
/// # Safety
///
/// Every byte of a value is initialised.
pub unsafe trait Plain: Copy {
    /// What the standard calls it.
    const DTYPE: DLDataType;
}

macro_rules! plain {
    ($($type:ty = $code:literal, $bits:literal;)*) => {$(
        // SAFETY: a number without padding.
        unsafe impl Plain for $type {
            const DTYPE: DLDataType = dtype($code, $bits, 1);
        }
    )*};
}

plain! {
    i8 = 0, 8;
    i16 = 0, 16;
    i32 = 0, 32;
    i64 = 0, 64;
    u8 = 1, 8;
    u16 = 1, 16;
    u32 = 1, 32;
    u64 = 1, 64;
    f32 = 2, 32;
    f64 = 2, 64;
}

/// The memory of `values`.
pub fn bytes_of<T: Plain>(values: &[T]) -> &[u8] {
    // SAFETY: `Plain` has no padding, and the borrow is the same.
    unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), size_of_val(values)) }
}
