//! The producer: an owner of a `VkBuffer` and the memory bound to it, which destroys both when it is dropped.

use core::ffi::c_void;
use core::sync::atomic::{AtomicIsize, AtomicUsize, Ordering};
use std::sync::Arc;

use ash::vk::{
    self, AllocationCallbacks, BufferCreateInfo, BufferUsageFlags, Handle, MemoryAllocateInfo,
    MemoryMapFlags, SystemAllocationScope, WHOLE_SIZE,
};

use crate::runtime::{Bound, Gpu};

/// What the driver holds for one buffer, and how often its owner has given it back.
#[derive(Debug, Default)]
pub struct Objects {
    alive: AtomicIsize,
    releases: AtomicUsize,
}

impl Objects {
    /// How many allocations the driver made for the buffer and has not freed.
    pub fn alive(&self) -> isize {
        self.alive.load(Ordering::SeqCst)
    }

    pub fn releases(&self) -> usize {
        self.releases.load(Ordering::SeqCst)
    }

    /// Makes the driver allocate with functions that count.
    fn callbacks(self: &Arc<Self>) -> AllocationCallbacks<'static> {
        AllocationCallbacks::default()
            .user_data(Arc::as_ptr(self).cast_mut().cast())
            .pfn_allocation(Some(allocate))
            .pfn_reallocation(Some(reallocate))
            .pfn_free(Some(deallocate))
    }
}

/// The only one that destroys the buffer.
#[derive(Debug)]
pub struct Buffer {
    buffer: vk::Buffer,
    memory: vk::DeviceMemory,
    objects: Arc<Objects>,
}

impl Buffer {
    /// Makes a buffer with these elements.
    pub fn new(elements: &[u32]) -> (Self, Arc<Objects>) {
        let gpu = Gpu::get();
        let objects = Arc::new(Objects::default());
        let callbacks = objects.callbacks();
        let nbytes = u64::try_from(size_of_val(elements)).expect("a small buffer");
        let usage = BufferUsageFlags::TRANSFER_SRC | BufferUsageFlags::TRANSFER_DST;
        let info = BufferCreateInfo::default().size(nbytes).usage(usage);
        // SAFETY: the device lives as long as the process.
        let buffer = unsafe { gpu.device.create_buffer(&info, Some(&callbacks)) };
        let buffer = buffer.expect("a buffer");
        // SAFETY: the same.
        let needs = unsafe { gpu.device.get_buffer_memory_requirements(buffer) };
        let kind = gpu.host_visible(needs.memory_type_bits);
        let info =
            MemoryAllocateInfo::default().allocation_size(needs.size).memory_type_index(kind);
        // SAFETY: the same.
        let memory = unsafe { gpu.device.allocate_memory(&info, Some(&callbacks)) };
        let memory = memory.expect("memory");
        // SAFETY: both are new, and the memory is as large as the buffer needs.
        unsafe { gpu.device.bind_buffer_memory(buffer, memory, 0) }.expect("bound memory");
        let flags = MemoryMapFlags::empty();
        // SAFETY: the memory is not mapped.
        let mapped = unsafe { gpu.device.map_memory(memory, 0, WHOLE_SIZE, flags) };
        let mapped = mapped.expect("mapped memory").cast::<u32>();
        // SAFETY: the mapping is as long as the elements.
        unsafe { elements.as_ptr().copy_to_nonoverlapping(mapped, elements.len()) };
        // SAFETY: the mapping is not used again.
        unsafe { gpu.device.unmap_memory(memory) };
        Bound::insert(buffer, memory);
        (Self { buffer, memory, objects: Arc::clone(&objects) }, objects)
    }

    /// The handle as DLPack carries it.
    pub fn handle(&self) -> *mut c_void {
        let handle = usize::try_from(self.buffer.as_raw()).expect("a handle as large as a pointer");
        core::ptr::without_provenance_mut(handle)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let device = &Gpu::get().device;
        let callbacks = self.objects.callbacks();
        Bound::remove(self.buffer);
        // SAFETY: the owner's, and not used again; the callbacks are those it was made with.
        unsafe { device.destroy_buffer(self.buffer, Some(&callbacks)) };
        // SAFETY: the same.
        unsafe { device.free_memory(self.memory, Some(&callbacks)) };
        self.objects.releases.fetch_add(1, Ordering::SeqCst);
    }
}

// From C's library, since the driver does not say how large is what it frees.
unsafe extern "C" {
    safe fn aligned_alloc(alignment: usize, size: usize) -> *mut c_void;
    fn free(block: *mut c_void);
}

unsafe extern "system" fn allocate(
    objects: *mut c_void,
    size: usize,
    alignment: usize,
    _: SystemAllocationScope,
) -> *mut c_void {
    // SAFETY: the pointer that `Objects::callbacks` gave, during a call of the buffer's owner.
    let objects = unsafe { &*objects.cast::<Objects>() };
    objects.alive.fetch_add(1, Ordering::SeqCst);
    aligned_alloc(alignment.max(16), size.next_multiple_of(alignment.max(16)))
}

unsafe extern "system" fn reallocate(
    _: *mut c_void,
    _: *mut c_void,
    _: usize,
    _: usize,
    _: SystemAllocationScope,
) -> *mut c_void {
    // Drivers take it for no memory; none does this for a buffer.
    core::ptr::null_mut()
}

unsafe extern "system" fn deallocate(objects: *mut c_void, block: *mut c_void) {
    if block.is_null() {
        return;
    }
    // SAFETY: the pointer that `Objects::callbacks` gave, during a call of the buffer's owner.
    let objects = unsafe { &*objects.cast::<Objects>() };
    objects.alive.fetch_sub(1, Ordering::SeqCst);
    // SAFETY: a block from `allocate`.
    unsafe { free(block) };
}
