//! Sequences of calls of the whole crate on a set of live tensors, whose producers change their arrays in between.
//!
//! Of each tensor a [`Model`] says what must be found in it. It is looked at after each call, in Rust or as C does; at the
//! end everything is dropped, and each owner and each struct must have been deleted once.

mod look;
mod make;
mod model;
mod pass_on;

use core::cell::{Cell, RefCell};
use core::ffi::c_void;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::rc::Rc;
use std::sync::Arc;

use dlpack::allocator::{Allocator, Pool, Slot};
use dlpack::exchange::ExchangeApi;
use dlpack::negotiate::Answer;
use dlpack::sys::{DLManagedTensor, DLManagedTensorVersioned, DLTensor};
use dlpack::{
    Access, AnyManagedTensor, DataType, Descriptor, Device, Exclusive, ExclusiveUninit, Frozen,
    ManagedTensor, ManagedTensorVersioned, OpaqueTensor, TensorSlice,
};

use self::model::{fill, imported, inherits};
use crate::failing::refusing;
use crate::input::Input;
use crate::producer::{Allocation, Foreign};

/// The library that the documentation of `Library` shows.
#[allow(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    clippy::std_instead_of_core,
    reason = "it is of the documentation"
)]
mod boxes {
    include!("../../../dlpack/doc/boxes.rs");
}

type Versioned = ManagedTensorVersioned;
type Legacy = ManagedTensor;

/// A tensor of some type.
#[derive(Debug)]
enum Live {
    Versioned(Versioned),
    Legacy(Legacy),
    Frozen(Frozen<Versioned>),
    FrozenLegacy(Frozen<Legacy>),
    Exclusive(Exclusive<Versioned>),
    ExclusiveLegacy(Exclusive<Legacy>),
    Uninit(ExclusiveUninit<Versioned>),
    Opaque(OpaqueTensor),
    OpaqueLegacy(OpaqueTensor<DLManagedTensor>),
    Shared(Arc<Versioned>),
    SharedLegacy(Arc<Legacy>),
    SharedFrozen(Arc<Frozen<Versioned>>),
    Bytes(TensorSlice<u8, Frozen<Versioned>>),
    Numbers(TensorSlice<u32, Exclusive<Versioned>>),
    Answer(Answer),
    /// An object of the example library, which holds an `Arc` of a tensor.
    Object(NonNull<c_void>),
}

impl Live {
    fn descriptor(&self) -> Option<&Descriptor> {
        Some(match self {
            Self::Versioned(tensor) => tensor,
            Self::Legacy(tensor) => tensor,
            Self::Frozen(tensor) => tensor,
            Self::FrozenLegacy(tensor) => tensor,
            Self::Exclusive(tensor) => tensor,
            Self::ExclusiveLegacy(tensor) => tensor,
            Self::Uninit(tensor) => tensor,
            Self::Shared(tensor) => tensor,
            Self::SharedLegacy(tensor) => tensor,
            Self::SharedFrozen(tensor) => tensor,
            Self::Opaque(_)
            | Self::OpaqueLegacy(_)
            | Self::Bytes(_)
            | Self::Numbers(_)
            | Self::Answer(_)
            | Self::Object(_) => return None,
        })
    }
}

/// The type of the owner in a tensor's block.
#[derive(Clone, Debug)]
enum Owner {
    /// The struct is not of this crate, or its owner has no name outside.
    None,
    Bytes,
    Numbers,
    Raw,
    Versioned(Box<Model>),
    Legacy(Box<Model>),
    /// A tensor that others have, too, and whether it is frozen. This owner has no name outside.
    Shared(Box<Model>, bool),
}

/// What must be found in a tensor.
#[derive(Clone, Debug)]
struct Model {
    store: usize,
    /// The bytes of the elements in the store, in row-major order.
    places: Rc<[usize]>,
    shape: Vec<i64>,
    strides: Vec<i64>,
    dtype: DataType,
    device: Device,
    flags: u64,
    access: Access,
    /// The struct is of this crate, and nobody has seen it.
    arrays_hold: bool,
    /// The struct cannot be imported again, since its arrays are no longer right.
    changed: Rc<Cell<bool>>,
    /// A struct of this crate that a consumer had, and may write.
    seen: Option<Seen>,
    owner: Owner,
    whole: bool,
    /// Somebody promised that the host can follow the pointer.
    host: bool,
}

#[derive(Clone, Copy, Debug)]
enum Seen {
    Versioned(*mut DLManagedTensorVersioned),
    Legacy(*mut DLManagedTensor),
}

/// Memory, and what is in it.
#[derive(Debug)]
struct Store {
    bytes: RefCell<Vec<u8>>,
    /// How often its owner was dropped.
    dropped: Arc<AtomicU32>,
    foreign: Option<Producer>,
    /// Whether the foreign producer's arrays are still right.
    changed: Rc<Cell<bool>>,
}

#[derive(Debug)]
enum Producer {
    Versioned(Foreign<DLManagedTensorVersioned>),
    Legacy(Foreign<DLManagedTensor>),
}

/// Counts how often it is dropped.
#[derive(Debug)]
struct Life(Arc<AtomicU32>);

impl Drop for Life {
    fn drop(&mut self) {
        assert_eq!(self.0.fetch_add(1, Relaxed), 0, "an owner is dropped twice");
    }
}

/// An owner of elements of a Rust type.
#[derive(Debug)]
struct Elements<T> {
    elements: Vec<T>,
    _life: Life,
}

impl<T> AsRef<[T]> for Elements<T> {
    fn as_ref(&self) -> &[T] {
        &self.elements
    }
}

impl<T> AsMut<[T]> for Elements<T> {
    fn as_mut(&mut self) -> &mut [T] {
        &mut self.elements
    }
}

/// An owner of memory that only it describes.
#[derive(Debug)]
struct Raw {
    memory: Allocation,
    _life: Life,
}

// SAFETY: the memory is its own.
unsafe impl Send for Raw {}

static SLOT: Slot<Elements<u8>, 4> = Slot::new();

/// An allocator that refuses every block.
#[derive(Clone, Copy, Debug)]
struct Refuses;

// SAFETY: it gives no block.
unsafe impl Allocator for Refuses {
    fn allocate(&self, _: core::alloc::Layout) -> Option<NonNull<u8>> {
        None
    }

    unsafe fn deallocate(&self, _: NonNull<u8>, _: core::alloc::Layout) {
        unreachable!("no block was given");
    }
}

struct World {
    stores: Vec<Store>,
    live: Vec<(Live, Model)>,
    pool: Arc<Pool>,
    /// Whether allocations are refused.
    refuses: bool,
}

/// Runs one input.
///
/// # Panics
///
/// On any difference.
pub fn run(bytes: &[u8]) {
    play(bytes, false);
}

/// Runs one input, and refuses allocations.
///
/// # Panics
///
/// On any difference.
pub fn run_refusing(bytes: &[u8]) {
    play(bytes, true);
}

fn play(bytes: &[u8], refuses: bool) {
    let mut input = Input::new(bytes);
    let pool = Arc::new(Pool::new::<Elements<u8>>(2, 4).expect("memory"));
    let mut world = World { stores: Vec::new(), live: Vec::new(), pool, refuses };
    for _ in 0..40 {
        if input.is_empty() {
            break;
        }
        if world.live.is_empty() || world.live.len() < 6 && input.rarely(5) {
            world.create(&mut input);
            continue;
        }
        if input.rarely(3) {
            world.disturb(&mut input);
        }
        let at = input.below(world.live.len());
        let (live, model) = world.live.swap_remove(at);
        world.step(&mut input, live, model);
        if let Some((live, model)) = world.live.last() {
            world.check(live, model);
        }
    }
    for (live, model) in &world.live {
        world.check(live, model);
    }
    // Not in the order in which they came.
    while !world.live.is_empty() {
        let at = input.below(world.live.len());
        let (live, _) = world.live.swap_remove(at);
        end(live);
    }
    assert!(SLOT.is_free());
    assert_eq!(world.pool.in_use(), 0);
    for store in world.stores {
        match store.foreign {
            Some(Producer::Versioned(foreign)) => foreign.end(true),
            Some(Producer::Legacy(foreign)) => foreign.end(true),
            None => assert_eq!(store.dropped.load(Relaxed), 1, "an owner is dropped once"),
        }
    }
}

fn end(live: Live) {
    match live {
        Live::Answer(answer) => {
            // SAFETY: the answer's tensor is taken once.
            drop(unsafe { answer.take() }.expect("a tensor"));
        }
        Live::Object(object) => {
            // SAFETY: an object of the library, which is not used again.
            unsafe { boxes::release(object) };
        }
        live => drop(live),
    }
}

fn boxes_api() -> ExchangeApi {
    // SAFETY: the table of a library in Rust.
    unsafe { ExchangeApi::from_raw(boxes::TABLE.as_raw()) }.expect("a table")
}

impl World {
    /// How many allocations are granted in the next call.
    fn granted(&self, input: &mut Input<'_>) -> Option<u32> {
        (self.refuses && input.rarely(2)).then(|| u32::from(input.byte() % 3))
    }

    fn users(&self, store: usize) -> usize {
        self.live.iter().filter(|(_, model)| model.store == store).count()
    }

    fn push(&mut self, live: Live, model: Model) {
        self.live.push((live, model));
    }

    /// The producers and consumers of structs write what is theirs.
    fn disturb(&mut self, input: &mut Input<'_>) {
        if self.stores.is_empty() {
            return;
        }
        let store = &self.stores[input.below(self.stores.len())];
        match &store.foreign {
            Some(Producer::Versioned(foreign)) => foreign.change(input),
            Some(Producer::Legacy(foreign)) => foreign.change(input),
            None => {}
        }
        store.changed.set(true);
        let at = input.below(self.live.len().max(1));
        let Some((live, model)) = self.live.get(at) else { return };
        // Only while the tensor itself is in Rust is its struct the one that was seen.
        if live.descriptor().is_none() || model.changed.get() {
            return;
        }
        let Some(seen) = model.seen else { return };
        model.changed.set(true);
        // SAFETY: the struct lives as long as the tensor. A consumer that had it may write all but context and deleter.
        unsafe {
            match seen {
                Seen::Versioned(raw) => {
                    vandalize(&raw mut (*raw).dl_tensor, input);
                    (*raw).flags = u64::from(input.byte());
                    (*raw).version.minor = u32::from(input.byte());
                }
                Seen::Legacy(raw) => vandalize(&raw mut (*raw).dl_tensor, input),
            }
        }
    }

    fn step(&mut self, input: &mut Input<'_>, live: Live, model: Model) {
        match live {
            Live::Versioned(tensor) => self.versioned(input, tensor, model),
            Live::Legacy(tensor) => self.legacy(input, tensor, model),
            Live::Frozen(tensor) => self.frozen(input, tensor, model),
            Live::FrozenLegacy(tensor) => match input.below(3) {
                0 => drop(tensor),
                1 => self.push(Live::Legacy(tensor.into_inner()), model),
                _ => {
                    self.copy(input, &tensor, &model, Live::FrozenLegacy).push(self, tensor, model)
                }
            },
            Live::Exclusive(tensor) => self.exclusive(input, tensor, model),
            Live::ExclusiveLegacy(mut tensor) => match input.below(4) {
                0 => drop(tensor),
                1 => self.push(Live::Legacy(tensor.into_inner()), model),
                2 => self.push(Live::FrozenLegacy(tensor.freeze()), model),
                _ => {
                    self.write(input, &model, |value| fill(&mut tensor, value));
                    self.push(Live::ExclusiveLegacy(tensor), model);
                }
            },
            Live::Uninit(tensor) => self.uninit(input, tensor, model),
            Live::Opaque(tensor) => self.opaque(input, tensor, model),
            Live::OpaqueLegacy(tensor) => match input.below(3) {
                0 => drop(tensor),
                _ => {
                    let raw = tensor.into_raw();
                    // SAFETY: a struct of this crate holds the contract.
                    let tensor = unsafe { Legacy::from_raw(raw) }.expect("a valid tensor");
                    self.push(Live::Legacy(tensor), imported(model, Seen::Legacy(raw)));
                }
            },
            Live::Shared(tensor) => self.shared(input, tensor, model),
            Live::SharedLegacy(tensor) => match input.below(3) {
                0 => drop(tensor),
                1 => match Arc::try_unwrap(tensor) {
                    Ok(tensor) => self.push(Live::Legacy(tensor), model),
                    Err(tensor) => self.push(Live::SharedLegacy(tensor), model),
                },
                _ => {
                    let granted = self.granted(input);
                    let (child, refused) = refusing(granted, || tensor.share());
                    self.child(child, refused, inherits(&model, false), Live::Versioned);
                    self.push(Live::SharedLegacy(tensor), model);
                }
            },
            Live::SharedFrozen(tensor) => self.shared_frozen(input, tensor, model),
            Live::Bytes(slice) => match input.below(2) {
                0 => drop(slice),
                _ => self.push(Live::Frozen(slice.into_inner()), model),
            },
            Live::Numbers(mut slice) => match input.below(3) {
                0 => drop(slice),
                1 => self.push(Live::Exclusive(slice.into_inner()), model),
                _ => {
                    self.write(input, &model, |value| {
                        slice.fill(u32::from_ne_bytes([value; 4]));
                        true
                    });
                    self.push(Live::Numbers(slice), model);
                }
            },
            Live::Answer(answer) => {
                let raw = answer.tensor;
                // SAFETY: the answer's tensor is taken once.
                match unsafe { answer.take() }.expect("a tensor") {
                    AnyManagedTensor::Versioned(tensor) => {
                        self.push(
                            Live::Versioned(tensor),
                            imported(model, Seen::Versioned(raw.cast())),
                        );
                    }
                    AnyManagedTensor::Legacy(tensor) => {
                        self.push(Live::Legacy(tensor), imported(model, Seen::Legacy(raw.cast())));
                    }
                    _ => unreachable!("two ABIs"),
                }
            }
            Live::Object(object) => self.object(input, object, model),
        }
    }
}

/// Puts a frozen tensor back.
struct Back<O>(fn(Frozen<O>) -> Live);

impl<O> Back<O> {
    fn push(self, world: &mut World, tensor: Frozen<O>, model: Model) {
        world.push(self.0(tensor), model);
    }
}

/// Writes what a consumer may write.
///
/// # Safety
///
/// The struct and its arrays are live.
unsafe fn vandalize(tensor: *mut DLTensor, input: &mut Input<'_>) {
    // SAFETY: the struct and its arrays are live, and nobody else writes them.
    unsafe {
        for axis in 0..usize::try_from((*tensor).ndim).unwrap() {
            (*tensor).shape.add(axis).write(input.number());
            (*tensor).strides.add(axis).write(input.number());
        }
        (*tensor).data = ptr::without_provenance_mut(usize::from(input.byte()));
        (*tensor).byte_offset = u64::from(input.byte());
        (*tensor).ndim = 3;
        (*tensor).shape = ptr::null_mut();
        (*tensor).dtype.bits = input.byte();
    }
}
