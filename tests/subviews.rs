//! Parts of a shared tensor, given away as tensors of their own.
#![cfg(feature = "alloc")]

use std::sync::Arc;

use dlpack::{
    Access, Device, Error, Exporter, Flags, Frozen, ManagedTensorVersioned, OnDrop, TensorView,
    Version,
};

type Parent = Arc<Frozen<ManagedTensorVersioned>>;

/// `0, 1, 2, ...` in this shape.
fn numbers(shape: &[usize]) -> Parent {
    let len = shape.iter().product::<usize>();
    let numbers: Vec<u16> = (0..u16::try_from(len).unwrap()).collect();
    Arc::new(Exporter::new(numbers).shape(shape).build().unwrap().freeze())
}

#[test]
fn a_part_of_the_same_memory() {
    let parent = numbers(&[4, 6]);
    let start = parent.data().addr();
    let crop = parent.share_view::<u16>(|all| all.slice(0, 1..3)?.slice(1, 2..6)?.step_by(1, 2));
    let crop = crop.unwrap();
    assert_eq!((crop.shape(), crop.strides()), (&[2, 2][..], &[6, 2][..]));
    assert_eq!(crop.data().addr(), start + 2 * (6 + 2));
    assert_eq!(crop.view::<u16>().unwrap().to_vec(), [8, 10, 14, 16]);
    assert_eq!((crop.flags(), crop.access()), (Flags::READ_ONLY, Access::ReadOnly));
    assert_eq!((crop.version(), crop.byte_offset()), (Some(Version::new(1, 3)), 0));

    let flipped = parent.share_view::<u16>(|all| all.transpose().flip(1)).unwrap();
    assert_eq!((flipped.shape(), flipped.strides()), (&[6, 4][..], &[1, -6][..]));
    assert_eq!(flipped.data().addr(), start + 2 * 18);
    assert_eq!(flipped.view::<u16>().unwrap()[[5, 0]], 23);

    let one = parent.share_view::<u16>(|all| all.select(0, 3)?.select(0, 5)).unwrap();
    assert_eq!((one.ndim(), one.view::<u16>().unwrap()[[]]), (0, 23));
    assert_eq!(Arc::strong_count(&parent), 4);
}

/// The parent's owner is dropped when the last part is, on whatever thread.
#[test]
fn parts_keep_the_whole() {
    let owner = Arc::<[u8]>::from([1, 2, 3, 4]);
    let parent = Arc::new(Exporter::shared(Arc::clone(&owner)).build().unwrap());
    let head = parent.share_view::<u8>(|all| all.slice(0, 0..2)).unwrap();
    let head = Arc::new(head);
    let neck = head.share_view::<u8>(|head| head.slice(0, 1..2)).unwrap();
    drop((parent, head));
    assert_eq!(Arc::strong_count(&owner), 2);
    let raw = neck.into_raw();
    // SAFETY: just passed on.
    let neck = unsafe { ManagedTensorVersioned::from_raw(raw) }.unwrap();
    // SAFETY: the elements stay as they are, as they are shared.
    assert_eq!(unsafe { neck.as_slice::<u8>() }.unwrap(), [2]);
    std::thread::spawn(move || drop(neck)).join().unwrap();
    assert_eq!(Arc::strong_count(&owner), 1);
}

/// Nobody gets at the parent by way of a part.
#[test]
fn no_way_to_the_parent() {
    let parent = numbers(&[2]);
    let child = parent.share_view::<u16>(|all| Ok(all)).unwrap().into_inner();
    let child = child.downcast::<Parent>().unwrap_err();
    let child = child.downcast::<Vec<u16>>().unwrap_err();
    drop(child);
    assert_eq!(Arc::strong_count(&parent), 1);
}

#[test]
fn nothing_of_it() {
    let parent = numbers(&[2, 3]);
    let nothing = parent.share_view::<u16>(|all| all.slice(1, 3..3)).unwrap();
    assert_eq!((nothing.shape(), nothing.data().is_null()), (&[2, 0][..], true));
    let empty = numbers(&[0, 3]);
    assert_eq!(empty.share_view::<u16>(|all| Ok(all.transpose())).unwrap().shape(), [3, 0]);
}

#[test]
fn what_is_refused() {
    static OTHER: [u16; 6] = [0; 6];
    let parent = numbers(&[2, 3]);
    let refused = |result: Result<_, Error>| result.map(drop).unwrap_err();
    let error = refused(parent.share_view::<i16>(|all| Ok(all)));
    assert!(matches!(error, Error::DTypeMismatch { .. }), "{error}");
    let error = refused(parent.share_view::<u16>(|all| all.slice(0, 0..9)));
    assert_eq!(error, Error::RangeOutOfBounds { start: 0, end: 9, size: 2 });
    let error = refused(parent.share_view::<u16>(|_| TensorView::from_slice(&OTHER, &[6])));
    assert!(matches!(error, Error::OutOfBounds { available: 12, .. }));
    assert_eq!(Arc::strong_count(&parent), 1);
}

/// The neighbours of a tensor within the same memory are none of its parts.
#[test]
fn neighbours() {
    static TABLE: [u16; 6] = [0, 1, 2, 3, 4, 5];
    let middle = Arc::new(Exporter::shared(&TABLE[2..4]).build().unwrap());
    for (range, is_part) in [(2..4, true), (3..4, true), (1..4, false), (2..5, false)] {
        let (start, len) = (range.start, range.len());
        let child = middle.share_view::<u16>(|_| TensorView::from_slice(&TABLE[range], &[len]));
        match child.map(|child| child.numel()) {
            Ok(numel) => assert!(is_part && numel == len),
            Err(error) => {
                // Two bytes before the tensor, or two after it.
                let (start, end) = if start == 1 { (-2, 4) } else { (0, 6) };
                assert!(!is_part);
                assert_eq!(error, Error::OutOfBounds { available: 4, start, end });
            }
        }
    }
    // Backwards it begins at its last element.
    let child = middle.share_view::<u16>(|_| TensorView::from_slice(&TABLE[1..4], &[3])?.flip(0));
    assert_eq!(child.map(drop), Err(Error::OutOfBounds { available: 4, start: -2, end: 4 }));
}

/// Nine axes, which are more than fit without a heap.
#[test]
fn many_axes() {
    let parent = numbers(&[1, 1, 1, 1, 1, 1, 1, 2, 3]);
    let child = parent.share_view::<u16>(|all| Ok(all.transpose())).unwrap();
    assert_eq!(child.shape(), [3, 2, 1, 1, 1, 1, 1, 1, 1]);
    assert_eq!(child.view::<u16>().unwrap().to_vec(), [0, 3, 1, 4, 2, 5]);
}

/// Memory of a device of which somebody says that the host may look at it.
#[test]
fn a_device_that_the_host_can_access() {
    let mut bytes = vec![1_u8, 2, 3, 4];
    let data = bytes.as_mut_ptr().cast();
    let owner = OnDrop::new(move || drop(bytes));
    // SAFETY: four bytes that the owner keeps, and nobody else uses.
    let exporter = unsafe { Exporter::from_raw_parts(owner, data, 4, Device::cuda(1)) };
    let tensor = exporter.shape(&[2, 2]).build().unwrap();
    // SAFETY: it is the host's own memory.
    let tensor = unsafe { tensor.assume_host_accessible() };
    // SAFETY: initialised above, and nobody writes it.
    let parent = Arc::new(unsafe { tensor.assume_frozen() });
    let child = parent.share_view::<u8>(|all| all.select(1, 1)).unwrap();
    assert_eq!(child.device(), Device::cuda(1));
    assert_eq!(child.view::<u8>().unwrap().to_vec(), [2, 4]);
}

/// Main memory has no number, whatever its producer wrote.
#[test]
fn a_number_that_main_memory_does_not_have() {
    let mut bytes = vec![1_u8, 2, 3];
    let (data, mut shape) = (bytes.as_mut_ptr().cast(), [3_i64]);
    let device = dlpack::sys::DLDevice { device_id: 7, ..Device::CPU.into() };
    let raw = dlpack::sys::DLTensor {
        data,
        device,
        ndim: 1,
        dtype: dlpack::DataType::U8.into(),
        shape: shape.as_mut_ptr(),
        strides: std::ptr::null_mut(),
        byte_offset: 0,
    };
    let raw = dlpack::sys::DLManagedTensorVersioned {
        version: Version::CURRENT.into(),
        manager_ctx: std::ptr::null_mut(),
        deleter: None,
        flags: 0,
        dl_tensor: raw,
    };
    let mut raw = std::mem::ManuallyDrop::new(raw);
    // SAFETY: the struct and its memory outlive the tensor.
    let tensor = unsafe { ManagedTensorVersioned::from_raw(&raw mut *raw) }.unwrap();
    assert_eq!(tensor.device().device_id, 7);
    // SAFETY: initialised, and nobody writes it.
    let parent = Arc::new(unsafe { tensor.assume_frozen() });
    let part = parent.share_view::<u8>(|all| all.slice(0, 1..)).unwrap();
    assert_eq!(part.device(), Device::CPU);
}

/// The stride of an axis of one index is the canonical one, whatever the view's was.
#[test]
fn strides_of_one_row() {
    let parent = numbers(&[4, 6]);
    let part = parent.share_view::<u16>(|all| all.slice(0, 1..2)?.step_by(1, 2)).unwrap();
    assert_eq!((part.shape(), part.strides()), (&[1, 3][..], &[3, 2][..]));
}
