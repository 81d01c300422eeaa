//! Elements smaller than a byte, which have no address of their own.

mod unpack;

use core::fmt;
use core::iter::FusedIterator;
use core::marker::PhantomData;

use super::iter::Iter;
use super::tensor_view::TensorView;
use crate::dims::Dims;
use crate::vocabulary::SubByte;

/// Values smaller than a byte, packed into bytes or padded to a byte each.
///
/// In a packed tensor, value `i` is bits `i·bits` and up of the whole memory, read as one little-endian number; it
/// may lie across two bytes. Values are numbered in row-major order; if elements have more than one lane, their lanes
/// come one after another.
///
/// # Examples
///
/// ```
/// use dlpack::{DataType, Exporter, types::F4E2m1fn};
///
/// let bytes = Exporter::new(vec![0x21_u8, 0x07]);
/// let tensor = bytes.dtype(DataType::F4_E2M1FN).shape(&[3]).build()?;
/// let view = tensor.packed_view::<F4E2m1fn>()?;
/// assert!(view.iter().map(F4E2m1fn::to_f32).eq([0.5, 1.0, 6.0]));
/// # Ok::<(), dlpack::Error>(())
/// ```
#[derive(Clone)]
pub struct PackedView<'a, T> {
    dims: Dims<isize>,
    lanes: u16,
    len: usize,
    store: Store<'a>,
    values: PhantomData<T>,
}

#[derive(Clone)]
enum Store<'a> {
    /// Side by side in row-major order, without gaps.
    Packed(&'a [u8]),
    /// A byte for each value, the lanes on an axis of their own if there are several.
    Padded(TensorView<'a, u8>),
}

impl<'a, T: SubByte> PackedView<'a, T> {
    /// `bytes` hold the values side by side in row-major order.
    pub(crate) fn packed(dims: Dims<isize>, lanes: u16, len: usize, bytes: &'a [u8]) -> Self {
        Self { dims, lanes, len, store: Store::Packed(bytes), values: PhantomData }
    }

    /// `bytes` has an element for each value.
    pub(crate) fn padded(dims: Dims<isize>, lanes: u16, bytes: TensorView<'a, u8>) -> Self {
        let len = bytes.numel();
        Self { dims, lanes, len, store: Store::Padded(bytes), values: PhantomData }
    }

    /// Returns the shape, in elements.
    pub fn shape(&self) -> &[usize] {
        bytemuck::cast_slice(self.dims.shape())
    }

    /// Returns the number of values in an element.
    pub const fn lanes(&self) -> u16 {
        self.lanes
    }

    /// Returns the number of values: elements times lanes.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Returns `true` if there are no values.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns value `i` in row-major order, or `None` if there are not as many.
    pub fn get(&self, i: usize) -> Option<T> {
        if i >= self.len {
            return None;
        }
        let bits = match &self.store {
            Store::Packed(bytes) => unpack::<T>(bytes, i),
            Store::Padded(bytes) => *nth(bytes, i)?,
        };
        Some(T::from_bits(bits & mask::<T>()))
    }

    /// Iterates over the values in row-major order.
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::{DataType, Exporter, types::U4};
    /// # let tensor = Exporter::new(vec![0x21_u8]).dtype(DataType::U4).build()?;
    /// let mut values = tensor.packed_view::<U4>()?.iter();
    /// assert_eq!(values.next().map(U4::to_u8), Some(1));
    /// assert_eq!(values.len(), 1);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn iter(
        &self,
    ) -> impl ExactSizeIterator<Item = T> + FusedIterator + fmt::Debug + use<'a, T> {
        let source = match &self.store {
            Store::Packed(bytes) => Source::Packed(bytes, 0),
            Store::Padded(bytes) => Source::Padded(bytes.iter()),
        };
        PackedIter { source, left: self.len, values: PhantomData }
    }
}

fn mask<T: SubByte>() -> u8 {
    u8::MAX.checked_shr(u32::from(8 - T::DTYPE.bits.min(8))).unwrap_or(0)
}

/// The bits of value `i`, with others above them.
fn unpack<T: SubByte>(bytes: &[u8], i: usize) -> u8 {
    let bits = usize::from(T::DTYPE.bits);
    // As `i·bits`, but without overflow.
    let bit = (i % 8) * bits;
    let at = (i / 8) * bits + bit / 8;
    let low = bytes.get(at).copied().unwrap_or(0);
    let high = bytes.get(at + 1).copied().unwrap_or(0);
    let [shifted, _] = (u16::from_le_bytes([low, high]) >> (bit % 8)).to_le_bytes();
    shifted
}

/// Element `i` of a view in row-major order.
fn nth<'a>(view: &TensorView<'a, u8>, i: usize) -> Option<&'a u8> {
    if let Ok(bytes) = view.as_slice() {
        return bytes.get(i);
    }
    let mut index = [0; crate::dims::CAPACITY];
    let index = index.get_mut(..view.ndim())?;
    let mut rest = i;
    for (k, &size) in index.iter_mut().zip(view.shape()).rev() {
        *k = rest.checked_rem(size)?;
        rest = rest.checked_div(size)?;
    }
    view.get(index)
}

struct PackedIter<'a, T> {
    source: Source<'a>,
    left: usize,
    values: PhantomData<T>,
}

#[expect(clippy::large_enum_variant, reason = "there is no heap to put the larger one on")]
enum Source<'a> {
    Packed(&'a [u8], usize),
    Padded(Iter<'a, u8>),
}

impl<T: SubByte> Iterator for PackedIter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.left = self.left.checked_sub(1)?;
        let bits = match &mut self.source {
            Source::Packed(bytes, i) => {
                let bits = unpack::<T>(bytes, *i);
                *i += 1;
                bits
            }
            Source::Padded(bytes) => *bytes.next()?,
        };
        Some(T::from_bits(bits & mask::<T>()))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<T: SubByte> ExactSizeIterator for PackedIter<'_, T> {}
impl<T: SubByte> FusedIterator for PackedIter<'_, T> {}

impl<T: SubByte + fmt::Debug> fmt::Debug for PackedView<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 16;
        let mut list = f.debug_list();
        list.entries(self.iter().take(SHOWN));
        if self.len > SHOWN { list.finish_non_exhaustive() } else { list.finish() }
    }
}

impl<T> fmt::Debug for PackedIter<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PackedIter").field("left", &self.left).finish_non_exhaustive()
    }
}
