//! The macro that gives a class the methods of the protocol, and what its code calls.

/// Gives a class that implements [`Export`](trait@crate::Export) the methods by which libraries import it.
///
/// Call it once for each class, beside the class's own `#[pymethods]`, which must not have the methods that are made here:
///
/// - `__dlpack__(*, stream=None, max_version=None, dl_device=None, copy=None)`, which answers with a new capsule by the rules
///   of the array API standard;
/// - `__dlpack_device__()`, which says where the memory is;
/// - `__dlpack_c_exchange_api__`, a table of C functions by which libraries such as PyTorch and TVM FFI exchange the objects
///   at the cost of an allocation; what others make of it is a [`Tensor`](crate::Tensor);
/// - the buffer protocol, for `memoryview` and libraries that know no DLPack, over main memory and for the dtypes that
///   buffers have a format for. With `abi3` it takes Python 3.11 to build for.
///
/// The crate that calls it depends on `pyo3` by that name.
///
/// # Examples
///
/// ```
/// use dlpack_pyo3::dlpack::{Exporter, Parcel};
/// use dlpack_pyo3::{Export, to_py_err};
/// use pyo3::prelude::*;
///
/// #[pyclass(frozen)]
/// struct Zeros {
///     count: usize,
/// }
///
/// impl Export for Zeros {
///     fn tensor(slf: &Bound<'_, Self>) -> PyResult<Parcel> {
///         let zeros = vec![0_u8; slf.get().count];
///         Exporter::new(zeros).into_parcel().map_err(to_py_err)
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
        }

        $crate::__private::export_buffer! { $class }
    };
}

/// The part of [`export!`](crate::export!) that not every build has.
#[cfg(any(not(Py_LIMITED_API), Py_3_11))]
#[doc(hidden)]
#[macro_export]
macro_rules! __export_buffer {
    ($class:ty) => {
        // PyO3 calls the two without a block of its own.
        #[allow(unsafe_op_in_unsafe_fn)]
        const _: () = {
            #[::pyo3::pymethods]
            impl $class {
                unsafe fn __getbuffer__(
                    slf: &::pyo3::Bound<'_, Self>,
                    view: *mut ::pyo3::ffi::Py_buffer,
                    flags: ::core::ffi::c_int,
                ) -> ::pyo3::PyResult<()> {
                    // SAFETY: Python calls this.
                    unsafe { $crate::__private::get_buffer(slf, view, flags) }
                }

                unsafe fn __releasebuffer__(
                    _slf: &::pyo3::Bound<'_, Self>,
                    view: *mut ::pyo3::ffi::Py_buffer,
                ) {
                    // SAFETY: Python calls this, with a buffer of the method above.
                    unsafe { $crate::__private::release_buffer(view) }
                }
            }
        };
    };
}

/// The part of [`export!`](crate::export!) that not every build has.
#[cfg(not(any(not(Py_LIMITED_API), Py_3_11)))]
#[doc(hidden)]
#[macro_export]
macro_rules! __export_buffer {
    ($class:ty) => {};
}
