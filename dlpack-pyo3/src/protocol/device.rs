//! Devices, as Python writes them: pairs of a type and a number.

use dlpack::{Device, DeviceType};

use crate::raw::{Class, Object, Raised, integer_or_member, names, pair, raise};

/// Returns `true` for the devices whose memory CUDA kernels can access.
pub(crate) const fn is_cuda(device: DeviceType) -> bool {
    matches!(device, DeviceType::CUDA | DeviceType::CUDA_HOST | DeviceType::CUDA_MANAGED)
}

/// Returns `true` for the devices whose streams the protocol gives numbers.
///
/// Others have queues, too, but no two libraries agree on how to name one: no consumer names any, and a producer orders its
/// work as its own library does.
pub(crate) const fn has_streams(device: DeviceType) -> bool {
    is_cuda(device) || matches!(device, DeviceType::ROCM | DeviceType::ROCM_HOST)
}

/// Reads the two integers of a device.
///
/// The type may be a member of an enumeration. Some libraries leave the number `None` if there is only one such device.
///
/// # Errors
///
/// What `refuse` raises for an object that is not a pair, and `TypeError` for a pair of other objects.
pub(super) fn read_pair(
    value: Object<'_>,
    refuse: impl FnOnce() -> Raised,
) -> Result<[i64; 2], Raised> {
    let read = |[kind, id]: [Object<'_>; 2]| {
        let id = if id.is_none() { 0 } else { integer_or_member(id)? };
        Ok([integer_or_member(kind)?, id])
    };
    pair(value, read, refuse)
}

/// Makes a device of two integers, if they fit.
pub(super) fn make([kind, id]: [i64; 2]) -> Option<Device> {
    Some(Device::new(DeviceType::new(i32::try_from(kind).ok()?), i32::try_from(id).ok()?))
}

/// Calls `__dlpack_device__`. Returns `None` if the object has no such method.
///
/// # Errors
///
/// What the producer raises; `TypeError` for an answer that is not a pair of integers; `ValueError` for integers that are
/// out of range.
#[cold]
pub(crate) fn device_of(object: Object<'_>) -> Result<Option<Device>, Raised> {
    let Some(answer) = object.call_method(&names::DLPACK_DEVICE)? else { return Ok(None) };
    let (py, answer) = (object.attached(), answer.borrow());
    let refuse = || {
        let found = answer.class_name();
        let text = "expected two integers from __dlpack_device__";
        raise(py, Class::Type, format_args!("{text}, found {found}"))
    };
    let [kind, id] = read_pair(answer, refuse)
        .map_err(|raised| if raised.is(Class::Type) { refuse() } else { raised })?;
    make([kind, id]).map(Some).ok_or_else(|| {
        let text = "expected a device";
        raise(py, Class::Value, format_args!("{text}, found type {kind} and number {id}"))
    })
}
