//! The owner of a tensor that came in.

use core::fmt;
use core::ops::Deref;

use dlpack::{AnyManagedTensor, Descriptor};
use pyo3::{Borrowed, FromPyObject, PyAny, PyErr, PyResult};

use super::bridge;
use crate::roads::{self, Road};

/// A tensor that came in from Python, of any library that speaks DLPack.
pub struct PyTensor {
    tensor: AnyManagedTensor,
    road: Road,
}

impl PyTensor {
    fn take(object: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        let py = object.py();
        let taken = roads::take(bridge::object(object));
        let (tensor, road) = taken.map_err(|raised| bridge::to_err(py, raised))?;
        Ok(Self { tensor, road })
    }

    /// By which road the tensor came, as a word for tests and logs.
    pub fn road(&self) -> &'static str {
        match self.road {
            Road::Capsule => "capsule",
            Road::Protocol => "protocol",
        }
    }
}

impl<'py> FromPyObject<'_, 'py> for PyTensor {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        Self::take(object)
    }
}

impl Deref for PyTensor {
    type Target = Descriptor;

    fn deref(&self) -> &Descriptor {
        &self.tensor
    }
}

impl fmt::Debug for PyTensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
