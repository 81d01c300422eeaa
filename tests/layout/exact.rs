//! What is true of a layout: once by a loop over every index, once in closed form with integers that cannot overflow.

use std::num::TryFromIntError;

/// Everything that [`Layout`](dlpack::layout::Layout) says in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    pub numel: i128,
    pub nbytes: i128,
    pub first: i128,
    pub last: i128,
    pub start: i128,
    pub end: i128,
}

impl Facts {
    pub const EMPTY: Self = Self { numel: 0, nbytes: 0, first: 0, last: -1, start: 0, end: 0 };
}

/// Why there is no layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    Negative,
    Shape,
    Extent,
}

/// All indices of a shape, the last axis running fastest.
pub fn indices(shape: &[i64]) -> Vec<Vec<i64>> {
    let mut all = vec![vec![]];
    for &size in shape {
        let mut longer = Vec::new();
        for index in &all {
            for k in 0..size {
                longer.push([&index[..], &[k]].concat());
            }
        }
        all = longer;
    }
    all
}

/// The offset of each element from the first, in elements, in the order of [`indices`].
pub fn offsets(shape: &[i64], strides: &[i64]) -> Vec<i128> {
    let offset = |index: &Vec<i64>| {
        index.iter().zip(strides).map(|(&k, &stride)| i128::from(k) * i128::from(stride)).sum()
    };
    indices(shape).iter().map(offset).collect()
}

/// By enumeration: each element covers some bits, and those lie in some bytes.
pub fn enumerated(shape: &[i64], strides: &[i64], bits: i128) -> Facts {
    let offsets = offsets(shape, strides);
    let (Some(&first), Some(&last)) = (offsets.iter().min(), offsets.iter().max()) else {
        return Facts::EMPTY;
    };
    let byte = |bit: i128| bit.div_euclid(8);
    Facts {
        numel: i128::try_from(offsets.len()).unwrap(),
        nbytes: byte(offsets.iter().map(|_| bits).sum::<i128>() - 1) + 1,
        first,
        last,
        start: offsets.iter().map(|o| byte(o * bits)).min().unwrap(),
        end: offsets.iter().map(|o| byte(o * bits + bits - 1)).max().unwrap() + 1,
    }
}

/// In closed form. Refused is what a pointer-sized integer cannot hold, and nothing else: strides before the bytes
/// side by side, so that a compact tensor of too many bytes is refused for its extents.
pub fn closed_form(shape: &[i64], strides: &[i64], bits: i128) -> Result<Facts, Refusal> {
    if shape.iter().any(|&size| size < 0) {
        return Err(Refusal::Negative);
    }
    let mut numel = 1;
    for &size in shape.iter().filter(|&&size| size != 0) {
        numel = fit(numel * i128::from(size)).map_err(|_| Refusal::Shape)?;
    }
    if shape.contains(&0) {
        return Ok(Facts::EMPTY);
    }
    // The sum of all `size - 1` is less than their product, so no sum here exceeds 126 bits.
    let (mut first, mut last) = (0, 0);
    for (&size, &stride) in shape.iter().zip(strides) {
        let step = i128::from(size - 1) * i128::from(stride);
        if step < 0 { first += step } else { last += step }
    }
    let extents = || {
        let (first, last) = (fit(first)?, fit(last)?);
        let start = fit((first * bits).div_euclid(8))?;
        let end = fit(up_to_bytes((last + 1) * bits))?;
        fit(end - start)?;
        Ok(Facts { numel, nbytes: up_to_bytes(numel * bits), first, last, start, end })
    };
    let facts = extents().map_err(|_: TryFromIntError| Refusal::Extent)?;
    fit(facts.nbytes).map_err(|_| Refusal::Shape)?;
    Ok(facts)
}

fn up_to_bytes(bits: i128) -> i128 {
    (bits + 7).div_euclid(8)
}

fn fit(n: i128) -> Result<i128, TryFromIntError> {
    isize::try_from(n).map(|_| n)
}
