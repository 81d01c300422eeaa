//! C → Rust → C: Rust takes in what C makes, looks at it, perhaps puts it under another header, and gives it to C again.

use std::fmt;

use dlpack::{Access, AnyManagedTensor, Descriptor, Device, DeviceType, Flags, Version};
use dlpack_sys::{DLDataType, DLManagedTensor, DLManagedTensorVersioned};
use harness::abi::Abi;
use harness::consumer::{gather_managed, is_row_major};
use harness::{Managed, Record, Spec, either};
use proptest::prelude::*;

use crate::dtypes::{dtypes, spelled};
use crate::layouts::{Layout, layouts};
use crate::model::Model;
use crate::release::{Release, releases};
use crate::{cases, seen};

/// What C makes.
#[derive(Clone)]
pub struct Foreign {
    pub dtype: DLDataType,
    pub layout: Layout,
    pub device: (i32, i32),
    pub minor: u32,
    pub flags: u64,
    /// How many of the bytes before the first element are in `byte_offset` rather than `data`.
    pub offset: usize,
    /// How far the memory is from any alignment.
    pub shift: usize,
    pub null_strides: bool,
    pub legacy: bool,
}

impl fmt::Debug for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (model, offset) = self.place();
        write!(f, "Spec::new({}).shape(&{:?})", spelled(self.dtype), self.layout.shape)?;
        if let Some(strides) = &self.layout.strides {
            write!(f, ".strides(&{strides:?})")?;
        }
        write!(f, ".flags({:#x}).filled()", self.flags)?;
        if offset > 0 {
            write!(f, ".origin({}).byte_offset({offset})", model.origin - offset)?;
        }
        if self.shift > 0 {
            write!(f, ".data_shift({})", self.shift)?;
        }
        f.write_str(if self.null_strides { ".null_strides()" } else { "" })?;
        write!(f, ".device({}, {})", self.device.0, self.device.1)?;
        if self.legacy {
            return f.write_str(".make_legacy()");
        }
        write!(f, ".version(1, {}).make_versioned()", self.minor)
    }
}

impl Foreign {
    /// Where the elements are, and how many bytes before the first are in `byte_offset`.
    pub fn place(&self) -> (Model, usize) {
        let (low, _) = self.layout.reach();
        let (dtype, padded) = (self.dtype, self.flags & 4 != 0 && !self.legacy);
        let (shape, strides) = (self.layout.shape.clone(), self.layout.strides());
        let mut model = Model { dtype, padded, shape, strides, origin: 0 };
        model.origin = (usize::try_from(-low).unwrap() * model.element_bits()).div_ceil(8);
        let offset = self.offset.min(model.origin);
        (model, offset)
    }

    /// The bytes that `Spec::filled` writes.
    pub fn memory(&self) -> Vec<u8> {
        let (model, _) = self.place();
        let (_, high) = self.layout.reach();
        let after = (usize::try_from(high + 1).unwrap() * model.element_bits()).div_ceil(8);
        (0..model.origin + after).map(|i| (i % 251).to_le_bytes()[0]).collect()
    }

    pub fn spec(&self) -> Spec {
        let (model, offset) = self.place();
        let mut spec = Spec::new(self.dtype).shape(&self.layout.shape);
        if let Some(strides) = &self.layout.strides {
            spec = spec.strides(strides);
        }
        let flags = if self.legacy { 0 } else { self.flags };
        spec = spec.flags(flags).filled().version(1, self.minor).data_shift(self.shift);
        spec = spec.device(self.device.0, self.device.1);
        if model.numel() > 0 {
            spec = spec.origin(model.origin - offset);
        }
        spec = spec.byte_offset(offset.try_into().unwrap());
        if self.null_strides { spec.null_strides() } else { spec }
    }

    /// Has C make the tensor and takes it in.
    pub fn take_in(&self) -> (AnyManagedTensor, Record) {
        if self.legacy {
            let (tensor, record) = DLManagedTensor::from_c(&self.spec());
            (tensor.into(), record)
        } else {
            let (tensor, record) = DLManagedTensorVersioned::from_c(&self.spec());
            (tensor.into(), record)
        }
    }

    /// Checks that a tensor says what was asked for.
    pub fn check(&self, tensor: &Descriptor, record: &Record) {
        let (model, offset) = self.place();
        assert_eq!(tensor.strides(), model.strides);
        let device = Device::new(DeviceType::new(self.device.0), self.device.1);
        assert_eq!(tensor.device(), device);
        let (version, flags, access) = match (self.legacy, self.flags & 1) {
            (true, _) => (None, 0, Access::Unknown),
            (false, 1) => (Some(Version::new(1, self.minor)), self.flags, Access::ReadOnly),
            (false, _) => (Some(Version::new(1, self.minor)), self.flags, Access::Writable),
        };
        assert_eq!((tensor.version(), tensor.access()), (version, access));
        assert_eq!(tensor.flags(), Flags::from_bits(flags));
        assert_eq!(tensor.byte_offset(), u64::try_from(offset).unwrap());
        if model.numel() > 0 {
            let start = record.data().wrapping_byte_add(model.origin - offset);
            assert_eq!(tensor.data(), start);
        }
    }
}

pub fn foreign() -> impl Strategy<Value = Foreign> {
    let device = (prop::sample::select(vec![1, 3, 11]), -1..=2);
    let minor = prop_oneof![3 => 0..=4_u32, 1 => any::<u32>()];
    let flags = prop_oneof![4 => 0..8_u64, 1 => any::<u64>()];
    let place = (0..200_usize, prop_oneof![3 => Just(0), 1 => 0..16_usize]);
    (dtypes(), layouts(), device, minor, flags, place, any::<[bool; 2]>()).prop_map(
        |(dtype, layout, device, minor, flags, (offset, shift), [null_strides, legacy])| {
            let null_strides = null_strides && layout.strides.is_none();
            Foreign { dtype, layout, device, minor, flags, offset, shift, null_strides, legacy }
        },
    )
}

/// What is done with the tensor between C and C.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// Nothing: the same struct.
    Straight,
    /// One more header, or two: to the other ABI where it can say the same, and back.
    Converted { times: u8 },
}

fn ways() -> impl Strategy<Value = Way> {
    prop_oneof![Just(Way::Straight), (1..=3_u8).prop_map(|times| Way::Converted { times })]
}

/// Puts a tensor under a header of the other ABI, if that can be said in it.
fn converted(tensor: AnyManagedTensor) -> AnyManagedTensor {
    match tensor {
        AnyManagedTensor::Legacy(tensor) => tensor.into_versioned().unwrap().into(),
        AnyManagedTensor::Versioned(tensor) => {
            let inexpressible = tensor.access() == Access::ReadOnly || tensor.flags().is_padded();
            match tensor.into_legacy() {
                Ok(tensor) => {
                    assert!(!inexpressible);
                    tensor.into()
                }
                Err(refused) => {
                    assert!(inexpressible);
                    refused.into_inner().into()
                }
            }
        }
        _ => unreachable!("there are two ABIs"),
    }
}

/// C reads the same elements as before, and lets go.
///
/// # Safety
///
/// `raw` is live, and nobody else deletes it.
unsafe fn given_back<M: Managed>(raw: *mut M, model: &Model, gathered: &[u8], release: Release) {
    // SAFETY: the caller's promise.
    let found = unsafe { gather_managed(raw) };
    assert_eq!(found.as_deref(), Some(gathered));
    // SAFETY: the caller's promise.
    let row_major = unsafe { is_row_major(M::tensor(raw)) };
    assert_eq!(row_major, model.is_row_major());
    // SAFETY: the caller's promise.
    unsafe { release.run(raw, gathered) };
}

proptest! {
    #![proptest_config(cases(2000))]

    #[test]
    fn c_to_rust_and_back(foreign in foreign(), way in ways(), release in releases()) {
        let (model, _) = foreign.place();
        let memory = foreign.memory();
        let (mut tensor, record) = foreign.take_in();
        foreign.check(&tensor, &record);
        // SAFETY: C wrote the elements, and nobody writes them now.
        unsafe { seen::check(&tensor, &model, &memory) };
        if let Way::Converted { times } = way {
            for _ in 0..times {
                tensor = converted(tensor);
                // SAFETY: as before.
                unsafe { seen::check(&tensor, &model, &memory) };
            }
        }
        prop_assert_eq!(record.deleted(), 0);
        let gathered = model.gather(&memory);
        // SAFETY: just passed on.
        either!(tensor, |tensor| unsafe {
            given_back(tensor.into_raw(), &model, &gathered, release);
        });
        prop_assert_eq!(record.deleted(), 1);
    }
}

#[test]
fn cases_print_as_code() {
    let foreign = Foreign {
        dtype: DLDataType { code: 0, bits: 16, lanes: 1 },
        layout: Layout { shape: vec![3], strides: Some(vec![-2]) },
        device: (3, 1),
        minor: 2,
        flags: 5,
        offset: 3,
        shift: 0,
        null_strides: false,
        legacy: false,
    };
    let printed = "Spec::new(dtype(0, 16, 1)).shape(&[3]).strides(&[-2]).flags(0x5).filled()\
                   .origin(5).byte_offset(3).device(3, 1).version(1, 2).make_versioned()";
    assert_eq!(format!("{foreign:?}"), printed);
}
