//! Tensors that come into being: imports of foreign producers, and exports.

use core::cell::{Cell, RefCell};
use core::ptr;
use core::sync::atomic::AtomicU32;
use std::rc::Rc;
use std::sync::Arc;

use dlpack::sys::DLTensor;
use dlpack::{Access, DataType, Device, DeviceType, Element, Error, Exporter, RejectedError};

use super::model::{places, sizes};
use super::{
    Elements, Legacy, Life, Live, Model, Owner, Producer, Raw, Refuses, SLOT, Store, Versioned,
    World,
};
use crate::failing::refusing;
use crate::input::Input;
use crate::oracle;
use crate::producer::{Allocation, Foreign, Plan};

impl World {
    pub(super) fn create(&mut self, input: &mut Input<'_>) {
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
    pub(super) fn import(&mut self, input: &mut Input<'_>, shape: Vec<i64>, versioned: bool) {
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
    pub(super) fn store(
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

    pub(super) fn export_bytes(&mut self, input: &mut Input<'_>, shape: &[i64]) {
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
    pub(super) fn built<T, U: Element + core::fmt::Debug>(
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

    pub(super) fn export_numbers(&mut self, input: &mut Input<'_>, shape: &[i64]) {
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

    pub(super) fn export_raw(&mut self, input: &mut Input<'_>, shape: &[i64]) {
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
    pub(super) fn rejected<T>(
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
}
