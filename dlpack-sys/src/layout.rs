//! Asserts, at compile time, the size, the alignment and every offset of every struct.
//!
//! The numbers are worked out by hand from the header and the rules of the C ABI, not from the
//! declarations. A 32-bit ABI aligns `uint64_t` to 4 bytes (i686 Linux) or to 8 (ARM, WebAssembly,
//! Windows), and the structs that hold one differ.

use core::mem::offset_of;

use crate::{
    DLDataType, DLDataTypeCode, DLDevice, DLDeviceType, DLManagedTensor, DLManagedTensorVersioned,
    DLPackExchangeAPI, DLPackExchangeAPIHeader, DLPackVersion, DLTensor,
};

macro_rules! layout {
    ($type:ident: size $size:expr, align $align:expr $(, $field:ident at $offset:expr)*) => {
        const _: () = {
            assert!(size_of::<$type>() == $size);
            assert!(align_of::<$type>() == $align);
            $(assert!(offset_of!($type, $field) == $offset);)*
        };
    };
}

layout!(DLDeviceType: size 4, align 4);
layout!(DLPackVersion: size 8, align 4, major at 0, minor at 4);
layout!(DLDevice: size 8, align 4, device_type at 0, device_id at 4);
layout!(DLDataType: size 4, align 2, code at 0, bits at 1, lanes at 2);

// The types of the fields that hold these numbers.
const _: fn(DLDeviceType) -> i32 = |device_type| device_type.0;
const _: [u64; 3] = [
    crate::DLPACK_FLAG_BITMASK_READ_ONLY,
    crate::DLPACK_FLAG_BITMASK_IS_COPIED,
    crate::DLPACK_FLAG_BITMASK_IS_SUBBYTE_TYPE_PADDED,
];

// Not a part of any struct; C leaves its type to the compiler.
#[cfg(not(target_pointer_width = "16"))]
const _: () = assert!(size_of::<DLDataTypeCode>() == 4);

#[cfg(target_pointer_width = "64")]
#[rustfmt::skip]
mod pointers_of_64_bits {
    use super::*;

    layout!(DLTensor: size 48, align 8,
        data at 0, device at 8, ndim at 16, dtype at 20, shape at 24, strides at 32, byte_offset at 40);
    layout!(DLManagedTensor: size 64, align 8, dl_tensor at 0, manager_ctx at 48, deleter at 56);
    layout!(DLManagedTensorVersioned: size 80, align 8,
        version at 0, manager_ctx at 8, deleter at 16, flags at 24, dl_tensor at 32);
    layout!(DLPackExchangeAPIHeader: size 16, align 8, version at 0, prev_api at 8);
    layout!(DLPackExchangeAPI: size 56, align 8,
        header at 0,
        managed_tensor_allocator at 16,
        managed_tensor_from_py_object_no_sync at 24,
        managed_tensor_to_py_object_no_sync at 32,
        dltensor_from_py_object_no_sync at 40,
        current_work_stream at 48);
}

#[cfg(target_pointer_width = "32")]
#[rustfmt::skip]
mod pointers_of_32_bits {
    use super::*;

    /// Takes the first number where `uint64_t` is aligned to 4 bytes, else the second.
    macro_rules! by_align {
        ($four:expr, $eight:expr) => {
            if align_of::<u64>() == 4 { $four } else { $eight }
        };
    }

    layout!(DLTensor: size by_align!(36, 40), align by_align!(4, 8),
        data at 0, device at 4, ndim at 12, dtype at 16, shape at 20, strides at 24,
        byte_offset at by_align!(28, 32));
    layout!(DLManagedTensor: size by_align!(44, 48), align by_align!(4, 8),
        dl_tensor at 0, manager_ctx at by_align!(36, 40), deleter at by_align!(40, 44));
    layout!(DLManagedTensorVersioned: size by_align!(60, 64), align by_align!(4, 8),
        version at 0, manager_ctx at 8, deleter at 12, flags at 16, dl_tensor at 24);
    layout!(DLPackExchangeAPIHeader: size 12, align 4, version at 0, prev_api at 8);
    layout!(DLPackExchangeAPI: size 32, align 4,
        header at 0,
        managed_tensor_allocator at 12,
        managed_tensor_from_py_object_no_sync at 16,
        managed_tensor_to_py_object_no_sync at 20,
        dltensor_from_py_object_no_sync at 24,
        current_work_stream at 28);
}
