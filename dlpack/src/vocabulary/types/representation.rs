//! What the types of this room have in common: how they are stored, and the values that they stand for.

/// Makes elements of transparent wrappers of `u8`.
macro_rules! byte_elements {
    ($($name:ident => $dtype:expr,)*) => {
        $(
            // SAFETY: a transparent wrapper of `u8`, which is zeroable.
            unsafe impl bytemuck::Zeroable for $name {}

            // SAFETY: a transparent wrapper of `u8`, which is plain old data.
            unsafe impl bytemuck::Pod for $name {}
        )*

        $crate::vocabulary::element::elements! { $($name => $dtype,)* }
    };
}

/// Makes lanes of types with the functions `from_bits` and `to_bits`.
macro_rules! sub_bytes {
    ($($name:ident => $dtype:expr,)*) => {$(
        impl $crate::types::SubByte for $name {
            const DTYPE: $crate::DataType = $dtype;

            #[inline]
            fn from_bits(bits: u8) -> Self {
                Self::from_bits(bits)
            }

            #[inline]
            fn to_bits(self) -> u8 {
                self.to_bits()
            }
        }
    )*};
}

/// Converts a type to the type of its values, and prints it as they are printed.
macro_rules! stands_for {
    ($name:ident: $value:ty = $get:ident, $($trait:ident)*) => {
        impl From<$name> for $value {
            fn from(value: $name) -> Self {
                value.$get()
            }
        }

        $(
            impl core::fmt::$trait for $name {
                fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                    core::fmt::$trait::fmt(&self.$get(), f)
                }
            }
        )*
    };
}

pub(super) use {byte_elements, stands_for, sub_bytes};
