//! The element type of a [`PyTensor`](crate::PyTensor).

use dlpack::{DataType, Element};

/// Elements of any dtype: the dtype of a `PyTensor<Any>` is checked later.
///
/// # Examples
///
/// ```
/// use dlpack_pyo3::{Any, Elements};
///
/// assert_eq!(Any::DTYPE, None);
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Any {}

/// The elements of a [`PyTensor`](crate::PyTensor): those of one type, or [`Any`].
///
/// This is implemented for every [`Element`].
///
/// # Examples
///
/// ```
/// use dlpack_pyo3::Elements;
/// use dlpack_pyo3::dlpack::DataType;
///
/// assert_eq!(<f32 as Elements>::DTYPE, Some(DataType::F32));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the element type of a `PyTensor`",
    label = "expected an `Element` such as `f32`, or `Any`",
    note = "`PyTensor<Any>`, or `PyTensor`, takes a tensor of any dtype, and `as_typed` finds out which",
    note = "`dlpack::types::Bool8` stands for `bool`, and `u64` or `i64` for `usize` or `isize`",
    note = "`f16`, `bf16` and complex numbers need the feature `half` or `num-complex` of `dlpack-pyo3`"
)]
pub trait Elements: 'static {
    /// The dtype that a tensor must have, or `None` for any dtype.
    const DTYPE: Option<DataType>;
}

impl Elements for Any {
    const DTYPE: Option<DataType> = None;
}

impl<T: Element> Elements for T {
    const DTYPE: Option<DataType> = Some(T::DTYPE);
}
