//! Names of attributes and keywords, which are interned once.

use core::ffi::CStr;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, Ordering};

use super::attached::Attached;
use super::ffi;
use super::object::Object;
use super::raise::Raised;

/// A string that Python interns on first use and that is kept for the rest of the process.
#[derive(Debug)]
pub(crate) struct Name {
    text: &'static CStr,
    /// # Invariants
    ///
    /// Null, or the string, of which one reference is never given back.
    object: AtomicPtr<ffi::PyObject>,
}

impl Name {
    const fn new(text: &'static CStr) -> Self {
        Self { text, object: AtomicPtr::new(ptr::null_mut()) }
    }

    #[inline]
    pub(crate) fn get<'py>(&self, py: Attached<'py>) -> Result<Object<'py>, Raised> {
        match NonNull::new(self.object.load(Ordering::Acquire)) {
            // SAFETY: the invariant of `object`; the thread is attached.
            Some(object) => Ok(unsafe { Object::new(object) }),
            None => self.make(py),
        }
    }

    /// Returns `true` if the object is this very string, and `false` also before the string has been made.
    #[inline]
    pub(crate) fn is(&self, object: Object<'_>) -> bool {
        self.object.load(Ordering::Acquire) == object.as_ptr()
    }

    #[cold]
    fn make<'py>(&self, _: Attached<'py>) -> Result<Object<'py>, Raised> {
        // SAFETY: the thread is attached, and the text ends in NUL.
        let made = unsafe { ffi::PyUnicode_InternFromString(self.text.as_ptr()) };
        let made = NonNull::new(made).ok_or_else(Raised::new)?;
        // If another thread has stored the string meanwhile, it is the same object, and one reference is leaked.
        self.object.store(made.as_ptr(), Ordering::Release);
        // SAFETY: the invariant of `object`, from here on; the thread is attached.
        Ok(unsafe { Object::new(made) })
    }
}

/// The names that this crate looks up or passes.
pub(crate) mod names {
    use super::Name;

    pub(crate) static NAME: Name = Name::new(c"__name__");
    pub(crate) static DLPACK: Name = Name::new(c"__dlpack__");
    pub(crate) static DLPACK_DEVICE: Name = Name::new(c"__dlpack_device__");
    pub(crate) static EXCHANGE_API: Name = Name::new(c"__dlpack_c_exchange_api__");
    pub(crate) static CUDA_STREAM: Name = Name::new(c"__cuda_stream__");
    pub(crate) static STREAM: Name = Name::new(c"stream");
    pub(crate) static MAX_VERSION: Name = Name::new(c"max_version");
    pub(crate) static DL_DEVICE: Name = Name::new(c"dl_device");
    pub(crate) static COPY: Name = Name::new(c"copy");
    pub(crate) static VALUE: Name = Name::new(c"value");
    pub(crate) static QUALNAME: Name = Name::new(c"__qualname__");
    pub(crate) static MODULE: Name = Name::new(c"__module__");
    pub(crate) static MRO: Name = Name::new(c"__mro__");
    pub(crate) static BASE: Name = Name::new(c"__base__");
    pub(crate) static DICT: Name = Name::new(c"__dict__");
    pub(crate) static GET: Name = Name::new(c"__get__");
    pub(crate) static SELF: Name = Name::new(c"__self__");
    // Of exceptions, and of what makes them again.
    pub(crate) static ARGS: Name = Name::new(c"args");
    pub(crate) static BUILTINS: Name = Name::new(c"builtins");
    pub(crate) static EVAL: Name = Name::new(c"eval");
    pub(crate) static ADD_NOTE: Name = Name::new(c"add_note");
    // Of objects that can be made arrays.
    pub(crate) static TOARRAY: Name = Name::new(c"toarray");
    pub(crate) static TODENSE: Name = Name::new(c"todense");
    pub(crate) static TO_NUMPY: Name = Name::new(c"to_numpy");
    pub(crate) static ARRAY: Name = Name::new(c"__array__");
    // Of `memoryview`.
    pub(crate) static OBJ: Name = Name::new(c"obj");
    #[cfg(all(Py_LIMITED_API, not(Py_3_11)))]
    pub(crate) static FORMAT: Name = Name::new(c"format");
    #[cfg(all(Py_LIMITED_API, not(Py_3_11)))]
    pub(crate) static ITEMSIZE: Name = Name::new(c"itemsize");
    #[cfg(all(Py_LIMITED_API, not(Py_3_11)))]
    pub(crate) static SHAPE: Name = Name::new(c"shape");
    #[cfg(all(Py_LIMITED_API, not(Py_3_11)))]
    pub(crate) static READONLY: Name = Name::new(c"readonly");
    // Of NumPy; the second one is the name in NumPy 1.
    pub(crate) static MULTIARRAY: Name = Name::new(c"numpy._core._multiarray_umath");
    pub(crate) static MULTIARRAY_1: Name = Name::new(c"numpy.core._multiarray_umath");
    pub(crate) static ABI_VERSION: Name = Name::new(c"_get_ndarray_c_version");
    // Of its masked arrays.
    pub(crate) static MASK: Name = Name::new(c"mask");
    pub(crate) static ANY: Name = Name::new(c"any");
    // Of the array API standard.
    pub(crate) static ARRAY_NAMESPACE: Name = Name::new(c"__array_namespace__");
    pub(crate) static FROM_DLPACK: Name = Name::new(c"from_dlpack");
    // Of PyTorch and Paddle.
    pub(crate) static TORCH: Name = Name::new(c"torch");
    pub(crate) static STRIDED: Name = Name::new(c"strided");
    pub(crate) static LAYOUT: Name = Name::new(c"layout");
    pub(crate) static DTYPE: Name = Name::new(c"dtype");
    pub(crate) static BITS: [Name; 5] = [
        Name::new(c"bits8"),
        Name::new(c"bits16"),
        Name::new(c"bits1x8"),
        Name::new(c"bits2x4"),
        Name::new(c"bits4x2"),
    ];
    pub(crate) static IS_META: Name = Name::new(c"is_meta");
    pub(crate) static IS_QUANTIZED: Name = Name::new(c"is_quantized");
    pub(crate) static NOTE_OF_SPARSE: Name = Name::new(
        c"pass `x.to_dense()`: a tensor of another layout than torch.strided has no strides",
    );
    pub(crate) static NOTE_OF_META: Name =
        Name::new(c"pass a tensor of another device: one on the device meta has no elements");
    pub(crate) static TORCH_C: Name = Name::new(c"torch._C");
    pub(crate) static DISABLE_TORCH_FUNCTION: Name = Name::new(c"DisableTorchFunction");
    pub(crate) static ENTER: Name = Name::new(c"__enter__");
    pub(crate) static EXIT: Name = Name::new(c"__exit__");
    pub(crate) static TENSOR: Name = Name::new(c"Tensor");
    pub(crate) static TORCH_FUNCTION: Name = Name::new(c"__torch_function__");
    pub(crate) static TORCH_DISPATCH: Name = Name::new(c"__torch_dispatch__");
    pub(crate) static NO_TORCH_FUNCTION: Name = Name::new(c"_disabled_torch_function_impl");
    pub(crate) static REQUIRES_GRAD: Name = Name::new(c"requires_grad");
    pub(crate) static IS_CONJ: Name = Name::new(c"is_conj");
    pub(crate) static IS_NEG: Name = Name::new(c"is_neg");
    pub(crate) static NBYTES: Name = Name::new(c"nbytes");
    pub(crate) static NUMEL: Name = Name::new(c"numel");
    pub(crate) static UNTYPED_STORAGE: Name = Name::new(c"untyped_storage");
    pub(crate) static DATA_PTR: Name = Name::new(c"data_ptr");
    pub(crate) static CONST_DATA_PTR: Name = Name::new(c"const_data_ptr");
    pub(crate) static DATA_ADDRESS: Name = Name::new(c"_data_address");
    pub(crate) static DOC: Name = Name::new(c"__doc__");
    pub(crate) static STOP_GRADIENT: Name = Name::new(c"stop_gradient");
    pub(crate) static IS_DENSE: Name = Name::new(c"is_dense");
    pub(crate) static HOLDS_MEMORY: Name = Name::new(c"_is_dense_tensor_hold_allocation");
}
