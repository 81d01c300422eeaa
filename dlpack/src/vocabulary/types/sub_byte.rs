//! Values narrower than a byte, which have no address of their own.

use crate::vocabulary::data_type::DataType;

/// A Rust value for one lane of a dtype that is narrower than a byte.
///
/// Such lanes are packed, so there is no reference to one; they are read and written by value through their bits. The
/// trait is safe to implement, since whoever reads or writes bits takes their number from the tensor and not from here.
///
/// # Examples
///
/// ```
/// use dlpack::{DataType, DataTypeCode, types::SubByte};
///
/// #[derive(Clone, Copy)]
/// struct U3(u8);
///
/// impl SubByte for U3 {
///     const DTYPE: DataType = DataType::new(DataTypeCode::UINT, 3, 1);
///
///     fn from_bits(bits: u8) -> Self {
///         Self(bits)
///     }
///
///     fn to_bits(self) -> u8 {
///         self.0
///     }
/// }
///
/// assert!(U3::DTYPE.is_sub_byte());
/// assert_eq!(U3::from_bits(5).to_bits(), 5);
/// ```
pub trait SubByte: Copy + Send + Sync + 'static {
    /// The dtype, of one lane and 1 to 7 bits.
    const DTYPE: DataType;

    /// Makes a value of the lowest bits of `bits`; the rest is zero.
    fn from_bits(bits: u8) -> Self;

    /// The bits of the value, in the lowest places; the rest is ignored.
    fn to_bits(self) -> u8;
}

/// Fails to compile where an implementation is not of one lane narrower than a byte.
pub(crate) const fn assert_sub_byte<T: SubByte>() {
    assert!(T::DTYPE.is_valid(), "the dtype of a SubByte must be valid");
    assert!(T::DTYPE.is_sub_byte(), "the dtype of a SubByte must be narrower than a byte");
    assert!(T::DTYPE.lanes == 1, "the dtype of a SubByte must have one lane");
}
