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
