//! Exchange tables, from both sides; among the libraries is the one of the documentation.

use std::cell::RefCell;
use std::ffi::c_void;
use std::ptr::NonNull;

use dlpack::exchange::{ExchangeApi, ExchangeTable, Library, Offer, Report};
use dlpack::sys::DLPackExchangeAPI;
use dlpack::{DataType, Device, Error, ManagedTensorVersioned, OpaqueTensor};
use harness::exchange as c;

use crate::boxes;
use crate::scene::{row, six};

thread_local!(static TENSOR: RefCell<Option<ManagedTensorVersioned>> = const { RefCell::new(None) });

/// A library that gives out one tensor, which came from somebody else.
struct Relay;

static TABLE: ExchangeTable<Relay> = ExchangeTable::new();

fn taken() -> ManagedTensorVersioned {
    TENSOR.take().expect("asked once")
}

// SAFETY: it keeps no pointer to what it allocates, accepts last, and lends what its objects own.
unsafe impl Library for Relay {
    type Error = Error;

    fn set_error(error: Error) {
        panic!("{error}");
    }

    fn allocate(_: DataType, _: &[usize], _: Device) -> Result<ManagedTensorVersioned, Report> {
        Ok(taken())
    }

    unsafe fn tensor_from_object(_: NonNull<c_void>) -> Result<OpaqueTensor, Error> {
        Ok(taken().into_opaque()?)
    }

    unsafe fn object_from_tensor(offer: Offer<'_>) -> Result<NonNull<c_void>, Error> {
        TENSOR.set(Some(offer.accept()));
        Ok(NonNull::dangling())
    }
}

fn api(table: *const DLPackExchangeAPI) -> ExchangeApi {
    // SAFETY: a table of this crate or of the C library, which lives as long as the program.
    unsafe { ExchangeApi::from_raw(table) }.expect("a table of version 1.3")
}

#[test]
fn allocate() {
    row(&six(), |tensor, scene| {
        TENSOR.set(Some(tensor));
        let tensor = api(TABLE.as_raw()).allocate(DataType::F32, &[2, 3], Device::CPU);
        scene.is_six(&tensor.expect("a tensor"));
    });
}

#[test]
fn allocate_asked_in_c() {
    row(&six(), |tensor, scene| {
        let prototype = tensor.as_dl_tensor().expect("writable");
        let mut shape = [2, 3];
        let prototype = dlpack::sys::DLTensor { shape: shape.as_mut_ptr(), ..prototype };
        TENSOR.set(Some(tensor));
        // SAFETY: the table of a library.
        let answer = unsafe { c::ask_tensor(TABLE.as_raw(), &prototype, false) };
        assert_eq!(answer.code, 0);
        scene.arrives(answer.tensor);
    });
}

#[test]
fn tensor_from_object() {
    row(&six(), |tensor, scene| {
        TENSOR.set(Some(tensor));
        let object = NonNull::dangling().as_ptr();
        // SAFETY: the library does not look at its objects.
        let tensor = unsafe { api(TABLE.as_raw()).tensor_from_object(object) };
        scene.is_six(&tensor.expect("a tensor"));
    });
}

#[test]
fn object_from_tensor() {
    row(&six(), |tensor, scene| {
        let parcel = tensor.into_opaque().expect("memory for a struct");
        scene.change();
        // SAFETY: the library can be called anywhere.
        let object = unsafe { api(TABLE.as_raw()).object_from_tensor(parcel) };
        assert!(object.is_ok());
        scene.is_six(&taken());
    });
}

/// A library in C looks at the arrays whenever it likes.
#[test]
fn object_from_tensor_in_c() {
    row(&six(), |tensor, scene| {
        let library = api(c::library());
        let parcel = tensor.into_opaque().expect("memory for a struct");
        // SAFETY: the library's functions can be called anywhere.
        let object = unsafe { library.object_from_tensor(parcel) }.expect("an object");
        // SAFETY: the library has just returned it.
        let object = unsafe { c::Object::from_raw(object) };
        scene.is_lent(object.tensor());
        // SAFETY: an object of the library; nothing resizes the elements.
        let numel = unsafe { library.with_object(object.as_ptr(), |tensor| tensor.numel()) };
        assert_eq!(numel, Ok(6));
    });
}

/// An object of the library of the documentation, of a tensor that C has offered to its table.
#[test]
fn an_accepted_offer() {
    for export in [false, true] {
        let (raw, record) = six().make_versioned();
        // SAFETY: the library's table, and a live tensor.
        let object = unsafe { c::give_tensor(boxes::TABLE.as_raw(), raw) }.expect("an object");
        let read = if export { c::read_exported } else { c::read_lent };
        // Within the memory, so that another sum is all that C could find.
        record.resize_live(&[1, 2], &[2, 1]);
        // SAFETY: the same table, and an object of its.
        assert_eq!(unsafe { read(boxes::TABLE.as_raw(), object) }, Ok(checksum_of_six()));
        record.free_live();
        // SAFETY: the same.
        assert_eq!(unsafe { read(boxes::TABLE.as_raw(), object) }, Ok(checksum_of_six()));
        // SAFETY: the object is not used again.
        unsafe { boxes::release(NonNull::new(object).expect("an object")) };
        assert_eq!(record.deleted(), 1);
    }
}

/// The checksum of [`six`], as C computes it.
fn checksum_of_six() -> u64 {
    let (raw, _record) = six().make_versioned();
    // SAFETY: just made.
    unsafe { harness::release::consume(raw) }.expect("a tensor that C can walk")
}

#[test]
fn the_example_library_lends_what_was_checked() {
    row(&six(), |tensor, scene| {
        let object = Box::into_raw(Box::new(std::sync::Arc::new(tensor)));
        let object = NonNull::new(object.cast::<c_void>()).expect("a box is not null");
        // SAFETY: an object of the library.
        let lent = unsafe { <boxes::Boxes as dlpack::exchange::Library>::lend(object) };
        scene.is_lent(&lent.expect("writable"));
        // SAFETY: the object is not used again.
        unsafe { boxes::release(object) };
    });
}

/// Values that take a byte each are not lent, as there is no flag to say so.
#[test]
fn the_example_library_does_not_lend_padded_elements() {
    let dtype = harness::dtype(1, 4, 1);
    let spec = harness::Spec::new(dtype).shape(&[2]).flags(4).data(&[1_u8, 2]);
    let (raw, record) = spec.make_versioned();
    // SAFETY: the library's table, and a live tensor.
    let object = unsafe { c::give_tensor(boxes::TABLE.as_raw(), raw) }.expect("an object");
    let object = NonNull::new(object).expect("an object");
    // SAFETY: an object of the library.
    let lent = unsafe { <boxes::Boxes as dlpack::exchange::Library>::lend(object) };
    assert_eq!(lent.map(drop), Err(Error::PaddedNotExpressible));
    // SAFETY: the object is not used again.
    unsafe { boxes::release(object) };
    assert_eq!(record.deleted(), 1);
}
