//! The bytes of an input, read as a script.

use dlpack::{DataType, DataTypeCode};

/// What is left of an input. When nothing is left, everything is zero.
#[derive(Debug)]
pub struct Input<'a> {
    bytes: &'a [u8],
}

impl<'a> Input<'a> {
    /// The whole input.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Returns `true` if nothing is left.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.bytes.split_first() else { return 0 };
        self.bytes = rest;
        first
    }

    /// The next bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        core::array::from_fn(|_| self.byte())
    }

    /// A number below `count`, which is at most 256.
    pub fn below(&mut self, count: usize) -> usize {
        usize::from(self.byte()) % count
    }

    /// One of several.
    pub fn choose<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// `true` once in so many times.
    pub fn rarely(&mut self, times: usize) -> bool {
        self.below(times) == times - 1
    }

    /// A number as it stands in shapes, strides and offsets: small, close to a power of two or to a limit, or any.
    pub fn number(&mut self) -> i64 {
        let kind = self.byte();
        match kind {
            0..128 => i64::from(kind % 16),
            128..160 => -i64::from(kind % 16) - 1,
            160..200 => {
                let power = 1_i64.wrapping_shl(u32::from(self.byte() % 64));
                power.wrapping_add(i64::from(kind % 5) - 2)
            }
            200..216 => {
                let power = 1_i64.wrapping_shl(u32::from(self.byte() % 64));
                power.wrapping_neg().wrapping_add(i64::from(kind % 5) - 2)
            }
            216..236 => {
                // A limit, or a part of one, as where a product of two or an element's size reaches it.
                let limit = if kind % 2 == 0 { i64::MAX } else { i64::MIN };
                let part = i64::from(self.byte() % 32).max(1);
                (limit / part).wrapping_add(i64::from(self.byte() % 5) - 2)
            }
            236..246 => i64::from(i16::from_le_bytes(self.bytes())),
            _ => i64::from_le_bytes(self.bytes()),
        }
    }

    /// The size of an axis of a tensor that fits in memory.
    pub fn size(&mut self) -> i64 {
        match self.byte() {
            0..=12 => 0,
            13..=70 => 1,
            71..=150 => 2,
            151..=200 => 3,
            byte => i64::from(byte - 200) % 9,
        }
    }

    /// A dtype: most of them valid, all of them possible.
    pub fn dtype(&mut self) -> DataType {
        let dtype = self.choose(&[
            DataType::U8,
            DataType::F32,
            DataType::I16,
            DataType::F64,
            DataType::U128,
            DataType::U4,
            DataType::F4_E2M1FN,
            DataType::F6_E3M2FN,
            DataType::U1,
            DataType::BOOL,
        ]);
        match self.byte() {
            0..200 => dtype,
            200..225 => dtype.with_lanes(u16::from(self.byte() % 8)),
            225..230 => dtype.with_lanes(u16::from_le_bytes(self.bytes())),
            _ => {
                let [code, bits, low, high] = self.bytes();
                DataType::new(DataTypeCode::new(code), bits, u16::from_le_bytes([low, high]))
            }
        }
    }
}
