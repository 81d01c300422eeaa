//! The way back: from a tensor of this crate to the owner that was exported.
#![cfg(feature = "alloc")]

use std::sync::Arc;

use dlpack::{DataType, Exclusive, Exporter, Flags, Frozen, ManagedTensor, ManagedTensorVersioned};
use dlpack_sys::{DLManagedTensor, DLManagedTensorVersioned};
use harness::Spec;
use harness::owners::Counted;

fn through_c(tensor: ManagedTensorVersioned) -> ManagedTensorVersioned {
    let raw: *mut DLManagedTensorVersioned = tensor.into_raw();
    // SAFETY: just passed on.
    unsafe { ManagedTensorVersioned::from_raw(raw) }.unwrap()
}

fn through_c_legacy(tensor: ManagedTensor) -> ManagedTensor {
    let raw: *mut DLManagedTensor = tensor.into_raw();
    // SAFETY: just passed on.
    unsafe { ManagedTensor::from_raw(raw) }.unwrap()
}

/// Bytes that are left over are part of the owner, and of no element.
#[test]
fn an_owner_with_bytes_left_over_is_not_whole() {
    let exporter = Exporter::new(vec![1_u8, 2, 3]).dtype(DataType::U16).shape(&[1]);
    let tensor = exporter.build().unwrap().into_inner();
    let tensor = tensor.downcast::<Vec<u8>>().unwrap_err();
    assert_eq!(tensor.into_owner::<Vec<u8>>().unwrap(), [1, 2, 3]);
    // However many there are.
    for count in 2..=64 {
        for size in 1..count {
            let shape = [size];
            let exporter = Exporter::new(vec![0_u8; count]).shape(&shape);
            let tensor = exporter.build().unwrap().into_inner();
            let tensor = tensor.downcast::<Vec<u8>>().unwrap_err();
            assert_eq!(tensor.into_owner::<Vec<u8>>().unwrap().len(), count);
        }
    }
}

/// A vector comes back with its address, its length and its spare room.
#[test]
fn the_very_same_vector() {
    let data = |numbers: &[f32]| {
        let mut data = Vec::with_capacity(17);
        data.extend_from_slice(numbers);
        data
    };
    let numbers = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    let owner = data(&numbers);
    let start = owner.as_ptr();
    let tensor = Exporter::new(owner).shape(&[3, 2]).build().unwrap().into_inner();
    let owner = through_c(tensor).downcast::<Vec<f32>>().unwrap();
    assert_eq!((owner.as_ptr(), owner.capacity()), (start, 17));
    assert_eq!(owner, numbers);

    // Backwards, and in columns.
    let exporter = Exporter::new(owner).offset(5).shape(&[2, 3]).strides(&[-1, -2]);
    let tensor = exporter.build_legacy().unwrap().into_inner();
    let owner = through_c_legacy(tensor).downcast::<Vec<f32>>().unwrap();
    assert_eq!((owner.as_ptr(), owner.capacity()), (start, 17));
    assert_eq!(owner, numbers);
}

/// The owner also comes back from a tensor with a promise.
#[test]
fn the_owner_of_exclusive_and_frozen_tensors() {
    let tensor: Exclusive<_> = Exporter::new(vec![1_u8, 2]).build().unwrap();
    assert_eq!(tensor.into_owner::<Vec<u8>>().unwrap(), [1, 2]);
    let tensor: Frozen<_> = Exporter::new(vec![1_u8, 2]).build().unwrap().freeze();
    assert_eq!(tensor.into_owner::<Vec<u8>>().unwrap(), [1, 2]);
}

/// The owner would show elements that the tensor does not have.
#[test]
fn a_part_is_not_the_owner() {
    let parts: [(usize, &[usize], &[isize]); 7] = [
        (1, &[3], &[1]),
        (1, &[2], &[1]),
        (0, &[3], &[1]),
        (0, &[2], &[2]),
        (2, &[3], &[-1]),
        (0, &[0], &[1]),
        (0, &[], &[]),
    ];
    for (offset, shape, strides) in parts {
        let (counted, fate) = Counted::new(&[1_u16, 2, 3, 4]);
        let exporter = Exporter::new(counted).offset(offset).shape(shape).strides(strides);
        let tensor = exporter.build().unwrap();
        let seen = tensor.view::<u16>().unwrap().to_vec();
        let mut tensor: Exclusive<_> = tensor.downcast::<Counted<u16>>().unwrap_err();
        assert_eq!(tensor.view_mut::<u16>().unwrap().to_vec(), seen, "{shape:?}");
        let tensor = through_c(tensor.into_inner()).downcast::<Counted<u16>>().unwrap_err();
        let legacy = through_c_legacy(tensor.into_legacy().unwrap());
        let tensor = legacy.downcast::<ManagedTensorVersioned>().expect("all of a tensor");
        let tensor = tensor.downcast::<Counted<u16>>().unwrap_err();
        let tensor = tensor.into_owner::<Vec<u16>>().unwrap_err();
        let counted = tensor.into_owner::<Counted<u16>>().unwrap();
        assert_eq!((&counted.elements[..], fate.dropped()), (&[1, 2, 3, 4][..], 0));
    }
    // Row-major without strides, which is written on another path.
    let part = Exporter::new(vec![1_u16, 2, 3]).shape(&[2]).build_legacy().unwrap();
    let part: Exclusive<ManagedTensor> = part.downcast::<Vec<u16>>().unwrap_err();
    assert_eq!(part.as_slice::<u16>().unwrap(), [1, 2]);
    let frozen = Exporter::shared(Arc::<[u16]>::from([1, 2])).offset(1).build().unwrap();
    let frozen: Frozen<_> = frozen.downcast::<Arc<[u16]>>().unwrap_err();
    assert_eq!(frozen.as_slice::<u16>().unwrap(), [2]);
}

#[test]
fn all_of_an_owner_in_any_shape() {
    fn comes_back<T: dlpack::Element + std::fmt::Debug + PartialEq>(
        data: Vec<T>,
        offset: usize,
        shape: &[usize],
        strides: &[isize],
    ) {
        let exporter = Exporter::new(data.clone()).offset(offset).shape(shape).strides(strides);
        let tensor = through_c(exporter.build().unwrap().into_inner());
        assert_eq!(tensor.downcast::<Vec<T>>().unwrap(), data);
    }
    comes_back(vec![1_u16, 2, 3, 4], 0, &[2, 2], &[1, 2]);
    comes_back(vec![1_u16, 2, 3, 4], 3, &[4], &[-1]);
    comes_back(vec![1_u16, 2, 3], 0, &[2], &[2]);
    comes_back(vec![1_u16], 0, &[], &[]);
    comes_back(vec![1_u16], 0, &[5], &[0]);
    comes_back(Vec::<u16>::new(), 0, &[0, 3], &[9, 9]);
    comes_back(vec![[1_u8, 2, 3], [4, 5, 6]], 1, &[2], &[-1]);
}

#[test]
fn every_kind_of_owner() {
    static TABLE: [u16; 3] = [1, 2, 3];
    let boxed = Box::<[u16]>::from(TABLE);
    let start = boxed.as_ptr();
    let tensor = through_c(Exporter::new(boxed).build().unwrap().into_inner());
    let boxed = tensor.downcast::<Box<[u16]>>().unwrap();
    assert_eq!((boxed.as_ptr(), &boxed[..]), (start, &TABLE[..]));

    let tensor = through_c(Exporter::new(TABLE).build().unwrap().into_inner());
    assert_eq!(tensor.downcast::<[u16; 3]>().unwrap(), TABLE);

    let shared = Arc::<[u16]>::from(TABLE);
    let tensor = through_c(Exporter::shared(Arc::clone(&shared)).build().unwrap().into_inner());
    assert!(Arc::ptr_eq(&tensor.downcast::<Arc<[u16]>>().unwrap(), &shared));
    assert_eq!(Arc::strong_count(&shared), 1);

    let tensor = through_c(Exporter::shared(&TABLE[1..]).build().unwrap().into_inner());
    assert_eq!(tensor.downcast::<&'static [u16]>().unwrap().as_ptr(), &raw const TABLE[1]);
}

/// Types are told apart even where they have the same layout.
#[test]
fn another_type() {
    let tensor = through_c(Exporter::new(vec![1_u32, 2]).build().unwrap().into_inner());
    let tensor = tensor.downcast::<Vec<f32>>().unwrap_err();
    let tensor = tensor.downcast::<Vec<i32>>().unwrap_err();
    let tensor = tensor.downcast::<Box<[u32]>>().unwrap_err();
    let tensor = tensor.downcast::<[usize; 3]>().unwrap_err();
    let tensor = tensor.downcast::<()>().unwrap_err();
    assert_eq!(tensor.shape(), [2], "unharmed");
    assert_eq!(tensor.downcast::<Vec<u32>>().unwrap(), [1, 2]);
}

#[test]
fn a_refused_downcast_keeps_the_owner() {
    let (owner, fate) = Counted::new(&[1_u8, 2, 3]);
    let tensor = Exporter::new(owner).build().unwrap().into_inner();
    let tensor = through_c(tensor).downcast::<Vec<u8>>().unwrap_err();
    assert_eq!(fate.dropped(), 0);
    drop(tensor);
    assert_eq!(fate.dropped(), 1);
}

/// A refusal keeps what was known of the tensor: it can be read, and written, as before.
#[test]
fn a_refused_downcast_keeps_the_promise() {
    let frozen = Exporter::shared(Arc::<[u16]>::from([1, 2])).build().unwrap();
    let frozen: Frozen<ManagedTensorVersioned> = frozen.downcast::<Vec<u16>>().unwrap_err();
    assert_eq!(frozen.as_slice::<u16>(), Ok(&[1, 2][..]));
    assert_eq!(frozen.downcast::<Arc<[u16]>>().unwrap()[..], [1, 2]);

    let exclusive = Exporter::new(vec![1_u16, 2]).build_legacy().unwrap();
    let mut exclusive: Exclusive<ManagedTensor> = exclusive.downcast::<Box<[u16]>>().unwrap_err();
    exclusive.view_mut::<u16>().unwrap()[[1]] = 7;
    assert_eq!(exclusive.downcast::<Vec<u16>>().unwrap(), [1, 7]);
}

#[test]
fn a_downcast_drops_nothing() {
    let (owner, fate) = Counted::new(&[1_u8, 2, 3]);
    let tensor = Exporter::new(owner).build_legacy().unwrap().into_inner();
    let owner = through_c_legacy(tensor).downcast::<Counted<u8>>().unwrap();
    assert_eq!((fate.dropped(), &owner.elements[..]), (0, &[1, 2, 3][..]));
    drop(owner);
    assert_eq!(fate.dropped(), 1);
}

#[test]
fn a_foreign_struct() {
    let spec = Spec::of(&[1_u8]);
    for (spec, deletes) in
        [(spec.clone(), 1), (spec.clone().null_context(), 1), (spec.null_deleter(), 0)]
    {
        let (raw, record) = spec.make_versioned();
        // SAFETY: C passes the tensor on.
        let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }.unwrap();
        let tensor = tensor.downcast::<Vec<u8>>().unwrap_err();
        assert_eq!((tensor.as_raw(), record.deleted()), (raw, 0));
        drop(tensor);
        assert_eq!(record.deleted(), deletes);

        let (raw, record) = spec.make_legacy();
        // SAFETY: C passes the tensor on.
        let tensor = unsafe { ManagedTensor::from_raw(raw) }.unwrap();
        let tensor = tensor.downcast::<Vec<u8>>().unwrap_err();
        assert_eq!((tensor.as_raw(), record.deleted()), (raw, 0));
        drop(tensor);
        assert_eq!(record.deleted(), deletes);
    }
}

/// What is wrapped is the owner of the wrapper; its own owner is one step further.
#[test]
fn a_wrapped_tensor() {
    let tensor = Exporter::new(vec![1_u8, 2]).build_legacy().unwrap().into_inner();
    let inner = tensor.as_raw();
    let wrapped = through_c(tensor.into_versioned().unwrap());
    let wrapped = wrapped.downcast::<Vec<u8>>().unwrap_err();
    let tensor = wrapped.downcast::<ManagedTensor>().unwrap();
    assert_eq!(tensor.as_raw(), inner);
    assert_eq!(tensor.downcast::<Vec<u8>>().unwrap(), [1, 2]);
}

#[test]
fn a_wrapped_versioned_tensor() {
    let tensor = Exporter::new(vec![1_u8, 2]).build().unwrap().into_inner();
    let wrapped = through_c_legacy(tensor.into_legacy().unwrap());
    let wrapped = wrapped.downcast::<Vec<u8>>().unwrap_err();
    let tensor = wrapped.downcast::<ManagedTensorVersioned>().unwrap();
    assert_eq!(tensor.downcast::<Vec<u8>>().unwrap(), [1, 2]);
}

/// Others hold the tensor too, so that nobody gets its owner.
#[test]
fn a_shared_tensor() {
    let (owner, fate) = Counted::new(&[1_u8, 2, 3]);
    let tensor = Arc::new(Exporter::new(owner).build().unwrap().into_inner());
    let child = through_c(tensor.share().unwrap());
    let child = child.downcast::<Counted<u8>>().unwrap_err();
    let child = child.downcast::<Arc<ManagedTensorVersioned>>().unwrap_err();
    let child = child.downcast::<ManagedTensorVersioned>().unwrap_err();
    drop(child);
    let tensor = Arc::into_inner(tensor).expect("the child is gone");
    drop(tensor.downcast::<Counted<u8>>().unwrap());
    assert_eq!(fate.dropped(), 1);
}

/// Some consumers write into the struct. Only the deleter and the context are believed, which they must not touch.
#[test]
fn a_struct_that_a_consumer_has_written() {
    let data = vec![1_u32, 2, 3, 4];
    let start = data.as_ptr();
    let tensor = Exporter::new(data).shape(&[2, 2]).build().unwrap().into_inner();
    let raw = tensor.as_raw();
    // SAFETY: the tensor is alive; these are the fields that consumers have been seen writing.
    let fields = unsafe { &mut (*raw).dl_tensor };
    // SAFETY: two sizes.
    unsafe { fields.shape.cast::<[i64; 2]>().write([-7, i64::MAX]) };
    // SAFETY: two strides.
    unsafe { fields.strides.cast::<[i64; 2]>().write([i64::MIN, -1]) };
    fields.data = std::ptr::dangling_mut();
    fields.shape = std::ptr::null_mut();
    fields.strides = std::ptr::dangling_mut();
    fields.ndim = -9;
    fields.byte_offset = u64::MAX;
    // SAFETY: as above.
    unsafe { (*raw).flags = u64::MAX };
    assert_eq!((tensor.shape(), tensor.strides()), (&[2, 2][..], &[2, 1][..]));
    let data = tensor.downcast::<Vec<u32>>().unwrap();
    assert_eq!((data.as_ptr(), &data[..]), (start, &[1, 2, 3, 4][..]));
}

#[test]
fn what_c_wrote_comes_back() {
    let raw = Exporter::new(vec![0_u16; 6]).shape(&[3, 2]).build().unwrap().into_raw();
    // SAFETY: just passed on, and writable.
    let written = unsafe {
        harness::consumer::write(&raw const (*raw).dl_tensor, 0, &[2, 1], &77_u16.to_ne_bytes())
    };
    assert!(written);
    // SAFETY: just passed on.
    let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }.unwrap();
    assert_eq!(tensor.downcast::<Vec<u16>>().unwrap(), [0, 0, 0, 0, 0, 77]);
}

/// The header's bits may have been moved, as consumers were seen to do; the deleter does not mind, and neither does the
/// way back.
#[test]
fn a_struct_that_was_moved() {
    let (counted, fate) = Counted::new(&[1_u8, 2, 3]);
    let start = counted.elements.as_ptr();
    let raw = Exporter::new(counted).build().unwrap().into_raw();
    // SAFETY: the struct is alive; only the copy is used from here on.
    let mut moved = unsafe { raw.read() };
    // SAFETY: the copy is alive until the end, and its deleter is called with it once.
    let tensor = unsafe { ManagedTensorVersioned::from_raw(&raw mut moved) }.unwrap();
    let counted = tensor.downcast::<Counted<u8>>().unwrap();
    assert_eq!(counted.elements.as_ptr(), start);
    assert_eq!(fate.dropped(), 0);
    drop(counted);
    assert_eq!(fate.dropped(), 1);
}

/// A share that has been to a consumer.
fn back(tensor: &Arc<ManagedTensorVersioned>) -> ManagedTensorVersioned {
    let raw = tensor.share_opaque().expect("memory").into_raw();
    // SAFETY: a consumer passes on what it got.
    unsafe { ManagedTensorVersioned::from_raw(raw) }.expect("a share")
}

#[test]
fn a_share_of_a_share_is_one_of_the_first() {
    let mut tensor = Arc::new(Exporter::new(vec![1_u8, 2, 3]).build().expect("fits").into_inner());
    let first = Arc::as_ptr(&tensor);
    // As a chain, this would overflow the stack when it is dropped.
    for _ in 0..200_000 {
        let share = back(&tensor);
        tensor = share.shared().expect("it says the same");
    }
    assert_eq!(Arc::as_ptr(&tensor), first);
    let tensor = Arc::into_inner(tensor).expect("nobody else has it");
    assert_eq!(tensor.downcast::<Vec<u8>>().ok(), Some(vec![1, 2, 3]));
}

#[test]
fn what_says_something_else_or_is_of_others_is_no_share() {
    let tensor = Exporter::new(vec![1_u8, 2, 3]).build().expect("fits").into_inner();
    assert!(tensor.shared().is_none());
    let tensor = Arc::new(tensor);
    // Not yet with a consumer, who makes the difference.
    assert!(tensor.share().expect("memory").shared().is_none());

    for change in 0..5 {
        let raw = tensor.share_opaque().expect("memory").into_raw();
        // SAFETY: a live struct that nobody else has, of which the consumer makes a part of it, or less of it.
        let share = unsafe {
            let dl_tensor = &mut (*raw).dl_tensor;
            match change {
                0 => dl_tensor.shape.write(2),
                1 => dl_tensor.data = dl_tensor.data.byte_add(1),
                2 => (*raw).flags |= Flags::READ_ONLY.bits(),
                3 => dl_tensor.dtype = DataType::I8.into(),
                _ => dl_tensor.strides.write(0),
            }
            if change == 1 {
                dl_tensor.shape.write(2);
            }
            ManagedTensorVersioned::from_raw(raw)
        };
        assert!(share.expect("a part").shared().is_none(), "{change}");
    }
    // SAFETY: nobody writes what the tests read.
    let promised = unsafe { back(&tensor).assume_host_accessible() };
    assert!(promised.shared().is_none());

    let frozen = Arc::new(Exporter::new(vec![1_u8, 2, 3]).build().expect("fits").freeze());
    let part = frozen.share_view::<u8>(|view| view.slice(0, 1..)).expect("a part").into_inner();
    // SAFETY: a consumer passes on what it got.
    let part = unsafe { ManagedTensorVersioned::from_raw(part.into_raw()) }.expect("a part");
    assert!(part.shared().is_none());
}
