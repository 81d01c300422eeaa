//! The header behind every struct that this crate exports, and the deleter that trusts nothing else.
//!
//! The C struct goes to consumers, some of which write into it. On the way back nothing of it is believed but its
//! context, which points to a [`BlockHeader`]. A struct is recognised as ours if its deleter is the one of this crate
//! *and* its header points to a static that only this copy of the crate has. The deleter looks at that static, too,
//! which keeps a linker from folding it with the deleter of another copy.

use core::any::TypeId;
use core::ffi::c_void;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr;
use core::sync::atomic::AtomicU8;

/// Its address marks a header as ours. It is writable, so that no other static can share the address.
static MAGIC: AtomicU8 = AtomicU8::new(0);

/// What stands in a block behind the C struct, where `manager_ctx` points to.
pub(crate) struct BlockHeader {
    magic: *const AtomicU8,
    pub(crate) kind: &'static BlockKind,
    /// The size of the block in bytes; its alignment is that of its type.
    pub(crate) size: usize,
}

/// The functions of a block, by the types of its owner and its allocator.
pub(crate) struct BlockKind {
    /// The type of the owner.
    pub(crate) owner: fn() -> TypeId,
    /// Where the owner is, in bytes from the header on.
    #[cfg(feature = "alloc")]
    pub(crate) owner_at: usize,
    /// Drops the owner and gives back the block that this header is in. It does not unwind: a panic aborts.
    pub(crate) release: unsafe extern "C" fn(*mut BlockHeader),
    /// Moves the owner to where the second pointer points, and gives the block back.
    pub(crate) take: unsafe fn(*mut BlockHeader, *mut u8),
    /// Whether the tensor is all of the owner's memory.
    pub(crate) whole: bool,
}

impl BlockHeader {
    #[inline(always)]
    pub(crate) const fn new(kind: &'static BlockKind, size: usize) -> Self {
        Self { magic: &raw const MAGIC, kind, size }
    }
}

/// Runs the deleter of a block.
///
/// # Safety
///
/// `manager_ctx` is the context of a struct that this crate exported and whose deleter has not run. Nobody uses the
/// block afterwards.
pub(super) unsafe fn delete(manager_ctx: *mut c_void) {
    let header = manager_ctx.cast::<BlockHeader>();
    // SAFETY: the context of such a struct is the header of a live block, and `release` is of the block's types.
    unsafe {
        if ptr::eq((*header).magic, &raw const MAGIC) {
            ((*header).kind.release)(header);
        }
    }
}

/// The owner in a block of ours, found by its type.
pub(super) struct Found<O> {
    /// # Invariant
    ///
    /// The header of a live block whose owner is an `O`.
    header: *mut BlockHeader,
    /// Whether the tensor is all of the owner's memory.
    pub(super) whole: bool,
    owner: PhantomData<O>,
}

/// Finds the owner of type `O` behind the context of a struct whose deleter is ours.
///
/// # Safety
///
/// `manager_ctx` is the context of a struct that has a deleter of this crate and is still owned.
pub(super) unsafe fn find<O: 'static>(manager_ctx: *mut c_void) -> Option<Found<O>> {
    let header = manager_ctx.cast::<BlockHeader>();
    // SAFETY: with that deleter the context is the header of a live block.
    let BlockHeader { magic, kind, .. } = unsafe { &*header };
    // Of the header of another copy of this crate, only the magic number is looked at: its kind may be of another layout.
    if ptr::eq(*magic, &raw const MAGIC) && (kind.owner)() == TypeId::of::<O>() {
        return Some(Found { header, whole: kind.whole, owner: PhantomData });
    }
    None
}

impl<O> Found<O> {
    /// Lends the owner.
    ///
    /// # Safety
    ///
    /// For the lifetime, the block is live, and nobody has the owner for itself.
    #[cfg(feature = "alloc")]
    pub(super) unsafe fn get<'a>(&self) -> &'a O {
        // SAFETY: the invariant: so many bytes behind the header is an `O`. The caller knows that it stays there.
        unsafe { &*self.header.byte_add((*self.header).kind.owner_at).cast::<O>() }
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
            ((*self.header).kind.take)(self.header, owner.as_mut_ptr().cast());
            owner.assume_init()
        }
    }
}
