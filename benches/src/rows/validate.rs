//! Shape and strides judged as numbers: element count, byte extents, contiguity.

use core::ffi::c_void;
use core::hint::black_box;

use dlpack::DataType;
use dlpack::layout::Layout;
use dlpark::tensor::TensorRef;

use crate::contender::{Contender, Outcome, Role, Row, Target};
use crate::data::{self, F32};
use crate::floors::layout::{Found, bytes_of, survey, survey_dense_first};

pub(super) fn rows() -> Vec<Row> {
    let row = |name, what, contenders| Row {
        name,
        what,
        target: Target { time: 1.10, instructions: Some(1.10), mallocs: 0 },
        counted: 1000,
        contenders,
    };
    vec![
        row("validate-1d", "check of 1 dimension", dense::<1>),
        row("validate-2d", "check of 2 dimensions", dense::<2>),
        row("validate-4d", "check of 4 dimensions", dense::<4>),
        row("validate-8d", "check of 8 dimensions", dense::<8>),
        row("validate-32d", "check of 32 dimensions", dense::<32>),
        row("validate-strided-2d", "check of 2 dimensions in column-major order", strided::<2>),
        row("validate-strided-8d", "check of 8 dimensions in column-major order", strided::<8>),
        row("validate-strided-32d", "check of 32 dimensions in column-major order", strided::<32>),
    ]
}

/// Shape and strides that stay.
#[derive(Clone, Copy)]
struct Dims {
    shape: &'static [i64],
    strides: &'static [i64],
}

fn dense<const NDIM: usize>() -> Vec<Contender> {
    let shape = vec![2; NDIM].leak();
    contenders(Dims { shape, strides: data::row_major(shape).leak() })
}

fn strided<const NDIM: usize>() -> Vec<Contender> {
    let shape = vec![2; NDIM].leak();
    let strides = data::row_major(shape).leak();
    strides.reverse();
    contenders(Dims { shape, strides })
}

fn contenders(dims: Dims) -> Vec<Contender> {
    let tensor = Box::leak(Box::new(dlpark::ffi::DLTensor {
        data: core::ptr::null_mut::<c_void>(),
        device: dlpark::ffi::DLDevice::CPU,
        ndim: i32::try_from(dims.shape.len()).expect("a number of dimensions"),
        dtype: dlpark::ffi::DLDataType::F32,
        shape: dims.shape.as_ptr().cast_mut(),
        strides: dims.strides.as_ptr().cast_mut(),
        byte_offset: 0,
    }));
    let tensor: &dlpark::ffi::DLTensor = tensor;
    vec![
        contender(Role::Floor, "floor", dims, |Dims { shape, strides }| {
            survey(shape, strides, black_box(F32)).expect("a layout")
        }),
        contender(Role::Ours, "dlpack", dims, |Dims { shape, strides }| {
            let layout = Layout::new(shape, strides, black_box(DataType::F32), false);
            found(&layout.expect("a layout"))
        }),
        contender(Role::Reference, "floor, dense first", dims, |Dims { shape, strides }| {
            let size = bytes_of(black_box(F32)).expect("whole bytes");
            survey_dense_first(shape, strides, size).expect("a layout")
        })
        .remark("adds extents up only from the first stride on that is not of C order"),
        Contender::new(
            Role::Peer,
            "dlpark",
            move || {
                black_box(judge(black_box(tensor)));
            },
            move || {
                let (numel, nbytes, row_major) = judge(tensor);
                let extents = survey(dims.shape, dims.strides, F32).expect("a layout");
                outcome(Found { numel, nbytes, row_major: row_major.into(), ..extents })
            },
        )
        .remark("extents are not computed; the check takes them from the floor"),
    ]
}

fn contender(
    role: Role,
    name: &'static str,
    dims: Dims,
    judge: impl Fn(Dims) -> Found + Copy + 'static,
) -> Contender {
    let once = move || {
        let Dims { shape, strides } = dims;
        black_box(judge(Dims { shape: black_box(shape), strides: black_box(strides) }));
    };
    Contender::new(role, name, once, move || outcome(judge(dims)))
}

#[inline]
fn found(layout: &Layout) -> Found {
    let extents = layout.byte_extents();
    Found {
        numel: layout.numel().cast_signed() as i64,
        nbytes: layout.nbytes().cast_signed() as i64,
        low: extents.start as i64,
        high: extents.end as i64,
        row_major: layout.is_row_major().into(),
    }
}

#[inline]
fn judge(tensor: &dlpark::ffi::DLTensor) -> (i64, i64, bool) {
    // SAFETY: the tensor's shape and strides stay.
    let checked = unsafe { TensorRef::from_raw(tensor) }.expect("a valid tensor");
    let is_row_major = checked.is_compact().expect("an answer");
    let (numel, nbytes) = (checked.num_elements(), checked.num_bytes());
    (numel.cast_signed() as i64, nbytes.cast_signed() as i64, is_row_major)
}

fn outcome(found: Found) -> Outcome {
    vec![
        ("elements", found.numel),
        ("bytes", found.nbytes),
        ("lowest byte", found.low),
        ("highest byte", found.high),
        ("row-major", found.row_major),
    ]
}
