//! The macro that gives a class the methods of the protocol, and what its code calls.

/// Gives a class that implements [`Export`](trait@crate::Export) the methods by which libraries import it.
///
/// Call it once for each class, beside the class's own `#[pymethods]`, which must not have the methods that are made here:
///
/// - `__dlpack__(*, stream=None, max_version=None, dl_device=None, copy=None)`, which answers with a new capsule by the rules
///   of the array API standard;
/// - `__dlpack_device__()`, which says where the memory is.
///
/// The crate that calls it depends on `pyo3` by that name.
///
/// # Examples
///
/// ```
/// use dlpack_pyo3::dlpack::{Exporter, ManagedTensorVersioned};
/// use dlpack_pyo3::{Export, to_py_err};
/// use pyo3::prelude::*;
///
/// #[pyclass(frozen)]
/// struct Zeros {
///     count: usize,
/// }
///
/// impl Export for Zeros {
///     fn tensor(slf: &Bound<'_, Self>) -> PyResult<ManagedTensorVersioned> {
///         let zeros = vec![0_u8; slf.get().count];
///         Ok(Exporter::new(zeros).build().map_err(to_py_err)?.into_inner())
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
    };
}
