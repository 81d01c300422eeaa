//! Memory given out: from an owner to a pointer for C, and the consumer's call of the deleter.

use core::hint::black_box;
use core::mem::MaybeUninit;
use core::ptr::{self, NonNull};
use std::sync::Arc;

use dlpack::Exporter;
use dlpack::allocator::{Pool, Slot};
use dlpack_rs::ffi as kornia;
use dlpack_rs::safe::{TensorInfo, pack_versioned};
use dlpack_sys::{DLManagedTensorVersioned, DLPACK_FLAG_BITMASK_READ_ONLY};
use dlpark::allocation::Initialized;
use dlpark::ffi as dlpark_ffi;
use dlpark::metadata::{Dynamic, Fixed};
use dlpark::tensor::compact_strides_array;
use ndarray::{ArcArray, IxDyn};

use crate::contender::{Contender, Instructions, Outcome, Role, Row, Target};
use crate::data::{self, Field, Lease};
use crate::floors::export as floor;

type Raw = *mut DLManagedTensorVersioned;

const SHAPE: [usize; 2] = [2, 3];

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row {
            name: "export-dynamic",
            what: "export of 2 × 3 elements, the rank known at run time; deleter",
            target: Target { time: 1.10, instructions: Instructions::Target(1.05), mallocs: 1 },
            counted: 1000,
            contenders: dynamic,
        },
        Row {
            name: "export-fixed",
            what: "the same, the rank known at compile time; against the floor of the row above",
            target: Target { time: 1.00, instructions: Instructions::Target(0.90), mallocs: 1 },
            counted: 1000,
            contenders: fixed,
        },
        Row {
            name: "export-arc",
            what: "clone of an Arc and its read-only export, 2 × 3, the rank known at compile time; deleter",
            target: Target { time: 1.00, instructions: Instructions::Target(1.02), mallocs: 1 },
            counted: 1000,
            contenders: arc,
        },
        Row {
            name: "export-lent",
            what: "export of 2 × 3 elements into the caller's memory; deleter; against the floor of the first row",
            target: Target { time: 0.30, instructions: Instructions::Settle, mallocs: 0 },
            counted: 1000,
            contenders: lent,
        },
    ]
}

/// An export and the consumer's deleter.
fn contender(
    role: Role,
    name: &'static str,
    export: impl Fn() -> Raw + Copy + 'static,
) -> Contender {
    Contender::looking(role, name, move |look| {
        let raw = black_box(export());
        match look {
            // SAFETY: just passed on.
            None => unsafe { data::release(raw) },
            Some(look) => *look = outcome(raw),
        }
    })
}

#[cold]
#[inline(never)]
fn outcome(raw: Raw) -> Outcome {
    let before = data::released();
    // SAFETY: just passed on, with elements that can be read.
    let mut outcome = unsafe { data::describe(raw) };
    // SAFETY: just passed on.
    unsafe { data::release(raw) };
    outcome.push(("owners released", data::released() - before));
    outcome
}

/// The shape as something that only the running program knows.
fn shape() -> &'static [usize] {
    black_box(&SHAPE[..])
}

fn run_time_floor(field: Field) -> Contender {
    contender(Role::Floor, "floor", move || floor::export(field.lease(), field.memory(0), shape()))
}

fn dynamic() -> Vec<Contender> {
    let field = Field::new(6);
    vec![
        run_time_floor(field),
        contender(Role::Ours, "dlpack", move || {
            Exporter::new(field.lease()).shape(shape()).into_raw().expect("a tensor")
        }),
        contender(Role::Also, "dlpack build", move || {
            let tensor = Exporter::new(field.lease()).shape(shape()).build();
            tensor.expect("a tensor").into_raw()
        })
        .remark("makes a tensor for use in Rust first"),
        contender(Role::Reference, "floor, unchecked", move || {
            floor::export_unchecked(field.lease(), field.memory(0), shape())
        })
        .remark("the shape is not checked against the owner's memory"),
        contender(Role::Peer, "dlpark Dynamic", move || {
            let made = Dynamic::compact(shape()).initialize(Box::new(field.lease()));
            finish(made.expect("a tensor"), field)
        })
        .remark("the shape is not checked against the owner's memory"),
        contender(Role::Peer, "dlpack-rs", move || pack(field))
            .remark("nothing is checked; the caller computes the strides"),
    ]
}

/// As dlpark's own adapters do it: data, dtype and device are set by hand.
fn finish<S>(mut made: Initialized<dlpark_ffi::DLManagedTensorVersioned, S>, field: Field) -> Raw {
    made.set_data(field.start().cast());
    made.set_dtype(dlpark_ffi::DLDataType::F32);
    made.set_device(dlpark_ffi::DLDevice::CPU);
    // SAFETY: the owner keeps the memory, and the shape is that of its elements.
    unsafe { made.finish() }.into_raw().cast()
}

fn pack(field: Field) -> Raw {
    let shape: Vec<i64> = shape().iter().map(|&size| size.cast_signed() as i64).collect();
    let strides = data::row_major(&shape);
    let info = TensorInfo::strided(
        field.start().cast(),
        dlpack_rs::safe::cpu_device(),
        dlpack_rs::safe::dtype_f32(),
        shape,
        strides,
    );
    let raw: *mut kornia::DLManagedTensorVersioned =
        pack_versioned::<Lease>(field.lease(), info, 0);
    raw.cast()
}

fn fixed() -> Vec<Contender> {
    let field = Field::new(6);
    vec![
        run_time_floor(field),
        contender(Role::Ours, "dlpack", move || {
            let shape = black_box(SHAPE);
            Exporter::new(field.lease()).shape(&shape).into_raw().expect("a tensor")
        }),
        contender(Role::Reference, "floor, fixed rank", move || {
            floor::export(field.lease(), field.memory(0), &black_box(SHAPE))
        }),
        contender(Role::Peer, "dlpark Fixed", move || {
            let shape = black_box([2_i64, 3]);
            let strides = compact_strides_array(shape).expect("strides");
            let made = Fixed::new(shape, strides).initialize(Box::new(field.lease()));
            finish(made.expect("a tensor"), field)
        })
        .remark("the shape is not checked against the owner's memory"),
    ]
}

/// Memory for a header: more than any header here needs.
type Spare = [MaybeUninit<u64>; 64];

static SLOT: Slot<Lease, 2> = Slot::new();

fn lent() -> Vec<Contender> {
    let field = Field::new(6);
    let room: *mut floor::Room<Lease, 2> = Box::leak(Box::new(floor::Room::EMPTY));
    let spare: *mut Spare = Box::leak(Box::new([MaybeUninit::uninit(); 64]));
    let bytes = ptr::slice_from_raw_parts_mut(spare.cast(), size_of::<Spare>());
    let spare = NonNull::new(bytes).expect("not null");
    let pool: &'static Pool = Box::leak(Box::new(Pool::new::<Lease>(64, 2).expect("a pool")));
    vec![
        run_time_floor(field),
        contender(Role::Ours, "dlpack", move || {
            let exporter = Exporter::new(field.lease()).shape(shape());
            // SAFETY: the memory is leaked, and each tensor is released before the next one is made.
            let exporter = unsafe { exporter.header_in_place(spare) };
            exporter.into_raw().expect("a tensor")
        }),
        contender(Role::Reference, "floor, lent", move || {
            // SAFETY: as above.
            unsafe { floor::export_into(room, field.lease(), field.memory(0), shape()) }
        }),
        contender(Role::Also, "dlpack SingleSlot", move || {
            // SAFETY: this program has one thread.
            let slot = unsafe { SLOT.single() };
            let exporter = Exporter::new(field.lease()).shape(shape()).header_in(slot);
            exporter.into_raw().expect("a tensor")
        })
        .remark("knows when it is free again"),
        contender(Role::Also, "dlpack Slot", move || {
            let exporter = Exporter::new(field.lease()).shape(shape()).header_in(&SLOT);
            exporter.into_raw().expect("a tensor")
        })
        .remark("for any thread: one compare-and-swap"),
        contender(Role::Also, "dlpack Pool", move || {
            let exporter = Exporter::new(field.lease()).shape(shape()).header_in(pool);
            exporter.into_raw().expect("a tensor")
        })
        .remark("64 headers, for any thread"),
    ]
}

/// Counts an `Arc` as released once it is what it was before.
fn arc_contender(
    role: Role,
    name: &'static str,
    export: impl Fn() -> Raw + Copy + 'static,
    holders: impl Fn() -> usize + 'static,
) -> Contender {
    Contender::looking(role, name, move |look| {
        let before = if look.is_some() { holders() } else { 0 };
        let raw = black_box(export());
        match look {
            // SAFETY: just passed on.
            None => unsafe { data::release(raw) },
            Some(look) => *look = shared_outcome(raw, before, &holders),
        }
    })
}

#[cold]
#[inline(never)]
fn shared_outcome(raw: Raw, before: usize, holders: &dyn Fn() -> usize) -> Outcome {
    let during = holders();
    // SAFETY: just passed on, with elements that can be read.
    let mut outcome = unsafe { data::describe(raw) };
    // SAFETY: just described.
    let flags = unsafe { (*raw).flags };
    outcome.push(("read-only", i64::from(flags & DLPACK_FLAG_BITMASK_READ_ONLY != 0)));
    // SAFETY: just passed on.
    unsafe { data::release(raw) };
    outcome.push(("taken", during.cast_signed() as i64 - before.cast_signed() as i64));
    outcome.push(("kept", holders().cast_signed() as i64 - before.cast_signed() as i64));
    outcome
}

/// Shared for as long as the program runs.
fn leak<T: ?Sized>(shared: Arc<T>) -> &'static Arc<T> {
    Box::leak(Box::new(shared))
}

fn arc() -> Vec<Contender> {
    let slice: &Arc<[f32]> = leak(data::numbers(6).into());
    let array: &Arc<[f32; 6]> = leak(Arc::new(data::numbers(6).try_into().expect("six elements")));
    let nd: &'static ArcArray<f32, IxDyn> = Box::leak(Box::new(
        ArcArray::from_shape_vec(IxDyn(&SHAPE), data::numbers(6)).expect("a matrix"),
    ));
    vec![
        arc_contender(
            Role::Floor,
            "floor",
            move || {
                let owner = Arc::clone(slice);
                let start = owner.as_ptr().cast_mut();
                let flags = DLPACK_FLAG_BITMASK_READ_ONLY;
                let memory = floor::Memory { start, len: owner.len(), flags };
                floor::export(owner, memory, &black_box(SHAPE))
            },
            move || Arc::strong_count(slice),
        ),
        arc_contender(
            Role::Ours,
            "dlpack",
            move || {
                let shape = black_box(SHAPE);
                Exporter::shared(Arc::clone(slice)).shape(&shape).into_raw().expect("a tensor")
            },
            move || Arc::strong_count(slice),
        ),
        arc_contender(
            Role::Peer,
            "dlpark Fixed",
            move || {
                let owner = Arc::clone(array);
                let start = owner.as_ptr().cast_mut();
                let shape = black_box([2_i64, 3]);
                let strides = compact_strides_array(shape).expect("strides");
                let made = Fixed::new(shape, strides).initialize(owner);
                finish_shared(made.expect("a tensor"), start)
            },
            move || Arc::strong_count(array),
        )
        .remark("the shape is not checked against the owner's memory; no slices, only sized types"),
        arc_contender(
            Role::Peer,
            "dlpark Dynamic",
            move || {
                let owner = Arc::clone(array);
                let start = owner.as_ptr().cast_mut();
                let made = Dynamic::compact(shape()).initialize(owner);
                finish_shared(made.expect("a tensor"), start)
            },
            move || Arc::strong_count(array),
        )
        .remark("the rank is known at run time; otherwise as dlpark Fixed"),
        arc_contender(
            Role::Peer,
            "dlpk",
            move || {
                let tensor = dlpk::DLPackTensor::try_from(black_box(nd).clone());
                tensor.expect("a tensor").into_raw().as_ptr().cast()
            },
            // An ndarray tells only whether it is shared.
            move || usize::from(!nd.is_unique()),
        )
        .remark("ndarray's ArcArray, with the shape of the array"),
    ]
}

fn finish_shared<S>(
    mut made: Initialized<dlpark_ffi::DLManagedTensorVersioned, S>,
    start: *mut f32,
) -> Raw {
    made.set_data(start.cast());
    made.set_dtype(dlpark_ffi::DLDataType::F32);
    made.set_device(dlpark_ffi::DLDevice::CPU);
    made.set_flags(dlpark::DlpackFlags::READ_ONLY).expect("a flag that may be set");
    // SAFETY: the owner keeps the memory, and the shape is that of its elements.
    unsafe { made.finish() }.into_raw().cast()
}
