//! What is found in a tensor, in Rust and as C sees it, compared with its model.

use dlpack::negotiate::Answer;
use dlpack::sys::{DLManagedTensor, DLManagedTensorVersioned, DLTensor};
use dlpack::{Access, DataType, Descriptor, Flags};

use super::model::canonical;
use super::{Live, Model, World};
use crate::input::Input;
use crate::oracle;

impl World {
    /// Writes one value into each element, if the tensor is one that can be written.
    pub(super) fn write(
        &self,
        input: &mut Input<'_>,
        model: &Model,
        call: impl FnOnce(u8) -> bool,
    ) {
        let value = input.byte();
        let writable = model.access == Access::Writable
            && oracle::nests(&model.shape, &model.strides)
            && [DataType::U8, DataType::U32, DataType::F64].contains(&model.dtype);
        assert_eq!(call(value), writable, "{model:?}");
        if writable {
            self.wrote(model, value);
        }
    }

    pub(super) fn wrote(&self, model: &Model, value: u8) {
        let mut bytes = self.stores[model.store].bytes.borrow_mut();
        model.places.iter().for_each(|&place| bytes[place] = value);
    }

    pub(super) fn expected(&self, model: &Model) -> Vec<u8> {
        let bytes = self.stores[model.store].bytes.borrow();
        model.places.iter().map(|&place| bytes[place]).collect()
    }

    pub(super) fn check(&self, live: &Live, model: &Model) {
        match live {
            Live::Opaque(tensor) => {
                // SAFETY: a live struct, whose arrays hold.
                let lent = unsafe { &raw const (*tensor.as_raw()).dl_tensor };
                self.as_c(lent, model);
            }
            Live::OpaqueLegacy(tensor) => {
                // SAFETY: a live struct, whose arrays hold.
                let lent = unsafe { &raw const (*tensor.as_raw()).dl_tensor };
                self.as_c(lent, model);
            }
            Live::Answer(answer) => {
                // SAFETY: a live struct of this ABI, whose arrays hold.
                let lent = unsafe {
                    match answer.abi {
                        Answer::LEGACY => {
                            &raw const (*answer.tensor.cast::<DLManagedTensor>()).dl_tensor
                        }
                        _ => {
                            &raw const (*answer.tensor.cast::<DLManagedTensorVersioned>()).dl_tensor
                        }
                    }
                };
                self.as_c(lent, model);
            }
            Live::Bytes(slice) => assert_eq!(slice[..], self.expected(model)),
            Live::Numbers(slice) => {
                let found: Vec<u8> = slice.iter().flat_map(|n| n.to_ne_bytes()).collect();
                assert_eq!(found, self.expected(model));
            }
            Live::Object(_) => {}
            live => self.look(live.descriptor().expect("a tensor"), model),
        }
    }

    /// What Rust finds.
    pub(super) fn look(&self, tensor: &Descriptor, model: &Model) {
        assert_eq!(tensor.shape(), model.shape);
        assert_eq!(
            canonical(tensor.shape(), tensor.strides()),
            canonical(&model.shape, &model.strides)
        );
        assert_eq!(
            (tensor.dtype(), tensor.device().device_type),
            (model.dtype, model.device.device_type)
        );
        assert_eq!(tensor.flags(), Flags::from_bits(model.flags));
        assert_eq!(tensor.access(), model.access, "{model:?}");
        self.contents(tensor, model);
    }

    pub(super) fn contents(&self, tensor: &Descriptor, model: &Model) {
        let expected = self.expected(model);
        assert_eq!(tensor.nbytes(), expected.len());
        if tensor.is_contiguous() {
            // SAFETY: initialised, and nobody writes it now.
            assert_eq!(unsafe { tensor.as_bytes() }, Ok(&expected[..]));
            return;
        }
        let found: Vec<u8> = match model.dtype {
            // SAFETY: initialised, and nobody writes it now.
            DataType::U8 => unsafe { tensor.view::<u8>() }.expect("bytes").to_vec(),
            DataType::U32 => {
                // SAFETY: initialised, and nobody writes it now.
                let view = unsafe { tensor.view::<u32>() }.expect("numbers");
                view.iter().flat_map(|n| n.to_ne_bytes()).collect()
            }
            DataType::F64 => {
                // SAFETY: initialised, and nobody writes it now.
                let view = unsafe { tensor.view::<f64>() }.expect("numbers");
                view.iter().flat_map(|n| n.to_ne_bytes()).collect()
            }
            _ => return,
        };
        assert_eq!(found, expected);
    }

    /// What C finds, by the struct alone.
    pub(super) fn as_c(&self, lent: *const DLTensor, model: &Model) {
        // SAFETY: a live struct.
        let tensor = unsafe { lent.read() };
        let ndim = usize::try_from(tensor.ndim).unwrap();
        assert_eq!(ndim, model.shape.len());
        let numbers = |from: *const i64| {
            assert!(!from.is_null());
            // SAFETY: the arrays of the struct hold, and have so many numbers.
            (0..ndim).map(|axis| unsafe { from.add(axis).read() }).collect::<Vec<i64>>()
        };
        let (shape, strides) = (numbers(tensor.shape), numbers(tensor.strides));
        assert_eq!(shape, model.shape);
        assert_eq!(strides, canonical(&model.shape, &model.strides));
        let size = usize::try_from(oracle::element_bits(model.dtype, false) / 8).unwrap();
        let expected = self.expected(model);
        if expected.is_empty() {
            return;
        }
        let first =
            tensor.data.cast::<u8>().wrapping_add(usize::try_from(tensor.byte_offset).unwrap());
        let mut found = Vec::new();
        for offset in oracle::offsets(&shape, &strides) {
            let offset = isize::try_from(offset).unwrap() * isize::try_from(size).unwrap();
            for byte in 0..size {
                // SAFETY: a byte of an element of a live tensor.
                found.push(unsafe { first.wrapping_offset(offset).add(byte).read() });
            }
        }
        assert_eq!(found, expected);
    }
}
