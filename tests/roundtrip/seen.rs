//! What Rust sees of a tensor, held against the model.

use dlpack::{DataType, Descriptor, Element, Error, types::SubByte, view::Unaligned};
use dlpack_sys::DLManagedTensorVersioned;
use harness::consumer::gather_managed;

use crate::dtypes::{Typed, with_type};
use crate::model::Model;

/// Checks what a tensor says of itself and what its views, slices and copies hold.
///
/// # Safety
///
/// The elements of `tensor` are initialised, and nobody writes them meanwhile.
pub unsafe fn check(tensor: &Descriptor, model: &Model, memory: &[u8]) {
    assert_eq!(tensor.shape(), model.shape);
    for (axis, &size) in model.shape.iter().enumerate() {
        // Other strides address nothing.
        if size > 1 && model.numel() > 0 {
            assert_eq!(tensor.strides()[axis], model.strides[axis]);
        }
    }
    assert_eq!(tensor.dtype(), DataType::from(model.dtype));
    assert_eq!((tensor.numel(), tensor.nbytes()), (model.numel(), model.nbytes()));
    assert_eq!(tensor.is_contiguous(), model.is_row_major());
    // SAFETY: the caller's promise.
    unsafe { check_copy(tensor, model, memory) };
    with_type(model.dtype, &mut Views { tensor, model, memory });
}

/// # Safety
///
/// As for [`check`].
unsafe fn check_copy(tensor: &Descriptor, model: &Model, memory: &[u8]) {
    // SAFETY: the caller's promise.
    let copy = unsafe { tensor.to_copy() };
    if model.element_bits() & 7 != 0 && !model.is_row_major() {
        assert_eq!(copy.unwrap_err(), Error::NotContiguous);
        return;
    }
    let copy = copy.unwrap();
    assert_eq!((copy.dtype(), copy.shape()), (tensor.dtype(), tensor.shape()));
    assert!(copy.is_contiguous() && copy.flags().is_copied());
    assert_eq!(copy.flags().is_padded(), tensor.flags().is_padded());
    let raw: *mut DLManagedTensorVersioned = copy.into_raw();
    // SAFETY: just passed on.
    let gathered = unsafe { gather_managed(raw) };
    assert_eq!(gathered.unwrap(), model.gather(memory));
    // SAFETY: just passed on.
    unsafe { harness::release::delete(raw) };
}

struct Views<'a> {
    tensor: &'a Descriptor,
    model: &'a Model,
    memory: &'a [u8],
}

impl Typed for Views<'_> {
    fn whole<T: Element>(&mut self) {
        let Self { tensor, model, memory } = self;
        let gathered = model.gather(memory);
        // SAFETY: the promise made to `check`.
        let view = unsafe { tensor.view_as::<Unaligned<T>>() }.unwrap();
        assert_eq!(bytemuck::cast_slice::<T, u8>(&view.to_vec()), gathered);
        assert_eq!(view.iter().len(), model.numel());

        // SAFETY: the promise made to `check`.
        let view = unsafe { tensor.view::<T>() };
        let start =
            tensor.data().addr().wrapping_add(usize::try_from(tensor.byte_offset()).unwrap());
        if model.numel() > 0 && start % align_of::<T>() != 0 {
            let required = align_of::<T>();
            assert_eq!(view.map(drop), Err(Error::Misaligned { required }));
            return;
        }
        let view = view.unwrap();
        let iterated: Vec<T> = view.iter().copied().collect();
        assert_eq!(bytemuck::cast_slice::<T, u8>(&iterated), gathered);
        assert_eq!(bytemuck::cast_slice::<T, u8>(&view.to_vec()), gathered);
        // SAFETY: the promise made to `check`.
        let slice = unsafe { tensor.as_slice::<T>() };
        if model.is_row_major() {
            assert_eq!(bytemuck::cast_slice::<T, u8>(slice.unwrap()), gathered);
        } else {
            assert_eq!(slice.map(<[T]>::len), Err(Error::NotContiguous));
        }
    }

    fn sub_byte<T: SubByte>(&mut self) {
        let Self { tensor, model, memory } = self;
        // SAFETY: the promise made to `check`.
        let view = unsafe { tensor.packed_view::<T>() };
        let whole_bytes = usize::from(model.dtype.bits) * usize::from(model.dtype.lanes) % 8 == 0;
        if !model.padded && !whole_bytes && !model.is_row_major() {
            assert_eq!(view.map(drop), Err(Error::NotContiguous));
            return;
        }
        let view = view.unwrap();
        let lanes = model.lanes(memory);
        assert!(view.iter().map(T::to_bits).eq(lanes.iter().copied()));
        assert_eq!((view.len(), view.lanes()), (lanes.len(), model.dtype.lanes));
        assert!((0..lanes.len()).all(|i| view.get(i).map(T::to_bits) == Some(lanes[i])));
        assert_eq!(view.get(lanes.len()).map(T::to_bits), None);
        let mut unpacked = vec![0; lanes.len()];
        view.unpack_to(&mut unpacked, T::to_bits).unwrap();
        assert_eq!(unpacked, lanes);
    }
}
