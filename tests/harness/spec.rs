//! Describes a tensor for the C library to make, sensible or hostile.

use std::ffi::c_void;
use std::fmt;
use std::ptr;
use std::sync::Arc;

use dlpack_sys::{DLDataType, DLManagedTensor, DLManagedTensorVersioned};

use crate::consumer::element_bits;
use crate::{Managed, Plain, Record, bytes_of, ffi};

type Hook = Arc<dyn Fn() + Send + Sync>;

/// What the C library is to make; every field is written as it stands, whether it makes sense or not.
///
/// Starts as a scalar of DLPack 1.3 in CPU memory without flags, whose data is empty.
#[derive(Clone)]
pub struct Spec {
    raw: ffi::Spec,
    shape: Vec<i64>,
    strides: Option<Vec<i64>>,
    bytes: Vec<u8>,
    hook: Option<Hook>,
}

impl Spec {
    /// A scalar of this dtype, without data.
    pub fn new(dtype: DLDataType) -> Self {
        let raw = ffi::Spec {
            major: 1,
            minor: 3,
            flags: 0,
            device_type: 1,
            device_id: 0,
            dtype,
            ndim: 0,
            shape: ptr::null(),
            shape_len: 0,
            strides: ptr::null(),
            strides_len: 0,
            bytes: ptr::null(),
            bytes_len: 0,
            origin: 0,
            borrowed: ptr::null_mut(),
            byte_offset: 0,
            data_shift: 0,
            header_shift: 0,
            options: 0,
            sleep_ms: 0,
            on_delete: None,
            on_delete_arg: ptr::null_mut(),
        };
        Self { raw, shape: Vec::new(), strides: None, bytes: Vec::new(), hook: None }
    }

    /// One axis of these elements.
    pub fn of<T: Plain>(elements: &[T]) -> Self {
        let len = i64::try_from(elements.len()).expect("a length that fits");
        Self::new(T::DTYPE).shape(&[len]).data(elements)
    }

    /// The DLPack version; a legacy tensor has none.
    pub fn version(mut self, major: u32, minor: u32) -> Self {
        (self.raw.major, self.raw.minor) = (major, minor);
        self
    }

    /// The flags; a legacy tensor has none.
    pub fn flags(mut self, flags: u64) -> Self {
        self.raw.flags = flags;
        self
    }

    /// Any two numbers.
    pub fn device(mut self, device_type: i32, device_id: i32) -> Self {
        (self.raw.device_type, self.raw.device_id) = (device_type, device_id);
        self
    }

    /// Sets `ndim`, too. The strides are row-major ones unless they are given.
    pub fn shape(mut self, shape: &[i64]) -> Self {
        self.raw.ndim = i32::try_from(shape.len()).expect("a length that fits");
        self.shape = shape.to_vec();
        self
    }

    /// In elements.
    pub fn strides(mut self, strides: &[i64]) -> Self {
        self.strides = Some(strides.to_vec());
        self
    }

    /// Overrides `ndim`; the arrays keep their lengths.
    pub fn ndim(mut self, ndim: i32) -> Self {
        self.raw.ndim = ndim;
        self
    }

    /// In bytes.
    pub fn byte_offset(mut self, byte_offset: u64) -> Self {
        self.raw.byte_offset = byte_offset;
        self
    }

    /// The tensor's memory; its length need not agree with the shape.
    pub fn data<T: Plain>(mut self, elements: &[T]) -> Self {
        self.bytes = bytes_of(elements).to_vec();
        self
    }

    /// Gives the tensor exactly the memory that dtype, shape, strides and flags span, and sets the origin. Byte `i` of
    /// it is `i % 251`.
    pub fn filled(mut self) -> Self {
        let bits = i64::try_from(element_bits(self.raw.dtype, self.raw.flags)).expect("fits");
        let strides = self.strides.clone().unwrap_or_else(|| row_major(&self.shape));
        let steps = self.shape.iter().zip(strides).map(|(size, stride)| (size - 1) * stride);
        let (low, high) = steps
            .fold((0, 0), |(low, high): (i64, i64), step| (low + step.min(0), high + step.max(0)));
        let before = (-low * bits + 7) / 8;
        let after = ((high + 1) * bits + 7) / 8;
        let len = if self.shape.contains(&0) { 0 } else { before + after };
        self.bytes = (0..len).map(|i| u8::try_from(i % 251).expect("below 251")).collect();
        if len > 0 { self.origin(usize::try_from(before).expect("not negative")) } else { self }
    }

    /// `data` points this many bytes into the memory.
    pub fn origin(mut self, origin: usize) -> Self {
        self.raw.origin = origin;
        self
    }

    /// `data` is this very pointer.
    pub fn borrow(mut self, data: *mut c_void) -> Self {
        self.raw.borrowed = data;
        self
    }

    /// The memory starts this many bytes after an address aligned to 256.
    pub fn data_shift(mut self, shift: usize) -> Self {
        self.raw.data_shift = shift;
        self
    }

    /// The struct starts this many bytes after an address aligned to 256.
    pub fn header_shift(mut self, shift: usize) -> Self {
        self.raw.header_shift = shift;
        self
    }

    /// The deleter sleeps first.
    pub fn sleep_ms(mut self, milliseconds: u32) -> Self {
        self.raw.sleep_ms = milliseconds;
        self
    }

    /// The deleter calls `hook`, while the tensor's memory is still there.
    pub fn on_delete(mut self, hook: impl Fn() + Send + Sync + 'static) -> Self {
        self.hook = Some(Arc::new(hook));
        self
    }

    fn option(mut self, option: u32) -> Self {
        self.raw.options |= option;
        self
    }

    /// `shape` is null.
    pub fn null_shape(self) -> Self {
        self.option(ffi::NULL_SHAPE)
    }

    /// `strides` is null.
    pub fn null_strides(self) -> Self {
        self.option(ffi::NULL_STRIDES)
    }

    /// `data` is null.
    pub fn null_data(self) -> Self {
        self.option(ffi::NULL_DATA)
    }

    /// `deleter` is null; the tensor lives as long as its [`Record`].
    pub fn null_deleter(self) -> Self {
        self.option(ffi::NULL_DELETER)
    }

    /// `manager_ctx` is null.
    pub fn null_context(self) -> Self {
        self.option(ffi::NULL_CONTEXT)
    }

    /// The byte after the memory is inaccessible.
    pub fn guard_data_end(self) -> Self {
        self.option(ffi::GUARD_DATA_END)
    }

    /// The byte before the memory is inaccessible.
    pub fn guard_data_start(self) -> Self {
        self.option(ffi::GUARD_DATA_START)
    }

    /// The bytes after the shape and after the strides are inaccessible.
    pub fn guard_dims(self) -> Self {
        self.option(ffi::GUARD_DIMS_END)
    }

    /// The byte after `flags` is inaccessible, in a legacy tensor the one after the struct.
    pub fn guard_header(self) -> Self {
        self.option(ffi::GUARD_HEADER)
    }

    /// The deleter frees at once instead of keeping the poisoned memory for the [`Record`].
    pub fn free_on_delete(self) -> Self {
        self.option(ffi::FREE_ON_DELETE)
    }

    /// Makes a versioned tensor.
    pub fn make_versioned(&self) -> (*mut DLManagedTensorVersioned, Record) {
        self.make()
    }

    /// Makes a legacy tensor.
    pub fn make_legacy(&self) -> (*mut DLManagedTensor, Record) {
        self.make()
    }

    /// Makes a tensor of either kind.
    pub fn make<M: Managed>(&self) -> (*mut M, Record) {
        let mut raw = self.raw_spec();
        // Without a deleter nobody would call it, nor free it.
        if let Some(hook) = self.hook.as_ref().filter(|_| raw.options & ffi::NULL_DELETER == 0) {
            raw.on_delete = Some(run_hook);
            raw.on_delete_arg = Box::into_raw(Box::new(Arc::clone(hook))).cast();
        }
        let mut record = ptr::null_mut();
        // SAFETY: `raw` points to `self`'s arrays, with their lengths.
        let managed = unsafe { M::MAKE(&raw, &mut record) };
        assert!(!managed.is_null(), "the C library could not make the tensor");
        // SAFETY: the C library has just written it for us.
        (managed, unsafe { Record::from_raw(record) })
    }

    pub(crate) fn raw_spec(&self) -> ffi::Spec {
        let mut raw = self.raw.clone();
        (raw.shape, raw.shape_len) = (self.shape.as_ptr(), self.shape.len());
        if let Some(strides) = &self.strides {
            (raw.strides, raw.strides_len) = (strides.as_ptr(), strides.len());
        }
        (raw.bytes, raw.bytes_len) = (self.bytes.as_ptr().cast(), self.bytes.len());
        raw
    }
}

impl fmt::Debug for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spec")
            .field("raw", &self.raw)
            .field("shape", &self.shape)
            .field("strides", &self.strides)
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

fn row_major(shape: &[i64]) -> Vec<i64> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    strides
}

unsafe extern "C" fn run_hook(arg: *mut c_void) {
    // SAFETY: `make` boxed a hook for this one call.
    let hook = unsafe { Box::from_raw(arg.cast::<Hook>()) };
    hook();
}
