//! A consumer in C turns objects of a library in Rust into tensors and back.

use std::ffi::c_void;
use std::ptr::{self, NonNull};

use dlpack::exchange::{ExchangeTable, Library, Offer, Report};
use dlpack::sys::{DLManagedTensorVersioned, DLPackExchangeAPI, DLTensor};
use dlpack::{DataType, Device, Error, ManagedTensorVersioned, OpaqueTensor};
use harness::exchange::{ask_stream, give_tensor, read_exported, read_lent};
use harness::{Spec, has_guard_pages};

use crate::shelf::{Mood, Object, STREAM, TABLE, during};
use crate::support::{checksum_of_six, delete_leaked, six};

fn object() -> (Object, harness::Record) {
    let (raw, record) = six().make_versioned();
    // SAFETY: C passes it on.
    (Object::new(unsafe { ManagedTensorVersioned::from_raw(raw) }.expect("valid")), record)
}

fn table() -> &'static DLPackExchangeAPI {
    // SAFETY: a static.
    unsafe { &*TABLE.as_raw() }
}

#[test]
fn objects_are_exported() {
    let (object, record) = object();
    // SAFETY: an object of the library.
    let read = || unsafe { read_exported(table(), object.as_ptr()) };
    assert_eq!(during(Mood::Works, read), (Ok(checksum_of_six()), vec![], 1));
    assert_eq!(during(Mood::Fails, read), (Err(-1), vec!["told".to_owned()], 1));
    assert_eq!(during(Mood::Works, read), (Ok(checksum_of_six()), vec![], 1));
    assert_eq!(record.deleted(), 0);
    drop(object);
    assert_eq!(record.deleted(), 1);
}

#[test]
fn an_export_outlives_its_object() {
    let (object, record) = object();
    let mut tensor = ptr::null_mut();
    let export = table().managed_tensor_from_py_object_no_sync.expect("all functions");
    // SAFETY: an object of the library.
    assert_eq!(unsafe { export(object.as_ptr(), &raw mut tensor) }, 0);
    drop(object);
    assert_eq!(record.deleted(), 0);
    // SAFETY: just made.
    assert_eq!(unsafe { harness::release::consume(tensor) }, Some(checksum_of_six()));
    assert_eq!(record.deleted(), 1);
}

#[test]
fn objects_are_lent() {
    let (object, record) = object();
    // SAFETY: an object of the library.
    let read = || unsafe { read_lent(table(), object.as_ptr()) };
    assert_eq!(during(Mood::Works, read), (Ok(checksum_of_six()), vec![], 1));
    assert_eq!(during(Mood::Fails, read), (Err(-1), vec!["told".to_owned()], 1));
    drop(object);
    assert_eq!(record.deleted(), 1);
}

/// A `DLTensor` has no flags to say so.
#[test]
fn read_only_and_padded_objects_are_exported_and_not_lent() {
    for (flags, error) in [(1, Error::ReadOnlyNotExpressible), (4, Error::PaddedNotExpressible)] {
        let (raw, record) = six().flags(flags).make_versioned();
        // SAFETY: C passes it on.
        let object = Object::new(unsafe { ManagedTensorVersioned::from_raw(raw) }.expect("valid"));
        // SAFETY: an object of the library.
        let export = || unsafe { read_exported(table(), object.as_ptr()) };
        assert_eq!(during(Mood::Works, export), (Ok(checksum_of_six()), vec![], 1));
        // SAFETY: the same.
        let lend = || unsafe { read_lent(table(), object.as_ptr()) };
        assert_eq!(during(Mood::Works, lend), (Err(-1), vec![error.to_string()], 1));
        drop(object);
        assert_eq!(record.deleted(), 1);
    }
}

/// A library that has only what it must.
struct Bare;

// SAFETY: it keeps no pointer to what it allocates, accepts last, and lends nothing.
unsafe impl Library for Bare {
    type Error = Error;

    fn set_error(_: Error) {}

    fn allocate(_: DataType, _: &[usize], _: Device) -> Result<ManagedTensorVersioned, Report> {
        Err(Report::new("", ""))
    }

    unsafe fn tensor_from_object(_: NonNull<c_void>) -> Result<OpaqueTensor, Error> {
        Err(Error::NullObject)
    }

    unsafe fn object_from_tensor(_: Offer<'_>) -> Result<NonNull<c_void>, Error> {
        Err(Error::NullObject)
    }
}

#[test]
fn a_table_without_lending() {
    static TABLE: ExchangeTable<Bare> = ExchangeTable::new();
    // SAFETY: a static.
    let table = unsafe { &*TABLE.as_raw() };
    assert!(table.dltensor_from_py_object_no_sync.is_none());
    assert!(table.managed_tensor_allocator.is_some() && table.current_work_stream.is_some());
    assert!(table.managed_tensor_from_py_object_no_sync.is_some());
    assert!(table.managed_tensor_to_py_object_no_sync.is_some());
    assert_eq!((table.header.version.major, table.header.version.minor), (1, 3));
    assert!(table.header.prev_api.is_null());
}

/// Gives a tensor to the library, which is expected to fail with this error, or its own one, and to leave the tensor
/// alone.
fn refuses(spec: &Spec, mood: Mood, error: Option<Error>) {
    let (raw, record) = spec.make_versioned();
    // SAFETY: a live tensor.
    let (answer, errors, calls) = during(mood, || unsafe { give_tensor(table(), raw) });
    let text = error.map_or("told".to_owned(), |error| error.to_string());
    assert_eq!((answer, errors, calls), (Err(-1), vec![text], u32::from(error.is_none())));
    delete_leaked(raw, &record);
}

#[test]
fn tensors_become_objects() {
    for spec in [six(), six().flags(1), six().version(1, 99), six().shape(&[1; 9])] {
        let (raw, record) = spec.make_versioned();
        // SAFETY: a live tensor.
        let (object, errors, calls) = during(Mood::Works, || unsafe { give_tensor(table(), raw) });
        assert_eq!((errors.len(), calls, record.deleted()), (0, 1, 0));
        // SAFETY: the library has just made it.
        drop(unsafe { Object::from_raw(object.expect("an object")) });
        assert_eq!(record.deleted(), 1);
    }
}

#[test]
fn h134_tensors_that_are_refused_are_left_alone() {
    refuses(&six(), Mood::Fails, None);
    refuses(&six().shape(&[1; 9]), Mood::Fails, None);
}

#[test]
fn tensors_that_make_no_sense_are_left_alone() {
    use dlpack::Version;

    let version = Error::UnsupportedVersion { found: Version::new(2, 0) };
    for (spec, error) in [
        (six().version(2, 0), version),
        (six().ndim(-1), Error::NegativeNdim { ndim: -1 }),
        (six().ndim(65), Error::TooManyAxes { ndim: 65, max: 64 }),
        (six().null_shape(), Error::NullShape { ndim: 2 }),
        (six().shape(&[2, -3]), Error::NegativeSize { axis: 1, size: -3 }),
        (
            six().header_shift(1),
            Error::MisalignedHeader { required: align_of::<DLManagedTensorVersioned>() },
        ),
    ] {
        refuses(&spec, Mood::Works, Some(error));
    }
    if has_guard_pages() {
        refuses(&six().version(2, 0).guard_header(), Mood::Works, Some(version));
    }
}

/// Every function with null pointers where there should be none: one error of the language, and no call of its code.
#[test]
fn null_pointers() {
    let (object, record) = object();
    let tensor = &mut ptr::without_provenance_mut(0xDEAD);
    let made = &mut ptr::without_provenance_mut(0xDEAD);
    let (raw, offered) = six().make_versioned();
    let Some(export) = table().managed_tensor_from_py_object_no_sync else { panic!("missing") };
    let Some(import) = table().managed_tensor_to_py_object_no_sync else { panic!("missing") };
    let Some(lend) = table().dltensor_from_py_object_no_sync else { panic!("missing") };
    let Some(stream) = table().current_work_stream else { panic!("missing") };
    let (null, no_tensor) = (ptr::null_mut(), ptr::null_mut());
    let (no_out, no_lent) = (ptr::null_mut::<*mut std::ffi::c_void>(), ptr::null_mut::<DLTensor>());
    let cuda = dlpack::sys::DLDeviceType(2);
    let lent = &mut std::mem::MaybeUninit::uninit();

    let fails = |error: Error, call: &mut dyn FnMut() -> i32| {
        assert_eq!(during(Mood::Works, call), (-1, vec![error.to_string()], 0));
    };
    // SAFETY: what is null is answered with an error, and what is not is live.
    fails(Error::NullObject, &mut || unsafe { export(null, tensor) });
    // SAFETY: the same.
    fails(Error::NullOutput, &mut || unsafe { export(object.as_ptr(), ptr::null_mut()) });
    // SAFETY: the same.
    fails(Error::NullTensor, &mut || unsafe { import(no_tensor, made) });
    // SAFETY: the same.
    fails(Error::NullOutput, &mut || unsafe { import(raw, no_out) });
    // SAFETY: the same.
    fails(Error::NullObject, &mut || unsafe { lend(null, lent.as_mut_ptr()) });
    // SAFETY: the same.
    fails(Error::NullOutput, &mut || unsafe { lend(object.as_ptr(), no_lent) });
    // SAFETY: the same.
    fails(Error::NullOutput, &mut || unsafe { stream(cuda, 0, no_out) });
    assert!(tensor.is_null() && made.is_null(), "there is nothing to find after a failure");
    delete_leaked(raw, &offered);
    drop(object);
    assert_eq!(record.deleted(), 1);
}

#[test]
fn streams() {
    // SAFETY: the table of a library.
    let ask = |device_type| unsafe { ask_stream(table(), device_type, 0) };
    let handle = ptr::without_provenance_mut(STREAM);
    assert_eq!(during(Mood::Works, || ask(2)), ((0, handle), vec![], 1));
    assert_eq!(during(Mood::Fails, || ask(2)), ((-1, ptr::null_mut()), vec!["told".to_owned()], 1));
    assert_eq!(during(Mood::Fails, || ask(1)), ((0, ptr::null_mut()), vec![], 0), "a CPU has none");
    let ((code, stream), errors, _) = during(Mood::Works, || ask(99));
    assert_eq!((code, stream, errors.len()), (-1, ptr::null_mut(), 1));
}
