//! The number of dimensions, and the pointers to shape and strides.

use dlpack::sys::{DLManagedTensor, DLManagedTensorVersioned};
use dlpack::{Error, ManagedTensor, ManagedTensorVersioned};
use harness::abi::Abi;
use harness::{Record, Spec, bytes_of, consumer};

use crate::support::{MAX_NDIM, SIX, accept, accepts, guarded, read, refuses, six};

#[test]
fn h021_no_dimensions_and_no_arrays() {
    let scalar = Spec::of(&[1.5_f32]).shape(&[]).null_shape().null_strides();
    accepts(&scalar, |tensor| {
        assert_eq!((tensor.ndim(), tensor.numel(), tensor.nbytes()), (0, 1, 4));
        assert_eq!((tensor.shape(), tensor.strides()), (&[][..], &[][..]));
        assert_eq!(read(&tensor), Ok(vec![1.5_f32]));
    });
}

#[test]
fn h022_one_dimension_less_than_none() {
    refuses(&six().ndim(-1), Error::NegativeNdim { ndim: -1 });
}

#[test]
fn h023_fewest_dimensions() {
    refuses(&six().ndim(i32::MIN), Error::NegativeNdim { ndim: i32::MIN });
}

#[test]
fn h024_most_dimensions() {
    let spec = guarded(six().ndim(i32::MAX), |spec| spec.guard_dims());
    refuses(&spec, Error::TooManyAxes { ndim: 2_147_483_647, max: MAX_NDIM });
}

#[test]
fn h025_as_many_dimensions_as_fit() {
    let spec = Spec::of(&[1.5_f32]).shape(&[1; MAX_NDIM]);
    accepts(&guarded(spec, |spec| spec.guard_dims()), |tensor| {
        assert_eq!((tensor.ndim(), tensor.numel()), (MAX_NDIM, 1));
        assert_eq!(tensor.shape(), [1; MAX_NDIM]);
        assert_eq!(read(&tensor), Ok(vec![1.5_f32]));
    });
}

#[test]
fn h026_one_dimension_too_many() {
    let spec = Spec::of(&[1.5_f32]).shape(&[1; MAX_NDIM + 1]);
    refuses(&spec, Error::TooManyAxes { ndim: MAX_NDIM + 1, max: MAX_NDIM });
}

#[test]
fn h027_no_shape() {
    refuses(&six().null_shape(), Error::NullShape { ndim: 2 });
    refuses(&six().null_shape().null_strides(), Error::NullShape { ndim: 2 });
}

#[test]
fn h028_no_strides_legacy() {
    accept(&six().null_strides(), |tensor: ManagedTensor| {
        assert_eq!(tensor.strides(), [3, 1]);
        assert_eq!(read::<f32>(&tensor), Ok(SIX.to_vec()));
    });
}

#[test]
fn h029_no_strides_before_1_2() {
    for minor in [0, 1] {
        let spec = six().null_strides().version(1, minor);
        accept(&spec, |tensor: ManagedTensorVersioned| {
            assert_eq!(tensor.strides(), [3, 1]);
            assert_eq!(read::<f32>(&tensor), Ok(SIX.to_vec()));
        });
        assert_eq!(strictly(&spec), (Ok(vec![3, 1]), 1));
    }
}

#[test]
fn h030_no_strides_since_1_2() {
    for minor in [2, 3, 99] {
        let spec = six().null_strides().version(1, minor);
        accept(&spec, |tensor: ManagedTensorVersioned| {
            assert_eq!(tensor.strides(), [3, 1]);
            assert_eq!(read::<f32>(&tensor), Ok(SIX.to_vec()));
        });
        assert_eq!(strictly(&spec), (Err(Error::NullStrides { ndim: 2 }), 1));
    }
    let scalar = Spec::of(&[1.5_f32]).shape(&[]).null_strides();
    assert_eq!(
        strictly(&scalar),
        (Ok(vec![]), 1),
        "without dimensions there is nothing to point to"
    );
}

/// The strides of a tensor taken in strictly, and how often its deleter ran.
fn strictly(spec: &Spec) -> (Result<Vec<i64>, Error>, u32) {
    let (raw, record) = spec.make_versioned();
    // SAFETY: C passes it on.
    let tensor = unsafe { ManagedTensorVersioned::from_raw_strict(raw) };
    let strides = tensor.map(|tensor| tensor.strides().to_vec());
    (strides, record.deleted())
}

/// Takes a tensor in, lets C change its arrays, and looks at the tensor again.
fn after_a_change<A: Abi>(change: impl Fn(&Record)) {
    let (tensor, record) = A::from_c(&six());
    change(&record);
    assert_eq!((tensor.shape(), tensor.strides()), (&[2, 3][..], &[3, 1][..]));
    assert_eq!((tensor.numel(), tensor.nbytes()), (6, 24));
    assert_eq!(read::<f32>(&tensor), Ok(SIX.to_vec()));
    // SAFETY: C initialised the elements, and nobody writes them.
    let slice = unsafe { tensor.as_slice::<f32>() };
    assert_eq!(slice, Ok(&SIX[..]));
    drop(tensor);
    assert_eq!(record.deleted(), 1);
}

#[test]
fn h031_arrays_rewritten_after_the_import() {
    let grow = |record: &Record| record.resize_live(&[300, 400], &[400, 1]);
    after_a_change::<DLManagedTensorVersioned>(grow);
    after_a_change::<DLManagedTensor>(grow);
}

#[test]
fn h032_arrays_freed_after_the_import() {
    let free = |record: &Record| record.move_live(&[300, 400], &[400, 1]);
    after_a_change::<DLManagedTensorVersioned>(free);
    after_a_change::<DLManagedTensor>(free);
}

#[test]
fn h033_no_strides_and_no_elements() {
    accepts(&Spec::of::<f32>(&[]).shape(&[0, 3]).null_strides(), |tensor| {
        assert_eq!((tensor.strides(), tensor.numel()), (&[3, 1][..], 0));
    });
    accepts(&Spec::of::<f32>(&[]).shape(&[3, 0, 2]).null_strides(), |tensor| {
        assert_eq!((tensor.strides(), tensor.numel()), (&[2, 2, 1][..], 0));
    });
}

#[test]
fn h034_no_strides_and_too_many_elements() {
    refuses(&six().shape(&[1 << 40, 1 << 40]).null_strides(), Error::ShapeOverflow);
}

#[test]
fn h031_c_itself_sees_the_new_shape() {
    let (raw, record) = six().make_versioned();
    record.resize_live(&[3, 2], &[2, 1]);
    // SAFETY: C passes it on.
    let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }.expect("a valid tensor");
    assert_eq!(tensor.shape(), [3, 2]);
    // SAFETY: the tensor is alive and its fields are true.
    let gathered = unsafe { consumer::gather_managed(raw) };
    assert_eq!(gathered.as_deref(), Some(bytes_of(&SIX)));
    drop(tensor);
    assert_eq!(record.deleted(), 1);
}

/// The number of axes is judged before the pointer.
#[test]
fn too_many_axes_without_a_shape() {
    let many = six().ndim(65).null_shape().null_strides();
    refuses(&many, Error::TooManyAxes { ndim: 65, max: MAX_NDIM });
}
