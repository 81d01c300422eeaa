//! Rust → C → Rust for the owners that everybody has, with elements of Rust types.

use dlpack::{DataType, Element, Exporter, ManagedTensorVersioned};
use dlpack_sys::DLDataType;
use harness::consumer::{gather_managed, scatter};
use proptest::prelude::*;

use crate::cases;
use crate::layouts::{Layout, layouts};
use crate::model::Model;

/// A vector through C and back: the elements that C wrote, at the address and with the spare room of before.
fn vector<T: Element + PartialEq + std::fmt::Debug>(layout: &Layout, spare: usize, seed: u8) {
    let (low, high) = layout.reach();
    let (first, len) = (usize::try_from(-low).unwrap(), usize::try_from(high + 1 - low).unwrap());
    let mut bytes: Vec<u8> =
        (0..len * size_of::<T>()).map(|i| (i % 251).to_le_bytes()[0].wrapping_add(seed)).collect();
    let mut owner = Vec::<T>::with_capacity(len + spare);
    owner.extend(bytes.chunks(size_of::<T>()).map(bytemuck::pod_read_unaligned::<T>));
    let (start, capacity) = (owner.as_ptr(), owner.capacity());

    let shape: Vec<usize> = layout.shape.iter().map(|&n| n.try_into().unwrap()).collect();
    let strides: Vec<isize> = layout.strides().iter().map(|&n| n.try_into().unwrap()).collect();
    let exporter =
        Exporter::new(owner).dtype(T::DTYPE).shape(&shape).strides(&strides).offset(first);
    let tensor = exporter.build().unwrap();
    assert_eq!(tensor.dtype(), T::DTYPE);
    let raw = tensor.into_raw();

    let model = Model {
        dtype: DLDataType::from(T::DTYPE),
        padded: false,
        shape: layout.shape.clone(),
        strides: layout.strides(),
        origin: first * size_of::<T>(),
    };
    // SAFETY: just passed on.
    let gathered = unsafe { gather_managed(raw) }.unwrap();
    assert_eq!(gathered, model.gather(&bytes));
    let elements: Vec<u8> = gathered.iter().map(|byte| !byte).collect();
    // SAFETY: just passed on, and writable.
    assert!(unsafe { scatter(&raw const (*raw).dl_tensor, 0, &elements) });
    model.scatter(&mut bytes, &elements);

    // SAFETY: C passes it back.
    let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }.unwrap();
    let owner = tensor.into_owner::<Vec<T>>().unwrap();
    assert_eq!((owner.as_ptr(), owner.capacity(), owner.len()), (start, capacity, len));
    assert_eq!(bytemuck::cast_slice::<T, u8>(&owner), bytes);
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn vectors_of_every_size(layout in layouts(), spare in 0..3_usize, seed in any::<u8>()) {
        vector::<u8>(&layout, spare, seed);
        vector::<i16>(&layout, spare, seed);
        vector::<u32>(&layout, spare, seed);
        vector::<i64>(&layout, spare, seed);
        vector::<u128>(&layout, spare, seed);
        vector::<[i16; 3]>(&layout, spare, seed);
        vector::<[u32; 3]>(&layout, spare, seed);
        vector::<[u64; 4]>(&layout, spare, seed);
    }
}

#[cfg(all(feature = "half", feature = "num-complex"))]
proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn vectors_of_other_crates(layout in layouts(), seed in 0..100_u8) {
        vector::<half::f16>(&layout, 1, seed);
        vector::<half::bf16>(&layout, 1, seed);
        vector::<[num_complex::Complex<f32>; 1]>(&layout, 1, seed);
    }
}

#[test]
fn dtypes_are_those_of_the_header() {
    let numbers = |dtype: DataType| (dtype.code.code(), dtype.bits, dtype.lanes);
    assert_eq!(numbers(f32::DTYPE), (2, 32, 1));
    assert_eq!(numbers(<[u64; 4]>::DTYPE), (1, 64, 4));
}
