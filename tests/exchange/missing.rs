//! Tables that lack functions, which all but one may in the standard, and which they do in the wild.

use std::ptr;

use dlpack::exchange::ExchangeApi;
use dlpack::sys::DLPackExchangeAPI;
use dlpack::{DataType, Device, Error};
use dlpack_sys::DLManagedTensorVersioned;
use harness::abi::Abi;
use harness::exchange::{self, Object, Plan};

use crate::support::{own_struct, six};

/// The fields of the table, and how to empty them.
type Field = (&'static str, fn(&mut DLPackExchangeAPI));

const FIELDS: [Field; 5] = [
    ("managed_tensor_allocator", |table| table.managed_tensor_allocator = None),
    ("managed_tensor_from_py_object_no_sync", |table| {
        table.managed_tensor_from_py_object_no_sync = None;
    }),
    ("managed_tensor_to_py_object_no_sync", |table| {
        table.managed_tensor_to_py_object_no_sync = None;
    }),
    ("dltensor_from_py_object_no_sync", |table| table.dltensor_from_py_object_no_sync = None),
    ("current_work_stream", |table| table.current_work_stream = None),
];

/// What each function answers, in the order of the fields, from a library that succeeds without a result.
fn answers(api: &ExchangeApi) -> [Error; 5] {
    let object = ptr::without_provenance_mut(8);
    let (tensor, record) = DLManagedTensorVersioned::from_c(&six());
    let tensor = own_struct(tensor);
    let raw = tensor.as_raw();
    // SAFETY: the library never looks at its objects.
    let given = unsafe { api.object_from_tensor(tensor) }.expect_err("no object");
    let (tensor, error) = given.into_parts();
    assert_eq!(tensor.is_some(), matches!(error, Error::MissingFunction { .. }));
    if tensor.is_none() {
        crate::support::delete_leaked(raw, &record);
    }
    drop(tensor);
    assert_eq!(record.deleted(), 1);
    [
        api.allocate(DataType::F32, &[2], Device::CPU).expect_err("no tensor").error(),
        // SAFETY: the library never looks at its objects.
        unsafe { api.tensor_from_object(object) }.expect_err("no tensor"),
        error,
        // SAFETY: the same.
        unsafe { api.with_object(object, |_| ()) }.expect_err("no tensor"),
        // SAFETY: the library has no language.
        unsafe { api.current_stream(Device::cuda(0)) }.err().unwrap_or(Error::ZeroStep),
    ]
}

#[test]
fn h131_each_function_in_turn() {
    // SAFETY: a static.
    let whole = unsafe { &*exchange::planned_library() };
    // What they answer when they succeed without writing anything.
    let unwritten = [
        Error::NullTensor,
        Error::NullTensor,
        Error::NullObject,
        Error::InvalidDType { found: DataType::new(dlpack::DataTypeCode::INT, 0, 0) },
        Error::ZeroStep, // none: a stream may be null
    ];
    for (missing, (name, remove)) in FIELDS.into_iter().enumerate() {
        // SAFETY: a copy of function pointers.
        let mut table = unsafe { ptr::read(whole) };
        remove(&mut table);
        // SAFETY: the functions are those of the planned library.
        let api = unsafe { ExchangeApi::from_raw(&table) }.expect("a table of version 1.3");
        let (found, asked) = Plan::returns(0).during(|| answers(&api));
        let mut expected = unwritten;
        expected[missing] = Error::MissingFunction { name };
        assert_eq!(found, expected);
        assert_eq!(asked.calls, 4);
    }
}

#[test]
fn objects_that_are_null() {
    let api = crate::support::planned();
    let ((), asked) = Plan::returns(0).during(|| {
        // SAFETY: null is allowed.
        let refused = unsafe { api.tensor_from_object(ptr::null_mut()) };
        assert_eq!(refused.unwrap_err(), Error::NullObject);
        // SAFETY: null is allowed.
        let refused = unsafe { api.with_object(ptr::null_mut(), |_| panic!("no tensor")) };
        assert_eq!(refused, Err::<(), _>(Error::NullObject));
    });
    assert_eq!(asked.calls, 0);
}

/// The functions were copied: what happens to the table afterwards changes nothing.
#[test]
fn a_table_that_changes() {
    // SAFETY: a copy of function pointers.
    let mut table = unsafe { ptr::read(exchange::library()) };
    // SAFETY: the functions are those of the library.
    let api = unsafe { ExchangeApi::from_raw(&table) }.expect("a table of version 1.3");
    FIELDS.into_iter().for_each(|(_, remove)| remove(&mut table));
    let (raw, record) = six().make_versioned();
    // SAFETY: a live tensor.
    let object = unsafe { Object::new(raw) };
    // SAFETY: an object of the library.
    let tensor = unsafe { api.tensor_from_object(object.as_ptr()) }.expect("it is exported");
    drop(object);
    assert_eq!((tensor.shape(), record.deleted()), (&[2, 3][..], 0));
    drop(tensor);
    assert_eq!(record.deleted(), 1);
}
