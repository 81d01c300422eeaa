//! Values without gaps between them, whether bytes end with them or not.

use std::ptr;

use dlpack::sys::{DLDataType, DLDevice, DLDeviceType, DLTensor};
use dlpack::{
    BorrowedTensor, DataType, Error, PackedView,
    types::{F4E2m1fn, I2, I4, SubByte, U1, U4},
};

use crate::kinds::{Kind, check, dtype, for_each_kind, noise, packed_value};

/// Views `bytes` as a tensor of this dtype and layout.
fn with_view<T: SubByte, R>(
    bytes: &[u8],
    dtype: DataType,
    shape: &[i64],
    strides: Option<&[i64]>,
    body: impl FnOnce(Result<PackedView<'_, T>, Error>) -> R,
) -> R {
    let (mut shape, mut strides) = (shape.to_vec(), strides.map(<[i64]>::to_vec));
    let data = if bytes.is_empty() { ptr::null() } else { bytes.as_ptr() };
    let tensor = DLTensor {
        data: data.cast_mut().cast(),
        device: DLDevice { device_type: DLDeviceType::kDLCPU, device_id: 0 },
        ndim: i32::try_from(shape.len()).unwrap(),
        dtype: DLDataType::from(dtype),
        shape: shape.as_mut_ptr(),
        strides: strides.as_mut().map_or(ptr::null_mut(), Vec::as_mut_ptr),
        byte_offset: 0,
    };
    let look = |tensor: BorrowedTensor<'_>| {
        // SAFETY: the bytes are initialised and borrowed.
        Ok(body(unsafe { tensor.packed_view::<T>() }))
    };
    // SAFETY: struct, shape, strides and bytes live until this function returns, and the bytes suffice.
    unsafe { BorrowedTensor::with_raw(&raw const tensor, look) }.unwrap()
}

fn expected<K: Kind>(bytes: &[u8], count: usize) -> Vec<u8> {
    (0..count).map(|i| packed_value(bytes, i, K::BITS)).collect()
}

fn any_number<K: Kind>() {
    assert_eq!(K::DTYPE, dtype::<K>(1));
    for lanes in [1, 2, 3] {
        for count in 0..=40_usize {
            let values = count * usize::from(lanes);
            let bytes = noise((values * usize::from(K::BITS)).div_ceil(8)).into_boxed_slice();
            let shape = [i64::try_from(count).unwrap()];
            with_view::<K, _>(&bytes, dtype::<K>(lanes), &shape, None, |view| {
                let view = view.unwrap();
                assert_eq!((view.shape(), view.lanes()), (&[count][..], lanes));
                check(&view, &expected::<K>(&bytes, values));
            });
        }
    }
}

#[test]
fn any_number_of_values() {
    for_each_kind!(any_number);
}

/// So many that a table of all patterns pays.
fn many<K: Kind>() {
    for count in [2046, 2047, 2048, 2049, 5003_usize] {
        let bytes = noise((count * usize::from(K::BITS)).div_ceil(8)).into_boxed_slice();
        let shape = [i64::try_from(count).unwrap()];
        with_view::<K, _>(&bytes, dtype::<K>(1), &shape, None, |view| {
            check(&view.unwrap(), &expected::<K>(&bytes, count));
        });
    }
}

#[test]
#[cfg_attr(miri, ignore = "hundreds of thousands of values")]
fn many_values() {
    for_each_kind!(many);
}

/// Lanes that fill whole bytes at any strides: those of `float4_e2m1fn_x2` and the like.
fn strides_of_whole_bytes<K: Kind>() {
    let bits = usize::from(K::BITS);
    for lanes in [8_u16, 16] {
        let count = usize::from(lanes);
        let elements = 6;
        let bytes = noise(elements * count * bits / 8);
        let all = expected::<K>(&bytes, elements * count);
        // Element [i, j] is element j * 2 + i in memory.
        let order = [0, 2, 4, 1, 3, 5];
        let turned: Vec<_> =
            order.iter().flat_map(|&k| all[k * count..][..count].iter().copied()).collect();
        with_view::<K, _>(&bytes, dtype::<K>(lanes), &[2, 3], Some(&[1, 2]), |view| {
            let view = view.unwrap();
            assert_eq!((view.shape(), view.lanes()), (&[2, 3][..], lanes));
            check(&view, &turned);
        });
    }
}

#[test]
fn whole_bytes_at_any_strides() {
    for_each_kind!(strides_of_whole_bytes);
}

fn shapes<K: Kind>() {
    let bytes = noise(60);
    let rows: [(&[i64], &[i64]); 7] = [
        (&[], &[]),
        (&[3, 5], &[5, 1]),
        (&[1, 3, 1, 5], &[-999, 5, 0, 1]),
        (&[2, 3, 4], &[12, 4, 1]),
        (&[1], &[i64::MIN]),
        (&[0, 3], &[0, 0]),
        (&[2; 8], &[128, 64, 32, 16, 8, 4, 2, 1]),
    ];
    for (shape, strides) in rows {
        let count = usize::try_from(shape.iter().product::<i64>()).unwrap();
        if count * usize::from(K::BITS) > bytes.len() * 8 {
            continue;
        }
        with_view::<K, _>(&bytes, dtype::<K>(1), shape, Some(strides), |view| {
            let view = view.unwrap();
            assert!(view.shape().iter().zip(shape).all(|(&a, &b)| i64::try_from(a) == Ok(b)));
            check(&view, &expected::<K>(&bytes, count));
        });
    }
}

#[test]
fn any_shape() {
    for_each_kind!(shapes);
}

fn strides<K: Kind>() {
    let bytes = noise(60);
    let rows: [(&[i64], &[i64]); 5] =
        [(&[4], &[2]), (&[4], &[0]), (&[2, 3], &[1, 2]), (&[2, 3], &[4, 1]), (&[2, 2], &[0, 1])];
    for (shape, strides) in rows {
        with_view::<K, _>(&bytes, dtype::<K>(1), shape, Some(strides), |view| {
            assert_eq!(view.map(|view| view.len()), Err(Error::NotContiguous));
        });
    }
}

/// What a stride of packed values counts, the standard does not say.
#[test]
fn other_strides_are_refused() {
    for_each_kind!(strides);
}

#[test]
fn other_dtypes_are_refused() {
    let wrong = |found: DataType| Error::DTypeMismatch { expected: DataType::U4, found };
    for found in [DataType::I4, DataType::U2, DataType::F4_E2M1FN, DataType::U8] {
        with_view::<U4, _>(&[0; 4], found, &[2], None, |view| {
            assert_eq!(view.map(|view| view.len()), Err(wrong(found)));
        });
        // Of an empty tensor, too.
        with_view::<U4, _>(&[], found, &[0], None, |view| {
            assert_eq!(view.map(|view| view.len()), Err(wrong(found)));
        });
    }
}

/// The examples of the rule, in numbers.
#[test]
fn by_hand() {
    let values = |bytes: &[u8], count: i64| {
        with_view::<U4, _>(bytes, DataType::U4, &[count], None, |view| {
            view.unwrap().iter().map(U4::to_u8).collect::<Vec<_>>()
        })
    };
    assert_eq!(values(&[0x21, 0x43, 0xF5], 5), [1, 2, 3, 4, 5]);
    assert_eq!(values(&[0x21, 0x43, 0xF5], 6), [1, 2, 3, 4, 5, 15]);

    // 1 | 2 << 6 | 3 << 12 | 63 << 18 = 0xFC3081
    with_view::<dlpack::types::F6E2m3fn, _>(
        &[0x81, 0x30, 0xFC],
        DataType::F6_E2M3FN,
        &[4],
        None,
        |view| {
            let view = view.unwrap();
            assert!(view.iter().map(SubByte::to_bits).eq([1, 2, 3, 63]));
            assert!(view.iter().map(|x| x.to_f32()).eq([0.125, 0.25, 0.375, -7.5]));
        },
    );
    with_view::<I4, _>(&[0x8F, 0x07], DataType::I4, &[3], None, |view| {
        assert!(view.unwrap().iter().map(I4::to_i8).eq([-1, -8, 7]));
    });
    with_view::<I2, _>(&[0b01_10_11_00], DataType::I2, &[4], None, |view| {
        assert!(view.unwrap().iter().map(I2::to_i8).eq([0, -1, -2, 1]));
    });
    with_view::<U1, _>(&[0b1000_0101, 0b1], DataType::U1, &[9], None, |view| {
        assert!(view.unwrap().iter().map(U1::to_u8).eq([1, 0, 1, 0, 0, 0, 0, 1, 1]));
    });
    // Two lanes of four bits are one byte, the first lane lowest.
    let pairs = DataType::F4_E2M1FN.with_lanes(2);
    with_view::<F4E2m1fn, _>(&[0x21, 0xA7], pairs, &[2], None, |view| {
        assert!(view.unwrap().iter().map(F4E2m1fn::to_f32).eq([0.5, 1.0, 6.0, -1.0]));
    });
}

#[test]
fn printed() {
    let print = |count: i64| {
        let bytes = [0x10, 0x32, 0x54, 0x76, 0x98, 0xBA, 0xDC, 0xFE, 0x21];
        with_view::<U4, _>(&bytes, DataType::U4, &[count], None, |view| {
            let view = view.unwrap();
            let mut iter = view.iter();
            iter.next();
            (format!("{view:?}"), format!("{iter:?}"))
        })
    };
    assert_eq!(print(0).0, "[]");
    assert_eq!(print(3), ("[0, 1, 2]".into(), "Map { iter: 1..3 }".into()));
    let all = "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15";
    assert_eq!(print(16).0, format!("{all}]"));
    assert_eq!(print(17).0, format!("{all}, ..]"));
}
