//! The model of a tensor after a call.

use core::cell::Cell;
use core::ops::Deref;
use std::rc::Rc;

use dlpack::{Access, DataType, Descriptor, Error, Exclusive};

use super::{Model, Owner, Seen};
use crate::oracle;

pub(super) fn sizes(shape: &[i64]) -> Vec<usize> {
    shape.iter().map(|&size| usize::try_from(size).unwrap()).collect()
}

/// The bytes of the elements, in row-major order, from one whose first byte is `first`.
pub(super) fn places(shape: &[i64], strides: &[i64], first: usize, size: usize) -> Vec<usize> {
    let signed = |n: usize| i128::try_from(n).unwrap();
    let offsets = oracle::offsets(shape, strides);
    let starts = offsets.iter().map(|n| usize::try_from(signed(first) + n * signed(size)).unwrap());
    starts.flat_map(|start| start..start + size).collect()
}

/// The strides as a header of this crate has them.
pub(super) fn canonical(shape: &[i64], strides: &[i64]) -> Vec<i64> {
    let row_major = oracle::row_major(shape);
    let is_empty = shape.contains(&0);
    let axes = shape.iter().zip(strides).zip(row_major);
    axes.map(|((&size, &own), other)| if size == 1 || is_empty { other } else { own }).collect()
}

pub(super) fn access_of(flags: u64) -> Access {
    if flags & 1 != 0 { Access::ReadOnly } else { Access::Writable }
}

/// Why the tensor cannot be put under a legacy header.
pub(super) fn express(model: &Model) -> Option<Error> {
    (model.access == Access::ReadOnly).then_some(Error::ReadOnlyNotExpressible)
}

/// Whether two tensors name the same elements, and the second has no right that the first has not.
pub(super) fn covers(one: &Model, other: &Model) -> bool {
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
pub(super) fn under(model: &Model, from_versioned: bool, flags: u64, access: Access) -> Model {
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
pub(super) fn renewed(model: &Model, flags: u64, access: Access) -> Model {
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
pub(super) fn inherits(model: &Model, frozen: bool) -> Model {
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
pub(super) fn opaque_of(model: &Model) -> Model {
    if model.arrays_hold {
        return model.clone();
    }
    let read_only = u64::from(model.access != Access::Writable);
    let flags = model.flags & 2 | read_only;
    under(model, true, flags, access_of(flags))
}

/// The model of a struct of this crate that was imported.
pub(super) fn imported(model: Model, seen: Seen) -> Model {
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
pub(super) fn fill<O: Deref<Target = Descriptor>>(tensor: &mut Exclusive<O>, value: u8) -> bool {
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
pub(super) fn slice_error(tensor: &Descriptor, model: &Model) -> Option<Error> {
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
