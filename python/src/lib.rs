//! The extension of the Python package `dlpack`.
//!
//! | Module | Its job |
//! |---|---|
//! | `tensor` | the class `Tensor`: what it holds, and how it answers consumers |
//! | `kept` | how it is dropped: tensors may keep each other alive, in any number |
//! | `attributes`, `indexing`, `layout`, `values`, `scalar`, `interfaces` | what Python sees of it |
//! | `source` | `asdlpack` and `from_dlpack`: the routes from an object to a tensor |
//! | `pointer` | `from_pointer` |
//! | `adapt` | what `dlpack.adapt` and `dlpack.explain`, which are written in Python, need of the structs |
//! | `memory` | memory that numbers describe, as a tensor: the only place that makes one of an address |
//! | `arguments`, `typestr` | devices and dtypes as Python writes them |
//! | `errors` | the exceptions of the package |
//!
//! Messages that need a look at the object are made in Python, in `dlpack/_refusals.py`: they cost nothing until an import
//! fails.

mod adapt;
mod arguments;
mod attributes;
mod errors;
mod indexing;
mod interfaces;
mod kept;
mod layout;
mod memory;
mod pointer;
mod scalar;
mod source;
mod tensor;
mod typestr;
mod values;

use pyo3::prelude::*;

/// What `dlpack/__init__.py` gives to the world.
#[pymodule]
mod _core {
    use pyo3::exceptions::PyImportError;
    use pyo3::ffi;
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::adapt::{adapted, look, look_by_table};
    #[pymodule_export]
    use super::pointer::from_pointer;
    #[pymodule_export]
    use super::source::{asdlpack, from_dlpack};
    #[pymodule_export]
    use super::tensor::Tensor;

    /// Refuses to be imported into another interpreter than the main one.
    ///
    /// Deleters attach threads by `PyGILState_Ensure`, which knows the main interpreter only: a thread of another one would wait
    /// for itself. Before 3.12, PyO3 does not notice a second import.
    #[pyfunction]
    fn refuse_other_interpreters() -> PyResult<()> {
        // SAFETY: PyO3 calls this on an attached thread.
        match unsafe { ffi::PyInterpreterState_GetID(ffi::PyInterpreterState_Get()) } {
            0 => Ok(()),
            _ => Err(PyImportError::new_err(
                "dlpack cannot be imported into a sub-interpreter: import it in the main one",
            )),
        }
    }

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        // Also where this is the first interpreter to import it, so that no class of it stays.
        refuse_other_interpreters()?;
        super::errors::find(module.py())?;
        module.add("CopyError", super::errors::copy_error(module.py())?)?;
        module.add("ROUTES", super::source::Route::names(module.py())?)?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
