//! What those need who put the streams of a device in order themselves.

use dlpack::Device;
use dlpack::negotiate::Stream;

use super::cache::plan_of;
use super::plan::Plan;
use crate::raw::{Object, Raised};

/// Whether a table speaks for objects of this one's type. It waits for no stream.
pub(crate) fn has_table(object: Object<'_>) -> Result<bool, Raised> {
    Ok(matches!(&*plan_of(object.class())?, Plan::Exchange(_)))
}

/// The stream on which the object's library queues its work for the device, as its table says.
pub(crate) fn current_stream(object: Object<'_>, device: Device) -> Result<Stream, Raised> {
    match &*plan_of(object.class())? {
        Plan::Exchange(exchange) => exchange.current_stream(object.attached(), device),
        _ => Ok(Stream::NONE),
    }
}
