//! Which types may cross threads: every public one is here. Those that may not have their examples in
//! `dlpack/src/compile_fail.rs`.

use std::panic::{RefUnwindSafe, UnwindSafe};

use dlpack::{
    Access, AnyManagedTensor, DataType, DataTypeCode, Descriptor, Device, DeviceType, Error,
    Exclusive, ExclusiveUninit, Flags, Frozen, ManagedTensor, ManagedTensorVersioned, OpaqueTensor,
    PackedView, RejectedError, TensorView, TensorViewMut, Version,
    layout::Layout,
    negotiate,
    types::{
        Bool1, Bool8, F4E2m1fn, F6E2m3fn, F6E3m2fn, F8E3m4, F8E4m3, F8E4m3b11fnuz, F8E4m3fn,
        F8E4m3fnuz, F8E5m2, F8E5m2fnuz, F8E8m0fnu, I2, I4, U1, U2, U4,
    },
    view::{Iter, IterMut, ReadCell, Unaligned},
};

fn shared<T: Send + Sync>() {}
fn all_shared<T: Send + Sync>(_: T) {}
fn sent<T: Send>() {}
fn safe_to_unwind<T: UnwindSafe + RefUnwindSafe>() {}
fn moved_freely<T: Unpin>() {}
fn lives_on<T: 'static>() {}

#[test]
fn words() {
    fn word<T: Copy + Send + Sync + UnwindSafe + RefUnwindSafe + Unpin + 'static>() {}

    word::<Version>();
    word::<DeviceType>();
    word::<Device>();
    word::<DataTypeCode>();
    word::<DataType>();
    word::<Flags>();
    word::<Access>();
    word::<Layout>();
    word::<Error>();
    word::<negotiate::Request>();
    word::<negotiate::CopyPolicy>();
    word::<negotiate::Stream>();
    word::<negotiate::Status>();
    word::<negotiate::ProducerTable>();
}

#[test]
fn producers() {
    sent::<negotiate::ForeignProducer>();
    lives_on::<negotiate::ForeignProducer>();
}

#[test]
fn exchange() {
    use dlpack::exchange::{ExchangeApi, Report};

    fn word<T: Copy + Send + Sync + UnwindSafe + RefUnwindSafe + Unpin + 'static>() {}

    word::<ExchangeApi>();
    word::<Report>();
}

#[test]
fn elements() {
    fn element<T: Copy + Send + Sync + UnwindSafe + Unpin + 'static>() {}

    element::<Bool8>();
    element::<F8E3m4>();
    element::<F8E4m3>();
    element::<F8E4m3b11fnuz>();
    element::<F8E4m3fn>();
    element::<F8E4m3fnuz>();
    element::<F8E5m2>();
    element::<F8E5m2fnuz>();
    element::<F8E8m0fnu>();
    element::<F6E2m3fn>();
    element::<F6E3m2fn>();
    element::<F4E2m1fn>();
    element::<Bool1>();
    element::<I2>();
    element::<I4>();
    element::<U1>();
    element::<U2>();
    element::<U4>();
    element::<Unaligned<f64>>();
    sent::<ReadCell<f64>>();
}

#[test]
fn owners() {
    fn owner<T: Send + Sync + Unpin + 'static>() {}

    owner::<ManagedTensor>();
    owner::<ManagedTensorVersioned>();
    owner::<AnyManagedTensor>();
    owner::<OpaqueTensor>();
    owner::<OpaqueTensor<dlpack::sys::DLManagedTensor>>();
    owner::<Frozen<ManagedTensorVersioned>>();
    owner::<Frozen<AnyManagedTensor>>();
    owner::<Exclusive<ManagedTensor>>();
    owner::<ExclusiveUninit<ManagedTensorVersioned>>();
    owner::<Descriptor>();
    owner::<RejectedError<ManagedTensor>>();
}

#[test]
fn views() {
    shared::<TensorView<'_, f32>>();
    shared::<TensorView<'_, Unaligned<f32>>>();
    shared::<TensorView<'_, std::mem::MaybeUninit<f32>>>();
    shared::<TensorViewMut<'_, f32>>();
    shared::<PackedView<'_, U4>>();
    shared::<Iter<'_, f32>>();
    shared::<IterMut<'_, f32>>();
    // A mutable iterator is sent as a `&mut [T]` is, which asks nothing but `Send` of its elements.
    sent::<IterMut<'_, std::cell::Cell<u8>>>();
    sent::<TensorViewMut<'_, std::cell::Cell<u8>>>();
    let _ = |view: &PackedView<'static, U4>| all_shared(view.iter());
    moved_freely::<TensorView<'_, f32>>();
    moved_freely::<TensorViewMut<'_, f32>>();
    lives_on::<TensorView<'static, f32>>();
    safe_to_unwind::<PackedView<'_, U4>>();
}

#[cfg(feature = "alloc")]
#[test]
fn exporters() {
    use dlpack::Exporter;
    use dlpack::allocator::{Pool, Slot};
    use dlpack::loan::{Claim, Loaned};
    use std::sync::Arc;

    /// May be sent, but is nothing that two threads may look at.
    type Local = std::cell::Cell<u8>;

    fn exported<T: Send + Sync>(_: T) {}
    fn moved<T: Send>(_: T) {}

    shared::<Exporter<'_, Vec<f32>>>();
    shared::<Pool>();
    shared::<Slot<Local, 1>>();
    shared::<Loaned<u8>>();
    sent::<Loaned<Local>>();
    shared::<Claim<Local>>();
    static SLOT: Slot<std::sync::atomic::AtomicU8, 1> = Slot::new();
    // SAFETY: nothing is exported.
    moved(unsafe { SLOT.single() });
    sent::<Exporter<'_, Local>>();
    exported(Exporter::new(vec![1.0_f32]));
    exported(Exporter::new(Box::<[f32]>::from([1.0])));
    exported(Exporter::new([1.0_f32; 4]));
    exported(Exporter::new(<&'static mut [f32]>::default()));
    exported(Exporter::new(Loaned::new(vec![1.0_f32]).unwrap().0));
    exported(Exporter::shared(Arc::<[f32]>::from([1.0])));
    exported(Exporter::shared(<&'static [f32]>::default()));
    exported(Exporter::shared(std::borrow::Cow::<'static, [f32]>::default()));
    exported(Exporter::of(Arc::new(vec![1.0_f32]), |vector| vector.as_slice()));
    exported(Exporter::of(Arc::new([1.0_f32]), |array| &array[..]));
    exported(Exporter::of(Arc::new(Box::<[f32]>::from([1.0])), |boxed| &boxed[..]));
    exported(Exporter::of_mut(Box::new([1.0_f32]), |boxed| &mut boxed[..]));
}

/// Views go to other threads, and their lifetime is all that they borrow.
#[test]
fn a_view_is_read_by_other_threads() {
    let numbers = [1_u32, 2, 3, 4];
    let view = TensorView::from_slice(&numbers, &[2, 2]).unwrap();
    let sums = std::thread::scope(|scope| {
        let rows = [0, 1].map(|row| view.select(0, row).unwrap());
        rows.map(|row| scope.spawn(move || row.iter().sum::<u32>())).map(|sum| sum.join().unwrap())
    });
    assert_eq!(sums, [3, 7]);
}

#[test]
fn a_mutable_view_is_split_among_threads() {
    let mut numbers = [1_u32, 2, 3, 4];
    let view = TensorViewMut::from_slice(&mut numbers, &[2, 2]).unwrap();
    let (mut one, mut two) = view.split_at(1, 1).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || one.fill(10));
        scope.spawn(move || two.iter_mut().for_each(|x| *x *= 2));
    });
    assert_eq!(numbers, [10, 4, 10, 8]);
}
