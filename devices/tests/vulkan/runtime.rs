//! The driver, the table that producer and consumer share, and the consumer's side: what can be done with both.

use core::ffi::c_void;
use std::collections::HashMap;
use std::sync::{Mutex, OnceLock};

use ash::vk::{
    self, ApplicationInfo, BufferCopy, BufferUsageFlags, CommandBufferAllocateInfo,
    CommandBufferBeginInfo, CommandPoolCreateInfo, DeviceCreateInfo, DeviceQueueCreateInfo, Fence,
    Handle, InstanceCreateInfo, MemoryMapFlags, MemoryPropertyFlags, PhysicalDevice, SubmitInfo,
    WHOLE_SIZE,
};
use consumer::{Managed, Received};

/// The first device of the first driver; it lives as long as the process.
pub struct Gpu {
    pub device: ash::Device,
    memory: vk::PhysicalDeviceMemoryProperties,
    /// Only one thread at a time may give work to a queue.
    queue: Mutex<vk::Queue>,
    _instance: ash::Instance,
    _entry: ash::Entry,
}

impl Gpu {
    pub fn get() -> &'static Self {
        static GPU: OnceLock<Gpu> = OnceLock::new();
        GPU.get_or_init(Self::open)
    }

    fn open() -> Self {
        // SAFETY: the loader is a library like any other.
        let entry = unsafe { ash::Entry::load() }.expect("the Vulkan loader, libvulkan1");
        let application = ApplicationInfo::default().api_version(vk::API_VERSION_1_1);
        let info = InstanceCreateInfo::default().application_info(&application);
        // SAFETY: no extension is asked for.
        let instance = unsafe { entry.create_instance(&info, None) }.expect("an instance");
        // SAFETY: the instance is live.
        let devices = unsafe { instance.enumerate_physical_devices() }.unwrap_or_default();
        let physical = *devices.first().expect("a Vulkan device, such as mesa-vulkan-drivers");
        let device = Self::device(&instance, physical);
        // SAFETY: the instance is live.
        let memory = unsafe { instance.get_physical_device_memory_properties(physical) };
        // SAFETY: the device was made with one queue of the first family.
        let queue = Mutex::new(unsafe { device.get_device_queue(0, 0) });
        Self { device, memory, queue, _instance: instance, _entry: entry }
    }

    fn device(instance: &ash::Instance, physical: PhysicalDevice) -> ash::Device {
        let queues =
            [DeviceQueueCreateInfo::default().queue_family_index(0).queue_priorities(&[1.0])];
        let info = DeviceCreateInfo::default().queue_create_infos(&queues);
        // SAFETY: the device is one of the instance.
        unsafe { instance.create_device(physical, &info, None) }.expect("a device")
    }

    /// Returns a type of memory that the processor can map, among those that are allowed.
    pub fn host_visible(&self, allowed: u32) -> u32 {
        let wanted = MemoryPropertyFlags::HOST_VISIBLE | MemoryPropertyFlags::HOST_COHERENT;
        let kinds = self.memory.memory_types_as_slice().iter().zip(0..);
        kinds
            .filter(|(kind, number)| {
                allowed & (1 << number) != 0 && kind.property_flags.contains(wanted)
            })
            .map(|(_, number)| number)
            .next()
            .expect("memory that the processor can map")
    }

    /// Runs commands to their end.
    fn submit(&self, record: impl FnOnce(vk::CommandBuffer)) {
        let queue = self.queue.lock().expect("a queue");
        let info = CommandPoolCreateInfo::default();
        // SAFETY: the device lives as long as the process.
        let pool = unsafe { self.device.create_command_pool(&info, None) }.expect("a pool");
        let info = CommandBufferAllocateInfo::default().command_pool(pool).command_buffer_count(1);
        // SAFETY: the pool is live.
        let commands = unsafe { self.device.allocate_command_buffers(&info) }.expect("commands");
        let begin = CommandBufferBeginInfo::default();
        // SAFETY: the command buffer is new.
        unsafe { self.device.begin_command_buffer(commands[0], &begin) }.expect("a beginning");
        record(commands[0]);
        // SAFETY: it was begun.
        unsafe { self.device.end_command_buffer(commands[0]) }.expect("an end");
        let submits = [SubmitInfo::default().command_buffers(&commands)];
        // SAFETY: the commands are complete; the lock is held.
        unsafe { self.device.queue_submit(*queue, &submits, Fence::null()) }.expect("a start");
        // SAFETY: the same.
        unsafe { self.device.queue_wait_idle(*queue) }.expect("the end of the work");
        // SAFETY: the commands have run.
        unsafe { self.device.destroy_command_pool(pool, None) };
    }
}

/// The table that producer and consumer agree upon: which memory is bound to a buffer.
pub struct Bound;

/// Handles of buffers, and the memory of each.
type Table = HashMap<u64, vk::DeviceMemory>;

impl Bound {
    fn table() -> &'static Mutex<Table> {
        static TABLE: OnceLock<Mutex<Table>> = OnceLock::new();
        TABLE.get_or_init(Mutex::default)
    }

    pub fn insert(buffer: vk::Buffer, memory: vk::DeviceMemory) {
        Self::table().lock().expect("the table").insert(buffer.as_raw(), memory);
    }

    pub fn remove(buffer: vk::Buffer) {
        let removed = Self::table().lock().expect("the table").remove(&buffer.as_raw());
        assert!(removed.is_some(), "a buffer is removed once");
    }

    fn find(buffer: vk::Buffer) -> vk::DeviceMemory {
        Self::table().lock().expect("the table")[&buffer.as_raw()]
    }
}

/// What a consumer needs to work with a buffer.
pub struct Consumer {
    gpu: &'static Gpu,
    buffer: vk::Buffer,
    memory: vk::DeviceMemory,
}

impl Consumer {
    pub fn of(handle: *mut c_void) -> Self {
        let raw = u64::try_from(handle.addr()).expect("a handle");
        let buffer = vk::Buffer::from_raw(raw);
        Self { gpu: Gpu::get(), buffer, memory: Bound::find(buffer) }
    }

    /// Reads the elements of a tensor in row-major order.
    pub fn read<M: Managed>(&self, tensor: &Received<M>) -> Vec<u32> {
        let (positions, end) = (tensor.positions(), tensor.reach().end);
        self.map(end, |words| positions.iter().map(|position| words[position / 4]).collect())
    }

    /// Reads the words in the first `nbytes` bytes.
    pub fn read_all(&self, nbytes: usize) -> Vec<u32> {
        self.map(nbytes, |words| words.to_vec())
    }

    /// Writes the elements of a tensor in row-major order.
    pub fn write<M: Managed>(&self, tensor: &Received<M>, elements: &[u32]) {
        self.map(tensor.reach().end, |words| {
            for (position, element) in tensor.positions().iter().zip(elements) {
                words[position / 4] = *element;
            }
        });
    }

    /// Maps the first `nbytes` bytes of the memory for as long as the function runs.
    fn map<R>(&self, nbytes: usize, work: impl FnOnce(&mut [u32]) -> R) -> R {
        let flags = MemoryMapFlags::empty();
        // SAFETY: the memory is live, and nobody else has mapped it.
        let mapped = unsafe { self.gpu.device.map_memory(self.memory, 0, WHOLE_SIZE, flags) };
        let first = mapped.expect("mapped memory").cast::<u32>();
        // SAFETY: the memory holds so many bytes.
        let result = work(unsafe { core::slice::from_raw_parts_mut(first, nbytes / 4) });
        // SAFETY: the mapping is not used again.
        unsafe { self.gpu.device.unmap_memory(self.memory) };
        result
    }

    /// Lets the device copy each element to a buffer of the consumer's, and reads that.
    pub fn copy_on_device<M: Managed>(&self, tensor: &Received<M>) -> Vec<u32> {
        let positions = tensor.positions();
        let place = |(at, position): (usize, usize)| BufferCopy {
            src_offset: u64::try_from(position).expect("a position"),
            dst_offset: u64::try_from(at * 4).expect("a position"),
            size: 4,
        };
        let count = positions.len();
        let regions: Vec<BufferCopy> = positions.into_iter().enumerate().map(place).collect();
        let (own, memory) = self.buffer_of(count * 4);
        self.gpu.submit(|commands| {
            // SAFETY: the regions lie within both buffers.
            unsafe { self.gpu.device.cmd_copy_buffer(commands, self.buffer, own, &regions) };
        });
        let copy = Self { gpu: self.gpu, buffer: own, memory };
        let words = copy.read_all(count * 4);
        // SAFETY: the work on it has ended.
        unsafe { self.gpu.device.destroy_buffer(own, None) };
        // SAFETY: the same.
        unsafe { self.gpu.device.free_memory(memory, None) };
        words
    }

    /// Lets the device write a word to all elements of a contiguous tensor.
    pub fn fill_on_device<M: Managed>(&self, tensor: &Received<M>, word: u32) {
        let nbytes = u64::try_from(tensor.reach().len()).expect("a size");
        let (buffer, offset) = (self.buffer, tensor.byte_offset());
        self.gpu.submit(|commands| {
            // SAFETY: the range lies within the buffer.
            unsafe { self.gpu.device.cmd_fill_buffer(commands, buffer, offset, nbytes, word) };
        });
    }

    fn buffer_of(&self, nbytes: usize) -> (vk::Buffer, vk::DeviceMemory) {
        let device = &self.gpu.device;
        let nbytes = u64::try_from(nbytes).expect("a size");
        let info =
            vk::BufferCreateInfo::default().size(nbytes).usage(BufferUsageFlags::TRANSFER_DST);
        // SAFETY: the device lives as long as the process.
        let buffer = unsafe { device.create_buffer(&info, None) }.expect("a buffer");
        // SAFETY: the same.
        let needs = unsafe { device.get_buffer_memory_requirements(buffer) };
        let kind = self.gpu.host_visible(needs.memory_type_bits);
        let info =
            vk::MemoryAllocateInfo::default().allocation_size(needs.size).memory_type_index(kind);
        // SAFETY: the same.
        let memory = unsafe { device.allocate_memory(&info, None) }.expect("memory");
        // SAFETY: both are new, and the memory is as large as the buffer needs.
        unsafe { device.bind_buffer_memory(buffer, memory, 0) }.expect("bound memory");
        (buffer, memory)
    }
}
