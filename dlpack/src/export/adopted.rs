//! Memory that is not a Rust slice, with whoever gives it back.

use core::ffi::c_void;
use core::fmt;

use crate::vocabulary::Device;

/// Memory that is not a Rust slice: a block of a foreign allocator, device memory, the handle of a buffer.
///
/// What [`Exporter::new`](crate::Exporter::new) takes where the memory's length is known and its contents are none of Rust's
/// business. The owner is whatever gives the memory back when it is dropped; [`Release`](crate::Release) makes one of a
/// function. The elements are bytes until [`Exporter::dtype`](crate::Exporter::dtype) says otherwise.
///
/// What is exported is a plain tensor: whether its elements are initialised, and who else reaches them, is for
/// [`Tensor::assume_frozen`](crate::Tensor::assume_frozen) and its siblings.
///
/// # Examples
///
/// A block of the C heap, exported as two rows:
///
/// ```
/// use core::ffi::c_void;
/// use dlpack::{Adopted, DataType, Device, Exporter, Release};
///
/// unsafe extern "C" {
///     fn calloc(count: usize, size: usize) -> *mut c_void;
///     fn free(block: *mut c_void);
/// }
///
/// // SAFETY: a function of the C library.
/// let block = unsafe { calloc(6, 4) };
/// assert!(!block.is_null());
/// let address = block as usize;
/// // SAFETY: the block is not used again.
/// let owner = Release::new(move || unsafe { free(address as *mut c_void) });
/// // SAFETY: 24 bytes that nobody else knows of, until the owner frees them.
/// let memory = unsafe { Adopted::new(owner, block, 24, Device::CPU) };
/// let tensor = Exporter::new(memory).dtype(DataType::F32).shape(&[2, 3]).build()?;
/// assert_eq!((tensor.strides(), tensor.data()), (&[3, 1][..], block));
/// # Ok::<(), dlpack::Error>(())
/// ```
pub struct Adopted<O> {
    pub(super) owner: O,
    pub(super) memory: Memory,
}

/// Where memory lies, and how much of it there is.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// An address or a handle, as the device has it.
    pub(super) data: *mut c_void,
    /// In bytes, from `data` on; at most `isize::MAX`.
    pub(super) nbytes: usize,
    pub(super) device: Device,
}

// SAFETY: an address, which nothing here follows.
unsafe impl Send for Memory {}
// SAFETY: the same; nothing changes behind a shared reference.
unsafe impl Sync for Memory {}

impl<O: Send + 'static> Adopted<O> {
    /// Takes over `nbytes` bytes from `data` on, which `owner` gives back when it is dropped.
    ///
    /// On devices with handles `data` is the handle; an offset stays beside it then, in `byte_offset`. On devices whose
    /// [addresses](crate::DeviceType::is_address) can be added to, offsets become part of `data`. The number of
    /// a CPU, of pinned or of managed memory is written as 0, as the standard asks.
    ///
    /// # Safety
    ///
    /// Until the owner is dropped, on whatever thread that is, and also when the owner is moved (which rules out a `Box` or a
    /// `&mut` of this memory, since moving one claims that there is no other pointer to it):
    ///
    /// - the memory is `nbytes` bytes long, and the device is what it says;
    /// - if the [host can access](crate::Device::is_host_accessible) the device, the bytes lie in one live allocation, and
    ///   can be read, and written unless [`read_only`](crate::Exporter::read_only) is called.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Adopted, Device, Exporter};
    ///
    /// let mut owner = vec![1_u8, 2, 3].into_boxed_slice();
    /// let data = Box::into_raw(owner);
    /// # struct Owner(*mut [u8]);
    /// # // SAFETY: an address.
    /// # unsafe impl Send for Owner {}
    /// # impl Drop for Owner {
    /// #     fn drop(&mut self) {
    /// #         // SAFETY: just taken apart.
    /// #         drop(unsafe { Box::from_raw(self.0) });
    /// #     }
    /// # }
    /// # let owner = Owner(data);
    /// // SAFETY: the three bytes live as long as the owner, who is not asked for them.
    /// let memory = unsafe { Adopted::new(owner, data.cast(), 3, Device::CPU) };
    /// assert_eq!(Exporter::new(memory).build()?.shape(), [3]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub const unsafe fn new(owner: O, data: *mut c_void, nbytes: usize, device: Device) -> Self {
        // More than that no tensor can have.
        let most = isize::MAX.unsigned_abs();
        let nbytes = if nbytes < most { nbytes } else { most };
        Self { owner, memory: Memory { data, nbytes, device } }
    }

    /// Returns the owner, for instance after a refused export.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Adopted, Device, Error, Exporter};
    ///
    /// // SAFETY: no bytes at all.
    /// let memory = unsafe { Adopted::new("owner", core::ptr::null_mut(), 0, Device::cuda(0)) };
    /// let refused = Exporter::new(memory).shape(&[2]).build().unwrap_err();
    /// assert_eq!(refused.error(), Error::OutOfBounds { available: 0 });
    /// assert_eq!(refused.into_owner().into_owner(), "owner");
    /// ```
    pub fn into_owner(self) -> O {
        self.owner
    }
}

impl<O> fmt::Debug for Adopted<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Adopted")
            .field("data", &self.memory.data)
            .field("nbytes", &self.memory.nbytes)
            .field("device", &self.memory.device)
            .finish_non_exhaustive()
    }
}
