//! dlpk 0.4.
//!
//! | | mistake | here |
//! | --- | --- | --- |
//! | 1 | slices ignore strides | test |
//! | 2 | memory behind a reader's lock goes out writable | test |
//! | 3 | two mutable views from one shared reference | does not compile |
//! | 4 | raw pointers in public fields that safe methods follow | does not compile |
//! | 5 | safe traits on which `unsafe` code relies | does not compile |
//! | 6 | a view outlives the capsule that it is of | does not compile; the capsule: Python layer, not here yet |
//! | 7 | a foreign version is read from the struct after its deleter ran, and panics | test |
//! | 8 | closed Rust enums for numbers that C may extend | test |
//! | 9 | negative numbers cast to sizes; null data followed | test |
//! | 10 | lock guards dropped on other threads | does not compile |
//! | 11 | bytes of a `bool` tensor seen as Rust's `bool` | test, does not compile |
//! | 12 | mutable views of broadcast tensors | test |
//! | 13 | writes through a pointer from a shared slice | test |
//! | 14 | contents that may not leave their thread, or that are borrowed | test, does not compile |
//! | 15 | the struct is read before its version | test; capsule, `max_version`, `copy`: Python layer, not here yet |
//! | 16 | a renamed capsule reaches a panic in the deleter | Python layer, not here yet |
//! | 17 | a data pointer that has, and a document that has not, the byte offset added | test |
//! | 18 | no shape for scalars; `unimplemented!` on 32 bits | test; `tests/rooms` |

use dlpack::{DataType, DataTypeCode, DeviceType, Error, Version, types::Bool8};
#[cfg(feature = "alloc")]
use harness::Managed;
use harness::{Spec, dtype, has_guard_pages};

use crate::support::{
    assert_refused, guarded_end, import, import_legacy, imported, imported_legacy,
};

const NUMBERS: [f64; 8] = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0];

/// A slice of one axis has its first element's neighbours only if the stride is 1.
#[test]
fn dlpk_b1_slice_of_a_reversed_tensor() {
    let backwards = Spec::of(&NUMBERS).strides(&[-1]).origin(7 * 8);
    let (tensor, record) = imported(&guarded_end(backwards));
    // SAFETY: C wrote the elements, and nobody else knows of them.
    let mut tensor = unsafe { tensor.assume_exclusive() };
    assert_eq!(tensor.as_slice::<f64>(), Err(Error::NotContiguous));
    let view = tensor.view::<f64>().unwrap();
    assert_eq!(view.as_slice(), Err(Error::NotContiguous));
    assert!(view.iter().eq(NUMBERS.iter().rev()));
    assert_eq!(view.as_slice_memory_order().unwrap(), NUMBERS);

    let mut view = tensor.view_mut::<f64>().unwrap();
    assert_eq!(view.as_mut_slice().unwrap_err(), Error::NotContiguous);
    view.iter_mut().zip([9.0, 8.0]).for_each(|(to, from)| *to = from);
    // SAFETY: the eight numbers that C made, with no view left.
    let memory = unsafe { record.data().cast::<[f64; 8]>().read() };
    assert_eq!(memory, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 8.0, 9.0]);
    drop(tensor);
    assert_eq!(record.deleted(), 1);
}

#[test]
fn dlpk_b1_slice_of_every_second_element() {
    let stepped = Spec::of(&NUMBERS).shape(&[4]).strides(&[2]);
    let (tensor, _record) = imported(&stepped);
    // SAFETY: C wrote the elements, and nobody writes them now.
    let tensor = unsafe { tensor.assume_frozen() };
    assert_eq!(tensor.as_slice::<f64>(), Err(Error::NotContiguous));
    assert!(tensor.view::<f64>().unwrap().iter().eq(&[0.0, 2.0, 4.0, 6.0]));
}

/// Elements that others may read are never offered for writing.
#[cfg(feature = "alloc")]
#[test]
fn dlpk_b2_shared_memory_is_exported_read_only() {
    use dlpack::{Exporter, ManagedTensorVersioned};
    use dlpack_sys::{DLManagedTensorVersioned, DLPACK_FLAG_BITMASK_READ_ONLY};
    use std::sync::Arc;

    let shared = Arc::<[i32]>::from([1, 2, 3]);
    let raw = Exporter::shared(Arc::clone(&shared)).build().unwrap().into_raw();
    // SAFETY: just passed on.
    let flags = unsafe { <DLManagedTensorVersioned as Managed>::flags(raw) };
    assert_eq!(flags, DLPACK_FLAG_BITMASK_READ_ONLY);
    // SAFETY: just passed on.
    let mut tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }.unwrap();
    // SAFETY: no view comes of it.
    assert_eq!(unsafe { tensor.view_mut::<i32>() }.unwrap_err(), Error::ReadOnly);
    // SAFETY: true as long as nobody reads `shared`; the flag counts all the same.
    let mut tensor = unsafe { tensor.assume_exclusive() };
    assert_eq!(tensor.view_mut::<i32>().unwrap_err(), Error::ReadOnly);

    let refused = Exporter::shared(shared).build_legacy().unwrap_err();
    assert_eq!(refused.error(), Error::ReadOnlyNotExpressible);
}

/// The version is known before the deleter runs, and the answer is an error.
#[test]
fn dlpk_b7_foreign_version_is_reported_rightly() {
    for (major, minor) in [(2, 0), (0, 8), (u32::MAX, 77)] {
        // The deleter overwrites the struct, as one that frees it would in time.
        let (result, record) = import(&Spec::of(&[1_u8]).version(major, minor));
        let error = result.unwrap_err();
        assert_eq!(error, Error::UnsupportedVersion { found: Version::new(major, minor) });
        assert!(error.to_string().ends_with(&format!("found {major}.{minor}")));
        assert_eq!(record.deleted(), 1);
    }
}

/// Devices and dtypes of newer headers are numbers, in and out.
#[test]
fn dlpk_b8_unknown_devices_and_dtypes() {
    for code in [0, 5, 19, 20, 99, -1, i32::MIN, i32::MAX] {
        let (tensor, record) = imported(&Spec::of(&[1_u8]).device(code, 3));
        assert_eq!(tensor.device().device_type, DeviceType::new(code));
        assert_eq!(tensor.device().device_type.to_string(), format!("device({code})"));
        assert!(format!("{tensor:?}").contains(&format!("device({code})")));
        let raw = tensor.into_raw();
        // SAFETY: just passed on.
        assert_eq!(unsafe { (*raw).dl_tensor.device.device_type.0 }, code);
        // SAFETY: just passed on.
        unsafe { harness::release::delete(raw) };
        assert_eq!(record.deleted(), 1);
    }
    for code in [18, 19, 200, 255] {
        let (tensor, _record) = imported_legacy(&Spec::new(dtype(code, 32, 1)).data(&[0_u32]));
        assert_eq!(tensor.dtype(), DataType::new(DataTypeCode::new(code), 32, 1));
        assert_eq!(tensor.dtype().to_string(), format!("code{code}_32"));
        assert!(format!("{tensor:?}").contains(&format!("code{code}_32")));
    }
}

#[test]
fn dlpk_b9_negative_numbers_are_no_sizes() {
    let spec = Spec::of(&[1_u8, 2]);
    assert_refused(&spec.clone().ndim(-1), Error::NegativeNdim { ndim: -1 });
    assert_refused(&spec.clone().ndim(i32::MIN), Error::NegativeNdim { ndim: i32::MIN });
    assert_refused(&spec.clone().shape(&[-1]), Error::NegativeSize { axis: 0, size: -1 });
    assert_refused(&spec.shape(&[2, i64::MIN]), Error::NegativeSize { axis: 1, size: i64::MIN });
}

#[test]
fn dlpk_b9_null_data_is_not_followed() {
    let spec = Spec::of(&[1_u8, 2]).null_data();
    let (tensor, record) = imported(&spec);
    // SAFETY: no view comes of it.
    assert_eq!(unsafe { tensor.as_slice::<u8>() }, Err(Error::NullData));
    // SAFETY: the same.
    let mut tensor = unsafe { tensor.assume_exclusive() };
    assert_eq!(tensor.view::<u8>().unwrap_err(), Error::NullData);
    assert_eq!(tensor.view_mut::<u8>().unwrap_err(), Error::NullData);
    drop(tensor);
    assert_eq!(record.deleted(), 1);
}

/// Producers write other bytes than 0 and 1, which a Rust `bool` must not have.
#[test]
fn dlpk_b11_truth_values_of_any_byte() {
    let spec = Spec::new(dtype(6, 8, 1)).shape(&[4]).data(&[0_u8, 1, 2, 255]);
    let (tensor, _record) = imported(&spec);
    // SAFETY: C wrote the elements, and nobody writes them now.
    let tensor = unsafe { tensor.assume_frozen() };
    let view = tensor.view::<Bool8>().unwrap();
    assert!(view.iter().map(|truth| truth.to_bool()).eq([false, true, true, true]));
    assert!(view.iter().map(|truth| truth.is_valid()).eq([true, true, false, false]));
}

#[test]
fn dlpk_b12_broadcast_tensors_are_not_written() {
    for (shape, strides) in
        [([4, 3], [0, 1]), ([4, 3], [3, 0]), ([4, 3], [1, 1]), ([2, 2], [2, 2]), ([2, 3], [0, 0])]
    {
        let spec = Spec::of(&[1_i32; 12]).shape(&shape).strides(&strides);
        let (tensor, _record) = imported(&spec);
        // SAFETY: C wrote the elements, and nobody else knows of them.
        let mut tensor = unsafe { tensor.assume_exclusive() };
        assert_eq!(tensor.view_mut::<i32>().unwrap_err(), Error::Overlapping);
        assert!(tensor.view::<i32>().is_ok(), "reading is another matter");

        let (copy, _record) = imported(&spec.flags(2));
        let refused = copy.try_exclusive().unwrap().fill(7_i32).unwrap_err();
        assert_eq!(refused.error(), Error::Overlapping);
    }
}

/// The pointer that consumers write through comes from a mutable borrow of the box.
#[cfg(feature = "alloc")]
#[test]
fn dlpk_b13_boxed_slices_are_written() {
    use dlpack::{Exporter, ManagedTensorVersioned};

    let boxed: Box<[u32]> = Box::new([1, 2, 3, 4]);
    let start = boxed.as_ptr();
    let mut tensor = Exporter::new(boxed).build().unwrap();
    tensor.view_mut::<u32>().unwrap()[[0]] = 10;
    let raw = tensor.into_raw();
    // SAFETY: just passed on, and writable.
    unsafe { (*raw).dl_tensor.data.cast::<u32>().add(3).write(40) };
    // SAFETY: just passed on.
    let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }.unwrap();
    let boxed = tensor.downcast::<Box<[u32]>>().unwrap();
    assert_eq!(boxed.as_ptr(), start);
    assert_eq!(*boxed, [10, 2, 3, 40]);
}

/// Owners are `Send`, since this happens to them.
#[cfg(feature = "alloc")]
#[test]
fn dlpk_b14_owners_are_dropped_where_the_consumer_is() {
    use dlpack::Exporter;
    use harness::owners::Counted;
    use std::thread;

    let (owner, fate) = Counted::new(&[1_u8, 2]);
    let raw = Exporter::new(owner).build().unwrap().into_raw();
    // SAFETY: just passed on.
    unsafe { harness::release::delete_on_thread(raw) };
    assert_eq!(fate.dropped(), 1);
    assert_ne!(fate.thread().unwrap(), thread::current().id());
}

/// Of a foreign major version only the first fields are there.
#[test]
fn dlpk_b15_nothing_is_read_before_the_version() {
    if !has_guard_pages() {
        return;
    }
    let spec = Spec::of(&[1_u8, 2, 3]).version(2, 0).guard_header();
    let (result, record) = import(&spec);
    assert_eq!(result.unwrap_err(), Error::UnsupportedVersion { found: Version::new(2, 0) });
    assert_eq!(record.deleted(), 1);
}

/// `data` is what the producer wrote, and the offset is added once, where a view is made.
#[test]
fn dlpk_b17_the_byte_offset_is_added_once() {
    let spec = guarded_end(Spec::of(&[0_u32, 1, 2, 3]).shape(&[2]).byte_offset(8));
    let (tensor, record) = imported(&spec);
    assert_eq!(tensor.data(), record.data());
    assert_eq!(tensor.byte_offset(), 8);
    // SAFETY: C wrote the elements, and nobody writes them now.
    let tensor = unsafe { tensor.assume_frozen() };
    assert_eq!(tensor.as_slice::<u32>().unwrap(), [2, 3]);
    let view = tensor.view::<u32>().unwrap();
    assert_eq!(view.as_ptr().addr(), record.data().addr() + 8);
}

#[test]
fn dlpk_b18_scalars_have_an_empty_shape() {
    let spec = Spec::new(dtype(2, 32, 1)).data(&[2.5_f32]);
    for spec in [spec.clone(), spec.null_shape().null_strides()] {
        let (tensor, _record) = imported(&spec);
        assert_eq!((tensor.shape(), tensor.strides(), tensor.numel()), (&[][..], &[][..], 1));
        // SAFETY: C wrote the element, and nobody else knows of it.
        let mut tensor = unsafe { tensor.assume_exclusive() };
        let mut view = tensor.view_mut::<f32>().unwrap();
        assert_eq!((view.shape(), view.strides(), view[[]]), (&[][..], &[][..], 2.5));
        view[[]] = 1.5;
        assert_eq!(tensor.as_slice::<f32>().unwrap(), [1.5]);

        let (tensor, _record) = import_legacy(&spec);
        assert_eq!(tensor.unwrap().shape(), []);
    }
}
