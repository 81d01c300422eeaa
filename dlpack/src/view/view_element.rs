//! What a view may hold: elements, and elements under a wrapper that weakens what is known of them.

use core::cell::UnsafeCell;
use core::fmt;
use core::mem::MaybeUninit;

use crate::vocabulary::Element;

/// A type that views hold and copy out of memory.
///
/// Elements themselves, and the wrappers [`ReadCell`], [`Unaligned`] and [`MaybeUninit`] around them.
///
/// # Examples
///
/// ```
/// use dlpack::view::{ViewElement, Unaligned};
///
/// fn value<I: ViewElement>(item: &I) -> I::Value {
///     item.value()
/// }
/// assert_eq!(value(&1.5_f32), 1.5);
/// assert_eq!(value(&Unaligned::new(1.5_f32)), 1.5);
/// ```
pub trait ViewElement: sealed::Layout {
    /// The plain value.
    type Value: Copy;

    /// Reads the value.
    fn value(&self) -> Self::Value;
}

pub(crate) mod sealed {
    use crate::vocabulary::Element;

    /// # Safety
    ///
    /// 1. `Self` has the size of `Element`, and at most its alignment.
    /// 2. `Bits` has the size of `Self`, at most its alignment, and copying one as `Bits` copies the value.
    /// 3. If `INITIALISED`, all bytes of every value are initialised.
    /// 4. Unless `MAY_CHANGE`, a shared reference says that nobody writes the value.
    #[allow(unreachable_pub, reason = "older compilers do not see that `ViewElement` reaches it")]
    pub unsafe trait Layout {
        type Element: Element;
        type Bits: Copy;
        const INITIALISED: bool;
        const MAY_CHANGE: bool;
    }
}

macro_rules! view_elements {
    ($($element:ty: $bits:ty, $initialised:literal, $may_change:literal, $value:ty = $read:expr;)*) => {$(
        // SAFETY: all of these are transparent around an element, or packed around it: 1 and 2. Elements are plain old
        // data, without padding: 3. Only a cell may change: 4.
        unsafe impl<T: Element> sealed::Layout for $element {
            type Element = T;
            type Bits = $bits;
            const INITIALISED: bool = $initialised;
            const MAY_CHANGE: bool = $may_change;
        }

        impl<T: Element> ViewElement for $element {
            type Value = $value;

            #[inline]
            fn value(&self) -> $value {
                let read: fn(&Self) -> $value = $read;
                read(self)
            }
        }
    )*};
}

view_elements! {
    T: T, true, false, T = |element| *element;
    MaybeUninit<T>: Self, false, false, Self = |element| *element;
    ReadCell<T>: T, true, true, T = Self::get;
    Unaligned<T>: Self, true, false, T = Self::get;
}

/// An element that can be read while this thread writes it through another path.
///
/// A `&f32` promises that nobody writes; a `&ReadCell<f32>` promises only that no *other thread* does
/// meanwhile. That is what can be known of memory that an array library of the same thread also holds. Unlike
/// [`Cell`](core::cell::Cell) it cannot be written, since the tensor may be read-only.
///
/// What is read must not be reached by a `&mut` at the same time, and so a view of `ReadCell`s is copied to other memory only; see
/// [`Descriptor::view_as`](crate::Descriptor::view_as).
///
/// # Examples
///
/// ```
/// use dlpack::{Exporter, TensorView, view::ReadCell};
///
/// fn sum(view: &TensorView<'_, ReadCell<f32>>) -> f32 {
///     view.iter().map(ReadCell::get).sum()
/// }
///
/// let tensor = Exporter::new(vec![1.0_f32, 2.0]).build()?.into_inner();
/// // SAFETY: the memory is initialised, and no other thread writes it.
/// let view = unsafe { tensor.view_as::<ReadCell<f32>>() }?;
/// assert_eq!(sum(&view), 3.0);
/// # Ok::<(), dlpack::Error>(())
/// ```
#[repr(transparent)]
pub struct ReadCell<T>(UnsafeCell<T>);

impl<T: Copy> ReadCell<T> {
    /// Reads the value as it is now.
    #[inline]
    pub fn get(&self) -> T {
        // SAFETY: whoever made the reference promised that the element is initialised and that no other
        // thread writes it meanwhile; no reference to the inside is ever given out.
        unsafe { *self.0.get() }
    }
}

impl<T: Copy + fmt::Debug> fmt::Debug for ReadCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

/// An element at any address.
///
/// DLPack's data pointer is often less aligned than the element type asks for. A view of `Unaligned<f32>` may
/// start anywhere.
///
/// # Examples
///
/// ```
/// use dlpack::view::Unaligned;
///
/// assert_eq!(align_of::<Unaligned<f64>>(), 1);
/// assert_eq!(Unaligned::new(2.5_f64).get(), 2.5);
/// ```
#[derive(Clone, Copy)]
#[repr(C, packed)]
pub struct Unaligned<T>(T);

impl<T: Copy> Unaligned<T> {
    /// Wraps a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// Reads the value.
    #[inline]
    pub const fn get(&self) -> T {
        self.0
    }
}

impl<T: Copy + fmt::Debug> fmt::Debug for Unaligned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}
