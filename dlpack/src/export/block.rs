//! The one allocation of an export: C struct, header, owner, shape and strides.
//!
//! ```text
//! | C struct | magic, type, release | owner | shape | strides |
//!     ^            ^
//!     raw          manager_ctx
//! ```
//!
//! The C struct goes to consumers, some of which write into it, so that on the way back nothing of it is
//! believed but `manager_ctx`. Everything behind the C struct is ours. All pointers derive from the one that the
//! allocator returned, and while the struct is out no reference to any of it exists.
//!
//! The deleter is one function for all owners; what differs between them is the function in the header. To
//! recognise a struct of ours, its deleter must be that function *and* its header must point to a static that only
//! this copy of the crate has. The deleter looks at that static too, which keeps a linker from folding it with
//! the deleter of another copy.

use alloc::alloc::{alloc, dealloc};
use core::alloc::Layout as Bytes;
use core::any::TypeId;
use core::mem::offset_of;
use core::ptr::{self, NonNull};
use core::sync::atomic::AtomicU8;

use crate::error::{Error, Rejected};
use crate::managed::Abi;
use crate::sys;

/// Its address says that a header is ours. Writable, so that no other static can share the address.
static MAGIC: AtomicU8 = AtomicU8::new(0);

#[repr(C)]
pub(super) struct Block<A, O> {
    managed: A,
    header: Header,
    owner: O,
}

struct Header {
    magic: *const AtomicU8,
    owner: TypeId,
    /// Drops the owner and frees the block that this header is in.
    release: unsafe fn(*mut Header),
    bytes: Bytes,
}

/// A block that has an owner and is not yet out: dropping it drops the owner.
pub(super) struct Draft<A: Exported, O: 'static> {
    /// # Invariants
    ///
    /// 1. Points to an allocation of `bytes`, in which `header` and `owner` are initialised.
    /// 2. Nobody else does.
    block: NonNull<Block<A, O>>,
    bytes: Bytes,
    /// Where the shape begins; `2·ndim` numbers fit.
    dims: usize,
    ndim: usize,
}

impl<A: Exported, O: Send + 'static> Draft<A, O> {
    /// Moves an owner to its final place.
    pub(super) fn new(owner: O, ndim: usize) -> Result<Self, Rejected<O>> {
        let Some((bytes, dims)) = Self::size(ndim) else {
            return Err(Rejected::new(owner, Error::AllocationFailed));
        };
        // SAFETY: a block is not empty.
        let raw = unsafe { alloc(bytes) };
        let Some(block) = NonNull::new(raw.cast::<Block<A, O>>()) else {
            return Err(Rejected::new(owner, Error::AllocationFailed));
        };
        let header = Header {
            magic: &raw const MAGIC,
            owner: TypeId::of::<O>(),
            release: release::<A, O>,
            bytes,
        };
        // SAFETY: the allocation is that of a block.
        let place = unsafe { &raw mut (*block.as_ptr()).header };
        // SAFETY: the same.
        unsafe { place.write(header) };
        // SAFETY: the same.
        let place = unsafe { &raw mut (*block.as_ptr()).owner };
        // SAFETY: the same.
        unsafe { place.write(owner) };
        Ok(Self { block, bytes, dims, ndim })
    }

    /// The size of a block, and where in it the shape begins.
    fn size(ndim: usize) -> Option<(Bytes, usize)> {
        let numbers = Bytes::array::<i64>(ndim.checked_mul(2)?).ok()?;
        let (bytes, dims) = Bytes::new::<Block<A, O>>().extend(numbers).ok()?;
        Some((bytes.pad_to_align(), dims))
    }

    pub(super) fn owner(&mut self) -> &mut O {
        // SAFETY: invariants 1 and 2.
        unsafe { &mut (*self.block.as_ptr()).owner }
    }

    /// Takes the owner out again and frees the block.
    pub(super) fn into_owner(self) -> O {
        let draft = core::mem::ManuallyDrop::new(self);
        // SAFETY: invariants 1 and 2; the block is not used again.
        let owner = unsafe { &raw const (*draft.block.as_ptr()).owner };
        // SAFETY: the same.
        let owner = unsafe { owner.read() };
        // SAFETY: invariant 1.
        unsafe { dealloc(draft.block.as_ptr().cast(), draft.bytes) };
        owner
    }

    /// Writes shape and strides, both of the length the draft was made for, and returns where they are.
    pub(super) fn write_dims(&mut self, shape: &[i64], strides: &[i64]) -> (*mut i64, *mut i64) {
        assert!(shape.len() == self.ndim && strides.len() == self.ndim, "one number for each axis");
        // SAFETY: invariant 1: the numbers begin within the allocation.
        let sizes = unsafe { self.block.as_ptr().byte_add(self.dims) }.cast::<i64>();
        // SAFETY: the same: there is room for twice `ndim` numbers.
        let steps = unsafe { sizes.add(self.ndim) };
        // SAFETY: the same; a new allocation overlaps nothing.
        unsafe { shape.as_ptr().copy_to_nonoverlapping(sizes, self.ndim) };
        // SAFETY: the same.
        unsafe { strides.as_ptr().copy_to_nonoverlapping(steps, self.ndim) };
        (sizes, steps)
    }

    /// Writes the C struct and passes the block on. The context that the struct must have is given to `make`.
    pub(super) fn publish(self, make: impl FnOnce(*mut core::ffi::c_void) -> A) -> NonNull<A> {
        // SAFETY: invariant 1.
        let context = unsafe { &raw mut (*self.block.as_ptr()).header };
        let managed = make(context.cast());
        let raw = core::mem::ManuallyDrop::new(self).block.cast::<A>();
        // SAFETY: invariant 1: a block begins with the C struct.
        unsafe { raw.write(managed) };
        raw
    }
}

impl<A: Exported, O: 'static> Drop for Draft<A, O> {
    fn drop(&mut self) {
        // SAFETY: invariant 1.
        let header = unsafe { &raw mut (*self.block.as_ptr()).header };
        // SAFETY: invariants 1 and 2.
        unsafe { release::<A, O>(header) }
    }
}

/// Drops the owner of a block and frees it.
///
/// # Safety
///
/// `header` is that of a live `Block<A, O>`, and nobody uses the block again.
unsafe fn release<A, O>(header: *mut Header) {
    // SAFETY: the caller's promise.
    let bytes = unsafe { (*header).bytes };
    // SAFETY: the caller's promise; the header's pointer derives from that of the whole block.
    let block = unsafe { header.byte_sub(offset_of!(Block<A, O>, header)) }.cast::<Block<A, O>>();
    // SAFETY: the caller's promise.
    let owner = unsafe { &raw mut (*block).owner };
    // SAFETY: the caller's promise.
    unsafe { ptr::drop_in_place(owner) };
    // SAFETY: the block was allocated with `bytes`.
    unsafe { dealloc(block.cast(), bytes) };
}

/// The ABIs, each with its one deleter.
///
/// The deleters are not generic, since every crate that instantiates a generic function may get an address of its own.
pub(crate) trait Exported: Abi {
    const DELETER: unsafe extern "C" fn(*mut Self);
}

impl Exported for sys::DLManagedTensor {
    const DELETER: unsafe extern "C" fn(*mut Self) = delete_legacy;
}

impl Exported for sys::DLManagedTensorVersioned {
    const DELETER: unsafe extern "C" fn(*mut Self) = delete_versioned;
}

/// # Safety
///
/// As for [`delete`].
unsafe extern "C" fn delete_legacy(this: *mut sys::DLManagedTensor) {
    // SAFETY: the caller's promise.
    unsafe { delete(this) }
}

/// # Safety
///
/// As for [`delete`].
unsafe extern "C" fn delete_versioned(this: *mut sys::DLManagedTensorVersioned) {
    // SAFETY: the caller's promise.
    unsafe { delete(this) }
}

/// # Safety
///
/// `this` was published by this module, and has not been deleted.
unsafe fn delete<A: Abi>(this: *mut A) {
    // SAFETY: the caller's promise.
    let context = unsafe { A::manager_ctx(this) };
    // SAFETY: the caller's promise. Of all that consumers could have written, only this is read.
    let header = unsafe { context.read() }.cast::<Header>();
    // SAFETY: the caller's promise.
    if unsafe { (*header).magic } != &raw const MAGIC {
        return;
    }
    // SAFETY: the caller's promise.
    let release = unsafe { (*header).release };
    // SAFETY: the caller's promise.
    unsafe { release(header) }
}

/// Takes the owner out of a struct and frees the struct, if it is one of ours with an owner of type `O`.
///
/// As in the deleter, of all that consumers could have written only `manager_ctx` is believed, and not even that the
/// struct is where it was made.
///
/// # Safety
///
/// `this` points to a live struct of our major version. If there is a result, nobody uses it again.
pub(super) unsafe fn take_owner<A: Exported, O: 'static>(this: *mut A) -> Option<O> {
    // SAFETY: the caller's promise.
    let deleter = unsafe { A::deleter(this) };
    // SAFETY: the caller's promise.
    let deleter = unsafe { deleter.read() }?;
    if !ptr::fn_addr_eq(deleter, A::DELETER) {
        return None;
    }
    // SAFETY: the caller's promise.
    let context = unsafe { A::manager_ctx(this) };
    // SAFETY: the caller's promise.
    let header = unsafe { context.read() }.cast::<Header>();
    // SAFETY: with that deleter the context is a header of ours.
    let Header { magic, owner, bytes, .. } = unsafe { &*header };
    if !ptr::eq(*magic, &raw const MAGIC) || *owner != TypeId::of::<O>() {
        return None;
    }
    let bytes = *bytes;
    // SAFETY: the header is that of such a block, and derives from the pointer to all of it.
    let block = unsafe { header.byte_sub(offset_of!(Block<A, O>, header)) }.cast::<Block<A, O>>();
    // SAFETY: the same.
    let owner = unsafe { &raw const (*block).owner };
    // SAFETY: the same.
    let owner = unsafe { owner.read() };
    // SAFETY: the same; the caller promises that nobody uses it again.
    unsafe { dealloc(block.cast(), bytes) };
    Some(owner)
}
