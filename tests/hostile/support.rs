//! Takes a tensor of the C library in, in both ABIs, and counts the calls of its deleter.

use std::fmt::Debug;

use dlpack::sys::{DLManagedTensor, DLManagedTensorVersioned};
use dlpack::{AnyManagedTensor, Descriptor, Element, Error, ManagedTensor, ManagedTensorVersioned};
use harness::{Managed, Spec, has_guard_pages};

/// The most dimensions that can be taken in.
pub(crate) const MAX_NDIM: usize = if cfg!(feature = "alloc") { 64 } else { 8 };

/// The elements of [`six`].
pub(crate) const SIX: [f32; 6] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];

/// What the rows start from: two rows of three floats.
pub(crate) fn six() -> Spec {
    Spec::of(&SIX).shape(&[2, 3])
}

/// The owner in one ABI.
pub(crate) trait Abi: Tensor + Into<AnyManagedTensor> + Debug + Send + 'static {
    type Struct: Managed;

    /// # Safety
    ///
    /// As for the `from_raw` of the type.
    unsafe fn import(raw: *mut Self::Struct) -> Result<Self, Error>;

    fn into_raw(self) -> *mut Self::Struct;
}

impl Abi for ManagedTensorVersioned {
    type Struct = DLManagedTensorVersioned;

    unsafe fn import(raw: *mut DLManagedTensorVersioned) -> Result<Self, Error> {
        // SAFETY: the caller's promise.
        unsafe { Self::from_raw(raw) }
    }

    fn into_raw(self) -> *mut DLManagedTensorVersioned {
        self.into_raw()
    }
}

impl Abi for ManagedTensor {
    type Struct = DLManagedTensor;

    unsafe fn import(raw: *mut DLManagedTensor) -> Result<Self, Error> {
        // SAFETY: the caller's promise.
        unsafe { Self::from_raw(raw) }
    }

    fn into_raw(self) -> *mut DLManagedTensor {
        self.into_raw()
    }
}

/// Takes the tensor in, which must succeed, lets `check` drop it, and expects one call of the deleter.
pub(crate) fn accept<A: Abi>(spec: &Spec, check: impl FnOnce(A)) {
    let (raw, record) = spec.make::<A::Struct>();
    // SAFETY: C passes it on; where a row breaks the contract, nothing is read that it does not promise.
    let tensor = unsafe { A::import(raw) };
    assert_eq!(record.deleted(), u32::from(tensor.is_err()));
    match tensor {
        Ok(tensor) => check(tensor),
        Err(error) => panic!("refused with {error:?}: {spec:?}"),
    }
    assert_eq!(record.deleted(), 1);
}

/// Tries to take the tensor in, and expects this error and one call of the deleter.
pub(crate) fn refuse<A: Abi>(spec: &Spec, error: Error) {
    let (raw, record) = spec.make::<A::Struct>();
    // SAFETY: C passes it on, and what is wrong with it is found before it is used.
    let refused = unsafe { A::import(raw) }.map(drop);
    assert_eq!(refused, Err(error), "{spec:?}");
    assert_eq!(record.deleted(), 1);
}

/// [`accept`] in both ABIs.
pub(crate) fn accepts(spec: &Spec, check: impl Fn(AnyManagedTensor)) {
    accept(spec, |tensor: ManagedTensorVersioned| check(tensor.into()));
    accept(spec, |tensor: ManagedTensor| check(tensor.into()));
}

/// [`refuse`] in both ABIs.
pub(crate) fn refuses(spec: &Spec, error: Error) {
    refuse::<ManagedTensorVersioned>(spec, error);
    refuse::<ManagedTensor>(spec, error);
}

/// The elements in row-major order.
///
/// For initialised tensors that nobody writes meanwhile, as all are that the rows read this way.
pub(crate) fn read<T: Element>(tensor: &Descriptor) -> Result<Vec<T>, Error> {
    // SAFETY: as the documentation says.
    Ok(unsafe { tensor.view::<T>() }?.iter().copied().collect())
}

/// Asks for guard pages where there are any.
pub(crate) fn guarded(spec: Spec, guard: fn(Spec) -> Spec) -> Spec {
    if has_guard_pages() { guard(spec) } else { spec }
}
