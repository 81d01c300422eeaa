//! A tensor on its way to a consumer, who may never come.
#![cfg(feature = "alloc")]

use std::ptr::NonNull;
use std::sync::Arc;
use std::thread;

use dlpack::{Error, Exporter, Flags, ManagedTensor, ManagedTensorVersioned, OpaqueTensor, sys};
use harness::{Record, Spec};

const NUMBERS: [i32; 3] = [1, 2, 3];

fn from_c(spec: &Spec) -> (ManagedTensorVersioned, Record) {
    let (raw, record) = spec.make_versioned();
    // SAFETY: C passes the tensor on.
    (unsafe { ManagedTensorVersioned::from_raw(raw) }.unwrap(), record)
}

/// What the consumer finds.
fn arrived(parcel: OpaqueTensor) -> ManagedTensorVersioned {
    // SAFETY: just passed on.
    unsafe { ManagedTensorVersioned::from_raw(parcel.into_raw()) }.unwrap()
}

#[test]
fn an_owner_ends_with_its_parcel() {
    let owner = Arc::new([1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let shared: Arc<[f32]> = owner.clone();
    let parcel = Exporter::new(shared).shape(&[2, 3]).into_opaque().unwrap();
    assert_eq!(Arc::strong_count(&owner), 2);
    thread::spawn(move || drop(parcel)).join().unwrap();
    assert_eq!(Arc::strong_count(&owner), 1);
}

#[test]
fn a_consumer_finds_what_was_exported() {
    let data = vec![1_u16, 2, 3, 4, 5, 6];
    let start = data.as_ptr();
    let parcel = Exporter::new(data).shape(&[2, 3]).strides(&[1, 2]).read_only().into_opaque();
    let tensor = arrived(parcel.unwrap());
    assert_eq!((tensor.shape(), tensor.strides()), (&[2, 3][..], &[1, 2][..]));
    assert_eq!(tensor.data().cast_const(), start.cast());
    assert_eq!((tensor.flags(), tensor.dtype().to_string()), (Flags::READ_ONLY, "uint16".into()));
    assert_eq!(tensor.downcast::<Vec<u16>>().unwrap(), [1, 2, 3, 4, 5, 6]);
}

#[test]
fn a_refused_owner_comes_back() {
    let refused = Exporter::new(vec![1_u8, 2]).shape(&[2, 2]).into_opaque().unwrap_err();
    assert!(matches!(refused.error(), Error::OutOfBounds { .. }), "{:?}", refused.error());
    assert_eq!(refused.into_owner(), [1, 2]);
}

#[test]
fn a_tensor_of_this_crate_goes_out_as_it_is() {
    let tensor = Exporter::new(NUMBERS).build().unwrap().into_inner();
    let raw = tensor.as_raw();
    assert_eq!(tensor.into_opaque().unwrap().as_raw(), raw);
}

#[test]
fn a_tensor_that_came_in_goes_out_as_a_struct_of_this_crate() {
    let flags = [
        0,
        sys::DLPACK_FLAG_BITMASK_READ_ONLY,
        sys::DLPACK_FLAG_BITMASK_IS_COPIED,
        sys::DLPACK_FLAG_BITMASK_IS_SUBBYTE_TYPE_PADDED,
    ];
    for flags in flags {
        let (tensor, record) = from_c(&Spec::of(&NUMBERS[..2]).flags(flags).byte_offset(4));
        let (raw, second) = (tensor.as_raw(), tensor.data().wrapping_byte_add(4));
        let parcel = tensor.into_opaque().unwrap();
        assert_ne!(parcel.as_raw(), raw);
        let tensor = arrived(parcel);
        assert_eq!((tensor.data(), tensor.byte_offset()), (second, 0));
        assert_eq!((tensor.shape(), tensor.flags()), (&[2][..], Flags::from_bits(flags)));
        assert_eq!(record.deleted(), 0);
        // The producer's own struct is the owner of the new one, and comes back as it went in.
        let tensor = tensor.downcast::<ManagedTensorVersioned>().unwrap();
        assert_eq!((tensor.as_raw(), record.deleted()), (raw, 0));
        drop(tensor);
        assert_eq!(record.deleted(), 1);
    }
}

#[test]
fn a_producers_own_struct_goes_out_by_a_promise() {
    let (tensor, record) = from_c(&Spec::of(&NUMBERS));
    let raw = tensor.into_raw();
    // SAFETY: the arrays of the C library hold until the deleter runs, unless a test changes them.
    let parcel = unsafe { OpaqueTensor::from_raw(NonNull::new(raw).unwrap()) };
    assert_eq!((parcel.as_raw(), record.deleted()), (raw, 0));
    drop(parcel);
    assert_eq!(record.deleted(), 1);
}

#[test]
fn a_share_says_what_a_described_one_says() {
    let odd = Spec::of(&NUMBERS).flags(sys::DLPACK_FLAG_BITMASK_IS_COPIED);
    for spec in [Spec::of(&NUMBERS), odd] {
        let (tensor, record) = from_c(&spec);
        let tensor = Arc::new(tensor);
        let (parcel, described) = (tensor.share_opaque().unwrap(), tensor.share().unwrap());
        drop(tensor);
        let child = arrived(parcel);
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
    assert_eq!(size_of::<Option<OpaqueTensor>>(), size_of::<usize>());
    assert_eq!(
        format!("{:?}", Exporter::new([1_u8]).into_opaque().unwrap()),
        "OpaqueTensor { .. }"
    );
}

/// What a consumer of the legacy ABI finds.
fn arrived_legacy(parcel: OpaqueTensor) -> ManagedTensor {
    // SAFETY: just passed on.
    unsafe { ManagedTensor::from_raw(parcel.into_raw_legacy().unwrap()) }.unwrap()
}

#[test]
fn a_legacy_consumer_finds_the_same() {
    for offset in [0, 4] {
        let (tensor, record) = from_c(&Spec::of(&NUMBERS[..2]).byte_offset(offset));
        let start = tensor.data().wrapping_byte_add(usize::try_from(offset).unwrap());
        let legacy = arrived_legacy(tensor.into_opaque().unwrap());
        assert_eq!((legacy.data(), legacy.byte_offset()), (start, 0));
        assert_eq!((legacy.shape(), legacy.strides()), (&[2][..], &[1][..]));
        assert_eq!((legacy.version(), record.deleted()), (None, 0));
        thread::spawn(move || drop(legacy)).join().unwrap();
        assert_eq!(record.deleted(), 1);
    }
}

#[test]
fn a_legacy_consumer_finds_strides_even_if_the_producer_gave_none() {
    let (tensor, record) = from_c(&Spec::of(&NUMBERS).version(1, 0).null_strides());
    let raw = tensor.into_opaque().unwrap().into_raw_legacy().unwrap();
    // SAFETY: just passed on.
    assert!(!unsafe { (*raw).dl_tensor.strides }.is_null());
    // SAFETY: the same.
    drop(unsafe { ManagedTensor::from_raw(raw) }.unwrap());
    assert_eq!(record.deleted(), 1);
}

#[test]
fn what_the_legacy_abi_cannot_say_is_refused_and_deleted() {
    let flags = [
        (sys::DLPACK_FLAG_BITMASK_READ_ONLY, Error::ReadOnlyNotExpressible),
        (sys::DLPACK_FLAG_BITMASK_IS_SUBBYTE_TYPE_PADDED, Error::PaddedNotExpressible),
    ];
    for (flag, error) in flags {
        let (tensor, record) = from_c(&Spec::of(&NUMBERS).flags(flag));
        assert_eq!(tensor.into_opaque().unwrap().into_raw_legacy(), Err(error));
        assert_eq!(record.deleted(), 1);
    }
}

#[test]
fn a_parcel_can_be_opened() {
    let (tensor, record) = from_c(&Spec::of(&NUMBERS));
    // SAFETY: nobody has written the struct since.
    let tensor = unsafe { tensor.into_opaque().unwrap().into_tensor() }.unwrap();
    assert_eq!((tensor.shape(), record.deleted()), (&[3][..], 0));
    drop(tensor);
    assert_eq!(record.deleted(), 1);
}
