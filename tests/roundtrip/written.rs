//! C → Rust → C where Rust writes: C reads what was written, and what may not be written is refused.

use dlpack::{Access, AnyManagedTensor, Element, Error, Exclusive, types::SubByte};
use harness::consumer::gather_managed;
use harness::release::delete;
use harness::{Managed, either};
use proptest::prelude::*;

use crate::cases;
use crate::dtypes::{Typed, with_type};
use crate::imported::{Foreign, foreign};
use crate::model::Model;

/// Writes all elements, last first.
struct Writes<'a> {
    tensor: &'a mut Exclusive<AnyManagedTensor>,
    model: &'a Model,
    memory: &'a mut [u8],
}

impl Writes<'_> {
    /// Why the elements cannot be written, as far as it is certain.
    fn refusal<T>(&self) -> Option<Error> {
        let offset = usize::try_from(self.tensor.byte_offset()).unwrap();
        let start = self.tensor.data().addr().wrapping_add(offset);
        match self.tensor.access() {
            _ if self.model.numel() > 0 && start % align_of::<T>() != 0 => {
                Some(Error::Misaligned { required: align_of::<T>() })
            }
            Access::ReadOnly => Some(Error::ReadOnly),
            Access::Unknown => Some(Error::WritabilityUnknown),
            Access::Writable if !self.model.is_disjoint() => Some(Error::Overlapping),
            Access::Writable => None,
            _ => unreachable!("there are three answers"),
        }
    }
}

impl Typed for Writes<'_> {
    fn whole<T: Element>(&mut self) {
        let refusal = self.refusal::<T>();
        let gathered = self.model.gather(self.memory);
        let elements: Vec<T> =
            gathered.chunks(size_of::<T>()).rev().map(bytemuck::pod_read_unaligned).collect();
        match (self.tensor.view_mut::<T>(), refusal) {
            (Err(found), Some(expected)) => assert_eq!(found, expected),
            // Strides so unusual that a proof would take too long.
            (Err(found), None) => assert_eq!(found, Error::Overlapping),
            (Ok(_), Some(expected)) => panic!("expected {expected}"),
            (Ok(mut view), None) => {
                view.copy_from_slice(&elements).unwrap();
                assert!(
                    view.as_view()
                        .iter()
                        .zip(&elements)
                        .all(|(a, b)| { bytemuck::bytes_of(a) == bytemuck::bytes_of(b) })
                );
                self.model.scatter(self.memory, bytemuck::cast_slice(&elements));
            }
        }
    }

    fn sub_byte<T: SubByte>(&mut self) {}
}

/// # Safety
///
/// `raw` is live, and nobody else deletes it.
unsafe fn read_by_c<M: Managed>(raw: *mut M, model: &Model, memory: &[u8]) {
    // SAFETY: the caller's promise.
    assert_eq!(unsafe { gather_managed(raw) }, Some(model.gather(memory)));
    // SAFETY: the caller's promise.
    unsafe { delete(raw) };
}

fn write(foreign: &Foreign) {
    let (model, _) = foreign.place();
    let mut memory = foreign.memory();
    let (tensor, record) = foreign.take_in();
    // SAFETY: C wrote the elements, and nobody else knows of them.
    let mut tensor = unsafe { tensor.assume_exclusive() };
    with_type(model.dtype, &mut Writes { tensor: &mut tensor, model: &model, memory: &mut memory });
    if !memory.is_empty() {
        // SAFETY: all the memory that C made, with no view left.
        let found = unsafe { std::slice::from_raw_parts(record.data().cast(), memory.len()) };
        assert_eq!(memory, found, "the elements, and nothing else");
    }
    // SAFETY: just passed on.
    either!(tensor.into_inner(), |tensor| unsafe {
        read_by_c(tensor.into_raw(), &model, &memory);
    });
    assert_eq!(record.deleted(), 1);
}

proptest! {
    #![proptest_config(cases(1500))]

    #[test]
    fn rust_writes_for_c(foreign in foreign()) {
        write(&foreign);
    }

    /// Nothing but the strides can stand in the way.
    #[test]
    fn rust_writes_for_c_where_it_may(foreign in foreign()) {
        let writable = Foreign { flags: 0, legacy: false, shift: 0, offset: 0, ..foreign };
        write(&writable);
    }
}
