//! Into Rust: a tensor of CUDA memory as cudarc takes it.

use core::fmt;
use core::mem::ManuallyDrop;
use std::sync::Arc;

use cudarc::driver::{CudaSlice, CudaStream, CudaView, CudaViewMut, result};
use dlpack::{Access, AnyManagedTensor, Element};

use crate::Error;
use crate::current::Current;
use crate::device::device;

/// A tensor of CUDA memory, as memory that cudarc's copies and kernels take.
///
/// Nothing is copied. When it is dropped, it waits for the work on its stream, and calls the deleter.
///
/// # Examples
///
/// ```no_run
/// use cudarc::driver::CudaContext;
/// use dlpack_cudarc::{Borrowed, Lent};
///
/// let stream = CudaContext::new(0)?.default_stream();
/// # let slice = stream.clone_htod(&[1.0_f32, 2.0, 3.0])?;
/// # let tensor = Lent::new(slice).exporter().build()?;
/// // `tensor` came in from another library, which has made it ready on that stream.
/// // SAFETY: the producer keeps to the standard, and nobody writes the elements.
/// let borrowed = unsafe { Borrowed::<f32>::new(tensor, &stream) }?;
/// assert_eq!(stream.clone_dtoh(&borrowed.view()?)?, [1.0, 2.0, 3.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the deleter is called when it is dropped"]
pub struct Borrowed<T> {
    /// # Invariants
    ///
    /// 1. All bytes from the first to the last element of the tensor, as elements, or nothing.
    /// 2. Never dropped, since the memory is not cudarc's; leaked once.
    /// 3. Lives no longer than `tensor`.
    slice: ManuallyDrop<CudaSlice<T>>,
    /// Where in the slice the first element is.
    first: usize,
    tensor: ManuallyDrop<AnyManagedTensor>,
}

/// A tensor that could not be used, and the reason.
#[derive(Debug)]
pub struct Refused {
    /// The reason.
    pub error: Error,
    /// The tensor, as it was.
    pub tensor: AnyManagedTensor,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl core::error::Error for Refused {}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        refused.error
    }
}

/// Where the memory of a tensor is.
struct Place {
    /// Of the first byte that an element has.
    address: u64,
    /// In elements.
    len: usize,
    /// In elements.
    first: usize,
}

impl<T: Element> Borrowed<T> {
    /// Makes a tensor usable on a stream.
    ///
    /// # Errors
    ///
    /// Hands the tensor back, with
    ///
    /// - [`dlpack::Error::DeviceMismatch`] if it is not of the stream's device,
    /// - [`dlpack::Error::DTypeMismatch`] if its elements are not `T`,
    /// - [`dlpack::Error::NullData`], [`dlpack::Error::AddressOverflow`] or [`dlpack::Error::Misaligned`] if no
    ///   elements can be there,
    /// - [`Error::Driver`] if the driver has failed before.
    ///
    /// # Panics
    ///
    /// If the driver cannot make an event, as cudarc does. The deleter is called then, too.
    ///
    /// # Safety
    ///
    /// - The memory from the first to the last element is CUDA memory of the device that the tensor names, until its
    ///   deleter is called.
    /// - `stream` comes after the work that writes the elements; see [`wait_for`](crate::wait_for).
    /// - Until this value is dropped nobody else writes the elements, and nobody else reads them while they are written
    ///   through [`view_mut`](Self::view_mut).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use cudarc::driver::CudaContext;
    /// use dlpack::Error;
    /// use dlpack_cudarc::{Borrowed, Lent};
    ///
    /// let stream = CudaContext::new(0)?.default_stream();
    /// let tensor = Lent::new(stream.alloc_zeros::<f32>(6)?).exporter().build()?;
    /// // SAFETY: memory of this device, which nobody writes.
    /// let refused = unsafe { Borrowed::<f64>::new(tensor, &stream) }.unwrap_err();
    /// assert!(matches!(refused.error, dlpack_cudarc::Error::DLPack(Error::DTypeMismatch { .. })));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub unsafe fn new(
        tensor: impl Into<AnyManagedTensor>,
        stream: &Arc<CudaStream>,
    ) -> Result<Self, Refused> {
        let tensor = tensor.into();
        let place = match check::<T>(&tensor, stream) {
            Ok(place) => place,
            Err(error) => return Err(Refused { error, tensor }),
        };
        // SAFETY: the caller's promise, for the bytes that were found; a `T` may have any bits.
        let slice = unsafe { stream.upgrade_device_ptr::<T>(place.address, place.len) };
        let slice = ManuallyDrop::new(slice);
        Ok(Self { slice, first: place.first, tensor: ManuallyDrop::new(tensor) })
    }

    /// The elements, for reading.
    ///
    /// # Errors
    ///
    /// [`dlpack::Error::NotContiguous`] if they are not in row-major order; see [`span`](Self::span).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use cudarc::driver::CudaContext;
    /// # use dlpack_cudarc::{Borrowed, Lent};
    /// # let stream = CudaContext::new(0)?.default_stream();
    /// # let tensor = Lent::new(stream.alloc_zeros::<f32>(6)?).exporter().build()?;
    /// # // SAFETY: memory of this device, which nobody writes.
    /// # let borrowed = unsafe { Borrowed::<f32>::new(tensor, &stream) }?;
    /// assert_eq!(borrowed.view()?.len(), 6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn view(&self) -> Result<CudaView<'_, T>, Error> {
        self.check_contiguous()?;
        Ok(self.slice.as_view())
    }

    /// The elements, for reading and writing.
    ///
    /// # Errors
    ///
    /// [`dlpack::Error::NotContiguous`] if they are not in row-major order, [`dlpack::Error::ReadOnly`] if they must not
    /// be written, and [`dlpack::Error::WritabilityUnknown`] if nothing says whether they may; see
    /// [`assume_writable`](dlpack::Managed::assume_writable).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use cudarc::driver::CudaContext;
    /// # use dlpack_cudarc::{Borrowed, Lent};
    /// # let stream = CudaContext::new(0)?.default_stream();
    /// # let tensor = Lent::new(stream.alloc_zeros::<f32>(6)?).exporter().build()?;
    /// # // SAFETY: memory of this device, which nobody else uses.
    /// # let mut borrowed = unsafe { Borrowed::<f32>::new(tensor, &stream) }?;
    /// stream.memcpy_htod(&[2.0; 6], &mut borrowed.view_mut()?)?;
    /// assert_eq!(stream.clone_dtoh(&borrowed.view()?)?, [2.0; 6]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn view_mut(&mut self) -> Result<CudaViewMut<'_, T>, Error> {
        self.check_contiguous()?;
        match self.tensor.access() {
            Access::Writable => Ok(self.slice.as_view_mut()),
            Access::ReadOnly => Err(dlpack::Error::ReadOnly.into()),
            _ => Err(dlpack::Error::WritabilityUnknown.into()),
        }
    }

    /// All memory from the first to the last byte of the elements, and where in it the element of index zero is, counted
    /// in elements. For kernels that take strides.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use cudarc::driver::CudaContext;
    /// # use dlpack_cudarc::{Borrowed, Lent};
    /// # let stream = CudaContext::new(0)?.default_stream();
    /// # let slice = stream.alloc_zeros::<f32>(6)?;
    /// let column = Lent::new(slice).exporter().shape(&[2]).strides(&[-3]).offset(4).build()?;
    /// // SAFETY: memory of this device, which nobody writes.
    /// let borrowed = unsafe { Borrowed::<f32>::new(column, &stream) }?;
    /// let (memory, first) = borrowed.span();
    /// assert_eq!((memory.len(), first), (4, 3));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn span(&self) -> (CudaView<'_, T>, usize) {
        (self.slice.as_view(), self.first)
    }

    fn check_contiguous(&self) -> Result<(), Error> {
        if self.tensor.is_contiguous() { Ok(()) } else { Err(dlpack::Error::NotContiguous.into()) }
    }
}

impl<T> Borrowed<T> {
    /// The tensor: shape, strides, dtype, device, flags.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use cudarc::driver::CudaContext;
    /// # use dlpack_cudarc::{Borrowed, Lent};
    /// # let stream = CudaContext::new(0)?.default_stream();
    /// # let tensor = Lent::new(stream.alloc_zeros::<f32>(6)?).exporter().shape(&[2, 3]).build()?;
    /// # // SAFETY: memory of this device, which nobody writes.
    /// # let borrowed = unsafe { Borrowed::<f32>::new(tensor, &stream) }?;
    /// assert_eq!(borrowed.tensor().shape(), [2, 3]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn tensor(&self) -> &AnyManagedTensor {
        &self.tensor
    }

    /// Waits for the work on the stream, and returns the tensor.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use cudarc::driver::CudaContext;
    /// # use dlpack_cudarc::{Borrowed, Lent};
    /// # let stream = CudaContext::new(0)?.default_stream();
    /// # let tensor = Lent::new(stream.alloc_zeros::<f32>(6)?).exporter().build()?;
    /// # // SAFETY: memory of this device, which nobody writes.
    /// # let borrowed = unsafe { Borrowed::<f32>::new(tensor, &stream) }?;
    /// assert_eq!(borrowed.into_tensor().shape(), [6]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn into_tensor(self) -> AnyManagedTensor {
        let mut this = ManuallyDrop::new(self);
        this.finish();
        // SAFETY: neither this nor the drop of `self` comes again.
        unsafe { ManuallyDrop::take(&mut this.tensor) }
    }

    /// Waits for the work on the memory, and parts with cudarc's idea of it. To be called once.
    fn finish(&mut self) {
        let stream = Arc::clone(self.slice.stream());
        let context = stream.context();
        let _current = Current::enter(context);
        // SAFETY: called once, as invariant 2 says.
        let slice = unsafe { ManuallyDrop::take(&mut self.slice) };
        // Makes the stream wait for what other streams do with the slice, which it keeps account of.
        slice.leak();
        let waits = context.check_err();
        // SAFETY: the stream is live.
        let done = unsafe { result::stream::synchronize(stream.cu_stream()) };
        if waits.is_err() {
            // Then the processor waits for all streams: the memory must not go while somebody works on it.
            context.record_err(result::ctx::synchronize());
        }
        context.record_err(done);
    }
}

impl<T> Drop for Borrowed<T> {
    fn drop(&mut self) {
        self.finish();
        // SAFETY: the only drop of the tensor.
        unsafe { ManuallyDrop::drop(&mut self.tensor) };
    }
}

impl<T> fmt::Debug for Borrowed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Borrowed").field("tensor", &self.tensor).finish_non_exhaustive()
    }
}

/// Says where the memory is, if the tensor is one of `T` on the stream's device.
fn check<T: Element>(tensor: &AnyManagedTensor, stream: &CudaStream) -> Result<Place, Error> {
    let context = stream.context();
    let (expected, found) = (device(context), tensor.device());
    if found != expected {
        return Err(dlpack::Error::DeviceMismatch { expected, found }.into());
    }
    if tensor.dtype() != T::DTYPE {
        let (expected, found) = (T::DTYPE, tensor.dtype());
        return Err(dlpack::Error::DTypeMismatch { expected, found }.into());
    }
    context.bind_to_thread()?;
    if tensor.is_empty() {
        return Ok(Place { address: 0, len: 0, first: 0 });
    }
    if tensor.data().is_null() {
        return Err(dlpack::Error::NullData.into());
    }
    place::<T>(tensor).map_err(Error::from)
}

fn place<T: Element>(tensor: &AnyManagedTensor) -> Result<Place, dlpack::Error> {
    let overflow = dlpack::Error::AddressOverflow;
    let extents = tensor.layout().byte_extents();
    let offset = usize::try_from(tensor.byte_offset()).map_err(|_| overflow)?;
    let zero = tensor.data().addr().checked_add(offset).ok_or(overflow)?;
    let low = zero.checked_add_signed(extents.start).ok_or(overflow)?;
    let high = zero.checked_add_signed(extents.end).ok_or(overflow)?;
    if zero % align_of::<T>() != 0 {
        return Err(dlpack::Error::Misaligned { required: align_of::<T>() });
    }
    let address = u64::try_from(low).map_err(|_| overflow)?;
    let (len, first) = ((high - low) / size_of::<T>(), (zero - low) / size_of::<T>());
    Ok(Place { address, len, first })
}
