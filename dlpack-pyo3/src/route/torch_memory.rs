//! Whether a tensor of PyTorch has memory, as PyTorch itself says.

use core::ptr;

use dlpack::DeviceType;

use super::address;
use super::attribute::is_true;
use super::classes::{is_named, is_of, is_of_torch, is_static, static_base};
use super::summary::Summary;
use crate::raw::{
    Class, Name, Object, Owned, Raised, SavedException, call_no_args, ffi, handle, loaded,
    make_tuple, names, raise, unwind,
};

/// Refuses a tensor whose address is doubtful if its storage has no memory. Returns whether the object names the same address.
///
/// So it is with tensors that stand for zeros, fake ones, the wrappers of `torch.func` and of classes, masked ones, and those
/// whose storage was resized to nothing. PyTorch adds the offset of a view to the null pointer of the storage.
///
/// The address is that of the tensor that is to be imported. A class may answer in PyTorch's place, so that what it says about
/// memory is believed of this tensor alone. If `is_plain` says that the class does not, and PyTorch says the same when no class and
/// no mode can answer for it, the address counts as memory for all tensors.
#[cold]
pub(super) fn refuse_without_memory(
    object: Object<'_>,
    address: usize,
    is_plain: bool,
) -> Result<bool, Raised> {
    match is_copied_on_write(object, address)? {
        Some(true) => return Ok(true),
        Some(false) => {}
        // Left to whoever looks at the address.
        None => return Ok(false),
    }
    match address_with_memory(object) {
        Ok(Some(0)) => {}
        Ok(Some(found)) => {
            let is_same = usize::try_from(found) == Ok(address);
            if is_same && is_plain && is_surely_memory(object, address)? {
                address::confirm(address);
            }
            return Ok(is_same);
        }
        // As above.
        Ok(None) => return Ok(false),
        // PyTorch raises a `RuntimeError` for most of them.
        Err(raised) => raised.forget()?,
    }
    Err(absent(object))
}

/// Returns `true` if PyTorch itself says that the storage has memory, or `None` if it cannot be asked. Neither a class nor a mode is asked,
/// which could take the memory away. Nothing is known of objects that are not PyTorch's in C.
#[cold]
pub(super) fn may_have_memory(object: Object<'_>) -> Result<Option<bool>, Raised> {
    if !is_of_torch(object.class())? {
        return Ok(Some(true));
    }
    match place_of(object) {
        Ok(found) => Ok(found.map(|place| place.is_some_and(|place| place.storage != 0))),
        Err(raised) => raised.forget().map(|()| Some(false)),
    }
}

/// Raises the exception for a tensor without memory.
#[cold]
pub(super) fn absent(object: Object<'_>) -> Raised {
    let text = "expected a tensor with memory, found one of a storage without any, such as a fake or a masked tensor";
    raise(
        object.attached(),
        Class::Buffer,
        format_args!(
            "{text}: make a plain tensor of it first, with `.clone()` or `.to_tensor(value)`"
        ),
    )
}

/// Returns `true` if PyTorch itself says that the object has memory at this address. The class may have begun to answer in its place
/// while it was asked, and a mode answers for every class.
fn is_surely_memory(object: Object<'_>, address: usize) -> Result<bool, Raised> {
    // A class that stands in the place of PyTorch's answers by methods of its own.
    if !is_of_torch(object.class())? {
        return Ok(false);
    }
    let found = match without_answers(object, |_| call_in_c(object, &names::UNTYPED_STORAGE)) {
        Ok(Some(storage)) => place_in(object, Some(&storage)),
        Ok(None) => return Ok(false),
        Err(raised) => Err(raised),
    };
    match found {
        Ok(found) => Ok(found.flatten().is_some_and(|place| place.is_memory_at(address))),
        Err(raised) => raised.forget().map(|()| false),
    }
}

/// Returns `false` if PyTorch itself says that the storage has no memory, and that the object names this address all the same. Neither a
/// class nor a mode is asked, which could move the memory meanwhile.
///
/// The address is another one if a class passes on another tensor, or if code that runs elsewhere, as at a garbage collection, has moved
/// the memory. Then it must not be one where there is no memory anyway. If PyTorch cannot name one, or cannot be asked, or says that
/// the object itself has no memory, it must be one to which offsets hardly ever lead. A device may have memory anywhere.
#[cold]
pub(super) fn can_be_memory(object: Object<'_>, summary: Summary) -> Result<bool, Raised> {
    let address = summary.address;
    // Nothing is known of objects that are not PyTorch's in C.
    if !is_of_torch(object.class())? {
        return Ok(true);
    }
    let can_be = match place_of(object) {
        Ok(Some(Some(place))) if usize::try_from(place.address) == Ok(address) => {
            return Ok(place.is_memory());
        }
        // A class may pass on another tensor.
        Ok(Some(Some(Place { storage: 0, .. })) | None) => address::is_far(address),
        Ok(Some(_)) => !address::is_near_null(address),
        Err(raised) => raised.forget().map(|()| address::is_far(address))?,
    };
    Ok(can_be || summary.device.device_type != DeviceType::CPU)
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

    fn is_memory_at(&self, address: usize) -> bool {
        self.is_memory() && usize::try_from(self.address) == Ok(address)
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

/// Returns `true` if PyTorch itself says that there is memory at this address, which it copies when it is written. Returns `None` if
/// it may be such memory, and PyTorch does not say that it is at this address.
///
/// The object must not be asked for its storage in either case, as [`place_of`] says.
fn is_copied_on_write(object: Object<'_>, address: usize) -> Result<Option<bool>, Raised> {
    if !is_of_torch(object.class())? {
        return Ok(Some(false));
    }
    let Some(function) = is_cow_tensor(object)? else {
        let reads = static_base(object.class())?.optional_attr(&names::CONST_DATA_PTR)?;
        return Ok(if reads.is_some() { None } else { Some(false) });
    };
    let arguments = make_tuple(object.attached(), &[object])?;
    match call_with(&function, &arguments) {
        Ok(answer) if is_true(answer.borrow()) => {
            Ok(is_surely_memory(object, address)?.then_some(true))
        }
        Ok(_) => Ok(Some(false)),
        Err(raised) => raised.forget().map(|()| Some(false)),
    }
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

/// Returns the address of the first element as the class answers, or 0 if the storage has no memory. Returns `None` if the memory is copied
/// on write by now.
fn address_with_memory(object: Object<'_>) -> Result<Option<i128>, Raised> {
    let is_of_torch = is_of_torch(object.class())?;
    let is_copied = if is_of_torch { is_cow_tensor(object)? } else { None };
    let reads = static_base(object.class())?.optional_attr(&names::CONST_DATA_PTR)?;
    let data_ptr = match reads.filter(|_| is_of_torch) {
        Some(method) => method,
        None => method_in_c(object, &names::DATA_PTR)?,
    };
    let storage = call_in_c(object, &names::UNTYPED_STORAGE)?;
    let data_ptr_of_storage = method_in_c(storage.borrow(), &names::DATA_PTR)?;
    let arguments = make_tuple(object.attached(), &[object])?;
    let arguments_of_storage = make_tuple(object.attached(), &[storage.borrow()])?;
    // No code runs between this question and the next, for which PyTorch would copy the memory.
    if let Some(function) = &is_copied {
        if is_true(call_with(function, &arguments)?.borrow()) {
            return Ok(None);
        }
    }
    if handle(call_with(&data_ptr_of_storage, &arguments_of_storage)?.borrow())? == 0 {
        return Ok(Some(0));
    }
    handle(call_with(&data_ptr, &arguments)?.borrow()).map(Some)
}

/// Returns PyTorch's function that tells whether a tensor is copied on write.
fn is_cow_tensor(object: Object<'_>) -> Result<Option<Owned<'_>>, Raised> {
    let signature = "_is_cow_tensor(arg0: torch.Tensor) -> bool";
    own_function(object, &names::IS_COW_TENSOR, signature)
}

/// Returns where PyTorch says that the object is, or `None` if that has changed meanwhile: Python may collect garbage when an object is
/// made, and so run any code. Returns no answer if PyTorch cannot be asked while nobody answers for it.
///
/// Where PyTorch has functions for that, addresses are asked for that are only read: it copies memory that is copied on write, and frees
/// what consumers may have, when it is asked for another one. If it has one of the functions, and the other is not found, it is not asked.
fn place_of(object: Object<'_>) -> Result<Option<Option<Place>>, Raised> {
    place_in(object, None)
}

/// As [`place_of`], with the end of the memory, which is that of the object's storage. If the object has another storage, it has no memory.
fn place_in(
    object: Object<'_>,
    storage: Option<&Owned<'_>>,
) -> Result<Option<Option<Place>>, Raised> {
    // What may run code comes first.
    let data_address = own_function(object, &names::DATA_ADDRESS, DATA_ADDRESS)?;
    let base = static_base(object.class())?;
    let data_ptr = match base.optional_attr(&names::CONST_DATA_PTR)? {
        Some(_) if data_address.is_none() => return Ok(None),
        Some(method) => method,
        None => base.attr(&names::DATA_PTR)?,
    };
    let storage_of = base.attr(&names::UNTYPED_STORAGE)?;
    let arguments = make_tuple(object.attached(), &[object])?;
    let length = match storage {
        Some(storage) => {
            let method = method_in_c(storage.borrow(), &names::NBYTES)?;
            Some((storage, method, make_tuple(object.attached(), &[storage.borrow()])?))
        }
        None => None,
    };
    without_answers(object, |object| {
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
    })
}

/// The signature of PyTorch's function that returns the address of the storage's memory, or 0 if it has none.
const DATA_ADDRESS: &str = "_data_address(arg0: torch.Tensor) -> int";

/// Returns the address of the storage's memory, or 0 if it has none.
fn address_of_storage(object: Object<'_>) -> Result<i128, Raised> {
    address_in(call_in_c(object, &names::UNTYPED_STORAGE)?.borrow())
}

/// Returns the address that a tensor or a storage names.
fn address_in(object: Object<'_>) -> Result<i128, Raised> {
    handle(call_in_c(object, &names::DATA_PTR)?.borrow())
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
