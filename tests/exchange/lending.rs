//! A library in C lends the tensors of its objects, which it may change whenever it runs.

use std::ffi::{c_int, c_void};
use std::panic::{self, AssertUnwindSafe};
use std::ptr;
use std::rc::Rc;

use dlpack::exchange::ExchangeApi;
use dlpack::sys::DLTensor;
use dlpack::{Access, BorrowedTensor, DataType, DataTypeCode, Error};
use harness::Spec;
use harness::exchange::{Object, Plan};

use crate::support::{library, planned, six};

/// What the planned library answers with this tensor.
fn lend<R>(plan: Plan<'_>, f: impl FnOnce(BorrowedTensor<'_>) -> R) -> Result<R, Error> {
    let object = ptr::without_provenance_mut(8);
    // SAFETY: the library never looks at its objects, and the tensor lives longer than the call.
    plan.during(|| unsafe { planned().with_object(object, f) }).0
}

#[test]
fn a_tensor_is_lent() {
    let (raw, record) = six().make_versioned();
    // SAFETY: a live tensor.
    let tensor = unsafe { &raw const (*raw).dl_tensor };
    let sum = |mut tensor: BorrowedTensor<'_>| {
        assert_eq!((tensor.access(), tensor.version()), (Access::Unknown, None));
        // SAFETY: nobody else knows of it.
        let refused = unsafe { tensor.view_mut::<f32>() }.map(drop);
        assert_eq!(refused, Err(Error::WritabilityUnknown));
        // SAFETY: C has initialised the elements.
        unsafe { tensor.view::<f32>() }.map(|elements| elements.iter().sum::<f32>())
    };
    assert_eq!(lend(Plan::returns(0).lends(tensor), sum), Ok(Ok(21.0)));
    crate::support::delete_leaked(raw, &record);
}

#[test]
fn lending_that_fails() {
    let (raw, record) = six().make_versioned();
    // SAFETY: a live tensor.
    let tensor = unsafe { &raw const (*raw).dl_tensor };
    for plan in [Plan::returns(-1), Plan::returns(-1).lends(tensor)] {
        let name = "dltensor_from_py_object_no_sync";
        let failed = Error::CallFailed { name, code: -1 };
        assert_eq!(lend(plan, |_| panic!("a tensor of a failed call")), Err::<(), _>(failed));
    }
    crate::support::delete_leaked(raw, &record);
}

#[test]
fn success_without_a_tensor() {
    let none = DataType::new(DataTypeCode::INT, 0, 0);
    let refused = lend(Plan::returns(0), |_| panic!("a tensor from nowhere"));
    assert_eq!(refused, Err::<(), _>(Error::InvalidDType { found: none }));
}

#[test]
fn tensors_that_make_no_sense() {
    for (spec, error) in [
        (six().ndim(-1), Error::NegativeNdim { ndim: -1 }),
        (six().null_shape(), Error::NullShape { ndim: 2 }),
        (Spec::of(&[1_u8]).shape(&[-1]), Error::NegativeSize { axis: 0, size: -1 }),
    ] {
        let (raw, record) = spec.make_versioned();
        // SAFETY: a live tensor.
        let tensor = unsafe { &raw const (*raw).dl_tensor };
        let refused = lend(Plan::returns(0).lends(tensor), |_| panic!("it makes no sense"));
        assert_eq!(refused, Err::<(), _>(error));
        crate::support::delete_leaked(raw, &record);
    }
}

/// Nothing but a promise keeps the library from running: what the crate does is not to look at shape and strides again.
#[test]
fn h136_an_object_that_is_resized_while_it_is_lent() {
    let (raw, record) = six().make_versioned();
    // SAFETY: a live tensor.
    let object = unsafe { Object::new(raw) };
    let resize = |tensor: BorrowedTensor<'_>| {
        record.resize_live(&[1 << 40, 1 << 40], &[1 << 40, 1]);
        assert_eq!((tensor.shape(), tensor.strides()), (&[2, 3][..], &[3, 1][..]));
        record.move_live(&[9], &[9]);
        // SAFETY: the elements are still there.
        let elements = unsafe { tensor.view::<f32>() }.expect("six floats");
        (tensor.numel(), elements.iter().sum::<f32>())
    };
    // SAFETY: an object of the library, whose elements stay where they are.
    let lent = unsafe { library().with_object(object.as_ptr(), resize) };
    assert_eq!(lent, Ok((6, 21.0)));
    drop(object);
    assert_eq!(record.deleted(), 1);
}

/// The type says that the function is `unsafe`; `dlpack/src/compile_fail.rs` has the call that does not compile.
#[test]
fn h136_lending_is_unsafe() {
    type Lend = unsafe fn(
        &ExchangeApi,
        *mut c_void,
        fn(BorrowedTensor<'_>) -> usize,
    ) -> Result<usize, Error>;
    let lend: Lend = ExchangeApi::with_object;
    let (raw, record) = six().make_versioned();
    // SAFETY: a live tensor.
    let object = unsafe { Object::new(raw) };
    // SAFETY: an object of the library.
    let tensor: &DLTensor = unsafe { &*object.tensor() };
    let rank = |tensor: BorrowedTensor<'_>| tensor.ndim();
    // SAFETY: the same.
    assert_eq!(unsafe { lend(&library(), object.as_ptr(), rank) }, Ok(2));
    assert_eq!(tensor.ndim, 2);
    drop(object);
    assert_eq!(record.deleted(), 1);
}

#[test]
fn a_borrowed_object_says_what_a_lent_one_does() {
    let (raw, record) = six().make_versioned();
    // SAFETY: a live tensor.
    let tensor = unsafe { &raw const (*raw).dl_tensor };
    let object = ptr::without_provenance_mut(8);
    let (borrowed, _) = Plan::returns(0).lends(tensor).during(|| {
        // SAFETY: the library never looks at its objects, and the tensor lives longer than what is borrowed.
        unsafe { planned().borrow_object(object) }
    });
    let borrowed: BorrowedTensor<'_> = borrowed.unwrap();
    assert_eq!((borrowed.access(), borrowed.version()), (Access::Unknown, None));
    // SAFETY: C has initialised the elements, and nobody writes them.
    let sum: f32 = unsafe { borrowed.view::<f32>() }.unwrap().iter().sum();
    assert_eq!(sum, 21.0);
    crate::support::delete_leaked(raw, &record);
    // SAFETY: null is refused before the library is asked.
    let refused = unsafe { planned().borrow_object(ptr::null_mut()) }.map(drop);
    assert_eq!(refused, Err(Error::NullObject));
}

/// Before 3.14, CPython may end a thread by unwinding it, here in the shape of a panic. That is defined only for functions
/// with nothing to drop, so that the closure is dropped by none.
#[test]
fn a_library_that_does_not_return_drops_nothing() {
    unsafe extern "C-unwind" fn end(_: *mut c_void, _: *mut DLTensor) -> c_int {
        panic::resume_unwind(Box::new(()))
    }
    type Lend = unsafe extern "C" fn(*mut c_void, *mut DLTensor) -> c_int;
    type Unwinds = unsafe extern "C-unwind" fn(*mut c_void, *mut DLTensor) -> c_int;
    // SAFETY: the table of a library, in which the function is replaced by one that the crate calls as one that unwinds.
    let api = unsafe {
        let mut table = harness::exchange::planned_library().read();
        let lend = std::mem::transmute::<Unwinds, Lend>(end);
        table.dltensor_from_py_object_no_sync = Some(lend);
        ExchangeApi::from_raw(&raw const table)
    };
    let (api, object) = (api.expect("a table of version 1.3"), ptr::without_provenance_mut(8));
    let held = Rc::new(());
    let in_closure = Rc::clone(&held);
    // SAFETY: the library does not look at its objects.
    let call = || unsafe { api.with_object(object, move |_| drop(in_closure)) };
    assert!(panic::catch_unwind(AssertUnwindSafe(call)).is_err());
    assert_eq!(Rc::strong_count(&held), 2);

    // On an error, it is dropped as usual.
    let in_closure = Rc::clone(&held);
    // SAFETY: null is refused before the library is asked.
    let refused = unsafe { api.with_object(ptr::null_mut(), move |_| drop(in_closure)) };
    assert_eq!((refused, Rc::strong_count(&held)), (Err(Error::NullObject), 2));
    // SAFETY: the reference that was not dropped above, which nobody else has.
    unsafe { Rc::decrement_strong_count(Rc::as_ptr(&held)) };
}
