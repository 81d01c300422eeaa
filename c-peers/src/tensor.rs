//! Tensors of the libraries.

use core::ffi::c_void;
use core::ptr::NonNull;

use dlpack::{DataType, DataTypeCode, Device, DeviceType, Managed, ManagedTensorVersioned};
use dlpack_sys::DLManagedTensorVersioned;

use crate::library::{Export, Library, Reason, Request};
use crate::memory::number;
use crate::{Counter, Layout, Struct, pattern};

const MAX_AXES: usize = 12;

/// `Description` in `shims/peer.h`.
#[derive(Clone, Debug, Default)]
#[repr(C)]
#[allow(missing_docs, reason = "the header has them")]
pub struct Description {
    shape: [i64; MAX_AXES],
    strides: [i64; MAX_AXES],
    ndim: i32,
    device_type: i32,
    device_id: i32,
    code: u8,
    bits: u8,
    lanes: u16,
    data: usize,
    pub is_writable: i32,
}

#[allow(missing_docs, reason = "fields of a tensor")]
impl Description {
    fn ndim(&self) -> usize {
        usize::try_from(self.ndim).expect("a number of axes")
    }

    #[must_use]
    pub fn shape(&self) -> &[i64] {
        &self.shape[..self.ndim()]
    }

    #[must_use]
    pub fn strides(&self) -> &[i64] {
        &self.strides[..self.ndim()]
    }

    #[must_use]
    pub fn dtype(&self) -> DataType {
        DataType::new(DataTypeCode::new(self.code), self.bits, self.lanes)
    }

    #[must_use]
    pub fn device(&self) -> Device {
        Device::new(DeviceType::new(self.device_type), self.device_id)
    }

    /// Returns the address of the first element.
    #[must_use]
    pub fn address(&self) -> usize {
        self.data
    }
}

/// A tensor of a library, which is released on drop.
#[derive(Debug)]
pub struct Tensor {
    library: &'static Library,
    at: NonNull<c_void>,
}

/// A tensor that a library has refused: why, and the struct that it was offered, of which it may have called the deleter.
#[derive(Debug)]
pub struct Refused<A> {
    /// The library's words.
    pub reason: String,
    /// The struct.
    pub raw: *mut A,
}

impl Library {
    /// Has the library take over a tensor.
    ///
    /// # Errors
    ///
    /// The tensor, if the library refuses it.
    pub fn import<A: Struct>(&'static self, tensor: Managed<A>) -> Result<Tensor, Refused<A>> {
        let import = A::import(self.table()).expect("an import of this ABI");
        // SAFETY: the function takes over a struct of this ABI.
        self.import_by(tensor, |raw, reason| unsafe { import(raw, reason) })
    }

    /// Does the same with a function of the shim.
    ///
    /// # Errors
    ///
    /// The tensor, if the library refuses it.
    pub fn import_by<A: Struct>(
        &'static self,
        tensor: Managed<A>,
        import: impl FnOnce(*mut c_void, *mut Reason) -> *mut c_void,
    ) -> Result<Tensor, Refused<A>> {
        let raw = tensor.into_raw();
        match Reason::of(|reason| import(raw.cast(), reason)) {
            Ok(at) => Ok(Tensor { library: self, at }),
            Err(reason) => Err(Refused { reason, raw }),
        }
    }

    /// Has the library make a tensor with a pattern, and a view of it that has this layout. The counter counts how often the
    /// memory is freed.
    ///
    /// # Errors
    ///
    /// The library's words.
    pub fn make(
        &'static self,
        dtype: DataType,
        layout: Layout,
    ) -> Result<(Tensor, Counter), String> {
        let nbytes = dtype.nbytes(layout.room, false).expect("a size");
        let (freed, shape) = (Counter::default(), [number(layout.room)]);
        let elements = pattern(dtype, nbytes, 0);
        let made = self.request(dtype, &shape, |request| {
            let (function, context) = freed.for_c();
            request.elements = elements.as_ptr().cast();
            request.nbytes = nbytes;
            request.freed = function;
            request.context = context;
            // SAFETY: the fields describe so many elements, and the library calls the function once.
            Reason::of(|reason| unsafe { (self.table().make)(request, reason) })
        });
        let whole = Tensor { library: self, at: made? };
        let (shape, strides) = layout.numbers();
        let ndim = i32::try_from(shape.len()).expect("a number of axes");
        // SAFETY: the elements of the layout are those of the tensor.
        let view = Reason::of(|reason| unsafe {
            let offset = number(layout.offset);
            (self.table().view)(
                whole.at.as_ptr(),
                shape.as_ptr(),
                strides.as_ptr(),
                ndim,
                offset,
                reason,
            )
        })?;
        Ok((Tensor { library: self, at: view }, freed))
    }

    /// Calls a function with a request of this dtype and shape, which asks for no memory.
    pub fn request<R>(
        &self,
        dtype: DataType,
        shape: &[i64],
        call: impl FnOnce(&mut Request) -> R,
    ) -> R {
        unsafe extern "C" fn nothing(_: *mut c_void) {}
        let mut request = Request {
            shape: shape.as_ptr(),
            ndim: i32::try_from(shape.len()).expect("a number of axes"),
            code: dtype.code.code(),
            bits: dtype.bits,
            lanes: dtype.lanes,
            elements: core::ptr::null(),
            nbytes: 0,
            freed: nothing,
            context: core::ptr::null_mut(),
        };
        call(&mut request)
    }

    /// Takes over a tensor of the library's that a function of the shim has made.
    ///
    /// # Safety
    ///
    /// It is one, and is not used otherwise.
    pub unsafe fn own(&'static self, at: NonNull<c_void>) -> Tensor {
        Tensor { library: self, at }
    }
}

impl<A: Struct> Refused<A> {
    /// Takes back a tensor whose deleter the library has not called.
    ///
    /// # Safety
    ///
    /// It has not, and will not use the struct again.
    #[must_use]
    pub unsafe fn take_back(self) -> Managed<A> {
        // SAFETY: a struct of this crate, which was just exported, and which nobody else has.
        unsafe { Managed::from_raw(self.raw) }.expect("a valid tensor")
    }
}

impl Tensor {
    /// Exports the tensor, and imports it here.
    ///
    /// # Errors
    ///
    /// The library's words.
    pub fn export<A: Struct>(&self) -> Result<Managed<A>, String> {
        self.export_by(A::export(self.library.table()).expect("an export of this ABI"))
    }

    /// Exports the tensor as read-only memory.
    ///
    /// # Errors
    ///
    /// The library's words.
    pub fn export_read_only(&self) -> Result<ManagedTensorVersioned, String> {
        self.export_by::<DLManagedTensorVersioned>(
            self.library.table().export_read_only.expect("a function for read-only memory"),
        )
    }

    /// Exports a copy of the tensor.
    ///
    /// # Errors
    ///
    /// The library's words.
    pub fn export_copy(&self) -> Result<ManagedTensorVersioned, String> {
        self.export_by::<DLManagedTensorVersioned>(
            self.library.table().export_copy.expect("a function for copies"),
        )
    }

    fn export_by<A: Struct>(&self, export: Export) -> Result<Managed<A>, String> {
        let raw = self.export_raw(export)?;
        // SAFETY: the library passes on a struct of this ABI for which the import contract holds.
        Ok(unsafe { Managed::from_raw(raw.cast::<A>().as_ptr()) }.expect("a valid tensor"))
    }

    /// Exports the tensor as a struct, whose deleter the caller has to call.
    ///
    /// # Errors
    ///
    /// The library's words.
    pub fn export_raw(&self, export: Export) -> Result<NonNull<c_void>, String> {
        // SAFETY: a tensor of this library.
        Reason::of(|reason| unsafe { export(self.at.as_ptr(), reason) })
    }

    /// Returns what the library says of the tensor.
    #[must_use]
    pub fn describe(&self) -> Description {
        let mut description = Description::default();
        // SAFETY: a tensor of this library, with no more axes than there is room for.
        unsafe { (self.library.table().describe)(self.at.as_ptr(), &raw mut description) };
        description
    }

    /// Returns the elements as the library reads them, in row-major order.
    #[must_use]
    pub fn read(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.nbytes()];
        // SAFETY: a tensor of this library, and room for all of its elements.
        unsafe { (self.library.table().read)(self.at.as_ptr(), bytes.as_mut_ptr().cast()) };
        bytes
    }

    /// Has the library overwrite the elements, in row-major order.
    pub fn write(&self, bytes: &[u8]) {
        assert_eq!(bytes.len(), self.nbytes());
        let write = self.library.table().write.expect("a library that writes");
        // SAFETY: a tensor of this library, and so many elements.
        unsafe { write(self.at.as_ptr(), bytes.as_ptr().cast()) };
    }

    fn nbytes(&self) -> usize {
        let found = self.describe();
        let numel = found.shape().iter().product::<i64>();
        found.dtype().nbytes(usize::try_from(numel).expect("a number"), false).expect("a size")
    }
}

impl Drop for Tensor {
    fn drop(&mut self) {
        // SAFETY: a tensor of this library, which is not used again.
        unsafe { (self.library.table().release)(self.at.as_ptr()) };
    }
}
