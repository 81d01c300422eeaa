//! Packed 4-bit floats to `float32`.

use core::cell::RefCell;
use core::hint::black_box;
use std::rc::Rc;

use dlpack::{DataType, Exclusive, Exporter, ManagedTensorVersioned, types::F4E2m1fn};

use crate::contender::{Contender, Instructions, Role, Row, Target};
use crate::floors::fp4 as floor;

/// 64 Ki values: 32 KiB of bytes, 256 KiB of floats.
const BYTES: usize = 1 << 15;

pub(super) fn rows() -> Vec<Row> {
    vec![Row {
        name: "fp4",
        what: "64 Ki packed float4_e2m1fn to float32",
        target: Target { time: 1.70, instructions: Instructions::Silent, mallocs: 0 },
        counted: 4,
        contenders,
    }]
}

/// Every byte there is, in an order that does not repeat soon.
fn bytes() -> Vec<u8> {
    (0..=u8::MAX)
        .cycle()
        .zip(0_usize..)
        .map(|(byte, at)| byte ^ at.to_le_bytes()[1])
        .take(BYTES)
        .collect()
}

fn contenders() -> Vec<Contender> {
    let values = Rc::new(RefCell::new(vec![0.0; 2 * BYTES]));
    let tensor: Exclusive<ManagedTensorVersioned> =
        Exporter::new(bytes()).dtype(DataType::F4_E2M1FN).build().expect("a tensor");
    let bytes = bytes();
    vec![
        contender(Role::Floor, "floor", Rc::clone(&values), move |values| {
            floor::decode(black_box(&bytes), values);
        })
        .remark("with AVX2, where the processor has it"),
        contender(Role::Ours, "dlpack", values, move |values| {
            let view = black_box(&tensor).packed_view::<F4E2m1fn>().expect("a view");
            view.unpack_to(values, F4E2m1fn::to_f32).expect("as many values");
        }),
    ]
}

fn contender(
    role: Role,
    name: &'static str,
    values: Rc<RefCell<Vec<f32>>>,
    decode: impl Fn(&mut [f32]) + 'static,
) -> Contender {
    let decode = Rc::new(decode);
    let (once, into) = (Rc::clone(&decode), Rc::clone(&values));
    let once = move || once(black_box(&mut into.borrow_mut()[..]));
    let outcome = move || {
        let mut values = values.borrow_mut();
        values.fill(f32::NAN);
        decode(&mut values);
        let sum = |from: usize| {
            values.iter().skip(from).step_by(7).map(|value| f64::from(*value)).sum::<f64>()
        };
        // Twice the values are whole numbers; zeros differ by their sign.
        let negative = values.iter().filter(|value| value.is_sign_negative()).count();
        let mut outcome = vec![("negative", negative.cast_signed() as i64)];
        outcome.extend((0..7).map(|from| ("sum", crate::data::whole(2.0 * sum(from)))));
        outcome
    };
    Contender::new(role, name, once, outcome)
}
