//! Tensors of memory that a caller describes by itself.

use std::ptr::{self, null_mut};

use dlpack::{Access, BorrowedTensor, DataType, Device, Error, Flags, sys};

fn describe(data: &mut [i32], shape: &mut [i64]) -> sys::DLTensor {
    sys::DLTensor {
        data: data.as_mut_ptr().cast(),
        device: Device::CPU.into(),
        ndim: i32::try_from(shape.len()).unwrap(),
        dtype: DataType::I32.into(),
        shape: shape.as_mut_ptr(),
        strides: null_mut(),
        byte_offset: 0,
    }
}

#[test]
fn without_flags_it_may_be_written() {
    let (mut data, mut shape) = ([1, 2, 3, 4, 5, 6], [2, 3]);
    let raw = describe(&mut data, &mut shape);
    // SAFETY: the memory is as described, and used by nobody else meanwhile.
    let mut tensor = unsafe { BorrowedTensor::from_raw_with_flags(&raw, Flags::NONE) }.unwrap();
    assert_eq!(
        (tensor.access(), tensor.flags(), tensor.version()),
        (Access::Writable, Flags::NONE, None)
    );
    assert_eq!(tensor.strides(), [3, 1]);
    // SAFETY: nobody else reads or writes the elements.
    unsafe { tensor.view_mut::<i32>() }.unwrap()[[1, 2]] = 9;
    assert_eq!(data, [1, 2, 3, 4, 5, 9]);
}

/// The first element lies behind the data pointer, which stays what the producer wrote.
#[test]
fn where_the_elements_start() {
    let (mut data, mut shape) = ([1, 2, 3, 4], [1]);
    let mut raw = describe(&mut data, &mut shape);
    raw.byte_offset = 8;
    // SAFETY: the memory is as described, and nobody writes it.
    let tensor = unsafe { BorrowedTensor::from_raw(&raw) }.unwrap();
    let start = tensor.start().unwrap();
    assert_eq!((tensor.data(), start), (raw.data, raw.data.wrapping_byte_add(8)));
    // SAFETY: as above.
    assert_eq!(unsafe { tensor.view::<i32>() }.unwrap()[[0]], 3);
    let text = format!("{tensor:?}");
    assert!(text.contains(&format!("data: {:?} + 8", raw.data)), "{text}");
    for bytes in [1, 2, 3, 4, 8, 16, 64, 100] {
        assert_eq!(tensor.is_aligned_to(bytes), start.addr() % bytes == 0, "{bytes}");
    }
    assert!(!tensor.is_aligned_to(0));
}

/// An address of a device is one, and a handle, or what nobody knows to be an address, is not.
#[test]
fn where_the_elements_of_a_device_start() {
    let address = ptr::without_provenance_mut::<std::ffi::c_void>(0x1000);
    for (code, is_address) in
        [(2, true), (10, true), (13, true), (4, false), (7, false), (8, false), (99, false)]
    {
        let mut shape = [2];
        let device = Device::new(dlpack::DeviceType::new(code), 0);
        let mut raw = describe(&mut [], &mut shape);
        (raw.data, raw.byte_offset, raw.device) = (address, 16, device.into());
        // SAFETY: the host does not follow the address.
        let tensor = unsafe { BorrowedTensor::from_raw(&raw) }.unwrap();
        let expected = if is_address {
            Ok(address.wrapping_byte_add(16))
        } else {
            Err(Error::NotAnAddress { device })
        };
        assert_eq!(tensor.start(), expected, "{device}");
        assert_eq!(tensor.is_aligned_to(16), is_address, "{device}");
    }
}

#[test]
fn elements_that_start_nowhere() {
    let mut shape = [2];
    let mut raw = describe(&mut [], &mut shape);
    for (data, byte_offset, expected) in [
        (0, 0, Err(Error::NullData)),
        (8, u64::MAX, Err(Error::ByteOffsetOverflow { byte_offset: u64::MAX })),
        (usize::MAX - 3, 0, Err(Error::AddressOverflow)),
    ] {
        (raw.data, raw.byte_offset) = (ptr::without_provenance_mut(data), byte_offset);
        // SAFETY: nobody follows the address.
        let tensor = unsafe { BorrowedTensor::from_raw(&raw) }.unwrap();
        assert_eq!(tensor.start(), expected);
        assert!(!tensor.is_aligned_to(1));
    }
    let mut none = [0];
    raw.shape = none.as_mut_ptr();
    // SAFETY: there are no elements.
    let tensor = unsafe { BorrowedTensor::from_raw(&raw) }.unwrap();
    assert_eq!(tensor.start(), Ok(null_mut()));
    assert!(tensor.is_aligned_to(4096));
}

#[test]
fn sizes() {
    let (mut data, mut shape) = ([1, 2, 3, 4, 5, 6], [2, 3]);
    let raw = describe(&mut data, &mut shape);
    // SAFETY: the memory is as described.
    let tensor = unsafe { BorrowedTensor::from_raw(&raw) }.unwrap();
    assert_eq!((tensor.size(0), tensor.size(1)), (Ok(2), Ok(3)));
    assert_eq!(tensor.size(2), Err(Error::AxisOutOfRange { axis: 2, ndim: 2 }));
    assert_eq!(tensor.sizes(), Ok([2, 3]));
    assert_eq!(tensor.sizes::<3>(), Err(Error::NdimMismatch { expected: 3, found: 2 }));
    assert_eq!((tensor.check_size(0, 2), tensor.check_size(1, 3)), (Ok(()), Ok(())));
    let wrong = tensor.check_size(1, 4).unwrap_err();
    assert_eq!(wrong, Error::ShapeMismatch { axis: 1, expected: 4, found: 3 });
    assert_eq!(wrong.to_string(), "expected size 4 on axis 1, found 3");
    assert_eq!(tensor.check_size(2, 1), Err(Error::AxisOutOfRange { axis: 2, ndim: 2 }));
}

#[test]
fn what_the_function_returns_is_returned() {
    let (mut data, mut shape) = ([1, 2], [2]);
    let raw = describe(&mut data, &mut shape);
    // SAFETY: the memory is as described, and nobody writes it.
    unsafe {
        let sum =
            BorrowedTensor::with_raw(&raw, |tensor| Ok(tensor.view::<i32>()?.iter().sum::<i32>()));
        assert_eq!(sum, Ok(3));
        let refused =
            BorrowedTensor::with_raw(&raw, |tensor| tensor.as_slice::<u8>().map(<[u8]>::len));
        assert!(matches!(refused, Err(Error::DTypeMismatch { .. })));
        assert_eq!(BorrowedTensor::with_raw(ptr::null(), |_| Ok(())), Err(Error::NullTensor));
    }
}

#[test]
fn read_only_memory_is_not_written() {
    let (mut data, mut shape) = ([1, 2], [2]);
    let raw = describe(&mut data, &mut shape);
    let flags = Flags::READ_ONLY;
    // SAFETY: the memory is as described.
    let mut tensor = unsafe { BorrowedTensor::from_raw_with_flags(&raw, flags) }.unwrap();
    assert_eq!((tensor.access(), tensor.flags()), (Access::ReadOnly, flags));
    // SAFETY: nobody else reads or writes the elements.
    let refused = unsafe { tensor.view_mut::<i32>() }.map(drop);
    assert_eq!(refused, Err(Error::ReadOnly));
    // SAFETY: initialised, and nobody writes.
    assert_eq!(unsafe { tensor.as_slice::<i32>() }, Ok(&[1, 2][..]));
}

#[test]
fn what_makes_no_sense_is_refused() {
    // SAFETY: null is allowed.
    let refused = unsafe { BorrowedTensor::from_raw_with_flags(ptr::null(), Flags::NONE) };
    assert_eq!(refused.map(drop), Err(Error::NullTensor));
    let (mut data, mut shape) = ([1, 2], [-2]);
    let raw = describe(&mut data, &mut shape);
    // SAFETY: the memory is not looked at.
    let refused = unsafe { BorrowedTensor::from_raw_with_flags(&raw, Flags::NONE) };
    assert_eq!(refused.map(drop), Err(Error::NegativeSize { axis: 0, size: -2 }));
}

/// A struct that is not where a `DLTensor` can be is not looked at.
#[test]
fn a_misaligned_struct_is_refused() {
    let (mut data, mut shape) = ([1, 2], [2]);
    let raw = describe(&mut data, &mut shape);
    let mut room = [0_u64; size_of::<sys::DLTensor>() / 8 + 1];
    let at = room.as_mut_ptr().wrapping_byte_add(align_of::<sys::DLTensor>() / 2);
    let at = at.cast::<sys::DLTensor>();
    // SAFETY: there is room for one more word than the struct takes.
    unsafe { at.write_unaligned(raw) };
    // SAFETY: the memory is as described, and the struct can be read.
    let refused = unsafe { BorrowedTensor::from_raw(at) };
    let required = align_of::<sys::DLTensor>();
    assert_eq!(refused.map(drop), Err(Error::MisalignedHeader { required }));
}
