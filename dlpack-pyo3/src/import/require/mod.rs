//! What a function requires of a tensor besides its dtype.

mod access;
mod device;
mod order;
mod rank;

pub use access::Writable;
pub use device::{OnCuda, OnHost};
use dlpack::Descriptor;
pub use order::{ColumnMajor, Dense, RowMajor};
use pyo3::PyResult;
pub use rank::Rank;

/// A condition that a tensor must meet before a function gets it.
///
/// The second parameter of [`PyTensor`](crate::PyTensor) is one of these, or a tuple of several, which are checked from left
/// to right.
///
/// # Examples
///
/// A requirement of your own:
///
/// ```
/// use dlpack_pyo3::dlpack::Descriptor;
/// use dlpack_pyo3::{OnHost, PyTensor, Rank, Requirement};
/// use pyo3::exceptions::PyValueError;
/// use pyo3::prelude::*;
///
/// /// As many rows as columns.
/// struct Square;
///
/// impl Requirement for Square {
///     fn check(tensor: &Descriptor) -> PyResult<()> {
///         match tensor.shape() {
///             [rows, columns] if rows == columns => Ok(()),
///             shape => Err(PyValueError::new_err(format!("expected a square, found {shape:?}"))),
///         }
///     }
/// }
///
/// #[pyfunction]
/// fn determinant(matrix: PyTensor<f64, (Square, OnHost)>) -> f64 {
///     # todo!("{:?}", matrix)
///     // ...
/// }
///
/// # use dlpack_pyo3::dlpack::Exporter;
/// let flat = Exporter::new([0.0; 6]).shape(&[2, 3]).build()?;
/// assert!(Square::check(&flat).is_err());
/// # Ok::<(), dlpack_pyo3::dlpack::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a requirement of a `PyTensor`",
    label = "expected a type such as `Rank<2>`, `RowMajor`, `OnHost` or `Writable`, or a tuple of up to six",
    note = "the number of dimensions is `Rank<N>`, and the type of the elements is the first parameter: `PyTensor<f32, Rank<2>>`",
    note = "a type of one's own can implement `Requirement`"
)]
pub trait Requirement: 'static {
    /// Checks the tensor.
    ///
    /// # Errors
    ///
    /// The exception that the caller in Python gets: by convention a `TypeError` for a wrong dtype, a `ValueError` for a wrong
    /// shape or order, and a `BufferError` for memory that cannot be used in the required way.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack_pyo3::dlpack::Exporter;
    /// use dlpack_pyo3::{Rank, Requirement, RowMajor};
    ///
    /// let matrix = Exporter::new([0_u8; 6]).shape(&[2, 3]).build()?;
    /// assert!(<(Rank<2>, RowMajor)>::check(&matrix).is_ok());
    /// # Ok::<(), dlpack_pyo3::dlpack::Error>(())
    /// ```
    fn check(tensor: &Descriptor) -> PyResult<()>;
}

/// Implements the trait for tuples.
macro_rules! all_of {
    ($($item:ident)*) => {
        impl<$($item: Requirement),*> Requirement for ($($item,)*) {
            #[inline]
            fn check(_tensor: &Descriptor) -> PyResult<()> {
                $($item::check(_tensor)?;)*
                Ok(())
            }
        }
    };
}

all_of!();
all_of!(A);
all_of!(A B);
all_of!(A B C);
all_of!(A B C D);
all_of!(A B C D E);
all_of!(A B C D E F);
