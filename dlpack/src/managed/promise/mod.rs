//! Promises about the elements, made once in an `unsafe` call and kept by a type.

mod exclusive;
mod exclusive_uninit;
mod frozen;
mod slice;

pub use exclusive::Exclusive;
pub use exclusive_uninit::ExclusiveUninit;
pub use frozen::Frozen;
pub use slice::TensorSlice;

/// The promises that a caller can make of a tensor of a type that has `descriptor_mut`.
macro_rules! promise_methods {
    ([$($generics:tt)*] $type:ty) => {
        /// # Promises
        ///
        /// What the standard leaves open the caller can promise here, each in one `unsafe` call.
        impl<$($generics)*> $type {
            /// Promises that the elements are initialised and stay as they are, so that they can be read safely.
            ///
            /// # Safety
            ///
            /// All elements are initialised, and nobody writes them for as long as the returned value lives. Who counts as a
            /// writer is said at [`Descriptor::view`](crate::Descriptor::view).
            #[inline]
            pub unsafe fn assume_frozen(self) -> $crate::managed::Frozen<Self> {
                // SAFETY: the contract is the invariant of `Frozen`.
                unsafe { $crate::managed::Frozen::new(self) }
            }

            /// Promises that nobody else reaches the elements, so that they can be read and written safely.
            ///
            /// This is the one promise that writing takes. A tensor that says that it is read-only stays so; see
            /// `assume_writable`.
            ///
            /// # Safety
            ///
            /// - All elements are initialised, and nobody else reads or writes them for as long as the returned value
            ///   lives; nor does anybody write them while the tensor lives that `freeze` makes of it. What others read or wrote
            ///   before has happened before. A `&` or a `&mut` to any of the elements that was made before and is used again
            ///   afterwards counts as a reader or a writer all the while.
            /// - If the access is [`Unknown`](crate::Access::Unknown), as it is of a legacy tensor and of a `DLTensor`,
            ///   every byte of the tensor's extents can be written, in the sense of `assume_writable`.
            ///
            /// # Examples
            ///
            /// ```
            /// use dlpack::{Exporter, ManagedTensor};
            ///
            /// let raw = Exporter::new([1_u8, 2, 3]).build_legacy()?.into_raw();
            /// // SAFETY: the producer passes the tensor on, and keeps to the standard.
            /// let tensor = unsafe { ManagedTensor::from_raw(raw) }?;
            /// // SAFETY: the elements are initialised, can be written, and are nobody else's.
            /// let mut tensor = unsafe { tensor.assume_exclusive() };
            /// tensor.view_mut::<u8>()?.fill(7);
            /// # Ok::<(), dlpack::Error>(())
            /// ```
            #[inline]
            pub unsafe fn assume_exclusive(mut self) -> $crate::managed::Exclusive<Self> {
                // SAFETY: the contract is invariant 3 of the descriptor, and the invariant of `Exclusive`.
                unsafe {
                    self.descriptor_mut().assume_writable(false);
                    $crate::managed::Exclusive::new(self)
                }
            }

            /// Promises that the memory may be written, whatever the struct says or cannot say.
            ///
            /// # Safety
            ///
            /// Every byte of the tensor's extents can be written through the data pointer of the tensor. Bytes that Rust
            /// lends by a shared reference, outside of an `UnsafeCell`, cannot, whatever memory they lie in and whoever else
            /// knows of them: such are those of an `Arc`, and of a tensor of [`Exporter::shared`](crate::Exporter::shared) or
            /// [`Exporter::of`](crate::Exporter::of).
            #[must_use]
            #[inline]
            pub unsafe fn assume_writable(mut self) -> Self {
                // SAFETY: the contract is invariant 3 of the descriptor.
                unsafe { self.descriptor_mut().assume_writable(true) };
                self
            }

            /// Promises that the host can follow the data pointer, whatever the device.
            ///
            /// This is for CUDA managed memory, and for devices that this crate does not know.
            ///
            /// # Safety
            ///
            /// Clause S5 of [`Managed::from_raw`](crate::Managed::from_raw), or, for a
            /// [`BorrowedTensor`](crate::BorrowedTensor), the second clause of its `from_raw`, holds for the tensor as if its
            /// device were the CPU, and work that the device still does on it has ended whenever a view or a copy is made.
            #[must_use]
            #[inline]
            pub unsafe fn assume_host_accessible(mut self) -> Self {
                // SAFETY: the contract is invariant 2 of the descriptor.
                unsafe { self.descriptor_mut().assume_host_accessible() };
                self
            }

            /// Views the elements to write them.
            ///
            /// # Errors
            ///
            /// As for [`Descriptor::view`](crate::Descriptor::view), and [`Error::ReadOnly`](crate::Error::ReadOnly) or
            /// [`Error::WritabilityUnknown`](crate::Error::WritabilityUnknown) unless the memory is known to be
            /// writable, [`Error::Overlapping`](crate::Error::Overlapping) if two indices may name the same element.
            ///
            /// # Safety
            ///
            /// For the lifetime of the view, which is also that of the slices and references that it gives out, even once
            /// the view itself is gone, all elements are initialised and nobody else reads or writes them. Who counts as a
            /// reader or a writer is said at `assume_exclusive`.
            pub unsafe fn view_mut<T: $crate::vocabulary::Element>(
                &mut self,
            ) -> Result<$crate::view::TensorViewMut<'_, T>, $crate::error::Error> {
                // SAFETY: the contract is that of `view_mut_as`: all elements are initialised, and nobody else reaches them.
                unsafe { $crate::managed::Descriptor::view_mut_as(self) }
            }
        }
    };
}

pub(super) use promise_methods;
