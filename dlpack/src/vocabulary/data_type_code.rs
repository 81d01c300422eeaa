//! The kinds of number that a dtype may hold: open codes with names.

use core::fmt;

/// What the bits of an element mean: a signed integer, a float, a `float8_e4m3fn`, ...
///
/// An open number, not a closed `enum`: a code of a newer header is kept as it is and is written `code18`. The width
/// is not part of the code but of the [`DataType`](super::DataType).
///
/// # Examples
///
/// ```
/// use dlpack::{DataType, DataTypeCode};
///
/// assert_eq!(DataType::F64.code, DataTypeCode::FLOAT);
/// assert_eq!(DataTypeCode::new(18).to_string(), "code18");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct DataTypeCode(u8);

/// The names of the codes, in the order of their numbers.
const NAMES: [&str; 18] = [
    "int",
    "uint",
    "float",
    "opaque_handle",
    "bfloat",
    "complex",
    "bool",
    "float8_e3m4",
    "float8_e4m3",
    "float8_e4m3b11fnuz",
    "float8_e4m3fn",
    "float8_e4m3fnuz",
    "float8_e5m2",
    "float8_e5m2fnuz",
    "float8_e8m0fnu",
    "float6_e2m3fn",
    "float6_e3m2fn",
    "float4_e2m1fn",
];

impl DataTypeCode {
    /// Signed integers in two's complement (`kDLInt`).
    pub const INT: Self = Self(0);
    /// Unsigned integers (`kDLUInt`).
    pub const UINT: Self = Self(1);
    /// IEEE 754 binary floats (`kDLFloat`).
    pub const FLOAT: Self = Self(2);
    /// Handles whose meaning both sides have agreed on elsewhere (`kDLOpaqueHandle`).
    pub const OPAQUE_HANDLE: Self = Self(3);
    /// The upper half of an IEEE 754 single (`kDLBfloat`).
    pub const BFLOAT: Self = Self(4);
    /// Complex numbers, real part first; the width is that of both parts together (`kDLComplex`).
    pub const COMPLEX: Self = Self(5);
    /// Truth values (`kDLBool`).
    pub const BOOL: Self = Self(6);
    /// 8-bit floats: 3 exponent and 4 mantissa bits, with infinities (`kDLFloat8_e3m4`).
    pub const FLOAT8_E3M4: Self = Self(7);
    /// 8-bit floats: 4 exponent and 3 mantissa bits, with infinities (`kDLFloat8_e4m3`).
    pub const FLOAT8_E4M3: Self = Self(8);
    /// 8-bit floats: 4 exponent and 3 mantissa bits, bias 11, one zero, one NaN, no infinity
    /// (`kDLFloat8_e4m3b11fnuz`).
    pub const FLOAT8_E4M3B11FNUZ: Self = Self(9);
    /// 8-bit floats: 4 exponent and 3 mantissa bits, no infinity (`kDLFloat8_e4m3fn`).
    pub const FLOAT8_E4M3FN: Self = Self(10);
    /// 8-bit floats: 4 exponent and 3 mantissa bits, one zero, one NaN, no infinity (`kDLFloat8_e4m3fnuz`).
    pub const FLOAT8_E4M3FNUZ: Self = Self(11);
    /// 8-bit floats: 5 exponent and 2 mantissa bits, with infinities (`kDLFloat8_e5m2`).
    pub const FLOAT8_E5M2: Self = Self(12);
    /// 8-bit floats: 5 exponent and 2 mantissa bits, one zero, one NaN, no infinity (`kDLFloat8_e5m2fnuz`).
    pub const FLOAT8_E5M2FNUZ: Self = Self(13);
    /// 8-bit powers of two: an exponent and nothing else (`kDLFloat8_e8m0fnu`).
    pub const FLOAT8_E8M0FNU: Self = Self(14);
    /// 6-bit floats: 2 exponent and 3 mantissa bits, every pattern a finite number (`kDLFloat6_e2m3fn`).
    pub const FLOAT6_E2M3FN: Self = Self(15);
    /// 6-bit floats: 3 exponent and 2 mantissa bits, every pattern a finite number (`kDLFloat6_e3m2fn`).
    pub const FLOAT6_E3M2FN: Self = Self(16);
    /// 4-bit floats: 2 exponent bits and 1 mantissa bit, every pattern a finite number (`kDLFloat4_e2m1fn`).
    pub const FLOAT4_E2M1FN: Self = Self(17);

    /// Makes a code of any number, known or not.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::DataTypeCode;
    ///
    /// assert_eq!(DataTypeCode::new(2), DataTypeCode::FLOAT);
    /// ```
    #[must_use]
    pub const fn new(code: u8) -> Self {
        Self(code)
    }

    /// The number in the header.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(dlpack::DataTypeCode::BOOL.code(), 6);
    /// ```
    #[must_use]
    pub const fn code(self) -> u8 {
        self.0
    }

    /// Whether DLPack 1.3 gives this code a name.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::DataTypeCode;
    ///
    /// assert!(DataTypeCode::FLOAT4_E2M1FN.is_known());
    /// assert!(!DataTypeCode::new(18).is_known());
    /// ```
    #[must_use]
    pub const fn is_known(self) -> bool {
        self.name().is_some()
    }

    /// The name that a dtype of this code begins with, or `None` for a code that DLPack 1.3 does not name.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::DataTypeCode;
    ///
    /// assert_eq!(DataTypeCode::BFLOAT.name(), Some("bfloat"));
    /// assert_eq!(DataTypeCode::new(255).name(), None);
    /// ```
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        let index = self.0 as usize;
        if index < NAMES.len() { Some(NAMES[index]) } else { None }
    }

    /// The width that the name alone stands for, where it stands for one.
    pub(super) const fn implied_bits(self) -> Option<u8> {
        match self.0 {
            6..=14 => Some(8),
            15..=16 => Some(6),
            17 => Some(4),
            _ => None,
        }
    }

    /// Every code with a name.
    pub(super) fn known() -> impl Iterator<Item = (Self, &'static str)> {
        (0..).map(Self).zip(NAMES)
    }
}

impl fmt::Display for DataTypeCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "code{}", self.0),
        }
    }
}

impl fmt::Debug for DataTypeCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataTypeCode({self})")
    }
}
