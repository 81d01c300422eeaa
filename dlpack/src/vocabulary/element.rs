//! The promise that a Rust type has the memory layout of a dtype.

use super::data_type::DataType;

/// A Rust type that elements of one dtype can be viewed as.
///
/// There are implementations for integers, floats, [`Bool8`], the 8-bit floats such as [`F8E4m3fn`], complex numbers
/// and 16-bit floats under the features `num-complex` and `half`, and for arrays `[T; N]` of them, which stand for `N`
/// lanes. There is none for `bool` or `char`, whose bit patterns are not all valid.
///
/// A view as `T` asks for exactly `T::DTYPE`: the same code, the same bits, the same lanes.
///
/// # Safety
///
/// 1. `DTYPE` says what the bits mean: a tensor of that dtype, made by anyone, holds values of this type.
/// 2. A compact tensor has its elements `size_of::<Self>()` bytes apart: `size_of::<Self>() * 8` equals
///    `DTYPE.element_bits(false)`, and is not 0.
/// 3. `DTYPE` is valid ([`DataType::is_valid`]).
/// 4. `Self` is aligned to at most 64 bytes, as are the elements of [`TensorView::to_tensor`](crate::TensorView::to_tensor).
///
/// [`bytemuck::Pod`] brings the rest: no padding, no invalid bit pattern, no reference or pointer inside. A type that
/// breaks 2 or 3 does not compile where it is first used.
///
/// [`Bool8`]: super::types::Bool8
/// [`F8E4m3fn`]: super::types::F8E4m3fn
///
/// # Examples
///
/// ```
/// use dlpack::{DataType, Element};
///
/// assert_eq!(f32::DTYPE, DataType::F32);
/// assert_eq!(<[u8; 4]>::DTYPE, DataType::U8.with_lanes(4));
/// ```
///
/// A type of one's own:
///
/// ```
/// use dlpack::{DataType, DataTypeCode, Element};
///
/// #[derive(Clone, Copy)]
/// #[repr(transparent)]
/// struct Handle(u64);
///
/// // SAFETY: a `u64` is zeroable and plain old data.
/// unsafe impl bytemuck::Zeroable for Handle {}
/// unsafe impl bytemuck::Pod for Handle {}
///
/// // SAFETY: 64 bits with no meaning to others, 8 bytes apart.
/// unsafe impl Element for Handle {
///     const DTYPE: DataType = DataType::new(DataTypeCode::OPAQUE_HANDLE, 64, 1);
/// }
///
/// assert_eq!(Handle::DTYPE.itemsize(), Some(size_of::<Handle>()));
/// ```
///
/// The wrong size does not compile:
///
/// ```compile_fail,E0080
/// use dlpack::{DataType, Descriptor, Element};
///
/// #[derive(Clone, Copy)]
/// #[repr(transparent)]
/// struct Short(u32);
/// unsafe impl bytemuck::Zeroable for Short {}
/// unsafe impl bytemuck::Pod for Short {}
/// unsafe impl Element for Short {
///     const DTYPE: DataType = DataType::F64;
/// }
///
/// fn can_view(tensor: &Descriptor) -> bool {
///     unsafe { tensor.view::<Short>() }.is_ok()
/// }
/// let used: fn(&Descriptor) -> bool = can_view;
/// ```
///
/// Neither do no lanes, too many lanes, lanes of lanes, or `bool`:
///
/// ```compile_fail,E0080
/// let dtype = <[f32; 0] as dlpack::Element>::DTYPE;
/// ```
///
/// ```compile_fail,E0080
/// let dtype = <[u8; 65536] as dlpack::Element>::DTYPE;
/// ```
///
/// ```compile_fail,E0080
/// let dtype = <[[f32; 2]; 2] as dlpack::Element>::DTYPE;
/// ```
///
/// ```compile_fail,E0277
/// let dtype = <bool as dlpack::Element>::DTYPE;
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the element of a tensor",
    note = "`dlpack::types::Bool8` stands for `bool`, and `u64` or `i64` for `usize` or `isize`",
    note = "`f16`, `bf16` and complex numbers need the feature `half` or `num-complex` of `dlpack`",
    note = "a struct of equal numbers, such as `f32`, is lent as them: `Exporter::of_mut(v, |v| bytemuck::cast_slice_mut::<_, f32>(v))`",
    note = "a type of one's own can implement `Element`, which is `unsafe`, and `bytemuck::Pod`"
)]
pub unsafe trait Element: bytemuck::Pod + Send + Sync {
    /// The dtype whose elements have this layout.
    const DTYPE: DataType;
}

/// Checks what can be checked of [`Element`]'s contract; for use as `const { assert_element::<T>() }`.
pub(crate) const fn assert_element<T: Element>() {
    assert!(T::DTYPE.is_valid(), "the dtype of an Element must be valid");
    assert!(size_of::<T>() != 0, "an Element must not be zero-sized");
    match T::DTYPE.itemsize() {
        Some(bytes) => {
            assert!(bytes == size_of::<T>(), "an Element must have the size of its dtype")
        }
        None => panic!("the dtype of an Element must be whole bytes"),
    }
}

macro_rules! elements {
    ($($element:ty => $dtype:expr,)*) => {$(
        // SAFETY: the standard's meaning of this dtype is the Rust type; the assertion below checks size and validity.
        unsafe impl $crate::Element for $element {
            const DTYPE: $crate::DataType = $dtype;
        }

        const _: () = $crate::vocabulary::assert_element::<$element>();
    )*};
}
pub(super) use elements;

elements! {
    i8 => DataType::I8,
    i16 => DataType::I16,
    i32 => DataType::I32,
    i64 => DataType::I64,
    i128 => DataType::I128,
    u8 => DataType::U8,
    u16 => DataType::U16,
    u32 => DataType::U32,
    u64 => DataType::U64,
    u128 => DataType::U128,
    f32 => DataType::F32,
    f64 => DataType::F64,
}

#[cfg(feature = "half")]
elements! {
    half::f16 => DataType::F16,
    half::bf16 => DataType::BF16,
}

#[cfg(feature = "num-complex")]
elements! {
    num_complex::Complex<f32> => DataType::C64,
    num_complex::Complex<f64> => DataType::C128,
}

#[cfg(all(feature = "half", feature = "num-complex"))]
elements! { num_complex::Complex<half::f16> => DataType::C32, }

// SAFETY: an array is its items side by side, as lanes are; the constant does not evaluate unless `T` is one lane and
// `N` fits, so sizes multiply alike on both sides.
unsafe impl<T: Element, const N: usize> Element for [T; N] {
    const DTYPE: DataType = lanes::<T>(N);
}

const fn lanes<T: Element>(count: usize) -> DataType {
    assert!(T::DTYPE.lanes == 1, "an array of lanes must have items of one lane");
    assert!(count >= 1, "an array of lanes must not be empty");
    assert!(count <= 65535, "an array of lanes has at most 65535");
    assert!(T::DTYPE.bits % 8 == 0, "an array of lanes must have items that fill their bytes");
    #[expect(clippy::cast_possible_truncation, reason = "checked above")]
    T::DTYPE.with_lanes(count as u16)
}
