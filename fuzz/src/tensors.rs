//! Sequences of calls of the whole crate on a set of live tensors, whose producers change their arrays in between.
//!
//! Of each tensor a [`Model`] says what must be found in it. It is looked at after each call, in Rust or as C does; at the
//! end everything is dropped, and each owner and each struct must have been deleted once.

use core::cell::{Cell, RefCell};
use core::ffi::c_void;
use core::ops::Deref;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::rc::Rc;
use std::sync::Arc;

use dlpack::allocator::{Allocator, Pool, Slot};
use dlpack::exchange::ExchangeApi;
use dlpack::negotiate::Answer;
use dlpack::sys::{DLManagedTensor, DLManagedTensorVersioned, DLTensor};
use dlpack::{
    Access, AnyManagedTensor, BorrowedTensor, DataType, Descriptor, Device, DeviceType, Element,
    Error, Exclusive, ExclusiveUninit, Exporter, Flags, Frozen, ManagedTensor,
    ManagedTensorVersioned, OpaqueTensor, RejectedError, TensorSlice, TensorView,
};

use crate::failing::refusing;
use crate::input::Input;
use crate::oracle;
use crate::producer::{Allocation, Foreign, Plan, Struct};

/// The library that the documentation of `Library` shows.
#[allow(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    clippy::std_instead_of_core,
    reason = "it is of the documentation"
)]
mod boxes {
    include!("../../dlpack/doc/boxes.rs");
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

    fn create(&mut self, input: &mut Input<'_>) {
        let shape: Vec<i64> = (0..input.below(5)).map(|_| input.size()).collect();
        match input.below(6) {
            0 => self.import(input, shape, false),
            1 | 2 => self.import(input, shape, true),
            3 => self.export_bytes(input, &shape),
            4 => self.export_numbers(input, &shape),
            _ => self.export_raw(input, &shape),
        }
    }

    /// A tensor of a foreign producer.
    fn import(&mut self, input: &mut Input<'_>, shape: Vec<i64>, versioned: bool) {
        let dtypes = [DataType::U8, DataType::U32, DataType::F64, DataType::U8.with_lanes(3)];
        let dtype = input.choose(&dtypes);
        let row_major = oracle::row_major(&shape);
        let strides = match input.below(4) {
            0 | 1 => row_major,
            2 => row_major.iter().map(|stride| -stride).collect(),
            _ => row_major.iter().map(|stride| stride * i64::from(input.byte() % 3)).collect(),
        };
        let verdict = oracle::judge(&shape, &strides, dtype, false).expect("a small tensor");
        let size = usize::try_from(oracle::element_bits(dtype, false) / 8).unwrap();
        let memory =
            Rc::new(Allocation::new(usize::try_from(verdict.end - verdict.start).unwrap(), 0));
        let first = usize::try_from(-verdict.start).unwrap();
        let places = match verdict.numel {
            0 => Vec::new(),
            _ => places(&shape, &strides, first, size),
        };
        let flags = if versioned { input.choose(&[0, 0, 1, 2, 2, 3]) } else { 0 };
        let device = match input.byte() {
            0..220 => Device::CPU,
            _ => Device::new(DeviceType::new(3), 0),
        };
        let offset = usize::from(input.byte() % 3) * 8;
        let changed = Rc::new(Cell::new(false));
        let has_strides = !input.rarely(4) || strides != oracle::row_major(&shape);
        let plan = Plan {
            tensor: DLTensor {
                data: memory.start().wrapping_add(first).wrapping_sub(offset).cast(),
                device: device.into(),
                ndim: i32::try_from(shape.len()).unwrap(),
                dtype: dtype.into(),
                shape: ptr::null_mut(),
                strides: ptr::null_mut(),
                byte_offset: u64::try_from(offset).unwrap(),
            },
            shape: Some(shape.clone()),
            strides: has_strides.then(|| strides.clone()),
            version: (1, u32::from(input.byte() % 4)),
            flags,
            deletes: true,
            skew: 0,
            array_skew: 0,
            memory: Some(Rc::clone(&memory)),
        };
        let access = match (versioned, flags & 1) {
            (false, _) => Access::Unknown,
            (true, 0) => Access::Writable,
            (true, _) => Access::ReadOnly,
        };
        let model = Model {
            store: self.stores.len(),
            places: places.into(),
            shape,
            strides,
            dtype,
            device,
            flags,
            access,
            arrays_hold: false,
            changed: Rc::clone(&changed),
            seen: None,
            owner: Owner::None,
            whole: false,
            host: false,
        };
        let bytes = RefCell::new(
            memory.read(0, memory.len().min(usize::try_from(verdict.end - verdict.start).unwrap())),
        );
        drop(memory);
        let (live, foreign) = if versioned {
            let foreign = Foreign::new(plan);
            // SAFETY: the producer passes the tensor on, and changes its arrays only afterwards. The memory is its own.
            let tensor = unsafe { Versioned::from_raw(foreign.raw) }.expect("a valid tensor");
            (Live::Versioned(tensor), Producer::Versioned(foreign))
        } else {
            let foreign = Foreign::new(plan);
            // SAFETY: as above.
            let tensor = unsafe { Legacy::from_raw(foreign.raw) }.expect("a valid tensor");
            (Live::Legacy(tensor), Producer::Legacy(foreign))
        };
        self.stores.push(Store { bytes, dropped: Arc::default(), foreign: Some(foreign), changed });
        self.push(live, model);
    }

    /// A new store of Rust's, and a model of a row-major tensor in it.
    fn store(
        &mut self,
        bytes: Vec<u8>,
        shape: &[i64],
        offset: usize,
        dtype: DataType,
    ) -> (Life, Model) {
        let dropped = Arc::<AtomicU32>::default();
        let life = Life(Arc::clone(&dropped));
        let size = usize::try_from(oracle::element_bits(dtype, false) / 8).unwrap();
        let strides = oracle::row_major(shape);
        let places = if shape.contains(&0) {
            Vec::new()
        } else {
            places(shape, &strides, offset * size, size)
        };
        let whole = offset == 0 && places.len() == bytes.len();
        let changed = Rc::new(Cell::new(false));
        let store = Store {
            bytes: RefCell::new(bytes),
            dropped,
            foreign: None,
            changed: Rc::clone(&changed),
        };
        self.stores.push(store);
        let model = Model {
            store: self.stores.len() - 1,
            places: places.into(),
            shape: shape.to_vec(),
            strides,
            dtype,
            device: Device::CPU,
            flags: 0,
            access: Access::Writable,
            arrays_hold: true,
            changed: Rc::new(Cell::new(false)),
            seen: None,
            owner: Owner::None,
            whole,
            host: false,
        };
        (life, model)
    }

    fn export_bytes(&mut self, input: &mut Input<'_>, shape: &[i64]) {
        let numel = usize::try_from(shape.iter().product::<i64>()).unwrap();
        let (offset, rest) = (input.below(3), input.below(2));
        let bytes: Vec<u8> =
            (0..offset + numel + rest).map(|n| u8::try_from(n % 251).unwrap()).collect();
        let (life, mut model) = self.store(bytes.clone(), shape, offset, DataType::U8);
        model.owner = Owner::Bytes;
        let owner = Elements { elements: bytes, _life: life };
        let sizes = sizes(shape);
        let granted = self.granted(input);
        match input.below(6) {
            0 => {
                let exporter = Exporter::new(owner).shape(&sizes).offset(offset);
                let (built, refused) = refusing(granted, || exporter.build());
                if let Some(tensor) = self.built(built, refused, &model) {
                    self.push(Live::Exclusive(tensor), model);
                }
            }
            1 => {
                let exporter = Exporter::shared(owner).shape(&sizes).offset(offset);
                let (built, refused) = refusing(granted, || exporter.build());
                (model.flags, model.access) = (1, Access::ReadOnly);
                if let Some(tensor) = self.built(built, refused, &model) {
                    self.push(Live::Frozen(tensor), model);
                }
            }
            2 => {
                let exporter = Exporter::of_mut(owner, |owner| &mut owner.elements[..]);
                let exporter =
                    exporter.shape(&sizes).offset(offset).header_in(Arc::clone(&self.pool));
                let (built, refused) = refusing(granted, || exporter.build_legacy());
                // What does not fit in the pool goes to the heap.
                if let Some(tensor) = self.built(built, refused, &model) {
                    self.push(Live::ExclusiveLegacy(tensor), model);
                }
            }
            3 => {
                let exporter = Exporter::of(owner, |owner| &owner.elements[..]);
                let (built, refused) =
                    refusing(granted, || exporter.shape(&sizes).offset(offset).into_opaque());
                (model.flags, model.access) = (1, Access::ReadOnly);
                if let Some(tensor) = self.built(built, refused, &model) {
                    self.push(Live::Opaque(tensor), model);
                }
            }
            4 => {
                let free = SLOT.is_free();
                let exporter = Exporter::new(owner).shape(&sizes).offset(offset).copied();
                match exporter.header_in(&SLOT).build() {
                    Ok(tensor) => {
                        assert!(free);
                        model.flags = 2;
                        self.push(Live::Exclusive(tensor), model);
                    }
                    Err(rejected) => {
                        assert!(!free && rejected.error() == Error::AllocationFailed);
                        assert_eq!(
                            rejected.into_inner().elements,
                            *self.stores[model.store].bytes.borrow()
                        );
                    }
                }
            }
            _ => {
                let exporter = Exporter::new(owner).shape(&sizes).header_in(Refuses);
                let rejected = exporter.build().expect_err("no room");
                assert_eq!(rejected.error(), Error::AllocationFailed);
                drop(rejected.into_inner());
            }
        }
    }

    /// The tensor that was built, if it was; an owner comes back as it was.
    fn built<T, U: Element + core::fmt::Debug>(
        &self,
        built: Result<T, RejectedError<Elements<U>>>,
        refused: bool,
        model: &Model,
    ) -> Option<T> {
        match built {
            Ok(tensor) => {
                assert!(!refused);
                Some(tensor)
            }
            Err(rejected) => {
                assert!(refused && rejected.error() == Error::AllocationFailed);
                let owner = rejected.into_inner();
                let count = owner.elements.len() * size_of::<U>();
                assert_eq!(count, self.stores[model.store].bytes.borrow().len());
                None
            }
        }
    }

    fn export_numbers(&mut self, input: &mut Input<'_>, shape: &[i64]) {
        let numel = usize::try_from(shape.iter().product::<i64>()).unwrap();
        let elements: Vec<u32> =
            (0..numel).map(|n| u32::try_from(n.wrapping_mul(0x0101_0301)).unwrap_or(7)).collect();
        let bytes = elements.iter().flat_map(|n| n.to_ne_bytes()).collect();
        let (life, mut model) = self.store(bytes, shape, 0, DataType::U32);
        model.owner = Owner::Numbers;
        let owner = Elements { elements, _life: life };
        let sizes = sizes(shape);
        let granted = self.granted(input);
        let exporter = Exporter::new(owner).shape(&sizes);
        if input.rarely(3) {
            let (built, refused) = refusing(granted, || exporter.copied().build());
            model.flags = 2;
            if let Some(tensor) = self.built(built, refused, &model) {
                self.push(Live::Exclusive(tensor), model);
            }
        } else {
            let (built, refused) = refusing(granted, || exporter.read_only().build());
            (model.flags, model.access) = (1, Access::ReadOnly);
            if let Some(tensor) = self.built(built, refused, &model) {
                self.push(Live::Exclusive(tensor), model);
            }
        }
    }

    fn export_raw(&mut self, input: &mut Input<'_>, shape: &[i64]) {
        let dtype = input.choose(&[DataType::U8, DataType::U32, DataType::F64]);
        let size = dtype.itemsize().unwrap();
        let numel = usize::try_from(shape.iter().product::<i64>()).unwrap();
        let memory = Allocation::new(numel * size, 0);
        let bytes = memory.read(0, numel * size);
        let (life, mut model) = self.store(bytes, shape, 0, dtype);
        model.owner = Owner::Raw;
        let (data, sizes) = (memory.start().cast(), sizes(shape));
        let owner = Raw { memory, _life: life };
        // SAFETY: the memory is the owner's, initialised, and nobody else's.
        let exporter = unsafe { Exporter::from_raw_parts(owner, data, numel * size, Device::CPU) };
        let exporter = exporter.dtype(dtype).shape(&sizes);
        let granted = self.granted(input);
        let (built, refused) = refusing(granted, || exporter.build());
        match built {
            Ok(tensor) => self.push(Live::Versioned(tensor), model),
            Err(rejected) => {
                assert!(refused && rejected.error() == Error::AllocationFailed);
                drop(rejected.into_inner());
            }
        }
    }

    /// What an allocation that fails leaves: the tensor as it was.
    fn rejected<T>(
        &mut self,
        rejected: RejectedError<T>,
        refused: bool,
        model: Model,
        live: impl FnOnce(T) -> Live,
    ) {
        let error = rejected.error();
        assert_eq!((error, refused), (Error::AllocationFailed, true), "{model:?}");
        self.push(live(rejected.into_inner()), model);
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

    fn versioned(&mut self, input: &mut Input<'_>, tensor: Versioned, model: Model) {
        let granted = self.granted(input);
        match input.below(16) {
            0 => drop(tensor),
            1 => {
                let expected = express(&model);
                let (converted, refused) = refusing(granted, || tensor.into_legacy());
                match converted {
                    Ok(tensor) => {
                        assert_eq!((expected, refused), (None, false));
                        let new = under(&model, true, 0, Access::Writable);
                        self.push(Live::Legacy(tensor), new);
                    }
                    Err(rejected) if expected.is_some() => {
                        assert_eq!(Some(rejected.error()), expected);
                        self.push(Live::Versioned(rejected.into_inner()), model);
                    }
                    Err(rejected) => self.rejected(rejected, refused, model, Live::Versioned),
                }
            }
            2 | 3 => {
                let (opaque, refused) = refusing(granted, || tensor.into_opaque());
                match opaque {
                    Ok(tensor) => {
                        assert!(!refused);
                        self.push(Live::Opaque(tensor), opaque_of(&model));
                    }
                    Err(rejected) => self.rejected(rejected, refused, model, Live::Versioned),
                }
            }
            4 => {
                if model.changed.get() {
                    // Its arrays are gone, so that nobody may import it again.
                    let raw = tensor.into_raw();
                    // SAFETY: the tensor was passed on.
                    unsafe { DLManagedTensorVersioned::delete(raw) };
                    return;
                }
                let raw = tensor.into_raw();
                // SAFETY: the producer's arrays still hold, or the struct is of this crate.
                let tensor = unsafe { Versioned::from_raw(raw) }.expect("a valid tensor");
                assert_eq!(tensor.as_raw(), raw);
                let new = if model.arrays_hold {
                    imported(model, Seen::Versioned(raw))
                } else {
                    Model { access: access_of(model.flags), ..model }
                };
                self.push(Live::Versioned(tensor), new);
            }
            5 => self.push(Live::Shared(Arc::new(tensor)), model),
            6 => {
                // SAFETY: initialised, and nobody writes: whoever could write is alone.
                let tensor = unsafe { tensor.assume_frozen() };
                self.push(Live::Frozen(tensor), model);
            }
            7 | 8 => {
                if self.users(model.store) > 0 {
                    return self.push(Live::Versioned(tensor), model);
                }
                // SAFETY: there is no other tensor in this store.
                let tensor = unsafe { tensor.assume_exclusive() };
                self.push(Live::Exclusive(tensor), model);
            }
            9 => match tensor.try_exclusive() {
                Ok(tensor) => {
                    assert!(model.flags & 2 != 0 && model.access == Access::Writable);
                    self.push(Live::Uninit(tensor), model);
                }
                Err(rejected) => {
                    let expected =
                        if model.flags & 2 == 0 { Error::NotExclusive } else { Error::ReadOnly };
                    assert_eq!(rejected.error(), expected);
                    assert!(model.flags & 2 == 0 || model.access != Access::Writable);
                    self.push(Live::Versioned(rejected.into_inner()), model);
                }
            },
            10 => self.downcast(input, tensor, model),
            11 => {
                let (answer, refused) = refusing(granted, || Answer::new(Ok(tensor.into())));
                if refused {
                    assert_eq!(answer.status, dlpack::negotiate::Status::NO_MEMORY);
                } else {
                    assert_eq!((answer.status.code(), answer.abi), (0, Answer::VERSIONED));
                    self.push(Live::Answer(answer), opaque_of(&model));
                }
            }
            12 => {
                let copy = tensor.to_borrowed().expect("memory");
                self.look(&copy, &model);
                drop(copy);
                self.push(Live::Versioned(tensor), model);
            }
            13 => {
                if let Some(whole) = tensor.shared() {
                    let Owner::Shared(of, _) = &model.owner else { panic!("no share: {model:?}") };
                    assert!(!model.arrays_hold && covers(of, &model) && covers(&model, of));
                    self.look(&whole, of);
                    // It is one more user of the store for a moment only.
                    drop(whole);
                }
                self.push(Live::Versioned(tensor), model);
            }
            14 => {
                let any = AnyManagedTensor::from(tensor).into_versioned().expect("it is one");
                self.push(Live::Versioned(any), model);
            }
            _ => {
                // SAFETY: all memory of this world can be written.
                let tensor = unsafe { tensor.assume_writable() };
                self.push(Live::Versioned(tensor), Model { access: Access::Writable, ..model });
            }
        }
    }

    fn legacy(&mut self, input: &mut Input<'_>, tensor: Legacy, model: Model) {
        let granted = self.granted(input);
        match input.below(9) {
            0 => drop(tensor),
            1 | 2 => {
                let flags = u64::from(model.access != Access::Writable);
                let (converted, refused) = refusing(granted, || tensor.into_versioned());
                match converted {
                    Ok(tensor) => {
                        assert!(!refused);
                        let new = under(&model, false, flags, access_of(flags));
                        self.push(Live::Versioned(tensor), new);
                    }
                    Err(rejected) => self.rejected(rejected, refused, model, Live::Legacy),
                }
            }
            3 => {
                let (opaque, refused) = refusing(granted, || tensor.into_opaque());
                match opaque {
                    Ok(tensor) => {
                        assert!(!refused);
                        let new = if model.arrays_hold {
                            model
                        } else {
                            under(&model, false, 0, Access::Writable)
                        };
                        self.push(Live::OpaqueLegacy(tensor), new);
                    }
                    Err(rejected) => self.rejected(rejected, refused, model, Live::Legacy),
                }
            }
            4 => self.push(Live::SharedLegacy(Arc::new(tensor)), model),
            5 => {
                // SAFETY: as above.
                let tensor = unsafe { tensor.assume_frozen() };
                self.push(Live::FrozenLegacy(tensor), model);
            }
            6 => {
                if self.users(model.store) > 0 {
                    return self.push(Live::Legacy(tensor), model);
                }
                // SAFETY: there is no other tensor in this store, whose memory can be written.
                let tensor = unsafe { tensor.assume_exclusive() };
                let access = match model.access {
                    Access::Unknown => Access::Writable,
                    access => access,
                };
                self.push(Live::ExclusiveLegacy(tensor), Model { access, ..model });
            }
            7 => match tensor.downcast::<Versioned>() {
                Ok(tensor) => {
                    let Owner::Versioned(before) = model.owner else {
                        panic!("no such owner: {model:?}")
                    };
                    self.push(Live::Versioned(tensor), *before);
                }
                Err(tensor) => {
                    assert!(!matches!(model.owner, Owner::Versioned(_)));
                    self.push(Live::Legacy(tensor), model);
                }
            },
            _ => {
                let (answer, refused) = refusing(granted, || Answer::new(Ok(tensor.into())));
                if refused {
                    assert_eq!(answer.status, dlpack::negotiate::Status::NO_MEMORY);
                } else {
                    assert_eq!((answer.status.code(), answer.abi), (0, Answer::LEGACY));
                    let new = if model.arrays_hold {
                        model
                    } else {
                        under(&model, false, 0, Access::Writable)
                    };
                    self.push(Live::Answer(answer), new);
                }
            }
        }
    }

    fn frozen(&mut self, input: &mut Input<'_>, tensor: Frozen<Versioned>, model: Model) {
        match input.below(7) {
            0 => drop(tensor),
            1 => self.push(Live::Versioned(tensor.into_inner()), model),
            2 | 3 => self.push(Live::SharedFrozen(Arc::new(tensor)), model),
            4 => {
                let contiguous = tensor.is_contiguous();
                match tensor.into_bytes() {
                    Ok(slice) => {
                        assert!(contiguous);
                        self.push(Live::Bytes(slice), model);
                    }
                    Err(rejected) => {
                        assert_eq!((rejected.error(), contiguous), (Error::NotContiguous, false));
                        self.push(Live::Frozen(rejected.into_inner()), model);
                    }
                }
            }
            5 => {
                #[cfg(feature = "types")]
                if tensor.is_contiguous() {
                    let expected = self.expected(&model);
                    let bytes = bytes::Bytes::try_from(tensor).expect("contiguous");
                    let part = bytes.slice(bytes.len() / 2..);
                    drop(bytes);
                    assert_eq!(part, expected[expected.len() / 2..]);
                    return;
                }
                self.push(Live::Frozen(tensor), model);
            }
            _ => self.copy(input, &tensor, &model, Live::Frozen).push(self, tensor, model),
        }
    }

    /// A copy of a frozen tensor.
    fn copy<O: Deref<Target = Descriptor>>(
        &mut self,
        input: &mut Input<'_>,
        tensor: &Frozen<O>,
        model: &Model,
        back: fn(Frozen<O>) -> Live,
    ) -> Back<O> {
        let granted = self.granted(input);
        let (copy, refused) = refusing(granted, || tensor.to_copy());
        match copy {
            Ok(copy) => {
                assert!(!refused);
                let bytes = self.expected(model);
                let (life, mut new) = self.store(bytes, &model.shape, 0, model.dtype);
                // The copy's owner is the crate's own.
                drop(life);
                new.flags = 2;
                self.push(Live::Exclusive(copy), new);
            }
            Err(error) => assert_eq!((error, refused), (Error::AllocationFailed, true)),
        }
        Back(back)
    }

    fn exclusive(&mut self, input: &mut Input<'_>, mut tensor: Exclusive<Versioned>, model: Model) {
        match input.below(7) {
            0 => drop(tensor),
            1 => self.push(Live::Versioned(tensor.into_inner()), model),
            2 => self.push(Live::Frozen(tensor.freeze()), model),
            3 => {
                let expected = slice_error(&tensor, &model);
                match tensor.into_slice::<u32>() {
                    Ok(slice) => {
                        assert_eq!(expected, None);
                        self.push(Live::Numbers(slice), model);
                    }
                    Err(rejected) => {
                        assert_eq!(Some(rejected.error()), expected);
                        self.push(Live::Exclusive(rejected.into_inner()), model);
                    }
                }
            }
            4 => match tensor.downcast::<Elements<u8>>() {
                Ok(owner) => {
                    assert!(matches!(model.owner, Owner::Bytes) && model.whole);
                    assert_eq!(owner.elements, *self.stores[model.store].bytes.borrow());
                }
                Err(tensor) => {
                    assert!(!matches!(model.owner, Owner::Bytes) || !model.whole);
                    self.push(Live::Exclusive(tensor), model);
                }
            },
            _ => {
                self.write(input, &model, |value| fill(&mut tensor, value));
                self.push(Live::Exclusive(tensor), model);
            }
        }
    }

    fn uninit(&mut self, input: &mut Input<'_>, tensor: ExclusiveUninit<Versioned>, model: Model) {
        match input.below(4) {
            0 => drop(tensor),
            1 => self.push(Live::Versioned(tensor.into_inner()), model),
            2 => {
                // SAFETY: all memory of this world is initialised.
                let tensor = unsafe { tensor.assume_init() };
                self.push(Live::Exclusive(tensor), model);
            }
            _ => {
                let value = input.byte();
                let filled = match model.dtype {
                    DataType::U8 => tensor.fill(value),
                    DataType::U32 => tensor.fill(u32::from_ne_bytes([value; 4])),
                    _ => tensor.fill(f64::from_ne_bytes([value; 8])),
                };
                let typed = [DataType::U8, DataType::U32, DataType::F64].contains(&model.dtype);
                let disjoint = oracle::nests(&model.shape, &model.strides);
                match filled {
                    Ok(tensor) => {
                        assert!(typed && disjoint);
                        self.wrote(&model, value);
                        self.push(Live::Exclusive(tensor), model);
                    }
                    Err(rejected) => {
                        match rejected.error() {
                            Error::DTypeMismatch { .. } => assert!(!typed),
                            error => assert_eq!((error, disjoint), (Error::Overlapping, false)),
                        }
                        self.push(Live::Uninit(rejected.into_inner()), model);
                    }
                }
            }
        }
    }

    fn opaque(&mut self, input: &mut Input<'_>, tensor: OpaqueTensor, model: Model) {
        assert_eq!((tensor.dtype(), tensor.device()), (model.dtype, model.device.canonical()));
        assert_eq!(tensor.flags().bits() & 7, model.flags);
        let granted = self.granted(input);
        match input.below(6) {
            0 => drop(tensor),
            1 => {
                let read_only = model.flags & 1 != 0;
                let (converted, refused) = refusing(granted, || tensor.into_legacy());
                match converted {
                    Ok(tensor) => {
                        assert!(!read_only && !refused);
                        let new = Model {
                            flags: 0,
                            access: Access::Writable,
                            owner: Owner::None,
                            arrays_hold: false,
                            seen: None,
                            ..model
                        };
                        self.push(Live::OpaqueLegacy(tensor), new);
                    }
                    Err(rejected) if read_only => {
                        assert_eq!(rejected.error(), Error::ReadOnlyNotExpressible);
                        self.push(Live::Opaque(rejected.into_inner()), model);
                    }
                    Err(rejected) => self.rejected(rejected, refused, model, Live::Opaque),
                }
            }
            2 => {
                // SAFETY: the library can be called on any thread.
                let object = unsafe { boxes_api().object_from_tensor(tensor) };
                let object = object.expect("the library accepts");
                self.push(
                    Live::Object(object),
                    Model {
                        access: access_of(model.flags),
                        arrays_hold: false,
                        host: false,
                        ..model
                    },
                );
            }
            3 => {
                let raw = tensor.as_raw();
                // SAFETY: nobody has written the struct.
                let tensor = unsafe { tensor.into_managed() }.expect("a valid tensor");
                self.push(Live::Versioned(tensor), imported(model, Seen::Versioned(raw)));
            }
            _ => {
                let raw = tensor.into_raw();
                // SAFETY: a struct of this crate holds the contract.
                let tensor = unsafe { Versioned::from_raw(raw) }.expect("a valid tensor");
                self.push(Live::Versioned(tensor), imported(model, Seen::Versioned(raw)));
            }
        }
    }

    fn shared(&mut self, input: &mut Input<'_>, tensor: Arc<Versioned>, model: Model) {
        let granted = self.granted(input);
        match input.below(6) {
            0 => drop(tensor),
            1 => match Arc::try_unwrap(tensor) {
                Ok(tensor) => self.push(Live::Versioned(tensor), model),
                Err(tensor) => self.push(Live::Shared(tensor), model),
            },
            2 => {
                let other = Arc::clone(&tensor);
                self.push(Live::Shared(other), model.clone());
                self.push(Live::Shared(tensor), model);
            }
            3 => {
                let (child, refused) = refusing(granted, || tensor.share_opaque());
                self.child(child, refused, inherits(&model, false), Live::Opaque);
                self.push(Live::Shared(tensor), model);
            }
            _ => {
                let (child, refused) = refusing(granted, || tensor.share());
                self.child(child, refused, inherits(&model, false), Live::Versioned);
                self.push(Live::Shared(tensor), model);
            }
        }
    }

    fn child<T>(
        &mut self,
        child: Result<T, Error>,
        refused: bool,
        model: Model,
        live: fn(T) -> Live,
    ) {
        match child {
            Ok(tensor) => {
                assert!(!refused);
                self.push(live(tensor), model);
            }
            Err(error) => assert_eq!((error, refused), (Error::AllocationFailed, true)),
        }
    }

    fn shared_frozen(
        &mut self,
        input: &mut Input<'_>,
        tensor: Arc<Frozen<Versioned>>,
        model: Model,
    ) {
        let granted = self.granted(input);
        match input.below(5) {
            0 => drop(tensor),
            1 => match Arc::try_unwrap(tensor) {
                Ok(tensor) => self.push(Live::Frozen(tensor), model),
                Err(tensor) => self.push(Live::SharedFrozen(tensor), model),
            },
            2 => {
                let (child, refused) = refusing(granted, || tensor.share());
                self.child(child, refused, inherits(&model, true), Live::Frozen);
                self.push(Live::SharedFrozen(tensor), model);
            }
            _ => {
                let axis = input.below(model.shape.len().max(1));
                let (ops, from) = (input.below(4), input.below(4));
                match model.dtype {
                    DataType::U8 => self.part::<u8>(&tensor, &model, (axis, ops, from), granted),
                    DataType::U32 => self.part::<u32>(&tensor, &model, (axis, ops, from), granted),
                    DataType::F64 => self.part::<f64>(&tensor, &model, (axis, ops, from), granted),
                    _ => {}
                }
                self.push(Live::SharedFrozen(tensor), model);
            }
        }
    }

    /// A part of a frozen tensor.
    fn part<T: Element>(
        &mut self,
        tensor: &Arc<Frozen<Versioned>>,
        model: &Model,
        how: (usize, usize, usize),
        granted: Option<u32>,
    ) {
        fn choose<'v, T>(
            view: &TensorView<'v, T>,
            (axis, op, from): (usize, usize, usize),
        ) -> Result<TensorView<'v, T>, Error> {
            match op {
                0 => view.select(axis, from),
                1 => view.slice(axis, from..),
                2 => view.flip(axis)?.step_by(axis, from + 1),
                _ => Ok(view.transpose()),
            }
        }
        let mut chosen = None;
        let (child, refused) =
            refusing(granted, || tensor.share_view::<T>(|view| choose(&view, how)));
        if let Ok(view) = choose(&tensor.view::<T>().expect("the dtype of the tensor"), how) {
            // Places of elements, from their addresses.
            let first = tensor.view::<T>().expect("the same").as_ptr();
            let size = size_of::<T>();
            let start = model.places.first().copied().unwrap_or(0);
            let mut places = Vec::new();
            for element in view.iter() {
                let distance = ptr::from_ref(element).addr().wrapping_sub(first.addr());
                let at = start.wrapping_add(distance);
                places.extend(at..at + size);
            }
            let shape: Vec<i64> = view.shape().iter().map(|&n| i64::try_from(n).unwrap()).collect();
            let steps: Vec<i64> =
                view.strides().iter().map(|&n| i64::try_from(n).unwrap()).collect();
            let strides = canonical(&shape, &steps);
            chosen = Some(Model {
                places: places.into(),
                shape,
                strides,
                device: Device::CPU,
                host: true,
                ..inherits(model, true)
            });
        }
        match (child, chosen) {
            (Ok(child), Some(chosen)) => {
                assert!(!refused);
                // Of the device of the whole, as far as it is one of main memory.
                let device = child.device();
                assert_eq!(device, Device { device_id: device.device_id, ..child.device() });
                self.push(Live::Frozen(child), Model { device, ..chosen });
            }
            (Err(error), _) if refused => assert_eq!(error, Error::AllocationFailed),
            (Err(_), None) => {}
            (child, chosen) => panic!("{:?} instead of {chosen:?}", child.map(drop)),
        }
    }

    fn object(&mut self, input: &mut Input<'_>, object: NonNull<c_void>, model: Model) {
        let api = boxes_api();
        let granted = self.granted(input);
        match input.below(4) {
            0 => {
                // SAFETY: an object of the library, which is not used again.
                return unsafe { boxes::release(object) };
            }
            1 => {
                let read_only = model.flags & 1 != 0;
                let look = |lent: BorrowedTensor<'_>| {
                    assert_eq!(lent.shape(), model.shape);
                    self.contents(&lent, &model);
                };
                // SAFETY: an object of the library; nothing moves its memory.
                let looked = unsafe { api.with_object(object.as_ptr(), look) };
                assert_eq!(looked.is_ok(), !read_only);
            }
            _ => {
                // SAFETY: an object of the library, which can be called on any thread.
                let (tensor, refused) =
                    refusing(granted, || unsafe { api.tensor_from_object(object.as_ptr()) });
                match tensor {
                    Ok(tensor) => {
                        assert!(!refused);
                        let raw = tensor.as_raw();
                        let new = imported(inherits(&model, false), Seen::Versioned(raw));
                        self.push(Live::Versioned(tensor), new);
                    }
                    Err(error) => {
                        assert!(refused && matches!(error, Error::CallFailed { code: -1, .. }));
                    }
                }
            }
        }
        self.push(Live::Object(object), model);
    }

    /// Takes the owner out again, whatever it is.
    fn downcast(&mut self, input: &mut Input<'_>, tensor: Versioned, model: Model) {
        let tensor = match tensor.downcast::<Legacy>() {
            Ok(before) => {
                let Owner::Legacy(model) = model.owner else { panic!("no such owner: {model:?}") };
                return self.push(Live::Legacy(before), *model);
            }
            Err(tensor) => tensor,
        };
        assert!(!matches!(model.owner, Owner::Legacy(_)));
        let tensor = match tensor.downcast::<Versioned>() {
            Ok(before) => {
                let Owner::Versioned(model) = model.owner else {
                    panic!("no such owner: {model:?}")
                };
                return self.push(Live::Versioned(before), *model);
            }
            Err(tensor) => tensor,
        };
        assert!(!matches!(model.owner, Owner::Versioned(_)));
        if input.rarely(2) {
            return self.push(Live::Versioned(tensor), model);
        }
        let expected = self.stores[model.store].bytes.borrow().clone();
        let is_bytes = matches!(model.owner, Owner::Bytes);
        let tensor = match tensor.downcast::<Elements<u8>>() {
            Ok(owner) => {
                assert!(is_bytes && model.whole);
                return assert_eq!(owner.elements, expected);
            }
            Err(tensor) => tensor,
        };
        assert!(!is_bytes || !model.whole);
        let tensor = match tensor.into_owner::<Elements<u8>>() {
            Ok(owner) => {
                assert!(is_bytes);
                return assert_eq!(owner.elements, expected);
            }
            Err(tensor) => tensor,
        };
        assert!(!is_bytes);
        let is_raw = matches!(model.owner, Owner::Raw);
        match tensor.into_owner::<Raw>() {
            Ok(owner) => {
                assert!(is_raw);
                assert_eq!(owner.memory.read(0, expected.len()), expected);
            }
            Err(tensor) => {
                assert!(!is_raw);
                self.push(Live::Versioned(tensor), model);
            }
        }
    }

    /// Writes one value into each element, if the tensor is one that can be written.
    fn write(&self, input: &mut Input<'_>, model: &Model, call: impl FnOnce(u8) -> bool) {
        let value = input.byte();
        let writable = model.access == Access::Writable
            && oracle::nests(&model.shape, &model.strides)
            && [DataType::U8, DataType::U32, DataType::F64].contains(&model.dtype);
        assert_eq!(call(value), writable, "{model:?}");
        if writable {
            self.wrote(model, value);
        }
    }

    fn wrote(&self, model: &Model, value: u8) {
        let mut bytes = self.stores[model.store].bytes.borrow_mut();
        model.places.iter().for_each(|&place| bytes[place] = value);
    }

    fn expected(&self, model: &Model) -> Vec<u8> {
        let bytes = self.stores[model.store].bytes.borrow();
        model.places.iter().map(|&place| bytes[place]).collect()
    }

    fn check(&self, live: &Live, model: &Model) {
        match live {
            Live::Opaque(tensor) => {
                // SAFETY: a live struct, whose arrays hold.
                let lent = unsafe { &raw const (*tensor.as_raw()).dl_tensor };
                self.as_c(lent, model);
            }
            Live::OpaqueLegacy(tensor) => {
                // SAFETY: a live struct, whose arrays hold.
                let lent = unsafe { &raw const (*tensor.as_raw()).dl_tensor };
                self.as_c(lent, model);
            }
            Live::Answer(answer) => {
                // SAFETY: a live struct of this ABI, whose arrays hold.
                let lent = unsafe {
                    match answer.abi {
                        Answer::LEGACY => {
                            &raw const (*answer.tensor.cast::<DLManagedTensor>()).dl_tensor
                        }
                        _ => {
                            &raw const (*answer.tensor.cast::<DLManagedTensorVersioned>()).dl_tensor
                        }
                    }
                };
                self.as_c(lent, model);
            }
            Live::Bytes(slice) => assert_eq!(slice[..], self.expected(model)),
            Live::Numbers(slice) => {
                let found: Vec<u8> = slice.iter().flat_map(|n| n.to_ne_bytes()).collect();
                assert_eq!(found, self.expected(model));
            }
            Live::Object(_) => {}
            live => self.look(live.descriptor().expect("a tensor"), model),
        }
    }

    /// What Rust finds.
    fn look(&self, tensor: &Descriptor, model: &Model) {
        assert_eq!(tensor.shape(), model.shape);
        assert_eq!(
            canonical(tensor.shape(), tensor.strides()),
            canonical(&model.shape, &model.strides)
        );
        assert_eq!(
            (tensor.dtype(), tensor.device().device_type),
            (model.dtype, model.device.device_type)
        );
        assert_eq!(tensor.flags(), Flags::from_bits(model.flags));
        assert_eq!(tensor.access(), model.access, "{model:?}");
        self.contents(tensor, model);
    }

    fn contents(&self, tensor: &Descriptor, model: &Model) {
        let expected = self.expected(model);
        assert_eq!(tensor.nbytes(), expected.len());
        if tensor.is_contiguous() {
            // SAFETY: initialised, and nobody writes it now.
            assert_eq!(unsafe { tensor.as_bytes() }, Ok(&expected[..]));
            return;
        }
        let found: Vec<u8> = match model.dtype {
            // SAFETY: initialised, and nobody writes it now.
            DataType::U8 => unsafe { tensor.view::<u8>() }.expect("bytes").to_vec(),
            DataType::U32 => {
                // SAFETY: initialised, and nobody writes it now.
                let view = unsafe { tensor.view::<u32>() }.expect("numbers");
                view.iter().flat_map(|n| n.to_ne_bytes()).collect()
            }
            DataType::F64 => {
                // SAFETY: initialised, and nobody writes it now.
                let view = unsafe { tensor.view::<f64>() }.expect("numbers");
                view.iter().flat_map(|n| n.to_ne_bytes()).collect()
            }
            _ => return,
        };
        assert_eq!(found, expected);
    }

    /// What C finds, by the struct alone.
    fn as_c(&self, lent: *const DLTensor, model: &Model) {
        // SAFETY: a live struct.
        let tensor = unsafe { lent.read() };
        let ndim = usize::try_from(tensor.ndim).unwrap();
        assert_eq!(ndim, model.shape.len());
        let numbers = |from: *const i64| {
            assert!(!from.is_null());
            // SAFETY: the arrays of the struct hold, and have so many numbers.
            (0..ndim).map(|axis| unsafe { from.add(axis).read() }).collect::<Vec<i64>>()
        };
        let (shape, strides) = (numbers(tensor.shape), numbers(tensor.strides));
        assert_eq!(shape, model.shape);
        assert_eq!(strides, canonical(&model.shape, &model.strides));
        let size = usize::try_from(oracle::element_bits(model.dtype, false) / 8).unwrap();
        let expected = self.expected(model);
        if expected.is_empty() {
            return;
        }
        let first =
            tensor.data.cast::<u8>().wrapping_add(usize::try_from(tensor.byte_offset).unwrap());
        let mut found = Vec::new();
        for offset in oracle::offsets(&shape, &strides) {
            let offset = isize::try_from(offset).unwrap() * isize::try_from(size).unwrap();
            for byte in 0..size {
                // SAFETY: a byte of an element of a live tensor.
                found.push(unsafe { first.wrapping_offset(offset).add(byte).read() });
            }
        }
        assert_eq!(found, expected);
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

fn sizes(shape: &[i64]) -> Vec<usize> {
    shape.iter().map(|&size| usize::try_from(size).unwrap()).collect()
}

/// The bytes of the elements, in row-major order, from one whose first byte is `first`.
fn places(shape: &[i64], strides: &[i64], first: usize, size: usize) -> Vec<usize> {
    let signed = |n: usize| i128::try_from(n).unwrap();
    let offsets = oracle::offsets(shape, strides);
    let starts = offsets.iter().map(|n| usize::try_from(signed(first) + n * signed(size)).unwrap());
    starts.flat_map(|start| start..start + size).collect()
}

/// The strides as a header of this crate has them.
fn canonical(shape: &[i64], strides: &[i64]) -> Vec<i64> {
    let row_major = oracle::row_major(shape);
    let is_empty = shape.contains(&0);
    let axes = shape.iter().zip(strides).zip(row_major);
    axes.map(|((&size, &own), other)| if size == 1 || is_empty { other } else { own }).collect()
}

fn access_of(flags: u64) -> Access {
    if flags & 1 != 0 { Access::ReadOnly } else { Access::Writable }
}

/// Why the tensor cannot be put under a legacy header.
fn express(model: &Model) -> Option<Error> {
    (model.access == Access::ReadOnly).then_some(Error::ReadOnlyNotExpressible)
}

/// Whether two tensors name the same elements, and the second has no right that the first has not.
fn covers(one: &Model, other: &Model) -> bool {
    let rank = |model: &Model| match model.access {
        Access::ReadOnly => 0,
        Access::Unknown => 1,
        _ => 2,
    };
    (one.store, &one.places, one.dtype) == (other.store, &other.places, other.dtype)
        && (&one.shape, &one.strides) == (&other.shape, &other.strides)
        && one.flags | 1 == other.flags | 1
        && rank(one) >= rank(other)
        && one.host >= other.host
        && one.device.canonical() == other.device.canonical()
}

/// The model of a tensor under a header around this one, or around its owner if that has no less rights.
fn under(model: &Model, from_versioned: bool, flags: u64, access: Access) -> Model {
    let owner = match &model.owner {
        Owner::Versioned(before) | Owner::Legacy(before) | Owner::Shared(before, _)
            if covers(before, model) =>
        {
            model.owner.clone()
        }
        _ if from_versioned => Owner::Versioned(Box::new(model.clone())),
        _ => Owner::Legacy(Box::new(model.clone())),
    };
    Model { owner, ..renewed(model, flags, access) }
}

/// The model of a tensor in a new struct.
fn renewed(model: &Model, flags: u64, access: Access) -> Model {
    Model {
        strides: canonical(&model.shape, &model.strides),
        flags,
        access,
        arrays_hold: true,
        changed: Rc::new(Cell::new(false)),
        seen: None,
        owner: Owner::None,
        whole: true,
        device: model.device.canonical(),
        ..model.clone()
    }
}

/// The model of a share, read-only if the tensor is frozen.
fn inherits(model: &Model, frozen: bool) -> Model {
    let flags = u64::from(frozen || model.access != Access::Writable);
    let owner = match &model.owner {
        Owner::Shared(whole, was_frozen)
            if (model.arrays_hold || covers(whole, model))
                && (model.access != Access::Writable || whole.access == Access::Writable)
                && (!frozen || *was_frozen) =>
        {
            Owner::Shared(whole.clone(), *was_frozen)
        }
        _ => Owner::Shared(Box::new(model.clone()), frozen),
    };
    Model { owner, ..renewed(model, flags, access_of(flags)) }
}

/// The model of a tensor that was made ready for a consumer.
fn opaque_of(model: &Model) -> Model {
    if model.arrays_hold {
        return model.clone();
    }
    let read_only = u64::from(model.access != Access::Writable);
    let flags = model.flags & 2 | read_only;
    under(model, true, flags, access_of(flags))
}

/// The model of a struct of this crate that was imported.
fn imported(model: Model, seen: Seen) -> Model {
    let access = match seen {
        Seen::Versioned(_) => access_of(model.flags),
        Seen::Legacy(_) => Access::Unknown,
    };
    Model {
        access,
        arrays_hold: false,
        changed: Rc::new(Cell::new(false)),
        seen: Some(seen),
        host: false,
        ..model
    }
}

/// Fills a tensor of any dtype with one byte, and says whether that was allowed.
fn fill<O: Deref<Target = Descriptor>>(tensor: &mut Exclusive<O>, value: u8) -> bool {
    let done = match tensor.dtype() {
        DataType::U8 => tensor.view_mut::<u8>().map(|mut view| view.fill(value)),
        DataType::U32 => {
            tensor.view_mut::<u32>().map(|mut view| view.fill(u32::from_ne_bytes([value; 4])))
        }
        _ => tensor.view_mut::<f64>().map(|mut view| view.fill(f64::from_ne_bytes([value; 8]))),
    };
    done.is_ok()
}

/// Why the tensor is no slice of numbers.
fn slice_error(tensor: &Descriptor, model: &Model) -> Option<Error> {
    if tensor.dtype() != DataType::U32 {
        return Some(Error::DTypeMismatch { expected: DataType::U32, found: tensor.dtype() });
    }
    if model.access != Access::Writable {
        return Some(Error::ReadOnly);
    }
    if !oracle::nests(&model.shape, &model.strides) {
        return Some(Error::Overlapping);
    }
    (!tensor.is_contiguous()).then_some(Error::NotContiguous)
}
