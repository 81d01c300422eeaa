//! Rust memory given out, and taken back, without C.

use std::ptr;
use std::sync::Arc;
use std::thread;

use dlpack::sys::{DLManagedTensor, DLManagedTensorVersioned};
use dlpack::{DataType, DataTypeCode, Error, Exporter, ManagedTensor, ManagedTensorVersioned};
use harness::owners::Counted;

const SIX: [f32; 6] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
static SIX_FOREVER: [f32; 6] = SIX;

/// What a consumer finds in the struct.
fn look(raw: *mut DLManagedTensorVersioned) -> (Vec<i64>, Vec<i64>, *mut f32) {
    // SAFETY: live.
    let tensor = unsafe { ptr::read(&raw const (*raw).dl_tensor) };
    let ndim = usize::try_from(tensor.ndim).expect("not negative");
    // SAFETY: as many as there are dimensions.
    let shape = unsafe { std::slice::from_raw_parts(tensor.shape, ndim) };
    // SAFETY: the same.
    let strides = unsafe { std::slice::from_raw_parts(tensor.strides, ndim) };
    (shape.to_vec(), strides.to_vec(), tensor.data.cast())
}

/// Runs the deleter, as a consumer does.
fn delete(raw: *mut DLManagedTensorVersioned) {
    // SAFETY: live.
    let deleter = unsafe { (*raw).deleter }.expect("there is one");
    // SAFETY: once.
    unsafe { deleter(raw) }
}

#[test]
fn h105_two_rows_of_three() {
    let (owner, fate) = Counted::new(&SIX);
    let raw = Exporter::new(owner).shape(&[2, 3]).build().expect("it fits").into_raw();
    let (shape, strides, data) = look(raw);
    assert_eq!((shape, strides), (vec![2, 3], vec![3, 1]));
    // SAFETY: live.
    let managed = unsafe { &*raw };
    assert_eq!((managed.version.major, managed.version.minor, managed.flags), (1, 3, 0));
    let tensor = &managed.dl_tensor;
    assert_eq!((tensor.device.device_type.0, tensor.device.device_id), (1, 0));
    assert_eq!((tensor.dtype.code, tensor.dtype.bits, tensor.dtype.lanes), (2, 32, 1));
    assert_eq!(tensor.byte_offset, 0);
    // SAFETY: the elements of the vector.
    assert_eq!(unsafe { data.cast::<[f32; 6]>().read() }, SIX);
    assert_eq!(fate.dropped(), 0);
    delete(raw);
    assert_eq!(fate.dropped(), 1);
}

#[test]
fn h106_no_elements() {
    let raw = Exporter::new(Vec::<f32>::new()).shape(&[0, 3]).build().expect("it fits").into_raw();
    assert_eq!(look(raw), (vec![0, 3], vec![3, 1], ptr::null_mut()));
    delete(raw);
}

#[test]
fn h107_more_elements_than_there_are() {
    let owner = SIX.to_vec();
    let start = owner.as_ptr();
    let refused = Exporter::new(owner).shape(&[2, 4]).build().expect_err("too many");
    assert!(matches!(refused.error(), Error::OutOfBounds { available: 24, .. }));
    let owner = refused.into_inner();
    assert_eq!((owner.as_ptr(), owner.as_slice()), (start, &SIX[..]));

    // As many as there are, but from the second one on.
    let refused = Exporter::new(SIX.to_vec()).shape(&[2, 3]).offset(1).build();
    let expected = Error::OutOfBounds { available: 24, start: 4, end: 28 };
    assert_eq!(refused.expect_err("too many").error(), expected);

    let (owner, fate) = Counted::new(&SIX);
    let refused = Exporter::new(owner).shape(&[2, 4]).build_legacy().expect_err("too many");
    assert_eq!(
        (refused.error(), fate.dropped()),
        (Error::OutOfBounds { available: 24, start: 0, end: 32 }, 0)
    );
    drop(refused);
    assert_eq!(fate.dropped(), 1);
}

#[test]
fn h108_strides_that_leave_the_memory() {
    let rows: [(&[usize], &[isize], usize); 7] = [
        (&[6], &[-1], 4),
        (&[6], &[1], 1),
        (&[2, 3], &[4, 1], 0),
        (&[2, 3], &[-3, 1], 2),
        (&[2], &[6], 0),
        (&[1], &[0], 6),
        (&[1], &[0], usize::MAX),
    ];
    for (shape, strides, offset) in rows {
        let exporter = Exporter::new(SIX.to_vec()).shape(shape).strides(strides).offset(offset);
        let refused = exporter.build().expect_err("out of bounds");
        assert!(
            matches!(refused.error(), Error::OutOfBounds { available: 24, .. }),
            "{shape:?} {strides:?}"
        );
        assert_eq!(refused.into_inner(), SIX);
    }
    let exporter = Exporter::new(SIX.to_vec()).shape(&[2]).strides(&[isize::MIN]);
    assert_eq!(exporter.build().expect_err("out of bounds").error(), Error::ExtentOverflow);
    // And the last that does not.
    let exporter = Exporter::new(SIX.to_vec()).shape(&[2, 3]).strides(&[-3, 1]).offset(3);
    let tensor = exporter.build().expect("it fits");
    let view = tensor.view::<f32>().expect("a view");
    assert!(view.iter().eq(&[4.0, 5.0, 6.0, 1.0, 2.0, 3.0]));
}

#[test]
fn h109_consumer_that_overwrites_the_struct() {
    let (owner, fate) = Counted::new(&SIX);
    let raw = Exporter::new(owner).shape(&[2, 3]).build().expect("it fits").into_raw();
    // SAFETY: live, and the consumer's by now.
    let tensor = unsafe { &mut (*raw).dl_tensor };
    let mut theirs = [-1_i64, i64::MIN];
    (tensor.data, tensor.byte_offset) = (ptr::without_provenance_mut(1), u64::MAX);
    (tensor.shape, tensor.strides, tensor.ndim) = (theirs.as_mut_ptr(), ptr::null_mut(), i32::MAX);
    delete(raw);
    assert_eq!(fate.dropped(), 1);

    let (owner, fate) = Counted::new(&SIX);
    let raw = Exporter::new(owner).build_legacy().expect("it fits").into_raw();
    // SAFETY: as above.
    unsafe { (*raw).dl_tensor.ndim = -1 };
    // SAFETY: live.
    let deleter: unsafe extern "C" fn(*mut DLManagedTensor) =
        unsafe { (*raw).deleter }.expect("there is one");
    // SAFETY: once.
    unsafe { deleter(raw) };
    assert_eq!(fate.dropped(), 1);
}

#[test]
fn h110_consumer_that_writes_into_the_shape() {
    let shape = [2, 3];
    let raw = Exporter::new(SIX).shape(&shape).into_raw().expect("it fits");
    // SAFETY: live.
    let sizes = unsafe { (*raw).dl_tensor.shape };
    // SAFETY: passed on.
    let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }.expect("a valid tensor");
    // SAFETY: an array of the export, which consumers have been seen writing.
    unsafe { sizes.write(1) };
    assert_eq!((tensor.shape(), shape), (&[2, 3][..], [2, 3]));
    // SAFETY: passed on by the line itself; the array holds what was written, which is less than there is.
    let again = unsafe { ManagedTensorVersioned::from_raw(tensor.into_raw()) };
    assert_eq!(again.expect("a valid tensor").shape(), [1, 3]);
}

#[test]
fn h111_tensor_moved_after_the_export() {
    macro_rules! row {
        ($exporter:expr) => {
            let tensor = $exporter.shape(&[2, 3]).build().expect("it fits");
            let moved = vec![Box::new(tensor)];
            let moved = thread::spawn(move || moved).join().expect("no panic");
            let tensor = *moved.into_iter().next().expect("one");
            let data = tensor.data().cast::<f32>();
            // SAFETY: the first element, which nobody writes.
            assert_eq!(unsafe { data.read() }, 1.0);
            assert_eq!(tensor.as_slice::<f32>(), Ok(&SIX[..]));
        };
    }
    row!(Exporter::new(Box::<[f32]>::from(SIX)));
    row!(Exporter::new(SIX.to_vec()));
    row!(Exporter::new(SIX));
    row!(Exporter::shared(Arc::<[f32]>::from(SIX)));
    row!(Exporter::shared(&SIX_FOREVER[..]));
}

#[test]
fn h112_shared_memory_is_read_only() {
    let owner = Arc::<[f32]>::from(SIX);
    let tensor = Exporter::shared(Arc::clone(&owner)).build().expect("it fits");
    assert_eq!((tensor.flags().bits(), Arc::strong_count(&owner)), (1, 2));
    assert_eq!(tensor.as_slice::<f32>(), Ok(&SIX[..]));
    delete(tensor.into_raw());
    assert_eq!(Arc::strong_count(&owner), 1);

    let refused = Exporter::shared(Arc::clone(&owner)).build_legacy().expect_err("read-only");
    assert_eq!(refused.error(), Error::ReadOnlyNotExpressible);
    assert!(Arc::ptr_eq(&refused.into_inner(), &owner));
    assert_eq!(Arc::strong_count(&owner), 1);
}

#[test]
fn h113_the_owner_comes_back() {
    let mut owner = Vec::with_capacity(16);
    owner.extend(SIX);
    let (start, capacity) = (owner.as_ptr(), owner.capacity());
    let raw = Exporter::new(owner).shape(&[2, 3]).build().expect("it fits").into_raw();
    // SAFETY: just passed on.
    let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }.expect("a valid tensor");
    // The same layout in memory, another type.
    let tensor = tensor.downcast::<Vec<u32>>().expect_err("a vector of floats");
    let tensor = tensor.downcast::<Box<[f32]>>().expect_err("a vector of floats");
    let owner = tensor.downcast::<Vec<f32>>().expect("a vector of floats");
    assert_eq!((owner.as_ptr(), owner.capacity()), (start, capacity));
    assert_eq!(owner, SIX);

    let (owner, fate) = Counted::new(&SIX);
    let legacy: ManagedTensor = Exporter::new(owner).build_legacy().expect("it fits").into_inner();
    let owner = legacy.downcast::<Counted<f32>>().expect("a tracked vector");
    assert_eq!(fate.dropped(), 0);
    drop(owner);
    assert_eq!(fate.dropped(), 1);
}

#[test]
fn h114_owner_dropped_on_another_thread() {
    let (owner, fate) = Counted::new(&SIX);
    let tensor = Exporter::new(owner).build().expect("it fits");
    let other = thread::spawn(move || {
        drop(tensor);
        thread::current().id()
    });
    let other = other.join().expect("no panic");
    assert_ne!(other, thread::current().id());
    assert_eq!((fate.dropped(), fate.thread()), (1, Some(other)));
}

#[test]
fn h118_as_many_dimensions_as_fit() {
    let tensor = Exporter::new([1.5_f32]).shape(&[1; 64]).build().expect("64 fit");
    assert_eq!((tensor.ndim(), tensor.strides()), (64, &[1; 64][..]));
    let raw = tensor.into_raw();
    assert_eq!(look(raw).0, [1; 64]);
    // SAFETY: just passed on.
    drop(unsafe { ManagedTensorVersioned::from_raw(raw) }.expect("a valid tensor"));

    let refused = Exporter::new([1.5_f32]).shape(&[1; 65]).build().expect_err("65 do not");
    assert_eq!(refused.error(), Error::TooManyAxes { ndim: 65, max: 64 });
    assert_eq!(refused.into_inner(), [1.5]);
}

/// Sizes whose product wraps to the number of elements that there are.
#[test]
fn more_elements_than_a_word_can_count() {
    let wraps = [3, usize::MAX / 3 + 1];
    assert_eq!(wraps[0].wrapping_mul(wraps[1]), 2);
    let refused = Exporter::new(vec![1_u8, 2]).shape(&wraps).into_opaque().expect_err("too many");
    assert_eq!((refused.error(), refused.into_inner()), (Error::ShapeOverflow, vec![1, 2]));
    let refused = Exporter::new(vec![1_u8, 2]).shape(&wraps).build().expect_err("too many");
    assert_eq!(refused.error(), Error::ShapeOverflow);
}

/// The bytes of an element are those of all its lanes, of which padded ones take a byte each.
#[test]
fn lanes_count() {
    let two = DataType::F32.with_lanes(2);
    let refused = Exporter::new(vec![0_u8; 8]).dtype(two).shape(&[2]).into_opaque();
    let expected = Error::OutOfBounds { available: 8, start: 0, end: 16 };
    assert_eq!(refused.expect_err("too many").error(), expected);
    assert!(Exporter::new(vec![0_u8; 16]).dtype(two).shape(&[2]).into_opaque().is_ok());
    let two = DataType::U4.with_lanes(2);
    let exporter = Exporter::new(vec![1_u8, 2, 3, 4]).dtype(two).padded().shape(&[3]);
    let expected = Error::OutOfBounds { available: 4, start: 0, end: 6 };
    assert_eq!(exporter.into_opaque().expect_err("too many").error(), expected);
}

#[test]
fn a_dtype_that_no_tensor_has() {
    let dtype = DataType::new(DataTypeCode::FLOAT4_E2M1FN, 8, 1);
    let refused = Exporter::new(vec![1_u8, 2]).dtype(dtype).shape(&[2]).into_opaque();
    assert_eq!(refused.expect_err("no such dtype").error(), Error::InvalidDType { found: dtype });
}

/// Packed values begin with a byte, since no pointer and no offset of a tensor counts half of one.
#[test]
fn an_offset_of_half_a_byte() {
    let export = |offset, shape| {
        Exporter::new(vec![0x21_u8, 0x43]).dtype(DataType::U4).offset(offset).shape(shape).build()
    };
    let refused = export(1, &[2]).expect_err("no pointer to it");
    assert_eq!(refused.error(), Error::NotWholeBytes { found: DataType::U4 });
    assert_eq!(refused.into_inner(), [0x21, 0x43]);
    assert_eq!(export(2, &[2]).expect("whole bytes").as_bytes(), Ok(&[0x43][..]));
    // Nothing begins anywhere.
    assert!(export(1, &[0]).expect("no values").is_empty());
}
