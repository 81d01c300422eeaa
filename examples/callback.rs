//! C calls Rust with a tensor that C still owns, and Rust calls C in the same way.

use std::ffi::c_int;

use dlpack::{BorrowedTensor, Error, TensorView, TensorViewMut, sys::DLTensor};
use harness::{Spec, consumer};

fn main() -> Result<(), Error> {
    let frame = Spec::of(&[1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0]).shape(&[2, 3]);
    let mut answer = 0.0;

    // C makes a tensor on its stack and calls `mean` with it. The tensor ends when that call returns.
    // SAFETY: C's tensor is valid during the call, and so is `answer`.
    let code = frame.lend(|tensor| unsafe { mean(tensor, &mut answer) });
    println!("the mean of C's tensor: {answer}");
    assert_eq!((code, answer), (0, 3.5));

    // An invalid tensor results in an error code, not in a panic, which must not cross C.
    let wrong = Spec::of(&[1_u8, 2]);
    // SAFETY: as above.
    let code = wrong.lend(|tensor| unsafe { mean(tensor, &mut answer) });
    println!("for a tensor of another dtype C gets the code {code}");
    assert_eq!((code, answer), (-1, 3.5));

    rust_lends()
}

/// Writes the mean of a `float32` tensor to `out` and returns 0, or returns -1.
///
/// # Safety
///
/// During the call, `tensor` is valid, its elements are initialised, and nobody writes them; `out` can be written.
unsafe extern "C" fn mean(tensor: *const DLTensor, out: *mut f32) -> c_int {
    let mean = |tensor: BorrowedTensor<'_>| -> Result<f32, Error> {
        // SAFETY: the elements are initialised, and nobody writes them during the call.
        let elements = unsafe { tensor.view::<f32>() }?;
        Ok(elements.iter().sum::<f32>() / elements.numel() as f32)
    };
    // SAFETY: the tensor is valid during the call, and cannot leave the closure.
    let result = unsafe { BorrowedTensor::with_raw(tensor, mean) };
    let Ok(mean) = result else { return -1 };
    // SAFETY: `out` can be written.
    unsafe { out.write(mean) };
    0
}

/// Any view can be lent to C for the length of a call, without an owner and without a heap.
fn rust_lends() -> Result<(), Error> {
    let data = [1_u16, 2, 3, 4, 5, 6];
    let columns = TensorView::from_slice(&data, &[2, 3])?.transpose();
    // SAFETY: the tensor is valid during the call, and C only reads it.
    let seen = columns.with_dl_tensor(|tensor| unsafe { consumer::gather(tensor, 0) })?;
    let expected = [1_u16, 4, 2, 5, 3, 6].map(u16::to_ne_bytes);
    assert_eq!(seen.as_deref(), Some(expected.as_flattened()));

    let mut data = [0_u16; 6];
    let mut column = TensorViewMut::from_slice(&mut data, &[2, 3])?.select(1, 1)?;
    // SAFETY: the tensor is valid during the call, and lent to C alone.
    let full = column.with_dl_tensor(|t| unsafe { consumer::fill(t, 0, &7_u16.to_ne_bytes()) })?;
    println!("C filled a column: {data:?}");
    assert!(full);
    assert_eq!(data, [0, 7, 0, 0, 7, 0]);
    Ok(())
}
