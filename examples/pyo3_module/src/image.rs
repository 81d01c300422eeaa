//! A class whose objects any library can import.

use dlpack_pyo3::dlpack::{Exporter, OpaqueTensor};
use dlpack_pyo3::{Export, PyOwner, to_py_err};
use pyo3::exceptions::{PyMemoryError, PyValueError};
use pyo3::prelude::*;

/// A grey image. `np.from_dlpack(image)` and the like share its pixels without a copy.
#[pyclass(frozen)]
pub(crate) struct Image {
    pixels: Vec<u8>,
    #[pyo3(get)]
    height: usize,
    #[pyo3(get)]
    width: usize,
}

#[pymethods]
impl Image {
    /// Makes an image that gets brighter from left to right.
    #[new]
    fn new(height: usize, width: usize) -> PyResult<Self> {
        let Some(brightest) = width.checked_sub(1).filter(|&last| last > 0) else {
            return Err(PyValueError::new_err("expected a width of 2 or more"));
        };
        // The sizes come from Python. `vec!` and `collect` would end the process if there is no memory of such a size.
        let mut pixels = Vec::new();
        let count = height.saturating_mul(width);
        if pixels.try_reserve_exact(count).is_err() {
            return Err(PyMemoryError::new_err(format!("expected memory for {count} pixels")));
        }
        for _ in 0..height {
            let row = (0..width).map(|x| u8::try_from(x * 255 / brightest).unwrap_or(u8::MAX));
            pixels.extend(row);
        }
        Ok(Self { pixels, height, width })
    }
}

impl Export for Image {
    /// Exports the pixels where they are. The tensor keeps the object alive, which is their owner.
    fn tensor(slf: &Bound<'_, Self>) -> PyResult<OpaqueTensor> {
        let &Self { height, width, .. } = slf.get();
        let pixels = Exporter::of(PyOwner::from(slf.clone()), |image| &image.get().pixels);
        pixels.shape(&[height, width]).into_opaque().map_err(to_py_err)
    }
}

// Gives the class `__dlpack__`, `__dlpack_device__`, the exchange table and the buffer protocol.
dlpack_pyo3::export!(Image);
