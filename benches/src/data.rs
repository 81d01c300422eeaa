//! What contenders give out and take in: memory, owners that are counted, tensors of a C library, numbers.

use core::ffi::c_void;
use core::ptr;
use core::slice;
use core::sync::atomic::{AtomicI64, Ordering};

use dlpack_sys::{
    DLDataType, DLDevice, DLDeviceType, DLManagedTensorVersioned, DLPACK_MAJOR_VERSION,
    DLPACK_MINOR_VERSION, DLPackVersion, DLTensor,
};

use crate::contender::Outcome;
use crate::floors::export::Memory;

pub const F32: DLDataType = DLDataType { code: 2, bits: 32, lanes: 1 };
pub const CPU: DLDevice = DLDevice { device_type: DLDeviceType::kDLCPU, device_id: 0 };

static RELEASED: AtomicI64 = AtomicI64::new(0);

/// How many owners have been dropped and foreign deleters called.
pub fn released() -> i64 {
    RELEASED.load(Ordering::Relaxed)
}

/// Counts without a locked instruction, as there is one thread.
#[inline]
fn count_release() {
    RELEASED.store(RELEASED.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

/// Small whole numbers, so that every sum is exact in any order.
pub fn numbers(count: usize) -> Vec<f32> {
    (0_u16..7).map(f32::from).cycle().take(count).collect()
}

/// An owner as large as a vector that allocates nothing itself, so that an export's allocations are the export's own.
#[derive(Debug)]
pub struct Lease {
    start: *mut f32,
    len: usize,
    _capacity: usize,
}

// SAFETY: the memory is leaked, and the benchmarks give out one lease at a time.
unsafe impl Send for Lease {}
// SAFETY: the same.
unsafe impl Sync for Lease {}

/// Memory that leases are of.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    start: *mut f32,
    len: usize,
}

impl Field {
    pub fn new(len: usize) -> Self {
        let elements = numbers(len).leak();
        Self { start: elements.as_mut_ptr(), len }
    }

    #[inline]
    pub fn lease(self) -> Lease {
        Lease { start: self.start, len: self.len, _capacity: self.len }
    }

    pub fn start(self) -> *mut f32 {
        self.start
    }

    /// All of it, as the floors want it described.
    #[inline]
    pub fn memory(self, flags: u64) -> Memory {
        Memory { start: self.start, len: self.len, flags }
    }
}

impl Drop for Lease {
    #[inline]
    fn drop(&mut self) {
        count_release();
    }
}

impl AsMut<[f32]> for Lease {
    #[inline]
    fn as_mut(&mut self) -> &mut [f32] {
        // SAFETY: the memory is leaked, and there is one lease of it at a time.
        unsafe { slice::from_raw_parts_mut(self.start, self.len) }
    }
}

/// Calls the deleter, as a consumer does.
///
/// # Safety
///
/// The tensor is passed on.
#[inline]
pub unsafe fn release(raw: *mut DLManagedTensorVersioned) {
    // SAFETY: the caller's promise.
    if let Some(deleter) = unsafe { (*raw).deleter } {
        // SAFETY: the caller's promise.
        unsafe { deleter(raw) };
    }
}

/// What a consumer sees of a row-major `float32` tensor.
///
/// # Safety
///
/// The tensor is one, and its elements can be read.
pub unsafe fn describe(raw: *const DLManagedTensorVersioned) -> Outcome {
    // SAFETY: the caller's promise.
    let managed = unsafe { &*raw };
    let tensor = &managed.dl_tensor;
    let ndim = usize::try_from(tensor.ndim).expect("a number of dimensions");
    // SAFETY: the caller's promise.
    let shape = unsafe { slice::from_raw_parts(tensor.shape, ndim) };
    // SAFETY: the caller's promise.
    let strides = unsafe { slice::from_raw_parts(tensor.strides, ndim) };
    let numel = usize::try_from(shape.iter().product::<i64>()).expect("a number of elements");
    let offset = usize::try_from(tensor.byte_offset).expect("an offset");
    let start = tensor.data.cast::<f32>().wrapping_byte_add(offset);
    // SAFETY: the caller's promise.
    let elements = unsafe { slice::from_raw_parts(start, numel) };
    let mut outcome = vec![
        ("major version", i64::from(managed.version.major)),
        ("device", i64::from(tensor.device.device_type.0)),
        ("device id", i64::from(tensor.device.device_id)),
        ("code", i64::from(tensor.dtype.code)),
        ("bits", i64::from(tensor.dtype.bits)),
        ("lanes", i64::from(tensor.dtype.lanes)),
        ("dimensions", i64::from(tensor.ndim)),
    ];
    outcome.extend(shape.iter().map(|&size| ("size", size)));
    outcome.extend(strides.iter().map(|&stride| ("stride", stride)));
    outcome.extend(look(elements));
    outcome
}

/// What must be the same of a slice.
pub fn look(elements: &[f32]) -> Outcome {
    let sum: f64 = elements.iter().copied().map(f64::from).sum();
    let address = elements.as_ptr().addr().cast_signed();
    vec![
        ("elements", i64::try_from(elements.len()).expect("a number of elements")),
        ("sum", whole(sum)),
        ("aligned", i64::from(address % 4 == 0)),
    ]
}

/// A sum of whole numbers.
#[expect(clippy::cast_possible_truncation, reason = "checked to be a whole number")]
pub fn whole(sum: f64) -> i64 {
    assert!(sum.fract() == 0.0 && sum.abs() < 1e15, "a whole number: {sum}");
    sum as i64
}

/// A tensor as a C library hands it over, again and again: its deleter only counts, and it is leaked.
///
/// Row-major, with all sizes 2 but the last.
pub fn foreign(ndim: usize) -> *mut DLManagedTensorVersioned {
    let mut shape = vec![2_i64; ndim];
    if let Some(last) = shape.last_mut() {
        *last = 3;
    }
    let strides = row_major(&shape);
    let numel = usize::try_from(shape.iter().product::<i64>()).expect("a few elements");
    let managed = DLManagedTensorVersioned {
        version: DLPackVersion { major: DLPACK_MAJOR_VERSION, minor: DLPACK_MINOR_VERSION },
        manager_ctx: ptr::null_mut::<c_void>(),
        deleter: Some(count_and_keep),
        flags: 0,
        dl_tensor: DLTensor {
            data: numbers(numel).leak().as_mut_ptr().cast(),
            device: CPU,
            ndim: i32::try_from(ndim).expect("a number of dimensions"),
            dtype: F32,
            shape: shape.leak().as_mut_ptr(),
            strides: strides.leak().as_mut_ptr(),
            byte_offset: 0,
        },
    };
    Box::leak(Box::new(managed))
}

extern "C" fn count_and_keep(_: *mut DLManagedTensorVersioned) {
    count_release();
}

/// The strides of C order.
pub fn row_major(shape: &[i64]) -> Vec<i64> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    strides
}
