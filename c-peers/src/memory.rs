//! Memory that this crate exports, and the layouts that tensors have in it.

use core::ffi::c_void;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

use dlpack::{DataType, Device, Exporter, Managed};

use crate::Struct;

/// How often memory was freed.
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<AtomicUsize>);

impl Counter {
    /// Returns the number.
    #[must_use]
    pub fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    /// Returns a function and its context for C, which calls it once.
    pub(crate) fn for_c(&self) -> (unsafe extern "C" fn(*mut c_void), *mut c_void) {
        /// # Safety
        ///
        /// Called once, with the context that `for_c` has made for it.
        unsafe extern "C" fn freed(context: *mut c_void) {
            // SAFETY: the context, which C passes back once.
            unsafe { Arc::from_raw(context.cast_const().cast::<AtomicUsize>()) }
                .fetch_add(1, Ordering::SeqCst);
        }
        (freed, Arc::into_raw(Arc::clone(&self.0)).cast_mut().cast())
    }
}

/// Where the elements of a tensor lie: strides and offset in elements, in memory for `room` of them.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "fields of a tensor")]
pub struct Layout {
    pub shape: &'static [usize],
    pub strides: &'static [isize],
    pub offset: usize,
    pub room: usize,
}

impl Layout {
    /// Returns the indices of the elements in the memory, in row-major order.
    #[must_use]
    pub fn indices(&self) -> Vec<usize> {
        let mut indices = vec![self.offset.cast_signed()];
        for (&size, &stride) in self.shape.iter().zip(self.strides) {
            let steps = || (0..size).map(move |step| step.cast_signed() * stride);
            indices =
                indices.iter().flat_map(|&start| steps().map(move |step| start + step)).collect();
        }
        indices.into_iter().map(|index| usize::try_from(index).expect("an index")).collect()
    }

    /// Shape and strides as C has them.
    #[must_use]
    pub fn numbers(&self) -> (Vec<i64>, Vec<i64>) {
        let shape = self.shape.iter().map(|&size| number(size)).collect();
        (shape, self.strides.iter().map(|&stride| stride as i64).collect())
    }
}

/// A number as C has it.
pub(crate) fn number(number: usize) -> i64 {
    i64::try_from(number).expect("a small number")
}

/// Bytes that differ from one element to the next, and make no number a NaN; `seed` tells one pattern from another.
#[must_use]
pub fn pattern(dtype: DataType, nbytes: usize, seed: u8) -> Vec<u8> {
    let bytes = (0_u8..64).cycle().step_by(7).map(|byte| byte ^ (seed & 0x3f));
    if dtype.is_bool() {
        bytes.map(|byte| byte & 1).take(nbytes).collect()
    } else {
        bytes.take(nbytes).collect()
    }
}

/// The owner of an export: memory that counts when it is freed.
#[derive(Debug)]
pub struct Memory {
    lines: Vec<Line>,
    freed: Counter,
}

#[derive(Clone, Copy, Debug)]
#[repr(C, align(256))]
struct Line([u8; 256]);

impl Drop for Memory {
    fn drop(&mut self) {
        self.freed.add();
    }
}

/// What stays here of an export: the address of its memory, to read and write it while somebody else has the tensor.
#[derive(Debug)]
pub struct Ours {
    start: *mut u8,
    nbytes: usize,
    size: usize,
    layout: Layout,
    /// How often the memory was freed.
    pub freed: Counter,
}

impl Ours {
    /// Exports memory with this layout, filled with a pattern.
    #[must_use]
    pub fn export<A: Struct>(dtype: DataType, layout: Layout) -> (Managed<A>, Self) {
        Self::export_with(dtype, layout, |exporter| exporter)
    }

    /// Does the same with more to say of the export.
    #[must_use]
    pub fn export_with<A: Struct>(
        dtype: DataType,
        layout: Layout,
        more: impl FnOnce(Exporter<'_, Memory>) -> Exporter<'_, Memory>,
    ) -> (Managed<A>, Self) {
        let nbytes = dtype.nbytes(layout.room, false).expect("a size");
        let freed = Counter::default();
        let mut memory =
            Memory { lines: vec![Line([0; 256]); nbytes / 256 + 1], freed: freed.clone() };
        let start = memory.lines.as_mut_ptr().cast::<u8>();
        let ours = Self { start, nbytes, size: dtype.itemsize().unwrap_or(0), layout, freed };
        ours.set_memory(&pattern(dtype, nbytes, 0));
        // SAFETY: the vector has at least so many bytes, which nobody else writes while the consumer reads them, since the
        // tests use one thread for each tensor.
        let exporter =
            unsafe { Exporter::from_raw_parts(memory, start.cast(), nbytes, Device::CPU) };
        let exporter = more(
            exporter.dtype(dtype).shape(layout.shape).strides(layout.strides).offset(layout.offset),
        );
        (A::build(exporter).expect("a tensor"), ours)
    }

    /// Returns the address of the first element.
    #[must_use]
    pub fn address(&self) -> usize {
        self.start.addr() + self.layout.offset * self.size
    }

    /// Returns all bytes of the memory.
    #[must_use]
    pub fn memory(&self) -> Vec<u8> {
        assert_eq!(self.freed.get(), 0);
        // SAFETY: the memory is not freed yet, and nobody writes it in this call.
        unsafe { core::slice::from_raw_parts(self.start, self.nbytes) }.to_vec()
    }

    /// Overwrites all bytes of the memory.
    pub fn set_memory(&self, bytes: &[u8]) {
        assert_eq!((self.freed.get(), bytes.len()), (0, self.nbytes));
        // SAFETY: the memory is not freed yet, and nobody reads it in this call.
        unsafe { self.start.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
    }

    /// Returns the elements in row-major order. Packed ones have to be contiguous.
    #[must_use]
    pub fn elements(&self) -> Vec<u8> {
        gather(&self.memory(), self.size, &self.layout)
    }
}

/// Returns the elements of a layout, from the bytes of the memory.
#[must_use]
pub fn gather(memory: &[u8], size: usize, layout: &Layout) -> Vec<u8> {
    if size == 0 {
        return memory.to_vec();
    }
    layout.indices().into_iter().flat_map(|index| memory[index * size..][..size].to_vec()).collect()
}
