//! A consumer that knows the structs of `dlpack.h`, and nothing of who made them.
//!
//! What it takes from a tensor is what stands in the C struct: the handle, the byte offset, shape and strides. From
//! these it computes by itself at which bytes of the device's memory the elements lie.

use core::ffi::c_void;
use core::ops::Range;
use core::ptr::NonNull;

use dlpack_sys::{DLManagedTensor, DLManagedTensorVersioned, DLTensor};

/// The two structs that carry a tensor and its deleter.
pub trait Managed: Sized {
    /// Returns the tensor inside.
    ///
    /// # Safety
    ///
    /// `this` points to a live struct.
    unsafe fn tensor(this: *mut Self) -> *mut DLTensor;

    /// Returns the deleter.
    ///
    /// # Safety
    ///
    /// `this` points to a live struct.
    unsafe fn deleter(this: *mut Self) -> Option<unsafe extern "C" fn(*mut Self)>;
}

impl Managed for DLManagedTensorVersioned {
    unsafe fn tensor(this: *mut Self) -> *mut DLTensor {
        // SAFETY: the caller's promise.
        unsafe { &raw mut (*this).dl_tensor }
    }

    unsafe fn deleter(this: *mut Self) -> Option<unsafe extern "C" fn(*mut Self)> {
        // SAFETY: the caller's promise.
        unsafe { (*this).deleter }
    }
}

impl Managed for DLManagedTensor {
    unsafe fn tensor(this: *mut Self) -> *mut DLTensor {
        // SAFETY: the caller's promise.
        unsafe { &raw mut (*this).dl_tensor }
    }

    unsafe fn deleter(this: *mut Self) -> Option<unsafe extern "C" fn(*mut Self)> {
        // SAFETY: the caller's promise.
        unsafe { (*this).deleter }
    }
}

/// A tensor that this consumer has, until it calls the deleter.
#[derive(Debug)]
#[must_use = "the deleter is to be called"]
pub struct Received<M> {
    raw: NonNull<M>,
    tensor: DLTensor,
    shape: Vec<i64>,
    strides: Vec<i64>,
}

// SAFETY: the standard lets the deleter run on any thread; the rest are numbers.
unsafe impl<M> Send for Received<M> {}

impl<M: Managed> Received<M> {
    /// Takes a tensor over.
    ///
    /// # Safety
    ///
    /// `raw` points to a tensor that keeps to the standard, and is passed on.
    ///
    /// # Panics
    ///
    /// If `raw` is null.
    pub unsafe fn new(raw: *mut M) -> Self {
        let raw = NonNull::new(raw).expect("a tensor");
        // SAFETY: the caller's promise.
        let tensor = unsafe { M::tensor(raw.as_ptr()) };
        // SAFETY: the caller's promise.
        let tensor = unsafe { *tensor };
        // SAFETY: the caller's promise.
        let shape = unsafe { numbers(tensor.shape, tensor.ndim) };
        // SAFETY: the caller's promise.
        let strides = unsafe { numbers(tensor.strides, tensor.ndim) };
        Self { raw, tensor, shape, strides }
    }

    /// Returns what stands in `data`.
    pub fn data(&self) -> *mut c_void {
        self.tensor.data
    }

    /// Returns what stands in `byte_offset`.
    pub fn byte_offset(&self) -> u64 {
        self.tensor.byte_offset
    }

    /// Returns the device's type and number.
    pub fn device(&self) -> (i32, i32) {
        (self.tensor.device.device_type.0, self.tensor.device.device_id)
    }

    /// Returns code, bits and lanes.
    pub fn dtype(&self) -> (u8, u8, u16) {
        let dtype = self.tensor.dtype;
        (dtype.code, dtype.bits, dtype.lanes)
    }

    /// Returns the sizes of the axes.
    pub fn shape(&self) -> &[i64] {
        &self.shape
    }

    /// Returns the strides in elements.
    pub fn strides(&self) -> &[i64] {
        &self.strides
    }

    /// Says at which byte of the device's memory each element begins, in row-major order.
    ///
    /// # Panics
    ///
    /// If an element were to begin before the memory.
    pub fn positions(&self) -> Vec<usize> {
        let bytes = i64::try_from(self.element_bytes()).expect("a size");
        let start = i64::try_from(self.tensor.byte_offset).expect("an offset");
        let mut positions = vec![start];
        for (size, stride) in self.shape.iter().zip(&self.strides) {
            let steps = |from: i64| (0..*size).map(move |step| from + step * stride * bytes);
            positions = positions.into_iter().flat_map(steps).collect();
        }
        let position = |at| usize::try_from(at).expect("a position within the memory");
        positions.into_iter().map(position).collect()
    }

    /// Returns the bytes of the device's memory from the first to the last element.
    ///
    /// # Panics
    ///
    /// If there are no elements.
    pub fn reach(&self) -> Range<usize> {
        let positions = self.positions();
        let first = *positions.iter().min().expect("an element");
        first..positions.iter().max().expect("an element") + self.element_bytes()
    }

    fn element_bytes(&self) -> usize {
        usize::from(self.tensor.dtype.bits) * usize::from(self.tensor.dtype.lanes) / 8
    }

    /// Calls the deleter.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn release(self) {
        // SAFETY: the struct is live until its deleter has run, which is here.
        let deleter = unsafe { M::deleter(self.raw.as_ptr()) }.expect("a deleter");
        // SAFETY: called once, since `self` ends here.
        unsafe { deleter(self.raw.as_ptr()) };
    }
}

/// # Safety
///
/// `first` points to `count` numbers, or is null if there are none.
unsafe fn numbers(first: *const i64, count: i32) -> Vec<i64> {
    let count = usize::try_from(count).expect("a number of axes");
    if count == 0 {
        return Vec::new();
    }
    assert!(!first.is_null(), "shape and strides are there");
    // SAFETY: the caller's promise.
    unsafe { core::slice::from_raw_parts(first, count) }.to_vec()
}
