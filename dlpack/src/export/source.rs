//! The ways in which an owner's memory comes in.

use core::ffi::c_void;
use core::hint::assert_unchecked;
use core::marker::PhantomData;
use core::ops::Deref;
use core::ptr::NonNull;

use crate::managed::{Descriptor, Exclusive, Frozen};
use crate::vocabulary::{DataType, Device, Element, assert_element};

/// Where memory lies, and how much of it there is.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// An address or a handle, as the device has it.
    pub(super) data: *mut c_void,
    /// In bytes, from `data` on; at most `isize::MAX`.
    pub(super) nbytes: usize,
    pub(super) device: Device,
}

// SAFETY: an address, which nothing here follows.
unsafe impl Send for Memory {}
// SAFETY: nothing changes behind a shared reference.
unsafe impl Sync for Memory {}

/// Finds the memory of an owner `O`, and knows what can be promised of it.
///
/// # Safety
///
/// Until the owner is dropped or taken out, and as long as nobody touches it otherwise:
///
/// 1. clauses S5 and S6 of the import contract hold for a tensor of `DTYPE` in that memory, which is read-only if
///    `READ_ONLY` is set;
/// 2. `promise` is right for a tensor of the memory that [`memory`](Self::memory) found.
pub unsafe trait Source<O>: Sized {
    const READ_ONLY: bool;
    const DTYPE: DataType;

    /// The tensor with the promise that can be made of such memory.
    type Tensor<T: Deref<Target = Descriptor>>: Deref;

    /// Finds the memory. The owner is at its final place.
    fn memory(self, owner: &mut O) -> Memory;

    /// # Safety
    ///
    /// `tensor` owns the owner, and its elements are some of those that `memory` found.
    unsafe fn promise<T: Deref<Target = Descriptor>>(tensor: T) -> Self::Tensor<T>;
}

/// Defines slices that the owner lends, with the promise that can be made of their elements.
macro_rules! slices {
    ($(
        $(#[$doc:meta])*
        $slice:ident, $owner:ty, $elements:ty, $promise:ident, $read_only:literal;
    )*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $slice<T, F> {
            pub(super) lend: F,
            pub(super) elements: PhantomData<fn() -> T>,
        }

        // SAFETY: the slice is borrowed from the owner in its final place for as long as the caller of `lend` likes, and
        // until the owner is dropped or taken out nobody else reaches it. So the slice is alive, initialised, and not
        // written; a mutable borrow is the only way to its elements. `O` is `'static`, so that it holds no borrow that
        // ends; a guard in it that ends the borrow cannot be dropped behind the reference.
        unsafe impl<O, T: Element, F: for<'a> FnOnce($owner) -> $elements> Source<O>
            for $slice<T, F>
        {
            const READ_ONLY: bool = $read_only;
            const DTYPE: DataType = T::DTYPE;

            type Tensor<M: Deref<Target = Descriptor>> = $promise<M>;

            #[inline]
            fn memory(self, owner: &mut O) -> Memory {
                const { assert_element::<T>() };
                let elements = (self.lend)(owner);
                let nbytes = size_of_val(elements);
                let data = NonNull::from(elements).as_ptr().cast::<c_void>();
                // SAFETY: a slice is never at null. So the compiler knows, and leaves out the check for memory that a
                // caller describes.
                unsafe { assert_unchecked(!data.is_null()) };
                Memory { data, nbytes, device: Device::CPU }
            }

            #[inline]
            unsafe fn promise<M: Deref<Target = Descriptor>>(tensor: M) -> $promise<M> {
                // SAFETY: the elements are those of the slice, which nobody writes, nor, if it is mutable, reaches in any
                // other way while the owner is borrowed.
                unsafe { $promise::new(tensor) }
            }
        }
    )*};
}

slices! {
    /// A slice that the owner lends for reading.
    Slice, &'a O, &'a [T], Frozen, true;

    /// A slice that the owner lends for writing.
    SliceMut, &'a mut O, &'a mut [T], Exclusive, false;
}

/// Memory that the caller described.
#[derive(Clone, Copy, Debug)]
pub struct RawParts(pub(super) Memory);

// SAFETY: the contract of `Exporter::from_raw_parts`.
unsafe impl<O> Source<O> for RawParts {
    const READ_ONLY: bool = false;
    const DTYPE: DataType = DataType::U8;

    type Tensor<M: Deref<Target = Descriptor>> = M;

    #[inline]
    fn memory(self, _: &mut O) -> Memory {
        self.0
    }

    #[inline]
    unsafe fn promise<M: Deref<Target = Descriptor>>(tensor: M) -> M {
        tensor
    }
}
