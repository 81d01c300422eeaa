//! The extension that the tests in Python use: each function makes one part of `dlpack-pyo3` callable.

extern crate alloc;

mod describe;
mod held;
mod life;
mod like;
mod memory;
mod ordered;
mod own;
#[cfg(not(feature = "abi3"))]
mod own_buffer;
mod own_device;
mod paddle;
mod panics;
mod stream;
mod typed;

use pyo3::prelude::*;

#[pymodule]
mod dlpack_pyo3_tests {
    /// `true` if the extension is built for the limited API.
    #[pymodule_export]
    const LIMITED_API: bool = cfg!(any(feature = "abi3", feature = "abi3-py311"));
    /// `true` if the API for which it is built has buffers.
    #[pymodule_export]
    const BUFFERS: bool = cfg!(not(feature = "abi3"));

    #[pymodule_export]
    use super::describe::{borrow, borrowed_sum, describe, describe_managed};
    #[pymodule_export]
    use super::held::{Held, hold, keep, relay, to_bytes};
    #[pymodule_export]
    use super::life::{Holder, Traversed, keeping, passed, sloppy};
    #[pymodule_export]
    use super::like::like;
    #[pymodule_export]
    use super::memory::{fresh, from_vec, live, make};
    #[pymodule_export]
    use super::ordered::{ordered, ordered_tensor};
    #[pymodule_export]
    use super::own::{Own, OwnNothing, OwnShared, produced, refusing};
    #[cfg(not(any(feature = "abi3", feature = "abi3-py311")))]
    #[pymodule_export]
    use super::own_buffer::static_buffer;
    #[cfg(not(feature = "abi3"))]
    #[pymodule_export]
    use super::own_buffer::{OwnBuffer, OwnBytes, OwnExtending};
    #[pymodule_export]
    use super::own_device::{OwnDevice, OwnPinned, on_device};
    #[pymodule_export]
    use super::paddle::PaddleBase;
    #[pymodule_export]
    use super::panics::Panics;
    #[pymodule_export]
    use super::stream::stream;
    #[pymodule_export]
    use super::typed::{
        body, cells_by_index, debugged, strict, typed_cells, typed_f32, typed_list,
        typed_list_on_cpu, typed_matrix, typed_means, typed_writable, unsynchronized,
    };
}
