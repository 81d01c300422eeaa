//! The rules: what a request means for a producer on a device. Decided before anything is touched.

use super::copy_policy::CopyPolicy;
use super::request::Request;
use super::stream::Stream;
use crate::error::Error;
use crate::vocabulary::Device;

/// What to do.
#[derive(Clone, Copy)]
pub(super) struct Plan {
    pub(super) legacy: bool,
    pub(super) copy: Copying,
    /// Where the tensor is to be.
    pub(super) device: Device,
    /// The stream to be served, with the default one of the device put in.
    pub(super) stream: Stream,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Copying {
    Must,
    May,
    MustNot,
}

/// Judges a request to a producer whose memory is on `own`.
pub(super) fn plan(request: &Request, own: Device) -> Result<Plan, Error> {
    request.copy.check()?;
    let own = own.canonical();
    let device = request.wanted_device().map_or(own, Device::canonical);
    request.stream.check(device)?;
    let moves = device != own;
    if moves && request.copy == CopyPolicy::NEVER {
        return Err(Error::CopyNeeded { expected: device, found: own });
    }
    let copy = match request.copy {
        CopyPolicy::NEVER => Copying::MustNot,
        CopyPolicy::ALWAYS => Copying::Must,
        _ if moves => Copying::Must,
        _ => Copying::May,
    };
    let stream = request.stream.on(device.device_type);
    Ok(Plan { legacy: request.is_legacy(), copy, device, stream })
}
