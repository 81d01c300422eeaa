//! Memory given out with one allocation, or with none.

use core::ffi::c_void;
use core::mem::offset_of;
use core::ptr;
use std::alloc::{Layout, alloc, dealloc};

use dlpack_sys::{
    DLDataType, DLDevice, DLDeviceType, DLManagedTensorVersioned, DLPACK_MAJOR_VERSION,
    DLPACK_MINOR_VERSION, DLPackVersion, DLTensor,
};

/// What the deleter needs: the owner, and for the allocator the size of the block.
#[repr(C)]
struct Block<O> {
    managed: DLManagedTensorVersioned,
    bytes: usize,
    owner: O,
}

/// What is given out: `len` elements from `start` on.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    pub start: *mut f32,
    pub len: usize,
    pub flags: u64,
}

/// The struct, the owner, the shape and the strides in one allocation, row-major, for as many dimensions as the shape
/// says. Null if the tensor would not stay within the memory. Inlined into a caller whose shape is an array, the number of
/// dimensions is a constant.
#[inline(always)]
pub fn export<O>(owner: O, memory: Memory, shape: &[usize]) -> *mut DLManagedTensorVersioned {
    if shape.len() > MAX_NDIM {
        return ptr::null_mut();
    }
    let dims = size_of::<Block<O>>();
    let bytes = dims + shape.len() * 16;
    // SAFETY: a block is not empty.
    let block = unsafe { alloc(layout::<O>(bytes)) }.cast::<Block<O>>();
    if block.is_null() {
        return ptr::null_mut();
    }
    // SAFETY: there is room for twice as many numbers as there are axes behind the block.
    let sizes = unsafe { block.byte_add(dims) }.cast::<i64>();
    // SAFETY: the same.
    let steps = unsafe { sizes.add(shape.len()) };
    // SAFETY: the same.
    let numel = unsafe { write_dims(sizes, steps, shape) };
    if numel.is_none_or(|numel| numel > memory.len as u64) {
        // SAFETY: allocated above.
        return unsafe { refuse(block, bytes) };
    }
    // SAFETY: a new allocation of that type.
    unsafe { fill(block, bytes, owner, memory.flags, tensor(memory, shape, sizes, steps)) };
    block.cast()
}

/// As [`export`], without a look at whether the tensor stays within the memory or its sizes can be multiplied.
#[inline(always)]
pub fn export_unchecked<O>(
    owner: O,
    memory: Memory,
    shape: &[usize],
) -> *mut DLManagedTensorVersioned {
    let dims = size_of::<Block<O>>();
    let bytes = dims + shape.len() * 16;
    // SAFETY: a block is not empty.
    let block = unsafe { alloc(layout::<O>(bytes)) }.cast::<Block<O>>();
    if block.is_null() {
        return ptr::null_mut();
    }
    // SAFETY: there is room for twice as many numbers as there are axes behind the block.
    let sizes = unsafe { block.byte_add(dims) }.cast::<i64>();
    // SAFETY: the same.
    let steps = unsafe { sizes.add(shape.len()) };
    let mut step = 1_i64;
    for (axis, &size) in shape.iter().enumerate().rev() {
        let size = size.cast_signed() as i64;
        // SAFETY: the same.
        unsafe { write_axis(sizes, steps, axis, size, step) };
        step = step.wrapping_mul(size);
    }
    // SAFETY: a new allocation of that type.
    unsafe { fill(block, bytes, owner, memory.flags, tensor(memory, shape, sizes, steps)) };
    block.cast()
}

/// The most dimensions, as in `dlpack`.
const MAX_NDIM: usize = 64;

/// Gives a block back in which there is no owner yet.
///
/// # Safety
///
/// It was allocated with as many bytes.
#[cold]
#[inline(never)]
unsafe fn refuse<O>(block: *mut Block<O>, bytes: usize) -> *mut DLManagedTensorVersioned {
    // SAFETY: the caller's promise.
    unsafe { dealloc(block.cast(), layout::<O>(bytes)) };
    ptr::null_mut()
}

/// Writes the shape and row-major strides, and returns the number of elements; none for tensors without elements, which
/// are another row's, and for sizes whose product does not fit.
///
/// # Safety
///
/// Both arrays can be written for as many numbers as there are sizes.
#[inline(always)]
unsafe fn write_dims(sizes: *mut i64, steps: *mut i64, shape: &[usize]) -> Option<u64> {
    let mut step = 1_u64;
    for (axis, &size) in shape.iter().enumerate().rev() {
        let size = size as u64;
        // SAFETY: the caller's promise.
        unsafe { write_axis(sizes, steps, axis, size.cast_signed(), step.cast_signed()) };
        if size == 0 {
            return None;
        }
        step = step.checked_mul(size)?;
    }
    Some(step)
}

/// # Safety
///
/// Both arrays have such an axis.
#[inline(always)]
unsafe fn write_axis(sizes: *mut i64, steps: *mut i64, axis: usize, size: i64, step: i64) {
    // SAFETY: the caller's promise.
    let place = unsafe { sizes.add(axis) };
    // SAFETY: the caller's promise.
    unsafe { place.write(size) };
    // SAFETY: the caller's promise.
    let place = unsafe { steps.add(axis) };
    // SAFETY: the caller's promise.
    unsafe { place.write(step) };
}

#[inline(always)]
fn tensor(memory: Memory, sizes: &[usize], shape: *mut i64, strides: *mut i64) -> DLTensor {
    DLTensor {
        data: memory.start.cast(),
        device: DLDevice { device_type: DLDeviceType::kDLCPU, device_id: 0 },
        ndim: i32::try_from(sizes.len()).unwrap_or(0),
        dtype: DLDataType { code: 2, bits: 32, lanes: 1 },
        shape,
        strides,
        byte_offset: 0,
    }
}

const VERSION: DLPackVersion =
    DLPackVersion { major: DLPACK_MAJOR_VERSION, minor: DLPACK_MINOR_VERSION };

/// # Safety
///
/// `block` can be written.
#[inline(always)]
unsafe fn fill<O>(block: *mut Block<O>, bytes: usize, owner: O, flags: u64, dl_tensor: DLTensor) {
    let managed = DLManagedTensorVersioned {
        version: VERSION,
        manager_ctx: block.cast::<c_void>(),
        deleter: Some(delete::<O>),
        flags,
        dl_tensor,
    };
    // SAFETY: the caller's promise.
    unsafe { block.write(Block { managed, bytes, owner }) };
}

/// # Safety
///
/// `this` is of [`export`], with this type of owner.
unsafe extern "C" fn delete<O>(this: *mut DLManagedTensorVersioned) {
    // SAFETY: the caller's promise.
    let block = unsafe { (*this).manager_ctx }.cast::<Block<O>>();
    // SAFETY: the caller's promise.
    let bytes = unsafe { (*block).bytes };
    // SAFETY: the caller's promise.
    let owner = unsafe { &raw mut (*block).owner };
    // SAFETY: the caller's promise.
    unsafe { owner.drop_in_place() };
    // SAFETY: the block was allocated with that layout.
    unsafe { dealloc(block.cast(), layout::<O>(bytes)) };
}

#[inline(always)]
fn layout<O>(bytes: usize) -> Layout {
    // SAFETY: the alignment is that of a type; a block, and at most 64 axes, do not exceed `isize::MAX`.
    unsafe { Layout::from_size_align_unchecked(bytes, align_of::<Block<O>>()) }
}

/// Memory of the caller for one export at a time.
#[repr(C)]
#[derive(Debug)]
pub struct Room<O, const N: usize> {
    managed: DLManagedTensorVersioned,
    owner: core::mem::MaybeUninit<O>,
    shape: [i64; N],
    strides: [i64; N],
}

impl<O, const N: usize> Room<O, N> {
    pub const EMPTY: Self = Self {
        managed: DLManagedTensorVersioned {
            version: VERSION,
            manager_ctx: ptr::null_mut(),
            deleter: None,
            flags: 0,
            dl_tensor: DLTensor {
                data: ptr::null_mut(),
                device: DLDevice { device_type: DLDeviceType::kDLCPU, device_id: 0 },
                ndim: 0,
                dtype: DLDataType { code: 2, bits: 32, lanes: 1 },
                shape: ptr::null_mut(),
                strides: ptr::null_mut(),
                byte_offset: 0,
            },
        },
        owner: core::mem::MaybeUninit::uninit(),
        shape: [0; N],
        strides: [0; N],
    };
}

/// Fills a struct and arrays that the caller provides; no heap. A shape of at most `N` axes, row-major; null if the tensor
/// would not stay within the memory.
///
/// # Safety
///
/// `room` can be written, until the deleter has been called by nobody else.
#[inline(always)]
pub unsafe fn export_into<O, const N: usize>(
    room: *mut Room<O, N>,
    owner: O,
    memory: Memory,
    shape: &[usize],
) -> *mut DLManagedTensorVersioned {
    if shape.len() > N {
        return ptr::null_mut();
    }
    // SAFETY: the caller's promise.
    let sizes = unsafe { &raw mut (*room).shape }.cast::<i64>();
    // SAFETY: the caller's promise.
    let steps = unsafe { &raw mut (*room).strides }.cast::<i64>();
    // SAFETY: there is room for `N` numbers in each.
    let numel = unsafe { write_dims(sizes, steps, shape) };
    if numel.is_none_or(|numel| numel > memory.len as u64) {
        return ptr::null_mut();
    }
    // SAFETY: the caller's promise.
    let place = unsafe { &raw mut (*room).owner }.cast::<O>();
    // SAFETY: the caller's promise.
    unsafe { place.write(owner) };
    let managed = DLManagedTensorVersioned {
        version: VERSION,
        manager_ctx: room.cast::<c_void>(),
        deleter: Some(empty_room::<O, N>),
        flags: memory.flags,
        dl_tensor: tensor(memory, shape, sizes, steps),
    };
    let raw = room.cast::<DLManagedTensorVersioned>();
    // SAFETY: the caller's promise; the struct comes first.
    unsafe { raw.write(managed) };
    raw
}

const _: () = assert!(offset_of!(Room<u8, 1>, managed) == 0);

/// # Safety
///
/// `this` is of [`export_into`], with these types.
unsafe extern "C" fn empty_room<O, const N: usize>(this: *mut DLManagedTensorVersioned) {
    // SAFETY: the caller's promise.
    let room = unsafe { (*this).manager_ctx }.cast::<Room<O, N>>();
    // SAFETY: the caller's promise.
    let owner = unsafe { &raw mut (*room).owner }.cast::<O>();
    // SAFETY: the caller's promise.
    unsafe { owner.drop_in_place() };
}
