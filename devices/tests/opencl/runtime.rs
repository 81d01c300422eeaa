//! The runtime, and the consumer's side of it: what can be done with a handle and a byte offset.

use core::ffi::c_void;
use core::ops::Range;
use core::ptr;
use std::sync::OnceLock;

use cl3::command_queue::{
    create_command_queue_with_properties, enqueue_map_buffer, enqueue_nd_range_kernel,
    enqueue_unmap_mem_object, finish, release_command_queue,
};
use cl3::context::{CL_CONTEXT_DEVICES, create_context, get_context_info};
use cl3::device::{CL_DEVICE_TYPE_ALL, get_device_ids};
use cl3::event::release_event;
use cl3::kernel::{create_kernel, release_kernel, set_kernel_arg};
use cl3::memory::{
    CL_MAP_READ, CL_MAP_WRITE, CL_MEM_CONTEXT, CL_MEM_REFERENCE_COUNT, cl_mem, get_mem_object_info,
};
use cl3::platform::get_platform_ids;
use cl3::program::{build_program, create_program_with_source, release_program};
use cl3::types::{CL_TRUE, cl_command_queue, cl_context, cl_device_id, cl_event};
use consumer::{Managed, Received};

const KERNEL: &str = "__kernel void halve(__global float *all, ulong first) {
    all[first + get_global_id(0)] *= 0.5f;
}";

/// A context on the first device of the first platform; it lives as long as the process.
pub fn context() -> cl_context {
    // A pointer as a number, since the pointer types are not `Sync`.
    static CONTEXT: OnceLock<usize> = OnceLock::new();
    let context = CONTEXT.get_or_init(|| {
        let platforms = get_platform_ids().unwrap_or_default();
        let platform = *platforms.first().expect("an OpenCL platform, such as pocl-opencl-icd");
        let devices = get_device_ids(platform, CL_DEVICE_TYPE_ALL).expect("a device");
        let context = create_context(&devices[..1], ptr::null(), None, ptr::null_mut());
        context.expect("a context").expose_provenance()
    });
    ptr::with_exposed_provenance_mut(*context)
}

/// Returns how many references the runtime counts.
pub fn references(handle: cl_mem) -> u32 {
    get_mem_object_info(handle, CL_MEM_REFERENCE_COUNT).expect("a live buffer").into()
}

/// What a consumer needs to work with a buffer. The handle tells all of it.
pub struct Consumer {
    buffer: cl_mem,
    context: cl_context,
    device: cl_device_id,
    queue: cl_command_queue,
}

impl Consumer {
    pub fn of(buffer: *mut c_void) -> Self {
        let context = get_mem_object_info(buffer, CL_MEM_CONTEXT).expect("a live buffer");
        let context: cl_context =
            ptr::with_exposed_provenance_mut(isize::from(context).cast_unsigned());
        let devices = get_context_info(context, CL_CONTEXT_DEVICES).expect("a live context");
        let devices: Vec<isize> = devices.into();
        let device: cl_device_id = ptr::with_exposed_provenance_mut(devices[0].cast_unsigned());
        // SAFETY: no properties are given.
        let queue = unsafe { create_command_queue_with_properties(context, device, ptr::null()) };
        Self { buffer, context, device, queue: queue.expect("a queue") }
    }

    /// Reads the elements of a tensor in row-major order.
    pub fn read<M: Managed>(&self, tensor: &Received<M>) -> Vec<f32> {
        let reach = tensor.reach();
        let positions = tensor.positions();
        self.map(reach.clone(), |bytes| {
            let at = |position: usize| float(&bytes[position - reach.start..]);
            positions.into_iter().map(at).collect()
        })
    }

    /// Reads the floats in the first `nbytes` bytes.
    pub fn read_all(&self, nbytes: usize) -> Vec<f32> {
        self.map(0..nbytes, |bytes| bytes.chunks_exact(4).map(float).collect())
    }

    /// Writes the elements of a tensor in row-major order.
    pub fn write<M: Managed>(&self, tensor: &Received<M>, elements: &[f32]) {
        let reach = tensor.reach();
        self.map(reach.clone(), |bytes| {
            for (position, element) in tensor.positions().into_iter().zip(elements) {
                let at = position - reach.start;
                bytes[at..at + 4].copy_from_slice(&element.to_ne_bytes());
            }
        });
    }

    /// Maps bytes of the buffer for as long as the function runs.
    fn map<R>(&self, range: Range<usize>, work: impl FnOnce(&mut [u8]) -> R) -> R {
        let flags = CL_MAP_READ | CL_MAP_WRITE;
        let mut mapped = ptr::null_mut();
        let (queue, buffer, len) = (self.queue, self.buffer, range.len());
        // SAFETY: the buffer is live, and nobody else uses it meanwhile; the call waits for its end.
        let event = unsafe {
            enqueue_map_buffer(
                queue,
                buffer,
                CL_TRUE,
                flags,
                range.start,
                len,
                &mut mapped,
                0,
                ptr::null(),
            )
        };
        release(event.expect("a mapping"));
        // SAFETY: the runtime has mapped so many bytes.
        let bytes = unsafe { core::slice::from_raw_parts_mut(mapped.cast::<u8>(), len) };
        let result = work(bytes);
        // SAFETY: the mapping is not used again.
        let event = unsafe { enqueue_unmap_mem_object(queue, buffer, mapped, 0, ptr::null()) };
        release(event.expect("a mapping that ends"));
        finish(queue).expect("the end of the queue");
        result
    }

    /// Halves the elements of a contiguous tensor on the device.
    pub fn halve<M: Managed>(&self, tensor: &Received<M>) {
        let program = create_program_with_source(self.context, &[KERNEL]).expect("a program");
        let devices = [self.device];
        build_program(program, &devices, c"", None, ptr::null_mut())
            .expect("a program that builds");
        let kernel = create_kernel(program, c"halve").expect("a kernel");
        let first = tensor.byte_offset() / 4;
        // SAFETY: the first argument is a buffer, of a handle's size.
        let set = unsafe {
            set_kernel_arg(kernel, 0, size_of::<cl_mem>(), (&raw const self.buffer).cast())
        };
        set.expect("a first argument");
        // SAFETY: the second argument is a number of 64 bits.
        let set = unsafe { set_kernel_arg(kernel, 1, size_of::<u64>(), (&raw const first).cast()) };
        set.expect("a second argument");
        let count = tensor.positions().len();
        // SAFETY: the kernel stays within the elements of the tensor; one dimension, one number.
        let event = unsafe {
            enqueue_nd_range_kernel(
                self.queue,
                kernel,
                1,
                ptr::null(),
                &raw const count,
                ptr::null(),
                0,
                ptr::null(),
            )
        };
        release(event.expect("a run of the kernel"));
        finish(self.queue).expect("the end of the queue");
        // SAFETY: not used again.
        unsafe { release_kernel(kernel) }.expect("a live kernel");
        // SAFETY: not used again.
        unsafe { release_program(program) }.expect("a live program");
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        // SAFETY: not used again.
        unsafe { release_command_queue(self.queue) }.expect("a live queue");
    }
}

fn release(event: cl_event) {
    // SAFETY: the event is the caller's, and is not used again.
    unsafe { release_event(event) }.expect("a live event");
}

fn float(bytes: &[u8]) -> f32 {
    f32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}
