//! Shape and strides judged as numbers: element count, byte extents, contiguity.

use core::ffi::c_void;
use core::hint::black_box;

use dlpack::DataType;
use dlpack::layout::Layout;
use dlpark::tensor::TensorRef;

use crate::contender::{Contender, Instructions, Outcome, Role, Row, Target};
use crate::data::{self, F32};
use crate::floors::layout::{Found, bytes_of, survey, survey_dense_first};

pub(super) fn rows() -> Vec<Row> {
    let row = |name, what, contenders| Row {
        name,
        what,
        target: Target { time: 1.10, instructions: Instructions::Settle, mallocs: 0 },
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
    vec![
        contender(Role::Floor, "floor", Floor, dims),
        contender(Role::Ours, "dlpack", Ours, dims),
        contender(Role::Reference, "floor, dense first", FloorDenseFirst, dims)
            .remark("adds extents up only from the first stride on that is not of C order"),
        dlpark(dims),
    ]
}

/// One way to judge shape and strides of `float32` elements.
trait Judge: Copy + 'static {
    fn judge(self, dims: Dims) -> Found;
}

fn contender(role: Role, name: &'static str, way: impl Judge, dims: Dims) -> Contender {
    let once = move || {
        let Dims { shape, strides } = dims;
        let Found { numel, nbytes, low, high, row_major } =
            way.judge(Dims { shape: black_box(shape), strides: black_box(strides) });
        // One by one, so that they need not be put together first.
        for number in [numel, nbytes, low, high, row_major] {
            black_box(number);
        }
    };
    Contender::new(role, name, once, move || outcome(way.judge(dims)))
}

#[derive(Clone, Copy)]
struct Floor;

impl Judge for Floor {
    #[inline(always)]
    fn judge(self, Dims { shape, strides }: Dims) -> Found {
        survey(shape, strides, black_box(F32)).expect("a layout")
    }
}

#[derive(Clone, Copy)]
struct FloorDenseFirst;

impl Judge for FloorDenseFirst {
    #[inline(always)]
    fn judge(self, Dims { shape, strides }: Dims) -> Found {
        let size = bytes_of(black_box(F32)).expect("whole bytes");
        survey_dense_first(shape, strides, size).expect("a layout")
    }
}

#[derive(Clone, Copy)]
struct Ours;

impl Judge for Ours {
    #[inline(always)]
    fn judge(self, Dims { shape, strides }: Dims) -> Found {
        let layout = Layout::new(shape, strides, black_box(DataType::F32), false);
        let layout = layout.expect("a layout");
        let extents = layout.byte_extents();
        Found {
            numel: layout.numel().cast_signed() as i64,
            nbytes: layout.nbytes().cast_signed() as i64,
            low: extents.start as i64,
            high: extents.end as i64,
            row_major: layout.is_row_major().into(),
        }
    }
}

fn dlpark(dims: Dims) -> Contender {
    let tensor: &dlpark::ffi::DLTensor = Box::leak(Box::new(dlpark::ffi::DLTensor {
        data: core::ptr::null_mut::<c_void>(),
        device: dlpark::ffi::DLDevice::CPU,
        ndim: i32::try_from(dims.shape.len()).expect("a number of dimensions"),
        dtype: dlpark::ffi::DLDataType::F32,
        shape: dims.shape.as_ptr().cast_mut(),
        strides: dims.strides.as_ptr().cast_mut(),
        byte_offset: 0,
    }));
    let once = move || {
        let (numel, nbytes, is_row_major) = judge(black_box(tensor));
        black_box(numel);
        black_box(nbytes);
        black_box(is_row_major);
    };
    let outcome = move || {
        let (numel, nbytes, row_major) = judge(tensor);
        let extents = survey(dims.shape, dims.strides, F32).expect("a layout");
        outcome(Found { numel, nbytes, row_major: row_major.into(), ..extents })
    };
    Contender::new(Role::Peer, "dlpark", once, outcome)
        .remark("extents are not computed; the check takes them from the floor")
}

#[inline(always)]
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
