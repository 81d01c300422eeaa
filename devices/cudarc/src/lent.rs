//! Out of Rust: a slice of cudarc as the owner of a tensor.

use core::ffi::c_void;
use core::mem::ManuallyDrop;
use core::ptr;
use std::sync::Arc;

use cudarc::driver::{CudaSlice, CudaStream, DevicePtrMut, DriverError, result};
use dlpack::negotiate::Stream;
use dlpack::{Element, Exporter};

use crate::Error;
use crate::current::Current;
use crate::device::device;
use crate::stream::{handle, join};

/// A slice of CUDA memory as the owner of a tensor.
///
/// Wrap a slice, say on which stream the consumer will use it, and export it. When the consumer calls the deleter, on
/// whatever thread and whatever context is current there, the slice is dropped, and the memory freed. For several
/// consumers, [share](dlpack::ManagedTensorVersioned::share) the tensor.
///
/// # Examples
///
/// ```no_run
/// use cudarc::driver::CudaContext;
/// use dlpack::{Device, ManagedTensorVersioned};
/// use dlpack_cudarc::Lent;
///
/// let stream = CudaContext::new(0)?.default_stream();
/// let slice = stream.clone_htod(&[1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0])?;
///
/// let tensor = Lent::new(slice).exporter().shape(&[2, 3]).build()?;
/// assert_eq!(tensor.device(), Device::cuda(0));
/// let raw = tensor.into_raw(); // For the consumer.
/// # // SAFETY: the tensor from above.
/// # let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }?;
/// # let slice = tensor.downcast::<Lent<f32>>().expect("the owner from above").into_slice();
/// # assert_eq!(slice.len(), 6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Lent<T> {
    /// There until `into_slice` or the drop.
    slice: ManuallyDrop<CudaSlice<T>>,
    /// The streams of consumers, which are waited for before the memory is freed.
    users: Vec<Arc<CudaStream>>,
}

impl<T> Lent<T> {
    /// Wraps a slice.
    ///
    /// Nothing waits for anything yet: without [`ready_on`](Self::ready_on) or
    /// [`ready_on_stream`](Self::ready_on_stream) the consumer has to know when the elements are written.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use cudarc::driver::CudaContext;
    /// use dlpack_cudarc::Lent;
    ///
    /// let slice = CudaContext::new(0)?.default_stream().alloc_zeros::<f32>(6)?;
    /// let tensor = Lent::new(slice).exporter().build_legacy()?;
    /// assert_eq!(tensor.shape(), [6]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn new(slice: CudaSlice<T>) -> Self {
        Self { slice: ManuallyDrop::new(slice), users: Vec::new() }
    }

    /// Returns the slice.
    ///
    /// Work of consumers on the streams of [`ready_on`](Self::ready_on) comes before what the slice's own stream does
    /// next.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use cudarc::driver::CudaContext;
    /// use dlpack_cudarc::Lent;
    ///
    /// let slice = CudaContext::new(0)?.default_stream().alloc_zeros::<u8>(3)?;
    /// assert_eq!(Lent::new(slice).into_slice().len(), 3);
    /// # Ok::<(), cudarc::driver::DriverError>(())
    /// ```
    #[must_use]
    pub fn into_slice(self) -> CudaSlice<T> {
        let mut this = ManuallyDrop::new(self);
        let _current = Current::enter(this.slice.context());
        this.wait_for_users();
        // SAFETY: neither this nor the drop of `self` comes again.
        unsafe { ManuallyDrop::take(&mut this.slice) }
    }

    /// Makes the memory ready for a consumer in the same program, from now to the end.
    ///
    /// The stream waits for the work on the slice so far; and when the tensor is deleted, the memory is not freed before
    /// the work that is on the stream then. The processor waits for nothing.
    ///
    /// # Errors
    ///
    /// What the driver says.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use cudarc::driver::CudaContext;
    /// use dlpack_cudarc::Lent;
    ///
    /// let context = CudaContext::new(0)?;
    /// let mut lent = Lent::new(context.default_stream().alloc_zeros::<f32>(6)?);
    /// lent.ready_on(&context.new_stream()?)?;
    /// assert_eq!(lent.exporter().build()?.shape(), [6]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn ready_on(&mut self, stream: &Arc<CudaStream>) -> Result<(), DriverError> {
        self.gather_work()?;
        join(stream, self.slice.stream())?;
        if !self.users.contains(stream) {
            self.users.push(Arc::clone(stream));
        }
        Ok(())
    }

    /// Makes the memory ready for a consumer that names its stream as DLPack's protocols do.
    ///
    /// That stream waits for the work on the slice so far. The processor waits for nothing. A consumer calls the
    /// deleter when its own work is done, or comes before what the slice's stream does next: its stream may have ended
    /// by then, so that this crate cannot wait for it.
    ///
    /// # Errors
    ///
    /// [`dlpack::Error::InvalidStream`] for a number that is no stream of CUDA, and [`Error::Driver`].
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use cudarc::driver::CudaContext;
    /// use dlpack::negotiate::Stream;
    /// use dlpack_cudarc::Lent;
    ///
    /// let mut lent = Lent::new(CudaContext::new(0)?.new_stream()?.alloc_zeros::<f32>(6)?);
    /// lent.ready_on_stream(Stream::NONE)?;
    /// assert_eq!(lent.exporter().build()?.shape(), [6]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn ready_on_stream(&mut self, stream: Stream) -> Result<(), Error> {
        let Some(handle) = handle(stream, self.slice.context())? else { return Ok(()) };
        self.gather_work()?;
        // SAFETY: a stream by the contract of `Stream::from_handle`; the wrapper ends with this call.
        let stream = unsafe { self.slice.context().wrap_borrowed_stream(handle) };
        Ok(join(&stream, self.slice.stream())?)
    }

    /// Makes the slice's own stream wait for reads and writes on others, which cudarc keeps account of.
    fn gather_work(&mut self) -> Result<(), DriverError> {
        let stream = Arc::clone(self.slice.stream());
        let (_, record) = self.slice.device_ptr_mut(&stream);
        drop(record);
        stream.context().check_err()
    }

    /// Makes the slice's own stream wait for those of consumers, and gives them up.
    fn wait_for_users(&mut self) {
        for user in core::mem::take(&mut self.users) {
            let current = Current::enter(user.context());
            if join(self.slice.stream(), &user).is_err() {
                // Then the processor waits: the memory must not go while somebody works on it.
                let _context = Current::enter(user.context());
                // SAFETY: the stream is live.
                let waited = unsafe { result::stream::synchronize(user.cu_stream()) };
                self.slice.context().record_err(waited);
            }
            drop(user);
            drop(current);
        }
    }
}

impl<T: Element> Lent<T> {
    /// Begins an export of the slice, without a copy.
    ///
    /// The tensor is of the device `cuda:n`, where `n` is cudarc's ordinal, and of the dtype of `T`; without a shape it
    /// has one axis with all elements. `into_inner` of what is refused, and
    /// [`downcast`](dlpack::ManagedTensorVersioned::downcast) to `Lent<T>`, give the slice back.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use cudarc::driver::CudaContext;
    /// use dlpack::Error;
    /// use dlpack_cudarc::Lent;
    ///
    /// let slice = CudaContext::new(0)?.default_stream().alloc_zeros::<f32>(6)?;
    /// let refused = Lent::new(slice).exporter().shape(&[7]).build().unwrap_err();
    /// assert!(matches!(refused.error(), Error::OutOfBounds { available: 24, .. }));
    /// assert_eq!(refused.into_inner().into_slice().len(), 6);
    /// # Ok::<(), cudarc::driver::DriverError>(())
    /// ```
    pub fn exporter<'a>(mut self) -> Exporter<'a, Self> {
        let nbytes = self.slice.num_bytes();
        let device = device(self.slice.context());
        let stream = Arc::clone(self.slice.stream());
        let (address, record) = self.slice.device_ptr_mut(&stream);
        drop(record);
        let data = usize::try_from(address)
            .map_or(ptr::null_mut(), ptr::with_exposed_provenance_mut::<c_void>);
        // SAFETY: the slice is so many bytes of that device's memory, and stays where it is until the owner is dropped.
        let exporter = unsafe { Exporter::from_raw_parts(self, data, nbytes, device) };
        exporter.dtype(T::DTYPE)
    }
}

impl<T> From<CudaSlice<T>> for Lent<T> {
    fn from(slice: CudaSlice<T>) -> Self {
        Self::new(slice)
    }
}

impl<T> Drop for Lent<T> {
    fn drop(&mut self) {
        // The slice frees its memory in the context that is current, and does not see to which that is.
        let _current = Current::enter(self.slice.context());
        self.wait_for_users();
        // SAFETY: the only drop of the slice.
        unsafe { ManuallyDrop::drop(&mut self.slice) };
    }
}
