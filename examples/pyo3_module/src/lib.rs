//! An extension whose functions take and return tensors of any library, with a class that exports one.
//!
//! To build it and try it with NumPy or any other library that supports DLPack:
//!
//! ```sh
//! python -m venv .venv
//! . .venv/bin/activate
//! pip install maturin numpy pytest
//! maturin develop
//! pytest
//! ```

mod image;
mod nbytes;
mod normalize;
mod total;

use pyo3::prelude::*;

/// The module that Python imports.
#[pymodule]
mod pyo3_module {
    #[pymodule_export]
    use super::image::Image;
    #[pymodule_export]
    use super::nbytes::nbytes;
    #[pymodule_export]
    use super::normalize::normalize;
    #[pymodule_export]
    use super::total::total;
}
