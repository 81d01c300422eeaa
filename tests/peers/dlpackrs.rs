//! dlpackrs 0.2 and dlpack 0.2.
//!
//! | mistake | here |
//! | --- | --- |
//! | a safe constructor takes a raw pointer, safe methods follow it | does not compile |
//! | the raw pointer that is given out is that of a dead local | test |
//! | the deleter is handed a copy of the struct on the stack | test |
//! | deleters are called under another calling convention | test: C calls ours, and we call C's |
//! | a panic on devices of newer headers | test |
//! | a deleter that cannot be null | test |

use dlpack::{DeviceType, ManagedTensor, ManagedTensorVersioned};
use harness::{Spec, stray_deletes};

use crate::support::{imported, imported_legacy};

/// Moves the owner about, so that an address within it would change.
fn moved<T>(owner: T) -> T {
    let boxed = vec![owner];
    boxed.into_iter().next().unwrap()
}

#[test]
fn dlpackrs_f_the_struct_stays_where_it_is() {
    let spec = Spec::of(&[1_u8, 2, 3]);
    let (raw, record) = spec.make_versioned();
    // SAFETY: C passes the tensor on.
    let tensor = moved(unsafe { ManagedTensorVersioned::from_raw(raw) }.unwrap());
    assert_eq!(tensor.as_raw(), raw);
    assert_eq!(moved(tensor).into_raw(), raw);
    assert_eq!(record.deleted(), 0);
    // SAFETY: just passed on.
    drop(moved(unsafe { ManagedTensorVersioned::from_raw(raw) }.unwrap()));
    assert_eq!(record.deleted(), 1);

    let (raw, record) = spec.make_legacy();
    // SAFETY: C passes the tensor on.
    let tensor = moved(unsafe { ManagedTensor::from_raw(raw) }.unwrap());
    assert_eq!(moved(tensor).into_raw(), raw);
    // SAFETY: just passed on.
    drop(moved(unsafe { ManagedTensor::from_raw(raw) }.unwrap()));
    assert_eq!(record.deleted(), 1);
}

/// The C library counts calls with a pointer that is none of its tensors; nothing else in this binary makes one.
#[test]
fn dlpackrs_f_the_deleter_gets_its_own_struct() {
    let (tensor, record) = imported(&Spec::of(&[1_u8, 2, 3]));
    drop(moved(tensor));
    assert_eq!((record.deleted(), stray_deletes()), (1, 0));
    let (tensor, record) = imported_legacy(&Spec::of(&[1_u8, 2, 3]));
    drop(moved(tensor));
    assert_eq!((record.deleted(), stray_deletes()), (1, 0));
}

#[cfg(feature = "alloc")]
#[test]
fn dlpackrs_f_an_exported_struct_outlives_the_function_that_made_it() {
    use dlpack::Exporter;
    use dlpack_sys::DLManagedTensorVersioned;
    use harness::release::consume;

    fn export(start: u8) -> *mut DLManagedTensorVersioned {
        Exporter::new(vec![start, start + 1, start + 2]).build().unwrap().into_raw()
    }

    let tensors: Vec<_> = (0..20).map(|start| export(start * 10)).collect();
    for (raw, start) in tensors.into_iter().zip(0_u8..) {
        // FNV-1a with 64 bits over the three bytes.
        let expected = [start * 10, start * 10 + 1, start * 10 + 2]
            .iter()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
        // SAFETY: just passed on.
        assert_eq!(unsafe { consume(raw) }, Some(expected));
    }
}

#[test]
fn dlpackrs_f_newer_devices() {
    for code in [17, 18, 19] {
        let (tensor, _record) = imported(&Spec::of(&[1_u8]).device(code, 0));
        assert_eq!(tensor.device().device_type, DeviceType::new(code));
    }
}

#[test]
fn dlpackrs_f_no_deleter() {
    let (tensor, record) = imported(&Spec::of(&[1_u8]).null_deleter());
    drop(tensor);
    assert_eq!((record.deleted(), record.is_alive()), (0, true));
    let (tensor, record) = imported_legacy(&Spec::of(&[1_u8]).null_deleter());
    drop(tensor);
    assert_eq!((record.deleted(), record.is_alive()), (0, true));
}
