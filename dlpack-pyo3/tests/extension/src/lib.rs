//! The extension of the tests: each function shows one thing of `dlpack-pyo3` to Python.

mod describe;
mod life;
mod memory;
mod own;
mod own_device;
mod stream;

use pyo3::prelude::*;

#[pymodule]
mod dlpack_pyo3_tests {
    #[pymodule_export]
    use super::describe::describe;
    #[pymodule_export]
    use super::life::{Holder, keeping, sloppy};
    #[pymodule_export]
    use super::memory::{live, make};
    #[pymodule_export]
    use super::own::{Own, OwnShared};
    #[pymodule_export]
    use super::own_device::OwnDevice;
    #[pymodule_export]
    use super::stream::stream;
}
