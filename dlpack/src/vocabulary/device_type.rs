//! The types of devices, in one table: codes, names, and what memory of each type is.

use super::codes::codes;
use super::parse::decimal;
use crate::sys;

/// A kind of device, such as `cpu` or `cuda`.
///
/// An open number, not a closed `enum`: a code of a newer header is kept as it is, is written `device(99)`, and is
/// neither host-accessible nor a handle device, as nothing is known about it.
///
/// # Examples
///
/// ```
/// use dlpack::DeviceType;
///
/// assert_eq!("cuda".parse::<DeviceType>()?, DeviceType::CUDA);
/// assert_eq!(DeviceType::new(99).to_string(), "device(99)");
/// # Ok::<(), dlpack::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct DeviceType(i32);

/// Calls a macro with all types of devices that DLPack 1.3 names.
///
/// A line has the constant, the function that makes such a [`Device`](super::Device), with its number unless the standard
/// fixes that at 0, the code in the header, the name, and what memory of the type is.
macro_rules! device_types {
    ($callback:ident) => {
        $callback! {
            /// Main memory (`kDLCPU`).
            CPU cpu() = 1, "cpu", Host;
            /// An Nvidia GPU (`kDLCUDA`).
            CUDA cuda(device_id) = 2, "cuda", Device;
            /// Main memory pinned by CUDA (`kDLCUDAHost`).
            CUDA_HOST cuda_host() = 3, "cuda_host", Host;
            /// An OpenCL device (`kDLOpenCL`).
            OPENCL opencl(device_id) = 4, "opencl", Handle;
            /// A Vulkan device (`kDLVulkan`).
            VULKAN vulkan(device_id) = 7, "vulkan", Handle;
            /// An Apple GPU through Metal (`kDLMetal`).
            METAL metal(device_id) = 8, "metal", Handle;
            /// A Verilog simulator (`kDLVPI`).
            VPI vpi(device_id) = 9, "vpi", Unknown;
            /// An AMD GPU (`kDLROCM`).
            ROCM rocm(device_id) = 10, "rocm", Device;
            /// Main memory pinned by ROCm (`kDLROCMHost`).
            ROCM_HOST rocm_host() = 11, "rocm_host", Host;
            /// Kept free for trying out a new device; what it means is up to those who use it (`kDLExtDev`).
            EXT_DEV ext_dev(device_id) = 12, "ext_dev", Unknown;
            /// Memory that CUDA moves between host and GPU (`kDLCUDAManaged`).
            CUDA_MANAGED cuda_managed() = 13, "cuda_managed", Device;
            /// oneAPI unified shared memory, whose kind and device only its runtime can tell (`kDLOneAPI`).
            ONE_API one_api(device_id) = 14, "oneapi", Device;
            /// A GPU through WebGPU (`kDLWebGPU`).
            WEBGPU webgpu(device_id) = 15, "webgpu", Handle;
            /// A Qualcomm Hexagon DSP (`kDLHexagon`).
            HEXAGON hexagon(device_id) = 16, "hexagon", Unknown;
            /// A Microsoft MAIA accelerator (`kDLMAIA`).
            MAIA maia(device_id) = 17, "maia", Unknown;
            /// An AWS Trainium accelerator (`kDLTrn`).
            TRN trn(device_id) = 18, "trn", Unknown;
        }
    };
}
pub(super) use device_types;

/// What the data pointer of a tensor is.
#[derive(Clone, Copy)]
enum Memory {
    /// An address that the processor can follow at any time.
    Host,
    /// An address that only the device can follow, or only with care.
    Device,
    /// A handle of the device's own interface.
    Handle,
    /// The standard does not say.
    Unknown,
}

macro_rules! define {
    ($(
        #[doc = $doc:literal]
        $name:ident $function:ident($($id:ident)?) = $code:literal, $text:literal, $memory:ident;
    )*) => {
        codes! { DeviceType(i32), "device({})": $(#[doc = $doc] $name = $code, $text;)* }

        impl DeviceType {
            #[inline]
            const fn memory(self) -> Memory {
                match self {
                    $(Self::$name => Memory::$memory,)*
                    _ => Memory::Unknown,
                }
            }

            /// Returns whether the standard fixes the device's number at 0: `cpu`, `cuda_host`, `rocm_host` and
            /// `cuda_managed`.
            #[must_use]
            #[inline]
            pub const fn is_unnumbered(self) -> bool {
                match self {
                    $(Self::$name => concat!("" $(, stringify!($id))?).is_empty(),)*
                    _ => false,
                }
            }
        }
    };
}

device_types!(define);

impl DeviceType {
    /// Returns whether the processor may read the memory at any time: `cpu`, `cuda_host` and `rocm_host`.
    ///
    /// `cuda_managed` is not among them: a GPU may still be at work on the memory, and only its runtime can tell.
    #[must_use]
    #[inline]
    pub const fn is_host_accessible(self) -> bool {
        matches!(self.memory(), Memory::Host)
    }

    /// Returns whether `data` is a handle of the device's own interface rather than an address: `opencl`, `vulkan`, `metal`
    /// and `webgpu`.
    ///
    /// The offset to the first element may not be added to a handle.
    #[must_use]
    #[inline]
    pub const fn is_handle(self) -> bool {
        matches!(self.memory(), Memory::Handle)
    }

    /// Returns whether `data` is an address, to which offsets may be added, on the host or on the device: `cpu`, `cuda_host`,
    /// `rocm_host`, `cuda`, `cuda_managed`, `rocm` and `oneapi`.
    ///
    /// A type that is neither this nor a [handle](Self::is_handle) is unknown, and nothing is added to its pointers either.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::DeviceType;
    ///
    /// assert!(DeviceType::CUDA.is_address() && !DeviceType::CUDA.is_host_accessible());
    /// assert!(DeviceType::VULKAN.is_handle());
    /// assert!(!DeviceType::new(99).is_address());
    /// ```
    #[must_use]
    #[inline]
    pub const fn is_address(self) -> bool {
        matches!(self.memory(), Memory::Host | Memory::Device)
    }

    pub(crate) fn read(text: &str) -> Option<Self> {
        match Self::KNOWN.iter().find(|&&(_, name)| name == text) {
            Some(&(device_type, _)) => Some(device_type),
            None => decimal(text.strip_prefix("device(")?.strip_suffix(')')?).map(Self),
        }
    }

    pub(super) const fn from_sys(device_type: sys::DLDeviceType) -> Self {
        Self(device_type.0)
    }

    pub(super) const fn to_sys(self) -> sys::DLDeviceType {
        sys::DLDeviceType(self.0)
    }
}
