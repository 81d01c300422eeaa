//! A consumer in C asks a library in Rust for new tensors, also for ones that cannot be.

use std::ffi::{c_char, c_int, c_void};
use std::ptr;

use dlpack::sys::{
    DLDataType, DLDevice, DLDeviceType, DLManagedTensorVersioned, DLPackManagedTensorAllocator,
    DLTensor,
};
use dlpack::{DataType, DataTypeCode, Device, Error};
use harness::exchange::{Answer, ask_tensor};
use harness::release::consume;

use crate::shelf::{Mood, TABLE, during};

const FLOAT32: DLDataType = DLDataType { code: 2, bits: 32, lanes: 1 };
const CPU: DLDevice = DLDevice { device_type: DLDeviceType(1), device_id: 0 };

/// A prototype of floats on the CPU; what the standard does not name C fills with garbage.
fn prototype(ndim: i32, shape: &mut [i64]) -> DLTensor {
    DLTensor {
        data: ptr::null_mut(),
        device: CPU,
        ndim,
        dtype: FLOAT32,
        shape: shape.as_mut_ptr(),
        strides: ptr::null_mut(),
        byte_offset: 0,
    }
}

/// Asks, and says how often the library's own code was called.
fn ask(prototype: &DLTensor, mood: Mood) -> (Answer, u32) {
    // SAFETY: the table of a library.
    let (answer, errors, calls) =
        during(mood, || unsafe { ask_tensor(TABLE.as_raw(), prototype, true) });
    assert_eq!(errors, [""; 0], "not an error of the language");
    // SAFETY: the same.
    let (quiet, errors, _) =
        during(mood, || unsafe { ask_tensor(TABLE.as_raw(), prototype, false) });
    assert_eq!(errors, [""; 0]);
    assert_eq!((quiet.code, quiet.calls), (answer.code, 0), "H137: the same without SetError");
    if quiet.code == 0 {
        // SAFETY: just made.
        unsafe { harness::release::delete(quiet.tensor) };
    } else {
        assert_eq!(quiet.tensor, ptr::null_mut());
    }
    (answer, calls)
}

/// Asks, and expects to be refused with this error, before the library's own code was called.
fn refused(prototype: &DLTensor, error: Error) {
    let (answer, calls) = ask(prototype, Mood::Works);
    let expected = Answer {
        code: -1,
        tensor: ptr::null_mut(),
        calls: 1,
        kind: "ValueError".to_owned(),
        message: error.to_string(),
    };
    assert_eq!((answer, calls), (expected, 0));
}

#[test]
fn h138_garbage_in_all_other_fields() {
    for shape in [&mut [][..], &mut [0], &mut [2, 3], &mut [1; 9], &mut [1; 64]] {
        let ndim = i32::try_from(shape.len()).expect("few");
        let (answer, calls) = ask(&prototype(ndim, shape), Mood::Works);
        assert_eq!((answer.code, answer.calls, calls), (0, 0, 1));
        // SAFETY: a live tensor.
        let tensor = unsafe { &(*answer.tensor).dl_tensor };
        assert_eq!((tensor.ndim, tensor.dtype, tensor.device), (ndim, FLOAT32, CPU));
        assert_eq!((tensor.byte_offset, tensor.data.addr() % 256), (0, 0));
        assert_eq!(tensor.data.is_null(), shape.contains(&0));
        // SAFETY: a live tensor.
        let (version, flags) = unsafe { ((*answer.tensor).version, (*answer.tensor).flags) };
        assert_eq!((version.major, version.minor, flags), (1, 3, 0));
        let mut stride = 1;
        for axis in (0..shape.len()).rev() {
            // SAFETY: so many sizes and strides.
            let found = unsafe { (tensor.shape.add(axis).read(), tensor.strides.add(axis).read()) };
            assert_eq!(found, (shape[axis], stride));
            stride *= shape[axis].max(1);
        }
        // SAFETY: a live tensor of initialised floats, once C has filled it.
        unsafe { fill_and_delete(answer.tensor, 0.5) };
    }
}

/// Fills a tensor of floats in C, reads it in C, and deletes it.
///
/// # Safety
///
/// The tensor is live, of floats, and nobody else deletes it.
unsafe fn fill_and_delete(raw: *mut DLManagedTensorVersioned, value: f32) {
    // SAFETY: the caller's promise.
    let tensor = unsafe { &(*raw).dl_tensor };
    // SAFETY: the shape is that many numbers long.
    let numel = unsafe { harness::ffi::ct_numel(tensor) };
    if numel > 0 {
        // SAFETY: one float.
        let code = unsafe { harness::ffi::ct_fill(tensor, 0, (&raw const value).cast()) };
        assert_eq!(code, 0);
        // SAFETY: the first element, which was just written.
        assert_eq!(unsafe { tensor.data.cast::<f32>().read() }, value);
    }
    // SAFETY: the caller's promise.
    assert!(unsafe { consume(raw) }.is_some());
}

#[test]
fn h138_dimensions_that_cannot_be() {
    let few = &mut [2, 3];
    for ndim in [-1, i32::MIN] {
        refused(&prototype(ndim, few), Error::NegativeNdim { ndim });
    }
    for ndim in [65, i32::MAX] {
        let found = usize::try_from(ndim).expect("positive");
        refused(&prototype(ndim, few), Error::TooManyAxes { ndim: found, max: 64 });
    }
    let nowhere = DLTensor { shape: ptr::null_mut(), ..prototype(2, few) };
    refused(&nowhere, Error::NullShape { ndim: 2 });
}

#[test]
fn h138_sizes_that_cannot_be() {
    let sizes = |shape: &mut [i64], error| {
        refused(&prototype(i32::try_from(shape.len()).expect("few"), shape), error);
    };
    sizes(&mut [-1], Error::NegativeSize { axis: 0, size: -1 });
    sizes(&mut [2, i64::MIN], Error::NegativeSize { axis: 1, size: i64::MIN });
    sizes(&mut [0, -1], Error::NegativeSize { axis: 1, size: -1 });
    sizes(&mut [1 << 40, 1 << 40], Error::ShapeOverflow);
    sizes(&mut [0, 1 << 40, 1 << 40], Error::ShapeOverflow);
    let longest = i64::try_from(isize::MAX).expect("64 bits at most");
    sizes(&mut [longest], Error::ExtentOverflow);
}

/// So many bytes there can be, but nobody has them, except where that is two gigabytes.
#[test]
#[cfg(target_pointer_width = "64")]
fn h138_sizes_that_nobody_has() {
    let shape = &mut [i64::MAX / 4 - 300];
    let (answer, calls) = ask(&prototype(1, shape), Mood::Works);
    assert_eq!((answer.code, answer.calls, calls), (-1, 1, 1));
    assert_eq!((&*answer.kind, answer.tensor), ("MemoryError", ptr::null_mut()));
}

#[test]
fn h138_dtypes_that_cannot_be() {
    let dtype = DLDataType { code: 2, bits: 0, lanes: 1 };
    let found = DataType::new(DataTypeCode::FLOAT, 0, 1);
    refused(&DLTensor { dtype, ..prototype(1, &mut [2]) }, Error::InvalidDType { found });
}

#[test]
fn devices_without_memory() {
    let device = DLDevice { device_type: DLDeviceType(2), device_id: 1 };
    let (answer, calls) = ask(&DLTensor { device, ..prototype(1, &mut [2]) }, Mood::Works);
    let error = Error::NotHostAccessible { device: Device::cuda(1) };
    assert_eq!((answer.code, answer.calls, calls), (-1, 1, 1));
    assert_eq!((answer.kind, answer.message), ("ValueError".to_owned(), error.to_string()));
}

#[test]
fn what_the_library_says_is_passed_on() {
    let (answer, calls) = ask(&prototype(1, &mut [2]), Mood::Fails);
    assert_eq!((answer.code, answer.calls, calls), (-1, 1, 1));
    assert_eq!((&*answer.kind, answer.tensor), ("BufferError", ptr::null_mut()));
    assert_eq!(answer.message, "told. ".repeat(50)[..215]);
}

#[test]
fn a_panic_is_an_error() {
    let (answer, calls) = ask(&prototype(1, &mut [2]), Mood::Panics);
    assert_eq!((answer.code, answer.calls, calls), (-1, 1, 1));
    let said = (&*answer.kind, &*answer.message);
    assert_eq!(said, ("RuntimeError", "expected a result, found a panic"));
}

/// Counts its calls.
unsafe extern "C" fn count(context: *mut c_void, kind: *const c_char, message: *const c_char) {
    assert!(!kind.is_null() && !message.is_null());
    // SAFETY: the test's counter.
    unsafe { *context.cast::<u32>() += 1 };
}

fn allocator() -> DLPackManagedTensorAllocator {
    // SAFETY: a static.
    unsafe { (*TABLE.as_raw()).managed_tensor_allocator }
}

/// Asks with pointers that a consumer should not pass.
fn ask_raw(prototype: *mut DLTensor, out: *mut *mut DLManagedTensorVersioned) -> (c_int, u32) {
    let allocate = allocator().expect("the table has all functions");
    let mut calls = 0_u32;
    let context = (&raw mut calls).cast();
    // SAFETY: null pointers are answered with errors.
    let code = unsafe { allocate(prototype, out, context, Some(count)) };
    // SAFETY: the same.
    let quiet = unsafe { allocate(prototype, out, ptr::null_mut(), None) };
    assert_eq!(quiet, code);
    (code, calls)
}

#[test]
fn h137_no_prototype_and_no_place_for_the_result() {
    let mut tensor = ptr::without_provenance_mut(0xDEAD);
    assert_eq!(ask_raw(ptr::null_mut(), &raw mut tensor), (-1, 1));
    assert!(tensor.is_null());
    let shape = &mut [2];
    assert_eq!(ask_raw(&mut prototype(1, shape), ptr::null_mut()), (-1, 1));
    assert_eq!(ask_raw(ptr::null_mut(), ptr::null_mut()), (-1, 1));
}

/// Of the fields that the standard does not name not even the bytes are there.
#[test]
fn h138_fields_that_are_not_initialised() {
    let mut shape = [2_i64];
    let mut prototype = std::mem::MaybeUninit::<DLTensor>::uninit();
    let place = prototype.as_mut_ptr();
    // SAFETY: fields of a struct of ours.
    unsafe {
        (&raw mut (*place).dtype).write(FLOAT32);
        (&raw mut (*place).device).write(CPU);
        (&raw mut (*place).ndim).write(1);
        (&raw mut (*place).shape).write(shape.as_mut_ptr());
    }
    let allocate = allocator().expect("the table has all functions");
    let mut tensor = ptr::null_mut();
    // SAFETY: the four fields are there.
    let code = unsafe { allocate(place, &raw mut tensor, ptr::null_mut(), None) };
    assert_eq!(code, 0);
    // SAFETY: just made.
    unsafe { harness::release::delete(tensor) };
}

#[test]
fn from_many_threads() {
    std::thread::scope(|scope| {
        for thread in 0..4_i64 {
            scope.spawn(move || {
                for size in 0..50 {
                    let (answer, _) = ask(&prototype(2, &mut [thread + 1, size]), Mood::Works);
                    assert_eq!(answer.code, 0);
                    // SAFETY: just made.
                    unsafe { harness::release::delete_on_thread(answer.tensor) };
                }
            });
        }
    });
}
