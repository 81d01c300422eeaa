//! Elements under a wrapper: at odd addresses, uninitialised, written behind the view's back.

use std::mem::MaybeUninit;

use dlpack::{
    TensorView, TensorViewMut,
    view::{Unaligned, ViewElement},
};

/// Items at an address that is odd wherever the struct lies.
#[repr(C, align(16))]
struct Odd<T, const N: usize> {
    before: u8,
    items: [Unaligned<T>; N],
}

fn odd<T: Copy + From<u16>, const N: usize>() -> Odd<T, N> {
    let item = |i: usize| Unaligned::new(T::from(u16::try_from(i).unwrap()));
    Odd { before: 0, items: std::array::from_fn(item) }
}

fn addresses_are_odd<T: Copy + From<u16> + dlpack::Element + PartialEq + std::fmt::Debug>() {
    let memory = odd::<T, 144>();
    assert_eq!(memory.before, 0);
    let view = TensorView::from_slice(&memory.items, &[9, 16]).unwrap();
    assert_eq!(view.as_ptr().addr() % 2, 1);
    let turned = view.transpose();
    let number = |i: usize, j: usize| T::from(u16::try_from(j * 16 + i).unwrap());
    for (i, j) in [(0, 0), (3, 8), (15, 1), (15, 8)] {
        assert_eq!(turned[[i, j]].get(), number(i, j));
        assert_eq!(turned[[i, j]].value(), number(i, j));
    }
    let expected: Vec<T> = (0..144).map(|n| number(n / 9, n % 9)).collect();
    let mut copy = vec![T::from(999); 144];
    turned.copy_to(&mut copy).unwrap();
    assert_eq!(copy, expected);
    // From an address that is odd to one that is not, in both directions of either axis.
    let mut copy = vec![T::from(999); 144];
    let mut target = TensorViewMut::from_slice(&mut copy, &[16, 9]).unwrap().flip(0).unwrap();
    target.copy_from(&turned.flip(0).unwrap()).unwrap();
    assert_eq!(copy, expected);
    let last = view.reduce_memory_order(T::from(0), |a, b| if b == T::from(143) { b } else { a });
    assert_eq!(last, T::from(143));
}

#[test]
fn unaligned() {
    addresses_are_odd::<u16>();
    addresses_are_odd::<u32>();
    addresses_are_odd::<f32>();
    addresses_are_odd::<u64>();
    addresses_are_odd::<f64>();
    addresses_are_odd::<u128>();
}

#[test]
fn uninitialised_to_initialised() {
    let numbers: Vec<u32> = (0..120).collect();
    let mut memory = [MaybeUninit::<u32>::uninit(); 120];
    let source = TensorView::from_slice(&numbers, &[10, 12]).unwrap().transpose();
    let mut view = TensorViewMut::from_slice(&mut memory, &[12, 10]).unwrap();
    for (to, from) in view.iter_mut().zip(&source) {
        to.write(*from);
    }
    // SAFETY: each element has just been written.
    let read = |item: MaybeUninit<u32>| unsafe { item.assume_init() };
    assert_eq!(read(view[[11, 0]]), 11);

    let copy = {
        let mut copy = [MaybeUninit::uninit(); 120];
        let mut to = TensorViewMut::from_slice(&mut copy, &[10, 12]).unwrap();
        to.copy_from(&view.as_view().transpose()).unwrap();
        copy
    };
    assert!(copy.into_iter().map(read).eq(numbers));
    view.fill(MaybeUninit::new(3));
    assert!(memory.into_iter().all(|item| read(item) == 3));
}

/// Bytes that nobody has written are copied as such, and never looked at.
#[test]
fn uninitialised_stays_so() {
    let memory = [MaybeUninit::<u64>::uninit(); 100];
    let view = TensorView::from_slice(&memory, &[10, 10]).unwrap();
    let mut copy = [MaybeUninit::new(1_u64); 100];
    view.transpose().copy_to(&mut copy).unwrap();
    let mut target = TensorViewMut::from_slice(&mut copy, &[100]).unwrap();
    target.copy_from(&view.reshape(&[100]).unwrap()).unwrap();
    assert_eq!(view.fold_memory_order(0, |count, _| count + 1), 100);
}

#[cfg(feature = "alloc")]
#[test]
fn written_meanwhile() -> Result<(), dlpack::Error> {
    use dlpack::{Exporter, view::ReadCell};

    let tensor =
        Exporter::new((0..96_u32).collect::<Vec<_>>()).shape(&[8, 12]).build()?.into_inner();
    // SAFETY: the vector was initialised, and this thread alone writes it.
    let view = unsafe { tensor.view_as::<ReadCell<u32>>() }?.transpose();
    let expected = |i: usize, j: usize| u32::try_from(j * 12 + i).unwrap();
    let row_major = || (0..96).map(|n| expected(n / 8, n % 8));
    assert!(view.iter().map(ReadCell::get).eq(row_major()));
    assert!(view.to_vec().into_iter().eq(row_major()));

    let data = tensor.data().cast::<u32>();
    // SAFETY: the element is one of the vector's.
    let first_of_second_row = unsafe { data.add(1) };
    // SAFETY: this thread may write behind a view of cells.
    unsafe { first_of_second_row.write(7000) };
    assert_eq!(view[[1, 0]].get(), 7000);
    assert_eq!(view.as_slice_memory_order()?[1].get(), 7000);
    assert_eq!(view.reduce_memory_order(0, u32::max), 7000);

    let mut copy = [0_u32; 96];
    let mut target = TensorViewMut::from_slice(&mut copy, &[12, 8])?;
    target.copy_from(&view)?;
    assert_eq!(target[[1, 0]], 7000);
    assert_eq!(target[[11, 7]], 95);
    assert_eq!(format!("{:?}", view.select(0, 1)?), "[7000, 13, 25, 37, 49, 61, 73, 85]");
    Ok(())
}
