//! Owners that are shared by counting.
//!
//! An `Arc` keeps its contents alive and, while there is more than one, gives nobody exclusive access to them. A tensor holds
//! one and never asks it for that; so whoever could write the elements would have to be the only other one, which the
//! tensor's own forbids.

use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::ptr;

use super::owner::{Owner, Shared};
use crate::vocabulary::Element;

// SAFETY: the elements lie in the `Arc`'s block; see above.
unsafe impl<T: Element> Owner for Arc<[T]> {
    type Element = T;
    type Sharing = Shared;

    #[inline]
    fn memory(&mut self) -> *mut [T] {
        Arc::as_ptr(self).cast_mut()
    }
}

// SAFETY: the elements lie in the `Arc`'s block; see above.
unsafe impl<T: Element, const N: usize> Owner for Arc<[T; N]> {
    type Element = T;
    type Sharing = Shared;

    #[inline]
    fn memory(&mut self) -> *mut [T] {
        ptr::slice_from_raw_parts_mut(Arc::as_ptr(self).cast::<T>().cast_mut(), N)
    }
}

// SAFETY: without exclusive access the vector neither changes nor moves its elements; see above.
unsafe impl<T: Element> Owner for Arc<Vec<T>> {
    type Element = T;
    type Sharing = Shared;

    #[inline]
    fn memory(&mut self) -> *mut [T] {
        ptr::from_ref(self.as_slice()).cast_mut()
    }
}

// SAFETY: without exclusive access the box is neither replaced nor written; see above.
unsafe impl<T: Element> Owner for Arc<Box<[T]>> {
    type Element = T;
    type Sharing = Shared;

    #[inline]
    fn memory(&mut self) -> *mut [T] {
        ptr::from_ref(&***self).cast_mut()
    }
}
