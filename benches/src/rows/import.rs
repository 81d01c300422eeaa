//! A tensor of a C library taken in, looked at as `&[f32]`, and given back.

use core::hint::black_box;

use dlpack::ManagedTensorVersioned;
use dlpack_sys::DLManagedTensorVersioned;
use dlpk::{DLPackTensor, DLPackTensorRef};
use ndarray::ArrayViewD;

use crate::contender::{Contender, Instructions, Role, Row, Target};
use crate::data;
use crate::floors::import as floor;

type Raw = *mut DLManagedTensorVersioned;

/// One way to import.
trait Import: Copy + 'static {
    /// Takes the tensor in, shows its elements, and gives it back.
    ///
    /// # Safety
    ///
    /// The tensor is passed on and keeps to the standard.
    unsafe fn import<R>(self, raw: Raw, show: impl FnOnce(&[f32]) -> R) -> Option<R>;
}

pub(super) fn rows() -> Vec<Row> {
    let row = |name, what, ratio, contenders| Row {
        name,
        what,
        target: Target { time: ratio, instructions: Instructions::Settle, mallocs: 0 },
        counted: 1000,
        contenders,
    };
    vec![
        row("import-1d", "import of 3 elements to &[f32]; deleter", 1.15, plain::<1>),
        row("import-2d", "import of 2 × 3 elements to &[f32]; deleter", 1.15, plain::<2>),
        row("import-4d", "import of 4 dimensions to &[f32]; deleter", 1.15, plain::<4>),
        row("import-8d", "import of 8 dimensions to &[f32]; deleter", 1.15, plain::<8>),
        row("snapshot-1d", "the same, of which shape and strides are kept", 1.30, snapshot::<1>),
        row("snapshot-2d", "the same for 2 dimensions", 1.30, snapshot::<2>),
        row("snapshot-4d", "the same for 4 dimensions", 1.30, snapshot::<4>),
        row("snapshot-8d", "the same for 8 dimensions", 1.30, snapshot::<8>),
    ]
}

fn plain<const NDIM: usize>() -> Vec<Contender> {
    vec![
        contender(Role::Floor, "floor", Floor, NDIM),
        contender(Role::Ours, "dlpack", Ours, NDIM),
        contender(Role::Reference, "floor, dense first", FloorDenseFirst, NDIM)
            .remark("leaves the loop with the first stride that is not of C order"),
        contender(Role::Peer, "dlpark", Dlpark, NDIM).remark("extents of strides are not checked"),
        contender(Role::Peer, "dlpk", Dlpk, NDIM)
            .remark("sizes, their product and extents are not checked; a foreign version panics"),
    ]
}

fn snapshot<const NDIM: usize>() -> Vec<Contender> {
    vec![
        contender(Role::Floor, "floor", Floor, NDIM)
            .remark("looks at shape and strides where they are, and keeps neither"),
        contender(Role::Ours, "dlpack", OursSeen, NDIM),
        contender(Role::Reference, "floor with copy", FloorWithCopy, NDIM),
    ]
}

fn contender(role: Role, name: &'static str, way: impl Import, ndim: usize) -> Contender {
    let raw = data::foreign(ndim);
    let once = move || {
        let show = |elements: &[f32]| {
            black_box((elements.as_ptr(), elements.len()));
        };
        // SAFETY: the tensor keeps to the standard, and its deleter only counts.
        let shown = unsafe { way.import(black_box(raw), show) };
        black_box(shown.is_some());
    };
    let outcome = move || {
        let before = data::released();
        // SAFETY: as above.
        let shown = unsafe { way.import(raw, data::look) };
        let mut outcome = shown.expect("a tensor with a slice");
        outcome.push(("deleters called", data::released() - before));
        outcome
    };
    Contender::new(role, name, once, outcome)
}

#[derive(Clone, Copy)]
struct Floor;

impl Import for Floor {
    #[inline(always)]
    unsafe fn import<R>(self, raw: Raw, show: impl FnOnce(&[f32]) -> R) -> Option<R> {
        // SAFETY: the caller's promise.
        let tensor = unsafe { floor::import(raw) }?;
        Some(show(tensor.as_slice()))
    }
}

#[derive(Clone, Copy)]
struct FloorWithCopy;

impl Import for FloorWithCopy {
    #[inline(always)]
    unsafe fn import<R>(self, raw: Raw, show: impl FnOnce(&[f32]) -> R) -> Option<R> {
        let mut copy = floor::Copied::new();
        // SAFETY: the caller's promise.
        let tensor = unsafe { floor::import_with_copy(raw, &mut copy) }?;
        black_box(&copy);
        Some(show(tensor.as_slice()))
    }
}

#[derive(Clone, Copy)]
struct FloorDenseFirst;

impl Import for FloorDenseFirst {
    #[inline(always)]
    unsafe fn import<R>(self, raw: Raw, show: impl FnOnce(&[f32]) -> R) -> Option<R> {
        // SAFETY: the caller's promise.
        let tensor = unsafe { floor::import_dense_first(raw) }?;
        Some(show(tensor.as_slice()))
    }
}

#[derive(Clone, Copy)]
struct Ours;

impl Import for Ours {
    #[inline(always)]
    unsafe fn import<R>(self, raw: Raw, show: impl FnOnce(&[f32]) -> R) -> Option<R> {
        // SAFETY: the caller's promise.
        let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }.ok()?;
        // SAFETY: the elements are initialised, and nobody writes them.
        Some(show(unsafe { tensor.as_slice::<f32>() }.ok()?))
    }
}

/// Ours, and somebody looks at the copies of shape and strides.
#[derive(Clone, Copy)]
struct OursSeen;

impl Import for OursSeen {
    #[inline(always)]
    unsafe fn import<R>(self, raw: Raw, show: impl FnOnce(&[f32]) -> R) -> Option<R> {
        // SAFETY: the caller's promise.
        let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }.ok()?;
        black_box(tensor.shape());
        black_box(tensor.strides());
        // SAFETY: the elements are initialised, and nobody writes them.
        Some(show(unsafe { tensor.as_slice::<f32>() }.ok()?))
    }
}

#[derive(Clone, Copy)]
struct Dlpark;

impl Import for Dlpark {
    #[inline(always)]
    unsafe fn import<R>(self, raw: Raw, show: impl FnOnce(&[f32]) -> R) -> Option<R> {
        let raw = raw.cast::<dlpark::ffi::DLManagedTensorVersioned>();
        // SAFETY: the caller's promise.
        let tensor = unsafe { dlpark::versioned::Dlpack::from_raw(raw) }.ok()?;
        let checked = tensor.validate().ok()?;
        // SAFETY: the elements are initialised, and nobody writes them.
        Some(show(unsafe { checked.cpu_slice::<f32>() }.ok()?))
    }
}

#[derive(Clone, Copy)]
struct Dlpk;

impl Import for Dlpk {
    #[inline(always)]
    unsafe fn import<R>(self, raw: Raw, show: impl FnOnce(&[f32]) -> R) -> Option<R> {
        let raw = raw.cast::<dlpk::sys::DLManagedTensorVersioned>();
        // SAFETY: the caller's promise.
        let tensor = unsafe { DLPackTensor::from_ptr(raw) };
        let reference: DLPackTensorRef<'_> = tensor.as_ref();
        let view: ArrayViewD<'_, f32> = reference.try_into().ok()?;
        Some(show(view.as_slice()?))
    }
}
