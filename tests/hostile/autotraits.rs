//! What may cross threads, and what is an element: questions for the type checker, asked at run time.

use std::cell::Cell;

use dlpack::layout::Layout;
use dlpack::{
    Access, AnyManagedTensor, BorrowedTensor, DataType, DataTypeCode, Descriptor, Device,
    DeviceType, Error, Exclusive, ExclusiveUninit, Flags, Frozen, ManagedTensor,
    ManagedTensorVersioned, PackedView, RejectedError, TensorView, TensorViewMut, Version,
    types::U4,
    view::{Iter, IterMut, ReadCell, Unaligned},
};

/// Whether a type implements a trait.
///
/// The constant in the inherent block is there only if the bound holds, and is preferred then.
macro_rules! answers {
    ($type:ty: $bound:path) => {{
        #[allow(dead_code)]
        trait Otherwise {
            const ANSWER: bool = false;
        }
        impl<T: ?Sized> Otherwise for T {}
        #[allow(dead_code)]
        struct Ask<T: ?Sized>(std::marker::PhantomData<T>);
        #[allow(dead_code)]
        impl<T: ?Sized + $bound> Ask<T> {
            const ANSWER: bool = true;
        }
        <Ask<$type>>::ANSWER
    }};
}

pub(crate) use answers;

macro_rules! crosses_threads {
    ($($type:ty,)*) => {$(
        assert!(answers!($type: Send), "{} can be sent", stringify!($type));
        assert!(answers!($type: Sync), "{} can be shared", stringify!($type));
    )*};
}

#[test]
fn h101_owners_cross_threads() {
    crosses_threads! {
        ManagedTensor,
        ManagedTensorVersioned,
        AnyManagedTensor,
        BorrowedTensor<'_>,
        Descriptor,
        Frozen<ManagedTensor>,
        Frozen<ManagedTensorVersioned>,
        Frozen<AnyManagedTensor>,
        Frozen<BorrowedTensor<'_>>,
        Exclusive<ManagedTensor>,
        Exclusive<ManagedTensorVersioned>,
        ExclusiveUninit<ManagedTensorVersioned>,
        RejectedError<ManagedTensorVersioned>,
    }
}

#[test]
fn h101_words_cross_threads() {
    crosses_threads! {
        Access, Error, Layout,
        DataType, DataTypeCode, Device, DeviceType, Flags, Version, U4, Unaligned<f32>,
    }
    #[cfg(feature = "alloc")]
    crosses_threads! {
        dlpack::Exporter<'_, Vec<f32>>, dlpack::OpaqueTensor, dlpack::OpaqueTensor<dlpack::sys::DLManagedTensor>,
    }
}

#[test]
fn h101_views_cross_threads_as_references_do() {
    crosses_threads! {
        TensorView<'_, f32>,
        TensorViewMut<'_, f32>,
        Iter<'_, f32>,
        IterMut<'_, f32>,
        PackedView<'_, U4>,
        TensorView<'_, Unaligned<f32>>,
    }
    fn crosses_threads<T: Send + Sync>(_: T) {}
    let _ = |view: &PackedView<'static, U4>| crosses_threads(view.iter());
    assert!(answers!(TensorViewMut<'_, Cell<f32>>: Send));
    assert!(!answers!(TensorViewMut<'_, Cell<f32>>: Sync));
    assert!(!answers!(TensorView<'_, Cell<f32>>: Send));
    assert!(!answers!(TensorView<'_, *const f32>: Send));
    assert!(!answers!(IterMut<'_, *const f32>: Send));
}

#[test]
fn h101_cells_stay_on_their_thread() {
    assert!(!answers!(ReadCell<f32>: Sync));
    assert!(!answers!(TensorView<'_, ReadCell<f32>>: Send));
    assert!(!answers!(TensorView<'_, ReadCell<f32>>: Sync));
    assert!(!answers!(Iter<'_, ReadCell<f32>>: Send));
    assert!(!answers!(Iter<'_, ReadCell<f32>>: Sync));
}

#[test]
fn h101_owners_are_not_cloned() {
    assert!(!answers!(ManagedTensor: Clone));
    assert!(!answers!(ManagedTensorVersioned: Clone));
    assert!(!answers!(AnyManagedTensor: Clone));
    assert!(!answers!(Frozen<ManagedTensor>: Clone));
    assert!(!answers!(Exclusive<ManagedTensor>: Clone));
    assert!(!answers!(TensorViewMut<'_, f32>: Clone));
}

#[test]
fn h101_an_owner_behind_a_local_type_stays_local() {
    assert!(!answers!(RejectedError<std::rc::Rc<u8>>: Send));
    #[cfg(feature = "alloc")]
    assert!(!answers!(dlpack::Exporter<'_, std::rc::Rc<[f32]>>: Send));
    assert!(answers!(u8: Send) && !answers!(*const u8: Send), "the question can be answered no");
}
