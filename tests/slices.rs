//! The elements of tensors as slices that own the tensor, and as bytes.
#![cfg(feature = "alloc")]

use std::sync::Arc;
use std::thread;

use dlpack::{
    AnyManagedTensor, DataType, Device, Error, Exclusive, Exporter, Frozen, ManagedTensor,
    ManagedTensorVersioned, TensorSlice, allocator::Global,
};
use harness::owners::Counted;

#[test]
fn a_frozen_tensor_as_a_slice_and_back() {
    let (counted, fate) = Counted::new(&[1_u16, 2, 3, 4]);
    let tensor = Exporter::of(counted, |owner| &owner.elements[..]).shape(&[2, 2]).build().unwrap();
    let start = tensor.start().unwrap();
    let slice: TensorSlice<u16, Frozen<ManagedTensorVersioned>> = tensor.into_slice().unwrap();
    assert_eq!((&slice[..], slice.as_ptr().cast()), (&[1, 2, 3, 4][..], start.cast_const()));
    assert_eq!(slice.as_ref(), [1, 2, 3, 4]);
    // It may leave its thread, be shared, and be kept.
    let slice = thread::spawn(move || slice).join().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| assert_eq!(slice.iter().sum::<u16>(), 10)).join().unwrap()
    });
    let shared: Arc<dyn AsRef<[u16]> + Send + Sync> = Arc::new(slice);
    assert_eq!(fate.dropped(), 0);
    drop(shared);
    assert_eq!(fate.dropped(), 1);
}

#[test]
fn an_exclusive_tensor_is_written_through_its_slice() {
    let tensor = Exporter::new(vec![1_i32, 2, 3]).build().unwrap();
    let mut slice = tensor.into_slice::<i32>().unwrap();
    slice[1] = 7;
    slice.sort_unstable_by(|a, b| b.cmp(a));
    let mut tensor: Exclusive<ManagedTensorVersioned> = slice.into_inner();
    tensor.view_mut::<i32>().unwrap()[[0]] += 1;
    assert_eq!(tensor.downcast::<Vec<i32>>().unwrap(), [8, 3, 1]);
}

/// Elements in the owner itself move nowhere when the slice does.
#[test]
fn an_array_in_its_header() {
    let slice = Exporter::new([1_u8, 2, 3]).build().unwrap().into_slice::<u8>().unwrap();
    let mut boxed = Box::new(slice);
    boxed[0] = 9;
    assert_eq!(boxed.into_inner().downcast::<[u8; 3]>().unwrap(), [9, 2, 3]);
}

#[test]
fn a_slice_is_exported_again() {
    let slice = Exporter::new(vec![1_u8, 2]).build().unwrap().freeze().into_slice::<u8>().unwrap();
    let tensor = Exporter::shared(slice).build().unwrap();
    assert_eq!(tensor.as_slice::<u8>().unwrap(), [1, 2]);
}

/// The struct that C would get, while the tensor keeps it.
#[test]
fn the_struct_of_a_promised_tensor() {
    let tensor = Exporter::new(vec![1_u8, 2]).build().unwrap();
    // SAFETY: the tensor is alive.
    assert_eq!(unsafe { (*tensor.as_raw()).dl_tensor.ndim }, 1);
    let raw = tensor.as_raw();
    assert_eq!(tensor.freeze().as_raw(), raw);
}

#[test]
fn no_elements() {
    let tensor = Exporter::new(Vec::<u32>::new()).build().unwrap();
    let slice = tensor.into_slice::<u32>().unwrap();
    assert!(slice.is_empty() && slice.into_inner().into_slice::<u32>().unwrap().is_empty());
}

/// The tensor comes back with its promise.
#[test]
fn what_is_refused() {
    let tensor = Exporter::new(vec![1_u16, 2, 3, 4]).shape(&[2, 2]).strides(&[1, 2]).build();
    let refused = tensor.unwrap().into_slice::<u16>().unwrap_err();
    assert_eq!(refused.error(), Error::NotContiguous);
    let refused = refused.into_inner().into_slice::<i16>().unwrap_err();
    assert!(matches!(refused.error(), Error::DTypeMismatch { .. }));
    let refused = refused.into_inner().freeze().into_slice::<u16>().unwrap_err();
    assert_eq!(refused.error(), Error::NotContiguous);
    let refused = refused.into_inner().into_bytes().unwrap_err();
    assert_eq!(refused.error(), Error::NotContiguous);
    assert_eq!(refused.into_inner().view::<u16>().unwrap()[[1, 0]], 2);

    let read_only = Exporter::new(vec![1_u8]).read_only().build().unwrap();
    let refused = read_only.into_slice::<u8>().unwrap_err();
    assert_eq!(refused.error(), Error::ReadOnly);
    assert_eq!(&refused.into_inner().freeze().into_slice::<u8>().unwrap()[..], [1]);
}

#[test]
fn legacy_tensors_and_either() {
    let raw = Exporter::new(vec![1_u8, 2]).into_raw_legacy().unwrap();
    // SAFETY: just passed on.
    let tensor = unsafe { ManagedTensor::from_raw(raw) }.unwrap();
    // SAFETY: nobody else knows of the vector.
    let mut slice =
        unsafe { AnyManagedTensor::from(tensor).assume_exclusive() }.into_slice().unwrap();
    slice[1] = 5_u8;
    assert_eq!(slice.into_inner().as_slice::<u8>().unwrap(), [1, 5]);
}

#[test]
fn bytes_of_any_dtype() {
    let native = [1_u8, 2, 3, 4];
    let number = u32::from_ne_bytes(native);
    let tensor = Exporter::new(vec![number]).build().unwrap();
    assert_eq!(tensor.as_bytes().unwrap(), native);
    // Misaligned, and of a dtype that no Rust type has.
    for dtype in
        [DataType::U16, DataType::F4_E2M1FN, DataType::F8_E4M3FN, DataType::U8.with_lanes(2)]
    {
        let part = Exporter::new(vec![0_u8, 1, 2, 3, 4]).offset(1).build().unwrap();
        // SAFETY: the bytes of a tensor that outlives the other one.
        let again = unsafe {
            Exporter::from_raw_parts((), part.start().unwrap(), 4, Device::CPU).dtype(dtype).build()
        };
        // SAFETY: nobody writes them.
        let again = unsafe { again.unwrap().assume_frozen() };
        assert_eq!(again.as_bytes().unwrap(), native, "{dtype}");
        assert_eq!(&again.into_bytes().unwrap()[..], native, "{dtype}");
    }
    let packed =
        Exporter::new(vec![0x21_u8, 0x03]).dtype(DataType::U4).shape(&[3]).build().unwrap();
    assert_eq!(packed.as_bytes().unwrap(), [0x21, 0x03]);
    let device = Device::cuda(0);
    // SAFETY: nobody follows the address.
    let remote = unsafe {
        Exporter::from_raw_parts((), std::ptr::without_provenance_mut(0x100), 4, device).build()
    };
    // SAFETY: nobody follows the address.
    let remote = unsafe { remote.unwrap().assume_frozen() };
    assert_eq!(remote.as_bytes(), Err(Error::NotHostAccessible { device }));
}

/// New memory for consumers that copy what is aligned less, as a slice and as a tensor.
#[test]
fn aligned_memory() {
    for len in [1, 3, 17, 1000] {
        let tensor =
            ManagedTensorVersioned::allocate_in(Global, DataType::F32, &[len], Device::CPU);
        let mut samples = tensor.unwrap().fill(0.5_f32).unwrap().into_slice::<f32>().unwrap();
        samples[len - 1] = 2.0;
        let tensor = samples.into_inner();
        assert!(tensor.is_aligned_to(256));
        assert_eq!(tensor.as_slice::<f32>().unwrap()[len - 1], 2.0);

        let copy = tensor.view::<f32>().unwrap().to_tensor().unwrap();
        assert!(copy.is_aligned_to(64));
        assert_eq!(copy.as_slice::<f32>().unwrap(), tensor.as_slice::<f32>().unwrap());
        let data = vec![[1_u8, 2, 3]; len];
        let copy = dlpack::TensorView::from_slice(&data, &[len]).unwrap().to_tensor().unwrap();
        assert!(copy.is_aligned_to(64));
        assert_eq!(copy.as_slice::<[u8; 3]>().unwrap(), data);
    }
}
