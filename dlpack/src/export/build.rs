//! From what an [`Exporter`] was given to a tensor.

use super::allocator::Allocator;
use super::block::{Described, Unpublished};
use super::exporter::Exporter;
use super::source::Source;
use crate::error::{Error, RejectedError};
use crate::layout::Layout;
use crate::managed::{Abi, ManagedTensor, ManagedTensorVersioned, OpaqueTensor};
use crate::sys;
use crate::vocabulary::Flags;

impl<O: Send + 'static, S: Source<O>, A: Allocator> Exporter<'_, O, S, A> {
    /// Builds the tensor in the current ABI.
    ///
    /// If the compiler finds no method `build`, the function given to [`of`](Exporter::of) or [`of_mut`](Exporter::of_mut) is
    /// a closure that was bound by `let` before: write it in the call.
    ///
    /// # Errors
    ///
    /// Hands the owner back, with
    ///
    /// - [`Error::StridesLenMismatch`] if there are not as many strides as sizes,
    /// - [`Error::OutOfBounds`] if the tensor reaches beyond the memory,
    /// - [`Error::NullData`] if there are elements, but neither address nor handle,
    /// - [`Error::NotWholeBytes`] if packed elements would start within a byte,
    /// - any error of [`Layout::new`](crate::layout::Layout::new),
    /// - [`Error::AllocationFailed`] if there is no memory for the header, or, above 8 axes, for the copy of shape and
    ///   strides that a tensor in Rust keeps.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Error, Exporter};
    ///
    /// let tensor = Exporter::new([1_u8, 2]).build()?;
    /// assert_eq!(tensor.as_slice::<u8>()?, [1, 2]);
    ///
    /// let refused = Exporter::new([1_u8, 2]).shape(&[3]).build().unwrap_err();
    /// assert_eq!(refused.into_inner(), [1, 2]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn build(self) -> Result<S::Tensor<ManagedTensorVersioned>, RejectedError<O>> {
        // SAFETY: `make` has written and checked shape and strides against the memory that the source found, of which the
        // contract of `Source` says the rest. The tensor owns the owner.
        self.make(|block, described| unsafe { Ok(S::promise(block.into_managed(described)?)) })
    }

    /// Builds the tensor in the legacy ABI, for consumers that know no other.
    ///
    /// # Errors
    ///
    /// As for [`build`](Self::build), and [`Error::ReadOnlyNotExpressible`] for read-only or shared memory,
    /// [`Error::PaddedNotExpressible`] for padded elements.
    pub fn build_legacy(self) -> Result<S::Tensor<ManagedTensor>, RejectedError<O>> {
        // SAFETY: `make` has written and checked shape and strides against the memory that the source found, of which the
        // contract of `Source` says the rest. The tensor owns the owner.
        self.make(|block, described| unsafe { Ok(S::promise(block.into_managed(described)?)) })
    }

    /// Builds the tensor in the current ABI, and passes it on to a consumer, which must call its deleter.
    ///
    /// This is the same as [`build`](Self::build) followed by `into_raw`, but faster, since metadata that only Rust looks
    /// at is not kept. Without the feature `alloc`, it is not limited to 8 axes either.
    ///
    /// # Errors
    ///
    /// As for [`build`](Self::build).
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Exporter, ManagedTensorVersioned};
    ///
    /// let raw = Exporter::new(vec![1_u8, 2]).into_raw()?;
    /// // SAFETY: a struct of this crate holds the contract.
    /// let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }?;
    /// assert_eq!(tensor.shape(), [2]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline(always)]
    pub fn into_raw(self) -> Result<*mut sys::DLManagedTensorVersioned, RejectedError<O>> {
        Ok(self.into_opaque()?.into_raw())
    }

    /// Builds the tensor in the legacy ABI, and passes it on to a consumer, which must call its deleter.
    ///
    /// # Errors
    ///
    /// As for [`build_legacy`](Self::build_legacy).
    #[inline]
    pub fn into_raw_legacy(self) -> Result<*mut sys::DLManagedTensor, RejectedError<O>> {
        self.make(|block, (fields, flags, _)| {
            // SAFETY: `make` has written and checked shape and strides; the contract of `Source` says the rest.
            Ok(unsafe { block.into_opaque(&fields, flags) }.into_raw())
        })
    }

    /// Builds the tensor in the current ABI, for a consumer that is yet to get it.
    ///
    /// This is as fast as [`into_raw`](Self::into_raw), and nothing leaks if the consumer never comes.
    ///
    /// # Errors
    ///
    /// As for [`build`](Self::build).
    #[inline(always)]
    pub fn into_opaque(self) -> Result<OpaqueTensor, RejectedError<O>> {
        self.make(|block, (fields, flags, _)| {
            // SAFETY: `make` has written and checked shape and strides; the contract of `Source` says the rest.
            Ok(unsafe { block.into_opaque(&fields, flags) })
        })
    }

    /// Moves the owner to its place, asks it for its memory, writes and checks shape and strides, and publishes the tensor.
    ///
    /// `publish` is called with a block and a description that hold its contract.
    #[inline(always)]
    fn make<B: Abi, T>(
        self,
        publish: impl FnOnce(Unpublished<B, O, A>, Described) -> Result<T, RejectedError<O>>,
    ) -> Result<T, RejectedError<O>> {
        let Self { owner, source, allocator, spec } = self;
        let asked = if S::READ_ONLY { spec.flags.with(Flags::READ_ONLY) } else { spec.flags };
        // Arrays are the last axis, unless the caller names a dtype with lanes.
        let (dtype, lanes) = match spec.dtype {
            Some(dtype) => (dtype, 1),
            None => const { S::DTYPE.split() },
        };
        let ndim = spec.ndim() + usize::from(lanes != 1);
        let flags = match B::express(asked) {
            Ok(_) if ndim > Layout::MAX_NDIM => {
                Err(Error::TooManyAxes { ndim, max: Layout::MAX_NDIM })
            }
            flags => flags,
        };
        let (owner, flags) = RejectedError::unless_ok(owner, flags)?;
        let mut block = Unpublished::new(owner, allocator, ndim)?;
        let memory = source.memory(block.owner_mut());
        // Both arms publish, so that the usual one need not wait for what the other one finds.
        match spec.write_fast(block.dims_mut(), &memory, dtype, lanes) {
            Some((fields, layout)) => publish(block, (fields, flags, layout)),
            None => {
                cold(move || match spec.write(block.dims_mut(), &memory, dtype, lanes, asked) {
                    Ok((fields, layout, whole)) => {
                        block.set_whole(whole);
                        publish(block, (fields, flags, layout))
                    }
                    Err(error) => Err(RejectedError::new(block.into_owner(), error)),
                })
            }
        }
    }
}

/// Keeps what is rare out of the way of what is usual.
#[cold]
#[inline(never)]
fn cold<T>(rare: impl FnOnce() -> T) -> T {
    rare()
}
