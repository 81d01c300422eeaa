//! The block of an export: C struct, header, size, allocator, owner, shape and strides in one piece of memory.
//!
//! ```text
//! | C struct | header | size | allocator | owner | shape | strides |
//!     ^
//!     raw, manager_ctx
//! ```
//!
//! The C struct, shape and strides go to consumers, some of which write into them; nothing of them is read again.
//! What lies between is ours. All pointers derive from the one that the allocator returned, and while the struct is
//! out no reference to any of it exists.

use core::alloc::Layout as Bytes;
use core::ffi::c_void;
use core::marker::PhantomData;
use core::mem::{ManuallyDrop, MaybeUninit, offset_of};
#[cfg(feature = "alloc")]
use core::ops::Deref;
use core::ptr::{self, NonNull};
use core::slice;
use core::sync::atomic::AtomicU8;

use super::allocator::Allocator;
use crate::dims::Dims;
use crate::error::{Error, RejectedError};
use crate::layout::Layout;
use crate::managed::{
    Abi, Access, BlockHeader, BlockKind, Descriptor, Fields, Handle, Header, Managed, OpaqueTensor,
};
use crate::sys;
use crate::vocabulary::Flags;

#[repr(C)]
struct Block<S, O, A> {
    managed: S,
    header: BlockHeader,
    /// In bytes; the alignment is that of this type.
    size: usize,
    allocator: A,
    owner: O,
}

/// Room for the largest block of an owner, with an allocator that is as large as a pointer.
#[repr(C)]
pub(super) struct Room<O, const NDIM: usize> {
    block: Block<sys::DLManagedTensorVersioned, O, *const ()>,
    dims: [[i64; NDIM]; 2],
}

struct Kinds<S, O, A>(PhantomData<(S, O, A)>);

impl<S: Abi, O: 'static, A: Allocator> Kinds<S, O, A> {
    const WHOLE: BlockKind = Self::kind(true, false);
    const PART: BlockKind = Self::kind(false, false);
    const AGAIN: BlockKind = Self::kind(true, true);

    const fn kind(whole: bool, again: bool) -> BlockKind {
        // Where `BlockKind` looks for the header.
        const { assert!(offset_of!(Block<S, O, A>, header) == size_of::<S>()) };
        let owner_at = offset_of!(Block<S, O, A>, owner);
        BlockKind::new::<O>(owner_at, release_in_c::<S, O, A>, take::<S, O, A>, [whole, again])
    }
}

/// The size of a block, and where in it the shape begins. `None` if that exceeds the address space.
const fn size<S, O, A>(ndim: usize) -> Option<(Bytes, usize)> {
    let Some(count) = ndim.checked_mul(2) else { return None };
    let Ok(numbers) = Bytes::array::<i64>(count) else { return None };
    let Ok((bytes, dims)) = Bytes::new::<Block<S, O, A>>().extend(numbers) else { return None };
    Some((bytes, dims))
}

/// The size and the alignment of the larger of the blocks of the two ABIs.
pub(super) const fn largest<O, A>(ndim: usize) -> Bytes {
    let ndim = if ndim < Layout::MAX_NDIM { ndim } else { Layout::MAX_NDIM };
    match size::<sys::DLManagedTensorVersioned, O, A>(ndim) {
        Some((bytes, _)) => bytes.pad_to_align(),
        // Nobody can have an owner so large.
        None => Bytes::new::<Block<sys::DLManagedTensorVersioned, O, A>>(),
    }
}

/// A block that has an owner and that no consumer has seen. Dropping it drops the owner.
pub(super) struct Unpublished<S: Abi, O: 'static, A: Allocator> {
    /// # Invariants
    ///
    /// 1. Points to memory that an allocator gave, large enough and aligned for a block, in which header and owner are
    ///    initialised; and, unless the memory is the owner's, its size and the allocator.
    /// 2. Nobody else has a pointer to it.
    /// 3. `2·ndim` numbers fit in it from `dims` bytes on, aligned.
    block: NonNull<Block<S, O, A>>,
    dims: usize,
    ndim: usize,
}

impl<S: Abi, O: Send + 'static, A: Allocator> Unpublished<S, O, A> {
    /// Moves an owner to its final place, with room for `ndim` axes.
    #[inline(always)]
    pub(super) fn new(owner: O, allocator: A, ndim: usize) -> Result<Self, RejectedError<O>> {
        let mut block = Self::taken_from(owner, |owner| owner, allocator, ndim)?;
        block.set_whole(true);
        Ok(block)
    }

    /// Takes a tensor out of what it is in, once there is memory for the block, and moves it to its final place, to be
    /// exported again.
    #[inline(always)]
    pub(super) fn taken_from<T>(
        from: T,
        take: impl FnOnce(T) -> O,
        allocator: A,
        ndim: usize,
    ) -> Result<Self, RejectedError<T>> {
        let reserved = size::<S, O, A>(ndim)
            .and_then(|(bytes, dims)| Some((allocator.allocate(bytes)?, bytes, dims)))
            .ok_or(Error::AllocationFailed);
        let (from, (at, bytes, dims)) = RejectedError::unless_ok(from, reserved)?;
        let owner = take(from);
        let block = at.cast::<Block<S, O, A>>();
        // SAFETY: the allocator gave memory for a block, and nobody else has it.
        unsafe {
            let kind = &Kinds::<S, O, A>::AGAIN;
            (&raw mut (*block.as_ptr()).header).write(BlockHeader { kind });
            if !A::IN_OWNER {
                (&raw mut (*block.as_ptr()).size).write(bytes.size());
                (&raw mut (*block.as_ptr()).allocator).write(allocator);
            }
            (&raw mut (*block.as_ptr()).owner).write(owner);
        }
        Ok(Self { block, dims, ndim })
    }

    /// Where the shape begins. The strides follow it.
    #[inline(always)]
    const fn shape(&self) -> *mut i64 {
        // SAFETY: invariant 3.
        unsafe { self.block.as_ptr().byte_add(self.dims).cast() }
    }

    /// The owner, to be asked for its memory.
    ///
    /// Called once: the elements may lie in the owner, and a second exclusive reference would end the first one, from which
    /// their address derives.
    #[inline(always)]
    pub(super) fn owner_mut(&mut self) -> &mut O {
        // SAFETY: invariants 1 and 2.
        unsafe { &mut (*self.block.as_ptr()).owner }
    }

    /// Notes whether the tensor is all of the owner's memory, which it is unless this says otherwise.
    pub(super) fn set_whole(&mut self, whole: bool) {
        let (part, all) = (&Kinds::<S, O, A>::PART, &Kinds::<S, O, A>::WHOLE);
        // SAFETY: invariants 1 and 2.
        unsafe { (*self.block.as_ptr()).header.kind = if whole { all } else { part } };
    }

    /// Room for shape and strides. This makes no reference to the owner.
    #[inline(always)]
    pub(super) fn dims_mut(&mut self) -> DimsMut<'_> {
        let shape = self.shape().cast::<MaybeUninit<i64>>();
        // SAFETY: invariants 2 and 3; the shape and the strides do not overlap.
        unsafe {
            let sizes = slice::from_raw_parts_mut(shape, self.ndim);
            let steps = slice::from_raw_parts_mut(shape.add(self.ndim), self.ndim);
            (sizes, steps)
        }
    }

    /// A tensor that has become an owner, and room for shape and strides.
    #[cfg(feature = "alloc")]
    #[inline(always)]
    pub(super) fn tensor_and_dims(&mut self) -> (&Descriptor, DimsMut<'_>)
    where
        O: Deref<Target = Descriptor>,
    {
        // SAFETY: invariants 1 and 2; the owner and the dims do not overlap.
        let owner = unsafe { &(*self.block.as_ptr()).owner };
        (owner, self.dims_mut())
    }

    /// Takes the owner out again and gives the block back.
    pub(super) fn into_owner(self) -> O {
        // SAFETY: invariants 1 and 2; the block is not used again.
        unsafe { take_owner(ManuallyDrop::new(self).block) }
    }

    /// Writes the C struct.
    ///
    /// # Safety
    ///
    /// The tensor and its flags hold the import contract until the owner is dropped.
    #[inline(always)]
    pub(super) unsafe fn publish(self, dl_tensor: sys::DLTensor, flags: Flags) -> Handle<S> {
        let block = ManuallyDrop::new(self).block;
        // SAFETY: invariants 1 and 2: a block begins with the C struct, which nobody else has seen. With its context it
        // has the deleter of this crate.
        unsafe {
            block.cast::<S>().write(S::new(dl_tensor, block.as_ptr().cast(), flags));
            Handle::new(block.cast())
        }
    }

    /// The tensor for a consumer, with the shape and the strides in the block.
    #[inline(always)]
    fn dl_tensor(&self, fields: &Fields) -> sys::DLTensor {
        let shape = self.shape();
        fields.dl_tensor(self.ndim, [shape, shape.wrapping_add(self.ndim)])
    }

    /// Publishes the tensor for a consumer that is yet to get it.
    ///
    /// # Safety
    ///
    /// 1. Shape and strides have been written.
    /// 2. With the fields and the flags they hold clauses S5 and S6 of the import contract until the owner is dropped.
    #[inline(always)]
    pub(super) unsafe fn into_opaque(self, fields: &Fields, flags: Flags) -> OpaqueTensor<S> {
        let dl_tensor = self.dl_tensor(fields);
        // SAFETY: the contract. Shape and strides stay in the block until the deleter runs.
        unsafe { OpaqueTensor::new(self.publish(dl_tensor, flags)) }
    }

    /// Publishes the tensor for use in Rust.
    ///
    /// # Errors
    ///
    /// Hands the owner back if there is no memory for the shape and strides of many axes.
    ///
    /// # Safety
    ///
    /// As for [`into_opaque`](Self::into_opaque), and the layout is that of the shape and strides.
    pub(super) unsafe fn into_managed(
        self,
        (fields, flags, layout): Described,
    ) -> Result<Managed<S>, RejectedError<O>> {
        // SAFETY: shape and strides have been written.
        let (shape, strides) = unsafe {
            let (shape, ndim) = (self.shape(), self.ndim);
            (slice::from_raw_parts(shape, ndim), slice::from_raw_parts(shape.add(ndim), ndim))
        };
        let kept = RejectedError::unless_ok(self, Dims::copied(shape, strides));
        let (this, dims) = kept.map_err(|rejected| rejected.map(Self::into_owner))?;
        let header = Header { version: S::VERSION, flags, access: Access::of(flags) };
        let dl_tensor = this.dl_tensor(&fields);
        // SAFETY: the contract. Shape and strides stay in the block until the deleter runs, and nobody has seen them.
        unsafe {
            let descriptor = Descriptor::new(fields, header, dims, layout);
            Ok(Managed::exported(this.publish(dl_tensor, flags), descriptor))
        }
    }
}

impl<S: Abi, O: 'static, A: Allocator> Drop for Unpublished<S, O, A> {
    fn drop(&mut self) {
        // SAFETY: invariants 1 and 2.
        unsafe { release(self.block) }
    }
}

/// What is said of a tensor besides its shape and strides.
pub(super) type Described = (Fields, Flags, Layout);

/// Room for a shape and for strides.
pub(super) type DimsMut<'a> = (&'a mut [MaybeUninit<i64>], &'a mut [MaybeUninit<i64>]);

/// # Safety
///
/// As for [`release`].
unsafe extern "C" fn release_in_c<S: Abi, O: 'static, A: Allocator>(
    block: *mut c_void,
    _: *const AtomicU8,
) {
    // SAFETY: a block of these types, which is not null.
    unsafe { release(NonNull::new_unchecked(block.cast::<Block<S, O, A>>())) }
}

/// Drops the owner of a block and gives the block back.
///
/// # Safety
///
/// `block` is live, and nobody uses it again.
unsafe fn release<S: Abi, O: 'static, A: Allocator>(block: NonNull<Block<S, O, A>>) {
    // SAFETY: the block is live, and given up.
    unsafe {
        if A::IN_OWNER {
            // Dropping the owner frees the block, so that it must not be in there when it is dropped.
            drop(take_owner(block));
        } else {
            // In place, since an owner may be too large for the stack.
            ptr::drop_in_place(&raw mut (*block.as_ptr()).owner);
            give_back(block);
        }
    }
}

/// Moves the owner of a block to `to`, and gives the block back.
///
/// # Safety
///
/// As for [`release`]; `to` can be written for an `O`.
unsafe fn take<S: Abi, O: 'static, A: Allocator>(block: *mut c_void, to: *mut u8) {
    // SAFETY: a block of these types, which is not null and given up, and there is room for the owner.
    unsafe { to.cast::<O>().write(take_owner::<S, O, A>(NonNull::new_unchecked(block.cast()))) };
}

/// # Safety
///
/// As for [`release`].
unsafe fn take_owner<S: Abi, O: 'static, A: Allocator>(block: NonNull<Block<S, O, A>>) -> O {
    // SAFETY: the block is live, and given up.
    unsafe {
        let owner = (&raw const (*block.as_ptr()).owner).read();
        give_back(block);
        owner
    }
}

/// Gives a block back whose owner is gone.
///
/// # Safety
///
/// The block is as invariant 1 of [`Unpublished`] says, apart from its owner, and nobody uses it again.
unsafe fn give_back<S: Abi, O: 'static, A: Allocator>(block: NonNull<Block<S, O, A>>) {
    if A::IN_OWNER {
        return;
    }
    // SAFETY: the allocator gave the block, with this size and the alignment of a block, since nothing in it is aligned
    // more. It is moved out of the block before it takes it back.
    unsafe {
        let size = (*block.as_ptr()).size;
        let allocator = (&raw const (*block.as_ptr()).allocator).read();
        let bytes = Bytes::from_size_align_unchecked(size, align_of::<Block<S, O, A>>());
        allocator.deallocate(block.cast(), bytes);
    }
}
