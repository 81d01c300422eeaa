//! The words of the standard: versions, devices, dtypes, flags, and the Rust types that stand for dtypes.

mod data_type;
mod data_type_code;
mod device;
mod device_type;
mod element;
mod elements;
mod flags;
mod names;
mod parse;
mod storage;
mod version;

pub use data_type::DataType;
pub use data_type_code::DataTypeCode;
pub use device::Device;
pub use device_type::DeviceType;
pub use element::Element;
pub(crate) use element::assert_element;
pub(crate) use elements::assert_sub_byte;
pub use elements::*;
pub use flags::Flags;
pub use parse::ParseError;
pub use version::Version;
