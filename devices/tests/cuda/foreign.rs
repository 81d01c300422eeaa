//! A foreign producer of CUDA tensors: the C struct is written by hand, with whatever a producer may write.

use core::ffi::c_void;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

use cudarc::driver::{CudaSlice, CudaStream, DevicePtr};
use dlpack_sys::{
    DLDataType, DLDevice, DLDeviceType, DLManagedTensorVersioned, DLPackVersion, DLTensor,
};

/// `kDLCUDA` and `kDLFloat`.
pub const CUDA: i32 = 2;
const FLOAT: u8 = 2;

/// What keeps a foreign tensor alive, behind `manager_ctx`.
struct Context {
    /// Freed by the deleter, in the context that this producer keeps account of.
    memory: Option<CudaSlice<f32>>,
    shape: Vec<i64>,
    strides: Vec<i64>,
    deleted: Arc<AtomicUsize>,
}

/// A tensor of six floats, 0 to 5, with fields to be written before it is given away.
pub struct Foreign {
    pub tensor: Box<DLManagedTensorVersioned>,
    pub deleted: Arc<AtomicUsize>,
}

impl Foreign {
    pub fn new(stream: &Arc<CudaStream>) -> Self {
        let memory = stream.clone_htod(&[0.0_f32, 1.0, 2.0, 3.0, 4.0, 5.0]).expect("memory");
        let (address, record) = memory.device_ptr(stream);
        let data = usize::try_from(address).expect("an address of 64 bits");
        drop(record);
        let device_id = i32::try_from(stream.context().ordinal()).expect("a small ordinal");
        let deleted = Arc::new(AtomicUsize::new(0));
        let mut context = Box::new(Context {
            memory: Some(memory),
            shape: vec![6],
            strides: vec![1],
            deleted: Arc::clone(&deleted),
        });
        let dl_tensor = DLTensor {
            data: core::ptr::without_provenance_mut(data),
            device: DLDevice { device_type: DLDeviceType(CUDA), device_id },
            ndim: 1,
            dtype: DLDataType { code: FLOAT, bits: 32, lanes: 1 },
            shape: context.shape.as_mut_ptr(),
            strides: context.strides.as_mut_ptr(),
            byte_offset: 0,
        };
        let tensor = Box::new(DLManagedTensorVersioned {
            version: DLPackVersion { major: 1, minor: 3 },
            manager_ctx: Box::into_raw(context).cast(),
            deleter: Some(delete),
            flags: 0,
            dl_tensor,
        });
        Self { tensor, deleted }
    }

    /// One axis of so many elements, from `first` on.
    pub fn axis(mut self, first: u64, size: i64, stride: i64) -> Self {
        self.tensor.dl_tensor.byte_offset = 4 * first;
        // SAFETY: the arrays of the context have one number each.
        unsafe { self.tensor.dl_tensor.shape.write(size) };
        // SAFETY: the same.
        unsafe { self.tensor.dl_tensor.strides.write(stride) };
        self
    }

    /// Gives the tensor away.
    pub fn into_raw(self) -> (*mut DLManagedTensorVersioned, Arc<AtomicUsize>) {
        (Box::into_raw(self.tensor), self.deleted)
    }
}

unsafe extern "C" fn delete(this: *mut DLManagedTensorVersioned) {
    // SAFETY: made by `Foreign::into_raw`, and deleted once.
    let tensor = unsafe { Box::from_raw(this) };
    let context: *mut c_void = tensor.manager_ctx;
    // SAFETY: made by `Foreign::new`, and deleted once.
    let mut context = unsafe { Box::from_raw(context.cast::<Context>()) };
    if let Some(memory) = context.memory.take() {
        memory.context().bind_to_thread().expect("a context");
        drop(memory);
    }
    context.deleted.fetch_add(1, Ordering::SeqCst);
}
