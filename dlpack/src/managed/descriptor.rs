//! A tensor's metadata, validated and copied out of the C struct.

use core::ffi::c_void;
use core::fmt;
use core::ops::Range;
use core::ptr;

use super::{Header, sealed::Abi as _};
use crate::dims::Dims;
use crate::error::Error;
use crate::layout::Layout;
use crate::sys;
use crate::vocabulary::{DataType, Device, Flags, Version};

/// A tensor's metadata: shape, strides, dtype, device, flags and data pointer.
///
/// It was validated when the tensor came in and does not change afterwards. Shape and strides are copies: in some
/// libraries those of the C struct are live fields of a tensor object, which change or move after the export. None
/// of the accessors can fail, and none of them reads foreign memory.
///
/// All owners dereference to this type. The functions that reach elements are in its second half. They are `unsafe`,
/// since DLPack promises neither that the memory is initialised nor that nobody writes it. [`Frozen`](crate::Frozen)
/// and [`Exclusive`](crate::Exclusive) have safe ones of the same names.
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
/// assert_eq!((tensor.numel(), tensor.nbytes()), (6, 24));
/// assert!(tensor.is_contiguous() && tensor.is_dense());
/// # Ok::<(), dlpack::Error>(())
/// ```
// In this order, for speed: the error of a `Result` lies in the place of the first fields, which are then copied one by one.
#[repr(C)]
pub struct Descriptor {
    /// # Invariants
    ///
    /// 1. `numel`, `start..end` (the byte extents) and `row_major` are those of [`Layout::new`] of `dims`, the dtype and
    ///    whether the flags say that elements are padded, which is not an error.
    /// 2. If the host can access the device or `host` is set, and the tensor has elements, then the bytes of the
    ///    extents, counted from `byte_offset` bytes after `data`, lie in one live allocation and can be read for as long
    ///    as the tensor is owned or borrowed.
    /// 3. If [`access`](Self::access) is [`Access::Writable`], those bytes can also be written.
    /// 4. The flags are true, as clause S6 of the import contract has it.
    data: *mut c_void,
    byte_offset: u64,
    device: Device,
    flags: Flags,
    /// Version 0.0 for an ABI without one.
    version: Version,
    numel: usize,
    start: isize,
    end: isize,
    dims: Dims<i64>,
    dtype: DataType,
    /// Whether somebody promised that the host can follow `data`, whatever the device.
    host: bool,
    writing: Writing,
    row_major: bool,
}

/// What decides whether the memory may be written.
#[derive(Clone, Copy)]
enum Writing {
    Flags,
    Unknown,
    Promised,
}

// SAFETY: a descriptor holds numbers and an address, which it follows only in `unsafe` functions.
unsafe impl Send for Descriptor {}
// SAFETY: nothing changes behind a shared reference.
unsafe impl Sync for Descriptor {}

/// Where a tensor lies and what its elements are: the scalar fields of a `DLTensor`.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Fields {
    pub(crate) data: *mut c_void,
    pub(crate) byte_offset: u64,
    pub(crate) device: Device,
    pub(crate) dtype: DataType,
}

impl Fields {
    /// The C struct with these fields, a shape and strides.
    #[inline(always)]
    pub(crate) fn dl_tensor(self, ndim: usize, [shape, strides]: [*mut i64; 2]) -> sys::DLTensor {
        sys::DLTensor {
            data: self.data,
            device: self.device.into(),
            // Cannot fail: there are at most 64 axes.
            ndim: i32::try_from(ndim).unwrap_or(0),
            dtype: self.dtype.into(),
            shape,
            strides,
            byte_offset: self.byte_offset,
        }
    }
}

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
#[non_exhaustive]
pub enum Access {
    /// The producer forbids it.
    ReadOnly,
    /// The producer allows it.
    Writable,
    /// The producer cannot say: the legacy ABI has no flag for it.
    Unknown,
}

impl Access {
    /// The access that the flags of a versioned tensor grant.
    #[inline]
    pub(crate) const fn of(flags: Flags) -> Self {
        if flags.is_read_only() { Self::ReadOnly } else { Self::Writable }
    }
}

impl Descriptor {
    /// # Safety
    ///
    /// The arguments hold the invariants of [`Descriptor`], with `host` unset. The access in the header is unknown or what
    /// the flags say.
    #[inline(always)]
    pub(crate) const unsafe fn new(
        fields: Fields,
        header: Header,
        dims: Dims<i64>,
        layout: Layout,
    ) -> Self {
        let Fields { data, byte_offset, device, dtype } = fields;
        let unknown = matches!(header.access, Access::Unknown);
        Self {
            data,
            byte_offset,
            device,
            flags: header.flags,
            version: header.version,
            numel: layout.numel(),
            start: layout.byte_extents().start,
            end: layout.byte_extents().end,
            dims,
            dtype,
            row_major: layout.is_row_major(),
            host: false,
            writing: if unknown { Writing::Unknown } else { Writing::Flags },
        }
    }

    /// Marks the memory as writable, if it is not known to be read-only or if `always`.
    ///
    /// # Safety
    ///
    /// Invariant 3 holds for [`Access::Writable`] then.
    #[inline]
    pub(super) const unsafe fn assume_writable(&mut self, always: bool) {
        if always || matches!(self.writing, Writing::Unknown) {
            self.writing = Writing::Promised;
        }
    }

    /// Marks the memory as accessible by the host.
    ///
    /// # Safety
    ///
    /// Invariant 2 holds as if the device were the CPU.
    #[inline]
    pub(super) const unsafe fn assume_host_accessible(&mut self) {
        self.host = true;
    }

    /// Returns `true` if somebody promised that the host can follow the data pointer.
    #[inline]
    pub(crate) const fn has_host_promise(&self) -> bool {
        self.host
    }

    /// A copy of the metadata, promises included, of the same tensor.
    ///
    /// # Errors
    ///
    /// [`Error::AllocationFailed`] if there is no memory for the shape and strides of many axes.
    pub(super) fn try_clone(&self) -> Result<Self, Error> {
        Ok(Self { dims: Dims::copied(self.shape(), self.strides())?, ..*self })
    }

    /// The description of a struct of ours for this tensor, with other flags: canonical, with promises about the host.
    ///
    /// # Errors
    ///
    /// [`Error::AllocationFailed`] if there is no memory for the shape and strides of many axes.
    ///
    /// # Safety
    ///
    /// Invariants 2 to 4 hold with these flags, and with the promise about the host if it was made, for as long as the
    /// description is used.
    #[cfg(feature = "alloc")]
    pub(crate) unsafe fn in_our_struct<A: super::Abi>(&self, flags: Flags) -> Result<Self, Error> {
        let Fields { data, byte_offset, device, dtype } = self.canonical_fields();
        let mut dims = Dims::copied(self.shape(), self.strides())?;
        let (shape, strides) = dims.both_mut();
        Layout::normalize_strides(shape, strides);
        let (version, writing) = (A::VERSION, Writing::Flags);
        Ok(Self { data, byte_offset, device, flags, version, dims, dtype, writing, ..*self })
    }

    /// Returns the shape: the number of elements along each axis.
    #[inline]
    pub fn shape(&self) -> &[i64] {
        self.dims.shape()
    }

    /// Returns the strides: the distance between neighbours along each axis, in *elements*.
    ///
    /// They are as the producer gave them, or row-major if it gave none. The stride of an axis of size 1, and all
    /// strides of a tensor without elements, have no meaning and can be any number.
    #[inline]
    pub fn strides(&self) -> &[i64] {
        self.dims.strides()
    }

    /// Returns the size of an axis as a `usize`, which is what Rust indexes with and what [`Exporter`](crate::Exporter) and
    /// [`TensorView`](crate::TensorView) take.
    ///
    /// # Errors
    ///
    /// [`Error::AxisOutOfRange`].
    pub fn size(&self, axis: usize) -> Result<usize, Error> {
        let size =
            self.shape().get(axis).ok_or(Error::AxisOutOfRange { axis, ndim: self.ndim() })?;
        // Cannot fail: even the sizes of an empty tensor fit, each by itself.
        usize::try_from(*size).map_err(|_| Error::ShapeOverflow)
    }

    /// Returns the sizes of all axes, if there are `N`.
    ///
    /// # Errors
    ///
    /// [`Error::NdimMismatch`].
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Error, Exporter};
    ///
    /// let image = Exporter::new(vec![0_u8; 24]).shape(&[2, 4, 3]).build()?;
    /// let [height, width, _] = image.sizes()?;
    /// assert_eq!((height, width), (2, 4));
    /// assert_eq!(image.sizes::<2>(), Err(Error::NdimMismatch { expected: 2, found: 3 }));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn sizes<const N: usize>(&self) -> Result<[usize; N], Error> {
        if self.ndim() != N {
            return Err(Error::NdimMismatch { expected: N, found: self.ndim() });
        }
        let mut sizes = [0; N];
        for (axis, size) in sizes.iter_mut().enumerate() {
            *size = self.size(axis)?;
        }
        Ok(sizes)
    }

    /// Checks the size of an axis.
    ///
    /// # Errors
    ///
    /// [`Error::AxisOutOfRange`], or [`Error::ShapeMismatch`], which names the axis and both sizes.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Error, Exporter};
    ///
    /// let image = Exporter::new(vec![0_u8; 32]).shape(&[2, 4, 4]).build()?;
    /// image.check_size(0, 2)?;
    /// let refused = image.check_size(2, 3).unwrap_err();
    /// assert_eq!(refused.to_string(), "expected size 3 on axis 2, found 4");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn check_size(&self, axis: usize, expected: usize) -> Result<(), Error> {
        let found = self.size(axis)?;
        if found == expected { Ok(()) } else { Err(Error::ShapeMismatch { axis, expected, found }) }
    }

    /// Returns the number of axes.
    #[inline]
    pub const fn ndim(&self) -> usize {
        self.dims.ndim()
    }

    /// Returns the dtype.
    #[inline]
    pub const fn dtype(&self) -> DataType {
        self.dtype
    }

    /// Returns the device, with the number that the producer wrote.
    #[inline]
    pub const fn device(&self) -> Device {
        self.device
    }

    /// Returns the flags, unknown ones included. A legacy tensor has none.
    #[inline]
    pub const fn flags(&self) -> Flags {
        self.flags
    }

    /// Returns the version that the producer wrote, or `None` for an ABI without one.
    #[inline]
    pub const fn version(&self) -> Option<Version> {
        if self.version.major == 0 { None } else { Some(self.version) }
    }

    /// Returns whether the memory may be written.
    #[inline]
    pub const fn access(&self) -> Access {
        match self.writing {
            Writing::Flags => Access::of(self.flags),
            Writing::Unknown => Access::Unknown,
            Writing::Promised => Access::Writable,
        }
    }

    /// Returns the number of elements, which is 1 for a tensor without axes.
    #[inline]
    pub const fn numel(&self) -> usize {
        self.numel
    }

    /// Returns `true` if the tensor has no elements.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.numel == 0
    }

    /// Returns the number of bytes that the elements take side by side; see [`Layout::nbytes`].
    #[inline]
    pub fn nbytes(&self) -> usize {
        if self.row_major {
            // The elements lie side by side, from the first one on.
            usize::from_ne_bytes(self.end.to_ne_bytes())
        } else {
            self.layout().nbytes()
        }
    }

    /// Returns the layout, which tells where the elements lie.
    pub fn layout(&self) -> Layout {
        let layout = Layout::new(self.shape(), self.strides(), self.dtype, self.flags.is_padded());
        // By invariant 1, there is no error.
        layout.unwrap_or(Layout::dense(0, 0))
    }

    /// The bytes that the elements cover, relative to the first byte of the first one.
    #[inline]
    pub(super) const fn byte_extents(&self) -> Range<isize> {
        self.start..self.end
    }

    /// Returns `true` if the elements lie side by side in row-major (C) order.
    #[inline]
    pub const fn is_contiguous(&self) -> bool {
        self.row_major
    }

    /// Returns `true` if the elements lie side by side in column-major (Fortran) order.
    pub fn is_column_major(&self) -> bool {
        Layout::is_f_contiguous(self.shape(), self.strides())
    }

    /// Returns `true` if the elements lie side by side in some order, without gaps or overlap.
    pub fn is_dense(&self) -> bool {
        self.layout().covers_its_extents() && Layout::is_disjoint(self.shape(), self.strides())
    }

    /// Returns the data pointer as the producer wrote it: the base of the memory, not the first element.
    ///
    /// The first element lies [`byte_offset`](Self::byte_offset) bytes further; [`start`](Self::start) is its address. On some
    /// devices this is a handle, to which nothing can be added; see [`DeviceType::is_handle`](crate::DeviceType::is_handle).
    #[inline]
    pub const fn data(&self) -> *mut c_void {
        self.data
    }

    /// Returns the distance from the data pointer to the first element, in bytes.
    #[inline]
    pub const fn byte_offset(&self) -> u64 {
        self.byte_offset
    }

    /// Returns the tensor as a `DLTensor`, for functions that look at one during a call.
    ///
    /// Its shape and strides point to those of this descriptor, so that it must not be used after the descriptor moved
    /// or ended, and they must not be written. On devices with addresses, the byte offset is added to the data pointer,
    /// since some consumers ignore it.
    ///
    /// # Errors
    ///
    /// [`Error::ReadOnlyNotExpressible`] and [`Error::PaddedNotExpressible`], since a `DLTensor` has no flags;
    /// [`Error::NullData`] if there are elements, but no data.
    ///
    /// A read-only tensor is lent to a function that only reads by a view, with
    /// [`TensorView::with_dl_tensor`](crate::TensorView::with_dl_tensor), or, whatever its dtype is, as the `dl_tensor` of the
    /// struct of an [`OpaqueTensor`](crate::OpaqueTensor::as_raw).
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{BorrowedTensor, Exporter};
    ///
    /// let tensor = Exporter::new([1_u8, 2, 3]).build()?;
    /// let lent = tensor.as_dl_tensor()?;
    /// // SAFETY: the tensor outlives the call.
    /// let numel = unsafe { BorrowedTensor::with_raw(&lent, |borrowed| Ok(borrowed.numel())) }?;
    /// assert_eq!(numel, 3);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub fn as_dl_tensor(&self) -> Result<sys::DLTensor, Error> {
        // Usually one check is enough.
        if self.flags.is_read_only() || self.flags.is_padded() {
            sys::DLManagedTensor::express(self.flags)?;
        }
        let fields = self.canonical_fields();
        if fields.data.is_null() && !self.is_empty() {
            return Err(Error::NullData);
        }
        let dims = [self.shape(), self.strides()].map(|n| n.as_ptr().cast_mut());
        Ok(fields.dl_tensor(self.ndim(), dims))
    }

    /// The fields of a struct of ours for this tensor: null data if there are no elements, and an offset that is added
    /// to the address where there is one, since some consumers ignore it.
    ///
    /// An offset that leaves the address space stays as it is, and views refuse it as before.
    #[inline]
    pub(crate) fn canonical_fields(&self) -> Fields {
        if self.byte_offset != 0 {
            return self.fields_with_offset();
        }
        let data = if self.is_empty() { ptr::null_mut() } else { self.data };
        Fields { data, byte_offset: 0, device: self.device.canonical(), dtype: self.dtype }
    }

    /// As [`canonical_fields`](Self::canonical_fields), for the few tensors with an offset.
    #[cold]
    fn fields_with_offset(&self) -> Fields {
        let is_address = self.device.device_type.is_address() && !self.data.is_null();
        let (data, byte_offset) = match isize::try_from(self.byte_offset) {
            _ if self.is_empty() => (ptr::null_mut(), 0),
            Ok(offset) if is_address && self.data.addr().checked_add_signed(offset).is_some() => {
                (self.data.wrapping_byte_offset(offset), 0)
            }
            _ => (self.data, self.byte_offset),
        };
        Fields { data, byte_offset, device: self.device.canonical(), dtype: self.dtype }
    }

    /// Shape and strides as the machine's own integers.
    #[inline(always)]
    pub(crate) fn native_dims(&self) -> Result<Dims<isize>, Error> {
        self.dims.native()
    }
}

impl fmt::Debug for Descriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tensor")
            .field("dtype", &format_args!("{}", self.dtype))
            .field("shape", &self.shape())
            .field("strides", &self.strides())
            .field("device", &format_args!("{}", self.device))
            .field("access", &self.access())
            .field("data", &format_args!("{:?} + {}", self.data, self.byte_offset))
            .finish_non_exhaustive()
    }
}
