//! Elements smaller than a byte.

use dlpack::{
    DataType, DataTypeCode, Descriptor, Element, Error, ManagedTensorVersioned,
    types::{F4E2m1fn, F6E2m3fn, I4, SubByte},
};
use harness::{Spec, dtype};

use crate::support::{accept, accepts, guarded, read, refuses};

const PADDED: u64 = 1 << 2;

/// The memory ends with these bytes.
fn of(code: u8, bits: u8, lanes: u16, len: i64, bytes: &[u8]) -> Spec {
    let spec = Spec::new(dtype(code, bits, lanes)).shape(&[len]).data(bytes);
    guarded(spec, |spec| spec.guard_data_end())
}

/// The bits of all values, in order.
fn bits<T: SubByte>(tensor: &Descriptor) -> Result<Vec<u8>, Error> {
    // SAFETY: C initialised the elements, and nobody writes them.
    let view = unsafe { tensor.packed_view::<T>() }?;
    let all: Vec<u8> = view.iter().map(SubByte::to_bits).collect();
    let each: Vec<u8> = (0..view.len()).filter_map(|i| view.get(i)).map(T::to_bits).collect();
    assert_eq!(all, each);
    Ok(all)
}

#[test]
fn h084_five_packed_halves() {
    accepts(&of(17, 4, 1, 5, &[0x21, 0x43, 0xf5]), |tensor| {
        assert_eq!((tensor.numel(), tensor.nbytes()), (5, 3));
        assert_eq!(tensor.layout().byte_extents(), 0..3);
        assert_eq!(bits::<F4E2m1fn>(&tensor), Ok(vec![1, 2, 3, 4, 5]));
    });
}

#[test]
fn h085_five_padded_halves() {
    let spec = of(17, 4, 1, 5, &[0x01, 0x02, 0x03, 0xf4, 0x05]).flags(PADDED);
    accept(&spec, |tensor: ManagedTensorVersioned| {
        assert_eq!((tensor.numel(), tensor.nbytes()), (5, 5));
        assert_eq!(bits::<F4E2m1fn>(&tensor), Ok(vec![1, 2, 3, 4, 5]));
    });
}

#[test]
fn h086_pairs() {
    accepts(&of(17, 4, 2, 4, &[0x21, 0x43, 0x65, 0x87]), |tensor| {
        assert_eq!((tensor.numel(), tensor.nbytes()), (4, 4));
        assert_eq!(tensor.dtype().itemsize(), Some(1));
        assert_eq!(bits::<F4E2m1fn>(&tensor), Ok(vec![1, 2, 3, 4, 5, 6, 7, 8]));
    });
}

/// Two values in a byte.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq)]
struct Pair(u8);

// SAFETY: a `u8`.
unsafe impl bytemuck::Zeroable for Pair {}
// SAFETY: a `u8`.
unsafe impl bytemuck::Pod for Pair {}
// SAFETY: two lanes of half a byte.
unsafe impl Element for Pair {
    const DTYPE: DataType = DataType { code: DataTypeCode::FLOAT4_E2M1FN, bits: 4, lanes: 2 };
}

#[test]
fn h086_pairs_are_bytes_unless_they_are_padded() {
    accepts(&of(17, 4, 2, 2, &[0x21, 0x43]), |tensor| {
        assert_eq!(read(&tensor), Ok(vec![Pair(0x21), Pair(0x43)]));
    });
    let padded = of(17, 4, 2, 2, &[0xf1, 2, 3, 4]).flags(PADDED);
    accept(&padded, |tensor: ManagedTensorVersioned| {
        assert_eq!((tensor.numel(), tensor.nbytes()), (2, 4));
        assert_eq!(read::<Pair>(&tensor), Err(Error::Padded { found: Pair::DTYPE }));
        assert_eq!(bits::<F4E2m1fn>(&tensor), Ok(vec![1, 2, 3, 4]));
    });
}

#[test]
fn h087_small_floats_of_the_wrong_width() {
    let rows = [
        (17, 8, DataTypeCode::FLOAT4_E2M1FN),
        (15, 8, DataTypeCode::FLOAT6_E2M3FN),
        (16, 8, DataTypeCode::FLOAT6_E3M2FN),
        (17, 6, DataTypeCode::FLOAT4_E2M1FN),
        (15, 4, DataTypeCode::FLOAT6_E2M3FN),
    ];
    for (code, bits, name) in rows {
        let found = DataType { code: name, bits, lanes: 1 };
        refuses(&of(code, bits, 1, 3, &[1, 2, 3]), Error::InvalidDType { found });
    }
}

#[test]
fn h088_every_other_half() {
    accepts(&of(0, 4, 1, 3, &[0x21, 0x43, 0x65]).strides(&[2]), |tensor| {
        assert_eq!((tensor.numel(), tensor.strides()), (3, &[2][..]));
        assert_eq!(tensor.layout().byte_extents(), 0..3);
        assert_eq!(bits::<I4>(&tensor), Err(Error::NotContiguous));
    });
    // Padded they are whole bytes, and the stride has a meaning.
    let padded = of(0, 4, 1, 3, &[1, 2, 3, 4, 5]).strides(&[2]).flags(PADDED);
    accept(&padded, |tensor: ManagedTensorVersioned| {
        assert_eq!(bits::<I4>(&tensor), Ok(vec![1, 3, 5]));
    });
}

#[test]
fn h089_values_across_bytes() {
    // 0xfc3881 = 1 + (0x22 << 6) + (3 << 12) + (0x3f << 18), lowest byte first.
    accepts(&of(15, 6, 1, 4, &[0x81, 0x38, 0xfc]), |tensor| {
        assert_eq!((tensor.numel(), tensor.nbytes()), (4, 3));
        assert_eq!(bits::<F6E2m3fn>(&tensor), Ok(vec![1, 0x22, 3, 0x3f]));
    });
}
