//! Both ABIs behind one trait, for tests that are written once for both.
//!
//! This is the only module of the harness that knows the crate under test.

use dlpack::{AnyManagedTensor, ManagedTensor, ManagedTensorVersioned};
use dlpack_sys::{DLManagedTensor, DLManagedTensorVersioned};

use crate::{Managed, Record, Spec};

/// One of the two C structs. [`dlpack::Managed`] owns it.
pub trait Abi: Managed + dlpack::Abi {
    /// Exports with one of two functions: the one that makes this struct. See [`export!`](crate::export).
    fn choose<E, R>(
        exporter: E,
        versioned: impl FnOnce(E) -> Result<*mut DLManagedTensorVersioned, R>,
        legacy: impl FnOnce(E) -> Result<*mut DLManagedTensor, R>,
    ) -> Result<*mut Self, R>;

    /// Returns the tensor as one of either ABI.
    fn any(tensor: dlpack::Managed<Self>) -> AnyManagedTensor;

    /// Returns the field with the deleter.
    fn deleter(&mut self) -> &mut Option<unsafe extern "C" fn(*mut Self)>;

    /// Overwrites the fields that only this ABI has.
    fn spoil(&mut self);

    /// Takes over a tensor, which must be valid.
    ///
    /// # Safety
    ///
    /// The tensor is passed on, and the import contract holds.
    #[track_caller]
    unsafe fn import(raw: *mut Self) -> dlpack::Managed<Self> {
        // SAFETY: the contract is the same.
        unsafe { dlpack::Managed::from_raw(raw) }.expect("a valid tensor")
    }

    /// Has C make a tensor, and takes it over.
    #[track_caller]
    fn from_c(spec: &Spec) -> (dlpack::Managed<Self>, Record) {
        let (raw, record) = spec.make::<Self>();
        // SAFETY: C passes the tensor on.
        (unsafe { Self::import(raw) }, record)
    }
}

/// Exports into the struct of an ABI that is known by a type.
#[macro_export]
macro_rules! export {
    ($abi:ty, $exporter:expr) => {
        <$abi as $crate::abi::Abi>::choose(
            $exporter,
            |exporter| exporter.into_raw(),
            |exporter| exporter.into_raw_legacy(),
        )
    };
}

/// Does the same with the tensor of either ABI in a [`dlpack::AnyManagedTensor`].
#[macro_export]
macro_rules! either {
    ($any:expr, |$tensor:ident| $body:expr) => {
        match $any {
            ::dlpack::AnyManagedTensor::Legacy($tensor) => $body,
            ::dlpack::AnyManagedTensor::Versioned($tensor) => $body,
            _ => unreachable!("there are two ABIs"),
        }
    };
}

impl Abi for DLManagedTensorVersioned {
    fn choose<E, R>(
        exporter: E,
        versioned: impl FnOnce(E) -> Result<*mut Self, R>,
        _: impl FnOnce(E) -> Result<*mut DLManagedTensor, R>,
    ) -> Result<*mut Self, R> {
        versioned(exporter)
    }

    fn any(tensor: ManagedTensorVersioned) -> AnyManagedTensor {
        tensor.into()
    }

    fn deleter(&mut self) -> &mut Option<unsafe extern "C" fn(*mut Self)> {
        &mut self.deleter
    }

    fn spoil(&mut self) {
        self.flags = u64::MAX;
        self.version.major = 77;
    }
}

impl Abi for DLManagedTensor {
    fn choose<E, R>(
        exporter: E,
        _: impl FnOnce(E) -> Result<*mut DLManagedTensorVersioned, R>,
        legacy: impl FnOnce(E) -> Result<*mut Self, R>,
    ) -> Result<*mut Self, R> {
        legacy(exporter)
    }

    fn any(tensor: ManagedTensor) -> AnyManagedTensor {
        tensor.into()
    }

    fn deleter(&mut self) -> &mut Option<unsafe extern "C" fn(*mut Self)> {
        &mut self.deleter
    }

    fn spoil(&mut self) {}
}
