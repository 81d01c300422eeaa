//! The kinds of device: open numbers with names, and what may be done with memory of each kind.

use core::fmt;
use core::str::FromStr;

use super::parse::{ParseError, decimal};
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
/// # Ok::<(), dlpack::ParseError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct DeviceType(i32);

impl DeviceType {
    /// Main memory (`kDLCPU`).
    pub const CPU: Self = Self(1);
    /// An Nvidia GPU (`kDLCUDA`).
    pub const CUDA: Self = Self(2);
    /// Main memory pinned by CUDA (`kDLCUDAHost`).
    pub const CUDA_HOST: Self = Self(3);
    /// An OpenCL device (`kDLOpenCL`).
    pub const OPENCL: Self = Self(4);
    /// A Vulkan device (`kDLVulkan`).
    pub const VULKAN: Self = Self(7);
    /// An Apple GPU through Metal (`kDLMetal`).
    pub const METAL: Self = Self(8);
    /// A Verilog simulator (`kDLVPI`).
    pub const VPI: Self = Self(9);
    /// An AMD GPU (`kDLROCM`).
    pub const ROCM: Self = Self(10);
    /// Main memory pinned by ROCm (`kDLROCMHost`).
    pub const ROCM_HOST: Self = Self(11);
    /// Kept free for trying out a new device; what it means is up to those who use it (`kDLExtDev`).
    pub const EXT_DEV: Self = Self(12);
    /// Memory that CUDA moves between host and GPU (`kDLCUDAManaged`).
    pub const CUDA_MANAGED: Self = Self(13);
    /// oneAPI unified shared memory, whose kind and device only its runtime can tell (`kDLOneAPI`).
    pub const ONE_API: Self = Self(14);
    /// A GPU through WebGPU (`kDLWebGPU`).
    pub const WEBGPU: Self = Self(15);
    /// A Qualcomm Hexagon DSP (`kDLHexagon`).
    pub const HEXAGON: Self = Self(16);
    /// A Microsoft MAIA accelerator (`kDLMAIA`).
    pub const MAIA: Self = Self(17);
    /// An AWS Trainium accelerator (`kDLTrn`).
    pub const TRN: Self = Self(18);

    /// Makes a device type of any code, known or not.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::DeviceType;
    ///
    /// assert_eq!(DeviceType::new(2), DeviceType::CUDA);
    /// ```
    #[must_use]
    pub const fn new(code: i32) -> Self {
        Self(code)
    }

    /// The number in the header.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(dlpack::DeviceType::CUDA_MANAGED.code(), 13);
    /// ```
    #[must_use]
    pub const fn code(self) -> i32 {
        self.0
    }

    /// Whether DLPack 1.3 gives this code a name.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::DeviceType;
    ///
    /// assert!(DeviceType::TRN.is_known());
    /// assert!(!DeviceType::new(5).is_known());
    /// ```
    #[must_use]
    pub const fn is_known(self) -> bool {
        self.name().is_some()
    }

    /// The name that [`Display`](fmt::Display) writes, or `None` for a code that DLPack 1.3 does not name.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::DeviceType;
    ///
    /// assert_eq!(DeviceType::CUDA_HOST.name(), Some("cuda_host"));
    /// assert_eq!(DeviceType::new(0).name(), None);
    /// ```
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::CPU => "cpu",
            Self::CUDA => "cuda",
            Self::CUDA_HOST => "cuda_host",
            Self::OPENCL => "opencl",
            Self::VULKAN => "vulkan",
            Self::METAL => "metal",
            Self::VPI => "vpi",
            Self::ROCM => "rocm",
            Self::ROCM_HOST => "rocm_host",
            Self::EXT_DEV => "ext_dev",
            Self::CUDA_MANAGED => "cuda_managed",
            Self::ONE_API => "oneapi",
            Self::WEBGPU => "webgpu",
            Self::HEXAGON => "hexagon",
            Self::MAIA => "maia",
            Self::TRN => "trn",
            _ => return None,
        })
    }

    /// Whether the processor may read the memory at any time: `cpu`, `cuda_host` and `rocm_host`.
    ///
    /// `cuda_managed` is not among them: a GPU may still be at work on the memory, and only its runtime can tell.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::DeviceType;
    ///
    /// assert!(DeviceType::CUDA_HOST.is_host_accessible());
    /// assert!(!DeviceType::CUDA_MANAGED.is_host_accessible());
    /// ```
    #[must_use]
    pub const fn is_host_accessible(self) -> bool {
        matches!(self, Self::CPU | Self::CUDA_HOST | Self::ROCM_HOST)
    }

    /// Whether `data` is a handle of the device's own interface rather than an address: `opencl`, `vulkan`, `metal` and
    /// `webgpu`.
    ///
    /// The offset to the first element may not be added to a handle.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::DeviceType;
    ///
    /// assert!(DeviceType::METAL.is_handle());
    /// assert!(!DeviceType::CUDA.is_handle());
    /// ```
    #[must_use]
    pub const fn is_handle(self) -> bool {
        matches!(self, Self::OPENCL | Self::VULKAN | Self::METAL | Self::WEBGPU)
    }

    /// Whether `data` is an address, to which offsets may be added, on the host or on the device: `cpu`, `cuda_host`, `rocm_host`,
    /// `cuda`, `cuda_managed`, `rocm` and `oneapi`.
    ///
    /// Of a type that is neither this nor a [handle](Self::is_handle) nothing is known, and nothing is added either.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::DeviceType;
    ///
    /// assert!(DeviceType::CUDA.is_address());
    /// assert!(!DeviceType::VULKAN.is_address());
    /// assert!(!DeviceType::new(99).is_address());
    /// ```
    #[must_use]
    pub const fn is_address(self) -> bool {
        self.is_host_accessible()
            || matches!(self, Self::CUDA | Self::CUDA_MANAGED | Self::ROCM | Self::ONE_API)
    }

    /// Whether the standard fixes the device's number at 0: `cpu`, `cuda_host`, `rocm_host` and `cuda_managed`.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::DeviceType;
    ///
    /// assert!(DeviceType::CPU.is_unnumbered());
    /// assert!(!DeviceType::CUDA.is_unnumbered());
    /// ```
    #[must_use]
    pub const fn is_unnumbered(self) -> bool {
        matches!(self, Self::CPU | Self::CUDA_HOST | Self::ROCM_HOST | Self::CUDA_MANAGED)
    }

    /// The codes that lie between the smallest and the largest with a name.
    fn codes() -> impl Iterator<Item = Self> {
        (Self::CPU.0..=Self::TRN.0).map(Self)
    }
}

impl fmt::Display for DeviceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "device({})", self.0),
        }
    }
}

impl fmt::Debug for DeviceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceType({self})")
    }
}

impl FromStr for DeviceType {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let numbered = || {
            let code = text.strip_prefix("device(")?.strip_suffix(')')?;
            decimal(code).map(Self)
        };
        Self::codes()
            .find(|device_type| device_type.name() == Some(text))
            .or_else(numbered)
            .ok_or(ParseError::DEVICE_TYPE)
    }
}

impl From<sys::DLDeviceType> for DeviceType {
    fn from(device_type: sys::DLDeviceType) -> Self {
        Self(device_type.0)
    }
}

impl From<DeviceType> for sys::DLDeviceType {
    fn from(device_type: DeviceType) -> Self {
        Self(device_type.0)
    }
}
