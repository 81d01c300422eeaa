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
