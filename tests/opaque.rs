//! Tensors without metadata: on their way to a consumer, who may never come, or kept for their end alone.
#![cfg(feature = "alloc")]

use std::ptr::NonNull;
use std::sync::Arc;
use std::thread;

use dlpack::sys::{self, DLManagedTensor, DLManagedTensorVersioned};
use dlpack::{
    Error, Exporter, Flags, Managed, ManagedTensor, ManagedTensorVersioned, OpaqueTensor, Version,
};
use harness::Spec;
use harness::abi::Abi;
use harness::alloc::{CountingAllocator, count, fail_nth};
use harness::owners::Counted;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const NUMBERS: [i32; 3] = [1, 2, 3];

/// What the consumer finds.
fn arrived<A: Abi>(opaque: OpaqueTensor<A>) -> Managed<A> {
    // SAFETY: an opaque tensor holds the contract.
    unsafe { A::import(opaque.into_raw()) }
}

#[test]
fn an_owner_ends_with_its_tensor() {
    let owner = Arc::new([1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let shared: Arc<[f32]> = owner.clone();
    let opaque = Exporter::shared(shared).shape(&[2, 3]).into_opaque().unwrap();
    assert_eq!(Arc::strong_count(&owner), 2);
    thread::spawn(move || drop(opaque)).join().unwrap();
    assert_eq!(Arc::strong_count(&owner), 1);
}

#[test]
fn a_consumer_finds_what_was_exported() {
    let data = vec![1_u16, 2, 3, 4, 5, 6];
    let start = data.as_ptr();
    let opaque = Exporter::new(data).shape(&[2, 3]).strides(&[1, 2]).read_only().into_opaque();
    let tensor = arrived(opaque.unwrap());
    assert_eq!((tensor.shape(), tensor.strides()), (&[2, 3][..], &[1, 2][..]));
    assert_eq!(tensor.data().cast_const(), start.cast());
    assert_eq!((tensor.flags(), tensor.dtype().to_string()), (Flags::READ_ONLY, "uint16".into()));
    assert_eq!(tensor.downcast::<Vec<u16>>().unwrap(), [1, 2, 3, 4, 5, 6]);
}

#[test]
fn a_refused_owner_comes_back() {
    let refused = Exporter::new(vec![1_u8, 2]).shape(&[2, 2]).into_opaque().unwrap_err();
    assert!(matches!(refused.error(), Error::OutOfBounds { .. }), "{:?}", refused.error());
    assert_eq!(refused.into_inner(), [1, 2]);
}

/// Ours is passed on as it is; one that came in is put under a header of ours, which says what was checked.
#[test]
fn of_a_tensor() {
    fn each<A: Abi>(own: Managed<A>) {
        let raw = own.as_raw();
        let (opaque, allocations) = count(|| own.into_opaque().unwrap());
        assert_eq!((opaque.as_raw(), allocations), (raw, 0));
        drop(arrived(opaque).downcast::<Vec<u16>>().unwrap());

        let (tensor, record) =
            A::from_c(&Spec::of(&NUMBERS).version(1, 0).byte_offset(0).null_strides());
        let (raw, data) = (tensor.as_raw(), tensor.data());
        let (opaque, allocations) = count(|| tensor.into_opaque().unwrap());
        assert_eq!(allocations, 1);
        assert_ne!(opaque.as_raw(), raw);
        // The producer may write its arrays now.
        record.move_live(&[300], &[-7]);
        let tensor = arrived(opaque);
        assert_eq!((tensor.shape(), tensor.strides()), (&[3][..], &[1][..]));
        assert_eq!((tensor.data(), tensor.dtype()), (data, dlpack::DataType::I32));
        assert!(tensor.version().is_none_or(|version| version == Version::CURRENT));
        assert_eq!(record.deleted(), 0);
        // Its owner is the tensor that came in.
        let tensor = tensor.downcast::<Managed<A>>().unwrap();
        assert_eq!((tensor.as_raw(), record.deleted()), (raw, 0));
        drop(tensor);
        assert_eq!(record.deleted(), 1);
    }
    let exporter = || Exporter::new(vec![1_u16, 2]);
    each::<DLManagedTensorVersioned>(exporter().build().unwrap().into_inner());
    each::<DLManagedTensor>(exporter().build_legacy().unwrap().into_inner());
}

/// What has been to C and back may have been written there, and is treated as one that came in.
#[test]
fn of_an_own_tensor_that_came_back() {
    let raw = Exporter::new(vec![1_u16, 2]).into_raw().unwrap();
    // SAFETY: just passed on.
    let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }.unwrap();
    let (opaque, allocations) = count(|| tensor.into_opaque().unwrap());
    assert_eq!(allocations, 1);
    assert_ne!(opaque.as_raw(), raw);
    let tensor = arrived(opaque).downcast::<ManagedTensorVersioned>().unwrap();
    assert_eq!(tensor.downcast::<Vec<u16>>().unwrap(), [1, 2]);
}

#[test]
fn without_memory_the_tensor_comes_back() {
    let (tensor, record) = DLManagedTensorVersioned::from_c(&Spec::of(&NUMBERS));
    let failure = fail_nth(1);
    let refused = tensor.into_opaque().unwrap_err();
    assert!(failure.happened());
    drop(failure);
    assert_eq!((refused.error(), record.deleted()), (Error::AllocationFailed, 0));
    drop(refused.into_inner().into_opaque().unwrap());
    assert_eq!(record.deleted(), 1);
}

#[test]
fn a_share_says_what_a_described_one_says() {
    let odd = Spec::of(&NUMBERS).flags(sys::DLPACK_FLAG_BITMASK_IS_COPIED);
    for spec in [Spec::of(&NUMBERS), odd] {
        let (tensor, record) = DLManagedTensorVersioned::from_c(&spec);
        let tensor = Arc::new(tensor);
        let (opaque, described) = (tensor.share_opaque().unwrap(), tensor.share().unwrap());
        drop(tensor);
        let child = arrived(opaque);
        assert_eq!((child.data(), child.device()), (described.data(), described.device()));
        assert_eq!((child.shape(), child.strides()), (described.shape(), described.strides()));
        assert_eq!((child.dtype(), child.flags()), (described.dtype(), described.flags()));
        drop(described);
        assert_eq!(record.deleted(), 0);
        drop(child);
        assert_eq!(record.deleted(), 1);
    }
}

#[test]
fn it_crosses_threads_and_is_a_pointer() {
    fn crosses_threads<T: Send + Sync>() {}
    crosses_threads::<OpaqueTensor>();
    crosses_threads::<OpaqueTensor<DLManagedTensor>>();
    assert_eq!(size_of::<Option<OpaqueTensor>>(), size_of::<usize>());
    assert_eq!(
        format!("{:?}", Exporter::new([1_u8]).into_opaque().unwrap()),
        "OpaqueTensor { .. }"
    );
}

/// What a consumer of the legacy ABI finds, which takes one allocation more.
fn arrived_legacy(tensor: ManagedTensorVersioned) -> ManagedTensor {
    let opaque = tensor.into_opaque().unwrap();
    let (legacy, allocations) = count(|| opaque.into_legacy().unwrap());
    assert_eq!(allocations, 1);
    arrived(legacy)
}

#[test]
fn a_legacy_consumer_finds_the_same() {
    for offset in [0, 4] {
        let (tensor, record) =
            DLManagedTensorVersioned::from_c(&Spec::of(&NUMBERS[..2]).byte_offset(offset));
        let start = tensor.data().wrapping_byte_add(usize::try_from(offset).unwrap());
        let legacy = arrived_legacy(tensor);
        assert_eq!((legacy.data(), legacy.byte_offset()), (start, 0));
        assert_eq!((legacy.shape(), legacy.strides()), (&[2][..], &[1][..]));
        assert_eq!((legacy.version(), record.deleted()), (None, 0));
        thread::spawn(move || drop(legacy)).join().unwrap();
        assert_eq!(record.deleted(), 1);
    }
}

#[test]
fn a_legacy_consumer_finds_strides_even_if_the_producer_gave_none() {
    let (tensor, record) =
        DLManagedTensorVersioned::from_c(&Spec::of(&NUMBERS).version(1, 0).null_strides());
    let raw = tensor.into_opaque().unwrap().into_legacy().unwrap().into_raw();
    // SAFETY: just passed on.
    assert!(!unsafe { (*raw).dl_tensor.strides }.is_null());
    // SAFETY: the same.
    drop(unsafe { ManagedTensor::from_raw(raw) }.unwrap());
    assert_eq!(record.deleted(), 1);
}

#[test]
fn what_the_legacy_abi_cannot_say_is_handed_back() {
    let flags = [
        (sys::DLPACK_FLAG_BITMASK_READ_ONLY, Error::ReadOnlyNotExpressible),
        (sys::DLPACK_FLAG_BITMASK_IS_SUBBYTE_TYPE_PADDED, Error::PaddedNotExpressible),
    ];
    for (flag, error) in flags {
        let (tensor, record) = DLManagedTensorVersioned::from_c(&Spec::of(&NUMBERS).flags(flag));
        let opaque = tensor.into_opaque().unwrap();
        let raw = opaque.as_raw();
        let (opaque, found) = opaque.into_legacy().unwrap_err().into_parts();
        assert_eq!((found, opaque.as_raw(), record.deleted()), (error, raw, 0));
        assert_eq!(arrived(opaque).flags().bits(), flag);
        assert_eq!(record.deleted(), 1);
    }
    let opaque = Exporter::new([1_u8]).into_opaque().unwrap();
    let failure = fail_nth(1);
    let refused = opaque.into_legacy().unwrap_err();
    assert!(failure.happened());
    drop(failure);
    assert_eq!(refused.error(), Error::AllocationFailed);
    assert_eq!(arrived(refused.into_inner()).downcast::<[u8; 1]>().unwrap(), [1]);
}

/// A consumer of the legacy struct may have written the arrays that it has in common with the one before.
#[test]
fn nobody_finds_the_opaque_tensor_behind_a_legacy_one() {
    let (owner, fate) = Counted::new(&[1_u8, 2]);
    let legacy = Exporter::new(owner).into_opaque().unwrap().into_legacy().unwrap();
    let tensor = arrived(legacy).downcast::<OpaqueTensor>().unwrap_err();
    let tensor = tensor.downcast::<OpaqueTensor<DLManagedTensor>>().unwrap_err();
    let tensor = tensor.downcast::<ManagedTensorVersioned>().unwrap_err();
    let tensor = tensor.downcast::<Counted<u8>>().unwrap_err();
    // SAFETY: the bytes above, which nobody writes.
    assert_eq!(unsafe { tensor.as_slice::<u8>() }, Ok(&[1, 2][..]));
    assert_eq!(fate.dropped(), 0);
    drop(tensor);
    assert_eq!(fate.dropped(), 1);
}

#[test]
fn it_can_be_imported() {
    fn each<A: Abi>() {
        let (tensor, record) = A::from_c(&Spec::of(&NUMBERS));
        // SAFETY: nobody has written the struct.
        let tensor = unsafe { tensor.into_opaque().unwrap().into_managed() }.unwrap();
        assert_eq!((tensor.shape(), record.deleted()), (&[3][..], 0));
        drop(tensor);
        assert_eq!(record.deleted(), 1);
    }
    each::<DLManagedTensorVersioned>();
    each::<DLManagedTensor>();
}

/// A storage type keeps the struct of a producer whose arrays last, for its end alone.
#[test]
fn kept_for_its_end() {
    fn each<A: Abi>() {
        let (raw, record) = Spec::of(&NUMBERS).make::<A>();
        // SAFETY: C passes the tensor on, and leaves the arrays alone until the deleter.
        let opaque = unsafe { OpaqueTensor::<A>::from_raw(NonNull::new(raw).unwrap()) };
        assert_eq!((opaque.as_raw(), record.deleted()), (raw, 0));
        thread::spawn(move || drop(opaque)).join().unwrap();
        assert_eq!(record.deleted(), 1);

        let (raw, record) = Spec::of(&NUMBERS).null_deleter().make::<A>();
        // SAFETY: the same.
        drop(unsafe { OpaqueTensor::<A>::from_raw(NonNull::new(raw).unwrap()) });
        assert_eq!((record.deleted(), record.is_alive()), (0, true));
    }
    each::<DLManagedTensorVersioned>();
    each::<DLManagedTensor>();
}
