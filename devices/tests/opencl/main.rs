//! Buffers of a real OpenCL runtime, exported as tensors, and used by a consumer that knows only the C struct.
//!
//! `data` of such a tensor is a `cl_mem`, a handle: the byte offset stands beside it, and no address is ever made of
//! the two. The runtime itself counts how often the memory is given back.

mod producer;
mod runtime;

use std::sync::Arc;

use consumer::{Managed, Received};
use dlpack::allocator::Slot;
use dlpack::{
    DataType, Device, DeviceType, Error, Exporter, ManagedTensor, ManagedTensorVersioned, sys,
};
use producer::{Buffer, Released};
use runtime::Consumer;

const FLOATS: [f32; 12] = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0];
const NBYTES: usize = size_of_val(&FLOATS);

/// OpenCL's code in `dlpack.h`, and the number that this producer gives its device.
const OPENCL: (i32, i32) = (4, 0);

/// An exporter of twelve floats, the handle, and the count of releases.
fn twelve_floats() -> (Exporter<'static, Buffer>, *mut core::ffi::c_void, Arc<Released>) {
    let (buffer, released) = Buffer::new(&FLOATS);
    let handle = buffer.handle();
    let device = Device::new(DeviceType::OPENCL, 0);
    // SAFETY: the handle is that of a buffer of so many bytes, which lives as long as its owner.
    (unsafe { Exporter::from_raw_parts(buffer, handle, NBYTES, device) }, handle, released)
}

/// The middle two rows of four: elements 3 to 8.
fn two_rows<M>(
    build: impl FnOnce(Exporter<'_, Buffer>) -> *mut M,
) -> (*mut M, *mut core::ffi::c_void, Arc<Released>) {
    let (exporter, handle, released) = twelve_floats();
    let exporter = exporter.dtype(DataType::F32).shape(&[2, 3]).offset(3);
    (build(exporter), handle, released)
}

fn versioned(exporter: Exporter<'_, Buffer>) -> *mut sys::DLManagedTensorVersioned {
    exporter.into_raw().expect("a layout within the buffer")
}

/// By way of a tensor in Rust.
fn checked(exporter: Exporter<'_, Buffer>) -> *mut sys::DLManagedTensorVersioned {
    exporter.build().expect("a layout within the buffer").into_raw()
}

fn legacy(exporter: Exporter<'_, Buffer>) -> *mut sys::DLManagedTensor {
    exporter.into_raw_legacy().expect("a layout within the buffer")
}

/// Offset, shape and strides, and the elements that they name.
type Case = (usize, &'static [usize], &'static [isize], &'static [f32]);

/// What a consumer does: map, check, write; compute on the device; map again; call the deleter.
fn use_and_release<M: Managed>(tensor: Received<M>, released: &Released) {
    assert_eq!((tensor.device(), tensor.dtype()), (OPENCL, (2, 32, 1)));
    assert_eq!((tensor.shape(), tensor.strides()), (&[2, 3][..], &[3, 1][..]));

    let consumer = Consumer::of(tensor.data());
    let elements = consumer.read(&tensor);
    assert_eq!(elements, [3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
    consumer.write(&tensor, &[30.0, 40.0, 50.0, 60.0, 70.0, 80.0]);
    consumer.halve(&tensor);
    assert_eq!(consumer.read(&tensor), [15.0, 20.0, 25.0, 30.0, 35.0, 40.0]);
    let all = consumer.read_all(NBYTES);
    assert_eq!(all, [0.0, 1.0, 2.0, 15.0, 20.0, 25.0, 30.0, 35.0, 40.0, 9.0, 10.0, 11.0]);
    drop(consumer);

    assert_eq!(released.count(), 0);
    tensor.release();
    assert_eq!(released.count(), 1);
}

#[test]
fn handle_and_offset_stand_apart() {
    for build in [versioned, checked] {
        let (raw, handle, released) = two_rows(build);
        // SAFETY: a tensor of this crate, just passed on.
        let tensor = unsafe { Received::new(raw) };
        assert_eq!((tensor.data(), tensor.byte_offset()), (handle, 12));
        assert_eq!(tensor.reach(), 12..36);
        tensor.release();
        assert_eq!(released.count(), 1);
    }
}

#[test]
fn a_consumer_maps_computes_and_releases() {
    let (raw, _, released) = two_rows(versioned);
    // SAFETY: a tensor of this crate, just passed on.
    use_and_release(unsafe { Received::new(raw) }, &released);
}

#[test]
fn a_consumer_of_the_legacy_abi_does_the_same() {
    let (raw, handle, released) = two_rows(legacy);
    // SAFETY: a tensor of this crate, just passed on.
    let tensor = unsafe { Received::new(raw) };
    assert_eq!((tensor.data(), tensor.byte_offset()), (handle, 12));
    use_and_release(tensor, &released);
}

#[test]
fn another_thread_may_use_and_release() {
    let (raw, _, released) = two_rows(versioned);
    // SAFETY: a tensor of this crate, just passed on.
    let tensor = unsafe { Received::new(raw) };
    std::thread::scope(|scope| {
        scope.spawn(|| use_and_release(tensor, &released));
    });
    assert_eq!(released.count(), 1);
}

#[test]
fn strides_and_offset_name_parts_of_the_buffer() {
    // Three rows of four: a column, a row backwards, every other element of every other row.
    let cases: [Case; 4] = [
        (1, &[3], &[4], &[1.0, 5.0, 9.0]),
        (7, &[4], &[-1], &[7.0, 6.0, 5.0, 4.0]),
        (1, &[2, 2], &[8, 2], &[1.0, 3.0, 9.0, 11.0]),
        (11, &[1], &[1], &[11.0]),
    ];
    for (offset, shape, strides, expected) in cases {
        let (exporter, handle, released) = twelve_floats();
        let exporter = exporter.dtype(DataType::F32).shape(shape).strides(strides);
        let raw = versioned(exporter.offset(offset));
        // SAFETY: a tensor of this crate, just passed on.
        let tensor = unsafe { Received::new(raw) };
        assert_eq!(tensor.data(), handle);
        assert_eq!(tensor.byte_offset(), u64::try_from(offset * 4).expect("a small offset"));
        let consumer = Consumer::of(tensor.data());
        assert_eq!(consumer.read(&tensor), expected);
        let doubled: Vec<f32> = expected.iter().map(|element| 2.0 * element).collect();
        consumer.write(&tensor, &doubled);
        assert_eq!(consumer.read(&tensor), doubled);
        drop(consumer);
        tensor.release();
        assert_eq!(released.count(), 1);
    }
}

#[test]
fn a_layout_beyond_the_buffer_hands_the_owner_back() {
    let beyond: [(usize, &[usize], &[isize]); 4] =
        [(7, &[2, 3], &[3, 1]), (0, &[13], &[1]), (3, &[5], &[-1]), (12, &[1], &[1])];
    for (offset, shape, strides) in beyond {
        let (exporter, handle, released) = twelve_floats();
        let exporter = exporter.dtype(DataType::F32).shape(shape).strides(strides);
        let refused = exporter.offset(offset).build().expect_err("it leaves the buffer");
        assert!(matches!(refused.error(), Error::OutOfBounds { available: NBYTES, .. }));
        let buffer = refused.into_inner();
        assert_eq!((buffer.handle(), released.count()), (handle, 0));
        drop(buffer);
        assert_eq!(released.count(), 1);
    }
}

#[test]
fn the_host_does_not_follow_a_handle() {
    let (raw, handle, released) = two_rows(versioned);
    // SAFETY: a tensor of this crate, just passed on.
    let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }.expect("a good tensor");
    assert_eq!((tensor.data(), tensor.byte_offset()), (handle, 12));
    let expected = Error::NotHostAccessible { device: Device::new(DeviceType::OPENCL, 0) };
    // SAFETY: the call is refused before memory is looked at.
    assert_eq!(unsafe { tensor.view::<f32>() }.unwrap_err(), expected);
    // SAFETY: the same.
    assert_eq!(unsafe { tensor.as_slice::<f32>() }.unwrap_err(), expected);
    // SAFETY: the same.
    assert_eq!(unsafe { tensor.to_copy() }.unwrap_err(), expected);
    assert_eq!(released.count(), 0);
    drop(tensor);
    assert_eq!(released.count(), 1);
}

#[test]
fn given_on_handle_and_offset_stay_apart() {
    let (raw, handle, released) = two_rows(legacy);
    // SAFETY: a tensor of this crate, just passed on.
    let tensor = unsafe { ManagedTensor::from_raw(raw) }.expect("a good tensor");
    // SAFETY: the buffer was made to be written.
    let tensor = unsafe { tensor.assume_writable() };
    let tensor = Arc::new(tensor.into_versioned().expect("memory for a header"));
    let shares = [tensor.share(), tensor.share()].map(|share| share.expect("memory for a header"));
    drop(tensor);
    for share in shares {
        assert_eq!((share.data(), share.byte_offset()), (handle, 12));
        assert_eq!(released.count(), 0);
        // SAFETY: a tensor of this crate, just passed on.
        let share = unsafe { Received::new(share.into_raw()) };
        assert_eq!((share.data(), share.byte_offset()), (handle, 12));
        assert_eq!(Consumer::of(share.data()).read(&share)[0], 3.0);
        share.release();
    }
    assert_eq!(released.count(), 1);
}

#[test]
fn the_owner_comes_back() {
    let (raw, handle, released) = two_rows(versioned);
    // SAFETY: a tensor of this crate, just passed on.
    let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }.expect("a good tensor");
    let buffer = tensor.into_owner::<Buffer>().expect("the buffer from above");
    assert_eq!((buffer.handle(), released.count()), (handle, 0));
    drop(buffer);
    assert_eq!(released.count(), 1);
}

#[test]
fn the_runtime_keeps_one_reference() {
    let (raw, handle, released) = two_rows(versioned);
    assert_eq!(runtime::references(handle), 1);
    // SAFETY: a tensor of this crate, just passed on.
    let tensor = unsafe { Received::new(raw) };
    let consumer = Consumer::of(tensor.data());
    assert_eq!(consumer.read(&tensor).len(), 6);
    assert_eq!(runtime::references(handle), 1);
    drop(consumer);
    tensor.release();
    assert_eq!(released.count(), 1);
}

#[test]
fn the_header_is_where_the_caller_says() {
    static SLOT: Slot<Buffer, 2> = Slot::new();
    let export = || {
        let (exporter, handle, released) = twelve_floats();
        let exporter = exporter.dtype(DataType::F32).shape(&[2, 3]).offset(3);
        (exporter.header_in(&SLOT).into_raw(), handle, released)
    };
    for _ in 0..3 {
        let (raw, handle, released) = export();
        let raw = raw.expect("a header");
        assert!(!SLOT.is_free());
        // SAFETY: a tensor of this crate, just passed on.
        let tensor = unsafe { Received::new(raw) };
        assert_eq!((tensor.data(), tensor.byte_offset()), (handle, 12));

        // Without room for a header there is no export, and the buffer comes back.
        let (refused, handle, released_at_once) = export();
        let refused = refused.expect_err("the slot is taken");
        assert_eq!(refused.error(), Error::AllocationFailed);
        assert_eq!(refused.into_inner().handle(), handle);
        assert_eq!(released_at_once.count(), 1);

        std::thread::scope(|scope| {
            scope.spawn(|| use_and_release(tensor, &released));
        });
        assert!(SLOT.is_free());
    }
}
