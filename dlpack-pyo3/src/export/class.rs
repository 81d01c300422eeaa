//! The macro that gives a class the methods of the protocol, and what its code calls.

use dlpack::Device;
use pyo3::types::PyAny;
use pyo3::{Bound, PyResult};

use super::respond;
use super::source::Export;
use crate::import::{attached, object, to_err};
use crate::protocol::Keywords;

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
            /// Exports the tensor as a capsule.
            #[pyo3(signature = (*, stream=None, max_version=None, dl_device=None, copy=None))]
            fn __dlpack__<'py>(
                slf: &::pyo3::Bound<'py, Self>,
                stream: ::core::option::Option<&::pyo3::Bound<'py, ::pyo3::PyAny>>,
                max_version: ::core::option::Option<&::pyo3::Bound<'py, ::pyo3::PyAny>>,
                dl_device: ::core::option::Option<&::pyo3::Bound<'py, ::pyo3::PyAny>>,
                copy: ::core::option::Option<&::pyo3::Bound<'py, ::pyo3::PyAny>>,
            ) -> ::pyo3::PyResult<::pyo3::Bound<'py, ::pyo3::PyAny>> {
                $crate::__private::dlpack(slf, [stream, max_version, dl_device, copy])
            }

            /// The type of the device and its number.
            fn __dlpack_device__(slf: &::pyo3::Bound<'_, Self>) -> (i32, i32) {
                $crate::__private::dlpack_device(slf)
            }
        }
    };
}

/// `__dlpack__` with the values of its keywords, in the order of the signature.
pub fn dlpack<'py, T: Export>(
    slf: &Bound<'py, T>,
    keywords: [Option<&Bound<'py, PyAny>>; 4],
) -> PyResult<Bound<'py, PyAny>> {
    let py = slf.py();
    let [stream, max_version, dl_device, copy] =
        keywords.map(|value| value.map(|value| object(value.as_borrowed())));
    let keywords = Keywords { stream, max_version, dl_device, copy };
    let answer = keywords
        .request(attached(py), || T::device(slf))
        .and_then(|request| respond::dlpack(slf, &request));
    match answer {
        // SAFETY: a reference that is passed on.
        Ok(capsule) => Ok(unsafe { Bound::from_owned_ptr(py, capsule.into_ptr()) }),
        Err(raised) => Err(to_err(py, raised)),
    }
}

/// `__dlpack_device__`.
pub fn dlpack_device<T: Export>(slf: &Bound<'_, T>) -> (i32, i32) {
    let Device { device_type, device_id } = T::device(slf).canonical();
    (device_type.code(), device_id)
}
