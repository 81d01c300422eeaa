//! A tensor that was taken, whatever it holds.

use core::ops::Deref;

use dlpack::negotiate::Request;
use dlpack::{
    Descriptor, Device, DeviceType, Element, Error, ImportMode, ManagedTensorVersioned,
    TensorViewMut,
};
use pyo3::{Borrowed, PyAny, PyResult};

use super::bridge;
use crate::roads::{self, Road, Taken};

/// What a [`PyTensor`](super::PyTensor) of any type has.
pub(super) struct Imported {
    taken: Taken,
    road: Road,
    /// Whether the producer has waited for the device, so that the host may read.
    settled: bool,
}

impl Imported {
    /// Takes a tensor and passes it on, in place.
    #[inline(always)]
    pub(super) fn take<T>(
        object: Borrowed<'_, '_, PyAny>,
        request: &Request,
        then: impl Fn(Self) -> PyResult<T>,
    ) -> PyResult<T> {
        let py = object.py();
        roads::take_and(
            bridge::object(object),
            request,
            |taken, road| {
                let settled = taken.device().device_type == DeviceType::CPU;
                let imported = Self { taken, road, settled };
                if settled || request.wanted_device() != Some(Device::CPU) {
                    return then(imported);
                }
                then(imported.settle())
            },
            |raised| Err(bridge::to_err(py, raised)),
        )
    }

    /// For memory of a device that was asked for on the CPU, and that the host can access.
    #[cold]
    fn settle(self) -> Self {
        if self.road != Road::Protocol {
            return self;
        }
        // SAFETY: the standard: a producer that is asked for the CPU waits for the device, and gives what the host can
        // access; that it is such memory was checked when it came.
        let taken = unsafe { self.taken.assume_host_accessible() };
        Self { taken, road: self.road, settled: true }
    }

    pub(super) const fn road(&self) -> &'static str {
        match self.road {
            Road::Capsule => "capsule",
            Road::Exchange => "exchange",
            Road::Protocol => "protocol",
            Road::NumPy => "numpy",
            Road::Buffer => "buffer",
        }
    }

    /// Checks that the tensor keeps as closely to the standard as that.
    pub(super) fn check_mode(&self, mode: ImportMode) -> Result<(), Error> {
        match mode {
            ImportMode::Lenient => Ok(()),
            ImportMode::Strict => self.taken.check_strict(),
        }
    }

    /// Checks that the host may read the elements now.
    pub(super) fn check_settled(&self) -> Result<(), Error> {
        if self.settled { Ok(()) } else { Err(Error::NotHostAccessible { device: self.device() }) }
    }

    /// # Safety
    ///
    /// As for [`Tensor::assume_writable`].
    pub(super) unsafe fn assume_writable(self) -> Self {
        // SAFETY: the caller's promise.
        Self { taken: unsafe { self.taken.assume_writable() }, ..self }
    }

    pub(super) fn into_managed(self) -> Result<ManagedTensorVersioned, Error> {
        self.taken.into_versioned()
    }

    /// # Safety
    ///
    /// As for [`Tensor::view_mut`].
    #[inline]
    pub(super) unsafe fn view_mut<T: Element>(&mut self) -> Result<TensorViewMut<'_, T>, Error> {
        // SAFETY: the caller's promise.
        unsafe { self.taken.view_mut() }
    }
}

impl Deref for Imported {
    type Target = Descriptor;

    #[inline]
    fn deref(&self) -> &Descriptor {
        &self.taken
    }
}
