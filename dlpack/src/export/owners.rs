//! The owners that Rust's libraries have.

#[cfg(feature = "alloc")]
use alloc::{borrow::Cow, boxed::Box, vec::Vec};
use core::ptr;

use super::owner::{Owner, Shared, Unique};
use crate::vocabulary::Element;

// SAFETY: a vector is the only way to its elements, which lie on the heap.
#[cfg(feature = "alloc")]
unsafe impl<T: Element> Owner for Vec<T> {
    type Element = T;
    type Sharing = Unique;

    #[inline]
    fn memory(&mut self) -> *mut [T] {
        ptr::slice_from_raw_parts_mut(self.as_mut_ptr(), self.len())
    }
}

// SAFETY: a box is the only way to its elements, which lie on the heap.
#[cfg(feature = "alloc")]
unsafe impl<T: Element> Owner for Box<[T]> {
    type Element = T;
    type Sharing = Unique;

    #[inline]
    fn memory(&mut self) -> *mut [T] {
        &raw mut **self
    }
}

// SAFETY: a box is the only way to its elements, which lie on the heap.
#[cfg(feature = "alloc")]
unsafe impl<T: Element, const N: usize> Owner for Box<[T; N]> {
    type Element = T;
    type Sharing = Unique;

    #[inline]
    fn memory(&mut self) -> *mut [T] {
        &raw mut **self
    }
}

// SAFETY: an array is its elements, and stays where it is until it is moved.
unsafe impl<T: Element, const N: usize> Owner for [T; N] {
    type Element = T;
    type Sharing = Unique;

    #[inline]
    fn memory(&mut self) -> *mut [T] {
        &raw mut self[..]
    }
}

// SAFETY: the borrow never ends, and is the only way to its elements.
unsafe impl<T: Element> Owner for &'static mut [T] {
    type Element = T;
    type Sharing = Unique;

    #[inline]
    fn memory(&mut self) -> *mut [T] {
        &raw mut **self
    }
}

// SAFETY: shared references to elements without interior mutability; nobody writes them.
unsafe impl<T: Element> Owner for &'static [T] {
    type Element = T;
    type Sharing = Shared;

    #[inline]
    fn memory(&mut self) -> *mut [T] {
        ptr::from_ref(*self).cast_mut()
    }
}

// SAFETY: a vector of its own or a shared reference, which never ends; nobody writes the elements of either.
#[cfg(feature = "alloc")]
unsafe impl<T: Element> Owner for Cow<'static, [T]> {
    type Element = T;
    type Sharing = Shared;

    #[inline]
    fn memory(&mut self) -> *mut [T] {
        ptr::from_ref(&**self).cast_mut()
    }
}
