//! A library in C that keeps to the standard, and does all that it can.

use std::ptr;

use dlpack::negotiate::Stream;
use dlpack::{DataType, Device, Error, ManagedTensorVersioned};
use harness::exchange::{self, Object, pending_error};

use crate::support::{checksum_of_six, library, own_struct, six};

#[test]
#[cfg(feature = "alloc")]
fn from_an_allocation_to_an_object_and_back() {
    let api = library();
    assert_eq!((api.version(), api.as_raw()), (dlpack::Version::new(1, 3), exchange::library()));
    let tensor = api.allocate(DataType::F32, &[2, 3], Device::CPU).expect("24 bytes");
    let record = exchange::take_allocated().expect("the library has just made it");
    let mut tensor = tensor.fill(0.5_f32).expect("new memory");
    tensor.view_mut::<f32>().expect("floats")[[1, 2]] = 2.0;

    // SAFETY: the library's functions can be called anywhere.
    let object =
        unsafe { api.object_from_tensor(tensor.into_inner().into_opaque().expect("memory")) }
            .expect("an object");
    // SAFETY: the library has just returned it.
    let object = unsafe { Object::from_raw(object) };
    // SAFETY: an object of the library.
    let exported = unsafe { api.tensor_from_object(object.as_ptr()) }.expect("a tensor");
    drop(object);
    assert_eq!(record.deleted(), 0);
    // SAFETY: the elements were written above.
    let elements = unsafe { exported.view::<f32>() }.expect("floats").iter().sum::<f32>();
    assert_eq!((exported.shape(), elements), (&[2, 3][..], 4.5));
    drop(exported);
    assert_eq!(record.deleted(), 1);
}

#[test]
fn every_kind_of_shape() {
    let api = library();
    for shape in [&[][..], &[0], &[5], &[2, 0, 3], &[1, 2, 3, 4], &[1; 8]] {
        let tensor = api.allocate(DataType::U16, shape, Device::CPU).expect("few bytes");
        let record = exchange::take_allocated().expect("the library has just made it");
        let numel = shape.iter().product::<usize>();
        assert_eq!((tensor.numel(), tensor.data().is_null()), (numel, numel == 0));
        let tensor = tensor.fill(7_u16).expect("new memory");
        assert_eq!(tensor.as_slice::<u16>().expect("row-major"), vec![7; numel]);
        drop(tensor);
        assert_eq!(record.deleted(), 1);
    }
}

#[test]
fn what_it_refuses_to_allocate() {
    exchange::fail_next_allocation();
    let report = library().allocate(DataType::F32, &[2], Device::CPU).expect_err("it is told to");
    assert_eq!(
        (report.kind(), report.message()),
        ("MemoryError", "the library has no memory for that")
    );
}

#[test]
fn what_it_refuses_to_take() {
    let (raw, record) = harness::Spec::of(&[1_u8]).shape(&[1; 5]).make_versioned();
    // SAFETY: C passes it on.
    let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }.expect("a valid tensor");
    let tensor = own_struct(tensor);
    let raw = tensor.as_raw();
    // SAFETY: the library's functions can be called anywhere.
    let refused = unsafe { library().object_from_tensor(tensor) }.expect_err("five dimensions");
    assert!(matches!(refused.error(), Error::CallFailed { code: -1, .. }));
    assert_eq!(pending_error(), "the library has at most 4 dimensions");
    crate::support::delete_leaked(raw, &record);
}

#[test]
fn its_streams() {
    // SAFETY: the library's functions can be called anywhere.
    let stream = |device| unsafe { library().current_stream(device) };
    let found = stream(Device::cuda(3)).expect("its device");
    assert_eq!((found.as_ptr().addr(), found.check(Device::cuda(3))), (exchange::STREAM, Ok(())));
    assert!(matches!(stream(Device::cuda(4)), Err(Error::CallFailed { code: -1, .. })));
    assert_eq!(pending_error(), "the library has no device 2:4");
    assert_eq!(stream(Device::CPU), Ok(Stream::NONE));
}

/// The consumer in C and the library in C agree with each other, and so does the checksum that is computed here.
#[test]
fn among_themselves() {
    let table = exchange::library();
    let (raw, record) = six().make_versioned();
    // SAFETY: a library and a live tensor.
    let object = unsafe { exchange::give_tensor(table, raw) }.expect("an object");
    // SAFETY: the library has just made it.
    let object = unsafe { Object::from_raw(ptr::NonNull::new(object).expect("not null")) };
    // SAFETY: an object of the library.
    assert_eq!(unsafe { exchange::read_exported(table, object.as_ptr()) }, Ok(checksum_of_six()));
    // SAFETY: the same.
    assert_eq!(unsafe { exchange::read_lent(table, object.as_ptr()) }, Ok(checksum_of_six()));
    drop(object);
    assert_eq!(record.deleted(), 1);
}
