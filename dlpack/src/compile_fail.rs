//! What must not compile, each with the error that the compiler gives. There is nothing here at run time.

/// A view does not outlive its tensor.
///
/// ```compile_fail,E0505
/// let tensor = dlpack::Exporter::new(vec![1_u8]).build()?;
/// let view = tensor.view::<u8>()?;
/// drop(tensor);
/// assert_eq!(view[[0]], 1);
/// # Ok::<(), dlpack::Error>(())
/// ```
///
/// Neither does a slice, of the tensor or of a view of it:
///
/// ```compile_fail,E0597
/// let slice = {
///     let tensor = dlpack::Exporter::new(vec![1_u8]).build()?;
///     tensor.as_slice::<u8>()?
/// };
/// # Ok::<(), dlpack::Error>(())
/// ```
///
/// ```compile_fail,E0505
/// let tensor = dlpack::Exporter::new(vec![1_u8]).build()?;
/// let slice = tensor.view::<u8>()?.as_slice()?;
/// drop(tensor.into_raw());
/// assert_eq!(slice, [1]);
/// # Ok::<(), dlpack::Error>(())
/// ```
///
/// Nor a view that was promised something:
///
/// ```compile_fail,E0505
/// let tensor = dlpack::Exporter::new(vec![1_u8]).build()?.into_inner();
/// // SAFETY: the vector was initialised, and nobody else knows of it.
/// let view = unsafe { tensor.view::<u8>() }?;
/// drop(tensor);
/// assert_eq!(view[[0]], 1);
/// # Ok::<(), dlpack::Error>(())
/// ```
struct ViewsEndWithTheirTensor;

/// A borrowed tensor does not leave the call that it is lent for.
///
/// ```compile_fail,E0521
/// use dlpack::{BorrowedTensor, TensorView};
///
/// let view = TensorView::from_slice(&[1_u8, 2], &[2])?;
/// let mut kept = None;
/// view.with_dl_tensor(|raw| {
///     // SAFETY: the tensor is valid during the call.
///     unsafe { BorrowedTensor::with_raw(raw, |tensor| kept = Some(tensor)) }
/// })??;
/// assert!(kept.is_some());
/// # Ok::<(), dlpack::Error>(())
/// ```
struct LentTensorsStay;

/// Nothing else looks at elements while they can be written.
///
/// ```compile_fail,E0499
/// let mut tensor = dlpack::Exporter::new(vec![1_u8]).build()?;
/// let mut one = tensor.view_mut::<u8>()?;
/// let mut two = tensor.view_mut::<u8>()?;
/// one.fill(1);
/// # Ok::<(), dlpack::Error>(())
/// ```
///
/// ```compile_fail,E0502
/// let mut tensor = dlpack::Exporter::new(vec![1_u8]).build()?;
/// let slice = tensor.as_slice::<u8>()?;
/// tensor.view_mut::<u8>()?.fill(1);
/// assert_eq!(slice, [1]);
/// # Ok::<(), dlpack::Error>(())
/// ```
///
/// A shared reference to a tensor is not enough to write it:
///
/// ```compile_fail,E0596
/// let tensor = dlpack::Exporter::new(vec![1_u8]).build()?;
/// tensor.view_mut::<u8>()?.fill(1);
/// # Ok::<(), dlpack::Error>(())
/// ```
///
/// ```compile_fail,E0596
/// let tensor = dlpack::Exporter::new(vec![1_u8]).build()?.into_inner();
/// // SAFETY: the vector was initialised, and nobody else knows of it.
/// unsafe { tensor.view_mut::<u8>() }?.fill(1);
/// # Ok::<(), dlpack::Error>(())
/// ```
///
/// Nor is one to a view:
///
/// ```compile_fail,E0596
/// let mut data = [1_u8, 2];
/// let view = dlpack::TensorViewMut::from_slice(&mut data, &[2])?;
/// let slice = view.as_mut_slice()?;
/// # Ok::<(), dlpack::Error>(())
/// ```
///
/// ```compile_fail,E0308
/// let data = [1_u8, 2];
/// let view = dlpack::TensorViewMut::from_slice(&data, &[2])?;
/// # Ok::<(), dlpack::Error>(())
/// ```
///
/// Mutable views are not doubled:
///
/// ```compile_fail,E0599
/// let mut data = [1_u8, 2];
/// let view = dlpack::TensorViewMut::from_slice(&mut data, &[2])?;
/// let other = view.clone();
/// # Ok::<(), dlpack::Error>(())
/// ```
///
/// ```compile_fail,E0382
/// let mut data = [1_u8, 2, 3, 4];
/// let view = dlpack::TensorViewMut::from_slice(&mut data, &[4])?;
/// let (mut low, high) = view.split_at(0, 2)?;
/// view.into_view();
/// # Ok::<(), dlpack::Error>(())
/// ```
///
/// ```compile_fail,E0499
/// let mut data = [1_u8, 2, 3, 4];
/// let mut view = dlpack::TensorViewMut::from_slice(&mut data, &[4])?;
/// let mut part = view.reborrow();
/// view.fill(1);
/// part.fill(2);
/// # Ok::<(), dlpack::Error>(())
/// ```
///
/// Memory that others may read does not become a tensor that can be written:
///
/// ```compile_fail,E0308
/// let shared = std::sync::Arc::<[i32]>::from([1, 2]);
/// let tensor: dlpack::Exclusive<_> = dlpack::Exporter::shared(shared).build()?;
/// # Ok::<(), dlpack::Error>(())
/// ```
///
/// ```compile_fail,E0277
/// let shared = std::sync::Arc::<[i32]>::from([1, 2]);
/// let tensor = dlpack::Exporter::new(shared).build()?;
/// # Ok::<(), dlpack::Error>(())
/// ```
struct WritingIsExclusive;

/// A tensor has one owner, and its deleter is called once.
///
/// ```compile_fail,E0599
/// let tensor = dlpack::Exporter::new(vec![1_u8]).build()?.into_inner();
/// let other = tensor.clone();
/// # Ok::<(), dlpack::Error>(())
/// ```
///
/// ```compile_fail,E0382
/// let tensor = dlpack::Exporter::new(vec![1_u8]).build()?.into_inner();
/// let raw = tensor.into_raw();
/// drop(tensor);
/// # Ok::<(), dlpack::Error>(())
/// ```
///
/// The C structs are not copied either, since a copy would be deleted again:
///
/// ```compile_fail,E0507
/// use dlpack::sys::DLManagedTensorVersioned;
///
/// fn take(tensor: &DLManagedTensorVersioned) -> DLManagedTensorVersioned {
///     *tensor
/// }
/// ```
///
/// ```compile_fail,E0507
/// use dlpack::sys::DLManagedTensor;
///
/// fn take(tensor: &DLManagedTensor) -> DLManagedTensor {
///     *tensor
/// }
/// ```
struct OwnersAreSingle;

/// What a tensor says of itself was checked, and cannot be written afterwards.
///
/// ```compile_fail,E0616
/// let mut tensor = dlpack::Exporter::new(vec![1_u8]).build()?.into_inner();
/// tensor.data = core::ptr::null_mut();
/// # Ok::<(), dlpack::Error>(())
/// ```
///
/// ```compile_fail
/// let descriptor = dlpack::Descriptor { data: core::ptr::null_mut() };
/// ```
///
/// ```compile_fail,E0596
/// use core::ops::DerefMut;
///
/// let one = dlpack::Exporter::new(vec![1_u8]).build()?.into_inner();
/// let mut two = dlpack::Exporter::new(vec![1_u8; 99]).build()?.into_inner();
/// let descriptor: &mut dlpack::Descriptor = &mut *two;
/// # Ok::<(), dlpack::Error>(())
/// ```
///
/// A promise is made in an `unsafe` call, not by writing the wrapper:
///
/// ```compile_fail,E0423
/// let tensor = dlpack::Exporter::new(vec![1_u8]).build()?.into_inner();
/// let tensor = dlpack::Frozen(tensor);
/// # Ok::<(), dlpack::Error>(())
/// ```
///
/// ```compile_fail,E0423
/// let tensor = dlpack::Exporter::new(vec![1_u8]).build()?.into_inner();
/// let tensor = dlpack::Exclusive(tensor);
/// # Ok::<(), dlpack::Error>(())
/// ```
struct ChecksHold;

/// Whatever follows a raw pointer is `unsafe`.
///
/// ```compile_fail,E0133
/// let raw: *mut dlpack::sys::DLManagedTensorVersioned = core::ptr::null_mut();
/// let tensor = dlpack::ManagedTensorVersioned::from_raw(raw);
/// ```
///
/// ```compile_fail,E0133
/// let raw: *mut dlpack::sys::DLManagedTensor = core::ptr::null_mut();
/// let tensor = dlpack::ManagedTensor::from_raw(raw);
/// ```
///
/// ```compile_fail,E0133
/// let raw: *const dlpack::sys::DLTensor = core::ptr::null();
/// let tensor = dlpack::BorrowedTensor::with_raw(raw, |tensor| tensor.numel());
/// ```
///
/// DLPack does not promise that elements are initialised, or that nobody writes them:
///
/// ```compile_fail,E0133
/// let tensor = dlpack::Exporter::new(vec![1_u8]).build()?.into_inner();
/// let view = tensor.view::<u8>()?;
/// # Ok::<(), dlpack::Error>(())
/// ```
///
/// ```compile_fail,E0133
/// let tensor = dlpack::Exporter::new(vec![1_u8]).build()?.into_inner();
/// let copy = tensor.to_copy()?;
/// # Ok::<(), dlpack::Error>(())
/// ```
///
/// ```compile_fail,E0133
/// let tensor = dlpack::Exporter::new(vec![1_u8]).build()?.into_inner();
/// let tensor = tensor.assume_exclusive();
/// # Ok::<(), dlpack::Error>(())
/// ```
///
/// The C struct has no methods that follow its pointers:
///
/// ```compile_fail,E0599
/// fn count(tensor: &dlpack::sys::DLTensor) -> i64 {
///     tensor.numel()
/// }
/// ```
struct RawPointersAreUnsafe;

/// Traits on which `unsafe` code relies are `unsafe` to implement.
///
/// ```compile_fail,E0200
/// #[derive(Clone, Copy)]
/// struct Mine(u8);
/// // SAFETY: a transparent byte.
/// unsafe impl bytemuck::Zeroable for Mine {}
/// unsafe impl bytemuck::Pod for Mine {}
/// impl dlpack::Element for Mine {
///     const DTYPE: dlpack::DataType = dlpack::DataType::U8;
/// }
/// ```
///
/// ```compile_fail,E0200
/// struct Mine;
/// impl dlpack::allocator::Allocator for Mine {
///     fn allocate(&self, _: core::alloc::Layout) -> Option<core::ptr::NonNull<u8>> {
///         None
///     }
///
///     unsafe fn deallocate(&self, _: core::ptr::NonNull<u8>, _: core::alloc::Layout) {}
/// }
/// ```
///
/// An element of the wrong size is refused even so:
///
/// ```compile_fail,E0080
/// #[derive(Clone, Copy)]
/// #[repr(transparent)]
/// struct Wrong(u32);
/// // SAFETY: a transparent number.
/// unsafe impl bytemuck::Zeroable for Wrong {}
/// unsafe impl bytemuck::Pod for Wrong {}
/// // SAFETY: none: a lie about the size.
/// unsafe impl dlpack::Element for Wrong {
///     const DTYPE: dlpack::DataType = dlpack::DataType::U8;
/// }
///
/// let tensor = dlpack::Exporter::new(vec![1_u8]).build()?;
/// let view = tensor.view::<Wrong>()?;
/// # Ok::<(), dlpack::Error>(())
/// ```
///
/// The others are not for implementing at all:
///
/// ```compile_fail,E0277
/// struct Mine;
/// impl dlpack::Abi for Mine {}
/// ```
///
/// ```compile_fail,E0277
/// struct Mine;
/// impl dlpack::view::ViewElement for Mine {
///     type Value = u8;
///     fn value(&self) -> u8 {
///         0
///     }
/// }
/// ```
struct ContractsAreUnsafe;

/// Not every bit pattern of a `bool`, a `char` or an enum is valid, and references are not for exchange.
///
/// ```compile_fail,E0277
/// let tensor = dlpack::Exporter::new(vec![1_u8]).build()?;
/// let view = tensor.view::<bool>()?;
/// # Ok::<(), dlpack::Error>(())
/// ```
///
/// ```compile_fail,E0277
/// let tensor = dlpack::Exporter::new(vec![1_u32]).build()?;
/// let view = tensor.view::<char>()?;
/// # Ok::<(), dlpack::Error>(())
/// ```
///
/// ```compile_fail,E0277
/// let tensor = dlpack::Exporter::new(vec![1_u64]).build()?;
/// let view = tensor.view::<&'static u8>()?;
/// # Ok::<(), dlpack::Error>(())
/// ```
///
/// ```compile_fail,E0277
/// let tensor = dlpack::Exporter::new(vec![1_u8]).build()?;
/// let view = tensor.view::<core::cmp::Ordering>()?;
/// # Ok::<(), dlpack::Error>(())
/// ```
struct ElementsArePlain;

/// An owner is dropped by a consumer, whenever and on whatever thread that is: it must not borrow.
///
/// ```compile_fail,E0597
/// struct Window<'a>(&'a [f32]);
///
/// let data = vec![1.0_f32];
/// let tensor = dlpack::Exporter::of(Window(&data), |window| window.0).build();
/// ```
///
/// What it lends, it must own: neither a slice of something else nor one behind a guard.
///
/// ```compile_fail,E0597
/// let data = vec![1.0_f32];
/// let tensor = dlpack::Exporter::of((), |_| &data[..]).build();
/// ```
///
/// ```compile_fail,E0515
/// let owner = std::sync::Mutex::new(vec![1.0_f32]);
/// let tensor = dlpack::Exporter::of(owner, |owner| &owner.lock().unwrap()[..]).build();
/// ```
///
/// And it must be [`Send`], which what is bound to its thread is not:
///
/// ```compile_fail,E0277
/// let owner = std::rc::Rc::<[f32]>::from([1.0]);
/// let tensor = dlpack::Exporter::of(owner, |owner| &owner[..]).build();
/// ```
///
/// ```compile_fail,E0277
/// static LOCK: std::sync::Mutex<Vec<f32>> = std::sync::Mutex::new(Vec::new());
/// let owner = LOCK.lock().unwrap();
/// let tensor = dlpack::Exporter::of(owner, |owner| &owner[..]).build();
/// ```
///
/// Shared memory is not written:
///
/// ```compile_fail,E0599
/// let owner = std::sync::Arc::<[f32]>::from([1.0]);
/// let tensor = dlpack::Exporter::shared(owner).build()?.view_mut::<f32>()?;
/// # Ok::<(), dlpack::Error>(())
/// ```
///
/// What is lent comes back as it went, so that nothing that lives shorter can be put in its place:
///
/// ```compile_fail
/// use dlpack::loan::Loaned;
///
/// fn shorten<'a>(loaned: Loaned<&'static str>) -> Loaned<&'a str> {
///     loaned
/// }
/// ```
///
/// Neither can it be put in the place of an element, by a view that writes or by its iterator:
///
/// ```compile_fail
/// fn shorten<'a>(view: dlpack::TensorViewMut<'a, &'static str>) -> dlpack::TensorViewMut<'a, &'a str> {
///     view
/// }
/// ```
///
/// ```compile_fail
/// fn shorten<'a>(iter: dlpack::view::IterMut<'a, &'static str>) -> dlpack::view::IterMut<'a, &'a str> {
///     iter
/// }
/// ```
///
/// What only reads may be read as what lives shorter:
///
/// ```
/// fn shorten<'a>(view: dlpack::TensorView<'a, &'static str>) -> dlpack::TensorView<'a, &'a str> {
///     view
/// }
/// # let _ = shorten;
/// ```
///
/// And an owner that two threads may not look at is not looked at by two threads on loan:
///
/// ```compile_fail,E0277
/// fn share(loaned: &dlpack::loan::Loaned<std::cell::Cell<u8>>) -> impl Send {
///     loaned
/// }
/// ```
struct OwnersAreFree;

/// A view that its thread writes behind its back does not leave the thread.
///
/// ```compile_fail,E0277
/// fn send(view: dlpack::TensorView<'static, dlpack::view::ReadCell<f32>>) -> impl Send {
///     view
/// }
/// ```
///
/// ```compile_fail,E0277
/// fn share(view: &dlpack::TensorView<'static, dlpack::view::ReadCell<f32>>) -> impl Send {
///     view
/// }
/// ```
///
/// ```compile_fail,E0277
/// fn send(elements: dlpack::view::Iter<'static, dlpack::view::ReadCell<f32>>) -> impl Send {
///     elements
/// }
/// ```
struct ThreadsAreKept;

/// A producer from C is asked by one thread at a time.
///
/// ```compile_fail,E0277
/// fn share(producer: &dlpack::negotiate::ForeignProducer) -> impl Send {
///     producer
/// }
/// ```
struct ProducersAreAskedInTurn;

/// A producer that may not leave its thread is not given to C, and one that may not be shared is not lent.
///
/// ```compile_fail,E0277
/// use dlpack::negotiate::{Producer, RawProducer};
///
/// fn give<P: Producer + 'static>(producer: P) -> RawProducer {
///     RawProducer::new(producer).unwrap()
/// }
/// ```
///
/// ```compile_fail,E0277
/// use dlpack::negotiate::{Producer, RawProducer};
///
/// fn lend<P: Producer>(producer: &P) {
///     RawProducer::lend(producer, |_| ());
/// }
/// ```
///
/// Nor does C keep a borrowed one:
///
/// ```compile_fail,E0310
/// use dlpack::negotiate::{Producer, RawProducer};
///
/// fn give<P: Producer + Send + Sync>(producer: P) -> RawProducer {
///     RawProducer::new(producer).unwrap()
/// }
/// ```
struct ProducersAreFree;

/// What may be uninitialised cannot be read without a promise.
///
/// ```compile_fail,E0133
/// let copy = dlpack::Exporter::new(vec![1_u8]).copied().build()?.into_inner();
/// let view = copy.try_exclusive()?.view::<u8>()?;
/// # Ok::<(), dlpack::Error>(())
/// ```
///
/// ```compile_fail,E0308
/// let copy = dlpack::Exporter::new(vec![1_u8]).copied().build()?.into_inner();
/// let tensor: dlpack::Exclusive<_> = copy.try_exclusive()?;
/// # Ok::<(), dlpack::Error>(())
/// ```
struct UninitialisedStaysUnread;

/// What a tensor says of itself cannot be exchanged for what another says.
///
/// ```compile_fail,E0624
/// use dlpack::{Descriptor, ManagedTensorVersioned};
///
/// fn descriptor(tensor: &mut ManagedTensorVersioned) -> &mut Descriptor {
///     tensor.descriptor_mut()
/// }
/// ```
///
/// ```compile_fail,E0596
/// let mut one = dlpack::Exporter::new([1_u8]).build()?;
/// let mut two = dlpack::Exporter::new([1_u8, 2]).build()?;
/// core::mem::swap(&mut *one, &mut *two);
/// # Ok::<(), dlpack::Error>(())
/// ```
struct DescriptorsStay;

/// Elements have a size.
///
/// ```compile_fail,E0080
/// let view = dlpack::TensorView::from_slice(&[(), ()], &[2]);
/// ```
///
/// An `Element` has the size of its dtype, also where no view is made of it:
///
/// ```compile_fail,E0080
/// use dlpack::{DataType, Element, Exporter};
///
/// #[derive(Clone, Copy)]
/// #[repr(transparent)]
/// struct Short(u32);
///
/// unsafe impl bytemuck::Zeroable for Short {}
/// unsafe impl bytemuck::Pod for Short {}
/// unsafe impl Element for Short {
///     const DTYPE: DataType = DataType::F64;
/// }
///
/// let tensor = Exporter::new(vec![Short(1)]).build();
/// ```
struct ElementsHaveTheirSize;

/// No check can see whether a library keeps the memory of its objects, so what is asked of it is a promise.
///
/// ```compile_fail,E0133
/// fn rank(library: &dlpack::exchange::ExchangeApi, object: *mut core::ffi::c_void) -> usize {
///     library.with_object(object, |tensor| tensor.ndim()).unwrap_or(0)
/// }
/// ```
///
/// What it lends does not leave the call:
///
/// ```compile_fail,E0521
/// fn keep(library: &dlpack::exchange::ExchangeApi, object: *mut core::ffi::c_void) {
///     let mut kept: Option<dlpack::BorrowedTensor<'static>> = None;
///     // SAFETY: none, as it does not compile.
///     let _ = unsafe { library.with_object(object, |tensor| kept = Some(tensor)) };
/// }
/// ```
///
/// Neither does a tensor that is offered, until it is accepted:
///
/// ```compile_fail,E0521
/// fn keep(offer: dlpack::exchange::Offer<'_>) {
///     core::mem::drop::<dlpack::exchange::Offer<'static>>(offer);
/// }
/// ```
///
/// Nor does it go to another thread:
///
/// ```compile_fail,E0277
/// fn send(offer: dlpack::exchange::Offer<'static>) -> impl Send {
///     offer
/// }
/// ```
struct LentStaysLent;

/// A tensor that leaves is not looked at again without a promise.
///
/// ```compile_fail,E0133
/// let tensor = dlpack::Exporter::new([1_u8, 2]).into_opaque()?;
/// let tensor = tensor.into_managed()?;
/// # Ok::<(), dlpack::Error>(())
/// ```
///
/// A tensor that came in needs a struct of this crate to leave, for which there may be no memory:
///
/// ```compile_fail,E0277
/// fn leave(tensor: dlpack::ManagedTensorVersioned) -> dlpack::OpaqueTensor {
///     tensor.into()
/// }
/// ```
///
/// Neither does a producer's own struct leave without a promise:
///
/// ```compile_fail,E0133
/// fn leave(raw: core::ptr::NonNull<dlpack::sys::DLManagedTensorVersioned>) -> dlpack::OpaqueTensor {
///     dlpack::OpaqueTensor::from_raw(raw)
/// }
/// ```
struct LeavingIsNotLooking;

/// A table stays where it is for as long as the process runs.
///
/// ```compile_fail,E0716
/// fn table<L: dlpack::exchange::Library>() -> *const dlpack::sys::DLPackExchangeAPI {
///     let table: &'static _ = &dlpack::exchange::ExchangeTable::<L>::new();
///     table.as_raw()
/// }
/// ```
struct TablesStay;

/// A view of elements that others may write stays on its thread, as a matrix of another crate, too.
///
/// Older versions of `nalgebra` let a matrix view go to another thread wherever its elements may go, though it only
/// borrows them.
///
/// ```compile_fail,E0277
/// use nalgebra::DVectorView;
///
/// let tensor = dlpack::Exporter::new(vec![1_u8, 2]).build()?.into_inner();
/// // SAFETY: the elements are initialised, and this thread alone writes them.
/// let cells = unsafe { tensor.view_as::<dlpack::view::ReadCell<u8>>() }?;
/// let column = DVectorView::<dlpack::view::ReadCell<u8>>::try_from(cells)?;
/// assert_eq!(column.len(), 2);
/// # Ok::<(), dlpack::Error>(())
/// ```
///
/// Elements that nobody writes may go anywhere:
///
/// ```
/// use nalgebra::DVectorView;
///
/// let tensor = dlpack::Exporter::new(vec![1_u8, 2]).build()?;
/// let column = DVectorView::<u8>::try_from(tensor.view::<u8>()?)?;
/// let sum = std::thread::scope(|scope| scope.spawn(|| column.sum()).join()).expect("a sum");
/// assert_eq!(sum, 3);
/// # Ok::<(), dlpack::Error>(())
/// ```
#[cfg(feature = "nalgebra")]
struct MatricesOfCellsStay;
