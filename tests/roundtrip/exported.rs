//! Rust → C → Rust: C reads, checks and writes what Rust exports, and gives it back or deletes it.

use std::fmt;
use std::sync::{Arc, Mutex};

use dlpack::{DataType, Exporter, RejectedError};
use dlpack_sys::{DLDataType, DLManagedTensor, DLManagedTensorVersioned};
use harness::abi::Abi;
use harness::consumer::{checksum, gather, is_row_major, scatter};
use harness::current_thread;
use harness::owners::Counted;
use proptest::prelude::*;

use crate::dtypes::{dtypes, spelled};
use crate::layouts::{Layout, layouts};
use crate::model::{self, Model};
use crate::release::{Release, releases};
use crate::{cases, seen};

/// An export, and what C does with it.
#[derive(Clone)]
struct Case {
    dtype: DLDataType,
    layout: Layout,
    /// Elements before and bytes after those that the layout needs.
    slack: (usize, usize),
    seed: u8,
    legacy: bool,
    read_only: bool,
    padded: bool,
    is_copied: bool,
    /// C writes all elements.
    write: bool,
    /// How C lets go of it; not at all: Rust gets it back.
    release: Option<Release>,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (model, len) = self.place();
        write!(f, "Exporter::new(memory({len}, {}))", self.seed)?;
        write!(f, ".dtype({}).shape(&{:?})", spelled(self.dtype), self.layout.shape)?;
        if let Some(strides) = &self.layout.strides {
            write!(f, ".strides(&{strides:?})")?;
        }
        write!(f, ".offset({})", self.offset(&model))?;
        for (set, call) in [
            (self.read_only, ".read_only()"),
            (self.padded, ".padded()"),
            (self.is_copied, ".copied()"),
        ] {
            f.write_str(if set { call } else { "" })?;
        }
        f.write_str(if self.legacy { ".build_legacy()" } else { ".build()" })?;
        f.write_str(if self.write { "; C writes" } else { "" })?;
        match self.release {
            Some(release) => write!(f, "; C lets go: {release:?}"),
            None => f.write_str("; Rust gets it back"),
        }
    }
}

impl Case {
    /// Where the elements are, and how many bytes the owner has.
    fn place(&self) -> (Model, usize) {
        let (dtype, padded) = (self.dtype, self.padded);
        let Layout { shape, .. } = self.layout.clone();
        let strides = self.layout.strides();
        let mut model = Model { dtype, padded, shape, strides, origin: 0 };
        let bits = model.element_bits();
        let (low, high) = self.layout.reach();
        // The first element whose place is far enough from the start, and at a byte.
        let least = usize::try_from(-low).unwrap() + self.slack.0;
        let first = (least..).find(|first| (first * bits) & 7 == 0).unwrap();
        model.origin = first * bits / 8;
        let end = usize::try_from(i64::try_from(first).unwrap() + high + 1).unwrap();
        (model, (end * bits).div_ceil(8) + self.slack.1)
    }

    fn offset(&self, model: &Model) -> usize {
        model.origin * 8 / model.element_bits()
    }

    fn memory(&self, len: usize) -> Vec<u8> {
        memory(len, self.seed)
    }
}

/// Bytes that say where they are.
fn memory(len: usize, seed: u8) -> Vec<u8> {
    (0..len).map(|i| (i % 251).to_le_bytes()[0].wrapping_mul(37).wrapping_add(seed)).collect()
}

fn exports() -> impl Strategy<Value = Case> {
    let slack = (0..4_usize, 0..4_usize);
    let release = prop::option::of(releases());
    let flags = any::<[bool; 5]>();
    (dtypes(), layouts(), slack, any::<u8>(), flags, release).prop_map(
        |(dtype, layout, slack, seed, [legacy, read_only, padded, is_copied, write], release)| {
            let (read_only, padded) = (read_only && !legacy, padded && !legacy);
            let write = write && !read_only;
            Case {
                dtype,
                layout,
                slack,
                seed,
                legacy,
                read_only,
                padded,
                is_copied,
                write,
                release,
            }
        },
    )
}

/// What an owner left behind: its bytes, and the thread on which it was dropped.
type Obituary = Arc<Mutex<Vec<(Vec<u8>, u64)>>>;

/// Bytes at an address that suits all elements, and a note when they go.
type Noted = Counted<u128>;

fn noted(bytes: &[u8]) -> (Noted, Obituary) {
    let mut blocks = vec![0; bytes.len().div_ceil(16) + 1];
    bytemuck::cast_slice_mut(&mut blocks)[..bytes.len()].copy_from_slice(bytes);
    let (len, obituary) = (bytes.len(), Obituary::default());
    let notes = Arc::clone(&obituary);
    let note = move |blocks: &[u128]| {
        let bytes = bytemuck::cast_slice(blocks)[..len].to_vec();
        notes.lock().unwrap().push((bytes, current_thread()));
    };
    (Counted::with_end(&blocks, note), obituary)
}

fn there_and_back<M: Abi>(case: &Case) {
    let (model, len) = case.place();
    let mut memory = case.memory(len);
    let (owner, obituary) = noted(&memory);
    let start = owner.elements.as_ptr();
    let shape: Vec<usize> = case.layout.shape.iter().map(|&n| n.try_into().unwrap()).collect();
    let strides = case.layout.strides.as_ref();
    let strides: Option<Vec<isize>> =
        strides.map(|all| all.iter().map(|&n| n.try_into().unwrap()).collect());

    let exporter = Exporter::of_mut(owner, |owner| {
        &mut bytemuck::cast_slice_mut::<_, u8>(&mut owner.elements)[..len]
    });
    let mut exporter = exporter.dtype(DataType::from(case.dtype)).shape(&shape);
    exporter = exporter.offset(case.offset(&model));
    if let Some(strides) = &strides {
        exporter = exporter.strides(strides);
    }
    exporter = if case.read_only { exporter.read_only() } else { exporter };
    exporter = if case.padded { exporter.padded() } else { exporter };
    exporter = if case.is_copied { exporter.copied() } else { exporter };
    let raw = M::choose(
        exporter,
        |exporter| Ok::<_, RejectedError<_>>(exporter.build()?.into_raw()),
        |exporter| Ok(exporter.build_legacy()?.into_raw()),
    );
    let raw = raw.unwrap();

    // SAFETY: just passed on.
    let flags = unsafe { M::flags(raw) };
    if !case.legacy {
        let expected = [(case.read_only, 1), (case.is_copied, 2), (case.padded, 4)];
        assert_eq!(flags, expected.iter().map(|&(set, bit)| u64::from(set) * bit).sum::<u64>());
    }
    // SAFETY: just passed on.
    let tensor = unsafe { M::tensor(raw) };
    // SAFETY: just passed on.
    let found = unsafe { (gather(tensor, flags), checksum(tensor, flags), is_row_major(tensor)) };
    let gathered = model.gather(&memory);
    let expected_sum = model::checksum(&gathered);
    assert_eq!(found, (Some(gathered.clone()), Some(expected_sum), model.is_row_major()));

    if case.write {
        let elements: Vec<u8> = gathered.iter().rev().map(|byte| byte.wrapping_add(1)).collect();
        // SAFETY: just passed on, and writable.
        assert!(unsafe { scatter(tensor, flags, &elements) });
        model.scatter(&mut memory, &elements);
    }

    match case.release {
        None => {
            // SAFETY: C passes it back.
            let tensor = unsafe { M::import(raw) };
            // SAFETY: initialised, and C is done with it.
            unsafe { seen::check(&tensor, &model, &memory) };
            let owner = tensor.into_owner::<Noted>().unwrap();
            let bytes = &bytemuck::cast_slice(&owner.elements)[..len];
            assert_eq!((owner.elements.as_ptr(), bytes), (start, &memory[..]));
            assert!(obituary.lock().unwrap().is_empty());
        }
        // SAFETY: C lets go of what was passed on.
        Some(release) => unsafe { release.run(raw, &model.gather(&memory)) },
    }
    let dropped = obituary.lock().unwrap();
    let [(bytes, thread)] = &dropped[..] else { panic!("dropped {} times", dropped.len()) };
    assert_eq!(bytes, &memory);
    let elsewhere = case.release.is_some_and(Release::is_elsewhere);
    assert_eq!(*thread != current_thread(), elsewhere);
}

proptest! {
    #![proptest_config(cases(2000))]

    #[test]
    fn rust_to_c_and_back(case in exports()) {
        if case.legacy {
            there_and_back::<DLManagedTensor>(&case);
        } else {
            there_and_back::<DLManagedTensorVersioned>(&case);
        }
    }
}

#[test]
fn cases_print_as_code() {
    let layout = Layout { shape: vec![2, 3], strides: Some(vec![-3, 1]) };
    let dtype = DLDataType { code: 2, bits: 32, lanes: 1 };
    let case = Case {
        dtype,
        layout,
        slack: (1, 2),
        seed: 7,
        legacy: false,
        read_only: true,
        padded: false,
        is_copied: false,
        write: false,
        release: None,
    };
    let printed = "Exporter::new(memory(30, 7)).dtype(dtype(2, 32, 1)).shape(&[2, 3])\
                   .strides(&[-3, 1]).offset(4).read_only().build(); Rust gets it back";
    assert_eq!(format!("{case:?}"), printed);
}
