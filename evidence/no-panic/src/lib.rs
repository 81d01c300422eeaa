//! What foreign input reaches, as functions that a C linker sees. None of them may lead to the panic handler.
//!
//! The functions are linked one by one and never run. A function that may lead there all the same says why, in a line that begins
//! with `Panics:`. If it no longer does, the check fails, too, so that the line is removed.
#![no_std]
#![allow(clippy::missing_safety_doc, reason = "never called")]

extern crate alloc;

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::alloc::{GlobalAlloc, Layout as Bytes};
use core::ffi::{c_int, c_void};
use core::hint::black_box;
use core::ptr::{self, NonNull};
use core::slice;

use dlpack::allocator::{Pool, Slot};
use dlpack::exchange::{ExchangeApi, ExchangeTable, Library, Offer, Report};
use dlpack::layout::Layout;
use dlpack::loan::Loaned;
use dlpack::negotiate::{Answer, ForeignProducer, RawProducer, Request, Stream};
use dlpack::sys::{
    DLDevice, DLManagedTensor, DLManagedTensorVersioned, DLPackExchangeAPI, DLTensor,
};
use dlpack::{
    Abi, BorrowedTensor, DataType, Descriptor, Device, Error, Exporter, Managed, ManagedTensor,
    ManagedTensorVersioned, OpaqueTensor,
};

unsafe extern "C" {
    /// Defined nowhere: what leads to it cannot be linked.
    safe fn a_panic_remains() -> !;
    fn aligned_alloc(align: usize, size: usize) -> *mut c_void;
    fn free(block: *mut c_void);
}

#[cfg(not(test))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    a_panic_remains()
}

struct Heap;

// SAFETY: `aligned_alloc` returns null or a block of this size and alignment, which `free` takes back.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Bytes) -> *mut u8 {
        // SAFETY: the alignment of a `Layout` is a power of two.
        unsafe { aligned_alloc(layout.align(), layout.size()).cast() }
    }

    unsafe fn dealloc(&self, block: *mut u8, _: Bytes) {
        // SAFETY: by the contract of `dealloc`, the block is one of `alloc`.
        unsafe { free(block.cast()) }
    }
}

#[global_allocator]
static HEAP: Heap = Heap;

/// Uses a result, so that nothing of it is optimised away.
fn used<T, E>(result: Result<T, E>) -> bool {
    black_box(&result).is_ok()
}

unsafe fn numbers<'a, T>(start: *const T, count: usize) -> &'a [T] {
    // SAFETY: this code is never run.
    unsafe { slice::from_raw_parts(start, count) }
}

/// Panics: on purpose, as a search that does not find this is worth nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn control(start: *const u8, count: usize, at: usize) -> u8 {
    // SAFETY: this code is never run.
    let numbers = unsafe { numbers(start, count) };
    numbers[at]
}

// The validator.

#[unsafe(no_mangle)]
pub unsafe extern "C" fn validate(
    shape: *const i64,
    sizes: usize,
    strides: *const i64,
    steps: usize,
    dtype: DataType,
    padded: bool,
) -> bool {
    // SAFETY: this code is never run.
    let (shape, strides) = unsafe { (numbers(shape, sizes), numbers(strides, steps)) };
    used(Layout::new(shape, strides, dtype, padded))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn validate_of(
    shape: *const usize,
    sizes: usize,
    strides: *const isize,
    steps: usize,
) -> bool {
    // SAFETY: this code is never run.
    used(unsafe { Layout::of::<f32>(numbers(shape, sizes), numbers(strides, steps)) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn orders(
    shape: *const i64,
    sizes: usize,
    strides: *const i64,
    steps: usize,
) -> bool {
    // SAFETY: this code is never run.
    let (shape, strides) = unsafe { (numbers(shape, sizes), numbers(strides, steps)) };
    let orders = [
        Layout::is_disjoint(shape, strides),
        Layout::is_c_contiguous(shape, strides),
        Layout::is_f_contiguous(shape, strides),
    ];
    black_box(orders)[0] && used(Layout::numel_of(shape))
}

// The gate. Dropping the tensor calls the deleter that came with it.

unsafe fn import<A: Abi>(raw: *mut A) -> bool {
    // SAFETY: this code is never run.
    used(unsafe { Managed::<A>::from_raw(raw) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn gate(raw: *mut DLManagedTensorVersioned) -> bool {
    // SAFETY: this code is never run.
    unsafe { import(raw) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn gate_legacy(raw: *mut DLManagedTensor) -> bool {
    // SAFETY: this code is never run.
    unsafe { import(raw) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn gate_strict(raw: *mut DLManagedTensorVersioned) -> bool {
    // SAFETY: this code is never run.
    used(unsafe { ManagedTensorVersioned::from_raw_strict(raw) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn gate_borrowed(raw: *const DLTensor) -> bool {
    // SAFETY: this code is never run.
    unsafe {
        used(BorrowedTensor::from_raw(raw)) && used(BorrowedTensor::with_raw(raw, |it| it.start()))
    }
}

// What is done with an imported tensor.

#[unsafe(no_mangle)]
pub unsafe extern "C" fn view(tensor: &Descriptor) -> bool {
    // SAFETY: this code is never run.
    unsafe { used(tensor.view::<f32>()) && used(tensor.view::<u8>()) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn view_slice(tensor: &Descriptor) -> bool {
    // SAFETY: this code is never run.
    unsafe { used(tensor.as_slice::<f32>()) && used(tensor.as_bytes()) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn view_element(
    tensor: &Descriptor,
    index: *const usize,
    count: usize,
) -> f32 {
    // SAFETY: this code is never run.
    let (view, index) = unsafe { (tensor.view::<f32>(), numbers(index, count)) };
    view.ok().and_then(|view| view.get(index).copied()).unwrap_or(0.0)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn described(tensor: &Descriptor) -> bool {
    used(tensor.as_dl_tensor()) && used(tensor.start()) && used(tensor.size(3)) && tensor.is_dense()
}

// Deleters of exports, which are called through what is published.

unsafe fn delete(raw: *mut DLManagedTensorVersioned) -> bool {
    // SAFETY: this code is never run.
    match unsafe { raw.as_ref().and_then(|raw| raw.deleter) } {
        // SAFETY: this code is never run.
        Some(deleter) => unsafe { deleter(black_box(raw)) },
        None => return false,
    }
    true
}

/// Panics: `Spec::write` indexes slices whose length the compiler does not know. Its deleter is linked alone, too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn export_vec(elements: *mut Vec<f32>) -> bool {
    // SAFETY: this code is never run.
    let raw = Exporter::new(unsafe { elements.read() }).shape(&[2, 3]).into_raw();
    // SAFETY: this code is never run.
    raw.is_ok_and(|raw| unsafe { delete(raw) })
}

/// Panics: `Spec::write` indexes slices whose length the compiler does not know. Its deleter is linked alone, too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn export_shared(elements: *mut Arc<[f32]>) -> bool {
    // SAFETY: this code is never run.
    let raw = Exporter::shared(unsafe { elements.read() }).shape(&[2, 3]).into_raw();
    // SAFETY: this code is never run.
    raw.is_ok_and(|raw| unsafe { delete(raw) })
}

static ROOM: Slot<[f32; 6], 2> = Slot::new();

#[unsafe(no_mangle)]
pub unsafe extern "C" fn export_slot() -> bool {
    let raw = Exporter::new([0.0_f32; 6]).shape(&[2, 3]).header_in(&ROOM).into_raw();
    // SAFETY: this code is never run.
    raw.is_ok_and(|raw| unsafe { delete(raw) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn export_pool(pool: &'static Pool) -> bool {
    let raw = Exporter::new([0.0_f32; 6]).shape(&[2, 3]).header_in(pool).into_raw();
    // SAFETY: this code is never run.
    raw.is_ok_and(|raw| unsafe { delete(raw) })
}

/// Panics: `Spec::write` indexes slices whose length the compiler does not know. Its deleter is linked alone, too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn export_loan(elements: *mut Vec<f32>) -> bool {
    // SAFETY: this code is never run.
    let Ok((loan, claim)) = Loaned::new(unsafe { elements.read() }) else { return false };
    let raw = Exporter::new(loan).shape(&[2, 3]).into_raw();
    // SAFETY: this code is never run.
    raw.is_ok_and(|raw| unsafe { delete(raw) }) && used(claim.try_take())
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn passed_on(raw: *mut DLManagedTensorVersioned) -> bool {
    // SAFETY: this code is never run.
    let Ok(tensor) = (unsafe { ManagedTensorVersioned::from_raw(raw) }) else { return false };
    // SAFETY: this code is never run.
    tensor.into_opaque().is_ok_and(|tensor| unsafe { delete(tensor.into_raw()) })
}

/// Panics: shape and strides of a new header are written into slices whose length the compiler does not know.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn converted(raw: *mut DLManagedTensor) -> bool {
    // SAFETY: this code is never run.
    let Ok(tensor) = (unsafe { ManagedTensor::from_raw(raw) }) else { return false };
    used(tensor.into_versioned().map(Managed::into_legacy))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn shared(tensor: &Arc<ManagedTensorVersioned>) -> bool {
    // SAFETY: this code is never run.
    tensor.share_opaque().is_ok_and(|tensor| unsafe { delete(tensor.into_raw()) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn downcast(raw: *mut DLManagedTensorVersioned) -> bool {
    // SAFETY: this code is never run.
    let Ok(tensor) = (unsafe { ManagedTensorVersioned::from_raw(raw) }) else { return false };
    used(tensor.downcast::<Vec<f32>>())
}

// Producers across C.

#[unsafe(no_mangle)]
pub unsafe extern "C" fn requested(raw: RawProducer, request: &Request) -> bool {
    // SAFETY: this code is never run.
    let Ok(producer) = (unsafe { ForeignProducer::from_raw(raw) }) else { return false };
    used(producer.device()) && used(producer.request(request))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn answered(answer: *mut Answer) -> bool {
    // SAFETY: this code is never run.
    used(unsafe { answer.read().take() })
}

// Exchange tables: of others, and the C functions of one that is offered.

#[unsafe(no_mangle)]
pub unsafe extern "C" fn table(raw: *const DLPackExchangeAPI, object: *mut c_void) -> bool {
    // SAFETY: this code is never run.
    let Ok(api) = (unsafe { ExchangeApi::from_raw(raw) }) else { return false };
    // SAFETY: this code is never run.
    unsafe {
        used(api.tensor_from_object(object))
            && used(api.with_object(object, |tensor| tensor.device()))
            && used(api.current_stream(Device::CPU))
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn table_gives(
    raw: *const DLPackExchangeAPI,
    tensor: *mut OpaqueTensor,
) -> bool {
    // SAFETY: this code is never run.
    let Ok(api) = (unsafe { ExchangeApi::from_raw(raw) }) else { return false };
    // SAFETY: this code is never run.
    used(unsafe { api.object_from_tensor(tensor.read()) })
}

/// Panics: the message of a library is converted to UTF-8 by functions of `core` that can panic.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn table_allocates(
    raw: *const DLPackExchangeAPI,
    shape: *const usize,
    sizes: usize,
) -> bool {
    // SAFETY: this code is never run.
    let Ok(api) = (unsafe { ExchangeApi::from_raw(raw) }) else { return false };
    // SAFETY: this code is never run.
    used(api.allocate(DataType::F32, unsafe { numbers(shape, sizes) }, Device::CPU))
}

struct Cells;

/// The error of a library, which is only a number.
struct Code(c_int);

impl From<Error> for Code {
    fn from(error: Error) -> Self {
        black_box(error);
        Self(1)
    }
}

unsafe extern "C" {
    safe fn set_code(code: c_int);
    safe fn cells_make() -> *mut c_void;
}

// SAFETY: this code is never run.
unsafe impl Library for Cells {
    type Error = Code;

    fn set_error(error: Code) {
        set_code(error.0);
    }

    fn allocate(
        dtype: DataType,
        shape: &[usize],
        device: Device,
    ) -> Result<ManagedTensorVersioned, Report> {
        black_box((dtype, shape, device));
        // SAFETY: this code is never run.
        unsafe { cells_make().cast::<Result<ManagedTensorVersioned, Report>>().read() }
    }

    unsafe fn tensor_from_object(object: NonNull<c_void>) -> Result<OpaqueTensor, Code> {
        // SAFETY: this code is never run.
        unsafe { object.cast::<Result<OpaqueTensor, Code>>().read() }
    }

    unsafe fn object_from_tensor(tensor: Offer<'_>) -> Result<NonNull<c_void>, Code> {
        let tensor = tensor.accept();
        Ok(NonNull::from(black_box(&tensor)).cast())
    }

    unsafe fn lend(object: NonNull<c_void>) -> Result<DLTensor, Code> {
        // SAFETY: this code is never run.
        unsafe { object.cast::<Result<DLTensor, Code>>().read() }
    }

    fn current_stream(device: Device) -> Result<Stream, Code> {
        Err(Code(device.device_id))
    }
}

static TABLE: ExchangeTable<Cells> = ExchangeTable::new();

/// The table, whose functions the compiler then calls directly.
fn offered() -> &'static DLPackExchangeAPI {
    // SAFETY: the table is in a static, so that it is live, and nothing writes it.
    unsafe { &*TABLE.as_raw() }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn offered_from(
    object: *mut c_void,
    out: *mut *mut DLManagedTensorVersioned,
) -> c_int {
    // SAFETY: this code is never run.
    offered().managed_tensor_from_py_object_no_sync.map_or(0, |call| unsafe { call(object, out) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn offered_to(
    tensor: *mut DLManagedTensorVersioned,
    out: *mut *mut c_void,
) -> c_int {
    // SAFETY: this code is never run.
    offered().managed_tensor_to_py_object_no_sync.map_or(0, |call| unsafe { call(tensor, out) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn offered_lend(object: *mut c_void, out: *mut DLTensor) -> c_int {
    // SAFETY: this code is never run.
    offered().dltensor_from_py_object_no_sync.map_or(0, |call| unsafe { call(object, out) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn offered_stream(device: DLDevice, out: *mut *mut c_void) -> c_int {
    let DLDevice { device_type, device_id } = device;
    // SAFETY: this code is never run.
    offered().current_work_stream.map_or(0, |call| unsafe { call(device_type, device_id, out) })
}

/// Panics: the text of an error is written with `core::fmt`, which can panic.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn offered_allocate(
    prototype: *mut DLTensor,
    out: *mut *mut DLManagedTensorVersioned,
) -> c_int {
    let call = offered().managed_tensor_allocator;
    // SAFETY: this code is never run.
    call.map_or(0, |call| unsafe { call(prototype, out, ptr::null_mut(), None) })
}
