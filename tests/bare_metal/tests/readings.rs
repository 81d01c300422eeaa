//! The firmware's functions, called on a machine with an operating system.

use bare_metal::{State, readings_export, readings_export_single, readings_state};

/// One after the other, as the firmware's main loop does.
#[test]
fn one_tensor_at_a_time() {
    for round in [0.5_f32, 10.5, 20.5] {
        for single in [false, true] {
            let export = || {
                if single {
                    // SAFETY: this is the only thread that exports.
                    unsafe { readings_export_single(round) }
                } else {
                    readings_export(round)
                }
            };
            assert_eq!(readings_state(), State::Free);
            let raw = export();
            assert!(!raw.is_null());
            assert_eq!(readings_state(), State::Out);
            assert!(export().is_null());
            // SAFETY: the tensor is alive.
            let tensor = unsafe { &(*raw).dl_tensor };
            // SAFETY: two sizes.
            assert_eq!(unsafe { tensor.shape.cast::<[i64; 2]>().read() }, [2, 3]);
            // SAFETY: six elements.
            let readings = unsafe { tensor.data.cast::<[f32; 6]>().read() };
            assert_eq!((readings[0], readings[5]), (round, round + 5.0));
            // SAFETY: the tensor is alive.
            let deleter = unsafe { (*raw).deleter }.expect("a deleter");
            // SAFETY: the tensor is not used again.
            unsafe { deleter(raw) };
        }
    }
    assert_eq!(readings_state(), State::Free);
}
