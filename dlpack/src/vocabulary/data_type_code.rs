//! The codes of dtypes, in one table: numbers, names, widths and classes.

use super::codes::codes;

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

/// What the numbers of a code are.
#[derive(Clone, Copy)]
pub(super) enum Class {
    SignedInteger,
    UnsignedInteger,
    Float,
    Complex,
    Bool,
    /// Neither side knows from the code alone.
    Opaque,
}

/// All codes that DLPack 1.3 names. A line has the constant, the number in the header, the name, the width that the name
/// alone stands for if there is one, and the class.
macro_rules! data_type_codes {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident = $code:literal, $text:literal ($($bits:literal)?), $class:ident;
    )*) => {
        codes! { DataTypeCode(u8), "code{}": $($(#[doc = $doc])+ $name = $code, $text;)* }

        impl DataTypeCode {
            #[inline]
            pub(super) const fn class(self) -> Class {
                match self {
                    $(Self::$name => Class::$class,)*
                    _ => Class::Opaque,
                }
            }

            /// Returns whether the standard allows one width only, which is less than a byte.
            #[inline]
            pub(super) const fn is_narrow(self) -> bool {
                match self {
                    $($(Self::$name => $bits < 8,)?)*
                    _ => false,
                }
            }

            /// Returns the width that the name alone stands for, where it stands for one.
            #[inline]
            pub(super) const fn implied_bits(self) -> Option<u8> {
                match self {
                    $($(Self::$name => Some($bits),)?)*
                    _ => None,
                }
            }
        }
    };
}

data_type_codes! {
    /// Signed integers in two's complement (`kDLInt`).
    INT = 0, "int" (), SignedInteger;
    /// Unsigned integers (`kDLUInt`).
    UINT = 1, "uint" (), UnsignedInteger;
    /// IEEE 754 binary floats (`kDLFloat`).
    FLOAT = 2, "float" (), Float;
    /// Handles whose meaning both sides have agreed on elsewhere (`kDLOpaqueHandle`).
    OPAQUE_HANDLE = 3, "opaque_handle" (), Opaque;
    /// The upper half of an IEEE 754 single (`kDLBfloat`).
    BFLOAT = 4, "bfloat" (), Float;
    /// Complex numbers, real part first; the width is that of both parts together (`kDLComplex`).
    COMPLEX = 5, "complex" (), Complex;
    /// Truth values (`kDLBool`).
    BOOL = 6, "bool" (8), Bool;
    /// 8-bit floats: 3 exponent and 4 mantissa bits, with infinities (`kDLFloat8_e3m4`).
    FLOAT8_E3M4 = 7, "float8_e3m4" (8), Float;
    /// 8-bit floats: 4 exponent and 3 mantissa bits, with infinities (`kDLFloat8_e4m3`).
    FLOAT8_E4M3 = 8, "float8_e4m3" (8), Float;
    /// 8-bit floats: 4 exponent and 3 mantissa bits, bias 11, one zero, one NaN, no infinity
    /// (`kDLFloat8_e4m3b11fnuz`).
    FLOAT8_E4M3B11FNUZ = 9, "float8_e4m3b11fnuz" (8), Float;
    /// 8-bit floats: 4 exponent and 3 mantissa bits, no infinity (`kDLFloat8_e4m3fn`).
    FLOAT8_E4M3FN = 10, "float8_e4m3fn" (8), Float;
    /// 8-bit floats: 4 exponent and 3 mantissa bits, one zero, one NaN, no infinity (`kDLFloat8_e4m3fnuz`).
    FLOAT8_E4M3FNUZ = 11, "float8_e4m3fnuz" (8), Float;
    /// 8-bit floats: 5 exponent and 2 mantissa bits, with infinities (`kDLFloat8_e5m2`).
    FLOAT8_E5M2 = 12, "float8_e5m2" (8), Float;
    /// 8-bit floats: 5 exponent and 2 mantissa bits, one zero, one NaN, no infinity (`kDLFloat8_e5m2fnuz`).
    FLOAT8_E5M2FNUZ = 13, "float8_e5m2fnuz" (8), Float;
    /// 8-bit powers of two: an exponent and nothing else (`kDLFloat8_e8m0fnu`).
    FLOAT8_E8M0FNU = 14, "float8_e8m0fnu" (8), Float;
    /// 6-bit floats: 2 exponent and 3 mantissa bits, every pattern a finite number (`kDLFloat6_e2m3fn`).
    FLOAT6_E2M3FN = 15, "float6_e2m3fn" (6), Float;
    /// 6-bit floats: 3 exponent and 2 mantissa bits, every pattern a finite number (`kDLFloat6_e3m2fn`).
    FLOAT6_E3M2FN = 16, "float6_e3m2fn" (6), Float;
    /// 4-bit floats: 2 exponent bits and 1 mantissa bit, every pattern a finite number (`kDLFloat4_e2m1fn`).
    FLOAT4_E2M1FN = 17, "float4_e2m1fn" (4), Float;
}
