//! The words of the standard: versions, devices, dtypes, flags, and the Rust types that stand for dtypes.

mod c_values;
mod codes;
mod data_type;
mod data_type_code;
mod device;
mod device_type;
mod element;
mod element_size;
mod flags;
mod parse;
mod spelling;
pub mod types;
mod version;

pub use data_type::DataType;
pub use data_type_code::DataTypeCode;
pub use device::Device;
pub use device_type::DeviceType;
pub use element::Element;
pub(crate) use element::assert_element;
pub use flags::Flags;
pub(crate) use types::{SubByte, assert_sub_byte};
pub use version::Version;
