//! Elements of the sizes that copies treat differently, made from numbers.

use std::fmt::Debug;

use dlpack::Element;

/// An element that stands for a number, so that a misplaced one shows.
pub trait Number: Element + PartialEq + Debug {
    fn number(n: usize) -> Self;

    /// The first `count` of them.
    fn numbers(count: usize) -> Vec<Self> {
        (0..count).map(Self::number).collect()
    }
}

impl Number for u8 {
    fn number(n: usize) -> Self {
        // Coprime to the sizes of tiles, so that neighbours in no direction are equal.
        Self::try_from(n % 251).unwrap()
    }
}

impl Number for u16 {
    fn number(n: usize) -> Self {
        Self::try_from(n % 65521).unwrap()
    }
}

impl Number for u32 {
    fn number(n: usize) -> Self {
        Self::try_from(n).unwrap() << 8
    }
}

impl Number for u64 {
    fn number(n: usize) -> Self {
        Self::from(u32::number(n)) << 32 | 0x5a
    }
}

impl Number for u128 {
    fn number(n: usize) -> Self {
        Self::from(u64::number(n)) << 64 | Self::from(u64::number(n))
    }
}

impl Number for [f32; 3] {
    fn number(n: usize) -> Self {
        let n = f32::from(u16::number(n));
        [n, -n, n + 0.5]
    }
}

impl Number for [f64; 4] {
    fn number(n: usize) -> Self {
        let n = f64::from(u32::number(n));
        [n, -n, n + 0.5, 1.0 / (n + 1.0)]
    }
}

/// Runs a generic check for each element type.
macro_rules! for_each_size {
    ($check:ident($($argument:expr),*)) => {
        $check::<u8>($($argument),*);
        $check::<u16>($($argument),*);
        $check::<u32>($($argument),*);
        $check::<u64>($($argument),*);
        $check::<[f32; 3]>($($argument),*);
        $check::<u128>($($argument),*);
        $check::<[f64; 4]>($($argument),*);
    };
}

pub(crate) use for_each_size;
