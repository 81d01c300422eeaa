//! The header behind every struct that this crate exports, and the deleter that trusts nothing else.
//!
//! The C struct goes to consumers, some of which write into it. On the way back nothing of it is believed but its
//! context, which points to a block with a [`BlockHeader`]. A struct is recognised as ours if its deleter is the one of
//! this crate *and* its header leads to a static that only this copy of the crate has. The deleter passes the address of
//! that static on, which keeps a linker from folding it with the deleter of another copy.

use core::any::TypeId;
use core::ffi::c_void;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr;
use core::sync::atomic::AtomicU8;

/// Its address marks a header as ours. It is writable, so that no other static can share the address.
static MAGIC: AtomicU8 = AtomicU8::new(0);

/// What stands in a block behind the C struct. The context of the struct points to the block.
pub(crate) struct BlockHeader {
    pub(crate) kind: &'static BlockKind,
}

/// The functions of a block, by the types of its owner and its allocator.
#[repr(C)]
pub(crate) struct BlockKind {
    /// Points to [`MAGIC`]. It comes first in every copy of this crate.
    magic: *const AtomicU8,
    owner: fn() -> TypeId,
    /// Where the owner is, in bytes from the beginning of the block.
    owner_at: usize,
    release: Release,
    take: Take,
    /// Whether the tensor is all of the owner's memory.
    pub(super) whole: bool,
    /// Whether the owner is a tensor for which this crate chose another header, and not a user of the crate.
    pub(super) again: bool,
}

/// Drops the owner of a block and gives the block back. It does not unwind: a panic aborts.
///
/// The second argument is the address of [`MAGIC`], for which it has no use.
type Release = unsafe extern "C" fn(*mut c_void, *const AtomicU8);

/// Moves the owner of a block to where the second pointer points, and gives the block back.
type Take = unsafe fn(*mut c_void, *mut u8);

impl BlockKind {
    /// The kind of blocks of an `O` that lies `owner_at` bytes from their beginning.
    pub(crate) const fn new<O: 'static>(
        owner_at: usize,
        release: Release,
        take: Take,
        [whole, again]: [bool; 2],
    ) -> Self {
        let (magic, owner) = (&raw const MAGIC, TypeId::of::<O> as fn() -> TypeId);
        Self { magic, owner, owner_at, release, take, whole, again }
    }

    /// The kind of a block that begins with a struct of type `S`.
    ///
    /// # Safety
    ///
    /// `block` is live.
    #[inline]
    unsafe fn of<S>(block: *mut c_void) -> &'static Self {
        // SAFETY: a live block has a header, which follows the struct without a gap.
        unsafe { (*block.byte_add(size_of::<S>()).cast::<BlockHeader>()).kind }
    }
}

/// Runs the deleter of a block.
///
/// # Safety
///
/// `manager_ctx` is the context of a struct of type `S` that this crate exported and whose deleter has not run. Nobody
/// uses the block afterwards.
pub(super) unsafe fn delete<S>(manager_ctx: *mut c_void) {
    // SAFETY: the context of such a struct is a live block, and `release` is of the block's types.
    unsafe { (BlockKind::of::<S>(manager_ctx).release)(manager_ctx, &raw const MAGIC) }
}

/// The owner in a block of ours, found by its type.
pub(super) struct Found<O> {
    /// # Invariant
    ///
    /// A live block of this kind, whose owner is an `O`.
    block: *mut c_void,
    pub(super) kind: &'static BlockKind,
    owner: PhantomData<O>,
}

/// Finds the owner of type `O` behind the context of a struct whose deleter is ours.
///
/// # Safety
///
/// `manager_ctx` is the context of a struct of type `S` that has a deleter of this crate and is still owned.
pub(super) unsafe fn find<S, O: 'static>(manager_ctx: *mut c_void) -> Option<Found<O>> {
    // SAFETY: with that deleter the context is a live block.
    let kind = unsafe { BlockKind::of::<S>(manager_ctx) };
    // Of another copy of this crate, only the magic number would be looked at: the rest may be of another layout.
    let found = ptr::eq(kind.magic, &raw const MAGIC) && (kind.owner)() == TypeId::of::<O>();
    found.then_some(Found { block: manager_ctx, kind, owner: PhantomData })
}

impl<O> Found<O> {
    /// Lends the owner.
    ///
    /// # Safety
    ///
    /// For the lifetime, the block is live, and nobody has the owner for itself.
    #[cfg(feature = "alloc")]
    pub(super) unsafe fn get<'a>(&self) -> &'a O {
        // SAFETY: the invariant: at so many bytes in the block is an `O`. The caller knows that it stays there.
        unsafe { &*self.block.byte_add(self.kind.owner_at).cast::<O>() }
    }

    /// Takes the owner out, and gives its block back.
    ///
    /// # Safety
    ///
    /// Nobody uses the block or runs its deleter afterwards, not even if this panics, as the allocator's handle may
    /// when it is dropped.
    pub(super) unsafe fn take(self) -> O {
        let mut owner = MaybeUninit::<O>::uninit();
        // SAFETY: the invariant; `take` is of the block's types and writes an `O`, for which there is room. The caller
        // gives the block up.
        unsafe {
            (self.kind.take)(self.block, owner.as_mut_ptr().cast());
            owner.assume_init()
        }
    }
}
