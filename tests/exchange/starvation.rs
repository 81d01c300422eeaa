//! No memory: above eight axes shapes are kept on the heap, and every allocation is made to fail in turn.

use std::ptr;

use dlpack::allocator::Global;
use dlpack::sys::{DLDataType, DLDevice, DLDeviceType, DLTensor};
use dlpack::{DataType, Device, Error, ManagedTensorVersioned};
use harness::alloc::{count, fail_nth};
use harness::exchange::{ask_tensor, fail_next_allocation, give_tensor, take_allocated};

use crate::shelf::{Mood, Object, TABLE, during};
use crate::support::{library, six};

/// Has this thread make what the library keeps for it. Where `thread_local!` allocates, that is not what is to fail.
fn prepare() {
    during(Mood::Works, || ());
}

/// Runs `call` with its first, its second, ... allocation failing, until none is left to fail, and returns how many
/// there were.
fn starve(mut call: impl FnMut() -> Result<(), Error>) -> u64 {
    for n in 1..100 {
        let failure = fail_nth(n);
        let answer = call();
        let happened = failure.happened();
        drop(failure);
        match answer {
            Ok(()) if !happened => return n - 1,
            answer => assert_eq!((answer, happened), (Err(Error::AllocationFailed), true)),
        }
    }
    panic!("it never ends")
}

#[test]
fn a_consumer_asks() {
    let api = library();
    let ask = || {
        let made = api.allocate(DataType::U8, &[1; 9], Device::CPU).map(drop);
        let deleted = take_allocated().map(|record| record.deleted());
        assert!(deleted.is_none_or(|deleted| deleted == 1));
        made.map_err(Error::from)
    };
    // The shape for the library, and the one of its tensor.
    assert_eq!(starve(ask), 2);
}

/// The library's own memory is that of C, which does not count.
#[test]
fn up_to_eight_axes_a_consumer_allocates_nothing() {
    let (made, allocations) = count(|| library().allocate(DataType::U8, &[1; 8], Device::CPU));
    assert_eq!((made.expect("a byte").ndim(), allocations), (8, 0));
    assert_eq!(take_allocated().expect("the library has just made it").deleted(), 1);
    let (refused, allocations) = count(|| {
        fail_next_allocation();
        library().allocate(DataType::U8, &[1; 8], Device::CPU)
    });
    assert_eq!(refused.expect_err("it is told to").kind(), "MemoryError");
    assert_eq!(allocations, 0);
}

#[test]
fn a_library_allocates() {
    let make = || {
        ManagedTensorVersioned::allocate_in(Global, DataType::U8, &[1; 9], Device::CPU).map(drop)
    };
    // A shape to check, the block, and the description.
    assert_eq!(starve(make), 3);
    let small = || {
        ManagedTensorVersioned::allocate_in(Global, DataType::U8, &[1; 8], Device::CPU).map(drop)
    };
    assert_eq!(starve(small), 1, "one block for elements and header");
}

#[test]
fn a_library_is_asked() {
    prepare();
    let mut shape = [1_i64; 9];
    let prototype = DLTensor {
        data: ptr::null_mut(),
        device: DLDevice { device_type: DLDeviceType(1), device_id: 0 },
        ndim: 9,
        dtype: DLDataType { code: 1, bits: 8, lanes: 1 },
        shape: shape.as_mut_ptr(),
        strides: ptr::null_mut(),
        byte_offset: 0,
    };
    for n in 1..=4 {
        let failure = fail_nth(n);
        // SAFETY: the table of a library.
        let code = unsafe { ask_raw(&prototype) };
        assert!(failure.happened());
        assert_eq!(code, -1);
    }
    // SAFETY: the table of a library.
    assert_eq!(unsafe { ask_raw(&prototype) }, 0);
    let failure = fail_nth(1);
    // SAFETY: the table of a library.
    let answer = unsafe { ask_tensor(TABLE.as_raw(), &prototype, true) };
    drop(failure);
    assert_eq!((answer.code, answer.calls, &*answer.kind), (-1, 1, "MemoryError"));
}

/// Asks without allocating anything here, and deletes what comes.
///
/// # Safety
///
/// The shape can be read.
unsafe fn ask_raw(prototype: &DLTensor) -> i32 {
    // SAFETY: a static.
    let allocate = unsafe { (*TABLE.as_raw()).managed_tensor_allocator }.expect("all functions");
    let mut tensor = ptr::null_mut();
    let prototype = ptr::from_ref(prototype).cast_mut();
    // SAFETY: the caller's promise; the library only reads it.
    let code = unsafe { allocate(prototype, &raw mut tensor, ptr::null_mut(), None) };
    if code == 0 {
        // SAFETY: just made.
        unsafe { harness::release::delete(tensor) };
    }
    code
}

#[test]
fn a_tensor_is_offered() {
    prepare();
    let (raw, record) = six().shape(&[1; 9]).make_versioned();
    let failure = fail_nth(1);
    // SAFETY: a live tensor.
    let refused = unsafe { give_tensor(TABLE.as_raw(), raw) };
    assert!(failure.happened());
    drop(failure);
    assert_eq!((refused, record.deleted()), (Err(-1), 0));
    // SAFETY: the same.
    let object = unsafe { give_tensor(TABLE.as_raw(), raw) }.expect("there is memory");
    // SAFETY: the library has just made it.
    drop(unsafe { Object::from_raw(object) });
    assert_eq!(record.deleted(), 1);
}
