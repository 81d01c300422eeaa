//! The dtype: what an element is, by code, width and lanes.

use super::data_type_code::{Class, DataTypeCode};
use crate::sys;

/// The type of a tensor's elements, such as `float32`.
///
/// An element is `lanes` numbers side by side (1 but for vector types), each `bits` wide, each of the kind that `code`
/// names ([`DLDataType`]). Any combination can be held, read and written; [`DataType::is_valid`] tells those that no
/// tensor may have.
///
/// Written in the array world's spelling: `int8`, `uint64`, `float32`, `bfloat16`, `complex64`, `bool`,
/// `float8_e4m3fn`, and `float32x4` for four lanes. Unusual ones are `bool1`, `float4_e2m1fn[bits=8]` and `code18_32`.
/// Reading gives back every value that was written, and takes Rust's spelling (`f32`, `bf16`, `c64`) too, but not
/// `i8`, `u8` and `f16`, which NumPy counts in bytes: its `i8` is an `int64`.
///
/// [`DLDataType`]: sys::DLDataType
///
/// # Examples
///
/// ```
/// use dlpack::{DataType, DataTypeCode};
///
/// let dtype: DataType = "float32x4".parse()?;
/// assert_eq!(dtype, DataType { code: DataTypeCode::FLOAT, bits: 32, lanes: 4 });
/// assert_eq!(dtype.scalar(), DataType::F32);
/// # Ok::<(), dlpack::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(C)]
pub struct DataType {
    /// The kind of number.
    pub code: DataTypeCode,
    /// The bits of one lane.
    pub bits: u8,
    /// The numbers in one element.
    pub lanes: u16,
}

macro_rules! scalars {
    ($($(#[$doc:meta])* $name:ident $code:ident $bits:literal $text:literal)*) => {$(
        #[doc = concat!("`", $text, "`")]
        $(#[$doc])*
        pub const $name: Self = Self::new(DataTypeCode::$code, $bits, 1);
    )*};
}

impl DataType {
    scalars! {
        I2 INT 2 "int2"
        I4 INT 4 "int4"
        I8 INT 8 "int8"
        I16 INT 16 "int16"
        I32 INT 32 "int32"
        I64 INT 64 "int64"
        I128 INT 128 "int128"
        U1 UINT 1 "uint1"
        U2 UINT 2 "uint2"
        U4 UINT 4 "uint4"
        U8 UINT 8 "uint8"
        U16 UINT 16 "uint16"
        U32 UINT 32 "uint32"
        U64 UINT 64 "uint64"
        U128 UINT 128 "uint128"
        ///
        /// Its [`Element`](crate::Element) in Rust is `half::f16`, with the feature `half`.
        F16 FLOAT 16 "float16"
        F32 FLOAT 32 "float32"
        F64 FLOAT 64 "float64"
        ///
        /// Its [`Element`](crate::Element) in Rust is `half::bf16`, with the feature `half`.
        BF16 BFLOAT 16 "bfloat16"
        C32 COMPLEX 32 "complex32"
        C64 COMPLEX 64 "complex64"
        C128 COMPLEX 128 "complex128"
        BOOL BOOL 8 "bool"
        F8_E3M4 FLOAT8_E3M4 8 "float8_e3m4"
        F8_E4M3 FLOAT8_E4M3 8 "float8_e4m3"
        F8_E4M3B11FNUZ FLOAT8_E4M3B11FNUZ 8 "float8_e4m3b11fnuz"
        F8_E4M3FN FLOAT8_E4M3FN 8 "float8_e4m3fn"
        F8_E4M3FNUZ FLOAT8_E4M3FNUZ 8 "float8_e4m3fnuz"
        F8_E5M2 FLOAT8_E5M2 8 "float8_e5m2"
        F8_E5M2FNUZ FLOAT8_E5M2FNUZ 8 "float8_e5m2fnuz"
        F8_E8M0FNU FLOAT8_E8M0FNU 8 "float8_e8m0fnu"
        F6_E2M3FN FLOAT6_E2M3FN 6 "float6_e2m3fn"
        F6_E3M2FN FLOAT6_E3M2FN 6 "float6_e3m2fn"
        F4_E2M1FN FLOAT4_E2M1FN 4 "float4_e2m1fn"
    }

    /// Puts a dtype together from its three numbers.
    #[must_use]
    pub const fn new(code: DataTypeCode, bits: u8, lanes: u16) -> Self {
        Self { code, bits, lanes }
    }

    /// Returns the same kind and width, with this many lanes.
    #[must_use]
    pub const fn with_lanes(self, lanes: u16) -> Self {
        Self { lanes, ..self }
    }

    /// Returns the dtype of one lane.
    #[must_use]
    pub const fn scalar(self) -> Self {
        self.with_lanes(1)
    }

    /// Returns the dtype of one lane and the number of lanes, if so many elements of one lane take the same bytes; otherwise the
    /// dtype itself, once.
    pub(crate) const fn split(self) -> (Self, u16) {
        let bits = self.scalar().element_bits(false) * self.lanes as u32;
        if bits == self.element_bits(false) { (self.scalar(), self.lanes) } else { (self, 1) }
    }

    /// Returns whether a tensor may have this dtype: it has bits and lanes, and the 6-bit and 4-bit floats are 6 and 4 bits wide.
    ///
    /// The standard tells a consumer to stop at a 6-bit or 4-bit float of another width ([`DLDataTypeCode`]). Other
    /// widths, and codes without a name, are for the consumer to judge.
    ///
    /// [`DLDataTypeCode`]: sys::DLDataTypeCode
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{DataType, DataTypeCode};
    ///
    /// assert!(DataType::F4_E2M1FN.is_valid());
    /// assert!(!DataType::new(DataTypeCode::FLOAT4_E2M1FN, 8, 1).is_valid());
    /// assert!(!DataType::F32.with_lanes(0).is_valid());
    /// ```
    #[must_use]
    #[inline]
    pub const fn is_valid(self) -> bool {
        let width = match self.code.implied_bits() {
            Some(bits) if self.code.is_narrow() => self.bits == bits,
            _ => self.bits != 0,
        };
        width && self.lanes != 0
    }

    /// Returns whether the lanes are integers, signed or not.
    #[must_use]
    pub const fn is_integer(self) -> bool {
        self.is_signed_integer() || self.is_unsigned_integer()
    }

    /// Returns whether the lanes are signed integers.
    #[must_use]
    pub const fn is_signed_integer(self) -> bool {
        matches!(self.code.class(), Class::SignedInteger)
    }

    /// Returns whether the lanes are unsigned integers.
    #[must_use]
    pub const fn is_unsigned_integer(self) -> bool {
        matches!(self.code.class(), Class::UnsignedInteger)
    }

    /// Returns whether the lanes are real floating-point numbers: IEEE, `bfloat`, or one of the 8-, 6- and 4-bit kinds.
    #[must_use]
    pub const fn is_float(self) -> bool {
        matches!(self.code.class(), Class::Float)
    }

    /// Returns whether the lanes are complex numbers.
    #[must_use]
    pub const fn is_complex(self) -> bool {
        matches!(self.code.class(), Class::Complex)
    }

    /// Returns whether the lanes are truth values.
    #[must_use]
    pub const fn is_bool(self) -> bool {
        matches!(self.code.class(), Class::Bool)
    }

    /// Returns `true` if the two are equal, in one comparison rather than three.
    #[inline(always)]
    pub(crate) const fn is(self, other: Self) -> bool {
        self.word() == other.word()
    }

    /// Returns the bytes of an element, if the dtype is valid and an element is one lane of whole bytes.
    #[inline(always)]
    pub(crate) const fn whole_bytes(self) -> Option<u8> {
        // From the low end: 8 bits of code, 8 of width, 16 of lanes.
        let word = self.code.code() as u32 | (self.bits as u32) << 8 | (self.lanes as u32) << 16;
        // What is left without one lane and the least width, and the same with the next code and the next width. Neither has
        // bits in the lanes, a width that is no multiple of 8, or a code of 16, if and only if there is one lane, the width is
        // 8, 16 and so on up to 248, and the code at most 14, which is below those of the narrow floats.
        let rest = word.wrapping_sub(0x1_0800);
        if (rest | rest.wrapping_add(0x0801)) & 0xffff_07f0 != 0 {
            return None;
        }
        Some(self.bits >> 3)
    }

    /// Returns the dtype whose bytes in the C struct are those of `word`.
    #[inline(always)]
    pub(crate) const fn from_word(word: u32) -> Self {
        let [code, bits, low, high] = word.to_ne_bytes();
        Self::new(DataTypeCode::new(code), bits, u16::from_ne_bytes([low, high]))
    }

    #[inline(always)]
    const fn word(self) -> u32 {
        let [low, high] = self.lanes.to_ne_bytes();
        u32::from_ne_bytes([self.code.code(), self.bits, low, high])
    }

    pub(super) const fn from_sys(dtype: sys::DLDataType) -> Self {
        Self::new(DataTypeCode::new(dtype.code), dtype.bits, dtype.lanes)
    }

    pub(crate) const fn to_sys(self) -> sys::DLDataType {
        sys::DLDataType { code: self.code.code(), bits: self.bits, lanes: self.lanes }
    }
}

#[cfg(test)]
mod tests {
    use super::{DataType, DataTypeCode};

    /// The one comparison says what the rules say, for all codes and widths.
    #[test]
    fn whole_bytes_of_all_dtypes() {
        for code in 0..=u8::MAX {
            for bits in 0..=u8::MAX {
                for lanes in [0, 1, 2, 0x100, 0x101, u16::MAX] {
                    let dtype = DataType::new(DataTypeCode::new(code), bits, lanes);
                    // Codes without a name take the slow path.
                    let usual = lanes == 1 && bits % 8 == 0 && dtype.is_valid() && code < 15;
                    assert_eq!(dtype.whole_bytes(), usual.then_some(bits / 8), "{dtype:?}");
                }
            }
        }
    }
}
