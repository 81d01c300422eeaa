//! The import of structs and arrays from bytes, in both ABIs and on loan, and the first look at the elements.

use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::ptr;
use std::rc::Rc;

use dlpack::sys::{DLManagedTensor, DLManagedTensorVersioned, DLTensor};
use dlpack::types::{F4E2m1fn, F6E3m2fn, SubByte, U1, U4};
use dlpack::view::{ReadCell, Unaligned};
use dlpack::{
    Access, BorrowedTensor, DataType, Descriptor, Device, DeviceType, Element, Error, Flags,
    ManagedTensor, ManagedTensorVersioned, Version,
};

use crate::input::Input;
use crate::oracle::{self, Verdict};
use crate::producer::{Allocation, Foreign, Plan, Struct};

/// Memory of at most so many bytes is made.
const MOST: i128 = 1500;

/// A plan, and what is to be found if it is carried out.
#[derive(Debug)]
pub struct Scene {
    /// The plan.
    pub plan: Plan,
    /// The shape as the crate should see it.
    pub shape: Vec<i64>,
    /// The strides as the crate should see them.
    pub strides: Vec<i64>,
    /// What is to be known of them, or the error of the import.
    pub verdict: Result<Verdict, Error>,
    /// The dtype.
    pub dtype: DataType,
    /// The device.
    pub device: Device,
    /// The elements lie where the struct says, beginning so many bytes after the start of the memory.
    pub first: Option<usize>,
    /// The number of bytes from the lowest to the highest.
    pub padded: bool,
}

impl Scene {
    /// Reads a scene from a script.
    ///
    /// # Panics
    ///
    /// Never.
    pub fn read(input: &mut Input<'_>, versioned: bool, strict: bool) -> Self {
        let version = match input.byte() {
            0..200 => (1, u32::from(input.byte() % 5)),
            200..230 => (u32::from(input.byte() % 4), u32::from(input.byte())),
            _ => (u32::from_le_bytes(input.bytes()), u32::from_le_bytes(input.bytes())),
        };
        let flags = match input.byte() {
            byte @ 0..200 => u64::from(byte % 8),
            200..220 => 0,
            _ => u64::from_le_bytes(input.bytes()),
        };
        let dtype = input.dtype();
        let device = match input.byte() {
            0..170 => Device::CPU,
            170..190 => Device::new(DeviceType::new(input.choose(&[3, 11])), 0),
            190..230 => {
                Device::new(DeviceType::new(i32::from(input.byte() % 20)), i32::from(input.byte()))
            }
            _ => Device::new(
                DeviceType::new(i32::from_le_bytes(input.bytes())),
                i32::from_le_bytes(input.bytes()),
            ),
        };
        let ndim = match input.byte() {
            byte @ 0..220 => i32::from(byte % 5),
            byte @ 220..240 => i32::from(byte - 220) + 3,
            240..250 => i32::from(input.byte() % 70),
            _ => i32::from_le_bytes(input.bytes()),
        };
        // What the standard lets a consumer read; above the limit nothing is.
        let count = usize::try_from(ndim).unwrap_or(0);
        let count = if count > oracle::MAX_NDIM { 0 } else { count };
        let wild = input.rarely(6);
        let shape: Vec<i64> =
            (0..count).map(|_| if wild { input.number() } else { input.size() }).collect();
        let has_shape = count > 0 && !input.rarely(30) || count == 0 && input.rarely(2);
        let row_major = oracle::row_major(&shape);
        let strides = match input.below(8) {
            0 | 1 => None,
            2 | 3 => Some(row_major.clone()),
            4 => {
                // A permutation.
                let mut shape = shape.clone();
                shape.reverse();
                let mut strides = oracle::row_major(&shape);
                strides.reverse();
                Some(strides)
            }
            5 | 6 => {
                let change = |&stride: &i64| match input.below(5) {
                    0 => stride.wrapping_neg(),
                    1 => stride.wrapping_add(i64::from(input.byte() % 4)),
                    2 => input.number(),
                    _ => stride,
                };
                Some(row_major.iter().map(change).collect())
            }
            _ => Some((0..count).map(|_| input.number()).collect()),
        };
        let found = strides.clone().unwrap_or(row_major);
        let padded = versioned && flags & 4 != 0;
        let verdict = if versioned && version.0 != 1 {
            Err(Error::UnsupportedVersion { found: Version::new(version.0, version.1) })
        } else if ndim < 0 {
            Err(Error::NegativeNdim { ndim })
        } else if usize::try_from(ndim).is_ok_and(|ndim| ndim > oracle::MAX_NDIM) {
            let ndim = usize::try_from(ndim).unwrap();
            Err(Error::TooManyAxes { ndim, max: oracle::MAX_NDIM })
        } else if !has_shape && count > 0 {
            Err(Error::NullShape { ndim: count })
        } else if strides.is_none() && count > 0 && strict && versioned && version.1 >= 2 {
            Err(Error::NullStrides { ndim: count })
        } else {
            oracle::judge(&shape, &found, dtype, padded)
        };
        let (memory, data, byte_offset, first) = place(input, verdict.as_ref().ok());
        let plan = Plan {
            tensor: DLTensor {
                data,
                device: device.into(),
                ndim,
                dtype: dtype.into(),
                shape: ptr::null_mut(),
                strides: ptr::null_mut(),
                byte_offset,
            },
            shape: has_shape.then(|| shape.clone()),
            strides,
            version,
            flags,
            deletes: !input.rarely(20),
            skew: if input.rarely(40) { 2 } else { 0 },
            array_skew: if input.rarely(8) { input.below(8) } else { 0 },
            memory,
        };
        Self { plan, shape, strides: found, verdict, dtype, device, first, padded }
    }

    /// The bytes of the elements, in row-major order, for elements of whole bytes or side by side.
    fn gather(&self) -> Option<Vec<u8>> {
        let (verdict, first) = (self.verdict.as_ref().ok()?, self.first?);
        let memory = self.plan.memory.as_ref()?;
        let bits = oracle::element_bits(self.dtype, self.padded);
        if verdict.row_major {
            return Some(memory.read(first, usize::try_from(verdict.nbytes).ok()?));
        }
        if bits % 8 != 0 {
            return None;
        }
        let size = usize::try_from(bits / 8).ok()?;
        let mut bytes = Vec::new();
        for offset in oracle::offsets(&self.shape, &self.strides) {
            let at = i128::try_from(first).ok()? + offset * (bits / 8);
            bytes.extend(memory.read(usize::try_from(at).ok()?, size));
        }
        Some(bytes)
    }
}

/// Where the elements are: in memory that there is, if they fit, or anywhere.
type Place = (Option<Rc<Allocation>>, *mut c_void, u64, Option<usize>);

fn place(input: &mut Input<'_>, verdict: Option<&Verdict>) -> Place {
    // Few bytes may be many elements, if strides are 0.
    let fits = verdict.filter(|it| (1..=MOST).contains(&it.numel) && it.end - it.start <= MOST);
    let Some(verdict) = fits.filter(|_| !input.rarely(10)) else {
        let data = match input.below(3) {
            0 => ptr::null_mut(),
            1 => ptr::without_provenance_mut(usize::from_le_bytes(input.bytes())),
            _ => ptr::without_provenance_mut(usize::MAX - usize::from(input.byte())),
        };
        let offset = match input.below(3) {
            0 => 0,
            1 => u64::from(input.byte()),
            _ => u64::from_ne_bytes(input.number().to_ne_bytes()),
        };
        return (None, data, offset, None);
    };
    let nbytes = usize::try_from(verdict.end - verdict.start).unwrap();
    let skew = if input.rarely(4) { input.below(64) } else { 0 };
    let memory = Allocation::new(nbytes, skew);
    let first = usize::try_from(-verdict.start).unwrap();
    let start = memory.start().wrapping_add(first);
    // The data pointer need not lie in the memory, as long as the sum does.
    let offset = match input.below(4) {
        0 => usize::from(input.byte()),
        1 => start.addr() - 1 - usize::from(input.byte()),
        _ => 0,
    };
    let data = start.wrapping_sub(offset);
    let offset = u64::try_from(offset).unwrap();
    (Some(Rc::new(memory)), data.cast(), offset, Some(first))
}

/// Runs one input.
///
/// # Panics
///
/// On any difference.
pub fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let strict = input.rarely(4);
    match input.below(4) {
        0 => legacy(&mut input, strict),
        1 => borrowed(&mut input),
        _ => versioned(&mut input, strict),
    }
}

fn versioned(input: &mut Input<'_>, strict: bool) {
    let mut scene = Scene::read(input, true, strict);
    let (version, flags) = (scene.plan.version, scene.plan.flags);
    let foreign = start::<DLManagedTensorVersioned>(&mut scene);
    let import = match strict {
        false => ManagedTensorVersioned::from_raw,
        true => ManagedTensorVersioned::from_raw_strict,
    };
    // SAFETY: the producer passes the tensor on. S2: of a foreign major version only the head is there. S4: the arrays change
    // only after the call. S5 and S6: elements that are looked at are in the scene's memory, which is nobody else's.
    match unsafe { import(foreign.raw) } {
        Ok(tensor) => {
            assert!(scene.plan.skew == 0);
            assert_eq!(tensor.version(), Some(Version::new(version.0, version.1)));
            assert_eq!(tensor.flags(), Flags::from_bits(flags));
            let access = if flags & 1 != 0 { Access::ReadOnly } else { Access::Writable };
            assert_eq!(tensor.access(), access);
            compare(&tensor, &scene);
            foreign.change(input);
            compare(&tensor, &scene);
            elements(&tensor, &scene);
            if scene.first.is_some() && scene.device.is_host_accessible() {
                write(tensor, &scene);
            } else if input.rarely(20) {
                assert!(!format!("{tensor:?}").is_empty());
            }
        }
        Err(error) => refused(error, &scene),
    }
    foreign.end(true);
}

fn legacy(input: &mut Input<'_>, strict: bool) {
    let mut scene = Scene::read(input, false, strict);
    let foreign = start::<DLManagedTensor>(&mut scene);
    let import = match strict {
        false => ManagedTensor::from_raw,
        true => ManagedTensor::from_raw_strict,
    };
    // SAFETY: as above.
    match unsafe { import(foreign.raw) } {
        Ok(tensor) => {
            assert!(scene.plan.skew == 0);
            assert_eq!((tensor.version(), tensor.flags()), (None, Flags::NONE));
            assert_eq!(tensor.access(), Access::Unknown);
            compare(&tensor, &scene);
            foreign.change(input);
            compare(&tensor, &scene);
            elements(&tensor, &scene);
        }
        Err(error) => refused(error, &scene),
    }
    foreign.end(true);
}

/// A `DLTensor` on loan: that of a struct, which stays its owner's.
fn borrowed(input: &mut Input<'_>) {
    let mut scene = Scene::read(input, false, false);
    let flags = input.rarely(2).then(|| Flags::from_bits(u64::from(input.byte() % 4)));
    let foreign = start::<DLManagedTensor>(&mut scene);
    // SAFETY: the struct is live until the end of this function.
    let raw = unsafe { DLManagedTensor::tensor(foreign.raw) };
    // SAFETY: the arrays change only after the call, and elements that are looked at are in the scene's memory.
    let tensor = unsafe {
        match flags {
            Some(flags) => BorrowedTensor::from_raw_with_flags(raw, flags),
            None => BorrowedTensor::from_raw(raw),
        }
    };
    match tensor {
        Ok(tensor) => {
            assert!(scene.plan.skew == 0);
            assert_eq!(tensor.flags(), flags.unwrap_or(Flags::NONE));
            compare(&tensor, &scene);
            foreign.change(input);
            compare(&tensor, &scene);
            elements(&tensor, &scene);
            let copy = tensor.to_borrowed().expect("memory");
            compare(&copy, &scene);
        }
        Err(error) => refused(error, &scene),
    }
    foreign.end(false);
}

fn start<S: Struct>(scene: &mut Scene) -> Foreign<S> {
    let plan = Plan {
        shape: scene.plan.shape.clone(),
        strides: scene.plan.strides.clone(),
        memory: scene.plan.memory.clone(),
        ..scene.plan
    };
    Foreign::new(plan)
}

fn refused(error: Error, scene: &Scene) {
    if scene.plan.skew != 0 {
        assert!(matches!(error, Error::MisalignedHeader { .. }), "{error:?}");
    } else {
        assert_eq!(Some(error), scene.verdict.clone().err());
    }
}

/// The metadata is what the producer wrote at the time of the import.
fn compare(tensor: &Descriptor, scene: &Scene) {
    let verdict = scene.verdict.as_ref().expect("a tensor that should have been refused");
    let wide = |n: usize| i128::try_from(n).unwrap();
    assert_eq!((tensor.shape(), tensor.strides()), (&scene.shape[..], &scene.strides[..]));
    assert_eq!((wide(tensor.numel()), wide(tensor.nbytes())), (verdict.numel, verdict.nbytes));
    assert_eq!((tensor.dtype(), tensor.device()), (scene.dtype, scene.device));
    assert_eq!(tensor.is_contiguous(), verdict.row_major);
    assert_eq!(tensor.ndim(), scene.shape.len());
    assert_eq!(tensor.is_empty(), verdict.numel == 0);
    assert_eq!(tensor.data(), scene.plan.tensor.data);
    assert_eq!(tensor.byte_offset(), scene.plan.tensor.byte_offset);
    let layout = tensor.layout();
    let (extents, bytes) = (layout.extents(), layout.byte_extents());
    let wide = |n: isize| i128::try_from(n).unwrap();
    assert_eq!((wide(*extents.start()), wide(*extents.end())), (verdict.first, verdict.last));
    assert_eq!((wide(bytes.start), wide(bytes.end)), (verdict.start, verdict.end));
    let (ndim, shape, strides) = (scene.shape.len(), &scene.shape, &scene.strides);
    assert_eq!(tensor.is_column_major(), oracle::is_compact(shape, strides, ndim, |n| n));
    for (axis, &size) in shape.iter().enumerate() {
        assert_eq!(tensor.size(axis), Ok(usize::try_from(size).unwrap()));
    }
    assert!(tensor.size(ndim).is_err());
}

/// What can be known of the address.
fn address(scene: &Scene) -> Result<(), Error> {
    let (data, byte_offset) = (scene.plan.tensor.data.addr(), scene.plan.tensor.byte_offset);
    let verdict = scene.verdict.as_ref().expect("a tensor");
    if verdict.numel == 0 {
        return Ok(());
    }
    if data == 0 {
        return Err(Error::NullData);
    }
    if isize::try_from(byte_offset).is_err() {
        return Err(Error::ByteOffsetOverflow { byte_offset });
    }
    let first = i128::try_from(data).unwrap() + i128::from(byte_offset);
    let (low, high) = (first + verdict.start, first + verdict.end);
    let most = i128::try_from(usize::MAX).unwrap();
    if first > most || low <= 0 || high > most { Err(Error::AddressOverflow) } else { Ok(()) }
}

fn elements(tensor: &Descriptor, scene: &Scene) {
    let host = scene.device.is_host_accessible();
    let expected = match host {
        true => address(scene),
        false => Err(Error::NotHostAccessible { device: scene.device }),
    };
    let is_address = scene.device.device_type.is_address();
    match tensor.start() {
        Ok(start) => {
            assert!(is_address && address(scene).is_ok());
            let first =
                tensor.data().wrapping_byte_add(usize::try_from(tensor.byte_offset()).unwrap_or(0));
            assert!(tensor.is_empty() && start.is_null() || start == first);
        }
        Err(error) if !is_address => {
            assert_eq!(error, Error::NotAnAddress { device: scene.device });
        }
        Err(error) => assert_eq!(Err(error), address(scene)),
    }
    let lent = tensor.as_dl_tensor();
    if let Ok(lent) = lent {
        assert!(!tensor.flags().is_read_only() && !tensor.flags().is_padded());
        assert!(tensor.is_empty() || !lent.data.is_null());
    }
    // No element is looked at unless the scene has memory for them.
    let known = scene.gather();
    let readable = expected.is_ok() && (known.is_some() || tensor.is_empty());
    if let Err(error) = expected {
        // SAFETY: it is refused, so that no element is looked at.
        let bytes = unsafe { tensor.as_bytes() };
        assert_eq!(bytes.map(<[u8]>::len), Err(error));
        // SAFETY: the same.
        assert_eq!(unsafe { tensor.to_copy() }.map(drop), Err(error));
    } else if readable {
        let known = known.clone().unwrap_or_default();
        // SAFETY: the scene's memory, which is initialised and which nobody writes.
        match unsafe { tensor.as_bytes() } {
            Ok(bytes) => assert_eq!((bytes, tensor.is_contiguous()), (&known[..], true)),
            Err(error) => {
                assert_eq!((error, tensor.is_contiguous()), (Error::NotContiguous, false))
            }
        }
        // SAFETY: the same.
        let copy = unsafe { tensor.to_copy() }.expect("a copy of elements of whole bytes");
        assert_eq!(copy.as_bytes(), Ok(&known[..]));
        assert_eq!((copy.shape(), copy.dtype()), (tensor.shape(), tensor.dtype()));
        assert!(copy.flags().is_copied() && copy.is_contiguous());
    }
    let case = Case { tensor, scene, expected, known: known.as_deref(), readable };
    case.typed::<u8>();
    case.typed::<f32>();
    case.typed::<i16>();
    case.typed::<f64>();
    case.typed::<u128>();
    case.packed::<U4>();
    case.packed::<U1>();
    case.packed::<F4E2m1fn>();
    case.packed::<F6E3m2fn>();
}

struct Case<'a> {
    tensor: &'a Descriptor,
    scene: &'a Scene,
    /// The device and the address are right.
    expected: Result<(), Error>,
    known: Option<&'a [u8]>,
    readable: bool,
}

impl Case<'_> {
    /// The error before that of the alignment.
    fn error<T: Element>(&self) -> Option<Error> {
        let Self { tensor, scene, .. } = self;
        if !scene.device.is_host_accessible() {
            return self.expected.err();
        }
        if tensor.dtype() != T::DTYPE {
            return Some(Error::DTypeMismatch { expected: T::DTYPE, found: tensor.dtype() });
        }
        self.expected.err()
    }

    fn typed<T: Element + PartialEq>(&self) {
        let Self { tensor, .. } = self;
        let address =
            tensor.data().wrapping_byte_add(usize::try_from(tensor.byte_offset()).unwrap_or(0));
        let aligned = tensor.is_empty() || address.cast::<T>().is_aligned();
        let misaligned = Error::Misaligned { required: align_of::<T>() };
        let error = self.error::<T>();
        let strict = error.or((!aligned).then_some(misaligned));
        // SAFETY: the elements, if they are looked at below, are in the scene's memory, initialised and not written.
        let (view, slice, loose, cells, uninit) = unsafe {
            (
                tensor.view::<T>(),
                tensor.as_slice::<T>(),
                tensor.view_as::<Unaligned<T>>(),
                tensor.view_as::<ReadCell<T>>(),
                tensor.view_as::<MaybeUninit<T>>(),
            )
        };
        assert_eq!(view.as_ref().err(), strict.as_ref());
        assert_eq!(cells.as_ref().err(), strict.as_ref());
        assert_eq!(uninit.as_ref().err(), strict.as_ref());
        assert_eq!(loose.as_ref().err(), error.as_ref());
        let no_slice = strict.or((!tensor.is_contiguous()).then_some(Error::NotContiguous));
        assert_eq!(slice.as_ref().err(), no_slice.as_ref());
        if !self.readable {
            return;
        }
        let known = self.known.unwrap_or_default();
        let bytes_of = |value: &T| {
            // SAFETY: elements are plain old data without padding.
            unsafe {
                core::slice::from_raw_parts(ptr::from_ref(value).cast::<u8>(), size_of::<T>())
            }
            .to_vec()
        };
        if let Ok(view) = view {
            let found: Vec<u8> = view.iter().flat_map(bytes_of).collect();
            assert_eq!(found, known);
            let found: Vec<u8> = view.to_vec().iter().flat_map(bytes_of).collect();
            assert_eq!(found, known);
        }
        if let Ok(view) = loose {
            let found: Vec<u8> = view.iter().flat_map(|value| bytes_of(&value.get())).collect();
            assert_eq!(found, known);
            let found: Vec<u8> = view.to_vec().iter().flat_map(bytes_of).collect();
            assert_eq!(found, known);
        }
        if let Ok(cells) = cells {
            let found: Vec<u8> = cells.iter().flat_map(|value| bytes_of(&value.get())).collect();
            assert_eq!(found, known);
        }
        if let Ok(slice) = slice {
            let found: Vec<u8> = slice.iter().flat_map(bytes_of).collect();
            assert_eq!(found, known);
        }
    }

    fn packed<T: SubByte>(&self) {
        let Self { tensor, scene, .. } = self;
        // SAFETY: the elements, if they are looked at below, are in the scene's memory, initialised and not written.
        let view = unsafe { tensor.packed_view::<T>() };
        let fits = tensor.dtype().scalar() == T::DTYPE;
        match &view {
            Ok(view) => {
                assert!(fits && self.expected.is_ok());
                assert_eq!(view.lanes(), tensor.dtype().lanes);
                assert_eq!(view.len(), tensor.numel() * usize::from(view.lanes()));
            }
            Err(error) if !scene.device.is_host_accessible() => {
                assert_eq!(Err(*error), self.expected);
            }
            Err(Error::DTypeMismatch { .. }) => assert!(!fits),
            Err(Error::NotContiguous) => assert!(!tensor.is_contiguous()),
            Err(Error::ShapeOverflow) => {
                assert!(tensor.numel().checked_mul(tensor.dtype().lanes.into()).is_none());
            }
            Err(error) => assert_eq!(Err(*error), self.expected),
        }
        let (Ok(view), Some(bytes)) = (view, self.known.filter(|_| self.readable)) else { return };
        let width = if scene.padded { 8 } else { usize::from(T::DTYPE.bits) };
        let value = |at: usize| {
            let bits = (0..usize::from(T::DTYPE.bits)).map(|bit| {
                let bit_at = at * width + bit;
                (bytes[bit_at / 8] >> (bit_at % 8) & 1) << bit
            });
            bits.fold(0, |sum, bit| sum | bit)
        };
        let expected: Vec<u8> = (0..view.len()).map(value).collect();
        let found: Vec<u8> = view.iter().map(SubByte::to_bits).collect();
        assert_eq!(found, expected);
        let found: Vec<u8> =
            (0..view.len()).map(|at| view.get(at).expect("an element").to_bits()).collect();
        assert_eq!(found, expected);
        assert!(view.get(view.len()).is_none());
        let mut found = vec![0; view.len()];
        view.unpack_to(&mut found, SubByte::to_bits).expect("as many");
        assert_eq!(found, expected);
    }
}

/// Writes each element of a tensor that nobody else knows of.
fn write(tensor: ManagedTensorVersioned, scene: &Scene) {
    let expected = if tensor.flags().is_read_only() {
        Some(Error::ReadOnly)
    } else if !oracle::nests(&scene.shape, &scene.strides) {
        Some(Error::Overlapping)
    } else {
        None
    };
    let is_bytes = tensor.dtype() == DataType::U8;
    // SAFETY: the scene's memory, which is initialised and nobody else's.
    let mut tensor = unsafe { tensor.assume_exclusive() };
    if !is_bytes {
        return;
    }
    match tensor.view_mut::<u8>() {
        Ok(mut view) => {
            assert_eq!(expected, None);
            for (value, at) in view.iter_mut().zip((0..251).cycle()) {
                *value = at;
            }
            let values: Vec<u8> = (0..251).cycle().take(tensor.numel()).collect();
            assert_eq!(scene.gather(), Some(values));
        }
        Err(error) => assert_eq!(Some(error), expected),
    }
}
