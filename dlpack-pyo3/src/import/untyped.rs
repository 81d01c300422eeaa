//! An imported tensor of any element type.

use core::ops::Deref;

use dlpack::negotiate::{Request, Stream};
use dlpack::{Descriptor, Device, Element, Error, ManagedTensorVersioned, TensorViewMut};
use pyo3::exceptions::PyBufferError;
use pyo3::{Borrowed, PyAny, PyErr, PyResult};

use super::bridge;
use super::error::{Named, Text};
use crate::protocol::NamedStream;
use crate::route::{self, Library, Route, Taken};

/// What a [`PyTensor`](super::PyTensor) of any type holds.
pub(super) struct UntypedTensor(Taken);

impl UntypedTensor {
    /// Imports a tensor, and passes it on from where it was made.
    #[inline(always)]
    pub(super) fn import<T>(
        object: Borrowed<'_, '_, PyAny>,
        request: &Request,
        strict: bool,
        then: impl Fn(Self) -> PyResult<T>,
    ) -> PyResult<T> {
        let py = object.py();
        route::take(
            bridge::object(object),
            request,
            strict,
            |mut taken| {
                taken.set_ready_on(request.stream);
                if taken.is_ready_for_host || request.wanted_device() != Some(Device::CPU) {
                    return then(Self(taken));
                }
                then(Self(taken).waited_for())
            },
            |raised| Err(bridge::to_err(py, raised)),
        )
    }

    /// As [`import`](Self::import), with the library that has given the tensor.
    pub(super) fn import_with_library(
        object: Borrowed<'_, '_, PyAny>,
        request: &Request,
        strict: bool,
    ) -> PyResult<(Self, Library)> {
        let taken = route::take_with_library(bridge::object(object), request, strict);
        let (mut taken, library) = taken.map_err(|raised| bridge::to_err(object.py(), raised))?;
        taken.set_ready_on(request.stream);
        let is_as_asked = taken.is_ready_for_host || request.wanted_device() != Some(Device::CPU);
        let tensor = Self(taken);
        Ok((if is_as_asked { tensor } else { tensor.waited_for() }, library))
    }

    /// For memory of a device that was asked for on the CPU, and that the host can access.
    #[cold]
    fn waited_for(self) -> Self {
        if self.0.route != Route::Protocol {
            return self;
        }
        // SAFETY: by the standard, a producer that is asked for the CPU waits for the device, and gives memory that the host
        // can access; that the device has such memory was checked by the request.
        let tensor = unsafe { self.0.tensor.assume_host_accessible() };
        Self(Taken { tensor, is_ready_for_host: true, ..self.0 })
    }

    pub(super) const fn route(&self) -> &'static str {
        match self.0.route {
            Route::Capsule => "capsule",
            Route::Exchange => "exchange",
            Route::Protocol => "protocol",
            Route::NumPy => "numpy",
            Route::Buffer => "buffer",
        }
    }

    /// Returns `true` if an exchange table has given the tensor.
    pub(super) fn is_by_table(&self) -> bool {
        self.0.route == Route::Exchange
    }

    /// Returns `true` if the host may read the elements now.
    pub(super) fn is_ready_for_host(&self) -> bool {
        self.0.is_ready_for_host
    }

    /// Checks that the host may read the elements now.
    pub(super) fn check_ready_for_host(&self) -> PyResult<()> {
        if self.0.is_ready_for_host { Ok(()) } else { Err(refuse_host(self)) }
    }

    /// Returns the stream on which the elements can be used, if that is known.
    pub(super) fn ready_on(&self) -> Option<NamedStream> {
        self.0.ready_on()
    }

    /// Notes that the elements can be used on this stream.
    pub(super) fn set_ready_on(&mut self, stream: Stream) {
        self.0.set_ready_on(stream);
    }

    /// # Safety
    ///
    /// As for [`PyTensor::assume_writable`](super::PyTensor::assume_writable).
    pub(super) unsafe fn assume_writable(self) -> Self {
        // SAFETY: every byte can be written, as the caller promises.
        Self(Taken { tensor: unsafe { self.0.tensor.assume_writable() }, ..self.0 })
    }

    pub(super) fn into_managed(self) -> Result<ManagedTensorVersioned, Error> {
        let Taken { tensor, is_ready_for_host, is_alone, .. } = self.0;
        // SAFETY: the host can access what it may read, since that is main memory or was waited for; and the invariant of `is_alone`.
        unsafe { tensor.into_versioned(is_ready_for_host, is_alone) }
    }

    /// # Safety
    ///
    /// As for [`PyTensor::view_mut`](super::PyTensor::view_mut).
    #[inline]
    pub(super) unsafe fn view_mut<T: Element>(&mut self) -> Result<TensorViewMut<'_, T>, Error> {
        // SAFETY: the view is exclusive, as the caller promises.
        unsafe { self.0.tensor.view_mut() }
    }
}

#[cold]
fn refuse_host(tensor: &Descriptor) -> PyErr {
    let device = tensor.device();
    let error = Error::NotHostAccessible { device };
    let hint = if device.is_host_accessible() {
        "Import::device(Device::CPU) has the producer wait until the device has written it"
    } else {
        "Import::device(Device::CPU) has the producer copy it"
    };
    PyBufferError::new_err(Text(format!("{error}{}: {hint}", Named(tensor))))
}

impl Deref for UntypedTensor {
    type Target = Descriptor;

    #[inline]
    fn deref(&self) -> &Descriptor {
        &self.0.tensor
    }
}
