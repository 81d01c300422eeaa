//! What can own exported memory, and where the tensor is then.
#![cfg(feature = "alloc")]

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr;
use std::sync::Arc;

use dlpack::{
    Access, DataType, DataTypeCode, Descriptor, Device, Element, Error, Exporter, Flags,
    ManagedTensorVersioned, OnDrop, TensorView, Version,
    allocator::Global,
    types::{Bool8, F8E4m3fn, I4},
};
use harness::owners::{Counted, Fate};
use harness::release::delete;

/// An owner whose elements lie in it.
#[derive(Debug)]
#[repr(align(64))]
struct Inline {
    numbers: [u8; 5],
    _counted: Counted<()>,
}

impl Inline {
    fn new() -> (Self, Fate) {
        let (counted, fate) = Counted::new(&[]);
        (Self { numbers: [1, 2, 3, 4, 5], _counted: counted }, fate)
    }
}

#[test]
fn elements_stay_where_they_are() {
    static TABLE: [u32; 3] = [1, 2, 3];
    fn check(tensor: &Descriptor, start: *const u32) {
        assert_eq!(tensor.data().cast_const(), start.cast());
        assert_eq!((tensor.shape(), tensor.strides()), (&[3][..], &[1][..]));
        assert_eq!((tensor.dtype(), tensor.device()), (DataType::U32, Device::CPU));
        assert_eq!((tensor.byte_offset(), tensor.version()), (0, Some(Version::new(1, 3))));
        // SAFETY: the table's numbers, which nobody writes.
        assert_eq!(unsafe { tensor.as_slice::<u32>() }.unwrap(), TABLE);
    }

    let vector = TABLE.to_vec();
    let start = vector.as_ptr();
    check(&Exporter::new(vector).build().unwrap(), start);
    let boxed = Box::<[u32]>::from(TABLE);
    let start = boxed.as_ptr();
    check(&Exporter::new(boxed).build().unwrap(), start);
    let shared = Arc::<[u32]>::from(TABLE);
    check(&Exporter::shared(Arc::clone(&shared)).build().unwrap(), shared.as_ptr());
    assert_eq!(Arc::strong_count(&shared), 1, "given back");
    check(&Exporter::shared(&TABLE[..]).build().unwrap(), TABLE.as_ptr());
}

/// An array has its last place within the tensor, aligned as its elements ask.
#[test]
fn arrays_move_into_the_tensor() {
    for _ in 0..20 {
        let tensor = Exporter::new([1_u128, 2, 3]).build().unwrap();
        assert_eq!(tensor.data().addr() % align_of::<u128>(), 0);
        assert_eq!(tensor.as_slice::<u128>().unwrap(), [1, 2, 3]);
        let tensor = Exporter::new([1.5_f64]).build_legacy().unwrap();
        assert_eq!(tensor.data().addr() % align_of::<f64>(), 0);
        assert_eq!(tensor.as_slice::<f64>().unwrap(), [1.5]);
    }
}

/// Two numbers of 12 bits, side by side in three bytes.
#[derive(Clone, Copy)]
#[repr(C)]
struct Twelve([u8; 3]);

// SAFETY: three bytes, of which any are valid.
unsafe impl bytemuck::Zeroable for Twelve {}
// SAFETY: three bytes, of which any are valid.
unsafe impl bytemuck::Pod for Twelve {}
// SAFETY: an element of this dtype takes three bytes.
unsafe impl Element for Twelve {
    const DTYPE: DataType = DataType::new(DataTypeCode::UINT, 12, 2);
}

#[test]
fn lanes_that_share_a_byte_stay_lanes() {
    let tensor = Exporter::new(vec![Twelve([0; 3]); 4]).build().unwrap();
    assert_eq!((tensor.shape(), tensor.dtype(), tensor.nbytes()), (&[4][..], Twelve::DTYPE, 12));
    let tensor = Exporter::new(vec![Twelve([0; 3]); 4]).shape(&[2, 2]).build().unwrap();
    assert_eq!((tensor.shape(), tensor.dtype()), (&[2, 2][..], Twelve::DTYPE));
}

#[test]
fn owners_keep_their_alignment() {
    for _ in 0..20 {
        let (owner, fate) = Inline::new();
        let mut tensor = Exporter::of_mut(owner, |owner| &mut owner.numbers).build().unwrap();
        let start = tensor.data().addr() - std::mem::offset_of!(Inline, numbers);
        assert_eq!(start % 64, 0);
        tensor.view_mut::<u8>().unwrap()[[0]] = 9;
        assert_eq!(tensor.as_slice::<u8>().unwrap(), [9, 2, 3, 4, 5]);
        drop(tensor);
        assert_eq!(fate.dropped(), 1);
    }
}

#[test]
fn shared_owners_are_read_only() {
    let constants = Arc::new(vec![1.0_f32, 2.0]);
    let exporter = || Exporter::of(Arc::clone(&constants), |constants| constants.as_slice());
    let tensor = exporter().build().unwrap();
    assert_eq!((tensor.access(), tensor.flags()), (Access::ReadOnly, Flags::READ_ONLY));
    assert_eq!(tensor.data().cast_const(), constants.as_ptr().cast());
    let refused = exporter().build_legacy().unwrap_err();
    assert_eq!(refused.error(), Error::ReadOnlyNotExpressible);
}

#[test]
fn unique_owners_are_writable() {
    let tensor = Exporter::new(vec![1_u8]).build().unwrap();
    assert_eq!((tensor.access(), tensor.flags()), (Access::Writable, Flags::NONE));
    let tensor = Exporter::new(vec![1_u8]).build_legacy().unwrap();
    assert_eq!((tensor.access(), tensor.version()), (Access::Writable, None));
    let mut tensor = Exporter::new(vec![1_u8]).read_only().build().unwrap();
    assert_eq!(tensor.view_mut::<u8>().unwrap_err(), Error::ReadOnly);
}

/// Consumers want strides even of nothing, and a null pointer rather than one that dangles.
#[test]
fn empty_owners() {
    for (shape, strides) in
        [(&[0][..], &[1][..]), (&[0, 3], &[3, 1]), (&[3, 0], &[1, 1]), (&[2, 0, 5], &[5, 5, 1])]
    {
        for asked in [None, Some([7_isize, -7, 0])] {
            let exporter = Exporter::new(Vec::<f32>::new()).shape(shape);
            let exporter = match &asked {
                Some(asked) => exporter.strides(&asked[..shape.len()]),
                None => exporter,
            };
            let raw = exporter.build().unwrap().into_raw();
            // SAFETY: just passed on.
            let tensor = unsafe { &(*raw).dl_tensor };
            assert!(tensor.data.is_null());
            assert_eq!(tensor.byte_offset, 0);
            // SAFETY: as many as there are axes.
            let found = unsafe { std::slice::from_raw_parts(tensor.strides, shape.len()) };
            assert_eq!(found, strides);
            // SAFETY: just passed on.
            unsafe { delete(raw) };
        }
    }
    let tensor = Exporter::new([0_u16; 0]).build().unwrap();
    assert_eq!((tensor.shape(), tensor.as_slice::<u16>().unwrap()), (&[0][..], &[][..]));
    let tensor = Exporter::new(vec![1_u8, 2]).offset(99).shape(&[0]).build().unwrap();
    assert!(tensor.data().is_null(), "no element of an owner that has some");
}

#[test]
fn scalars() {
    let tensor = Exporter::new(vec![1.5_f32, 2.5]).offset(1).shape(&[]).build().unwrap();
    assert_eq!((tensor.ndim(), tensor.numel()), (0, 1));
    assert_eq!(tensor.view::<f32>().unwrap()[[]], 2.5);
    let refused = Exporter::new(Vec::<f32>::new()).shape(&[]).build().unwrap_err();
    assert!(matches!(refused.error(), Error::OutOfBounds { available: 0, .. }));
}

#[test]
fn strides_of_either_sign() {
    let numbers = vec![0_i32, 1, 2, 3, 4, 5, 6, 7];
    for (offset, shape, strides, expected) in [
        (7, &[8][..], &[-1][..], &[7, 6, 5, 4, 3, 2, 1, 0][..]),
        (5, &[2, 3], &[-3, -1], &[5, 4, 3, 2, 1, 0]),
        (2, &[2, 3], &[3, -1], &[2, 1, 0, 5, 4, 3]),
        (1, &[3], &[3], &[1, 4, 7]),
        (3, &[2, 2], &[0, 1], &[3, 4, 3, 4]),
    ] {
        let exporter = Exporter::new(numbers.clone()).offset(offset).shape(shape).strides(strides);
        let tensor = exporter.build().unwrap();
        assert_eq!(tensor.view::<i32>().unwrap().to_vec(), expected);
        let tensor = tensor.into_inner().into_legacy().unwrap();
        // SAFETY: the numbers above, which nobody writes.
        assert_eq!(unsafe { tensor.view::<i32>() }.unwrap().to_vec(), expected);
    }
}

#[test]
fn nothing_beyond_the_owner() {
    for (offset, shape, strides) in [
        (0, &[9][..], &[1][..]),
        (1, &[8], &[1]),
        (6, &[8], &[-1]),
        (0, &[2], &[-1]),
        (8, &[1], &[1]),
        (usize::MAX, &[1], &[1]),
        (usize::MAX / 4, &[2], &[1]),
        (0, &[2, 2], &[7, 1]),
        (0, &[4, 3], &[1, 3]),
    ] {
        let exporter = Exporter::new(vec![0_i32; 8]).offset(offset).shape(shape).strides(strides);
        let refused = exporter.build().unwrap_err();
        assert!(
            matches!(refused.error(), Error::OutOfBounds { available: 32, .. }),
            "{offset} {shape:?}"
        );
        assert_eq!(refused.into_inner(), [0; 8]);
    }
}

/// The function that lends is called once, when the owner is in its final place.
#[test]
fn the_owner_lends_from_its_final_place() {
    let (mut calls, mut place) = (0, ptr::null());
    let (owner, fate) = Inline::new();
    let exporter = Exporter::of(owner, |owner: &Inline| {
        (calls, place) = (calls + 1, owner.numbers.as_ptr());
        &owner.numbers
    });
    let tensor = exporter.shape(&[2, 2]).offset(1).build().unwrap();
    assert_eq!(tensor.data().cast_const(), place.wrapping_add(1).cast());
    let owner = tensor.into_inner().into_owner::<Inline>().expect("the owner");
    let exporter = Exporter::of_mut(owner, |owner: &mut Inline| {
        (calls, place) = (calls + 1, owner.numbers.as_ptr());
        &mut owner.numbers
    });
    let mut tensor = exporter.build_legacy().unwrap();
    assert_eq!(tensor.data().cast_const(), place.cast());
    tensor.view_mut::<u8>().unwrap()[[0]] = 9;
    let owner = tensor.into_inner().into_owner::<Inline>().expect("the owner");
    assert_eq!((owner.numbers, calls, fate.dropped()), ([9, 2, 3, 4, 5], 2, 0));
    drop(owner);
    assert_eq!(fate.dropped(), 1);
}

/// The owner is dropped where it is if the function that lends panics.
#[test]
fn a_function_that_panics() {
    fn fails(_: &Inline) -> &[u8] {
        resume_unwind(Box::new("no memory today"))
    }
    fn fails_mut(_: &mut Inline) -> &mut [u8] {
        resume_unwind(Box::new("no memory today"))
    }
    type Road = fn(Inline);
    let roads: [Road; 6] = [
        |owner| drop(Exporter::of(owner, fails).build()),
        |owner| drop(Exporter::of(owner, fails).into_raw()),
        |owner| drop(Exporter::of(owner, fails).into_opaque()),
        |owner| drop(Exporter::of_mut(owner, fails_mut).build()),
        |owner| drop(Exporter::of_mut(owner, fails_mut).build_legacy()),
        |owner| drop(Exporter::of_mut(owner, fails_mut).into_raw_legacy()),
    ];
    for road in roads {
        let (owner, fate) = Inline::new();
        let panicked = catch_unwind(AssertUnwindSafe(|| road(owner)));
        assert_eq!(panicked.unwrap_err().downcast_ref(), Some(&"no memory today"));
        assert_eq!(fate.dropped(), 1);
    }
}

#[test]
fn an_owner_that_is_refused_is_not_dropped() {
    let (owner, fate) = Inline::new();
    let exporter = Exporter::of(owner, |owner: &Inline| &owner.numbers);
    let owner = exporter.shape(&[6]).build().unwrap_err().into_inner();
    let exporter = Exporter::of(owner, |owner: &Inline| &owner.numbers);
    let owner = exporter.build_legacy().unwrap_err().into_inner();
    let exporter = Exporter::of_mut(owner, |owner: &mut Inline| &mut owner.numbers);
    let owner = exporter.read_only().build_legacy().unwrap_err().into_inner();
    let data = owner.numbers.as_ptr().cast_mut().cast();
    // SAFETY: no tensor comes of it.
    let exporter = unsafe { Exporter::from_raw_parts(owner, data, 5, Device::CPU) };
    let owner = exporter.shape(&[6]).into_opaque().unwrap_err().into_inner();
    assert_eq!(fate.dropped(), 0);
    drop(owner);
    assert_eq!(fate.dropped(), 1);
}

/// Memory that is described by its parts makes a plain tensor, which promises nothing.
/// The owner of a tensor that cannot be made may go on, and its memory is released later.
#[test]
fn a_function_that_is_taken_out_is_not_called() {
    let mut calls = 0;
    let call = OnDrop::new(|| calls += 1).cancel().unwrap();
    call();
    assert_eq!(calls, 1);
}

#[test]
fn raw_parts() {
    let (mut owner, fate) = Counted::new(&[1.5_f32, 2.5]);
    let data = owner.elements.as_mut_ptr().cast();
    // SAFETY: the vector's eight bytes, which stay where they are, and which nobody else uses.
    let exporter = || unsafe { Exporter::from_raw_parts((), data, 8, Device::CPU) };
    let tensor: ManagedTensorVersioned = exporter().build().unwrap();
    assert_eq!((tensor.dtype(), tensor.shape(), tensor.data()), (DataType::U8, &[8][..], data));
    let tensor = exporter().dtype(DataType::F32).read_only().build().unwrap();
    assert_eq!((tensor.shape(), tensor.access()), (&[2][..], Access::ReadOnly));
    // SAFETY: the same, and nobody but this tensor's consumer knows of it.
    let copy = unsafe { exporter().dtype(DataType::F32).copied() }.build().unwrap();
    assert_eq!(
        copy.try_exclusive().unwrap().fill(7.5_f32).unwrap().as_slice(),
        Ok(&[7.5_f32; 2][..])
    );
    // SAFETY: the same.
    let exporter = unsafe { Exporter::from_raw_parts(owner, data, 8, Device::CPU) };
    let tensor = exporter.dtype(DataType::F32).build_legacy().unwrap();
    assert_eq!(fate.dropped(), 0);
    assert_eq!(tensor.downcast::<Counted<f32>>().unwrap().elements, [7.5; 2]);
    assert_eq!(fate.dropped(), 1);
}

#[test]
fn elements_of_another_dtype() {
    let tensor = Exporter::new(vec![0_u8, 1, 2]).dtype(DataType::BOOL).build().unwrap();
    assert!(tensor.view::<Bool8>().unwrap().iter().map(|b| b.to_bool()).eq([false, true, true]));
    let tensor = Exporter::new([0x38_u8, 0xb8]).dtype(DataType::F8_E4M3FN).build().unwrap();
    assert!(tensor.view::<F8E4m3fn>().unwrap().iter().map(|x| x.to_f32()).eq([1.0, -1.0]));
    // The bytes of pixels are an axis, or lanes if they are named.
    let pixels = Exporter::new(vec![[1_u8, 2, 3, 4], [5, 6, 7, 8]]).build().unwrap();
    assert_eq!((pixels.shape(), pixels.dtype()), (&[2, 4][..], DataType::U8));
    let bytes = pixels.into_inner().downcast::<Vec<[u8; 4]>>().unwrap();
    let bytes = Exporter::new(bytes).dtype(DataType::U8).build().unwrap();
    assert_eq!(bytes.as_slice::<u8>().unwrap(), [1, 2, 3, 4, 5, 6, 7, 8]);
    // A dtype that does not divide the memory has as many elements as fit.
    let tensor = Exporter::new(vec![0_u8; 11]).dtype(DataType::F32.with_lanes(2)).build().unwrap();
    assert_eq!((tensor.shape(), tensor.nbytes()), (&[1][..], 8));
    let refused = Exporter::new(vec![0_u8; 8]).dtype(DataType::F32.with_lanes(0)).build();
    let found = DataType::F32.with_lanes(0);
    assert_eq!(refused.unwrap_err().error(), Error::InvalidDType { found });
}

/// The items of arrays are the last axis, and the caller counts arrays.
#[test]
fn arrays() {
    let pixels = || vec![[1_u8, 2, 3], [4, 5, 6], [7, 8, 9], [10, 11, 12]];
    let all = (1..=12).collect::<Vec<u8>>();
    let tensor = Exporter::new(pixels()).build().unwrap();
    assert_eq!((tensor.shape(), tensor.strides()), (&[4, 3][..], &[3, 1][..]));
    assert_eq!((tensor.dtype(), tensor.as_slice::<u8>().unwrap()), (DataType::U8, &all[..]));
    assert_eq!(tensor.downcast::<Vec<[u8; 3]>>().unwrap(), pixels());

    let tensor = Exporter::new(pixels()).shape(&[2, 2]).build().unwrap();
    assert_eq!((tensor.shape(), tensor.strides()), (&[2, 2, 3][..], &[6, 3, 1][..]));
    let backwards = Exporter::new(pixels()).offset(3).shape(&[2]).strides(&[-2]).build().unwrap();
    assert_eq!((backwards.shape(), backwards.strides()), (&[2, 3][..], &[-6, 1][..]));
    assert_eq!(backwards.view::<u8>().unwrap().to_vec(), [10, 11, 12, 4, 5, 6]);
    let rest = Exporter::new(pixels()).offset(3).build().unwrap();
    assert_eq!(rest.as_slice::<u8>().unwrap(), [10, 11, 12]);
    let scalar = Exporter::new(pixels()).offset(1).shape(&[]).build().unwrap();
    assert_eq!((scalar.shape(), scalar.as_slice::<u8>().unwrap()), (&[3][..], &[4, 5, 6][..]));
    let like = Exporter::new(pixels()).shape_of(&scalar).build().unwrap();
    assert_eq!(like.shape(), [3, 3]);

    let shared = Exporter::shared(Arc::<[[f32; 2]]>::from([[1.0, 2.0]])).build().unwrap();
    assert_eq!((shared.shape(), shared.dtype()), (&[1, 2][..], DataType::F32));
    let raw = Exporter::new(pixels()).into_raw().unwrap();
    // SAFETY: just passed on.
    let raw = unsafe { ManagedTensorVersioned::from_raw(raw) }.unwrap();
    assert_eq!(raw.shape(), [4, 3]);

    let refused = Exporter::new(pixels()).offset(1).shape(&[4]).build().unwrap_err();
    assert_eq!(refused.error(), Error::OutOfBounds { available: 12, start: 3, end: 15 });
    let refused = Exporter::new(pixels()).shape(&[2, 2]).strides(&[6, 3, 1]).build().unwrap_err();
    assert_eq!(refused.error(), Error::StridesLenMismatch { expected: 2, found: 3 });
    let refused = Exporter::new(pixels()).shape(&[1; 64]).build().unwrap_err();
    assert_eq!(refused.error(), Error::TooManyAxes { ndim: 65, max: 64 });
    let far = Exporter::new(pixels()).offset(usize::MAX).shape(&[1]).build().unwrap_err();
    assert!(matches!(far.error(), Error::OutOfBounds { available: 12, .. }));
    let far = Exporter::new(pixels()).shape(&[2]).strides(&[isize::MAX]).build().unwrap_err();
    assert_eq!(far.error(), Error::ExtentOverflow);

    // Lanes that are named are lanes.
    let lanes = Exporter::new(pixels()).dtype(DataType::U8.with_lanes(3)).build().unwrap();
    assert_eq!((lanes.shape(), lanes.dtype().lanes), (&[4][..], 3));
    assert_eq!(lanes.as_slice::<[u8; 3]>().unwrap(), pixels());
    let copy = lanes.view::<[u8; 3]>().unwrap().to_tensor().unwrap();
    assert_eq!((copy.shape(), copy.dtype()), (lanes.shape(), lanes.dtype()));
}

/// A tensor gives its shape to another one, however many axes it has.
#[test]
fn the_shape_of_another_tensor() {
    let shapes: [&[usize]; 5] = [&[6], &[2, 3], &[3, 2, 1], &[1, 1, 1, 1, 1, 1, 1, 2, 3], &[0, 3]];
    for shape in shapes {
        let numel = shape.iter().product();
        let model = Exporter::new(vec![0_u8; numel]).shape(shape).build().unwrap();
        let tensor = Exporter::new(vec![0_f32; numel]).shape_of(&model).build().unwrap();
        assert_eq!((tensor.shape(), tensor.is_contiguous()), (model.shape(), true));
        assert!(tensor.downcast::<Vec<f32>>().is_ok());
    }
    let model = Exporter::new(vec![0_u8; 6]).shape(&[2, 3]).build().unwrap();
    let columns = Exporter::new([1, 2, 3, 4, 5, 6]).shape_of(&model).strides(&[1, 2]);
    assert_eq!(columns.build().unwrap().view::<i32>().unwrap()[[1, 2]], 6);
    let refused = Exporter::new([1_u8; 5]).shape_of(&model).build().unwrap_err();
    assert_eq!(refused.error(), Error::OutOfBounds { available: 5, start: 0, end: 6 });
}

/// An error says what the layout reaches.
#[test]
fn what_is_out_of_bounds() {
    for (offset, shape, strides, start, end) in [
        (0, &[9][..], &[1][..], 0, 36),
        (6, &[8], &[-1], -4, 28),
        (0, &[2], &[-1], -4, 4),
        (8, &[1], &[1], 32, 36),
        (0, &[2, 2], &[7, 1], 0, 36),
    ] {
        let exporter = Exporter::new(vec![0_i32; 8]).offset(offset).shape(shape).strides(strides);
        let error = exporter.build().unwrap_err().error();
        assert_eq!(error, Error::OutOfBounds { available: 32, start, end });
        assert_eq!(error.to_string().contains("offset"), start < 0, "{error}");
    }
    let error = Exporter::new(vec![0_i32; 8]).offset(9).build().unwrap_err().error();
    assert_eq!(error, Error::OutOfBounds { available: 32, start: 36, end: 36 });
}

#[test]
fn elements_smaller_than_a_byte() {
    let packed = Exporter::new(vec![0x21_u8, 0xf3]).dtype(DataType::I4).build().unwrap();
    assert_eq!((packed.shape(), packed.nbytes()), (&[4][..], 2));
    assert!(packed.packed_view::<I4>().unwrap().iter().map(I4::to_i8).eq([1, 2, 3, -1]));
    let padded = Exporter::new(vec![0x21_u8, 0xf3]).dtype(DataType::I4).padded().build().unwrap();
    assert_eq!((padded.shape(), padded.flags()), (&[2][..], Flags::IS_SUBBYTE_TYPE_PADDED));
    assert!(padded.packed_view::<I4>().unwrap().iter().map(I4::to_i8).eq([1, 3]));
    let backwards = Exporter::new(vec![1_u8, 2, 3]).dtype(DataType::I4).padded();
    let backwards = backwards.shape(&[3]).strides(&[-1]).offset(2).build().unwrap();
    assert!(backwards.packed_view::<I4>().unwrap().iter().map(I4::to_i8).eq([3, 2, 1]));

    let bytes = || Exporter::new(vec![0x21_u8, 0xf3]).dtype(DataType::I4).shape(&[2]);
    let refused = bytes().offset(1).build().unwrap_err();
    assert_eq!(refused.error(), Error::NotWholeBytes { found: DataType::I4 });
    let second = bytes().offset(2).build().unwrap();
    assert!(second.packed_view::<I4>().unwrap().iter().map(I4::to_i8).eq([3, -1]));
    assert!(matches!(
        bytes().offset(4).build().unwrap_err().error(),
        Error::OutOfBounds { available: 2, .. }
    ));
    let refused = bytes().padded().build_legacy().unwrap_err();
    assert_eq!(refused.error(), Error::PaddedNotExpressible);
}

/// A tensor that is marked as a copy is the consumer's alone.
#[test]
fn copies_are_exclusive() {
    let raw = Exporter::new(vec![1_u8, 2]).copied().build().unwrap().into_raw();
    // SAFETY: just passed on.
    let copy = unsafe { ManagedTensorVersioned::from_raw(raw) }.unwrap();
    let tensor = copy.try_exclusive().unwrap().fill(5_u8).unwrap();
    assert_eq!(tensor.into_inner().downcast::<Vec<u8>>().unwrap(), [5, 5]);

    let tensor = Exporter::new(vec![1_u8]).build().unwrap().into_inner();
    let refused = tensor.try_exclusive().unwrap_err();
    assert_eq!(refused.error(), Error::NotExclusive);
    let copy = Exporter::new(vec![1_u8]).copied().read_only().build().unwrap().into_inner();
    let refused = copy.try_exclusive().unwrap_err();
    assert_eq!(refused.error(), Error::ReadOnly);
    // SAFETY: no view comes of it.
    let tensor = unsafe { refused.into_inner().assume_frozen() };
    assert_eq!(tensor.as_slice::<u8>().unwrap(), [1]);

    // The legacy ABI has no flags, so that its tensors claim none.
    let legacy = Exporter::new(vec![1_u8]).copied().build_legacy().unwrap();
    assert_eq!((legacy.flags(), legacy.version()), (Flags::NONE, None));
}

#[test]
fn as_many_axes_as_there_can_be() {
    let tensor = Exporter::new([7_u8]).shape(&[1; 64]).build().unwrap();
    assert_eq!((tensor.ndim(), tensor.strides()), (64, &[1; 64][..]));
    assert_eq!(tensor.as_slice::<u8>().unwrap(), [7]);
    let refused = Exporter::new([7_u8]).shape(&[1; 65]).build().unwrap_err();
    assert_eq!(refused.error(), Error::TooManyAxes { ndim: 65, max: 64 });
}

#[test]
fn without_a_shape_an_offset_leaves_the_rest() {
    let tensor = Exporter::new(vec![1_i32, 2, 3]).offset(1).build().unwrap();
    assert_eq!(tensor.as_slice::<i32>().unwrap(), [2, 3]);
    let tensor = Exporter::new(vec![1_i32, 2, 3]).offset(3).build().unwrap();
    assert!(tensor.is_empty());
    let refused = Exporter::new(vec![1_i32, 2, 3]).offset(4).build().unwrap_err();
    assert!(matches!(refused.error(), dlpack::Error::OutOfBounds { available: 12, .. }));
}

#[test]
fn lent_strides_are_canonical() {
    let view = dlpack::TensorView::from_slice(&[1_i32, 2], &[2]).unwrap().insert_axis(0).unwrap();
    // SAFETY: the lent tensor is valid during the call.
    let strides = view.with_dl_tensor(|raw| unsafe { (*(*raw).strides, *(*raw).strides.add(1)) });
    assert_eq!(strides.unwrap(), (2, 1));
}

/// A new tensor can be filled from a view of any strides, or be passed on as it is.
#[test]
fn new_tensors() {
    let new =
        || ManagedTensorVersioned::allocate_in(Global, DataType::U8, &[2, 2], Device::CPU).unwrap();
    let tensor = new();
    assert_eq!(tensor.uninit_view::<u8>().unwrap().shape(), [2, 2]);
    let view = TensorView::from_slice(&[1_u8, 2, 3, 4], &[2, 2]).unwrap();
    let filled = tensor.copy_from(&view.transpose()).unwrap();
    assert_eq!(filled.freeze().as_slice::<u8>().unwrap(), [1, 3, 2, 4]);
    // SAFETY: just passed on.
    let back = unsafe { ManagedTensorVersioned::from_raw(new().into_raw()) }.unwrap();
    assert_eq!(back.shape(), [2, 2]);
}
