//! Copies of tensors whose elements have no Rust type: any number of bytes, at any address.

use dlpack::{DataType, DataTypeCode, Error, Exporter, Flags, TensorView};

/// Bytes that start at an odd address.
struct Odd(Box<[u8]>);

impl AsMut<[u8]> for Odd {
    fn as_mut(&mut self) -> &mut [u8] {
        let skip = 1 + self.0.as_ptr().addr() % 2;
        &mut self.0[skip..]
    }
}

fn byte(i: usize) -> u8 {
    u8::try_from(i % 251).unwrap()
}

impl Odd {
    /// `len` bytes and what is needed to make them start there.
    fn new(len: usize) -> Self {
        let mut bytes: Box<[u8]> = vec![0; len + 2].into();
        let skip = 1 + bytes.as_ptr().addr() % 2;
        bytes[skip..].iter_mut().zip(0..).for_each(|(to, i)| *to = byte(i));
        Self(bytes)
    }
}

/// A dtype, whether it is padded, and the bytes of an element.
const WIDTHS: [(u8, u8, u16, bool, usize); 20] = [
    (1, 8, 1, false, 1),
    (0, 16, 1, false, 2),
    (2, 32, 1, false, 4),
    (5, 64, 1, false, 8),
    (5, 128, 1, false, 16),
    (0, 24, 1, false, 3),
    (1, 8, 5, false, 5),
    (15, 6, 4, false, 3),
    (17, 4, 2, false, 1),
    (17, 4, 12, false, 6),
    (0, 1, 56, false, 7),
    (2, 32, 3, false, 12),
    (1, 12, 1, false, 2),
    (2, 64, 4, false, 32),
    (99, 8, 17, false, 17),
    (0, 8, 1000, false, 1000),
    (1, 4, 1, true, 1),
    (1, 4, 3, true, 3),
    (15, 6, 1, true, 1),
    (2, 32, 1, true, 4),
];

fn indices(shape: &[usize]) -> Vec<Vec<usize>> {
    shape.iter().fold(vec![vec![]], |all, &size| {
        let longer = |index: Vec<usize>| (0..size).map(move |k| [&index[..], &[k]].concat());
        all.into_iter().flat_map(longer).collect()
    })
}

/// Copies a tensor over odd bytes, and compares byte by byte.
fn check(shape: &[usize], strides: &[isize], width: (u8, u8, u16, bool, usize)) {
    let (code, bits, lanes, padded, size) = width;
    let dtype = DataType::new(DataTypeCode::new(code), bits, lanes);
    let steps = || shape.iter().zip(strides).map(|(&n, &t)| (isize::try_from(n).unwrap() - 1) * t);
    let low = steps().filter(|&step| step < 0).sum::<isize>().unsigned_abs();
    let high = steps().filter(|&step| step > 0).sum::<isize>().unsigned_abs();
    let exporter = Exporter::new(Odd::new((low + high + 1) * size)).dtype(dtype).shape(shape);
    let exporter = if padded { exporter.padded() } else { exporter };
    let tensor = exporter.strides(strides).offset(low).build().unwrap();
    assert_eq!((tensor.data().addr() - low * size) % 2, 1);

    let mut expected = Vec::new();
    for index in indices(shape) {
        let steps = index.iter().zip(strides).map(|(&k, &t)| isize::try_from(k).unwrap() * t);
        let place = low.checked_add_signed(steps.sum()).unwrap();
        expected.extend((place * size..(place + 1) * size).map(byte));
    }
    let copy = tensor.to_copy().unwrap();
    assert_eq!((copy.dtype(), copy.shape()), (dtype, tensor.shape()));
    let padding = if padded { Flags::IS_SUBBYTE_TYPE_PADDED } else { Flags::NONE };
    assert_eq!(copy.flags(), Flags::IS_COPIED.with(padding));
    assert!(copy.is_contiguous() && copy.byte_offset() == 0);
    assert_eq!(copy.nbytes(), expected.len());
    assert_eq!(copy.data().addr() % 64, 0, "aligned for any element, and for JAX");
    // SAFETY: the copy is alive, and of so many bytes.
    let bytes = unsafe { std::slice::from_raw_parts(copy.data().cast::<u8>(), copy.nbytes()) };
    assert!(bytes == expected, "{dtype} {shape:?} {strides:?}");
}

#[test]
fn elements_of_any_size() {
    for width in WIDTHS {
        check(&[], &[], width);
        check(&[1], &[77], width);
        check(&[6], &[1], width);
        check(&[6], &[-1], width);
        check(&[6], &[3], width);
        check(&[6], &[0], width);
        check(&[2, 3], &[1, 2], width);
        check(&[2, 3], &[-3, 1], width);
        check(&[9, 11], &[1, 9], width);
        check(&[9, 11], &[-1, -9], width);
        check(&[2, 3, 4], &[1, 8, 2], width);
        check(&[4, 3], &[0, 1], width);
        check(&[4, 3], &[1, 1], width);
    }
    for width in WIDTHS.into_iter().filter(|&(.., size)| size <= 32) {
        check(&[40, 35], &[1, 40], width);
        check(&[3, 33, 32], &[32, 1, -96], width);
        check(&[65, 65], &[2, -130], width);
    }
}

#[test]
fn many_axes() {
    for width in WIDTHS.into_iter().filter(|&(.., size)| size <= 32) {
        check(&[2; 9], &[1, 2, 4, 8, 16, 32, 64, 128, 256], width);
        check(&[2; 9], &[-256, 1, 2, -128, 4, 64, 8, -16, 32], width);
        let mut shape = [1; 64];
        let mut strides = [9; 64];
        (shape[0], shape[40], shape[63]) = (4, 3, 2);
        (strides[0], strides[40], strides[63]) = (1, -4, 12);
        check(&shape, &strides, width);
    }
}

#[test]
fn no_elements() -> Result<(), Error> {
    for (code, bits, lanes, padded, _) in WIDTHS {
        let dtype = DataType::new(DataTypeCode::new(code), bits, lanes);
        let exporter = Exporter::new(Vec::<u8>::new()).dtype(dtype).shape(&[2, 0, 3]);
        let exporter = if padded { exporter.padded() } else { exporter };
        let copy = exporter.build()?.to_copy()?;
        assert_eq!((copy.dtype(), copy.shape(), copy.nbytes()), (dtype, &[2, 0, 3][..], 0));
    }
    Ok(())
}

#[test]
fn packed() -> Result<(), Error> {
    for (dtype, shape, nbytes) in [
        (DataType::F4_E2M1FN, &[5][..], 3),
        (DataType::F6_E2M3FN, &[3, 3], 7),
        (DataType::U1, &[17], 3),
        (DataType::U4.with_lanes(3), &[3], 5),
        (DataType::I2, &[], 1),
    ] {
        let tensor = Exporter::new(Odd::new(nbytes)).dtype(dtype).shape(shape).build()?;
        let copy = tensor.to_copy()?;
        assert_eq!((copy.dtype(), copy.shape(), copy.nbytes()), (dtype, tensor.shape(), nbytes));
        // SAFETY: the copy is alive, and of so many bytes.
        let bytes = unsafe { std::slice::from_raw_parts(copy.data().cast::<u8>(), nbytes) };
        assert!(bytes.iter().copied().eq((0..nbytes).map(byte)), "{dtype}");
    }
    for (shape, strides) in [(&[4][..], &[2][..]), (&[4], &[0]), (&[2, 2], &[1, 2])] {
        let exporter = Exporter::new(Odd::new(8)).dtype(DataType::U4).shape(shape);
        let tensor = exporter.strides(strides).build()?;
        assert_eq!(tensor.to_copy().map(drop), Err(Error::NotContiguous));
    }
    Ok(())
}

#[test]
fn of_views() -> Result<(), Error> {
    let numbers: Vec<u16> = (0..120).collect();
    let view = TensorView::from_slice(&numbers, &[10, 12])?.transpose();
    let copy = view.to_tensor()?;
    assert_eq!((copy.shape(), copy.strides()), (&[12, 10][..], &[10, 1][..]));
    assert_eq!((copy.dtype(), copy.flags()), (DataType::U16, Flags::IS_COPIED));
    let expected: Vec<u16> = (0..120).map(|n| n % 10 * 12 + n / 10).collect();
    assert_eq!(copy.as_slice::<u16>()?, expected);
    let none = view.slice(0, 3..3)?.to_tensor()?;
    assert_eq!((none.shape(), none.numel()), (&[0, 10][..], 0));
    Ok(())
}
