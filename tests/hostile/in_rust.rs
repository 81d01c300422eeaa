//! Rows about what a compiler may assume, without C, so that an interpreter such as Miri can judge them.

use std::mem::MaybeUninit;
use std::thread;

use dlpack::{Error, ManagedTensorVersioned, view::ReadCell};

use crate::producer::{Deleted, memory, produce};

const SIX: [f32; 6] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];

fn import(origin: usize, strides: &[i64]) -> (ManagedTensorVersioned, Deleted) {
    let (raw, deleted) = produce(memory(&SIX), origin, &[2, 3], strides);
    // SAFETY: the producer passes it on.
    (unsafe { ManagedTensorVersioned::from_raw(raw) }.expect("a valid tensor"), deleted)
}

#[test]
fn h009_struct_freed_by_its_deleter() {
    let (tensor, deleted) = import(0, &[3, 1]);
    drop(tensor);
    assert_eq!(deleted.times(), 1);

    let (raw, deleted) = produce(memory(&SIX), 0, &[2, 3], &[3, 1]);
    // SAFETY: nobody else uses it yet.
    unsafe { (*raw).version.major = 2 };
    // SAFETY: the producer passes it on.
    let refused = unsafe { ManagedTensorVersioned::from_raw(raw) }.map(drop);
    assert!(matches!(refused, Err(Error::UnsupportedVersion { .. })));
    assert_eq!(deleted.times(), 1);
}

#[test]
fn h014_forgotten_without_harm() {
    let (tensor, deleted) = import(0, &[3, 1]);
    let raw = tensor.as_raw();
    std::mem::forget(tensor);
    assert_eq!(deleted.times(), 0);
    // SAFETY: forgotten, and so passed on.
    drop(unsafe { ManagedTensorVersioned::from_raw(raw) });
    assert_eq!(deleted.times(), 1);
}

#[test]
fn h031_arrays_rewritten_in_place() {
    let (tensor, deleted) = import(0, &[3, 1]);
    // SAFETY: the tensor is alive.
    let shape = unsafe { (*tensor.as_raw()).dl_tensor.shape };
    // SAFETY: the producer's own array, which it may write.
    unsafe { shape.write(300) };
    assert_eq!(tensor.shape(), [2, 3]);
    // SAFETY: all elements are initialised, and nobody writes them.
    assert_eq!(unsafe { tensor.as_slice::<f32>() }, Ok(&SIX[..]));
    drop(tensor);
    assert_eq!(deleted.times(), 1);
}

#[test]
fn h058_mixed_signs_never_leave_the_allocation() {
    let rows: [(usize, [i64; 2], [f32; 6]); 4] = [
        (2, [3, -1], [3.0, 2.0, 1.0, 6.0, 5.0, 4.0]),
        (3, [-3, 1], [4.0, 5.0, 6.0, 1.0, 2.0, 3.0]),
        (5, [-3, -1], [6.0, 5.0, 4.0, 3.0, 2.0, 1.0]),
        (4, [1, -2], [5.0, 3.0, 1.0, 6.0, 4.0, 2.0]),
    ];
    for (origin, strides, expected) in rows {
        let (tensor, deleted) = import(origin, &strides);
        // SAFETY: all elements are initialised, and nobody writes them.
        let view = unsafe { tensor.view::<f32>() }.expect("a view");
        assert!(view.iter().eq(&expected));
        let turned = view.flip(0).and_then(|view| view.flip(1)).expect("two axes");
        assert!(turned.iter().eq(expected.iter().rev()));
        let mut folded = vec![];
        turned.iter().for_each(|element| folded.push(*element));
        assert!(folded.iter().eq(expected.iter().rev()));
        for (i, element) in expected.iter().enumerate() {
            assert_eq!(view.get(&[i / 3, i % 3]), Some(element));
        }
        let mut copied = [0.0; 6];
        assert_eq!(view.transpose().copy_to(&mut copied), Ok(()));
        let columns = [0, 3, 1, 4, 2, 5].map(|i: usize| expected[i]);
        assert_eq!(copied, columns);
        drop(tensor);
        assert_eq!(deleted.times(), 1);
    }
}

#[test]
fn h071_uninitialised_memory() {
    let uninit = Box::<[f32]>::new_uninit_slice(6);
    let (raw, deleted) = produce(uninit, 0, &[2, 3], &[3, 1]);
    // SAFETY: the producer passes it on.
    let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }.expect("a valid tensor");
    // SAFETY: nobody writes the elements.
    let view = unsafe { tensor.view_as::<MaybeUninit<f32>>() }.expect("a view");
    assert_eq!((view.shape(), view.iter().count()), (&[2, 3][..], 6));
    let mut copied = [MaybeUninit::new(0.0); 6];
    assert_eq!(view.transpose().copy_to(&mut copied), Ok(()));
    drop(tensor);
    assert_eq!(deleted.times(), 1);
}

#[test]
fn h071_uninitialised_memory_of_ones_own() {
    let uninit = Box::<[f32]>::new_uninit_slice(6);
    let (raw, deleted) = produce(uninit, 2, &[2, 3], &[3, -1]);
    // SAFETY: nobody else uses it yet, and the memory is this test's alone.
    unsafe { (*raw).flags = 2 };
    // SAFETY: the producer passes it on.
    let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }.expect("a valid tensor");
    let tensor = tensor.try_exclusive().expect("a copy").fill(7_f32).expect("writable");
    assert!(tensor.view::<f32>().expect("a view").iter().all(|element| *element == 7.0));
    drop(tensor);
    assert_eq!(deleted.times(), 1);
}

#[test]
fn h103_written_behind_a_view_of_cells() {
    let (tensor, deleted) = import(2, &[3, -1]);
    // SAFETY: all elements are initialised, and only this thread uses them.
    let view = unsafe { tensor.view_as::<ReadCell<f32>>() }.expect("a view");
    let first = &view[[0, 0]];
    let foreign = tensor.data().cast::<f32>();
    let mut seen = vec![first.get()];
    for value in [10.0, 20.0] {
        // SAFETY: an element of this thread's memory, with no `&f32` to it.
        unsafe { foreign.write(value) };
        seen.push(first.get());
        seen.push(view.iter().map(|cell| cell.get()).sum());
    }
    assert_eq!(seen, [3.0, 10.0, 28.0, 20.0, 38.0]);
    drop(tensor);
    assert_eq!(deleted.times(), 1);
}

#[test]
fn h104_threads_read_one_tensor() {
    let (tensor, deleted) = import(2, &[3, -1]);
    // SAFETY: all elements are initialised, and nobody writes them.
    let tensor = unsafe { tensor.assume_frozen() };
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let view = tensor.view::<f32>().expect("a view");
                assert!(view.iter().eq(&[3.0, 2.0, 1.0, 6.0, 5.0, 4.0]));
            });
        }
    });
    thread::spawn(move || drop(tensor)).join().expect("no panic");
    assert_eq!(deleted.times(), 1);
}
