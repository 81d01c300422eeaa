//! Takes a tensor of the C library in, in both ABIs, and counts the calls of its deleter.

use dlpack::sys::{DLManagedTensor, DLManagedTensorVersioned};
use dlpack::{AnyManagedTensor, Descriptor, Element, Error, Managed};
use harness::abi::Abi;
use harness::{Spec, has_guard_pages};

/// The most dimensions that can be taken in.
pub(crate) const MAX_NDIM: usize = if cfg!(feature = "alloc") { 64 } else { 8 };

/// The elements of [`six`].
pub(crate) const SIX: [f32; 6] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];

/// What the rows start from: two rows of three floats.
pub(crate) fn six() -> Spec {
    Spec::of(&SIX).shape(&[2, 3])
}

/// Takes the tensor in, which must succeed, lets `check` drop it, and expects one call of the deleter.
pub(crate) fn accept<A: Abi>(spec: &Spec, check: impl FnOnce(Managed<A>)) {
    let (raw, record) = spec.make::<A>();
    // SAFETY: C passes it on; where a row breaks the contract, nothing is read that it does not promise.
    let tensor = unsafe { Managed::from_raw(raw) };
    assert_eq!(record.deleted(), u32::from(tensor.is_err()));
    match tensor {
        Ok(tensor) => check(tensor),
        Err(error) => panic!("refused with {error:?}: {spec:?}"),
    }
    assert_eq!(record.deleted(), 1);
}

/// Tries to take the tensor in, and expects this error and one call of the deleter.
pub(crate) fn refuse<A: Abi>(spec: &Spec, error: Error) {
    let (raw, record) = spec.make::<A>();
    // SAFETY: C passes it on, and what is wrong with it is found before it is used.
    let refused = unsafe { Managed::from_raw(raw) }.map(drop);
    assert_eq!(refused, Err(error), "{spec:?}");
    assert_eq!(record.deleted(), 1);
}

/// [`accept`] in both ABIs.
pub(crate) fn accepts(spec: &Spec, check: impl Fn(AnyManagedTensor)) {
    accept::<DLManagedTensorVersioned>(spec, |tensor| check(tensor.into()));
    accept::<DLManagedTensor>(spec, |tensor| check(tensor.into()));
}

/// [`refuse`] in both ABIs.
pub(crate) fn refuses(spec: &Spec, error: Error) {
    refuse::<DLManagedTensorVersioned>(spec, error);
    refuse::<DLManagedTensor>(spec, error);
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
