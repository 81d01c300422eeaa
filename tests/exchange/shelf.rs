//! A library in Rust, whose objects are boxes on a shelf, and which can be told to fail or to panic.

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::panic::{self, AssertUnwindSafe};
use std::ptr::NonNull;
use std::sync::Arc;

use dlpack::allocator::Global;
use dlpack::exchange::{ExchangeTable, Library, Offer, Report};
use dlpack::negotiate::Stream;
use dlpack::sys::DLTensor;
use dlpack::{DataType, Device, Error, ManagedTensorVersioned, OpaqueTensor};

/// What the library does next, on this thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Works,
    Fails,
    Panics,
    /// Takes the tensor, and panics then.
    PanicsLate,
    /// Fails, and panics when it is to say so.
    PanicsTwice,
}

thread_local! {
    static MOOD: Cell<Mood> = const { Cell::new(Mood::Works) };
    static CALLS: Cell<u32> = const { Cell::new(0) };
    static ERRORS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// The stream of its CUDA devices.
pub(crate) const STREAM: usize = 0x57;

/// The errors of its language.
#[derive(Debug)]
pub(crate) enum ShelfError {
    Argument(Error),
    Told,
}

impl From<Error> for ShelfError {
    fn from(error: Error) -> Self {
        Self::Argument(error)
    }
}

#[derive(Debug)]
pub(crate) struct Shelf;

pub(crate) static TABLE: ExchangeTable<Shelf> = ExchangeTable::new();

/// Runs `body` in this mood; also says which errors were set, and how often the library's own code was called.
pub(crate) fn during<R>(mood: Mood, body: impl FnOnce() -> R) -> (R, Vec<String>, u32) {
    MOOD.set(mood);
    CALLS.set(0);
    let result = body();
    MOOD.set(Mood::Works);
    (result, ERRORS.take(), CALLS.get())
}

/// Counts a call, and does as the mood is.
fn told() -> Result<(), ShelfError> {
    CALLS.set(CALLS.get() + 1);
    match MOOD.get() {
        Mood::Works | Mood::PanicsLate => Ok(()),
        Mood::Fails | Mood::PanicsTwice => Err(ShelfError::Told),
        Mood::Panics => panic!("the library panics"),
    }
}

/// An object, which is deleted when this is dropped.
#[derive(Debug)]
pub(crate) struct Object(NonNull<Arc<ManagedTensorVersioned>>);

impl Object {
    /// # Safety
    ///
    /// An object that the library has made and nobody else deletes.
    pub(crate) unsafe fn from_raw(object: *mut c_void) -> Self {
        Self(NonNull::new(object.cast()).expect("an object"))
    }

    pub(crate) fn new(tensor: ManagedTensorVersioned) -> Self {
        let object = Box::into_raw(Box::new(Arc::new(tensor)));
        Self(NonNull::new(object).expect("a box is not null"))
    }

    pub(crate) fn as_ptr(&self) -> *mut c_void {
        self.0.as_ptr().cast()
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        // SAFETY: made of a box, and nobody else deletes it.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

// SAFETY: it keeps no pointer to what it allocates, accepts last, and lends what its objects own.
unsafe impl Library for Shelf {
    type Error = ShelfError;

    fn catch_unwind<R>(call: impl FnOnce() -> R) -> Option<R> {
        panic::catch_unwind(AssertUnwindSafe(call)).ok()
    }

    fn set_error(error: ShelfError) {
        if MOOD.get() == Mood::PanicsTwice {
            panic!("the library panics again");
        }
        let text = match error {
            ShelfError::Argument(error) => error.to_string(),
            ShelfError::Told => "told".to_owned(),
        };
        ERRORS.with_borrow_mut(|errors| errors.push(text));
    }

    fn allocate(
        dtype: DataType,
        shape: &[usize],
        device: Device,
    ) -> Result<ManagedTensorVersioned, Report> {
        told().map_err(|_| Report::new("BufferError", &"told. ".repeat(50)))?;
        Ok(ManagedTensorVersioned::allocate_in(Global, dtype, shape, device)?.into_inner())
    }

    unsafe fn tensor_from_object(object: NonNull<c_void>) -> Result<OpaqueTensor, ShelfError> {
        told()?;
        // SAFETY: an object of this library.
        let tensor = unsafe { object.cast::<Arc<ManagedTensorVersioned>>().as_ref() };
        Ok(tensor.share_opaque()?)
    }

    unsafe fn object_from_tensor(offer: Offer<'_>) -> Result<NonNull<c_void>, ShelfError> {
        told()?;
        assert!(offer.ndim() <= 64, "the offer was checked");
        assert!(format!("{offer:?}").starts_with("Tensor { dtype: "));
        let object = Object::new(offer.accept());
        assert_ne!(MOOD.get(), Mood::PanicsLate, "the library panics late");
        let raw = object.0.cast();
        std::mem::forget(object);
        Ok(raw)
    }

    fn current_stream(device: Device) -> Result<Stream, ShelfError> {
        told()?;
        let expected = Device::cuda(0);
        if device.device_type == expected.device_type {
            // SAFETY: the consumers of these tests follow no handle.
            return Ok(unsafe { Stream::from_handle(STREAM) });
        }
        Err(Error::DeviceMismatch { expected, found: device }.into())
    }

    const LENDS: bool = true;

    unsafe fn lend(object: NonNull<c_void>) -> Result<DLTensor, ShelfError> {
        told()?;
        // SAFETY: an object of this library.
        let tensor = unsafe { object.cast::<Arc<ManagedTensorVersioned>>().as_ref() };
        Ok(tensor.as_dl_tensor()?)
    }
}
