//! What a tensor says of itself, checked and copied out of the C struct.

use core::ffi::c_void;
use core::fmt;

use crate::dims::Dims;
use crate::layout::{self, Layout};
use crate::vocabulary::{DataType, Device, Flags, Version};

/// Everything a tensor says of itself, checked when it came in and unchanging since.
///
/// Shape and strides are copies: in some libraries those of the C struct are live fields of a tensor object,
/// which change or move after the export. Nothing here can fail, and nothing here reads foreign memory.
///
/// All owners dereference to this type. The functions that look at elements are in its second half; they
/// are `unsafe`, since DLPack promises neither that the memory is initialised nor that nobody writes it. The
/// wrappers [`Frozen`](crate::Frozen) and [`Exclusive`](crate::Exclusive) have safe ones of the same names.
///
/// # Examples
///
/// ```
/// use dlpack::{DataType, Device, Exporter};
///
/// let tensor = Exporter::new(vec![0.0_f32; 6]).shape(&[2, 3]).build()?;
/// assert_eq!(tensor.shape(), [2, 3]);
/// assert_eq!(tensor.strides(), [3, 1]);
/// assert_eq!(tensor.dtype(), DataType::F32);
/// assert_eq!(tensor.device(), Device::CPU);
/// # Ok::<(), dlpack::Error>(())
/// ```
pub struct Descriptor {
    pub(crate) data: *mut c_void,
    pub(crate) byte_offset: u64,
    pub(crate) device: Device,
    pub(crate) dtype: DataType,
    pub(crate) flags: Flags,
    pub(crate) version: Option<Version>,
    pub(crate) access: Access,
    /// Whether somebody vouches that the host can follow `data`, whatever the device says.
    pub(crate) host: bool,
    /// `layout` is `Layout::new` of these.
    pub(crate) dims: Dims<i64>,
    pub(crate) layout: Layout,
}

// SAFETY: a descriptor holds numbers and an address, which it follows only in `unsafe` functions.
unsafe impl Send for Descriptor {}
// SAFETY: the same; nothing changes behind a shared reference.
unsafe impl Sync for Descriptor {}

/// Whether the memory of a tensor may be written.
///
/// # Examples
///
/// ```
/// use dlpack::{Access, Exporter};
///
/// let tensor = Exporter::new(vec![0_u8; 3]).build()?;
/// assert_eq!(tensor.access(), Access::Writable);
/// # Ok::<(), dlpack::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// The producer forbids it.
    ReadOnly,
    /// The producer allows it.
    Writable,
    /// The producer cannot say: the legacy ABI has no flag for it.
    Unknown,
}

impl Access {
    /// What the flags of the current ABI say.
    #[inline]
    pub(crate) const fn of(flags: Flags) -> Self {
        if flags.is_read_only() { Self::ReadOnly } else { Self::Writable }
    }
}

impl Descriptor {
    /// Returns the shape: the number of elements along each axis.
    ///
    /// # Examples
    ///
    /// ```
    /// # let tensor = dlpack::Exporter::new(vec![0_u8; 6]).shape(&[3, 2]).build()?;
    /// assert_eq!(tensor.shape(), [3, 2]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub fn shape(&self) -> &[i64] {
        self.dims.shape()
    }

    /// Returns the strides: how many *elements* lie between neighbours along each axis.
    ///
    /// As the producer gave them, or the row-major ones if it gave none. The stride of an axis of size 1, or
    /// of a tensor without elements, means nothing and can be any number.
    ///
    /// # Examples
    ///
    /// ```
    /// # let tensor = dlpack::Exporter::new(vec![0_u8; 6]).shape(&[3, 2]).build()?;
    /// assert_eq!(tensor.strides(), [2, 1]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub fn strides(&self) -> &[i64] {
        self.dims.strides()
    }

    /// Returns the number of axes.
    ///
    /// # Examples
    ///
    /// ```
    /// # let tensor = dlpack::Exporter::new(vec![0_u8; 6]).shape(&[3, 2]).build()?;
    /// assert_eq!(tensor.ndim(), 2);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub const fn ndim(&self) -> usize {
        self.dims.ndim()
    }

    /// Returns the dtype.
    ///
    /// # Examples
    ///
    /// ```
    /// # let tensor = dlpack::Exporter::new(vec![0_i16; 6]).build()?;
    /// assert_eq!(tensor.dtype().to_string(), "int16");
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub const fn dtype(&self) -> DataType {
        self.dtype
    }

    /// Returns the device. Its number is the producer's.
    ///
    /// # Examples
    ///
    /// ```
    /// # let tensor = dlpack::Exporter::new(vec![0_u8; 6]).build()?;
    /// assert_eq!(tensor.device().to_string(), "cpu");
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub const fn device(&self) -> Device {
        self.device
    }

    /// Returns the flags, unknown ones included. A legacy tensor has none.
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::Flags;
    /// # let tensor = dlpack::Exporter::new(vec![0_u8; 6]).read_only().build()?;
    /// assert!(tensor.flags().contains(Flags::READ_ONLY));
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub const fn flags(&self) -> Flags {
        self.flags
    }

    /// Returns the version that the producer wrote, or `None` for an ABI without one.
    ///
    /// # Examples
    ///
    /// ```
    /// # let tensor = dlpack::Exporter::new(vec![0_u8; 6]).build()?;
    /// assert_eq!(tensor.version(), Some(dlpack::Version::new(1, 3)));
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub const fn version(&self) -> Option<Version> {
        self.version
    }

    /// Says whether the memory may be written.
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::Access;
    /// # let tensor = dlpack::Exporter::new(vec![0_u8; 6]).read_only().build()?;
    /// assert_eq!(tensor.access(), Access::ReadOnly);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub const fn access(&self) -> Access {
        self.access
    }

    /// Returns the number of elements: 1 for a tensor without axes.
    ///
    /// # Examples
    ///
    /// ```
    /// # let tensor = dlpack::Exporter::new(vec![0_u8; 6]).shape(&[3, 2]).build()?;
    /// assert_eq!(tensor.numel(), 6);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub const fn numel(&self) -> usize {
        self.layout.numel()
    }

    /// Says whether there are no elements.
    ///
    /// # Examples
    ///
    /// ```
    /// # let tensor = dlpack::Exporter::new(Vec::<u8>::new()).shape(&[0, 2]).build()?;
    /// assert!(tensor.is_empty());
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.layout.numel() == 0
    }

    /// Returns the number of bytes that the elements take side by side, as [`Layout::nbytes`].
    ///
    /// # Examples
    ///
    /// ```
    /// # let tensor = dlpack::Exporter::new(vec![0.0_f64; 6]).build()?;
    /// assert_eq!(tensor.nbytes(), 48);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub const fn nbytes(&self) -> usize {
        self.layout.nbytes()
    }

    /// Returns where the elements lie.
    ///
    /// # Examples
    ///
    /// ```
    /// # let tensor = dlpack::Exporter::new(vec![0.0_f64; 6]).build()?;
    /// assert_eq!(tensor.layout().byte_extents(), 0..48);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Says whether the elements lie side by side in row-major (C) order.
    ///
    /// # Examples
    ///
    /// ```
    /// # let tensor = dlpack::Exporter::new(vec![0_u8; 6]).shape(&[3, 2]).build()?;
    /// assert!(tensor.is_contiguous());
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub const fn is_contiguous(&self) -> bool {
        self.layout.is_row_major()
    }

    /// Says whether the elements lie side by side in column-major (Fortran) order.
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::Exporter;
    /// let tensor = Exporter::new(vec![0_u8; 6]).shape(&[3, 2]).strides(&[1, 3]).build()?;
    /// assert!(tensor.is_column_major());
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn is_column_major(&self) -> bool {
        layout::is_column_major(self.shape(), self.strides())
    }

    /// Says whether the elements lie side by side in some order, each in a place of its own.
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::Exporter;
    /// let tensor = Exporter::new(vec![0_u8; 24]).shape(&[2, 3, 4]).strides(&[4, 8, 1]).build()?;
    /// assert!(tensor.is_dense());
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn is_dense(&self) -> bool {
        self.layout.covers_its_extents() && layout::is_disjoint(self.shape(), self.strides())
    }

    /// Returns the data pointer as the producer wrote it.
    ///
    /// The first element lies [`byte_offset`](Self::byte_offset) bytes further, except where this is a handle;
    /// see [`DeviceType::is_handle`](crate::DeviceType::is_handle).
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::Exporter;
    /// let data = vec![1_u8, 2];
    /// let start = data.as_ptr();
    /// assert_eq!(Exporter::new(data).build()?.data(), start.cast_mut().cast());
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub const fn data(&self) -> *mut c_void {
        self.data
    }

    /// Returns how many bytes lie between the data pointer and the first element.
    ///
    /// # Examples
    ///
    /// ```
    /// # let tensor = dlpack::Exporter::new(vec![0_u8; 6]).build()?;
    /// assert_eq!(tensor.byte_offset(), 0);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub const fn byte_offset(&self) -> u64 {
        self.byte_offset
    }
}

impl fmt::Debug for Descriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tensor")
            .field("dtype", &format_args!("{}", self.dtype))
            .field("shape", &self.shape())
            .field("strides", &self.strides())
            .field("device", &format_args!("{}", self.device))
            .field("access", &self.access)
            .finish_non_exhaustive()
    }
}
