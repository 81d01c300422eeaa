//! The dtypes that each library knows, and the layouts that it takes.

use c_peers::{ARROW, ARROW_ARRAYS, Layout, Library, TORCH, TVM_FFI};
use dlpack::{DataType, DataTypeCode, Descriptor};

const NUMBERS: [DataType; 11] = [
    DataType::I8,
    DataType::I16,
    DataType::I32,
    DataType::I64,
    DataType::U8,
    DataType::U16,
    DataType::U32,
    DataType::U64,
    DataType::F16,
    DataType::F32,
    DataType::F64,
];

const OF_TORCH: [DataType; 11] = [
    DataType::BOOL,
    DataType::BF16,
    DataType::C32,
    DataType::C64,
    DataType::C128,
    DataType::F8_E4M3FN,
    DataType::F8_E4M3FNUZ,
    DataType::F8_E5M2,
    DataType::F8_E5M2FNUZ,
    DataType::F8_E8M0FNU,
    DataType::F4_E2M1FN.with_lanes(2),
];

/// libtvm_ffi takes what it does not know, too.
const OF_TVM_FFI: [DataType; 10] = [
    DataType::I128,
    DataType::U128,
    DataType::F8_E3M4,
    DataType::F8_E4M3,
    DataType::F8_E4M3B11FNUZ,
    DataType::F32.with_lanes(4),
    DataType::U4.with_lanes(2),
    DataType::new(DataTypeCode::OPAQUE_HANDLE, 64, 1),
    DataType::new(DataTypeCode::new(99), 16, 1),
    DataType::new(DataTypeCode::INT, 24, 1),
];

/// Elements that lie side by side within bytes.
const PACKED: [DataType; 7] = [
    DataType::U1,
    DataType::U2,
    DataType::I4,
    DataType::U4,
    DataType::F4_E2M1FN,
    DataType::F6_E2M3FN,
    DataType::F6_E3M2FN,
];

pub(crate) fn dtypes(library: &Library) -> Vec<DataType> {
    let mut dtypes = NUMBERS.to_vec();
    if is(library, &TORCH) || is(library, &TVM_FFI) {
        dtypes.extend(OF_TORCH);
    }
    if is(library, &TVM_FFI) {
        dtypes.extend(OF_TVM_FFI);
    }
    dtypes
}

/// The dtypes whose elements are packed; their tensors have one axis.
pub(crate) fn packed(library: &Library) -> &'static [DataType] {
    if is(library, &TVM_FFI) { &PACKED } else { &[] }
}

pub(crate) const PLAIN: Layout = Layout { shape: &[2, 3], strides: &[3, 1], offset: 0, room: 6 };
pub(crate) const LINE: Layout = Layout { shape: &[12], strides: &[1], offset: 0, room: 12 };
pub(crate) const REVERSED: Layout = Layout { shape: &[3], strides: &[-1], offset: 2, room: 3 };

const LAYOUTS: [Layout; 11] = [
    PLAIN,
    LINE,
    Layout { shape: &[4], strides: &[1], offset: 3, room: 8 },
    Layout { shape: &[0], strides: &[1], offset: 0, room: 1 },
    Layout { shape: &[], strides: &[], offset: 1, room: 2 },
    Layout { shape: &[2, 0, 3], strides: &[3, 3, 1], offset: 0, room: 12 },
    Layout { shape: &[3, 2], strides: &[1, 3], offset: 0, room: 6 },
    Layout { shape: &[2, 2], strides: &[6, 2], offset: 1, room: 12 },
    Layout { shape: &[2, 3], strides: &[0, 1], offset: 0, room: 3 },
    Layout { shape: &[1, 3, 1], strides: &[77, 1, 5], offset: 0, room: 3 },
    // More axes than `Dims` keeps in place.
    Layout {
        shape: &[1, 2, 1, 1, 3, 1, 1, 2, 1, 1],
        strides: &[12, 6, 6, 6, 2, 2, 2, 1, 1, 1],
        offset: 0,
        room: 12,
    },
];

pub(crate) fn layouts(library: &Library) -> Vec<Layout> {
    let mut layouts = LAYOUTS.to_vec();
    if is(library, &TVM_FFI) {
        layouts.push(REVERSED);
    }
    if is(library, &ARROW_ARRAYS) {
        layouts.retain(|layout| layout.shape.len() == 1);
    }
    layouts
}

/// `true` if the index alone tells where an element is written: no two elements share memory.
pub(crate) fn is_writable(layout: &Layout) -> bool {
    !layout.strides.contains(&0)
}

pub(crate) fn is(one: &Library, two: &Library) -> bool {
    one.name == two.name
}

pub(crate) const TENSORS: [&Library; 3] = [&TVM_FFI, &TORCH, &ARROW];

/// The elements of a tensor in row-major order, as this crate copies them.
pub(crate) fn bytes(tensor: &Descriptor) -> Vec<u8> {
    // SAFETY: the elements are initialised, and nobody writes them now.
    let copy = unsafe { tensor.to_copy() }.expect("a copy").into_inner();
    if copy.is_empty() {
        return Vec::new();
    }
    // SAFETY: a copy is contiguous, in memory of its own.
    unsafe { core::slice::from_raw_parts(copy.data().cast_const().cast(), copy.nbytes()) }.to_vec()
}
