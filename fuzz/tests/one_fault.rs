//! Producers that have one fault each, drawn at random, through every way in and all that is safe afterwards.
//!
//! None may crash, leak, or be deleted more or less than once. The last lines count what became of them, by the kind of
//! the fault. `DLPACK_FAULTS` says how many there are.

use core::cell::Cell;
use core::ffi::{c_char, c_int, c_void};
use core::mem::MaybeUninit;
use core::ops::Deref;
use core::ptr::{self, NonNull};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use dlpack::exchange::ExchangeApi;
use dlpack::negotiate::{Answer, ForeignProducer, ProducerTable, RawProducer, Request, Status};
use dlpack::sys::{
    DLManagedTensor, DLManagedTensorVersioned, DLPackExchangeAPI, DLPackExchangeAPIHeader,
    DLPackVersion, DLTensor,
};
use dlpack::view::{ReadCell, Unaligned};
use dlpack::{
    BorrowedTensor, DataType, DataTypeCode, Descriptor, Device, DeviceType, Managed, ManagedTensor,
    ManagedTensorVersioned, Version,
};
use dlpack_fuzz::input::Input;
use dlpack_fuzz::oracle;
use dlpack_fuzz::producer::{Allocation, Foreign, Plan, Struct};

/// Draws what is to be drawn.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(count).unwrap()).unwrap()
    }

    fn number(&mut self) -> i64 {
        let bytes: Vec<u8> = (0..12).map(|_| self.next().to_le_bytes()[0]).collect();
        Input::new(&bytes).number()
    }
}

/// The kinds of faults.
const FAULTS: [&str; 26] = [
    "version, major",
    "version, minor",
    "flags",
    "data null",
    "data elsewhere",
    "data misaligned",
    "device type",
    "device number",
    "ndim negative",
    "ndim too large",
    "dtype, code",
    "dtype, bits",
    "dtype, lanes",
    "byte offset",
    "shape null",
    "shape, one size",
    "strides null",
    "strides, one",
    "arrays misaligned",
    "arrays changed",
    "struct misaligned",
    "struct null",
    "deleter null",
    "table, version",
    "table, functions",
    "answer",
];

/// A producer with one fault.
struct Faulty {
    plan: Plan,
    /// The arrays change after the import.
    changes: bool,
    is_null: bool,
    table: Table,
}

/// What is wrong with a table, or nothing.
#[derive(Clone, Copy, PartialEq)]
enum Table {
    Right,
    Version(u32),
    Missing(usize),
    Status(i32),
    Null,
    Abi(u32),
    Silent,
}

/// An honest tensor, in which one thing is then made wrong.
fn faulty(dice: &mut Dice, fault: &str) -> Faulty {
    let shape: Vec<i64> =
        (0..dice.below(4)).map(|_| i64::try_from(dice.below(4)).unwrap()).collect();
    let dtypes = [DataType::U8, DataType::F32, DataType::F64, DataType::U4, DataType::I16];
    let dtype = dtypes[dice.below(dtypes.len())];
    let strides = oracle::row_major(&shape);
    let verdict = oracle::judge(&shape, &strides, dtype, false).expect("an honest tensor");
    let memory = Allocation::new(usize::try_from(verdict.nbytes).unwrap(), 0);
    let mut plan = Plan {
        tensor: DLTensor {
            data: memory.start().cast(),
            device: Device::CPU.into(),
            ndim: i32::try_from(shape.len()).unwrap(),
            dtype: dtype.into(),
            shape: ptr::null_mut(),
            strides: ptr::null_mut(),
            byte_offset: 0,
        },
        shape: Some(shape),
        strides: Some(strides),
        version: (1, 3),
        flags: [0, 0, 1, 2][dice.below(4)],
        deletes: true,
        skew: 0,
        array_skew: 0,
        memory: None,
    };
    let (mut changes, mut is_null, mut table) = (false, false, Table::Right);
    // What a fault says of memory that is not there must not be followed: the device is then one that the host cannot access.
    let mut elsewhere = false;
    let number = dice.number();
    let small = u32::try_from(dice.below(60)).unwrap();
    match fault {
        "version, major" => plan.version.0 = if small == 1 { 2 } else { small },
        "version, minor" => plan.version.1 = if small % 2 == 0 { small } else { u32::MAX - small },
        "flags" => plan.flags = u64::from_ne_bytes(number.to_ne_bytes()) & !2,
        "data null" => plan.tensor.data = ptr::null_mut(),
        "data elsewhere" => {
            let most = u64::try_from(usize::MAX).unwrap();
            let at = usize::try_from(number.unsigned_abs() & most).unwrap();
            plan.tensor.data = ptr::without_provenance_mut(at);
            elsewhere = true;
        }
        "data misaligned" => {
            // The memory with it, and one byte more.
            let by = 1 + dice.below(7);
            let moved = Allocation::new(memory.len(), by);
            plan.tensor.data = moved.start().cast();
            plan.memory = Some(Rc::new(moved));
        }
        "device type" => {
            let code = i32::try_from(number % 100).unwrap();
            plan.tensor.device = Device::new(DeviceType::new(code), 0).into();
        }
        "device number" => plan.tensor.device.device_id = i32::try_from(number % 1000).unwrap(),
        "ndim negative" => plan.tensor.ndim = -1 - i32::try_from(small).unwrap(),
        "ndim too large" => plan.tensor.ndim = [65, 66, 1000, i32::MAX][dice.below(4)],
        "dtype, code" => {
            plan.tensor.dtype.code = DataTypeCode::new(u8::try_from(small).unwrap()).code();
        }
        "dtype, bits" => plan.tensor.dtype.bits = u8::try_from(number & 0xff).unwrap(),
        "dtype, lanes" => plan.tensor.dtype.lanes = u16::try_from(number & 0xffff).unwrap(),
        "byte offset" => {
            plan.tensor.byte_offset = u64::from_ne_bytes(number.to_ne_bytes());
            elsewhere = true;
        }
        "shape null" => plan.shape = None,
        "shape, one size" => {
            let shape = plan.shape.as_mut().unwrap();
            let axis = dice.below(shape.len().max(1));
            if let Some(size) = shape.get_mut(axis) {
                *size = number;
                elsewhere = true;
            }
        }
        "strides null" => plan.strides = None,
        "strides, one" => {
            let strides = plan.strides.as_mut().unwrap();
            let axis = dice.below(strides.len().max(1));
            if let Some(stride) = strides.get_mut(axis) {
                *stride = number;
                elsewhere = true;
            }
        }
        "arrays misaligned" => plan.array_skew = 1 + dice.below(7),
        "arrays changed" => changes = true,
        "struct misaligned" => plan.skew = 1 + dice.below(7),
        "struct null" => is_null = true,
        "deleter null" => plan.deletes = false,
        "table, version" => table = Table::Version(if small == 1 { 0 } else { small }),
        "table, functions" => table = Table::Missing(dice.below(5)),
        "answer" => {
            let code = i32::try_from(number % 1000).unwrap();
            table = match dice.below(4) {
                0 if code != 0 => Table::Status(code),
                1 => Table::Null,
                2 => Table::Abi(small + 3),
                _ => Table::Silent,
            };
        }
        _ => unreachable!("no such fault"),
    }
    // Of another dtype, or padded, the elements are more bytes than there are.
    elsewhere |= fault.starts_with("dtype") || fault == "flags";
    if elsewhere {
        plan.tensor.device = Device::cuda(0).into();
    }
    plan.memory.get_or_insert_with(|| Rc::new(memory));
    Faulty { plan, changes, is_null, table }
}

/// All that is safe, or safe after a promise that holds.
fn use_up<A: dlpack::Abi>(tensor: Managed<A>, dice: &mut Dice) {
    look(&tensor);
    match dice.below(7) {
        0 => drop(tensor.into_opaque()),
        1 => drop(tensor.try_exclusive().map(|tensor| tensor.fill(1_u8).map(drop).is_ok())),
        2 => {
            let tensor = Arc::new(tensor);
            let shares = [tensor.share(), tensor.share()];
            drop(tensor);
            shares.iter().flatten().for_each(|share| look(share));
        }
        3 => {
            let tensor = Arc::new(tensor);
            drop(tensor.share_opaque());
        }
        4 => {
            assert!(tensor.shared().is_none());
            let tensor = tensor.downcast::<Vec<u8>>().expect_err("a foreign tensor");
            drop(tensor);
        }
        5 => {
            // SAFETY: initialised, and nobody writes it.
            let tensor = Arc::new(unsafe { tensor.assume_frozen() });
            drop(tensor.share());
            drop(tensor.share_view::<f32>(|view| Ok(view.transpose())));
            drop(tensor.to_copy());
        }
        _ => {
            // SAFETY: nobody else uses it.
            let mut tensor = unsafe { tensor.assume_exclusive() };
            if let Ok(mut view) = tensor.view_mut::<u8>() {
                view.fill(7);
            }
            drop(tensor.into_slice::<u8>());
        }
    }
}

fn look(tensor: &Descriptor) {
    let sum = |bytes: &[u8]| bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    let _ = format!("{tensor:?} {:?} {:?}", tensor.layout(), tensor.start());
    let _ = (tensor.nbytes(), tensor.is_dense(), tensor.is_column_major(), tensor.to_borrowed());
    // SAFETY: where the host can look there is initialised memory that nobody writes.
    unsafe {
        if let Ok(bytes) = tensor.as_bytes() {
            sum(bytes);
        }
        if let Ok(view) = tensor.view::<f32>() {
            let _ = view.to_vec();
        }
        if let Ok(view) = tensor.view_as::<Unaligned<i16>>() {
            let _ = view.to_vec();
        }
        if let Ok(view) = tensor.view_as::<ReadCell<u8>>() {
            let _ = view.to_vec();
        }
        let _ = tensor.view_as::<MaybeUninit<f64>>().map(|view| view.numel());
        if let Ok(view) = tensor.packed_view::<dlpack::types::U4>() {
            let _ = view.iter().count();
        }
        let _ = tensor.to_copy();
    }
    if let Ok(lent) = tensor.as_dl_tensor() {
        // SAFETY: the tensor outlives the call.
        let _ = unsafe { BorrowedTensor::from_raw(&lent) }.map(|lent| lent.numel());
    }
}

thread_local! {
    static ANSWER: Cell<Option<Answer>> = const { Cell::new(None) };
    static TENSOR: Cell<(c_int, *mut DLManagedTensorVersioned)> = const { Cell::new((0, ptr::null_mut())) };
    static LENT: Cell<Option<DLTensor>> = const { Cell::new(None) };
    static RELEASED: Cell<u32> = const { Cell::new(0) };
    static CALLED: Cell<bool> = const { Cell::new(false) };
}

unsafe extern "C" fn respond(_: *mut c_void, _: *const Request, to: *mut Answer) {
    if let Some(answer) = ANSWER.get() {
        // SAFETY: there is room for an answer.
        unsafe { to.write(answer) };
    }
}

unsafe extern "C" fn release(_: *mut c_void) {
    RELEASED.set(RELEASED.get() + 1);
}

unsafe extern "C" fn allocate(
    _: *mut DLTensor,
    out: *mut *mut DLManagedTensorVersioned,
    context: *mut c_void,
    set: Option<unsafe extern "C" fn(*mut c_void, *const c_char, *const c_char)>,
) -> c_int {
    CALLED.set(true);
    let (code, tensor) = TENSOR.get();
    // SAFETY: there is room for a pointer, and the function takes null for no words.
    unsafe {
        out.write(tensor);
        if let (Some(set), true) = (set, code != 0) {
            set(context, ptr::null(), c"no".as_ptr());
        }
    }
    code
}

unsafe extern "C" fn from_object(_: *mut c_void, out: *mut *mut DLManagedTensorVersioned) -> c_int {
    let (code, tensor) = TENSOR.get();
    // SAFETY: there is room for a pointer.
    unsafe { out.write(tensor) };
    code
}

unsafe extern "C" fn lend(_: *mut c_void, out: *mut DLTensor) -> c_int {
    if let Some(lent) = LENT.get() {
        // SAFETY: there is room for a tensor.
        unsafe { out.write(lent) };
    }
    TENSOR.get().0
}

/// The ways in.
const ENTRIES: [&str; 9] = [
    "from_raw",
    "from_raw_strict",
    "legacy",
    "borrowed",
    "answer",
    "legacy answer",
    "producer",
    "object",
    "allocator",
];

/// Passes a producer through a way in, and says whether its tensor was accepted.
fn enter(entry: &str, faulty: Faulty, dice: &mut Dice) -> bool {
    let Faulty { plan, changes, is_null, table } = faulty;
    let junk: Vec<u8> = (0..200).map(|_| dice.next().to_le_bytes()[0]).collect();
    let mut junk = Input::new(&junk);
    match entry {
        "from_raw" | "from_raw_strict" => {
            let foreign = Foreign::<DLManagedTensorVersioned>::new(plan);
            let raw = if is_null { ptr::null_mut() } else { foreign.raw };
            // SAFETY: S1 to S6, apart from what the gate refuses.
            let tensor = unsafe {
                match entry {
                    "from_raw" => ManagedTensorVersioned::from_raw(raw),
                    _ => ManagedTensorVersioned::from_raw_strict(raw),
                }
            };
            if changes {
                foreign.change(&mut junk);
            }
            let accepted = tensor.map(|tensor| use_up(tensor, dice)).is_ok();
            foreign.end(!is_null);
            accepted
        }
        "legacy" => {
            let foreign = Foreign::<DLManagedTensor>::new(plan);
            let raw = if is_null { ptr::null_mut() } else { foreign.raw };
            // SAFETY: the same.
            let tensor = unsafe { ManagedTensor::from_raw(raw) };
            if changes {
                foreign.change(&mut junk);
            }
            let accepted = tensor.map(|tensor| use_up(tensor, dice)).is_ok();
            foreign.end(!is_null);
            accepted
        }
        "borrowed" => {
            let foreign = Foreign::<DLManagedTensor>::new(plan);
            // SAFETY: the struct is live.
            let lent = unsafe { DLManagedTensor::tensor(foreign.raw) };
            let raw = if is_null { ptr::null_mut() } else { lent };
            // SAFETY: the same.
            let tensor = unsafe { BorrowedTensor::from_raw(raw) };
            if changes {
                foreign.change(&mut junk);
            }
            let accepted = tensor.map(|tensor| look(tensor.deref())).is_ok();
            foreign.end(false);
            accepted
        }
        "answer" | "producer" => {
            let foreign = Foreign::<DLManagedTensorVersioned>::new(plan);
            let raw = if is_null { ptr::null_mut() } else { foreign.raw };
            let accepted = answered(entry, table, raw.cast(), Answer::VERSIONED, dice, || {
                if changes {
                    foreign.change(&mut junk);
                }
            });
            foreign.end(accepted.1 && !is_null);
            accepted.0
        }
        "legacy answer" => {
            let foreign = Foreign::<DLManagedTensor>::new(plan);
            let raw = if is_null { ptr::null_mut() } else { foreign.raw };
            let accepted = answered("answer", table, raw.cast(), Answer::LEGACY, dice, || {
                if changes {
                    foreign.change(&mut junk);
                }
            });
            foreign.end(accepted.1 && !is_null);
            accepted.0
        }
        _ => exchanged(entry, plan, (changes, is_null), table, dice, &mut junk),
    }
}

/// Takes an answer, and says whether the tensor was accepted and whether it was taken at all.
fn answered(
    entry: &str,
    table: Table,
    tensor: *mut c_void,
    abi: u32,
    dice: &mut Dice,
    change: impl FnOnce(),
) -> (bool, bool) {
    let right = Answer { status: Status::OK, abi, tensor };
    let answer = match table {
        Table::Status(code) => Answer { status: Status::new(code), ..right },
        Table::Null => Answer { tensor: ptr::null_mut(), ..right },
        Table::Abi(abi) => Answer { abi, ..right },
        Table::Silent => Answer::NONE,
        _ => right,
    };
    let mut taken = answer.status == Status::OK && !answer.tensor.is_null() && answer.abi == abi;
    let found = if entry == "answer" {
        // SAFETY: the tensor is the gate's to judge.
        unsafe { answer.take() }
    } else {
        ANSWER.set((table != Table::Silent).then_some(answer));
        RELEASED.set(0);
        let major = if let Table::Version(major) = table { major } else { 1 };
        let missing = if let Table::Missing(which) = table { which } else { usize::MAX };
        let functions = ProducerTable {
            version: Version::new(major, 0),
            release: if missing == 0 { None } else { Some(release) },
            device: None,
            respond: if missing == 1 { None } else { Some(respond) },
        };
        let raw = RawProducer {
            table: if missing == 2 { ptr::null() } else { &raw const functions },
            ctx: ptr::null_mut(),
        };
        // SAFETY: P1 to P3, as far as the table holds them.
        let producer = unsafe { ForeignProducer::from_raw(raw) };
        taken &= producer.is_ok();
        let found = producer.and_then(|producer| producer.request(&Request::new()));
        assert_eq!(RELEASED.get(), u32::from(missing != 0 && missing != 2));
        found
    };
    change();
    let accepted = found.is_ok();
    if let Ok(tensor) = found {
        match tensor {
            dlpack::AnyManagedTensor::Versioned(tensor) => use_up(tensor, dice),
            dlpack::AnyManagedTensor::Legacy(tensor) => use_up(tensor, dice),
            _ => unreachable!("two ABIs"),
        }
    }
    (accepted, taken)
}

/// The functions of an exchange table.
fn exchanged(
    entry: &str,
    plan: Plan,
    (changes, is_null): (bool, bool),
    table: Table,
    dice: &mut Dice,
    junk: &mut Input<'_>,
) -> bool {
    let (dtype, is_whole) = (plan.tensor.dtype, plan.version.0 == 1);
    let sizes: Vec<usize> =
        plan.shape.iter().flatten().map(|&n| usize::try_from(n).unwrap_or(0)).collect();
    let foreign = Foreign::<DLManagedTensorVersioned>::new(plan);
    let code = if let Table::Status(code) = table { code } else { 0 };
    let major = if let Table::Version(major) = table { major } else { 1 };
    let missing = if let Table::Missing(which) = table { which } else { usize::MAX };
    let null = is_null || matches!(table, Table::Null | Table::Silent);
    let raw = if null { ptr::null_mut() } else { foreign.raw };
    TENSOR.set((code, raw));
    let api = DLPackExchangeAPI {
        header: DLPackExchangeAPIHeader {
            version: DLPackVersion { major, minor: 3 },
            prev_api: ptr::null_mut(),
        },
        managed_tensor_allocator: if missing == 0 { None } else { Some(allocate) },
        managed_tensor_from_py_object_no_sync: if missing == 1 { None } else { Some(from_object) },
        managed_tensor_to_py_object_no_sync: None,
        dltensor_from_py_object_no_sync: if missing == 2 { None } else { Some(lend) },
        current_work_stream: None,
    };
    // SAFETY: E1 to E4, as far as the table holds them.
    let Ok(api) = (unsafe { ExchangeApi::from_raw(&raw const api) }) else {
        assert_ne!(major, 1);
        foreign.end(false);
        return false;
    };
    let object = NonNull::<c_void>::dangling().as_ptr();
    let taken = code == 0 && !null;
    if entry == "allocator" {
        let found = api.allocate(dtype.into(), &sizes, Device::CPU);
        // It is not called for what no tensor can be.
        let called = CALLED.replace(false);
        if changes {
            foreign.change(junk);
        }
        let accepted = found.map(|tensor| use_up(tensor.into_inner(), dice)).is_ok();
        foreign.end(taken && called);
        return accepted;
    }
    if dice.below(2) == 0 && is_whole {
        // SAFETY: a live struct.
        LENT.set(Some(unsafe { DLManagedTensorVersioned::tensor(foreign.raw).read_unaligned() }));
        // SAFETY: the arrays are there during the call.
        let found = unsafe { api.with_object(object, |lent| look(&lent)) };
        foreign.end(false);
        return found.is_ok();
    }
    // SAFETY: the functions may be called with any object.
    let found = unsafe { api.tensor_from_object(object) };
    let called = missing != 1;
    if changes {
        foreign.change(junk);
    }
    let accepted = found.map(|tensor| use_up(tensor, dice)).is_ok();
    foreign.end(taken && called);
    accepted
}

#[test]
fn one_fault_each() {
    let count = std::env::var("DLPACK_FAULTS").ok().and_then(|n| n.parse().ok());
    let count: u64 = count.unwrap_or(if cfg!(miri) { 100 } else { 10_000 });
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let mut figures = BTreeMap::<&str, [u64; 2]>::new();
    for _ in 0..count {
        let fault = FAULTS[dice.below(FAULTS.len())];
        let entry = ENTRIES[dice.below(ENTRIES.len())];
        let producer = faulty(&mut dice, fault);
        let accepted = enter(entry, producer, &mut dice);
        figures.entry(fault).or_default()[usize::from(!accepted)] += 1;
    }
    println!("fault\taccepted\trefused");
    for (fault, [accepted, refused]) in &figures {
        println!("{fault}\t{accepted}\t{refused}");
    }
    let sum: u64 = figures.values().flatten().sum();
    assert_eq!((sum, figures.len()), (count, FAULTS.len()));
    // Some faults are none to a consumer that is lenient, and some leave nothing to accept.
    assert!(figures["strides null"][0] > 0 && figures["ndim too large"][0] == 0);
}
