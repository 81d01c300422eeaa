//! Tensors that came in and are given out again: in the other ABI, and to more than one consumer.
#![cfg(feature = "alloc")]

use std::sync::Arc;

use dlpack::{
    Access, AnyManagedTensor, DataType, Device, Error, Exporter, Flags, ManagedTensor,
    ManagedTensorVersioned, Version,
};
use dlpack_sys::{DLManagedTensor, DLManagedTensorVersioned};
use harness::abi::Abi;
use harness::consumer::gather_managed;
use harness::release::{consume, delete, vandalise_and_delete};
use harness::{Record, Spec, dtype};

const READ_ONLY: u64 = 1;
const IS_COPIED: u64 = 2;
const PADDED: u64 = 4;
const UNKNOWN: u64 = 1 << 40;

fn six() -> Spec {
    Spec::of(&[1_i32, 2, 3, 4, 5, 6]).shape(&[2, 3])
}

fn versioned(spec: &Spec) -> (ManagedTensorVersioned, Record) {
    DLManagedTensorVersioned::from_c(spec)
}

fn legacy(spec: &Spec) -> (ManagedTensor, Record) {
    DLManagedTensor::from_c(spec)
}

/// The strides as they are written, which is not always how they came.
fn written_strides(tensor: &ManagedTensorVersioned) -> Vec<i64> {
    // SAFETY: the tensor is alive.
    let strides = unsafe { (*tensor.as_raw()).dl_tensor.strides };
    // SAFETY: one for each axis.
    unsafe { std::slice::from_raw_parts(strides, tensor.ndim()) }.to_vec()
}

#[test]
fn legacy_to_versioned() {
    let (tensor, record) = legacy(&six().null_strides().device(3, 2).byte_offset(0));
    let (inner, data) = (tensor.as_raw(), tensor.data());
    let tensor = tensor.into_versioned().unwrap();
    assert_eq!(written_strides(&tensor), [3, 1]);
    assert_eq!((tensor.shape(), tensor.strides()), (&[2, 3][..], &[3, 1][..]));
    assert_eq!((tensor.version(), tensor.flags()), (Some(Version::new(1, 3)), Flags::READ_ONLY));
    // The standard fixes the number of pinned memory at 0.
    assert_eq!((tensor.dtype(), tensor.device()), (DataType::I32, Device::cuda_host()));
    assert_eq!((tensor.data(), tensor.byte_offset(), tensor.nbytes()), (data, 0, 24));
    assert_ne!(tensor.as_raw().addr(), inner.addr(), "the foreign struct stays where it is");
    let raw = tensor.into_raw();
    // SAFETY: just passed on.
    assert_eq!(unsafe { gather_managed(raw) }.unwrap(), harness::bytes_of(&[1, 2, 3, 4, 5, 6]));
    assert_eq!(record.deleted(), 0);
    // SAFETY: just passed on.
    unsafe { delete(raw) };
    assert_eq!(record.deleted(), 1);
}

/// Nothing in a legacy struct says that the memory may be written. Its producer's documents may.
#[test]
fn a_promise_keeps_it_writable() {
    let (tensor, _record) = legacy(&six());
    // SAFETY: C's own memory, which can be written.
    let tensor = unsafe { tensor.assume_writable() }.into_versioned().unwrap();
    assert_eq!((tensor.access(), tensor.flags()), (Access::Writable, Flags::NONE));
    let tensor = Exporter::new(vec![1_u8]).build_legacy().unwrap().into_inner();
    assert_eq!(tensor.into_versioned().unwrap().flags(), Flags::NONE, "our own memory");

    let (tensor, _record) = versioned(&six().flags(READ_ONLY));
    // SAFETY: C's own memory, which can be written.
    let tensor = unsafe { tensor.assume_writable() }.into_legacy().unwrap();
    assert_eq!(tensor.access(), Access::Writable);
}

#[test]
fn versioned_to_legacy() {
    for (minor, flags) in [(0, 0), (3, IS_COPIED), (3, UNKNOWN), (9, IS_COPIED | UNKNOWN)] {
        let (tensor, record) = versioned(&six().version(1, minor).flags(flags).strides(&[1, 2]));
        let data = tensor.data();
        let tensor = tensor.into_legacy().unwrap();
        assert_eq!((tensor.shape(), tensor.strides()), (&[2, 3][..], &[1, 2][..]));
        assert_eq!((tensor.version(), tensor.flags()), (None, Flags::NONE));
        assert_eq!((tensor.data(), tensor.access()), (data, Access::Writable));
        let raw = tensor.into_raw();
        // SAFETY: just passed on.
        assert_eq!(unsafe { gather_managed(raw) }.unwrap(), harness::bytes_of(&[1, 3, 5, 2, 4, 6]));
        // SAFETY: just passed on.
        unsafe { delete(raw) };
        assert_eq!(record.deleted(), 1);
    }
}

#[test]
fn what_the_legacy_abi_cannot_say() {
    for (flags, error) in [
        (READ_ONLY, Error::ReadOnlyNotExpressible),
        (READ_ONLY | IS_COPIED, Error::ReadOnlyNotExpressible),
        (PADDED, Error::PaddedNotExpressible),
        (READ_ONLY | PADDED, Error::ReadOnlyNotExpressible),
    ] {
        let (tensor, record) = versioned(&six().flags(flags));
        let raw = tensor.as_raw();
        let refused = tensor.into_legacy().unwrap_err();
        assert_eq!(refused.error(), error);
        let tensor = refused.into_inner();
        assert_eq!((tensor.as_raw(), tensor.flags().bits(), record.deleted()), (raw, flags, 0));
        drop(tensor);
        assert_eq!(record.deleted(), 1);
    }
}

/// Strides that address nothing go out as consumers expect them, and others as they came.
#[test]
fn strides_are_made_canonical() {
    for (shape, strides, expected) in [
        (&[1, 3][..], &[-999, 1][..], &[3, 1][..]),
        (&[3, 1], &[1, 7], &[1, 1]),
        (&[1, 1], &[i64::MIN, i64::MAX], &[1, 1]),
        (&[0, 3], &[0, 0], &[3, 1]),
        (&[2, 0, 4], &[-1, -1, -1], &[4, 4, 1]),
        (&[2, 3], &[0, 0], &[0, 0]),
        (&[2, 2], &[3, -1], &[3, -1]),
        (&[], &[], &[]),
    ] {
        let spec = six().shape(shape).strides(strides).origin(2 * 4);
        let (tensor, record) = versioned(&spec);
        let shared = Arc::new(tensor);
        let child = shared.share().unwrap();
        assert_eq!(written_strides(&child), expected);
        assert_eq!((child.strides(), shared.strides()), (expected, strides));
        drop((child, shared));
        assert_eq!(record.deleted(), 1);
        let (tensor, _record) = legacy(&spec);
        assert_eq!(written_strides(&tensor.into_versioned().unwrap()), expected);
    }
}

#[test]
fn an_empty_tensor_has_no_address() {
    let spec = six().shape(&[0, 3]).byte_offset(u64::MAX);
    let (tensor, _record) = legacy(&spec);
    let tensor = tensor.into_versioned().unwrap();
    assert!(tensor.data().is_null());
    assert_eq!((tensor.byte_offset(), tensor.numel()), (0, 0));
}

/// On some devices `data` is a handle, to which no offset can be added.
#[test]
fn handle_and_offset_stay_apart() {
    let handle = std::ptr::without_provenance_mut(0x1235);
    let spec = six().device(8, 1).borrow(handle).byte_offset(64);
    let (tensor, _record) = legacy(&spec);
    let tensor = tensor.into_versioned().unwrap();
    assert_eq!((tensor.data(), tensor.byte_offset()), (handle, 64));
    let tensor = Arc::new(tensor).share().unwrap();
    assert_eq!((tensor.data(), tensor.byte_offset()), (handle, 64));
    assert_eq!(tensor.device(), Device::metal(1));
}

/// An offset that leaves the address space becomes no better by being added.
#[test]
fn an_offset_that_cannot_be_added_stays() {
    let below = u64::MAX - 7;
    let half = u64::try_from(isize::MAX).unwrap() + 1;
    for byte_offset in [below, half] {
        let spec = six().byte_offset(byte_offset);
        let refused = |tensor: &dlpack::Descriptor| {
            // SAFETY: refused before memory is looked at.
            unsafe { tensor.view::<i32>() }.map(drop).unwrap_err()
        };
        let error = Error::ByteOffsetOverflow { byte_offset };
        let (tensor, _record) = legacy(&spec);
        let data = tensor.data();
        assert_eq!(refused(&tensor), error);
        let tensor = tensor.into_versioned().unwrap();
        assert_eq!(
            (refused(&tensor), tensor.data(), tensor.byte_offset()),
            (error, data, byte_offset)
        );
        let (tensor, _record) = versioned(&spec);
        assert_eq!(refused(&tensor), error);
        let tensor = Arc::new(tensor);
        assert_eq!(refused(&tensor.share().unwrap()), error);
        let tensor = Arc::into_inner(tensor).unwrap().into_legacy().unwrap();
        assert_eq!(refused(&tensor), error);
    }
    // An address at the end of the address space, for which an offset that is small enough is too large.
    let last = std::ptr::without_provenance_mut(usize::MAX - 15);
    let (tensor, _record) = versioned(&six().borrow(last).byte_offset(16));
    let tensor = Arc::new(tensor).share().unwrap();
    assert_eq!((tensor.data(), tensor.byte_offset()), (last, 16));
    // SAFETY: refused before memory is looked at.
    let refused = unsafe { tensor.view::<i32>() }.map(drop);
    assert_eq!(refused.unwrap_err(), Error::AddressOverflow);
}

#[test]
fn unknown_devices_and_dtypes_are_passed_on() {
    let spec = Spec::new(dtype(200, 24, 3)).shape(&[2]).device(77, -5);
    let (tensor, record) = legacy(&spec);
    let raw = tensor.into_versioned().unwrap().into_raw();
    // SAFETY: just passed on.
    let tensor = unsafe { &(*raw).dl_tensor };
    assert_eq!((tensor.device.device_type.0, tensor.device.device_id), (77, -5));
    assert_eq!(tensor.dtype, dtype(200, 24, 3));
    // SAFETY: just passed on.
    unsafe { delete(raw) };
    assert_eq!(record.deleted(), 1);
}

#[test]
fn either_abi_becomes_the_current_one() {
    let (tensor, record) = versioned(&six().flags(UNKNOWN | IS_COPIED));
    let raw = tensor.as_raw();
    let tensor = AnyManagedTensor::from(tensor).into_versioned().unwrap();
    assert_eq!((tensor.as_raw(), tensor.flags().bits()), (raw, UNKNOWN | IS_COPIED));
    drop(tensor);
    assert_eq!(record.deleted(), 1);

    let (tensor, record) = legacy(&six());
    let tensor = AnyManagedTensor::from(tensor).into_versioned().unwrap();
    assert_eq!((tensor.flags(), tensor.shape()), (Flags::READ_ONLY, &[2, 3][..]));
    drop(tensor);
    assert_eq!(record.deleted(), 1);
}

/// Wrapped again and again, and still one deleter, which the innermost struct gets.
#[test]
fn back_and_forth() {
    let (tensor, record) = versioned(&six());
    let mut tensor = tensor;
    for _ in 0..20 {
        // SAFETY: C's own memory, which can be written; the promise is lost with the flag.
        let legacy = unsafe { tensor.into_legacy().unwrap().assume_writable() };
        tensor = legacy.into_versioned().unwrap();
    }
    assert_eq!(tensor.flags(), Flags::NONE);
    let raw = tensor.into_raw();
    // SAFETY: just passed on.
    unsafe { vandalise_and_delete(raw) };
    assert_eq!(record.deleted(), 1);
}

#[test]
fn as_many_axes_as_there_can_be() {
    let shape: Vec<i64> = (0..64).map(|axis| 1 + i64::from(axis % 30 == 0)).collect();
    let (tensor, record) = legacy(&Spec::new(dtype(1, 8, 1)).shape(&shape).filled());
    let strides = tensor.strides().to_vec();
    let tensor = tensor.into_versioned().unwrap();
    assert_eq!((tensor.shape(), written_strides(&tensor)), (&shape[..], strides));
    let raw = tensor.into_raw();
    // SAFETY: just passed on.
    assert!(unsafe { consume(raw) }.is_some());
    assert_eq!(record.deleted(), 1);
}

/// Each consumer has a tensor of its own; the last one ends the one they share.
#[test]
fn consumers_share_a_tensor() {
    for (flags, expected) in [
        (0, 0),
        (READ_ONLY, READ_ONLY),
        (IS_COPIED, 0),
        (PADDED | IS_COPIED, PADDED),
        (u64::MAX, READ_ONLY | PADDED),
    ] {
        let (tensor, record) = versioned(&six().flags(flags));
        let data = tensor.data();
        let tensor = Arc::new(tensor);
        let children: Vec<_> = (0..5).map(|_| tensor.share().unwrap()).collect();
        drop(tensor);
        for child in children {
            assert_eq!((child.flags().bits(), child.data()), (expected, data));
            assert_eq!(record.deleted(), 0);
            let refused = child.try_exclusive().unwrap_err();
            assert_eq!(refused.error(), Error::NotExclusive, "of many, none is the only one");
            // SAFETY: just passed on.
            unsafe { vandalise_and_delete(refused.into_inner().into_raw()) };
        }
        assert_eq!(record.deleted(), 1);
    }
}

#[test]
fn children_have_children() {
    let (tensor, record) = legacy(&six());
    let child = Arc::new(Arc::new(tensor).share().unwrap());
    assert_eq!(child.flags(), Flags::READ_ONLY);
    let grandchildren = [child.share().unwrap(), child.share().unwrap()];
    drop(child);
    assert_eq!(record.deleted(), 0);
    drop(grandchildren);
    assert_eq!(record.deleted(), 1);

    let (tensor, _record) = legacy(&six());
    // SAFETY: C's own memory, which can be written.
    let tensor = Arc::new(unsafe { tensor.assume_writable() });
    assert_eq!(tensor.share().unwrap().flags(), Flags::NONE);
}

/// What is to stay as it is, is shared read-only, whatever its producer allows.
#[test]
fn frozen_tensors_are_shared_read_only() {
    let (tensor, record) = versioned(&six());
    // SAFETY: C wrote the elements, and nobody writes them now.
    let tensor = Arc::new(unsafe { tensor.assume_frozen() });
    let child = tensor.share().unwrap();
    drop(tensor);
    assert_eq!((child.flags(), child.access()), (Flags::READ_ONLY, Access::ReadOnly));
    assert_eq!(child.as_slice::<i32>().unwrap(), [1, 2, 3, 4, 5, 6]);
    drop(child);
    assert_eq!(record.deleted(), 1);
}

/// What was promised of the memory holds for it under another header too.
#[test]
fn a_promise_about_the_host_is_passed_on() {
    let (tensor, _record) = versioned(&six().device(13, 0));
    // SAFETY: C's own memory, which the host can access whatever the device says.
    let tensor = unsafe { tensor.assume_host_accessible() };
    // SAFETY: C wrote the elements, and nobody writes them now.
    let tensor = Arc::new(unsafe { tensor.assume_frozen() });
    let child = tensor.share().unwrap();
    assert_eq!(child.device(), Device::cuda_managed());
    assert_eq!(child.as_slice::<i32>().unwrap(), [1, 2, 3, 4, 5, 6]);
}

/// Some consumers ignore the offset, and some want the number of the CPU to be 0.
#[test]
fn offsets_become_part_of_addresses() {
    let shared = |device: i32, id: i32| {
        let (tensor, _record) = versioned(&six().byte_offset(8).shape(&[4]).device(device, id));
        let parent = (tensor.data().addr(), tensor.byte_offset());
        let child = Arc::new(tensor).share().unwrap();
        (parent, (child.data().addr(), child.byte_offset(), child.device().device_id))
    };
    for (device, id, expected_id) in [(1, 7, 0), (2, 7, 7), (3, 0, 0), (13, 0, 0)] {
        let ((data, offset), child) = shared(device, id);
        assert_eq!(offset, 8);
        assert_eq!(child, (data + 8, 0, expected_id), "device {device}");
    }
    // Handles are no addresses, and of unknown devices nothing is known.
    for device in [8, 7, 4, 15, 99] {
        let ((data, offset), child) = shared(device, 1);
        assert_eq!((offset, child), (8, (data, 8, 1)), "device {device}");
    }
}

#[test]
fn copies_stand_alone() {
    let (tensor, record) = versioned(&six().flags(READ_ONLY).strides(&[1, 2]).device(3, 0));
    // SAFETY: C wrote the elements, and nobody writes them now.
    let copy = unsafe { tensor.to_copy() }.unwrap();
    drop(tensor);
    assert_eq!(record.deleted(), 1);
    assert_eq!((copy.flags(), copy.device()), (Flags::IS_COPIED, Device::CPU));
    assert_eq!((copy.strides(), copy.is_contiguous()), (&[3, 1][..], true));
    assert_eq!(copy.as_slice::<i32>().unwrap(), [1, 3, 5, 2, 4, 6]);
}

/// The promise that the host can follow the pointer holds for the memory, whatever the ABI.
#[test]
fn a_promise_about_the_host_survives_conversions() {
    let (tensor, _record) = versioned(&six().device(2, 3));
    // SAFETY: C's own memory, which the host can access whatever the device says.
    let tensor = unsafe { tensor.assume_host_accessible() };
    let tensor = tensor.into_legacy().unwrap();
    // SAFETY: C wrote the elements, and nobody writes them now.
    assert_eq!(unsafe { tensor.as_slice::<i32>() }, Ok(&[1, 2, 3, 4, 5, 6][..]));
    let tensor = tensor.into_versioned().unwrap();
    // SAFETY: the same.
    assert_eq!(unsafe { tensor.as_slice::<i32>() }, Ok(&[1, 2, 3, 4, 5, 6][..]));
    assert_eq!(tensor.device(), Device::cuda(3));
}

/// An offset is not added to a null pointer, which would look like memory afterwards.
#[test]
fn no_data_and_an_offset() {
    let spec = six().null_data().byte_offset(4);
    let (tensor, _record) = versioned(&spec);
    let refused = tensor.into_legacy().unwrap_err();
    assert_eq!(refused.error(), Error::NullData);
    let tensor = refused.into_inner();
    assert!(tensor.data().is_null());
    assert_eq!(tensor.as_dl_tensor().map(drop), Err(Error::NullData));
    let (tensor, _record) = legacy(&spec);
    let refused = tensor.into_versioned().unwrap_err();
    assert_eq!((refused.error(), refused.into_inner().data().is_null()), (Error::NullData, true));
}

/// A share of a share keeps what the first one is a share of, unless a promise was made for the first one only: it ends with it.
#[test]
fn a_promise_for_a_share_keeps_the_share() {
    let share = |spec: &Spec| Arc::new(versioned(spec).0).share().unwrap();
    // Nothing was promised.
    let plain = Arc::new(share(&six()));
    let _child = plain.share().unwrap();
    assert_eq!(Arc::strong_count(&plain), 1);

    let read_only = share(&six().flags(1));
    // SAFETY: C's memory can be written, whatever its flags say.
    let writable = Arc::new(unsafe { read_only.assume_writable() });
    let _child = writable.share().unwrap();
    assert_eq!(Arc::strong_count(&writable), 2);

    let device = share(&six().device(2, 0));
    // SAFETY: C's own memory, which the host can access whatever the device says.
    let host = Arc::new(unsafe { device.assume_host_accessible() });
    let _child = host.share().unwrap();
    assert_eq!(Arc::strong_count(&host), 2);

    // SAFETY: C wrote the elements, and nobody writes them now.
    let frozen = Arc::new(unsafe { share(&six()).assume_frozen() });
    let _child = frozen.share().unwrap();
    assert_eq!(Arc::strong_count(&frozen), 2);
}
