//! Two lines turn a pointer from a C library into an owned, checked value.

use dlpack::{DataType, Device, Error, ManagedTensorVersioned, sys::DLManagedTensorVersioned};

fn main() -> Result<(), Error> {
    let raw = library::matrix();

    // SAFETY: the C library passes the tensor on, and keeps to the standard.
    let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }?;
    // SAFETY: it has written all elements, and does not write them again.
    let tensor = unsafe { tensor.assume_frozen() };

    println!("{tensor:?}");
    assert_eq!(tensor.shape(), [2, 3]);
    assert_eq!(tensor.dtype(), DataType::F32);
    assert_eq!(tensor.device(), Device::CPU);
    assert_eq!(tensor.as_slice::<f32>()?, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);

    let matrix = tensor.view::<f32>()?;
    println!("{matrix:?}");
    assert_eq!(matrix[[1, 2]], 6.0);

    // A view has exactly the dtype of the tensor.
    let error = tensor.view::<i32>().err();
    assert_eq!(error, Some(Error::DTypeMismatch { expected: DataType::I32, found: DataType::F32 }));

    assert_eq!(library::deleted(), 0);
    drop(tensor);
    assert_eq!(library::deleted(), 1);

    refused("a negative size", |tensor| tensor.shape[0] = -1);
    refused("a shape without numbers", |tensor| {
        tensor.managed.dl_tensor.shape = core::ptr::null_mut()
    });
    refused("more elements than memory can hold", |tensor| tensor.shape = [1 << 40, 1 << 40]);
    refused("a dtype of no bits", |tensor| tensor.managed.dl_tensor.dtype.bits = 0);
    refused("a version of the future", |tensor| tensor.managed.version.major = 2);

    on_another_device()
}

/// An invalid tensor results in an error, and its deleter is called.
fn refused(what: &str, spoil: impl FnOnce(&mut library::Matrix)) {
    let before = library::deleted();
    let raw = library::matrix_but(spoil);
    // SAFETY: the C library passes the tensor on, and its invalid field is one that is checked.
    let error = unsafe { ManagedTensorVersioned::from_raw(raw) }.expect_err("a refusal");
    println!("{what}: {error}");
    assert_eq!(library::deleted(), before + 1);
}

/// A tensor in the memory of a GPU can be described and passed on, but not read.
fn on_another_device() -> Result<(), Error> {
    let on_gpu =
        |tensor: &mut library::Matrix| tensor.managed.dl_tensor.device = Device::cuda(0).into();
    let raw: *mut DLManagedTensorVersioned = library::matrix_but(on_gpu);
    // SAFETY: the C library passes the tensor on, and keeps to the standard.
    let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }?;
    assert_eq!((tensor.device(), tensor.shape()), (Device::cuda(0), &[2, 3][..]));

    // SAFETY: the elements are initialised, and nobody writes them.
    let error = unsafe { tensor.view::<f32>() }.err();
    assert_eq!(error, Some(Error::NotHostAccessible { device: Device::cuda(0) }));
    Ok(())
}

/// Stands for a C library, and fills in the struct as C does.
mod library {
    use core::ffi::c_void;
    use core::sync::atomic::{AtomicUsize, Ordering};
    use dlpack::sys::{
        DLDataType, DLDevice, DLDeviceType, DLManagedTensorVersioned, DLPackVersion, DLTensor,
    };

    static DELETED: AtomicUsize = AtomicUsize::new(0);

    /// How many matrices have been deleted.
    pub fn deleted() -> usize {
        DELETED.load(Ordering::Relaxed)
    }

    pub struct Matrix {
        pub managed: DLManagedTensorVersioned,
        pub shape: [i64; 2],
        strides: [i64; 2],
        elements: [f32; 6],
    }

    /// Makes a tensor of 2 x 3 numbers, which the caller owns.
    pub fn matrix() -> *mut DLManagedTensorVersioned {
        matrix_but(|_| ())
    }

    /// Makes a tensor and changes it before it goes out.
    pub fn matrix_but(change: impl FnOnce(&mut Matrix)) -> *mut DLManagedTensorVersioned {
        let null = core::ptr::null_mut();
        let matrix = Box::into_raw(Box::new(Matrix {
            managed: DLManagedTensorVersioned {
                version: DLPackVersion { major: 1, minor: 3 },
                manager_ctx: null,
                deleter: Some(delete),
                flags: 0,
                dl_tensor: DLTensor {
                    data: null,
                    device: DLDevice { device_type: DLDeviceType::kDLCPU, device_id: 0 },
                    ndim: 2,
                    dtype: DLDataType { code: 2, bits: 32, lanes: 1 },
                    shape: null.cast(),
                    strides: null.cast(),
                    byte_offset: 0,
                },
            },
            shape: [2, 3],
            strides: [3, 1],
            elements: [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        }));
        // SAFETY: a new box, which nobody else uses.
        unsafe {
            (*matrix).managed.manager_ctx = matrix.cast::<c_void>();
            (*matrix).managed.dl_tensor.data = (&raw mut (*matrix).elements).cast();
            (*matrix).managed.dl_tensor.shape = (&raw mut (*matrix).shape).cast();
            (*matrix).managed.dl_tensor.strides = (&raw mut (*matrix).strides).cast();
            change(&mut *matrix);
            &raw mut (*matrix).managed
        }
    }

    unsafe extern "C" fn delete(tensor: *mut DLManagedTensorVersioned) {
        // SAFETY: the context of a matrix is its box, and a deleter is called once.
        drop(unsafe { Box::from_raw((*tensor).manager_ctx.cast::<Matrix>()) });
        DELETED.fetch_add(1, Ordering::Relaxed);
    }
}
