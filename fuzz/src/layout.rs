//! Arithmetic on shapes and strides, against [`oracle`](crate::oracle).

use dlpack::layout::Layout;
use dlpack::{DataType, Error};

use crate::input::Input;
use crate::oracle::{self, Verdict};

/// Shapes of up to so many elements are also enumerated.
const FEW: usize = 200;

/// Room for more axes than a tensor may have.
const AXES: usize = 70;

/// Runs one input.
///
/// # Panics
///
/// On any difference.
pub fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let dtype = input.dtype();
    let padded = input.rarely(4);
    let ndim = match input.byte() {
        byte @ 0..250 => usize::from(byte) % 7,
        byte => usize::from(byte - 250) * 13 + 4,
    };
    // No allocation: this is the target that runs most often.
    let small = input.rarely(2);
    let (mut shape, mut strides, mut count) = ([0; AXES], [0; AXES], ndim);
    let shape = &mut shape[..ndim];
    for size in &mut *shape {
        *size = if small { input.size() } else { input.number() };
    }
    match input.below(8) {
        0 => oracle::write_row_major(shape, &mut strides),
        1 => Layout::write_column_major_strides(shape, &mut strides[..ndim]),
        2 => {
            count = input.below(AXES);
            strides[..count].fill_with(|| input.number());
        }
        3 | 4 => {
            // Close to row-major: gaps, reversed axes, a permutation.
            oracle::write_row_major(shape, &mut strides);
            for stride in &mut strides[..ndim] {
                match input.below(6) {
                    0 => *stride = stride.wrapping_neg(),
                    1 => *stride = stride.wrapping_add(i64::from(input.byte() % 4)),
                    2 => *stride = input.number(),
                    _ => {}
                }
            }
            if ndim > 1 {
                let turn = input.below(ndim);
                shape.rotate_left(turn);
                strides[..ndim].rotate_left(turn);
            }
        }
        _ => strides[..ndim].fill_with(|| input.number()),
    }
    check(shape, &strides[..count], dtype, padded);
}

/// Compares all that `Layout` says of a shape and strides with the oracle.
///
/// # Panics
///
/// On any difference.
pub fn check(shape: &[i64], strides: &[i64], dtype: DataType, padded: bool) {
    let found = Layout::new(shape, strides, dtype, padded);
    let expected = oracle::judge(shape, strides, dtype, padded);
    match (&found, &expected) {
        (Ok(layout), Ok(verdict)) => assert_eq!(verdict_of(layout), *verdict),
        (found, expected) => assert_eq!(found.map(|_| ()).err(), expected.clone().err()),
    }
    let numel = Layout::numel_of(shape).map(|n| i128::try_from(n).unwrap());
    assert_eq!(numel, oracle::numel(shape));
    if oracle::is_valid(dtype) {
        sizes_of_elements(shape, dtype, padded);
    }
    if shape.len() != strides.len() {
        let verdicts = [Layout::is_c_contiguous, Layout::is_f_contiguous, Layout::is_disjoint];
        assert!(verdicts.iter().all(|verdict| !verdict(shape, strides)));
        return;
    }
    let ndim = shape.len();
    if shape.iter().all(|&size| size >= 0) {
        let compact = oracle::is_compact(shape, strides, ndim, |n| ndim - 1 - n);
        assert_eq!(Layout::is_c_contiguous(shape, strides), compact);
        let compact = oracle::is_compact(shape, strides, ndim, |n| n);
        assert_eq!(Layout::is_f_contiguous(shape, strides), compact);
    }
    let disjoint = Layout::is_disjoint(shape, strides);
    assert_eq!(disjoint, oracle::nests(shape, strides));
    strides_made(shape, strides);
    order_of_axes(shape, strides, dtype, padded, &found);
    as_in_rust(shape, strides, &found, dtype, padded);
    let Ok(layout) = found else { return };
    // Strides that address nothing change nothing.
    let mut normalized = [0; AXES];
    let normalized = &mut normalized[..ndim];
    normalized.copy_from_slice(strides);
    Layout::normalize_strides(shape, normalized);
    let same = Layout::new(shape, normalized, dtype, padded);
    assert_eq!(same.map(|same| verdict_of(&same)), Ok(verdict_of(&layout)));
    if (1..=FEW).contains(&layout.numel()) {
        each_element(shape, strides, &layout, disjoint);
    }
}

/// The strides that are written, and those that are replaced.
fn strides_made(shape: &[i64], strides: &[i64]) {
    let ndim = shape.len();
    let [mut made, mut expected, mut turned] = [[7; AXES]; 3];
    let [made, expected, turned] =
        [&mut made, &mut expected, &mut turned].map(|it| &mut it[..ndim]);
    oracle::write_row_major(shape, expected);
    Layout::write_row_major_strides(shape, made);
    assert_eq!(made, expected);
    turned.copy_from_slice(shape);
    turned.reverse();
    Layout::write_column_major_strides(turned, made);
    made.reverse();
    assert_eq!(made, expected);
    made.copy_from_slice(strides);
    Layout::normalize_strides(shape, made);
    let is_empty = shape.contains(&0);
    for (axis, &stride) in made.iter().enumerate() {
        let replaced = is_empty || shape[axis] == 1;
        assert_eq!(stride, if replaced { expected[axis] } else { strides[axis] });
    }
}

fn verdict_of(layout: &Layout) -> Verdict {
    let wide = |n: isize| i128::try_from(n).unwrap();
    let (extents, bytes) = (layout.extents(), layout.byte_extents());
    Verdict {
        numel: layout.numel().try_into().unwrap(),
        nbytes: layout.nbytes().try_into().unwrap(),
        first: wide(*extents.start()),
        last: wide(*extents.end()),
        start: wide(bytes.start),
        end: wide(bytes.end),
        row_major: layout.is_row_major(),
    }
}

fn sizes_of_elements(shape: &[i64], dtype: DataType, padded: bool) {
    let bits = oracle::element_bits(dtype, padded);
    assert_eq!(i128::from(dtype.element_bits(padded)), bits);
    let count = shape.first().map_or(1, |&size| usize::try_from(size).unwrap_or(usize::MAX));
    let bytes = -(-i128::try_from(count).unwrap() * bits).div_euclid(8);
    let expected = usize::try_from(bytes).ok().filter(|&n| n <= isize::MAX.unsigned_abs());
    assert_eq!(dtype.nbytes(count, padded), expected);
    let packed = oracle::element_bits(dtype, false);
    let whole = (packed % 8 == 0).then(|| usize::try_from(packed / 8).unwrap());
    assert_eq!(dtype.itemsize(), whole);
}

/// The verdict does not depend on the order of the axes.
fn order_of_axes(
    shape: &[i64],
    strides: &[i64],
    dtype: DataType,
    padded: bool,
    found: &Result<Layout, Error>,
) {
    let [mut turned_shape, mut turned_strides] = [[0; AXES]; 2];
    let (to_shape, to_strides) =
        (&mut turned_shape[..shape.len()], &mut turned_strides[..shape.len()]);
    to_shape.copy_from_slice(shape);
    to_strides.copy_from_slice(strides);
    to_shape.reverse();
    to_strides.reverse();
    let (shape, strides) = (&*to_shape, &*to_strides);
    let turned = Layout::new(shape, strides, dtype, padded);
    match (found, turned) {
        (Ok(one), Ok(other)) => {
            let (mut one, other) = (verdict_of(one), verdict_of(&other));
            one.row_major = other.row_major;
            assert_eq!(one, other);
        }
        (Err(Error::NegativeSize { .. }), Err(Error::NegativeSize { .. })) => {}
        (one, other) => assert_eq!(one.map(|_| ()).err(), other.err()),
    }
    assert_eq!(Layout::is_disjoint(shape, strides), oracle::nests(shape, strides));
}

/// The same numbers as Rust has them.
fn as_in_rust(
    shape: &[i64],
    strides: &[i64],
    found: &Result<Layout, Error>,
    dtype: DataType,
    padded: bool,
) {
    let (mut sizes, mut steps) = ([0_usize; AXES], [0_isize; AXES]);
    let (sizes, steps) = (&mut sizes[..shape.len()], &mut steps[..shape.len()]);
    for ((to, &size), (step, &stride)) in
        sizes.iter_mut().zip(shape).zip(steps.iter_mut().zip(strides))
    {
        let (Ok(size), Ok(stride)) = (size.try_into(), stride.try_into()) else { return };
        (*to, *step) = (size, stride);
    }
    let found = match dtype {
        _ if padded => return,
        DataType::U8 => (Layout::of::<u8>(sizes, steps), found),
        DataType::F32 => (Layout::of::<f32>(sizes, steps), found),
        DataType::F64 => (Layout::of::<f64>(sizes, steps), found),
        DataType::U128 => (Layout::of::<u128>(sizes, steps), found),
        _ => return,
    };
    assert_eq!(found.0, *found.1);
}

/// The extents are those of the elements, and are reached; what is disjoint does not meet.
fn each_element(shape: &[i64], strides: &[i64], layout: &Layout, disjoint: bool) {
    // Any of them fits in `i64`, since the layout is valid.
    let mut offsets = [0_i64; FEW];
    let mut count = 1;
    for (&size, &stride) in shape.iter().zip(strides).filter(|&(&size, _)| size > 1) {
        for step in 1..usize::try_from(size).unwrap() {
            for at in 0..count {
                offsets[step * count + at] = offsets[at] + i64::try_from(step).unwrap() * stride;
            }
        }
        count *= usize::try_from(size).unwrap();
    }
    let offsets = &mut offsets[..count];
    offsets.sort_unstable();
    let wide = |n: &isize| i64::try_from(*n).unwrap();
    let extents = layout.extents();
    assert_eq!(offsets.first().copied(), Some(wide(extents.start())));
    assert_eq!(offsets.last().copied(), Some(wide(extents.end())));
    let meets = offsets.windows(2).any(|pair| pair[0] == pair[1]);
    assert!(!(disjoint && meets));
    if disjoint {
        let dense = offsets.windows(2).all(|pair| pair[0] + 1 == pair[1]);
        assert_eq!(layout.covers_its_extents(), dense);
    }
}
