//! Exchange tables, from both sides.

use core::cell::RefCell;
use core::ffi::{c_char, c_int, c_void};
use core::ptr::{self, NonNull};

use dlpack::exchange::{ExchangeApi, ExchangeTable, Library, Offer, Report};
use dlpack::negotiate::Stream;
use dlpack::sys::{
    DLDataType, DLDevice, DLDeviceType, DLManagedTensorVersioned, DLPackExchangeAPI,
    DLPackExchangeAPIHeader, DLPackVersion, DLTensor,
};
use dlpack::{
    DataType, Device, DeviceType, Error, Exporter, ManagedTensorVersioned, OpaqueTensor, Version,
};

use crate::gate::Scene;
use crate::input::Input;
use crate::negotiate::{foreign, refusal};
use crate::oracle;
use crate::producer::{Allocation, Foreign, Struct, array};

/// Runs one input.
///
/// # Panics
///
/// On any difference.
pub fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    match input.below(3) {
        0 => chain(&mut input),
        1 => in_rust(&mut input),
        _ => in_c(&mut input),
    }
}

type SetError = Option<unsafe extern "C" fn(*mut c_void, *const c_char, *const c_char)>;

/// What a library in C does next.
struct Script {
    code: c_int,
    tensor: *mut DLManagedTensorVersioned,
    lent: Option<DLTensor>,
    object: *mut c_void,
    stream: *mut c_void,
    words: [Option<Vec<u8>>; 2],
    /// How often the error is set.
    sets: usize,
    /// What the library was given.
    got: *mut DLManagedTensorVersioned,
    calls: u32,
}

// Before Rust 1.88, pointers have no default.
impl Default for Script {
    fn default() -> Self {
        let (tensor, got) = (ptr::null_mut(), ptr::null_mut());
        let (object, stream) = (ptr::null_mut(), ptr::null_mut());
        let words = [None, None];
        Self { code: 0, tensor, lent: None, object, stream, words, sets: 0, got, calls: 0 }
    }
}

thread_local!(static SCRIPT: RefCell<Script> = RefCell::default());

unsafe extern "C" fn allocate(
    prototype: *mut DLTensor,
    out: *mut *mut DLManagedTensorVersioned,
    context: *mut c_void,
    set_error: SetError,
) -> c_int {
    SCRIPT.with_borrow_mut(|script| {
        script.calls += 1;
        // SAFETY: the prototype can be read, as the standard has it.
        let prototype = unsafe { prototype.read() };
        assert!(prototype.ndim == 0 || !prototype.shape.is_null() && !prototype.strides.is_null());
        // SAFETY: there is room for a pointer.
        unsafe { out.write(script.tensor) };
        let word = |word: &Option<Vec<u8>>| word.as_ref().map(|bytes| Allocation::of(bytes, 0));
        for _ in 0..script.sets {
            let words = [word(&script.words[0]), word(&script.words[1])];
            let [kind, message] = words.each_ref().map(|word| {
                word.as_ref().map_or(ptr::null(), |word| word.start().cast_const().cast::<c_char>())
            });
            // SAFETY: the strings are null or end in NUL, and are gone after the call.
            unsafe { set_error.expect("a function")(context, kind, message) };
        }
        script.code
    })
}

unsafe extern "C" fn from_object(_: *mut c_void, out: *mut *mut DLManagedTensorVersioned) -> c_int {
    SCRIPT.with_borrow_mut(|script| {
        script.calls += 1;
        // SAFETY: there is room for a pointer.
        unsafe { out.write(script.tensor) };
        script.code
    })
}

unsafe extern "C" fn to_object(
    tensor: *mut DLManagedTensorVersioned,
    out: *mut *mut c_void,
) -> c_int {
    SCRIPT.with_borrow_mut(|script| {
        script.calls += 1;
        script.got = tensor;
        // SAFETY: there is room for a pointer.
        unsafe { out.write(script.object) };
        script.code
    })
}

unsafe extern "C" fn lend(_: *mut c_void, out: *mut DLTensor) -> c_int {
    SCRIPT.with_borrow_mut(|script| {
        script.calls += 1;
        if let Some(lent) = script.lent {
            // SAFETY: there is room for a tensor.
            unsafe { out.write(lent) };
        }
        script.code
    })
}

unsafe extern "C" fn stream(_: DLDeviceType, _: i32, out: *mut *mut c_void) -> c_int {
    SCRIPT.with_borrow_mut(|script| {
        script.calls += 1;
        // SAFETY: there is room for a pointer.
        unsafe { out.write(script.stream) };
        script.code
    })
}

fn table(version: DLPackVersion, has: [bool; 5]) -> DLPackExchangeAPI {
    DLPackExchangeAPI {
        header: DLPackExchangeAPIHeader { version, prev_api: ptr::null_mut() },
        managed_tensor_allocator: if has[0] { Some(allocate) } else { None },
        managed_tensor_from_py_object_no_sync: if has[1] { Some(from_object) } else { None },
        managed_tensor_to_py_object_no_sync: if has[2] { Some(to_object) } else { None },
        dltensor_from_py_object_no_sync: if has[3] { Some(lend) } else { None },
        current_work_stream: if has[4] { Some(stream) } else { None },
    }
}

/// A chain of tables of many versions, of which only the header is there if the major version is a foreign one.
fn chain(input: &mut Input<'_>) {
    let count = match input.byte() {
        byte @ 0..230 => usize::from(byte) % 5,
        byte => usize::from(byte - 230),
    };
    let mut majors: Vec<u32> = (0..count).map(|_| u32::from(input.byte() % 40)).collect();
    if !input.rarely(4) {
        majors.sort_unstable();
        majors.dedup();
        majors.reverse();
    }
    let (mut rooms, mut next) = (Vec::<Allocation>::new(), ptr::null_mut());
    let endless = count > 0 && input.rarely(20);
    for &major in majors.iter().rev() {
        let version = DLPackVersion { major, minor: 3 };
        let mut table = table(version, [true; 5]);
        table.header.prev_api = next;
        let size = if major == 1 {
            size_of::<DLPackExchangeAPI>()
        } else {
            size_of::<DLPackExchangeAPIHeader>()
        };
        let room = Allocation::new(size, if input.rarely(8) { 4 } else { 0 });
        // SAFETY: so many bytes are in the room.
        unsafe { room.start().copy_from_nonoverlapping((&raw const table).cast(), size) };
        next = room.start().cast::<DLPackExchangeAPIHeader>();
        rooms.push(room);
    }
    if let (true, Some(last)) = (endless, rooms.first()) {
        let last = last.start().cast::<DLPackExchangeAPIHeader>();
        // SAFETY: the header of the oldest table.
        unsafe { (&raw mut (*last).prev_api).write_unaligned(next) };
    }
    let expected = 'found: {
        let mut newer: Option<u32> = None;
        // Another time round, if the chain has no end.
        let order = majors.iter().chain(if endless { &majors[..] } else { &[] });
        for (at, &major) in order.enumerate() {
            if at == 16 {
                break 'found Err(Error::TooManyTables { max: 16 });
            }
            if let Some(newer) = newer.filter(|&newer| major >= newer) {
                break 'found Err(Error::TableOrder { newer, older: major });
            }
            if major == 1 {
                break 'found Ok(());
            }
            newer = Some(major);
        }
        match majors.first() {
            Some(&major) => Err(Error::UnsupportedVersion { found: Version::new(major, 3) }),
            None => Err(Error::NullTable),
        }
    };
    // SAFETY: clause E1: each header can be read, and all of a table of our major version.
    let found = unsafe { ExchangeApi::from_raw(next.cast()) };
    assert_eq!(
        found.as_ref().map(|_| ()).map_err(|error| *error),
        expected_of(expected, majors.len(), endless)
    );
    if let Ok(api) = found {
        assert_eq!(api.version(), Version::new(1, 3));
    }
}

/// A chain that ends after exactly as many tables as are looked at is not too long.
fn expected_of(expected: Result<(), Error>, count: usize, endless: bool) -> Result<(), Error> {
    match expected {
        Err(Error::UnsupportedVersion { .. }) if count == 16 && !endless => {
            Err(Error::TooManyTables { max: 16 })
        }
        expected => expected,
    }
}

/// A library in C, called by Rust.
fn in_c(input: &mut Input<'_>) {
    let has = [0; 5].map(|_| !input.rarely(10));
    let table = table(DLPackVersion { major: 1, minor: u32::from(input.byte()) }, has);
    // SAFETY: clause E1; the functions hold E2 to E4.
    let api = unsafe { ExchangeApi::from_raw(&raw const table) }.expect("a table");
    let code = match input.byte() {
        0..170 => 0,
        _ => i32::from(input.byte()) - 100,
    };
    let scene = Scene::read(input, true, false);
    let tensor = foreign::<DLManagedTensorVersioned>(&scene);
    let is_null = input.rarely(16);
    let raw = if is_null { ptr::null_mut() } else { tensor.raw };
    // Without success nobody looks at the tensor.
    let out = if code == 0 { raw } else { ptr::dangling_mut() };
    let word = |input: &mut Input<'_>| {
        (!input.rarely(8)).then(|| {
            let mut bytes: Vec<u8> = (0..input.byte()).map(|_| input.byte().max(1)).collect();
            bytes.push(0);
            bytes
        })
    };
    let words = [word(input), word(input)];
    let lent = (!input.rarely(12)).then(|| {
        // SAFETY: a live struct; one of a foreign version has no tensor, and a null one is lent instead.
        unsafe {
            let whole = scene.plan.version.0 == 1;
            if whole {
                DLManagedTensorVersioned::tensor(tensor.raw).read_unaligned()
            } else {
                empty()
            }
        }
    });
    let sets = if code == 0 { 0 } else { input.below(3) };
    SCRIPT.set(Script {
        code,
        tensor: out,
        lent,
        object: if input.rarely(8) { ptr::null_mut() } else { ptr::dangling_mut() },
        stream: ptr::without_provenance_mut(usize::from(input.byte())),
        words,
        sets,
        ..Script::default()
    });
    let object: *mut c_void = if input.rarely(10) { ptr::null_mut() } else { ptr::dangling_mut() };
    let calls = || SCRIPT.with_borrow(|script| script.calls);
    let mut taken = false;
    match input.below(5) {
        0 => {
            let sizes: Vec<usize> = if input.rarely(2) {
                scene.shape.iter().map(|&n| usize::try_from(n).unwrap_or(usize::MAX)).collect()
            } else {
                (0..input.below(70)).map(|_| usize::from(input.byte() % 3)).collect()
            };
            let found = api.allocate(scene.dtype, &sizes, scene.device);
            let called = calls() > 0;
            taken = called && code == 0 && !is_null;
            match found {
                Ok(tensor) => {
                    assert!(taken && refusal(&scene).is_none());
                    let shape = tensor.shape().iter().map(|&n| usize::try_from(n).unwrap());
                    assert!(shape.eq(sizes));
                    assert!(oracle::nests(&scene.shape, &scene.strides));
                    assert!(scene.plan.flags & 1 == 0);
                }
                Err(report) if !has[0] => {
                    let name = "managed_tensor_allocator";
                    assert_eq!(report.error(), Error::MissingFunction { name });
                }
                Err(report) if called && code != 0 => {
                    let name = "managed_tensor_allocator";
                    assert_eq!(report.error(), Error::CallFailed { name, code });
                    assert!(!report.to_string().is_empty());
                }
                Err(report) if taken && refusal(&scene).is_some() => {
                    assert_eq!(Some(report.error()), refusal(&scene));
                }
                Err(report) => assert!(!report.message().is_empty()),
            }
        }
        1 => {
            // SAFETY: the functions may be called with any object.
            let found = unsafe { api.tensor_from_object(object) };
            taken = has[1] && !object.is_null() && code == 0 && !is_null;
            match found {
                Ok(tensor) => {
                    assert!(taken && refusal(&scene).is_none());
                    assert_eq!(tensor.shape(), scene.shape);
                }
                Err(error) => {
                    let name = "managed_tensor_from_py_object_no_sync";
                    let expected = match () {
                        () if !has[1] => Error::MissingFunction { name },
                        () if object.is_null() => Error::NullObject,
                        () if code != 0 => Error::CallFailed { name, code },
                        () if is_null => Error::NullTensor,
                        () => refusal(&scene).expect("an error"),
                    };
                    assert_eq!(error, expected);
                }
            }
        }
        2 => {
            let name = "managed_tensor_to_py_object_no_sync";
            let opaque = Exporter::new(vec![1_u8, 2, 3]).into_opaque().expect("memory");
            let given = opaque.as_raw();
            // SAFETY: the functions may be called with any tensor.
            let found = unsafe { api.object_from_tensor(opaque) };
            let wanted = SCRIPT.with_borrow(|script| script.object);
            match found {
                Ok(object) => assert_eq!(object.as_ptr(), wanted),
                Err(rejected) => {
                    let expected = match () {
                        () if !has[2] => Error::MissingFunction { name },
                        () if code != 0 => Error::CallFailed { name, code },
                        () => Error::NullObject,
                    };
                    assert_eq!(rejected.error(), expected);
                    // The tensor comes back if the library has not had it.
                    assert_eq!(rejected.into_inner().is_some(), !has[2]);
                }
            }
            let got = SCRIPT.with_borrow(|script| script.got);
            if has[2] {
                assert_eq!(got, given);
                // SAFETY: the library had the tensor, and ends it.
                unsafe { DLManagedTensorVersioned::delete(got) };
            }
        }
        3 => {
            let look = |lent: dlpack::BorrowedTensor<'_>| lent.shape().to_vec();
            // SAFETY: the functions may be called with any object, and the arrays hold during the call.
            let found = unsafe { api.with_object(object, look) };
            match found {
                Ok(shape) => {
                    assert!(has[3] && code == 0 && !object.is_null());
                    if scene.plan.version.0 == 1 {
                        assert_eq!(shape, scene.shape);
                    }
                }
                Err(Error::MissingFunction { .. }) => assert!(!has[3]),
                Err(Error::NullObject) => assert!(object.is_null()),
                Err(Error::CallFailed { code: found, .. }) => assert_eq!(found, code),
                Err(error) => {
                    // A tensor that was not written has a dtype that is none.
                    assert!(lent.is_none_or(|_| refusal_on_loan(&scene).is_some()), "{error:?}");
                }
            }
        }
        _ => {
            let device = Device::new(DeviceType::new(i32::from(input.byte() % 20)), 0);
            // SAFETY: the function may be called.
            let found = unsafe { api.current_stream(device) };
            match found {
                Ok(stream) if device.device_type == DeviceType::CPU => {
                    assert_eq!((stream, calls()), (Stream::NONE, 0));
                }
                Ok(_) => assert!(has[4] && code == 0),
                Err(error) => assert!(!has[4] || code != 0, "{error:?}"),
            }
        }
    }
    SCRIPT.set(Script::default());
    tensor.end(taken);
}

/// Why the tensor in a struct is refused on loan: there are no flags and no version.
fn refusal_on_loan(scene: &Scene) -> Option<Error> {
    if scene.plan.version.0 != 1 {
        return Some(Error::InvalidDType { found: scene.dtype });
    }
    match usize::try_from(scene.plan.tensor.ndim) {
        Ok(ndim) if ndim > oracle::MAX_NDIM => {
            Some(Error::TooManyAxes { ndim, max: oracle::MAX_NDIM })
        }
        Ok(ndim) if scene.plan.shape.is_none() && ndim > 0 => Some(Error::NullShape { ndim }),
        Ok(_) => oracle::judge(&scene.shape, &scene.strides, scene.dtype, false).err(),
        Err(_) => Some(Error::NegativeNdim { ndim: scene.plan.tensor.ndim }),
    }
}

fn empty() -> DLTensor {
    DLTensor {
        data: ptr::null_mut(),
        device: DLDevice { device_type: DLDeviceType::kDLCPU, device_id: 0 },
        ndim: 0,
        dtype: DLDataType { code: 0, bits: 0, lanes: 0 },
        shape: ptr::null_mut(),
        strides: ptr::null_mut(),
        byte_offset: 0,
    }
}

/// A library in Rust, called by C.
struct Rust;

static TABLE: ExchangeTable<Rust> = ExchangeTable::new();

/// What the library in Rust does next, and what has become of it.
#[derive(Default)]
struct Plan {
    fails: bool,
    errors: u32,
    asked: Option<(DataType, Vec<usize>, Device)>,
    accepted: Option<ManagedTensorVersioned>,
}

thread_local!(static PLAN: RefCell<Plan> = RefCell::default());

fn gives() -> Result<(), Error> {
    PLAN.with_borrow(|plan| if plan.fails { Err(Error::NotContiguous) } else { Ok(()) })
}

// SAFETY: it keeps no pointer to what it allocates, accepts last, and lends what lives for ever.
unsafe impl Library for Rust {
    type Error = Error;

    fn set_error(_: Error) {
        PLAN.with_borrow_mut(|plan| plan.errors += 1);
    }

    fn allocate(
        dtype: DataType,
        shape: &[usize],
        device: Device,
    ) -> Result<ManagedTensorVersioned, Report> {
        PLAN.with_borrow_mut(|plan| plan.asked = Some((dtype, shape.to_vec(), device)));
        gives()?;
        let few = shape.iter().product::<usize>() < 1000 && dtype.lanes < 100;
        let (dtype, shape) = if few { (dtype, shape) } else { (DataType::U8, &[][..]) };
        let global = dlpack::allocator::Global;
        Ok(ManagedTensorVersioned::allocate_in(global, dtype, shape, Device::CPU)?.into_inner())
    }

    unsafe fn tensor_from_object(_: NonNull<c_void>) -> Result<OpaqueTensor, Error> {
        gives()?;
        Ok(Exporter::new([1_u8, 2]).into_opaque()?)
    }

    unsafe fn object_from_tensor(offer: Offer<'_>) -> Result<NonNull<c_void>, Error> {
        gives()?;
        let tensor = offer.accept();
        PLAN.with_borrow_mut(|plan| plan.accepted = Some(tensor));
        Ok(NonNull::dangling())
    }

    const LENDS: bool = true;

    unsafe fn lend(_: NonNull<c_void>) -> Result<DLTensor, Error> {
        gives()?;
        Ok(empty())
    }

    fn current_stream(_: Device) -> Result<Stream, Error> {
        gives()?;
        Ok(Stream::CUDA_LEGACY_DEFAULT)
    }
}

thread_local!(static SET: RefCell<u32> = const { RefCell::new(0) });

unsafe extern "C" fn set_error(_: *mut c_void, kind: *const c_char, message: *const c_char) {
    SET.with_borrow_mut(|set| *set += 1);
    for text in [kind, message] {
        // SAFETY: strings that end in NUL.
        let text = unsafe { core::ffi::CStr::from_ptr(text) };
        assert!(text.to_str().is_ok_and(|text| !text.is_empty()));
    }
}

fn in_rust(input: &mut Input<'_>) {
    let fails = input.rarely(3);
    PLAN.set(Plan { fails, ..Plan::default() });
    SET.set(0);
    // SAFETY: a table of this crate.
    let table = unsafe { &*TABLE.as_raw() };
    let no_room = input.rarely(8);
    let object: *mut c_void = if input.rarely(8) { ptr::null_mut() } else { ptr::dangling_mut() };
    let errors = || PLAN.with_borrow(|plan| plan.errors);
    let mut out: *mut DLManagedTensorVersioned = ptr::dangling_mut();
    let to = if no_room { ptr::null_mut() } else { &raw mut out };
    match input.below(5) {
        0 => {
            let scene = Scene::read(input, false, false);
            let count = scene.shape.len();
            let shape = array(&scene.shape, scene.plan.array_skew);
            let prototype = DLTensor {
                shape: if scene.plan.shape.is_some() {
                    shape.start().cast()
                } else {
                    ptr::null_mut()
                },
                ..scene.plan.tensor
            };
            // A prototype need not be aligned, nor need its other fields be there.
            let room = Allocation::new(size_of::<DLTensor>(), scene.plan.skew);
            let at = room.start().cast::<DLTensor>();
            // SAFETY: there is room for a tensor.
            unsafe { at.write_unaligned(prototype) };
            let at = if input.rarely(20) { ptr::null_mut() } else { at };
            let hears = !input.rarely(5);
            let set: SetError = if hears { Some(set_error) } else { None };
            let call = table.managed_tensor_allocator.expect("a function");
            // SAFETY: clauses C1 and C3.
            let code = unsafe { call(at, to, ptr::null_mut(), set) };
            let row_major = oracle::row_major(&scene.shape);
            let verdict = match usize::try_from(scene.plan.tensor.ndim) {
                _ if at.is_null() => Err(Error::NullTensor),
                Err(_) => Err(Error::NegativeNdim { ndim: scene.plan.tensor.ndim }),
                Ok(ndim) if ndim > oracle::MAX_NDIM => Err(Error::NegativeNdim { ndim: 0 }),
                Ok(_) if scene.plan.shape.is_none() && count > 0 => {
                    Err(Error::NullShape { ndim: count })
                }
                Ok(_) => oracle::judge(&scene.shape, &row_major, scene.dtype, false).map(drop),
            };
            assert_eq!(code == 0, verdict.is_ok() && !fails && !no_room);
            let asked = PLAN.with_borrow_mut(|plan| plan.asked.take());
            assert_eq!(asked.is_some(), verdict.is_ok() && !no_room);
            if let Some((dtype, shape, device)) = asked {
                assert_eq!((dtype, device), (scene.dtype, scene.device));
                assert!(shape.iter().map(|&n| i64::try_from(n).unwrap()).eq(scene.shape));
            }
            assert_eq!(SET.take(), u32::from(code != 0 && hears));
            assert_eq!(errors(), 0, "the language's lock need not be held");
            ends(code, no_room, out);
        }
        1 => {
            let call = table.managed_tensor_from_py_object_no_sync.expect("a function");
            // SAFETY: clauses C1 and C2.
            let code = unsafe { call(object, to) };
            assert_eq!(code == 0, !object.is_null() && !fails && !no_room);
            assert_eq!(errors(), u32::from(code != 0));
            ends(code, no_room, out);
        }
        2 => {
            let scene = Scene::read(input, true, false);
            let tensor: Foreign<DLManagedTensorVersioned> = foreign(&scene);
            let is_null = input.rarely(10);
            let raw = if is_null { ptr::null_mut() } else { tensor.raw };
            let mut made = ptr::dangling_mut::<c_void>();
            let to = if no_room { ptr::null_mut() } else { &raw mut made };
            let call = table.managed_tensor_to_py_object_no_sync.expect("a function");
            // SAFETY: clauses C1 and C4.
            let code = unsafe { call(raw, to) };
            let good = !is_null && refusal(&scene).is_none() && !fails && !no_room;
            assert_eq!((code == 0, errors()), (good, u32::from(!good)));
            let accepted = PLAN.with_borrow_mut(|plan| plan.accepted.take());
            assert_eq!(accepted.is_some(), good, "what is refused stays its caller's");
            tensor.change(input);
            if let Some(accepted) = accepted {
                assert_eq!(accepted.shape(), scene.shape);
            }
            assert!(no_room || good != made.is_null());
            tensor.end(good);
        }
        3 => {
            let mut lent = empty();
            let to = if no_room { ptr::null_mut() } else { &raw mut lent };
            let call = table.dltensor_from_py_object_no_sync.expect("a function");
            // SAFETY: clauses C1 and C2.
            let code = unsafe { call(object, to) };
            assert_eq!(code == 0, !object.is_null() && !fails && !no_room);
            assert_eq!(errors(), u32::from(code != 0));
        }
        _ => {
            let mut stream = ptr::dangling_mut::<c_void>();
            let to = if no_room { ptr::null_mut() } else { &raw mut stream };
            let call = table.current_work_stream.expect("a function");
            let kind = i32::from(input.byte() % 20);
            // SAFETY: clause C1.
            let code = unsafe { call(DLDeviceType(kind), 0, to) };
            let is_cpu = kind == 1;
            assert_eq!(code == 0, !no_room && (is_cpu || !fails));
            assert_eq!(errors(), u32::from(code != 0));
            if code == 0 {
                assert_eq!(stream.addr(), usize::from(!is_cpu));
            }
        }
    }
    PLAN.set(Plan::default());
}

/// On success there is a tensor, which is deleted; on failure there is none.
fn ends(code: c_int, no_room: bool, out: *mut DLManagedTensorVersioned) {
    if code == 0 {
        // SAFETY: the table has returned it.
        unsafe { DLManagedTensorVersioned::delete(out) };
    } else {
        assert!(no_room || out.is_null());
    }
}
