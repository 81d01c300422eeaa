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

/// What PyTorch says about the memory of a tensor that was given for an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Memory {
    /// There is memory, or nobody says that there is none.
    Present,
    /// There is none.
    Absent,
    /// The object has another address now.
    Elsewhere,
}

/// Asks PyTorch whether there is memory where the tensor is that was given for an object, whose address is doubtful. Neither a class nor
/// a mode is asked, which could answer falsely, or move the memory meanwhile.
///
/// There is none where a tensor stands for zeros, is a fake one, a wrapper of `torch.func` or of a class, or a masked one, or where the
/// storage was resized to nothing. PyTorch adds the offset of a view to the null pointer of the storage.
///
/// If PyTorch cannot say where the object is, as of a fake tensor, the address must be one to which offsets hardly ever lead. A device
/// may have memory anywhere.
#[cold]
pub(super) fn memory_of(object: Object<'_>, summary: Summary) -> Result<Memory, Raised> {
    let address = summary.address;
    let is_on_cpu = summary.device.device_type == DeviceType::CPU;
    let present_if = |can_be| if can_be { Memory::Present } else { Memory::Absent };
    if !is_of_torch(object.class())? {
        // Any other object, of which nothing is known.
        return Ok(present_if(!is_on_cpu || address == 0 || !address::is_near_null(address)));
    }
    let place = match place_of(object) {
        Ok(Some(place)) => place,
        answer => {
            if let Err(raised) = answer {
                raised.forget()?;
            }
            return Ok(present_if(!is_on_cpu || address::is_far(address)));
        }
    };
    let Some(place) = place.filter(|place| usize::try_from(place.address) == Ok(address)) else {
        return Ok(Memory::Elsewhere);
    };
    if place.storage == 0 || address::is_near_null(address) {
        return Ok(Memory::Absent);
    }
    address::confirm(address);
    Ok(Memory::Present)
}

/// Returns `false` if there is no memory where the tensor is that was given for an object, as far as can be told.
///
/// The object has another address if its class passes on another tensor, or if code that runs elsewhere, as at a garbage collection, has
/// moved the memory. Then the address must not be one where there is no memory anyway.
#[cold]
pub(super) fn can_be_memory(object: Object<'_>, summary: Summary) -> Result<bool, Raised> {
    Ok(match memory_of(object, summary)? {
        Memory::Present => true,
        Memory::Absent => false,
        Memory::Elsewhere => {
            summary.device.device_type != DeviceType::CPU || !address::is_near_null(summary.address)
        }
    })
}

/// Returns `true` if PyTorch itself says that the storage has memory. Neither a class nor a mode is asked, which could take the memory
/// away. Nothing is known of objects that are not PyTorch's in C.
#[cold]
pub(super) fn may_have_memory(object: Object<'_>) -> Result<bool, Raised> {
    if !is_of_torch(object.class())? {
        return Ok(true);
    }
    match place_of(object) {
        Ok(place) => Ok(place.flatten().is_some_and(|place| place.storage != 0)),
        Err(raised) => raised.forget().map(|()| false),
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

/// Where a tensor is.
struct Place {
    /// The address of the storage's memory, or 0 if it has none.
    storage: i128,
    /// The address of the first element.
    address: i128,
}

/// Asks PyTorch where the object is, while neither a class nor a mode answers in its place on this thread. Returns `None` if that cannot
/// be had, and a `None` within if the object has been moved meanwhile.
fn place_of(object: Object<'_>) -> Result<Option<Option<Place>>, Raised> {
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
    let found = place_in(torch.borrow(), object);
    let saved = SavedException::take(py);
    // SAFETY: a live method on an attached thread; the result is a new reference, or null with an exception set.
    if let Err(raised) = unsafe { Owned::or_raised(call_no_args(exit.as_ptr())) } {
        saved.forget();
        return Err(raised);
    }
    drop(saved);
    found.map(Some)
}

/// Returns where the object is, or `None` if that has changed meanwhile: Python may collect garbage when an object is made, and so run
/// any code.
///
/// Memory that is copied on write stays as it is if PyTorch has functions that do not prepare it to be written.
fn place_in(torch: Object<'_>, object: Object<'_>) -> Result<Option<Place>, Raised> {
    let data_address = torch.optional_attr(&names::DATA_ADDRESS)?;
    let data_address = match &data_address {
        Some(found) if is_data_address(found.borrow())? => Some(found),
        _ => None,
    };
    let base = static_base(object.class())?;
    let data_ptr = match base.optional_attr(&names::CONST_DATA_PTR)? {
        Some(method) => method,
        None => base.attr(&names::DATA_PTR)?,
    };
    let arguments = make_tuple(object.attached(), &[object])?;
    let storage = || match data_address {
        Some(function) => handle(call_with(function, &arguments)?.borrow()),
        None => address_of_storage(object),
    };
    let before = storage()?;
    let address = handle(call_with(&data_ptr, &arguments)?.borrow())?;
    let is_still_there = storage()? == before;
    Ok(is_still_there.then_some(Place { storage: before, address }))
}

/// Returns the address of the memory of an object's storage, or 0 if it has none, for which PyTorch mostly raises a `RuntimeError`.
fn address_of_storage(object: Object<'_>) -> Result<i128, Raised> {
    let storage = call_in_c(object, &names::UNTYPED_STORAGE)?;
    let address = call_in_c(storage.borrow(), &names::DATA_PTR).and_then(|it| handle(it.borrow()));
    address.or_else(|raised| raised.forget().map(|()| 0))
}

/// Returns `true` for PyTorch's own function. Programs can name functions in C, as PyTorch makes them of operators, but not choose what they
/// say of their parameters.
fn is_data_address(object: Object<'_>) -> Result<bool, Raised> {
    // SAFETY: a live object on an attached thread. The class lives for ever.
    let is_in_c = unsafe { ffi::Py_TYPE(object.as_ptr()) == &raw mut ffi::PyCFunction_Type };
    if !is_in_c {
        return Ok(false);
    }
    let doc = object.attr(&names::DOC)?;
    let doc = doc.borrow().text().unwrap_or_default();
    Ok(doc.starts_with("_data_address(arg0: torch.Tensor) -> int"))
}

/// Calls a method of PyTorch's own class in C, whatever the object itself or a derived class has under this name.
fn call_in_c<'a>(object: Object<'a>, method: &Name) -> Result<Owned<'a>, Raised> {
    let method = static_base(object.class())?.attr(method)?;
    let arguments = make_tuple(object.attached(), &[object])?;
    call_with(&method, &arguments)
}

fn call_with<'a>(method: &Owned<'a>, arguments: &Owned<'a>) -> Result<Owned<'a>, Raised> {
    // SAFETY: a live object and a tuple on an attached thread. The result is a new reference, or null with an exception set.
    unsafe { Owned::or_raised(unwind::call(method.as_ptr(), arguments.as_ptr(), ptr::null_mut())) }
}
