//! Memory of one's own extension as a tensor. What calls a deleter is in `dlpack/_pointer.py`.

use dlpack_pyo3::PyOwner;
use dlpack_pyo3::dlpack::DeviceType;
use dlpack_pyo3::stream_from;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use crate::arguments::{device, dtype, sizes};
use crate::errors::TypeError;
use crate::memory::Memory;
use crate::tensor::{Origin, Tensor};

/// The part of `dlpack.from_pointer` that makes the tensor, whose deleter drops the owner. If it fails, the owner is dropped, too.
#[pyfunction]
#[pyo3(
    signature = (address, shape, dtype, strides=None, *, device, owner=None, readonly=false, stream=None),
)]
#[expect(clippy::too_many_arguments, reason = "each is one of Python's")]
pub(crate) fn from_pointer(
    address: &Bound<'_, PyAny>,
    shape: &Bound<'_, PyAny>,
    dtype: &Bound<'_, PyAny>,
    strides: Option<&Bound<'_, PyAny>>,
    device: &Bound<'_, PyAny>,
    owner: Option<Bound<'_, PyAny>>,
    readonly: bool,
    stream: Option<&Bound<'_, PyAny>>,
) -> PyResult<Tensor> {
    let py = address.py();
    let address: usize = address.extract().map_err(|error: PyErr| {
        if !error.is_instance_of::<PyTypeError>(py) {
            return error;
        }
        TypeError::new_err(
            "expected an address as an int: ctypes.addressof(x), or int(ffi.cast(\"uintptr_t\", x)) with cffi",
        )
    })?;
    let memory = Memory {
        address,
        dtype: self::dtype(dtype)?,
        shape: sizes(shape)?,
        strides: strides.map(sizes).transpose()?,
        device: self::device(device)?.canonical(),
        is_read_only: readonly,
    };
    let device = memory.device;
    let origin = match stream {
        _ if device.device_type == DeviceType::CPU => {
            stream.map(|stream| stream_from(stream, device)).transpose()?;
            Origin::Ready
        }
        None => Origin::Ready,
        Some(stream) => {
            Origin::on(py, device, stream_from(stream, device)?.on(device.device_type))?
        }
    };
    // The object of a stream may end the stream when it ends.
    let stream = stream.filter(|_| matches!(origin, Origin::On(_))).cloned().map(PyOwner::from);
    // An array of NumPy to which there is one other reference only, that of who calls its method `resize`, frees its memory.
    let owners = owner.map(|owner| [PyOwner::from(owner.clone()), PyOwner::from(owner)]);
    // SAFETY: the caller says so, in the words of Python: the documentation of `dlpack.from_pointer` asks for it.
    let tensor = unsafe { memory.into_tensor((owners, stream)) }?;
    Ok(Tensor::new(tensor, origin))
}
