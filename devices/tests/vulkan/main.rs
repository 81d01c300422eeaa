//! Buffers of a real Vulkan driver, exported as tensors, and used by a consumer that knows the C struct.
//!
//! `data` of such a tensor is a `VkBuffer`, a handle: the byte offset stands beside it. A `VkBuffer` does not tell its
//! device, nor the memory bound to it. That is for producer and consumer to agree upon; here a table says it.

mod producer;
mod runtime;

use core::ffi::c_void;
use std::sync::Arc;

use consumer::{Managed, Received};
use dlpack::{DataType, Device, DeviceType, Error, Exporter, ManagedTensorVersioned, sys};
use producer::{Buffer, Objects};
use runtime::Consumer;

const WORDS: [u32; 8] = [10, 11, 12, 13, 14, 15, 16, 17];
const NBYTES: usize = size_of_val(&WORDS);

/// Vulkan's code in `dlpack.h`, and the number that this producer gives its device.
const VULKAN: (i32, i32) = (7, 0);

/// An exporter of eight words, the handle, and what the driver holds for it.
fn eight_words() -> (Exporter<'static, Buffer>, *mut c_void, Arc<Objects>) {
    let (buffer, objects) = Buffer::new(&WORDS);
    let handle = buffer.handle();
    let device = Device::new(DeviceType::VULKAN, 0);
    // SAFETY: the handle is that of a buffer of so many bytes, which lives as long as its owner.
    (unsafe { Exporter::from_raw_parts(buffer, handle, NBYTES, device) }, handle, objects)
}

/// The last two of four rows of two.
fn two_rows<M>(
    build: impl FnOnce(Exporter<'_, Buffer>) -> *mut M,
) -> (*mut M, *mut c_void, Arc<Objects>) {
    let (exporter, handle, objects) = eight_words();
    let exporter = exporter.dtype(DataType::U32).shape(&[2, 2]).offset(4);
    (build(exporter), handle, objects)
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
type Case = (usize, &'static [usize], &'static [isize], &'static [u32]);

/// What a consumer does: map, check, write; work on the device; map again; call the deleter.
fn use_and_release<M: Managed>(tensor: Received<M>, objects: &Objects) {
    assert_eq!((tensor.device(), tensor.dtype()), (VULKAN, (1, 32, 1)));
    assert_eq!((tensor.shape(), tensor.strides()), (&[2, 2][..], &[2, 1][..]));

    let consumer = Consumer::of(tensor.data());
    assert_eq!(consumer.read(&tensor), [14, 15, 16, 17]);
    consumer.write(&tensor, &[24, 25, 26, 27]);
    assert_eq!(consumer.copy_on_device(&tensor), [24, 25, 26, 27]);
    consumer.fill_on_device(&tensor, 7);
    assert_eq!(consumer.read(&tensor), [7; 4]);
    assert_eq!(consumer.read_all(NBYTES), [10, 11, 12, 13, 7, 7, 7, 7]);

    assert_eq!(objects.releases(), 0);
    assert!(objects.alive() > 0, "the driver holds the buffer");
    tensor.release();
    assert_eq!((objects.releases(), objects.alive()), (1, 0));
}

#[test]
fn handle_and_offset_stand_apart() {
    for build in [versioned, checked] {
        let (raw, handle, objects) = two_rows(build);
        // SAFETY: a tensor of this crate, just passed on.
        let tensor = unsafe { Received::new(raw) };
        assert_eq!((tensor.data(), tensor.byte_offset()), (handle, 16));
        assert_eq!(tensor.reach(), 16..32);
        tensor.release();
        assert_eq!((objects.releases(), objects.alive()), (1, 0));
    }
}

#[test]
fn a_consumer_maps_works_and_releases() {
    let (raw, _, objects) = two_rows(versioned);
    // SAFETY: a tensor of this crate, just passed on.
    use_and_release(unsafe { Received::new(raw) }, &objects);
}

#[test]
fn a_consumer_of_the_legacy_abi_does_the_same() {
    let (raw, handle, objects) = two_rows(legacy);
    // SAFETY: a tensor of this crate, just passed on.
    let tensor = unsafe { Received::new(raw) };
    assert_eq!((tensor.data(), tensor.byte_offset()), (handle, 16));
    use_and_release(tensor, &objects);
}

#[test]
fn another_thread_may_use_and_release() {
    let (raw, _, objects) = two_rows(versioned);
    // SAFETY: a tensor of this crate, just passed on.
    let tensor = unsafe { Received::new(raw) };
    std::thread::scope(|scope| {
        scope.spawn(|| use_and_release(tensor, &objects));
    });
    assert_eq!((objects.releases(), objects.alive()), (1, 0));
}

#[test]
fn strides_and_offset_name_parts_of_the_buffer() {
    // Two rows of four: a column, a row backwards, every other element.
    let cases: [Case; 3] = [
        (2, &[2], &[4], &[12, 16]),
        (7, &[4], &[-1], &[17, 16, 15, 14]),
        (1, &[2, 2], &[4, 2], &[11, 13, 15, 17]),
    ];
    for (offset, shape, strides, expected) in cases {
        let (exporter, handle, objects) = eight_words();
        let exporter = exporter.dtype(DataType::U32).shape(shape).strides(strides);
        let raw = versioned(exporter.offset(offset));
        // SAFETY: a tensor of this crate, just passed on.
        let tensor = unsafe { Received::new(raw) };
        assert_eq!(tensor.data(), handle);
        assert_eq!(tensor.byte_offset(), u64::try_from(offset * 4).expect("a small offset"));
        let consumer = Consumer::of(tensor.data());
        assert_eq!(consumer.read(&tensor), expected);
        assert_eq!(consumer.copy_on_device(&tensor), expected);
        tensor.release();
        assert_eq!((objects.releases(), objects.alive()), (1, 0));
    }
}

#[test]
fn a_layout_beyond_the_buffer_hands_the_owner_back() {
    let (exporter, handle, objects) = eight_words();
    let exporter = exporter.dtype(DataType::U32).shape(&[2, 4]).offset(1);
    let refused = exporter.build().expect_err("it leaves the buffer");
    assert!(matches!(refused.error(), Error::OutOfBounds { available: NBYTES, .. }));
    let buffer = refused.into_inner();
    assert_eq!((buffer.handle(), objects.releases()), (handle, 0));
    drop(buffer);
    assert_eq!((objects.releases(), objects.alive()), (1, 0));
}

#[test]
fn the_host_does_not_follow_a_handle() {
    let (raw, handle, objects) = two_rows(versioned);
    // SAFETY: a tensor of this crate, just passed on.
    let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }.expect("a good tensor");
    assert_eq!((tensor.data(), tensor.byte_offset()), (handle, 16));
    let expected = Error::NotHostAccessible { device: Device::new(DeviceType::VULKAN, 0) };
    // SAFETY: the call is refused before memory is looked at.
    assert_eq!(unsafe { tensor.view::<u32>() }.unwrap_err(), expected);
    let buffer = tensor.into_owner::<Buffer>().expect("the buffer from above");
    assert_eq!((buffer.handle(), objects.releases()), (handle, 0));
    drop(buffer);
    assert_eq!((objects.releases(), objects.alive()), (1, 0));
}

#[test]
fn given_on_handle_and_offset_stay_apart() {
    let (raw, handle, objects) = two_rows(versioned);
    // SAFETY: a tensor of this crate, just passed on.
    let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }.expect("a good tensor");
    let tensor = Arc::new(tensor);
    let share = tensor.share().expect("memory for a header").into_legacy();
    let share = share.expect("memory for a header");
    drop(tensor);
    assert_eq!((share.data(), share.byte_offset()), (handle, 16));
    // SAFETY: a tensor of this crate, just passed on.
    use_and_release(unsafe { Received::new(share.into_raw()) }, &objects);
}
