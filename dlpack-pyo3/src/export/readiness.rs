//! When the elements of a [`Tensor`](super::Tensor) are written.

use alloc::boxed::Box;

use dlpack::negotiate::Producer;
use dlpack::{Device, Error};
use pyo3::PyErr;
use pyo3::exceptions::PyBufferError;

use crate::import::Text;
use crate::protocol::NamedStream;
use crate::raw::{End, Undisturbed};

/// When the elements are written.
pub(super) enum Readiness {
    /// Now, if they are in main memory. If they are on a device, nobody knows.
    Unknown,
    /// When later work on this stream runs.
    On(NamedStream),
    /// When this producer, which is asked for everything, has synchronized.
    Producer(Undisturbed<Box<dyn Producer<Error = Error> + Send + Sync>>),
}

// Memory of Rust.
impl End for Box<dyn Producer<Error = Error> + Send + Sync> {}

/// Says why nobody can make the consumer's stream wait.
#[cold]
pub(super) fn refuse_stream(device: Device, readiness: &Readiness) -> PyErr {
    let error = Error::StreamUnsupported { device };
    let hint = match readiness {
        Readiness::On(_) => {
            "the tensor is ready on another stream; Tensor::from_producer makes one that can wait"
        }
        _ => {
            "Tensor::ready_on says on which stream the tensor is ready, Tensor::from_producer makes one that can wait"
        }
    };
    PyBufferError::new_err(Text(format!("{error} ({hint})")))
}

#[cold]
pub(super) fn refuse_to_lend() -> PyErr {
    PyBufferError::new_err(Text("expected a tensor that can be lent, found one of a producer"))
}
