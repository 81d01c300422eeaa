//! C calls Rust with a tensor that C still owns, and Rust calls C in the same way.
//!
//! The library in C is `callback.c`. This compiles it in the `build.rs` of a project that depends on `dlpack-sys`, and on `cc` to
//! build: `cc::Build::new().file("callback.c").include(std::env::var("DEP_DLPACK_INCLUDE").unwrap()).compile("callback");`

use std::ffi::c_int;

use dlpack::{BorrowedTensor, Error, TensorView, TensorViewMut, sys::DLTensor};

/// What C calls with a tensor.
type Visit = unsafe extern "C" fn(tensor: *const DLTensor, out: *mut f32) -> c_int;

unsafe extern "C" {
    fn with_frame(visit: Visit, out: *mut f32) -> c_int;
    fn with_text(visit: Visit, out: *mut f32) -> c_int;
    fn sum_u16(tensor: *const DLTensor) -> i64;
    fn fill_u16(tensor: *mut DLTensor, value: u16) -> c_int;
}

fn main() -> Result<(), Error> {
    let mut answer = 0.0;

    // C makes a tensor on its stack and calls `mean` with it. The tensor ends when that call returns.
    // SAFETY: the tensors of the library hold what `mean` asks for, and `answer` can be written.
    let code = unsafe { with_frame(mean, &mut answer) };
    println!("the mean of C's tensor: {answer}");
    assert_eq!((code, answer), (0, 3.5));

    // A tensor that does not fit results in an error code, not in a panic, which must not cross C.
    // SAFETY: as above.
    let code = unsafe { with_text(mean, &mut answer) };
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
    let sum = columns.select(0, 1)?.with_dl_tensor(|tensor| unsafe { sum_u16(tensor) })?;
    println!("C added a column: {sum}");
    assert_eq!(sum, 7);

    let mut data = [0_u16; 6];
    let mut column = TensorViewMut::from_slice(&mut data, &[2, 3])?.select(1, 1)?;
    // SAFETY: the tensor is valid during the call, and lent to C alone.
    let code = column.with_dl_tensor(|tensor| unsafe { fill_u16(tensor, 7) })?;
    println!("C filled a column: {data:?}");
    assert_eq!(code, 0);
    assert_eq!(data, [0, 7, 0, 0, 7, 0]);
    Ok(())
}
