//! The block of an export: C struct, header, place, owner, shape and strides in one piece of memory.
//!
//! ```text
//! | C struct | magic, kind, size | place | owner | shape | strides |
//!     ^            ^
//!     raw          manager_ctx
//! ```
//!
//! The C struct goes to consumers, some of which write into it, so that on the way back nothing of it is
//! believed but `manager_ctx`. Everything behind the C struct is ours. All pointers derive from the one that the
//! block's place returned, and while the struct is out no reference to any of it exists.
//!
//! The deleter is one function for all owners; what differs between them is the [`Kind`] in the header. To
//! recognise a struct of ours, its deleter must be that function *and* its header must point to a static that only
//! this copy of the crate has. The deleter looks at that static too, which keeps a linker from folding it with
//! the deleter of another copy.

use core::alloc::Layout as Bytes;
use core::any::TypeId;
use core::ffi::c_void;
use core::marker::PhantomData;
use core::mem::{ManuallyDrop, offset_of};
use core::ptr::{self, NonNull};
use core::slice;
use core::sync::atomic::AtomicU8;

use super::place::Place;
use crate::error::{Error, Rejected};
use crate::layout::MAX_NDIM;
use crate::managed::Abi;
use crate::sys;
use crate::vocabulary::{Flags, Version};

/// Its address says that a header is ours. Writable, so that no other static can share the address.
static MAGIC: AtomicU8 = AtomicU8::new(0);

#[repr(C)]
struct Block<A, O, K> {
    managed: A,
    header: Header,
    /// What is kept of the place that gave the block.
    place: K,
    owner: O,
}

struct Header {
    magic: *const AtomicU8,
    kind: &'static Kind,
    /// The size of the block; its alignment is that of its type.
    size: usize,
}

/// What a block is made of, without its types.
struct Kind {
    owner: fn() -> TypeId,
    /// Drops the owner and gives back the block that this header is in. A panic of the owner's does not leave it.
    release: unsafe extern "C" fn(*mut Header),
    /// Moves the owner to where the second pointer points, and gives back the block.
    take: unsafe fn(*mut Header, *mut u8),
}

struct Kinds<A, O, P>(PhantomData<(A, O, P)>);

impl<A: Exported, O: 'static, P: Place> Kinds<A, O, P> {
    const KIND: Kind =
        Kind { owner: TypeId::of::<O>, release: release_in_c::<A, O, P>, take: take::<A, O, P> };
}

/// The size of a block, and where in it the shape begins. `None` if that is more than the address space.
const fn size<A, O, K>(ndim: usize) -> Option<(Bytes, usize)> {
    let Some(count) = ndim.checked_mul(2) else { return None };
    let Ok(numbers) = Bytes::array::<i64>(count) else { return None };
    let Ok((bytes, dims)) = Bytes::new::<Block<A, O, K>>().extend(numbers) else { return None };
    Some((bytes.pad_to_align(), dims))
}

/// The size of the larger of the blocks of the two ABIs.
pub(super) const fn largest<O, P: Place>(ndim: usize) -> Bytes {
    let ndim = if ndim < MAX_NDIM { ndim } else { MAX_NDIM };
    match size::<sys::DLManagedTensorVersioned, O, P::Kept>(ndim) {
        Some((bytes, _)) => bytes,
        // Nobody can have an owner so large.
        None => Bytes::new::<Block<sys::DLManagedTensorVersioned, O, P::Kept>>(),
    }
}

/// Room for one block, in a place of a type as large as a pointer.
#[repr(C)]
pub(super) struct Room<O, const NDIM: usize> {
    block: Block<sys::DLManagedTensorVersioned, O, *const ()>,
    dims: [[i64; NDIM]; 2],
}

/// A block that has an owner and is not yet out: dropping it drops the owner.
pub(super) struct Draft<A: Exported, O: 'static, P: Place> {
    /// # Invariants
    ///
    /// 1. Points to memory that the place gave of which `place` was kept, of the size in `header` and aligned for a
    ///    block, in which `header`, `place` and `owner` are initialised.
    /// 2. Nobody else does.
    block: NonNull<Block<A, O, P::Kept>>,
    /// Where the shape begins; `2·ndim` numbers fit.
    dims: usize,
    ndim: usize,
}

impl<A: Exported, O: Send + 'static, P: Place> Draft<A, O, P> {
    /// Moves an owner to its final place.
    #[inline(always)]
    pub(super) fn new(owner: O, place: P, ndim: usize) -> Result<Self, Rejected<O>> {
        let reserved = size::<A, O, P::Kept>(ndim)
            .and_then(|(bytes, dims)| Some((place.reserve(bytes)?, bytes, dims)));
        let Some((at, bytes, dims)) = reserved else {
            return Err(Rejected::new(owner, Error::AllocationFailed));
        };
        let block = at.cast::<Block<A, O, P::Kept>>();
        let header =
            Header { magic: &raw const MAGIC, kind: &Kinds::<A, O, P>::KIND, size: bytes.size() };
        // SAFETY: the memory is that of a block.
        let to = unsafe { &raw mut (*block.as_ptr()).header };
        // SAFETY: the same.
        unsafe { to.write(header) };
        // SAFETY: the same.
        let to = unsafe { &raw mut (*block.as_ptr()).place };
        // SAFETY: the same.
        unsafe { to.write(place.into_kept()) };
        // SAFETY: the same.
        let to = unsafe { &raw mut (*block.as_ptr()).owner };
        // SAFETY: the same.
        unsafe { to.write(owner) };
        Ok(Self { block, dims, ndim })
    }

    #[inline]
    pub(super) fn owner(&mut self) -> &mut O {
        // SAFETY: invariants 1 and 2.
        unsafe { &mut (*self.block.as_ptr()).owner }
    }

    /// Takes the owner out again and gives the block back.
    pub(super) fn into_owner(self) -> O {
        let draft = ManuallyDrop::new(self);
        // SAFETY: invariants 1 and 2; the block is not used again.
        unsafe { take_typed::<A, O, P>(draft.block) }
    }

    /// Writes shape and strides: `fill` makes both of each axis, from the last to the first, or gives up.
    ///
    /// Without as many axes as the draft was made for, that fails too.
    #[inline(always)]
    pub(super) fn try_with_dims<T>(
        self,
        axes: &[T],
        mut fill: impl FnMut(&T) -> Option<(i64, i64)>,
    ) -> Result<Shaped<A, O, P>, Self> {
        if axes.len() != self.ndim {
            return Err(self);
        }
        // SAFETY: invariant 1: the numbers begin within the block.
        let sizes = unsafe { self.block.as_ptr().byte_add(self.dims) }.cast::<i64>();
        // SAFETY: the same: there is room for twice `ndim` numbers.
        let steps = unsafe { sizes.add(self.ndim) };
        for (axis, item) in axes.iter().enumerate().rev() {
            let Some((size, step)) = fill(item) else { return Err(self) };
            // SAFETY: the same.
            let to = unsafe { sizes.add(axis) };
            // SAFETY: the same.
            unsafe { to.write(size) };
            // SAFETY: the same.
            let to = unsafe { steps.add(axis) };
            // SAFETY: the same.
            unsafe { to.write(step) };
        }
        Ok(Shaped { sizes, steps, draft: self })
    }

    /// Copies a shape and strides.
    ///
    /// # Errors
    ///
    /// Hands the owner back, unless there are as many sizes as the draft was made for.
    #[cfg(feature = "alloc")]
    pub(super) fn with_dims(
        self,
        shape: &[i64],
        strides: &[i64],
    ) -> Result<Shaped<A, O, P>, Rejected<O>> {
        let expected = self.ndim;
        let mut steps = strides.iter().rev();
        self.try_with_dims(shape, |&size| Some((size, *steps.next()?))).map_err(|draft| {
            let error = Error::NdimMismatch { expected, found: shape.len() };
            Rejected::new(draft.into_owner(), error)
        })
    }
}

impl<A: Exported, O: 'static, P: Place> Drop for Draft<A, O, P> {
    fn drop(&mut self) {
        // SAFETY: invariant 1.
        let header = unsafe { &raw mut (*self.block.as_ptr()).header };
        // SAFETY: invariants 1 and 2.
        unsafe { release::<A, O, P>(header) }
    }
}

/// A block with an owner, a shape and strides.
pub(super) struct Shaped<A: Exported, O: 'static, P: Place> {
    draft: Draft<A, O, P>,
    /// # Invariant
    ///
    /// This and `steps` point into the draft's block, to `ndim` initialised numbers each, which do not overlap.
    sizes: *mut i64,
    steps: *mut i64,
}

impl<A: Exported, O: Send + 'static, P: Place> Shaped<A, O, P> {
    #[inline]
    pub(super) fn shape(&self) -> &[i64] {
        // SAFETY: the invariant.
        unsafe { slice::from_raw_parts(self.sizes, self.draft.ndim) }
    }

    #[inline]
    pub(super) fn strides(&self) -> &[i64] {
        // SAFETY: the invariant.
        unsafe { slice::from_raw_parts(self.steps, self.draft.ndim) }
    }

    /// The shape, and the strides to be changed.
    #[inline]
    pub(super) fn strides_mut(&mut self) -> (&[i64], &mut [i64]) {
        // SAFETY: the invariant.
        let shape = unsafe { slice::from_raw_parts(self.sizes, self.draft.ndim) };
        // SAFETY: the invariant.
        let strides = unsafe { slice::from_raw_parts_mut(self.steps, self.draft.ndim) };
        (shape, strides)
    }

    /// Forgets shape and strides, to be written anew.
    #[inline(always)]
    pub(super) fn into_draft(self) -> Draft<A, O, P> {
        self.draft
    }

    /// Where C finds the shape and the strides.
    #[inline]
    pub(super) const fn dims(&self) -> (*mut i64, *mut i64) {
        (self.sizes, self.steps)
    }

    /// Takes the owner out again and gives the block back.
    pub(super) fn into_owner(self) -> O {
        self.draft.into_owner()
    }

    /// Writes the C struct and passes the block on. The context that the struct must have is given to `make`.
    #[inline(always)]
    pub(super) fn publish(self, make: impl FnOnce(*mut c_void) -> A) -> NonNull<A> {
        let block = self.draft.block;
        // SAFETY: invariant 1 of the draft.
        let context = unsafe { &raw mut (*block.as_ptr()).header };
        let managed = make(context.cast());
        let _out = ManuallyDrop::new(self.draft);
        // SAFETY: the same: a block begins with the C struct.
        unsafe { block.cast::<A>().write(managed) };
        block.cast()
    }
}

/// # Safety
///
/// `header` is that of a live block of these types, and derives from the pointer to all of it.
unsafe fn block_of<A, O, P: Place>(header: *mut Header) -> NonNull<Block<A, O, P::Kept>> {
    // SAFETY: the caller's promise.
    let block = unsafe { header.byte_sub(offset_of!(Block<A, O, P::Kept>, header)) };
    // SAFETY: a live block is not at address 0.
    unsafe { NonNull::new_unchecked(block.cast()) }
}

/// # Safety
///
/// As for [`release`].
unsafe extern "C" fn release_in_c<A: Exported, O: 'static, P: Place>(header: *mut Header) {
    // SAFETY: the caller's promise.
    unsafe { release::<A, O, P>(header) }
}

/// Drops the owner of a block and gives it back.
///
/// # Safety
///
/// `header` is that of a live block of these types, and nobody uses the block again.
unsafe fn release<A: Exported, O: 'static, P: Place>(header: *mut Header) {
    // SAFETY: the caller's promise.
    let block = unsafe { block_of::<A, O, P>(header) };
    if P::IN_BLOCK {
        // The owner frees the block, so it must not be in there when it is dropped.
        // SAFETY: the caller's promise.
        drop(unsafe { take_typed::<A, O, P>(block) });
        return;
    }
    // SAFETY: the caller's promise.
    let owner = unsafe { &raw mut (*block.as_ptr()).owner };
    // SAFETY: the caller's promise. In place, since an owner may be too large for the stack.
    unsafe { ptr::drop_in_place(owner) };
    // SAFETY: the caller's promise.
    unsafe { vacate::<A, O, P>(block) }
}

/// Moves the owner of a block to `to`, and gives the block back.
///
/// # Safety
///
/// As for [`release`]; `to` can be written, and has the size and alignment of an `O`.
unsafe fn take<A: Exported, O: 'static, P: Place>(header: *mut Header, to: *mut u8) {
    // SAFETY: the caller's promise.
    let block = unsafe { block_of::<A, O, P>(header) };
    // SAFETY: the caller's promise.
    let owner = unsafe { take_typed::<A, O, P>(block) };
    // SAFETY: the caller's promise.
    unsafe { to.cast::<O>().write(owner) };
}

/// # Safety
///
/// `block` is live, and nobody uses it again.
unsafe fn take_typed<A: Exported, O: 'static, P: Place>(block: NonNull<Block<A, O, P::Kept>>) -> O {
    // SAFETY: the caller's promise.
    let owner = unsafe { &raw const (*block.as_ptr()).owner };
    // SAFETY: the caller's promise.
    let owner = unsafe { owner.read() };
    // SAFETY: the caller's promise.
    unsafe { vacate::<A, O, P>(block) };
    owner
}

/// Gives a block back whose owner is gone.
///
/// # Safety
///
/// `block` has a header and a place, and nobody uses it again.
unsafe fn vacate<A: Exported, O: 'static, P: Place>(block: NonNull<Block<A, O, P::Kept>>) {
    // SAFETY: the caller's promise.
    let size = unsafe { (*block.as_ptr()).header.size };
    // SAFETY: the caller's promise.
    let place = unsafe { &raw const (*block.as_ptr()).place };
    // SAFETY: the caller's promise. Out of the block, which it is about to give back.
    let place = unsafe { place.read() };
    // SAFETY: the layout that the block was made with: of that size, and aligned for a block, since nothing in it is
    // aligned more.
    let bytes =
        unsafe { Bytes::from_size_align_unchecked(size, align_of::<Block<A, O, P::Kept>>()) };
    // SAFETY: the place gave the block, with these bytes.
    unsafe { P::release(&place, block.cast(), bytes) };
}

/// The ABIs, each with its one deleter.
///
/// The deleters are not generic, since every crate that instantiates a generic function may get an address of its own.
pub(crate) trait Exported: Abi {
    const DELETER: unsafe extern "C" fn(*mut Self);

    /// The C struct. The legacy ABI has no place for the flags.
    fn fill(dl_tensor: sys::DLTensor, manager_ctx: *mut c_void, flags: Flags) -> Self;
}

impl Exported for sys::DLManagedTensor {
    const DELETER: unsafe extern "C" fn(*mut Self) = delete_legacy;

    #[inline(always)]
    fn fill(dl_tensor: sys::DLTensor, manager_ctx: *mut c_void, _: Flags) -> Self {
        Self { dl_tensor, manager_ctx, deleter: Some(Self::DELETER) }
    }
}

impl Exported for sys::DLManagedTensorVersioned {
    const DELETER: unsafe extern "C" fn(*mut Self) = delete_versioned;

    #[inline(always)]
    fn fill(dl_tensor: sys::DLTensor, manager_ctx: *mut c_void, flags: Flags) -> Self {
        Self {
            version: Version::CURRENT.into(),
            manager_ctx,
            deleter: Some(Self::DELETER),
            flags: flags.bits(),
            dl_tensor,
        }
    }
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
    let kind = unsafe { (*header).kind };
    // SAFETY: the caller's promise.
    unsafe { (kind.release)(header) }
}

/// Where the owner of a struct of ours is.
pub(super) struct Found<O> {
    /// # Invariant
    ///
    /// The header of a live block with an owner of type `O`; `take` is of its [`Kind`].
    header: *mut Header,
    take: unsafe fn(*mut Header, *mut u8),
    owner: PhantomData<O>,
}

/// Finds the owner of a struct, if it is one of ours with an owner of type `O`.
///
/// As in the deleter, of all that consumers could have written only `manager_ctx` is believed, and not even that the
/// struct is where it was made.
///
/// # Safety
///
/// `this` points to a live struct of our major version.
pub(super) unsafe fn find_owner<A: Exported, O: 'static>(this: *mut A) -> Option<Found<O>> {
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
    let Header { magic, kind, .. } = unsafe { &*header };
    if !ptr::eq(*magic, &raw const MAGIC) || (kind.owner)() != TypeId::of::<O>() {
        return None;
    }
    Some(Found { header, take: kind.take, owner: PhantomData })
}

impl<O> Found<O> {
    /// Takes the owner out, and gives its block back.
    ///
    /// # Safety
    ///
    /// The deleter has not run, and nobody runs it afterwards, not even if this panics, as the allocator's handle may when
    /// it is dropped.
    pub(super) unsafe fn take(self) -> O {
        let mut owner = core::mem::MaybeUninit::<O>::uninit();
        // SAFETY: the invariant, and the header derives from the pointer to all of its block; the caller promises that
        // nobody uses it again. There is room for an `O`.
        unsafe { (self.take)(self.header, owner.as_mut_ptr().cast()) };
        // SAFETY: just moved there.
        unsafe { owner.assume_init() }
    }
}
