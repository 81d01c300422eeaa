//! A producer in another language: structs, arrays and memory, each in an allocation of its own of exactly its size.

use core::alloc::Layout as Bytes;
use core::cell::Cell;
use core::ffi::c_void;
use core::ptr;
use std::alloc;
use std::rc::Rc;

use dlpack::sys::{DLManagedTensor, DLManagedTensorVersioned, DLPackVersion, DLTensor};

use crate::input::Input;

/// What memory holds at first: its period is no power of two.
const PATTERN: [u8; 251] = {
    let mut pattern = [0; 251];
    let mut at = 0_u8;
    while at < 251 {
        pattern[at as usize] = at;
        at += 1;
    }
    pattern
};

/// Memory of exactly so many bytes, at an address that is `skew` past a multiple of 64.
#[derive(Debug)]
pub struct Allocation {
    base: *mut u8,
    layout: Bytes,
    skew: usize,
}

impl Allocation {
    /// New memory, each byte of which is another than its neighbours.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[must_use]
    pub fn new(nbytes: usize, skew: usize) -> Self {
        let layout = Bytes::from_size_align((nbytes + skew).max(1), 64).unwrap();
        // SAFETY: the size is not zero.
        let base = unsafe { alloc::alloc(layout) };
        assert!(!base.is_null());
        for at in (0..layout.size()).step_by(PATTERN.len()) {
            let count = PATTERN.len().min(layout.size() - at);
            // SAFETY: bytes of the allocation.
            unsafe { base.add(at).copy_from_nonoverlapping(PATTERN.as_ptr(), count) };
        }
        Self { base, layout, skew }
    }

    /// The memory of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8], skew: usize) -> Self {
        let new = Self::new(bytes.len(), skew);
        // SAFETY: there is room for so many bytes, and nobody else has it.
        unsafe { new.start().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        new
    }

    /// The first byte after the skew.
    #[must_use]
    pub fn start(&self) -> *mut u8 {
        self.base.wrapping_add(self.skew)
    }

    /// The bytes after the skew.
    #[must_use]
    pub fn len(&self) -> usize {
        self.layout.size() - self.skew.min(self.layout.size())
    }

    /// Whether there is no byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A copy of `count` bytes from `at` on.
    ///
    /// # Panics
    ///
    /// If there are no such bytes.
    #[must_use]
    pub fn read(&self, at: usize, count: usize) -> Vec<u8> {
        assert!(at + count <= self.len());
        // SAFETY: these bytes are in the allocation, and all of them were written.
        unsafe { core::slice::from_raw_parts(self.start().add(at), count) }.to_vec()
    }

    /// Writes bytes from `at` on.
    ///
    /// # Panics
    ///
    /// If there are no such bytes.
    pub fn write(&self, at: usize, bytes: &[u8]) {
        assert!(at + bytes.len() <= self.len());
        // SAFETY: these bytes are in the allocation.
        unsafe { self.start().add(at).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
    }
}

impl Drop for Allocation {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout, and not used again.
        unsafe { alloc::dealloc(self.base, self.layout) }
    }
}

/// An array of numbers, which need not be aligned.
#[must_use]
pub fn array(numbers: &[i64], skew: usize) -> Allocation {
    let bytes: Vec<u8> = numbers.iter().flat_map(|n| n.to_ne_bytes()).collect();
    Allocation::of(&bytes, skew)
}

/// A C struct that owns a tensor.
pub trait Struct: Sized {
    /// Whether it has a version and flags.
    const VERSIONED: bool;

    /// How many of its bytes need be there if the major version is a foreign one.
    const HEAD: usize;

    /// Makes one.
    fn make(
        tensor: DLTensor,
        context: *mut c_void,
        deletes: bool,
        version: (u32, u32),
        flags: u64,
    ) -> Self;

    /// The tensor in it.
    ///
    /// # Safety
    ///
    /// `this` points to memory of this type.
    unsafe fn tensor(this: *mut Self) -> *mut DLTensor;

    /// The context in it.
    ///
    /// # Safety
    ///
    /// `this` points to a live struct, which need not be aligned.
    unsafe fn context(this: *mut Self) -> *mut c_void;

    /// Calls its deleter, if it has one.
    ///
    /// # Safety
    ///
    /// `this` points to a live struct, which is not used again.
    unsafe fn delete(this: *mut Self);
}

unsafe extern "C" fn delete<S: Struct>(this: *mut S) {
    // SAFETY: the deleter is called with a live struct of a `Context`.
    let context = unsafe { S::context(this) }.cast::<Context>();
    // SAFETY: the context is live as long as the struct is.
    let deleted = unsafe { &(*context).deleted };
    deleted.set(deleted.get() + 1);
    assert_eq!(deleted.get(), 1, "deleted twice");
    // SAFETY: made by `Box::into_raw`, and not used again. With it goes the memory of the struct.
    drop(unsafe { Box::from_raw(context) });
}

impl Struct for DLManagedTensor {
    const VERSIONED: bool = false;
    const HEAD: usize = size_of::<Self>();

    fn make(
        dl_tensor: DLTensor,
        manager_ctx: *mut c_void,
        deletes: bool,
        _: (u32, u32),
        _: u64,
    ) -> Self {
        let deleter = deletes.then_some(delete::<Self> as unsafe extern "C" fn(*mut Self));
        Self { dl_tensor, manager_ctx, deleter }
    }

    unsafe fn tensor(this: *mut Self) -> *mut DLTensor {
        // SAFETY: a place within the struct.
        unsafe { &raw mut (*this).dl_tensor }
    }

    unsafe fn context(this: *mut Self) -> *mut c_void {
        // SAFETY: a field of a live struct.
        unsafe { (&raw const (*this).manager_ctx).read_unaligned() }
    }

    unsafe fn delete(this: *mut Self) {
        // SAFETY: a live struct, which is not used again.
        unsafe {
            if let Some(deleter) = (&raw const (*this).deleter).read_unaligned() {
                deleter(this);
            }
        }
    }
}

impl Struct for DLManagedTensorVersioned {
    const VERSIONED: bool = true;
    const HEAD: usize = core::mem::offset_of!(Self, dl_tensor);

    fn make(
        dl_tensor: DLTensor,
        manager_ctx: *mut c_void,
        deletes: bool,
        (major, minor): (u32, u32),
        flags: u64,
    ) -> Self {
        let deleter = deletes.then_some(delete::<Self> as unsafe extern "C" fn(*mut Self));
        let version = DLPackVersion { major, minor };
        Self { version, manager_ctx, deleter, flags, dl_tensor }
    }

    unsafe fn tensor(this: *mut Self) -> *mut DLTensor {
        // SAFETY: a place within the struct.
        unsafe { &raw mut (*this).dl_tensor }
    }

    unsafe fn context(this: *mut Self) -> *mut c_void {
        // SAFETY: a field of a live struct.
        unsafe { (&raw const (*this).manager_ctx).read_unaligned() }
    }

    unsafe fn delete(this: *mut Self) {
        // SAFETY: a live struct, which is not used again.
        unsafe {
            if let Some(deleter) = (&raw const (*this).deleter).read_unaligned() {
                deleter(this);
            }
        }
    }
}

/// What a deleter frees.
#[derive(Debug)]
struct Context {
    deleted: Rc<Cell<u32>>,
    /// Whose arrays may be gone before.
    arrays: [Option<Allocation>; 2],
    /// The memory of the elements, which is the script's if it looks at it afterwards.
    _memory: Option<Rc<Allocation>>,
    _room: Allocation,
}

/// Everything about a tensor that a producer chooses.
#[derive(Debug)]
pub struct Plan {
    /// The struct without its arrays.
    pub tensor: DLTensor,
    /// The numbers of the shape, or a null pointer.
    pub shape: Option<Vec<i64>>,
    /// The numbers of the strides, or a null pointer.
    pub strides: Option<Vec<i64>>,
    /// The version, if the struct has one.
    pub version: (u32, u32),
    /// The flags, if the struct has them.
    pub flags: u64,
    /// Whether there is a deleter.
    pub deletes: bool,
    /// How far the struct is from its alignment.
    pub skew: usize,
    /// How far the arrays are from theirs.
    pub array_skew: usize,
    /// The memory of the elements.
    pub memory: Option<Rc<Allocation>>,
}

/// A tensor of a producer, which the script keeps an eye on.
#[derive(Debug)]
pub struct Foreign<S: Struct> {
    /// What is passed to the crate.
    pub raw: *mut S,
    context: *mut Context,
    deleted: Rc<Cell<u32>>,
    /// Of a foreign major version, so that only its head is there.
    is_head: bool,
    deletes: bool,
}

impl<S: Struct> Foreign<S> {
    /// Makes the tensor.
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        let deleted = Rc::new(Cell::new(0));
        let is_head = S::VERSIONED && plan.version.0 != 1;
        let size = if is_head { S::HEAD } else { size_of::<S>() };
        let room = Allocation::new(size, plan.skew);
        let make = |numbers: &Option<Vec<i64>>| {
            numbers.as_ref().map(|numbers| array(numbers, plan.array_skew))
        };
        let arrays = [make(&plan.shape), make(&plan.strides)];
        let at = |array: &Option<Allocation>| {
            array.as_ref().map_or(ptr::null_mut(), |array| array.start().cast::<i64>())
        };
        let tensor = DLTensor { shape: at(&arrays[0]), strides: at(&arrays[1]), ..plan.tensor };
        let raw = room.start();
        let memory = plan.memory.clone();
        let context = Box::into_raw(Box::new(Context {
            deleted: Rc::clone(&deleted),
            arrays,
            _memory: memory,
            _room: room,
        }));
        let made = S::make(tensor, context.cast(), plan.deletes, plan.version, plan.flags);
        // SAFETY: so many bytes are in the room, and of the struct itself no more are read.
        unsafe { raw.copy_from_nonoverlapping((&raw const made).cast(), size) };
        Self { raw: raw.cast(), context, deleted, is_head, deletes: plan.deletes }
    }

    /// How often the deleter was called.
    #[must_use]
    pub fn deleted(&self) -> u32 {
        self.deleted.get()
    }

    /// The producer changes its arrays and its struct, which clause S4 allows after an import.
    pub fn change(&self, input: &mut Input<'_>) {
        if self.deleted() > 0 || self.is_head {
            return;
        }
        // SAFETY: the context is live until the deleter runs.
        let arrays = unsafe { &mut (*self.context).arrays };
        match input.below(3) {
            0 => {
                for array in arrays.iter().flatten() {
                    for at in 0..array.len() / 8 {
                        array.write(at * 8, &input.number().to_ne_bytes());
                    }
                }
            }
            1 => *arrays = [None, None],
            _ => {
                *arrays = [None, None];
                // SAFETY: the struct is live until the deleter runs, and this field is the producer's own.
                unsafe {
                    let tensor = S::tensor(self.raw);
                    (&raw mut (*tensor).shape).write_unaligned(ptr::dangling_mut());
                    (&raw mut (*tensor).strides).write_unaligned(ptr::dangling_mut());
                    (&raw mut (*tensor).ndim).write_unaligned(64);
                    (&raw mut (*tensor).byte_offset).write_unaligned(u64::MAX / 3);
                    (&raw mut (*tensor).data).write_unaligned(ptr::dangling_mut());
                }
            }
        }
    }

    /// Checks that the deleter was called as often as it should, and frees what nobody else does.
    ///
    /// # Panics
    ///
    /// If it was not.
    pub fn end(self, taken: bool) {
        let expected = u32::from(taken && self.deletes);
        assert_eq!(self.deleted(), expected, "the deleter runs once");
        if expected == 0 {
            // SAFETY: the deleter has not run, and nobody else frees the context.
            drop(unsafe { Box::from_raw(self.context) });
        }
    }
}
