//! Dtypes with the bits that one element takes, written out.

use dlpack::{DataType, DataTypeCode};

/// A dtype, whether it is padded, and how many bits lie between neighbours.
#[derive(Clone, Copy, Debug)]
pub struct Width {
    pub code: u8,
    pub lane_bits: u8,
    pub lanes: u16,
    pub padded: bool,
    pub bits: i128,
}

impl Width {
    pub const U8: Self = width(1, 8, 1, false, 8);
    pub const F32: Self = width(2, 32, 1, false, 32);
    pub const F64: Self = width(2, 64, 1, false, 64);
    pub const U1: Self = width(1, 1, 1, false, 1);
    pub const F4: Self = width(17, 4, 1, false, 4);

    pub fn dtype(self) -> DataType {
        DataType::new(DataTypeCode::new(self.code), self.lane_bits, self.lanes)
    }
}

const fn width(code: u8, lane_bits: u8, lanes: u16, padded: bool, bits: i128) -> Width {
    Width { code, lane_bits, lanes, padded, bits }
}

/// One of each kind: whole bytes, packed, padded, packed and padded lanes, widths that have no Rust type.
pub const WIDTHS: [Width; 48] = [
    Width::U8,
    Width::F32,
    Width::F64,
    Width::U1,
    Width::F4,
    width(0, 8, 1, false, 8),
    width(0, 16, 1, false, 16),
    width(0, 32, 1, false, 32),
    width(0, 64, 1, false, 64),
    width(0, 128, 1, false, 128),
    width(1, 16, 1, false, 16),
    width(2, 16, 1, false, 16),
    width(4, 16, 1, false, 16),
    width(5, 32, 1, false, 32),
    width(5, 64, 1, false, 64),
    width(5, 128, 1, false, 128),
    width(3, 64, 1, false, 64),
    width(6, 8, 1, false, 8),
    // The padding flag is about elements smaller than a byte only.
    width(2, 32, 1, true, 32),
    width(7, 8, 1, true, 8),
    width(14, 8, 1, false, 8),
    width(1, 1, 1, true, 8),
    width(6, 1, 1, false, 1),
    width(0, 2, 1, false, 2),
    width(0, 4, 1, false, 4),
    width(0, 4, 1, true, 8),
    width(17, 4, 1, true, 8),
    width(15, 6, 1, false, 6),
    width(16, 6, 1, false, 6),
    width(16, 6, 1, true, 8),
    width(18, 3, 1, false, 3),
    width(1, 7, 1, false, 7),
    width(2, 32, 3, false, 96),
    width(2, 32, 4, true, 128),
    width(17, 4, 2, false, 8),
    width(17, 4, 2, true, 16),
    width(17, 4, 3, false, 12),
    width(15, 6, 3, false, 18),
    width(15, 6, 4, false, 24),
    width(6, 1, 9, false, 9),
    width(6, 1, 9, true, 72),
    width(1, 7, 5, false, 35),
    width(1, 7, 65535, false, 458_745),
    // Wider lanes are packed within an element, and the element is rounded up to whole bytes.
    width(1, 12, 1, false, 16),
    width(1, 12, 3, false, 40),
    width(0, 24, 1, false, 24),
    width(200, 129, 1, true, 136),
    width(1, 255, 65535, false, 16_711_432),
];
