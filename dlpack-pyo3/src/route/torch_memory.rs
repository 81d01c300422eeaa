//! Whether a tensor of PyTorch has memory, as PyTorch itself says.
//!
//! Some have none: tensors that stand for zeros, fake ones, the wrappers of `torch.func` and of classes, masked ones, and those whose
//! storage was resized to nothing. PyTorch adds the offset of a view to the null pointer of the storage.
//!
//! Neither a class nor a mode is asked, since its code could move the memory, and the answer would say nothing about the tensor that
//! was given.

use core::ptr;

use dlpack::DeviceType;

use super::address;
use super::attribute::is_true;
use super::classes::{is_named, is_of, is_static, static_base};
use super::summary::Summary;
use crate::raw::{
    Class, Name, Object, Owned, Raised, SavedException, call_no_args, ffi, handle, loaded,
    make_tuple, names, raise, unwind,
};

/// Returns `false` if what a tensor of PyTorch has given must not be read, since there may be no memory.
///
/// If PyTorch names the same address for the tensor, it says so. It names another one if a class passes on another tensor, or makes a copy,
/// or if code that runs elsewhere, as at a garbage collection, has moved the memory. Then memory must be readable at the address, or, where
/// the system does not say, it must be one to which offsets hardly ever lead; and if PyTorch names none, both. A device may have memory
/// anywhere.
///
/// An address at which PyTorch has memory is not doubtful any more, for all tensors.
#[cold]
pub(super) fn can_be_memory(object: Object<'_>, summary: Summary) -> Result<bool, Raised> {
    let address = summary.address;
    let place = place_of(object)?;
    if place.as_ref().is_some_and(|place| usize::try_from(place.address) == Ok(address)) {
        let is_memory = place.is_some_and(|place| place.is_memory());
        return if is_memory { confirm(object, address).map(|()| true) } else { Ok(false) };
    }
    let is_far = || address::is_far(address);
    let is_likely = || match address::is_readable(address) {
        Some(is_readable) => is_readable && (place.is_some() || is_far()),
        None => is_far(),
    };
    Ok(summary.device.device_type != DeviceType::CPU || is_likely())
}

/// Remembers that there is memory at this address, if PyTorch says that it is within that of the object's storage.
fn confirm(object: Object<'_>, address: usize) -> Result<(), Raised> {
    let found = match without_answers(object, |_| call_in_c(object, &names::UNTYPED_STORAGE)) {
        Ok(Some(storage)) => place_in(object, Some(&storage)),
        Ok(None) => return Ok(()),
        Err(raised) => Err(raised),
    };
    match found {
        Ok(Some(place)) if place.is_memory() && usize::try_from(place.address) == Ok(address) => {
            address::confirm(address);
            Ok(())
        }
        Ok(_) => Ok(()),
        Err(raised) => raised.forget(),
    }
}

/// Refuses a tensor of PyTorch's of whose elements it cannot make a copy, since the storage has no memory, as PyTorch itself says, or if
/// PyTorch cannot be asked.
#[cold]
pub(super) fn refuse_uncopyable(object: Object<'_>) -> Result<(), Raised> {
    let has_memory = place_of(object)?.is_some_and(|place| place.storage != 0);
    // No elements need no memory.
    if has_memory || is_empty(object)? { Ok(()) } else { Err(absent(object)) }
}

/// Returns `true` if PyTorch itself says that the object has no elements.
fn is_empty(object: Object<'_>) -> Result<bool, Raised> {
    let found = without_answers(object, |_| call_in_c(object, &names::NUMEL));
    match found {
        Ok(Some(count)) => Ok(handle(count.borrow())? == 0),
        Ok(None) => Ok(false),
        Err(raised) => raised.forget().map(|()| false),
    }
}

/// Returns `true` if PyTorch itself says that the elements are to be negated when they are read. What PyTorch cannot be asked about is left to
/// its `__dlpack__`.
#[cold]
pub(super) fn is_negated(object: Object<'_>) -> Result<bool, Raised> {
    let found = without_answers(object, |_| call_in_c(object, &names::IS_NEG));
    match found {
        Ok(answer) => Ok(answer.is_some_and(|answer| is_true(answer.borrow()))),
        Err(raised) => raised.forget().map(|()| false),
    }
}

/// Raises the exception for a tensor without memory.
#[cold]
pub(super) fn absent(object: Object<'_>) -> Raised {
    let text = "expected a tensor with memory, found one of a storage without any, such as a fake, sparse or masked tensor";
    raise(
        object.attached(),
        Class::Buffer,
        format_args!(
            "{text}: make a plain tensor of it first, with `.clone()`, `.to_dense()` or `.to_tensor(value)`"
        ),
    )
}

/// Where a tensor is.
struct Place {
    /// The address of the storage's memory, or 0 if it has none.
    storage: i128,
    /// The address of the first element.
    address: i128,
    /// The address behind the storage's memory, or the greatest number if nobody has asked for it.
    end: i128,
}

impl Place {
    /// An address that is not in the storage is that of an offset that PyTorch has not checked.
    const fn is_memory(&self) -> bool {
        self.storage != 0 && self.address >= self.storage && self.address < self.end
    }
}

/// Asks a question while neither a class nor a mode answers for PyTorch on this thread. Returns `None` if that cannot be had.
fn without_answers<T>(
    object: Object<'_>,
    question: impl FnOnce(Object<'_>) -> Result<T, Raised>,
) -> Result<Option<T>, Raised> {
    let py = object.attached();
    let Some(torch) = loaded(py, &names::TORCH_C)? else { return Ok(None) };
    let Some(class) = torch.optional_attr(&names::DISABLE_TORCH_FUNCTION)? else {
        return Ok(None);
    };
    // SAFETY: a live object on an attached thread.
    let is_class = unsafe { ffi::PyType_Check(class.as_ptr()) } != 0;
    // One that no program can make, whatever stands in the place of PyTorch's module.
    if !is_class
        || !is_static(class.borrow())
        || !is_of(class.borrow(), "torch")?
        || !is_named(class.borrow(), "DisableTorchFunction")?
    {
        return Ok(None);
    }
    // SAFETY: a live object on an attached thread; the result is a new reference, or null with an exception set.
    let context = unsafe { Owned::or_raised(call_no_args(class.as_ptr())) }?;
    // This is looked up first: it may need memory that is not there later, and no class would answer on this thread again.
    let exit = context.borrow().attr(&names::EXIT)?;
    context.borrow().call_method(&names::ENTER)?;
    let found = question(object);
    let saved = SavedException::take(py);
    // SAFETY: a live method on an attached thread; the result is a new reference, or null with an exception set.
    if let Err(raised) = unsafe { Owned::or_raised(call_no_args(exit.as_ptr())) } {
        saved.forget();
        return Err(raised);
    }
    drop(saved);
    found.map(Some)
}

/// Returns a function of PyTorch's module in C, if it has this signature.
///
/// A program can have PyTorch make a function in C of an operator, with any name, but then its documentation says other parameters. It can
/// give a documentation to a function that has none, but cannot rename it. So both the name and the documentation are compared.
fn own_function<'a>(
    object: Object<'a>,
    name: &Name,
    signature: &str,
) -> Result<Option<Owned<'a>>, Raised> {
    let Some(torch) = loaded(object.attached(), &names::TORCH_C)? else { return Ok(None) };
    let Some(function) = torch.optional_attr(name)? else { return Ok(None) };
    // SAFETY: a live object on an attached thread. The class lives for ever.
    let is_in_c = unsafe { ffi::Py_TYPE(function.as_ptr()) == &raw mut ffi::PyCFunction_Type };
    if !is_in_c {
        return Ok(None);
    }
    let (found, doc) = (function.attr(&names::NAME)?, function.attr(&names::DOC)?);
    let is_named = signature.split_once('(').map(|(name, _)| name) == found.borrow().text();
    let is_own = is_named && doc.borrow().text().is_some_and(|doc| doc.starts_with(signature));
    Ok(is_own.then_some(function))
}

/// Returns where PyTorch says that the object is. Returns `None` if it has no storage, or as [`place_in`] does.
fn place_of(object: Object<'_>) -> Result<Option<Place>, Raised> {
    match place_in(object, None) {
        // PyTorch raises a `RuntimeError`. Other exceptions, as for want of memory, say nothing about the tensor.
        Err(raised) if raised.is(Class::Runtime) => raised.forget().map(|()| None),
        place => place,
    }
}

/// Returns where PyTorch says that the object is, with the end of the memory if this is the object's storage; of another storage, there is
/// no memory. Returns `None` if PyTorch cannot be asked while nobody answers for it, or if that has changed meanwhile: Python may collect
/// garbage when an object is made, and so run any code.
///
/// Where PyTorch has functions for that, addresses are asked for that are only read: it copies memory that is copied on write, and frees
/// what consumers may have, when it is asked for another one. If one of these functions is there and the other is not, it is not asked.
fn place_in(object: Object<'_>, storage: Option<&Owned<'_>>) -> Result<Option<Place>, Raised> {
    // What may run code comes first.
    let data_address = own_function(object, &names::DATA_ADDRESS, DATA_ADDRESS)?;
    let base = static_base(object.class())?;
    // Not all classes of PyTorch's are those of tensors.
    let Some(storage_of) = base.optional_attr(&names::UNTYPED_STORAGE)? else { return Ok(None) };
    let data_ptr = match base.optional_attr(&names::CONST_DATA_PTR)? {
        Some(_) if data_address.is_none() => return Ok(None),
        Some(method) => method,
        None => base.attr(&names::DATA_PTR)?,
    };
    let arguments = make_tuple(object.attached(), &[object])?;
    let length = match storage {
        Some(storage) => {
            let method = method_in_c(storage.borrow(), &names::NBYTES)?;
            Some((storage, method, make_tuple(object.attached(), &[storage.borrow()])?))
        }
        None => None,
    };
    let found = without_answers(object, |object| {
        let storage = || match &data_address {
            Some(function) => handle(call_with(function, &arguments)?.borrow()),
            None => address_of_storage(object),
        };
        let before = storage()?;
        let address = handle(call_with(&data_ptr, &arguments)?.borrow())?;
        let end = match &length {
            // The storage is an object already, so that none is made.
            Some((own, method, arguments_of_own)) => {
                match call_with(&storage_of, &arguments)?.borrow().is(own.borrow()) {
                    true => before
                        .saturating_add(handle(call_with(method, arguments_of_own)?.borrow())?),
                    false => 0,
                }
            }
            None => i128::MAX,
        };
        let is_still_there = storage()? == before;
        Ok(is_still_there.then_some(Place { storage: before, address, end }))
    });
    found.map(Option::flatten)
}

/// The signature of PyTorch's function that returns the address of the storage's memory, or 0 if it has none.
const DATA_ADDRESS: &str = "_data_address(arg0: torch.Tensor) -> int";

/// Returns the address of the storage's memory, or 0 if it has none, where PyTorch has no function that says so.
fn address_of_storage(object: Object<'_>) -> Result<i128, Raised> {
    let storage = call_in_c(object, &names::UNTYPED_STORAGE)?;
    handle(call_in_c(storage.borrow(), &names::DATA_PTR)?.borrow())
}

/// Calls a method of PyTorch's own class in C, whatever the object itself or a derived class has under this name. Of an object
/// without such a class, the method of its class is called.
fn call_in_c<'a>(object: Object<'a>, method: &Name) -> Result<Owned<'a>, Raised> {
    let method = method_in_c(object, method)?;
    let arguments = make_tuple(object.attached(), &[object])?;
    call_with(&method, &arguments)
}

/// Returns the method that [`call_in_c`] calls.
fn method_in_c<'a>(object: Object<'a>, method: &Name) -> Result<Owned<'a>, Raised> {
    let class = object.class().to_owned();
    let base = static_base(object.class())?;
    let class = if is_of(base.borrow(), "torch")? { &base } else { &class };
    class.attr(method)
}

fn call_with<'a>(method: &Owned<'a>, arguments: &Owned<'a>) -> Result<Owned<'a>, Raised> {
    // SAFETY: a live object and a tuple on an attached thread. The result is a new reference, or null with an exception set.
    unsafe { Owned::or_raised(unwind::call(method.as_ptr(), arguments.as_ptr(), ptr::null_mut())) }
}
