//! The libraries in C as the crate sees them.

use std::ptr::NonNull;

use dlpack::exchange::ExchangeApi;
use dlpack::{ManagedTensorVersioned, OpaqueTensor};
use harness::{Record, Spec, exchange};

/// The library that keeps to the standard.
pub(crate) fn library() -> ExchangeApi {
    // SAFETY: it does.
    unsafe { ExchangeApi::from_raw(exchange::library()) }.expect("a table of version 1.3")
}

/// The library that does as it is told, which the tests tell nothing that breaks clause E3 or E4.
pub(crate) fn planned() -> ExchangeApi {
    // SAFETY: as above.
    unsafe { ExchangeApi::from_raw(exchange::planned_library()) }.expect("a table of version 1.3")
}

/// Two rows of three floats.
pub(crate) fn six() -> Spec {
    Spec::of(&[1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0]).shape(&[2, 3])
}

/// The checksum of [`six`], computed here: FNV-1a over the bytes of the elements.
pub(crate) fn checksum_of_six() -> u64 {
    let bytes = [1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0].map(f32::to_ne_bytes);
    bytes.as_flattened().iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Passes on the struct itself that a C library has made.
pub(crate) fn own_struct(tensor: ManagedTensorVersioned) -> OpaqueTensor {
    let raw = NonNull::new(tensor.into_raw()).expect("a tensor");
    // SAFETY: the arrays of the C libraries hold until the deleter runs, unless a test changes them.
    unsafe { OpaqueTensor::from_raw(raw) }
}

/// Deletes a tensor that a failed call has left alone, and expects that this is the first time.
pub(crate) fn delete_leaked(raw: *mut dlpack::sys::DLManagedTensorVersioned, record: &Record) {
    assert_eq!(record.deleted(), 0);
    // SAFETY: nobody else does, as the record says.
    unsafe { harness::release::delete(raw) };
    assert_eq!(record.deleted(), 1);
}
