//! The allocator of this crate's exchange table, called by libtvm_ffi.
//!
//! It is the only function of the table that a library calls from C. The other functions are about objects of Python.

use core::ffi::c_void;
use core::ptr::NonNull;

use c_peers::{Reason, Request, TVM_FFI, Tensor};
use dlpack::allocator::Global;
use dlpack::exchange::{ExchangeTable, Library, Offer, Report};
use dlpack::{DataType, Device, Error, ManagedTensorVersioned, OpaqueTensor};
use dlpack_sys::{DLManagedTensorVersioned, DLPackManagedTensorAllocator};

/// A library that has memory for small tensors.
struct Small;

// SAFETY: it keeps no pointer to what it allocates, and accepts and lends nothing.
unsafe impl Library for Small {
    type Error = Error;

    fn set_error(_: Error) {}

    fn allocate(
        dtype: DataType,
        shape: &[usize],
        device: Device,
    ) -> Result<ManagedTensorVersioned, Report> {
        if shape.iter().product::<usize>() > 100 {
            return Err(Report::new("MemoryError", "only a hundred elements"));
        }
        let tensor = ManagedTensorVersioned::allocate_in(Global, dtype, shape, device)?;
        Ok(tensor.into_inner())
    }

    unsafe fn tensor_from_object(_: NonNull<c_void>) -> Result<OpaqueTensor, Error> {
        Err(Error::NullObject)
    }

    unsafe fn object_from_tensor(_: Offer<'_>) -> Result<NonNull<c_void>, Error> {
        Err(Error::NullObject)
    }
}

static TABLE: ExchangeTable<Small> = ExchangeTable::new();

type Allocate =
    unsafe extern "C" fn(DLPackManagedTensorAllocator, *const Request, *mut Reason) -> *mut c_void;

fn allocate(dtype: DataType, shape: &[i64]) -> Result<Tensor, String> {
    // SAFETY: the table is in a `static`, and the symbol is a function of this type.
    let (table, function) =
        unsafe { (&*TABLE.as_raw(), TVM_FFI.get::<Allocate>(c"tvm_ffi_allocate")) };
    TVM_FFI.request(dtype, shape, |request| {
        // SAFETY: the function reads dtype and shape of the request, and calls the allocator.
        let made = Reason::of(|reason| unsafe {
            function(table.managed_tensor_allocator, request, reason)
        });
        // SAFETY: a tensor of the library.
        made.map(|at| unsafe { TVM_FFI.own(at) })
    })
}

#[test]
fn tvm_ffi_allocates_here() {
    for dtype in [DataType::F32, DataType::U8, DataType::BF16, DataType::F32.with_lanes(4)] {
        let tensor = allocate(dtype, &[2, 3]).expect("a tensor");
        let found = tensor.describe();
        assert_eq!(
            (found.shape(), found.strides(), found.dtype()),
            (&[2, 3][..], &[3, 1][..], dtype)
        );
        assert_eq!(found.address() % 256, 0);
        let elements = vec![7; dtype.nbytes(6, false).expect("a size")];
        tensor.write(&elements);
        // Back here, it is a tensor of libtvm_ffi's, over memory of this crate's.
        let back = tensor.export::<DLManagedTensorVersioned>().expect("an export");
        drop(tensor);
        assert_eq!((crate::cases::bytes(&back), back.data().addr()), (elements, found.address()));
    }
    assert_eq!(allocate(DataType::F32, &[]).expect("a tensor").describe().shape(), [0_i64; 0]);
}

#[test]
fn tvm_ffi_tells_why_there_is_no_memory() {
    let refused = allocate(DataType::F32, &[101]).map(|_| ()).unwrap_err();
    assert!(refused.contains("only a hundred elements"), "{refused}");
    assert!(allocate(DataType::F32, &[-1]).is_err());
    assert!(allocate(DataType::F32, &[i64::MAX, i64::MAX]).is_err());
}
