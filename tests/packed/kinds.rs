//! The types that stand for such values, the numbers of the standard for them, and the rule by which they are stored.

use std::fmt::Debug;

use dlpack::{
    DataType, DataTypeCode, PackedView,
    types::{Bool1, F4E2m1fn, F6E2m3fn, F6E3m2fn, I2, I4, SubByte, U1, U2, U4},
};

/// A type with its code and its width, written out.
pub trait Kind: SubByte + Debug {
    const CODE: u8;
    const BITS: u8;
}

/// A type of one's own, for a width without a name.
#[derive(Clone, Copy, Debug)]
pub struct Own<const BITS: u8>(u8);

impl<const BITS: u8> SubByte for Own<BITS> {
    const DTYPE: DataType = DataType::new(DataTypeCode::UINT, BITS, 1);

    fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    fn to_bits(self) -> u8 {
        self.0
    }
}

macro_rules! kinds {
    ($($kind:ty = $code:literal, $bits:literal;)*) => {$(
        impl Kind for $kind {
            const CODE: u8 = $code;
            const BITS: u8 = $bits;
        }
    )*};
}

kinds! {
    I4 = 0, 4;
    U4 = 1, 4;
    I2 = 0, 2;
    U2 = 1, 2;
    U1 = 1, 1;
    Bool1 = 6, 1;
    F6E2m3fn = 15, 6;
    F6E3m2fn = 16, 6;
    F4E2m1fn = 17, 4;
    Own<3> = 1, 3;
    Own<5> = 1, 5;
    Own<7> = 1, 7;
}

/// Runs a generic check for each type.
macro_rules! for_each_kind {
    ($check:ident) => {
        $check::<dlpack::types::I4>();
        $check::<dlpack::types::U4>();
        $check::<dlpack::types::I2>();
        $check::<dlpack::types::U2>();
        $check::<dlpack::types::U1>();
        $check::<dlpack::types::Bool1>();
        $check::<dlpack::types::F6E2m3fn>();
        $check::<dlpack::types::F6E3m2fn>();
        $check::<dlpack::types::F4E2m1fn>();
        $check::<$crate::kinds::Own<3>>();
        $check::<$crate::kinds::Own<5>>();
        $check::<$crate::kinds::Own<7>>();
    };
}

pub(crate) use for_each_kind;

pub fn dtype<K: Kind>(lanes: u16) -> DataType {
    DataType::new(DataTypeCode::new(K::CODE), K::BITS, lanes)
}

/// Bytes without a pattern.
pub fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(len).collect()
}

/// Bit `b` of value `i` is bit `i·bits + b` of the memory, and bit `n` of the memory is bit `n mod 8` of byte `n / 8`.
pub fn packed_value(bytes: &[u8], i: usize, bits: u8) -> u8 {
    (0..bits).fold(0, |value, b| {
        let place = i * usize::from(bits) + usize::from(b);
        let bit = bytes[place / 8] >> (place % 8) & 1;
        value | bit << b
    })
}

/// Compares everything that a view says of its values.
#[track_caller]
pub fn check<K: Kind>(view: &PackedView<'_, K>, expected: &[u8]) {
    assert_eq!((view.len(), view.is_empty()), (expected.len(), expected.is_empty()));
    let found: Vec<_> = (0..expected.len()).map(|i| view.get(i).unwrap().to_bits()).collect();
    assert_eq!(found, expected, "by index");
    assert!(view.get(expected.len()).is_none() && view.get(usize::MAX).is_none());

    let mut iter = view.iter();
    for (i, &bits) in expected.iter().enumerate() {
        let left = expected.len() - i;
        assert_eq!((iter.len(), iter.size_hint()), (left, (left, Some(left))));
        assert_eq!(iter.next().map(K::to_bits), Some(bits));
    }
    assert!(iter.next().is_none() && iter.next().is_none());
    assert_eq!(iter.len(), 0);
    let again: Vec<_> = view.clone().iter().map(K::to_bits).collect();
    assert_eq!(again, expected, "by iteration");

    let mut values = vec![0xEE; expected.len()];
    view.unpack_to(&mut values, K::to_bits).unwrap();
    assert_eq!(values, expected, "by unpacking");
    for len in [expected.len() + 1, expected.len().wrapping_sub(1)] {
        if len <= expected.len() + 1 {
            let refused = view.unpack_to(&mut vec![0; len], K::to_bits);
            let mismatch = dlpack::Error::LenMismatch { expected: expected.len(), found: len };
            assert_eq!(refused, Err(mismatch));
        }
    }
}
