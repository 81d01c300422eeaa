//! The error type of the crate, its classes, and the error that hands an owner back.

mod kind;
mod parse;
mod rejected;

use core::fmt;

pub use kind::ErrorKind;
pub use rejected::RejectedError;

use crate::vocabulary::{DataType, Device, Version};

/// The error of every operation on tensors: import, access, views, export, negotiation and exchange.
///
/// Every variant carries what was found, and what was expected where that is not fixed. [`kind`](Self::kind) sorts the
/// variants into a few classes. The type is `Copy` and never allocates, so that it can travel through `no_std` code and
/// across FFI callbacks.
///
/// There is one type rather than one per module because callers compose them: an import followed by a view followed by
/// a slice is one `?` chain.
///
/// # Examples
///
/// ```
/// use dlpack::{Error, ManagedTensor};
///
/// // SAFETY: a null pointer is allowed; it is answered with an error.
/// let result = unsafe { ManagedTensor::from_raw(core::ptr::null_mut()) };
/// assert_eq!(result.unwrap_err(), Error::NullTensor);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The pointer to the tensor is null.
    #[error("expected a tensor, found a null pointer")]
    NullTensor,
    /// The pointer to the tensor is not aligned for the C struct.
    #[error("expected a tensor header aligned to {required} bytes, found one that is not")]
    MisalignedHeader {
        /// The alignment of the C struct, in bytes.
        required: usize,
    },
    /// The major version of the tensor is not the one this crate understands.
    #[error("expected dlpack version {}.x, found {found}", Version::CURRENT.major)]
    UnsupportedVersion {
        /// The version in the header.
        found: Version,
    },
    /// The number of axes is negative.
    #[error("expected a number of dimensions of at least 0, found {ndim}")]
    NegativeNdim {
        /// The number of axes.
        ndim: i32,
    },
    /// There are more axes than this build can hold.
    #[error("expected at most {}, found {ndim}", Count(*.max, "dimension"))]
    TooManyAxes {
        /// The number of axes.
        ndim: usize,
        /// The most that this build can hold: 64 with the feature `alloc`, 8 without.
        max: usize,
    },
    /// The shape pointer is null although there are axes.
    #[error("expected a shape of {}, found a null pointer", Count(*.ndim, "dimension"))]
    NullShape {
        /// The number of axes.
        ndim: usize,
    },
    /// The strides pointer is null although the version forbids it.
    #[error(
        "expected {}, found a null pointer, which dlpack forbids since version 1.2",
        Count(*.ndim, "stride")
    )]
    NullStrides {
        /// The number of axes.
        ndim: usize,
    },
    /// The dtype is one that the standard does not allow.
    #[error("expected a valid dtype, found {found}")]
    InvalidDType {
        /// The dtype in the tensor.
        found: DataType,
    },
    /// The size of an axis is negative.
    #[error("expected a size of at least 0 on axis {axis}, found {size}")]
    NegativeSize {
        /// The axis.
        axis: usize,
        /// Its size.
        size: i64,
    },
    /// The product of the non-zero sizes, or the bytes of so many elements, does not fit in `isize`.
    #[error("expected a shape whose size fits in the address space, found a larger one")]
    ShapeOverflow,
    /// The distance between the first and the last byte of the tensor does not fit in `isize`.
    #[error("expected strides that stay within the address space, found larger ones")]
    ExtentOverflow,

    /// The host cannot access the memory.
    #[error("expected memory that the host can access, found device {device}")]
    NotHostAccessible {
        /// The device of the tensor.
        device: Device,
    },
    /// The data pointer of the device is a handle, or is not known to be an address.
    #[error("expected a device with addresses, found {device}")]
    NotAnAddress {
        /// The device of the tensor.
        device: Device,
    },
    /// The dtype of the tensor is not that of the Rust type.
    #[error("expected dtype {expected}, found {found}")]
    DTypeMismatch {
        /// The dtype of the Rust type that was asked for.
        expected: DataType,
        /// The dtype of the tensor.
        found: DataType,
    },
    /// The elements do not start at whole bytes.
    #[error("expected elements of whole bytes, found packed {found}")]
    NotWholeBytes {
        /// The dtype of the tensor.
        found: DataType,
    },
    /// Lanes narrower than a byte take a byte each, where they are expected side by side.
    #[error("expected lanes side by side, found padded {found}")]
    Padded {
        /// The dtype of the tensor.
        found: DataType,
    },
    /// The data pointer is null although there are elements.
    #[error("expected a data pointer, found a null pointer")]
    NullData,
    /// The byte offset does not fit in `isize`.
    #[error("expected a byte offset that fits in the address space, found {byte_offset}")]
    ByteOffsetOverflow {
        /// The byte offset in the tensor.
        byte_offset: u64,
    },
    /// The addresses of the elements wrap around the address space.
    #[error("expected addresses within the address space, found a tensor that leaves it")]
    AddressOverflow,
    /// The first element is not aligned for the Rust type. [`view_as`](crate::Descriptor::view_as) with
    /// [`Unaligned`](crate::view::Unaligned) reads it where it is, and [`to_copy`](crate::Descriptor::to_copy) makes an aligned
    /// copy.
    #[error(
        "expected data aligned to {required} bytes, found data that is not; view_as::<Unaligned<T>> reads it"
    )]
    Misaligned {
        /// The alignment of the Rust type, in bytes.
        required: usize,
    },
    /// The memory must not be written.
    #[error("expected a writable tensor, found a read-only one; to_copy makes one")]
    ReadOnly,
    /// It is unknown whether the memory may be written. Whoever knows promises it with
    /// [`assume_writable`](crate::Managed::assume_writable) or [`assume_exclusive`](crate::Managed::assume_exclusive).
    #[error(
        "expected a writable tensor, found one that does not say whether it is; assume_exclusive and assume_writable promise it"
    )]
    WritabilityUnknown,
    /// Two indices may name the same memory.
    #[error(
        "expected elements that do not overlap, found strides that may overlap; to_copy separates them"
    )]
    Overlapping,
    /// The elements do not follow one another in the order asked for.
    #[error(
        "expected contiguous elements, found gaps or another order; a view reads them, to_copy closes the gaps"
    )]
    NotContiguous,
    /// The flag `IS_COPIED` is not set, so the consumer may not be the only one with access to the memory.
    #[error("expected a tensor with the flag IS_COPIED, found one without it")]
    NotExclusive,

    /// The number of axes is not the one that is needed.
    #[error("expected {}, found {found}", Count(*.expected, "dimension"))]
    NdimMismatch {
        /// The number of axes needed.
        expected: usize,
        /// The number given.
        found: usize,
    },
    /// The number of strides is not the number of axes.
    #[error("expected {}, found {found}", Count(*.expected, "stride"))]
    StridesLenMismatch {
        /// The number of axes.
        expected: usize,
        /// The number of strides given.
        found: usize,
    },
    /// The axis does not exist.
    #[error("expected an axis of a tensor of {}, found axis {axis}", Count(*.ndim, "dimension"))]
    AxisOutOfRange {
        /// The axis given.
        axis: usize,
        /// The number of axes of the tensor.
        ndim: usize,
    },
    /// A new axis can be put before an axis or after the last one, but not there.
    #[error("expected a place from 0 to {ndim} for a new axis, found {axis}")]
    InsertOutOfRange {
        /// The place given.
        axis: usize,
        /// The number of axes of the tensor, which is the last place for a new one.
        ndim: usize,
    },
    /// The index lies beyond the axis.
    #[error(
        "expected an index within the {} of axis {axis}, found {index}",
        Count(*.size, "element")
    )]
    IndexOutOfRange {
        /// The axis.
        axis: usize,
        /// The index given.
        index: usize,
        /// The size of the axis.
        size: usize,
    },
    /// The range ends beyond the axis that it is of, or before it starts.
    #[error(
        "expected a range within the {} of an axis, found {start}..{end}",
        Count(*.size, "element")
    )]
    RangeOutOfBounds {
        /// The first index of the range.
        start: usize,
        /// The index after the last one of the range.
        end: usize,
        /// The size of the axis.
        size: usize,
    },
    /// The step is zero.
    #[error("expected a step of at least 1, found 0")]
    ZeroStep,
    /// The axes are not a permutation.
    #[error("expected each axis once, found axis {axis} again")]
    RepeatedAxis {
        /// The axis that came twice.
        axis: usize,
    },
    /// The size of an axis is not the one that is needed.
    #[error("expected size {expected} on axis {axis}, found {found}")]
    ShapeMismatch {
        /// The axis.
        axis: usize,
        /// The size needed; between two tensors, that of the receiving one.
        expected: usize,
        /// The size found; between two tensors, that of the giving one.
        found: usize,
    },
    /// The stride of an axis is not the one that a type asks for.
    #[error("expected a stride of {expected} on axis {axis}, found {found}")]
    StrideMismatch {
        /// The axis.
        axis: usize,
        /// The stride that is part of the type, in elements.
        expected: usize,
        /// The stride of the tensor, in elements.
        found: usize,
    },
    /// The stride of an axis is negative or 0, where a type has no such strides.
    #[error("expected a stride of at least 1 on axis {axis}, found {stride}")]
    StrideNotPositive {
        /// The axis.
        axis: usize,
        /// The stride of the tensor, in elements.
        stride: isize,
    },
    /// The number of elements is not that of the shape or the buffer.
    #[error("expected {}, found {found}", Count(*.expected, "element"))]
    LenMismatch {
        /// The number of elements needed.
        expected: usize,
        /// The number of elements given.
        found: usize,
    },
    /// The new shape is impossible without moving elements.
    #[error("expected a shape that needs no copy, found one that does")]
    ReshapeNeedsCopy,

    /// The layout leaves the memory of the owner or of the slice.
    ///
    /// It begins before that memory if strides are negative and nothing says which element is the first of the tensor; see
    /// [`Exporter::offset`](crate::Exporter::offset).
    #[error(
        "expected a layout within {}, found one from byte {start} to {end}{}",
        Count(*.available, "byte"),
        if *.start < 0 { "; an offset moves the first element" } else { "" }
    )]
    OutOfBounds {
        /// The number of bytes that there are.
        available: usize,
        /// The first byte of the tensor, counted from the first one that there is.
        start: isize,
        /// The byte after the last one of the tensor.
        end: isize,
    },
    /// A read-only tensor was asked for in the legacy ABI, or as a plain `DLTensor`, neither of which has flags.
    ///
    /// To lend one to a function that only reads, see [`Descriptor::as_dl_tensor`](crate::Descriptor::as_dl_tensor).
    #[error(
        "expected a writable tensor for the legacy abi, found a read-only one; to_copy makes one"
    )]
    ReadOnlyNotExpressible,
    /// A padded sub-byte tensor was asked for in the legacy ABI, or as a plain `DLTensor`, neither of which has flags.
    #[error("expected packed elements for the legacy abi, found padded ones")]
    PaddedNotExpressible,
    /// There is no memory for the header, for shape and strides, or for a copy of the elements; or the memory that
    /// [`Exporter::header_in_place`](crate::Exporter::header_in_place) was given is too small for the header.
    #[error("expected memory for the tensor, found none or too little")]
    AllocationFailed,

    /// The text does not spell the value that it was read as.
    ///
    /// # Examples
    ///
    /// ```
    /// let error = "float".parse::<dlpack::DataType>().unwrap_err();
    /// assert_eq!(error.to_string(), "expected a dtype such as float32, found another text");
    /// ```
    #[error("expected {expected}, found another text")]
    InvalidText {
        /// What was expected, in words.
        expected: &'static str,
    },
    /// The copy policy of a request is not a known one.
    #[error("expected copy policy 0, 1 or 2, found {code}")]
    UnknownCopyPolicy {
        /// The number in the request.
        code: u32,
    },
    /// The kind of stream in a request is not a known one.
    #[error("expected a stream of kind 0, 1 or 2, found kind {code}")]
    UnknownStreamKind {
        /// The number in the request.
        code: u32,
    },
    /// The device has no such stream.
    #[error("expected a stream of device {device}, found {stream:#x}")]
    InvalidStream {
        /// The device that the stream was to belong to.
        device: Device,
        /// The handle of the stream.
        stream: usize,
    },
    /// The producer cannot wait for, or signal, a stream of its device.
    #[error("expected a producer that serves streams of device {device}, found one that does not")]
    StreamUnsupported {
        /// The device of the producer.
        device: Device,
    },
    /// The producer cannot copy to the device.
    #[error("expected a producer that copies to device {device}, found one that does not")]
    CopyUnsupported {
        /// The device that was to get the copy.
        device: Device,
    },
    /// The memory is on another device than the one asked for, and the request forbids a copy.
    #[error("expected memory on device {expected} without a copy, found it on {found}")]
    CopyNeeded {
        /// The device that was asked for.
        expected: Device,
        /// The device of the memory.
        found: Device,
    },
    /// The producer made a copy, which the request forbids.
    #[error("expected the memory of the producer, found a copy")]
    Copied,
    /// The pointer to the exchange table is null.
    #[error("expected an exchange table, found a null pointer")]
    NullTable,
    /// The table that is linked as an older one is not older.
    #[error("expected a table of a major version below {newer}, found {older}")]
    TableOrder {
        /// The major version of the table that points to it.
        newer: u32,
        /// The major version found.
        older: u32,
    },
    /// There are too many exchange tables in a chain.
    #[error("expected at most {max} exchange tables, found more")]
    TooManyTables {
        /// The most that are looked at.
        max: usize,
    },
    /// A function that is needed is null in a table of functions, or there is no table.
    #[error("expected the function {name}, found a null pointer")]
    MissingFunction {
        /// The name in the table.
        name: &'static str,
    },
    /// A function of an exchange table failed.
    #[error("expected success of {name}, found code {code}")]
    CallFailed {
        /// The name in the table.
        name: &'static str,
        /// What it returned, which is not 0.
        code: i32,
    },
    /// The object is null.
    #[error("expected an object, found a null pointer")]
    NullObject,
    /// The pointer to the place for a result is null.
    #[error("expected a place for the result, found a null pointer")]
    NullOutput,
    /// The tensor is on another device than the one asked for.
    #[error("expected a tensor on device {expected}, found one on {found}")]
    DeviceMismatch {
        /// The device that was asked for.
        expected: Device,
        /// The device of the tensor.
        found: Device,
    },
    /// The producer answered with a versioned tensor, and the consumer reads the legacy ABI only.
    #[error("expected a tensor in the legacy abi, found one of version {found}")]
    NotLegacy {
        /// The version of the tensor.
        found: Version,
    },
    /// The ABI that an answer names is not a known one; its tensor cannot be deleted.
    #[error("expected a tensor of abi 1 or 2, found abi {code}")]
    UnknownAbi {
        /// The number in the answer.
        code: u32,
    },
    /// The producer refused.
    #[error("expected a tensor, found a refusal with status {status}")]
    Refused {
        /// The number in the answer; see [`negotiate::Status`](crate::negotiate::Status).
        status: i32,
    },
    /// A function of a library panicked.
    #[error("expected a result, found a panic")]
    Panicked,
}

/// A number of things, as English writes it.
struct Count(usize, &'static str);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", self.0, self.1, if self.0 == 1 { "" } else { "s" })
    }
}
