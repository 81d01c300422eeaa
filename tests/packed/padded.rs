//! Values in a byte each, where strides are those of bytes.

use dlpack::{
    DataType, Error, Exporter,
    types::{I4, SubByte, U4},
};

use crate::kinds::{Kind, check, dtype, for_each_kind, noise};

/// The lowest bits of a byte; what is above them means nothing.
fn padded_value(byte: u8, bits: u8) -> u8 {
    (0..bits).map(|b| byte & 1 << b).sum()
}

/// The values of a padded tensor, read one after another by its strides.
fn expected<K: Kind>(
    bytes: &[u8],
    shape: &[usize],
    strides: &[isize],
    lanes: u16,
    origin: usize,
) -> Vec<u8> {
    let lanes = usize::from(lanes);
    let count: usize = shape.iter().product();
    let mut values = Vec::new();
    for i in 0..count {
        let (mut rest, mut place) = (i, isize::try_from(origin).unwrap());
        for (&size, &stride) in shape.iter().zip(strides).rev() {
            place += isize::try_from(rest % size).unwrap() * stride;
            rest /= size;
        }
        let first = usize::try_from(place).unwrap() * lanes;
        values.extend(bytes[first..first + lanes].iter().map(|&byte| padded_value(byte, K::BITS)));
    }
    values
}

fn layouts<K: Kind>() {
    let rows: [(&[usize], &[isize]); 16] = [
        (&[], &[]),
        (&[1], &[1]),
        (&[7], &[1]),
        (&[7], &[-1]),
        (&[7], &[3]),
        (&[7], &[0]),
        (&[0], &[1]),
        (&[2, 0], &[0, 1]),
        (&[3, 5], &[5, 1]),
        (&[3, 5], &[1, 3]),
        (&[3, 5], &[-5, 1]),
        (&[3, 5], &[8, -1]),
        (&[3, 5], &[0, 1]),
        (&[3, 5], &[1, 1]),
        (&[2, 3, 4], &[1, 8, 2]),
        (&[2; 8], &[1, 2, 4, 8, 16, 32, 64, 128]),
    ];
    for lanes in [1, 2, 3] {
        for (shape, strides) in rows {
            let steps = || shape.iter().zip(strides).filter(|_| !shape.contains(&0));
            let reach = |sign: isize| -> usize {
                let longest = steps().map(|(&n, &t)| (n - 1) * (t * sign).max(0).unsigned_abs());
                longest.sum()
            };
            let (low, high) = (reach(-1), reach(1));
            let bytes = noise((low + high + 1) * usize::from(lanes));
            let exporter = Exporter::new(bytes.clone()).dtype(dtype::<K>(lanes)).padded();
            let tensor = exporter.shape(shape).strides(strides).offset(low).build().unwrap();
            let view = tensor.packed_view::<K>().unwrap();
            assert_eq!((view.shape(), view.lanes()), (shape, lanes));
            check(&view, &expected::<K>(&bytes, shape, strides, lanes, low));
        }
    }
}

#[test]
fn any_layout() {
    for_each_kind!(layouts);
}

fn sixty_four_axes<K: Kind>() {
    let mut shape = [1; 64];
    let mut strides = [9; 64];
    (shape[1], shape[62]) = (3, 4);
    (strides[1], strides[62]) = (1, -3);
    for lanes in [1, 2] {
        let bytes = noise(12 * usize::from(lanes));
        let exporter = Exporter::new(bytes.clone()).dtype(dtype::<K>(lanes)).padded();
        let tensor = exporter.shape(&shape).strides(&strides).offset(9).build().unwrap();
        let view = tensor.packed_view::<K>().unwrap();
        assert_eq!(view.shape(), shape);
        check(&view, &expected::<K>(&bytes, &shape, &strides, lanes, 9));
    }
    let mut none = [0; 64];
    none[..28].fill(2);
    let exporter = Exporter::new(Vec::<u8>::new()).dtype(dtype::<K>(2)).padded();
    check(&exporter.shape(&none).build().unwrap().packed_view::<K>().unwrap(), &[]);
}

#[test]
fn as_many_axes_as_there_can_be() {
    for_each_kind!(sixty_four_axes);
}

#[test]
fn by_hand() -> Result<(), Error> {
    let bytes = vec![0xF1_u8, 0x02, 0x18, 0x0F];
    let tensor = Exporter::new(bytes).dtype(DataType::I4).padded().shape(&[4]).build()?;
    assert!(tensor.packed_view::<I4>()?.iter().map(I4::to_i8).eq([1, 2, -8, -1]));
    let found = DataType::I4;
    let refused = tensor.packed_view::<U4>().map(|view| view.len());
    assert_eq!(refused, Err(Error::DTypeMismatch { expected: DataType::U4, found }));

    let pairs = Exporter::new(vec![1_u8, 2, 3, 4]).dtype(DataType::U4.with_lanes(2)).padded();
    let tensor = pairs.shape(&[2]).strides(&[-1]).offset(1).build()?;
    let view = tensor.packed_view::<U4>()?;
    assert!(view.iter().map(SubByte::to_bits).eq([3, 4, 1, 2]));
    assert_eq!(format!("{view:?}"), "[3, 4, 1, 2]");
    Ok(())
}
