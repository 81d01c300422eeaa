//! A producer in Rust, for interpreters that cannot run C: one allocation each for struct, arrays and data.

use std::mem::MaybeUninit;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use dlpack::sys::{
    DLDataType, DLDevice, DLDeviceType, DLManagedTensorVersioned, DLPackVersion, DLTensor,
};

/// How often the deleter ran.
#[derive(Clone, Debug, Default)]
pub(crate) struct Deleted(Arc<AtomicU32>);

impl Deleted {
    pub(crate) fn times(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

/// What the deleter frees.
struct Context {
    managed: *mut DLManagedTensorVersioned,
    shape: *mut [i64],
    strides: *mut [i64],
    memory: *mut [MaybeUninit<f32>],
    deleted: Deleted,
}

/// Makes a float32 tensor of 1.3 on the CPU, whose first element is at `origin` of `memory`.
pub(crate) fn produce(
    memory: Box<[MaybeUninit<f32>]>,
    origin: usize,
    shape: &[i64],
    strides: &[i64],
) -> (*mut DLManagedTensorVersioned, Deleted) {
    let deleted = Deleted::default();
    let memory = Box::into_raw(memory);
    let shape = Box::into_raw(Box::<[i64]>::from(shape));
    let strides = Box::into_raw(Box::<[i64]>::from(strides));
    let dl_tensor = DLTensor {
        data: memory.cast::<f32>().wrapping_add(origin).cast(),
        device: DLDevice { device_type: DLDeviceType(1), device_id: 0 },
        ndim: i32::try_from(shape.len()).expect("a length that fits"),
        dtype: DLDataType { code: 2, bits: 32, lanes: 1 },
        shape: shape.cast(),
        strides: strides.cast(),
        byte_offset: 0,
    };
    let managed = Box::into_raw(Box::new(DLManagedTensorVersioned {
        version: DLPackVersion { major: 1, minor: 3 },
        manager_ctx: ptr::null_mut(),
        deleter: Some(delete),
        flags: 0,
        dl_tensor,
    }));
    let context = Context { managed, shape, strides, memory, deleted: deleted.clone() };
    // SAFETY: just made.
    unsafe { (*managed).manager_ctx = Box::into_raw(Box::new(context)).cast() };
    (managed, deleted)
}

/// Initialised memory for [`produce`].
pub(crate) fn memory(elements: &[f32]) -> Box<[MaybeUninit<f32>]> {
    elements.iter().copied().map(MaybeUninit::new).collect()
}

unsafe extern "C" fn delete(this: *mut DLManagedTensorVersioned) {
    // SAFETY: `this` is live until the end of this function.
    let context = unsafe { (*this).manager_ctx };
    // SAFETY: boxed in `produce`, for this one call.
    let context = unsafe { Box::from_raw(context.cast::<Context>()) };
    assert_eq!(context.managed, this);
    context.deleted.0.fetch_add(1, Ordering::SeqCst);
    // SAFETY: boxed in `produce`, and never used again.
    drop(unsafe { Box::from_raw(context.shape) });
    // SAFETY: the same.
    drop(unsafe { Box::from_raw(context.strides) });
    // SAFETY: the same.
    drop(unsafe { Box::from_raw(context.memory) });
    // SAFETY: the same; after this the struct is gone.
    drop(unsafe { Box::from_raw(this) });
}
