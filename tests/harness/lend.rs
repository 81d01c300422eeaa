//! Borrows a tensor from C for the length of one call.

use std::ffi::{c_int, c_void};

use dlpack_sys::DLTensor;

use crate::{Spec, ffi};

/// What C has to hand back; -1 is its own word for a failure.
const ANSWER: c_int = 7;

type Callback = unsafe extern "C" fn(*const DLTensor, *mut c_void) -> c_int;

struct Call<F, R> {
    body: Option<F>,
    answer: Option<R>,
}

impl<F: FnOnce(*const DLTensor) -> R, R> Call<F, R> {
    fn callback(&self) -> Callback {
        enter::<F, R>
    }
}

unsafe extern "C" fn enter<F: FnOnce(*const DLTensor) -> R, R>(
    tensor: *const DLTensor,
    ctx: *mut c_void,
) -> c_int {
    // SAFETY: `ctx` is the `Call` that `lend` passed, which waits for us.
    let call = unsafe { &mut *ctx.cast::<Call<F, R>>() };
    let body = call.body.take().expect("C calls back once");
    call.answer = Some(body(tensor));
    ANSWER
}

impl Spec {
    /// Has C lend a tensor on its stack to `body` and gives back `body`'s answer.
    ///
    /// Struct, shape, strides and data are overwritten after `body` returned. A panic in `body` aborts.
    pub fn lend<R>(&self, body: impl FnOnce(*const DLTensor) -> R) -> R {
        let mut call = Call { body: Some(body), answer: None };
        let callback = call.callback();
        let raw = self.raw_spec();
        // SAFETY: `raw` points to the arrays of `self`, and `callback` expects this very `Call`.
        let rc = unsafe { ffi::ct_call_with_tensor(&raw, callback, (&raw mut call).cast()) };
        assert_eq!(rc, ANSWER, "C hands back what the callback answered");
        call.answer.expect("C called back")
    }
}
