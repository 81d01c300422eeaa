//! The macro that gives a class the methods of the protocol.

/// Gives a class that implements [`Export`](trait@crate::Export) the methods by which libraries import it.
///
/// Call it once for each class, beside the class's own `#[pymethods]`, which must not define the methods that this defines:
///
/// - `__dlpack__(*, stream=None, max_version=None, dl_device=None, copy=None)`, which returns a new capsule by the rules of
///   the array API standard;
/// - `__dlpack_device__()`, which returns the device of the memory;
/// - `__dlpack_c_exchange_api__`, a table of C functions by which libraries such as PyTorch and TVM FFI import the objects at
///   the cost of an allocation. An object that such a library makes by it is a [`Tensor`](crate::Tensor);
/// - the buffer protocol, for `memoryview` and libraries without DLPack, for main memory and dtypes that have a buffer
///   format. A build with `abi3` has it if the oldest Python is 3.11 or later. A buffer is lent by an object of its own, which
///   `memoryview(x).obj` is. `numpy.ndarray(buffer=x)` releases it at once and goes on with its memory: it must not get objects whose
///   memory is new for each call, as in the example below, or may be replaced. A class that this one extends is not told when what it
///   has lent itself is released;
/// - `__array__`, by which `numpy.asarray` gets what it does not get as a buffer, or says why not.
///
/// It does not define the methods for numbers. Python reads an object with a buffer and without `__int__` and `__float__` as
/// text: `int` of a tensor with the bytes `b"12"` is 12. Define both, and `__bool__`, in the class's own `#[pymethods]` if the
/// objects may be taken for numbers. [`Tensor`](crate::Tensor) defines them.
///
/// The crate that calls this must depend on `pyo3` under that name.
///
/// # Examples
///
/// ```
/// use dlpack_pyo3::dlpack::{Exporter, OpaqueTensor};
/// use dlpack_pyo3::{Export, to_py_err};
/// use pyo3::prelude::*;
///
/// #[pyclass(frozen)]
/// struct Zeros {
///     count: u16,
/// }
///
/// impl Export for Zeros {
///     fn tensor(slf: &Bound<'_, Self>) -> PyResult<OpaqueTensor> {
///         let zeros = vec![0_u8; slf.get().count.into()];
///         Exporter::new(zeros).into_opaque().map_err(to_py_err)
///     }
/// }
///
/// dlpack_pyo3::export!(Zeros);
///
/// Python::attach(|py| {
///     let zeros = Bound::new(py, Zeros { count: 3 })?;
///     let device: (i32, i32) = zeros.call_method0("__dlpack_device__")?.extract()?;
///     assert_eq!(device, (1, 0));
///     let capsule = zeros.call_method0("__dlpack__")?;
///     assert!(capsule.repr()?.to_string().contains("\"dltensor\""));
///     PyResult::Ok(())
/// })?;
/// # PyResult::Ok(())
/// ```
#[macro_export]
macro_rules! export {
    ($class:ty) => {
        #[::pyo3::pymethods]
        impl $class {
            #[classattr]
            fn __dlpack__(py: ::pyo3::Python<'_>) -> ::pyo3::PyResult<::pyo3::Py<::pyo3::PyAny>> {
                $crate::__private::dlpack_method::<Self>(py)
            }

            #[classattr]
            fn __dlpack_device__(
                py: ::pyo3::Python<'_>,
            ) -> ::pyo3::PyResult<::pyo3::Py<::pyo3::PyAny>> {
                $crate::__private::dlpack_device_method::<Self>(py)
            }

            #[classattr]
            fn __dlpack_c_exchange_api__(
                py: ::pyo3::Python<'_>,
            ) -> ::pyo3::PyResult<::pyo3::Py<::pyo3::PyAny>> {
                $crate::__private::exchange_api::<Self>(py)
            }

            #[pyo3(signature = (dtype=None, copy=None))]
            fn __array__<'py>(
                slf: &::pyo3::Bound<'py, Self>,
                dtype: ::core::option::Option<&::pyo3::Bound<'py, ::pyo3::PyAny>>,
                copy: ::core::option::Option<&::pyo3::Bound<'py, ::pyo3::PyAny>>,
            ) -> ::pyo3::PyResult<::pyo3::Bound<'py, ::pyo3::PyAny>> {
                $crate::__private::array(slf, dtype, copy)
            }
        }

        $crate::__private::export_buffer! { $class }
    };
}

/// The part of [`export!`](crate::export!) that depends on the build.
#[cfg(any(not(Py_LIMITED_API), Py_3_11))]
#[doc(hidden)]
#[macro_export]
macro_rules! __export_buffer {
    ($class:ty) => {
        // The code that PyO3 generates calls the two without an `unsafe` block.
        #[allow(unsafe_op_in_unsafe_fn)]
        const _: () = {
            #[::pyo3::pymethods]
            impl $class {
                unsafe fn __getbuffer__(
                    slf: &::pyo3::Bound<'_, Self>,
                    view: *mut ::pyo3::ffi::Py_buffer,
                    flags: ::core::ffi::c_int,
                ) -> ::pyo3::PyResult<()> {
                    // SAFETY: Python calls this to fill `view`.
                    unsafe { $crate::__private::get_buffer(slf, view, flags) }
                }

                // What is lent is released by the object that lends it. But without this, NumPy's `frombuffer` gives a buffer back at once,
                // and goes on with its memory.
                unsafe fn __releasebuffer__(
                    _slf: &::pyo3::Bound<'_, Self>,
                    _view: *mut ::pyo3::ffi::Py_buffer,
                ) {
                }
            }
        };
    };
}

/// The part of [`export!`](crate::export!) that depends on the build.
#[cfg(not(any(not(Py_LIMITED_API), Py_3_11)))]
#[doc(hidden)]
#[macro_export]
macro_rules! __export_buffer {
    ($class:ty) => {};
}
