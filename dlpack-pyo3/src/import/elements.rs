//! What a tensor's elements are to be.

use dlpack::{DataType, Element};

/// Stands for elements of any dtype: `PyTensor<Any>` is a tensor whose dtype is looked at later.
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

/// The elements that a [`PyTensor`](crate::PyTensor) has: those of one type, or [`Any`].
///
/// Implemented for every [`Element`], and so for types of one's own that are one.
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
    /// The dtype that a tensor must have, if it must have one.
    const DTYPE: Option<DataType>;
}

impl Elements for Any {
    const DTYPE: Option<DataType> = None;
}

impl<T: Element> Elements for T {
    const DTYPE: Option<DataType> = Some(T::DTYPE);
}
