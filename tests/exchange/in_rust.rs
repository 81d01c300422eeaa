//! A library in Rust, called from Rust, without any C.

use std::ptr;

use dlpack::exchange::{ExchangeApi, ExchangeTable};
use dlpack::negotiate::Stream;
use dlpack::sys::{DLPackExchangeAPIHeader, DLPackVersion};
use dlpack::{DataType, Device, Error};

use crate::shelf::{Mood, Object, STREAM, Shelf, TABLE, during};

fn api() -> ExchangeApi {
    // SAFETY: the shelf keeps to the standard.
    unsafe { ExchangeApi::from_raw(TABLE.as_raw()) }.expect("a table of version 1.3")
}

#[test]
fn from_an_allocation_to_an_object_and_back() {
    for shape in [&[2, 3][..], &[], &[0], &[1, 2, 3, 4, 5, 1, 1, 1, 1]] {
        let tensor = api().allocate(DataType::F32, shape, Device::CPU).expect("few bytes");
        let tensor = tensor.fill(0.5_f32).expect("new memory");
        let numel = tensor.numel();
        // SAFETY: the shelf can be called anywhere.
        let object =
            unsafe { api().object_from_tensor(tensor.into_inner().into_opaque().expect("memory")) }
                .expect("an object");
        // SAFETY: just made.
        let object = unsafe { Object::from_raw(object.as_ptr()) };
        // SAFETY: an object of the library.
        let tensor = unsafe { api().tensor_from_object(object.as_ptr()) }.expect("a tensor");
        // SAFETY: the same; nothing resizes it.
        let lent = unsafe { api().with_object(object.as_ptr(), |tensor| tensor.numel()) };
        assert_eq!(lent, Ok(numel));
        drop(object);
        // SAFETY: the elements were written above, and nobody writes them now.
        let elements = unsafe { tensor.view::<f32>() }.expect("floats");
        assert_eq!(elements.to_vec(), vec![0.5; numel]);
    }
}

#[test]
fn what_the_library_says_comes_back() {
    let ask = || api().allocate(DataType::F32, &[2], Device::CPU).map(drop);
    let (refused, errors, calls) = during(Mood::Fails, ask);
    let report = refused.expect_err("it is told to");
    assert_eq!((report.kind(), errors.len(), calls), ("BufferError", 0, 1));
    assert_eq!(report.message(), &"told. ".repeat(50)[..215]);
}

#[test]
fn a_tensor_that_is_refused_is_leaked() {
    let tensor = api().allocate(DataType::U8, &[2], Device::CPU).expect("two bytes").into_inner();
    let tensor = tensor.into_opaque().expect("memory");
    let raw = tensor.as_raw();
    // SAFETY: the shelf can be called anywhere.
    let give = || unsafe { api().object_from_tensor(tensor) };
    let (refused, errors, _) = during(Mood::Fails, give);
    let (tensor, error) = refused.expect_err("it is told to").into_parts();
    assert!(tensor.is_none() && errors == ["told"]);
    assert!(matches!(error, Error::CallFailed { code: -1, .. }));
    // SAFETY: the shelf leaves it alone.
    drop(unsafe { dlpack::ManagedTensorVersioned::from_raw(raw) }.expect("it is still there"));
}

#[test]
fn streams() {
    // SAFETY: the shelf can be called anywhere.
    let stream = |device| unsafe { api().current_stream(device) };
    let (found, errors, _) = during(Mood::Works, || stream(Device::cuda(1)));
    assert_eq!(found.map(Stream::handle), Ok(Some(STREAM)));
    assert!(errors.is_empty());
    let (refused, errors, _) =
        during(Mood::Works, || stream(Device::new(dlpack::DeviceType::METAL, 0)));
    assert!(matches!(refused, Err(Error::CallFailed { code: -1, .. })));
    assert_eq!(errors, ["expected a tensor on device cuda:0, found one on metal:0"]);
}

struct Older(DLPackExchangeAPIHeader);

// SAFETY: nobody writes it.
unsafe impl Sync for Older {}

#[test]
fn a_table_that_points_to_an_older_one() {
    static OLDER: Older = Older(DLPackExchangeAPIHeader {
        version: DLPackVersion { major: 0, minor: 9 },
        prev_api: ptr::null_mut(),
    });
    static NEWER: ExchangeTable<Shelf> = ExchangeTable::new().with_previous(&OLDER.0);
    // SAFETY: a static.
    let header = unsafe { &(*NEWER.as_raw()).header };
    assert_eq!(header.prev_api.cast_const(), &raw const OLDER.0);
    // SAFETY: the shelf keeps to the standard.
    let found = unsafe { ExchangeApi::from_raw(NEWER.as_raw()) }.expect("a table of version 1.3");
    assert_eq!(found.as_raw(), NEWER.as_raw());
}

#[test]
fn what_crosses_threads() {
    fn word<T: Copy + Send + Sync + Unpin + 'static>(_: T) {}
    fn shared<T: Send + Sync + 'static>(_: &T) {}
    word(api());
    shared(&TABLE);
    let api = api();
    let made = std::thread::spawn(move || api.allocate(DataType::U8, &[3], Device::CPU));
    assert_eq!(made.join().expect("no panic").expect("three bytes").numel(), 3);
}

#[test]
fn tables_and_apis_say_what_they_are() {
    assert_eq!(format!("{:?}", api()), "ExchangeApi { version: Version(1.3), .. }");
    assert!(format!("{TABLE:?}").starts_with("ExchangeTable(DLPackExchangeAPI"));
}
