//! Whether a tensor of PyTorch has memory, as PyTorch itself says.

use core::ptr;

use dlpack::DeviceType;

use super::address;
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
    match address_with_memory(object) {
        Ok(Some(0)) => {}
        Ok(Some(found)) => {
            let is_same = usize::try_from(found) == Ok(address);
            if is_same && is_plain && is_surely_memory(object, address)? {
                address::confirm(address);
            }
            return Ok(is_same);
        }
        // Left to whoever looks at the address.
        Ok(None) => return Ok(false),
        // PyTorch raises a `RuntimeError` for most of them.
        Err(raised) => raised.forget()?,
    }
    Err(absent(object))
}

/// Refuses an object of whose elements PyTorch cannot make a copy, since its storage has no memory, as PyTorch itself says, or if PyTorch
/// cannot be asked. Neither a class nor a mode is asked, which could take the memory away. Nothing is known of objects that are not PyTorch's
/// in C.
#[cold]
pub(super) fn refuse_uncopyable(object: Object<'_>) -> Result<(), Raised> {
    if !is_of_torch(object.class())? {
        return Ok(());
    }
    let has_memory = match place_of(object) {
        Ok(found) => found.flatten().is_some_and(|place| place.storage != 0),
        // Those without a storage. Other exceptions, as for want of memory, say nothing about the tensor.
        Err(raised) if raised.is(Class::Runtime) => raised.forget().map(|()| false)?,
        Err(raised) => return Err(raised),
    };
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

/// Returns `true` if PyTorch itself says that the object has memory at this address. The class may have begun to answer in its place
/// while it was asked, and a mode answers for every class.
fn is_surely_memory(object: Object<'_>, address: usize) -> Result<bool, Raised> {
    // A class that stands in the place of PyTorch's answers by methods of its own.
    if !is_of_torch(object.class())? {
        return Ok(false);
    }
    let found = match own_storage(object) {
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

/// Returns the address of the first element as the class answers, or 0 if the storage has no memory. Returns `None` if PyTorch cannot be
/// asked, or if the object has got another storage meanwhile.
///
/// Where PyTorch has functions that only read, the object's own storage is not asked for its address, as [`place_of`] says. A storage that
/// a class passes on in its place can be asked for nothing else.
fn address_with_memory(object: Object<'_>) -> Result<Option<i128>, Raised> {
    let base = static_base(object.class())?;
    let is_of_torch = is_of(base.borrow(), "torch")?;
    let reads = base.optional_attr(&names::CONST_DATA_PTR)?.filter(|_| is_of_torch);
    let Some(data_ptr) = reads else {
        return match address_of_storage(object)? {
            0 => Ok(Some(0)),
            _ => address_in(object).map(Some),
        };
    };
    let own = match own_storage(object) {
        Ok(Some(own)) => Some(own),
        Ok(None) => return Ok(None),
        Err(raised) => raised.forget().map(|()| None)?,
    };
    let storage = call_in_c(object, &names::UNTYPED_STORAGE)?;
    let Some(found) = address_if_own(object, &storage)? else { return Ok(None) };
    let has_memory = match found {
        Some(address) => address != 0,
        // It was the object's own.
        None if own.is_some_and(|own| own.borrow().is(storage.borrow())) => return Ok(None),
        None => address_in(storage.borrow())? != 0,
    };
    if !has_memory {
        return Ok(Some(0));
    }
    let arguments = make_tuple(object.attached(), &[object])?;
    handle(call_with(&data_ptr, &arguments)?.borrow()).map(Some)
}

/// Returns the address of the memory of a storage that is the object's own, or 0 if it has none, and `None` for another storage. Returns no
/// answer if PyTorch cannot be asked. This runs no code that could change the storage meanwhile.
fn address_if_own(object: Object<'_>, storage: &Owned<'_>) -> Result<Option<Option<i128>>, Raised> {
    let function = own_function(object, &names::DATA_ADDRESS, DATA_ADDRESS)?;
    let Some(function) = function else { return Ok(None) };
    let storage_of = method_in_c(object, &names::UNTYPED_STORAGE)?;
    let arguments = make_tuple(object.attached(), &[object])?;
    without_answers(object, |_| {
        // If this is the storage, it is an object already, so that none is made.
        let is_own = call_with(&storage_of, &arguments)?.borrow().is(storage.borrow());
        let address = handle(call_with(&function, &arguments)?.borrow())?;
        Ok(is_own.then_some(address))
    })
}

/// Returns the object's storage, as PyTorch itself says, or `None` if PyTorch cannot be asked. This may run code.
fn own_storage(object: Object<'_>) -> Result<Option<Owned<'_>>, Raised> {
    without_answers(object, |_| call_in_c(object, &names::UNTYPED_STORAGE))
}

/// Returns where PyTorch says that the object is, or `None` if that has changed meanwhile: Python may collect garbage when an object is
/// made, and so run any code. Returns no answer if PyTorch cannot be asked while nobody answers for it.
///
/// Where PyTorch has functions for that, addresses are asked for that are only read: it copies memory that is copied on write, and frees
/// what consumers may have, when it is asked for another one. If one of these functions is there and the other is not, it is not asked.
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
