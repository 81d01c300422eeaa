//! The producer, and what must be found of its tensor.

use std::slice;

#[cfg(feature = "alloc")]
use dlpack::sys::DLManagedTensorVersioned;
use dlpack::sys::{DLManagedTensor, DLTensor};
use dlpack::{Descriptor, ManagedTensor, ManagedTensorVersioned};
#[cfg(feature = "alloc")]
use harness::Managed;
use harness::{Record, Spec, bytes_of, consumer};

/// The elements of [`six`].
pub(crate) const SIX: [f32; 6] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];

/// Two rows of three floats.
pub(crate) fn six() -> Spec {
    Spec::of(&SIX).shape(&[2, 3])
}

/// [`six`], marked as a copy.
pub(crate) fn copied() -> Spec {
    six().flags(dlpack::sys::DLPACK_FLAG_BITMASK_IS_COPIED)
}

/// What the producer does with the arrays of shape and strides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// As PyTorch's `resize_` does.
    Rewrites,
    /// Frees them, and points the struct at other ones.
    Moves,
    /// Frees them.
    Frees,
    /// Has them on pages that nobody may touch any more.
    Forbids,
}

/// A producer whose tensor has been taken in.
pub(crate) struct Scene {
    record: Record,
    change: Change,
    has_strides: bool,
}

impl Scene {
    /// Has the producer change the arrays.
    pub(crate) fn change(&self) {
        if !self.record.is_alive() {
            return;
        }
        match self.change {
            Change::Rewrites if !self.has_strides => self.record.resize_live_shape(&[300, 400]),
            Change::Rewrites => self.record.resize_live(&[300, 400], &[400, 1]),
            Change::Moves => self.record.move_live(&[300, 400], &[400, 1]),
            Change::Frees => self.record.free_live(),
            Change::Forbids => self.record.forbid_live(),
        }
    }

    /// How often the deleter was called.
    pub(crate) fn deleted(&self) -> u32 {
        self.record.deleted()
    }

    /// Takes what has left as a consumer does, in C and in Rust, and deletes it.
    #[cfg(feature = "alloc")]
    pub(crate) fn arrives(&self, raw: *mut DLManagedTensorVersioned) {
        self.looks_the_same(raw);
        // SAFETY: the tensor was passed on, and its arrays have just been found to hold.
        let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }.expect("a valid tensor");
        self.is_six(&tensor);
        drop(tensor);
        assert_eq!(self.deleted(), 1);
    }

    /// [`arrives`](Self::arrives) in the legacy ABI.
    #[cfg(feature = "alloc")]
    pub(crate) fn arrives_legacy(&self, raw: *mut DLManagedTensor) {
        self.looks_the_same(raw);
        // SAFETY: the tensor was passed on, and its arrays have just been found to hold.
        let tensor = unsafe { ManagedTensor::from_raw(raw) }.expect("a valid tensor");
        self.is_six(&tensor);
        drop(tensor);
        assert_eq!(self.deleted(), 1);
    }

    #[cfg(feature = "alloc")]
    fn looks_the_same<M: Managed>(&self, raw: *mut M) {
        self.change();
        assert_eq!(self.deleted(), 0);
        // SAFETY: a live tensor.
        self.is_lent(unsafe { M::tensor(raw) });
    }

    /// What C finds in a tensor that it may look at now.
    pub(crate) fn is_lent(&self, tensor: *const DLTensor) {
        self.change();
        // SAFETY: the caller's tensor is alive, and has two axes.
        let DLTensor { ndim, shape, strides, .. } = unsafe { tensor.read() };
        assert_eq!((ndim, shape.is_null(), strides.is_null()), (2, false, false));
        // SAFETY: the same. If this is the fault that the test is about, the sanitizer says so here.
        let shape = unsafe { slice::from_raw_parts(shape, 2) };
        // SAFETY: the same.
        let strides = unsafe { slice::from_raw_parts(strides, 2) };
        assert_eq!((shape, strides), (&[2, 3][..], &[3, 1][..]), "{:?}", self.change);
        // SAFETY: shape and strides are right.
        let elements = unsafe { consumer::gather(tensor, 0) };
        assert_eq!(elements.as_deref(), Some(bytes_of(&SIX)));
    }

    /// What Rust finds.
    pub(crate) fn is_six(&self, tensor: &Descriptor) {
        self.change();
        assert_eq!((tensor.shape(), tensor.strides()), (&[2, 3][..], &[3, 1][..]));
        assert_eq!((tensor.numel(), tensor.nbytes()), (6, 24));
        // SAFETY: C has initialised the elements, and nobody writes them now.
        let elements = unsafe { tensor.view::<f32>() }.expect("floats on the host");
        assert!(elements.iter().eq(&SIX), "{:?}", self.change);
    }
}

/// All of them that this machine can make; the one that only a sanitizer is sure to notice comes first where there is one.
fn changes() -> Vec<Change> {
    let mut changes = vec![Change::Rewrites, Change::Moves, Change::Frees];
    if harness::hides_deleted() {
        changes.reverse();
    }
    if harness::has_guard_pages() {
        changes.push(Change::Forbids);
    }
    changes
}

/// The tensor, with arrays that can be changed like this.
fn made_for(spec: &Spec, change: Change) -> Spec {
    if change == Change::Forbids { spec.clone().guard_dims() } else { spec.clone() }
}

/// A row: passes the tensor, after the producer has changed its arrays, to what ends it.
pub(crate) fn row(spec: &Spec, call: impl Fn(ManagedTensorVersioned, &Scene)) {
    for change in changes() {
        let (raw, record) = made_for(spec, change).make_versioned();
        // SAFETY: just made.
        let has_strides = !unsafe { (*raw).dl_tensor.strides }.is_null();
        // SAFETY: C passes it on, and changes the arrays only afterwards.
        let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }.expect("a valid tensor");
        ends_once(Scene { record, change, has_strides }, |scene| call(tensor, scene));
    }
}

/// A row for the legacy ABI.
pub(crate) fn legacy_row(spec: &Spec, call: impl Fn(ManagedTensor, &Scene)) {
    for change in changes() {
        let (raw, record) = made_for(spec, change).make::<DLManagedTensor>();
        // SAFETY: just made.
        let has_strides = !unsafe { (*raw).dl_tensor.strides }.is_null();
        // SAFETY: C passes it on, and changes the arrays only afterwards.
        let tensor = unsafe { ManagedTensor::from_raw(raw) }.expect("a valid tensor");
        ends_once(Scene { record, change, has_strides }, |scene| call(tensor, scene));
    }
}

fn ends_once(scene: Scene, call: impl FnOnce(&Scene)) {
    scene.change();
    assert_eq!(scene.deleted(), 0);
    call(&scene);
    assert_eq!(scene.deleted(), 1, "{:?}", scene.change);
}
