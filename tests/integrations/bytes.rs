//! Buffers of `bytes` as tensors, and tensors as buffers.

use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use bytes::{Bytes, BytesMut};
use dlpack::integrations::IntoTensor;
use dlpack::{
    Access, DataType, Device, Error, Exporter, Flags, ManagedTensor, ManagedTensorVersioned,
    OnDrop, types::F8E4m3fn,
};
use harness::alloc::{count, fail_nth};
use harness::owners::Counted;

#[test]
fn buffers_as_tensors() {
    for buffer in [
        Bytes::from_static(&[0, 1, 2, 3, 4, 5, 6, 7]),
        Bytes::from(vec![0, 1, 2, 3, 4, 5, 6, 7]),
        Bytes::copy_from_slice(&[0, 1, 2, 3, 4, 5, 6, 7]),
        BytesMut::from(&[0, 1, 2, 3, 4, 5, 6, 7][..]).freeze(),
    ] {
        let part = buffer.slice(1..7);
        let start = part.as_ptr();
        let exporter = Exporter::shared(part.clone()).shape(&[2, 3]);
        let (tensor, allocations) = count(|| exporter.build().unwrap());
        assert_eq!(allocations, 1, "the header");
        assert_eq!((tensor.access(), tensor.flags()), (Access::ReadOnly, Flags::READ_ONLY));
        assert_eq!((tensor.data().cast_const(), tensor.dtype()), (start.cast(), DataType::U8));
        assert_eq!(tensor.as_slice::<u8>().unwrap(), [1, 2, 3, 4, 5, 6]);
        drop((buffer, part));
        assert_eq!(tensor.view::<u8>().unwrap()[[1, 2]], 6, "the tensor keeps the bytes");
        let back = tensor.into_inner().downcast::<Bytes>().unwrap();
        assert_eq!((back.as_ptr(), &back[..]), (start, &[1, 2, 3, 4, 5, 6][..]));
    }
}

#[test]
fn buffers_are_read_only() {
    let refused = Exporter::shared(Bytes::from_static(b"abc")).build_legacy().unwrap_err();
    assert_eq!(refused.error(), Error::ReadOnlyNotExpressible);
    assert_eq!(refused.into_inner(), "abc");
}

/// A buffer becomes writable only where it is the last one, which it is not while a tensor has the bytes.
#[test]
fn nobody_writes_the_bytes_of_a_tensor() {
    let buffer = Bytes::from(vec![1, 2, 3]);
    let tensor = Exporter::shared(buffer.clone()).build().unwrap();
    let Err(buffer) = buffer.try_into_mut() else { panic!("a tensor has the bytes") };
    drop(tensor);
    assert!(buffer.try_into_mut().is_ok());
}

#[test]
fn writable_buffers_as_tensors() {
    let mut buffer = BytesMut::with_capacity(64);
    buffer.extend_from_slice(&[1, 2, 3, 4, 5, 6]);
    let mut rest = buffer.split_off(4);
    let start = buffer.as_ptr();
    let exporter = Exporter::new(buffer).shape(&[2, 2]);
    let (mut tensor, allocations) = count(|| exporter.build().unwrap());
    assert_eq!(allocations, 1, "the header");
    assert_eq!((tensor.access(), tensor.data().cast_const()), (Access::Writable, start.cast()));
    tensor.view_mut::<u8>().unwrap()[[1, 1]] = 40;
    rest[0] = 50;
    let mut buffer = tensor.into_inner().downcast::<BytesMut>().unwrap();
    assert_eq!((buffer.as_ptr(), &buffer[..]), (start, &[1, 2, 3, 40][..]));
    buffer.unsplit(rest);
    assert_eq!(buffer.freeze(), [1, 2, 3, 40, 50, 6][..]);

    let legacy = Exporter::new(BytesMut::from(&[7_u8][..])).build_legacy().unwrap().into_raw();
    // SAFETY: just passed on.
    let legacy = unsafe { ManagedTensor::from_raw(legacy) }.unwrap();
    assert_eq!(legacy.downcast::<BytesMut>().unwrap(), [7][..]);
}

#[test]
fn one_axis_has_one_order() {
    let buffer = Bytes::from_static(b"abc");
    for tensor in [buffer.clone().into_tensor(), buffer.clone().into_tensor_reversed()] {
        let tensor = tensor.unwrap();
        assert_eq!(
            (tensor.shape(), tensor.data().cast_const()),
            (&[3][..], buffer.as_ptr().cast())
        );
    }
    let buffers = || BytesMut::from("abc");
    for tensor in [buffers().into_tensor(), buffers().into_tensor_reversed()] {
        assert_eq!(tensor.unwrap().as_slice::<u8>().unwrap(), b"abc");
    }
}

#[test]
fn bytes_of_another_dtype() {
    let buffer = Bytes::from(vec![0x38_u8, 0xb8]);
    let tensor = Exporter::shared(buffer).dtype(DataType::F8_E4M3FN).build().unwrap();
    let view = tensor.view::<F8E4m3fn>().unwrap();
    assert!(view.iter().map(|x| x.to_f32()).eq([1.0, -1.0]));
}

#[test]
fn tensors_as_buffers() {
    let (owner, fate) = Counted::new(&[1_u8, 2, 3, 4, 5, 6]);
    let start = owner.elements.as_ptr();
    let raw = Exporter::new(owner).shape(&[2, 3]).build().unwrap().into_raw();
    // SAFETY: just passed on.
    let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }.unwrap();
    // SAFETY: the bytes above, which nobody writes.
    let buffer = Bytes::try_from(unsafe { tensor.assume_frozen() }).unwrap();
    assert_eq!((buffer.as_ptr(), &buffer[..]), (start, &[1, 2, 3, 4, 5, 6][..]));

    let part = buffer.slice(4..);
    drop(buffer);
    assert_eq!(fate.dropped(), 0, "a part is in use");
    thread::spawn(move || assert_eq!(part, [5, 6][..])).join().unwrap();
    assert_eq!(fate.dropped(), 1, "the deleter ran where the last part was dropped");
}

#[test]
fn tensors_of_any_dtype_as_buffers() {
    let tensor = Exporter::new(vec![1.0_f32, -2.0]).build_legacy().unwrap().freeze();
    let expected = [1.0_f32.to_ne_bytes(), (-2.0_f32).to_ne_bytes()].concat();
    assert_eq!(Bytes::try_from(tensor).unwrap(), expected);
    let packed = Exporter::new(vec![0x21_u8, 0x03]).dtype(DataType::U4).shape(&[3]);
    assert_eq!(Bytes::try_from(packed.build().unwrap().freeze()).unwrap(), [0x21, 0x03][..]);
    let part = Exporter::new(vec![1_u16, 2, 3, 4]).offset(2).shape(&[2]).build().unwrap();
    assert_eq!(Bytes::try_from(part.freeze()).unwrap(), [3_u16, 4].map(u16::to_ne_bytes).concat());
    let empty = Exporter::new(Vec::<u8>::new()).shape(&[3, 0]).build().unwrap();
    assert!(Bytes::try_from(empty.freeze()).unwrap().is_empty());
}

#[test]
fn what_is_no_buffer_is_handed_back() {
    let tensor = Exporter::new(vec![1_u8, 2, 3, 4]).shape(&[2, 2]).strides(&[1, 2]);
    let refused = Bytes::try_from(tensor.build().unwrap().freeze()).unwrap_err();
    assert_eq!(refused.error(), Error::NotContiguous);
    let tensor = refused.into_inner().into_inner();
    assert_eq!(tensor.downcast::<Vec<u8>>().unwrap(), [1, 2, 3, 4]);
}

#[test]
fn memory_of_a_device_is_handed_back() {
    let releases = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&releases);
    let owner = OnDrop::new(move || {
        counter.fetch_add(1, Ordering::Relaxed);
    });
    let address = ptr::without_provenance_mut(0x1000);
    // SAFETY: nobody follows an address of that device.
    let exporter = unsafe { Exporter::from_raw_parts(owner, address, 4, Device::cuda(0)) };
    let tensor = exporter.build().unwrap();
    // SAFETY: the same.
    let refused = Bytes::try_from(unsafe { tensor.assume_frozen() }).unwrap_err();
    assert_eq!(refused.error(), Error::NotHostAccessible { device: Device::cuda(0) });
    assert_eq!(releases.load(Ordering::Relaxed), 0);
    drop(refused);
    assert_eq!(releases.load(Ordering::Relaxed), 1);
}

#[test]
fn without_memory_the_buffer_is_handed_back() {
    let buffer = Bytes::from_static(b"abc");
    let failure = fail_nth(1);
    let refused = Exporter::shared(buffer).build().unwrap_err();
    assert!(failure.happened());
    assert_eq!(refused.error(), Error::AllocationFailed);
    assert_eq!(refused.into_inner(), "abc");
}
