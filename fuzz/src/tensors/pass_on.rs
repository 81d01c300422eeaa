//! What is done with a tensor, by its type: conversions, shares, parts, and the ways to pass it on.

use core::ffi::c_void;
use core::ops::Deref;
use core::ptr::{self, NonNull};
use std::sync::Arc;

use dlpack::negotiate::Answer;
use dlpack::sys::DLManagedTensorVersioned;
use dlpack::{
    Access, AnyManagedTensor, BorrowedTensor, DataType, Descriptor, Device, Element, Error,
    Exclusive, ExclusiveUninit, Frozen, OpaqueTensor, TensorView,
};

use super::model::{
    access_of, canonical, covers, express, fill, imported, inherits, opaque_of, slice_error, under,
};
use super::{
    Back, Elements, Legacy, Live, Model, Owner, Raw, Seen, Versioned, World, boxes, boxes_api,
};
use crate::failing::refusing;
use crate::input::Input;
use crate::oracle;
use crate::producer::Struct;

impl World {
    pub(super) fn versioned(&mut self, input: &mut Input<'_>, tensor: Versioned, model: Model) {
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

    pub(super) fn legacy(&mut self, input: &mut Input<'_>, tensor: Legacy, model: Model) {
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

    pub(super) fn frozen(
        &mut self,
        input: &mut Input<'_>,
        tensor: Frozen<Versioned>,
        model: Model,
    ) {
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
    pub(super) fn copy<O: Deref<Target = Descriptor>>(
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

    pub(super) fn exclusive(
        &mut self,
        input: &mut Input<'_>,
        mut tensor: Exclusive<Versioned>,
        model: Model,
    ) {
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

    pub(super) fn uninit(
        &mut self,
        input: &mut Input<'_>,
        tensor: ExclusiveUninit<Versioned>,
        model: Model,
    ) {
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

    pub(super) fn opaque(&mut self, input: &mut Input<'_>, tensor: OpaqueTensor, model: Model) {
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

    pub(super) fn shared(&mut self, input: &mut Input<'_>, tensor: Arc<Versioned>, model: Model) {
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

    pub(super) fn child<T>(
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

    pub(super) fn shared_frozen(
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
    pub(super) fn part<T: Element>(
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

    pub(super) fn object(&mut self, input: &mut Input<'_>, object: NonNull<c_void>, model: Model) {
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
    pub(super) fn downcast(&mut self, input: &mut Input<'_>, tensor: Versioned, model: Model) {
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
}
