//! A tensor on its way to a consumer, who may never come.

use std::sync::Arc;
use std::thread;

use dlpack::{Error, Exporter, Flags, ManagedTensorVersioned, Parcel, sys};
use harness::{Record, Spec};

const NUMBERS: [i32; 3] = [1, 2, 3];

fn from_c(spec: &Spec) -> (ManagedTensorVersioned, Record) {
    let (raw, record) = spec.make_versioned();
    // SAFETY: C passes the tensor on.
    (unsafe { ManagedTensorVersioned::from_raw(raw) }.unwrap(), record)
}

/// What the consumer finds.
fn arrived(parcel: Parcel) -> ManagedTensorVersioned {
    // SAFETY: just passed on.
    unsafe { ManagedTensorVersioned::from_raw(parcel.into_raw()) }.unwrap()
}

#[test]
fn an_owner_ends_with_its_parcel() {
    let owner = Arc::new([1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let shared: Arc<[f32]> = owner.clone();
    let parcel = Exporter::new(shared).shape(&[2, 3]).into_parcel().unwrap();
    assert_eq!(Arc::strong_count(&owner), 2);
    thread::spawn(move || drop(parcel)).join().unwrap();
    assert_eq!(Arc::strong_count(&owner), 1);
}

#[test]
fn a_consumer_finds_what_was_exported() {
    let data = vec![1_u16, 2, 3, 4, 5, 6];
    let start = data.as_ptr();
    let parcel = Exporter::new(data).shape(&[2, 3]).strides(&[1, 2]).read_only().into_parcel();
    let tensor = arrived(parcel.unwrap());
    assert_eq!((tensor.shape(), tensor.strides()), (&[2, 3][..], &[1, 2][..]));
    assert_eq!(tensor.data().cast_const(), start.cast());
    assert_eq!((tensor.flags(), tensor.dtype().to_string()), (Flags::READ_ONLY, "uint16".into()));
    assert_eq!(tensor.downcast::<Vec<u16>>().unwrap(), [1, 2, 3, 4, 5, 6]);
}

#[test]
fn a_refused_owner_comes_back() {
    let refused = Exporter::new(vec![1_u8, 2]).shape(&[2, 2]).into_parcel().unwrap_err();
    assert!(matches!(refused.error(), Error::OutOfBounds { .. }), "{:?}", refused.error());
    assert_eq!(refused.into_owner(), [1, 2]);
}

#[test]
fn a_tensor_that_came_in_goes_out_as_it_is() {
    let (tensor, record) = from_c(&Spec::of(&NUMBERS));
    let raw = tensor.as_raw();
    let parcel = Parcel::from(tensor);
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
        let (parcel, described) = (tensor.share_parcel().unwrap(), tensor.share().unwrap());
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
    crosses_threads::<Parcel>();
    assert_eq!(size_of::<Option<Parcel>>(), size_of::<usize>());
    assert_eq!(format!("{:?}", Exporter::new([1_u8]).into_parcel().unwrap()), "Parcel { .. }");
}
