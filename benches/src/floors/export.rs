//! Memory given out with one allocation, or with none.

use core::ffi::c_void;
use core::mem::offset_of;
use core::ptr::{self, NonNull};
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

/// The struct, the owner, the shape and the strides in one allocation, for a number of dimensions that only the running
/// program knows. Row-major.
///
/// Nothing is checked: neither the shape against the owner's memory, nor that the sizes can be multiplied.
#[inline(always)]
pub fn export<O>(
    owner: O,
    data: *mut f32,
    flags: u64,
    shape: &[usize],
) -> *mut DLManagedTensorVersioned {
    let dims = size_of::<Block<O>>();
    let bytes = dims + shape.len() * 16;
    // SAFETY: a block is not empty.
    let block = unsafe { alloc(layout::<O>(bytes)) }.cast::<Block<O>>();
    let Some(block) = NonNull::new(block) else { return ptr::null_mut() };
    let block = block.as_ptr();
    // SAFETY: there is room for twice as many numbers as there are axes behind the block.
    let sizes = unsafe { block.byte_add(dims) }.cast::<i64>();
    // SAFETY: the same.
    let steps = unsafe { sizes.add(shape.len()) };
    // SAFETY: the same.
    unsafe { write_dims(sizes, steps, shape) };
    // SAFETY: a new allocation of that type.
    unsafe { fill(block, bytes, owner, tensor(data, shape.len(), sizes, steps), flags) };
    block.cast()
}

/// As [`export`], and checks what a safe interface must: that the tensor stays within `len` elements.
#[inline(always)]
pub fn export_checked<O>(
    owner: O,
    data: *mut f32,
    len: usize,
    flags: u64,
    shape: &[usize],
) -> *mut DLManagedTensorVersioned {
    let numel = shape.iter().try_fold(1_usize, |product, &size| product.checked_mul(size));
    if shape.len() > 64 || numel.is_none_or(|numel| numel > len) {
        return ptr::null_mut();
    }
    export(owner, data, flags, shape)
}

/// As [`export`], for a number of dimensions that the compiler knows.
#[inline(always)]
pub fn export_ranked<O, const N: usize>(
    owner: O,
    data: *mut f32,
    flags: u64,
    shape: [usize; N],
) -> *mut DLManagedTensorVersioned {
    export(owner, data, flags, &shape)
}

/// # Safety
///
/// Both arrays can be written for as many numbers as there are sizes.
#[inline(always)]
unsafe fn write_dims(sizes: *mut i64, steps: *mut i64, shape: &[usize]) {
    let mut step = 1_i64;
    for (axis, &size) in shape.iter().enumerate().rev() {
        let size = size.cast_signed() as i64;
        // SAFETY: the caller's promise.
        let place = unsafe { sizes.add(axis) };
        // SAFETY: the caller's promise.
        unsafe { place.write(size) };
        // SAFETY: the caller's promise.
        let place = unsafe { steps.add(axis) };
        // SAFETY: the caller's promise.
        unsafe { place.write(step) };
        step = step.wrapping_mul(size);
    }
}

#[inline(always)]
fn tensor(data: *mut f32, ndim: usize, shape: *mut i64, strides: *mut i64) -> DLTensor {
    DLTensor {
        data: data.cast(),
        device: DLDevice { device_type: DLDeviceType::kDLCPU, device_id: 0 },
        ndim: i32::try_from(ndim).unwrap_or(0),
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
unsafe fn fill<O>(block: *mut Block<O>, bytes: usize, owner: O, dl_tensor: DLTensor, flags: u64) {
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

/// Fills a struct and arrays that the caller provides; no heap. A shape of at most `N` axes, row-major.
///
/// # Safety
///
/// `room` can be written, until the deleter has been called by nobody else.
#[inline(always)]
pub unsafe fn export_into<O, const N: usize>(
    room: *mut Room<O, N>,
    owner: O,
    data: *mut f32,
    flags: u64,
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
    unsafe { write_dims(sizes, steps, shape) };
    // SAFETY: the caller's promise.
    let place = unsafe { &raw mut (*room).owner }.cast::<O>();
    // SAFETY: the caller's promise.
    unsafe { place.write(owner) };
    let managed = DLManagedTensorVersioned {
        version: VERSION,
        manager_ctx: room.cast::<c_void>(),
        deleter: Some(empty_room::<O, N>),
        flags,
        dl_tensor: tensor(data, shape.len(), sizes, steps),
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
