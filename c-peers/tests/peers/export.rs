//! This crate's tensors in other libraries.

use c_peers::{
    ARROW, ARROW_ARRAYS, Layout, Library, Ours, Struct, TORCH, TVM_FFI, Tensor, pattern,
};
use dlpack::{DataType, Descriptor, Device};
use dlpack_sys::{DLManagedTensor, DLManagedTensorVersioned};

use crate::cases::{LINE, bytes, dtypes, is, is_writable, layouts, packed};

fn every_dtype_in_every_layout<A: Struct>(library: &'static Library) {
    let mut count = 0;
    for dtype in dtypes(library) {
        for layout in layouts(library) {
            taken_and_given_back::<A>(library, dtype, layout);
            count += 1;
        }
    }
    for &dtype in packed(library) {
        taken_and_given_back::<A>(library, dtype, Layout { shape: &[16], room: 16, ..LINE });
        count += 1;
    }
    assert!(count >= 11 * layouts(library).len());
}

fn taken_and_given_back<A: Struct>(library: &'static Library, dtype: DataType, layout: Layout) {
    let context = format!("{} {} {dtype} {layout:?}", library.name, A::NAME);
    let (tensor, ours) = Ours::export::<A>(dtype, layout);
    let (shape, strides) = (tensor.shape().to_vec(), tensor.strides().to_vec());
    let tensor = library.import(tensor).unwrap_or_else(|refused| panic!("{context}: {refused:?}"));

    let found = tensor.describe();
    assert_eq!(
        (found.shape(), found.dtype(), found.device()),
        (&shape[..], dtype, Device::CPU),
        "{context}"
    );
    if !layout.shape.contains(&0) {
        assert_eq!(found.strides(), strides, "{context}");
        assert_eq!(found.address(), ours.address(), "{context}");
    }
    if layout.shape.contains(&0) && (is(library, &ARROW) || is(library, &ARROW_ARRAYS)) {
        // Arrow lets go of what has no elements at once.
        assert_eq!((ours.freed.get(), tensor.read().len()), (1, 0), "{context}");
        drop(tensor);
        assert_eq!(ours.freed.get(), 1, "{context}");
        return;
    }
    assert_eq!(tensor.read(), ours.elements(), "{context}");

    // Each side sees what the other writes.
    let nbytes = ours.memory().len();
    ours.set_memory(&pattern(dtype, nbytes, 0x15));
    assert_eq!(tensor.read(), ours.elements(), "{context}");
    if is_writable(&layout) && library.table().write.is_some() {
        let written = pattern(dtype, ours.elements().len(), 0x2a);
        let before = ours.memory();
        tensor.write(&written);
        assert_eq!(ours.elements(), written, "{context}");
        let same = ours.memory().iter().zip(&before).filter(|(now, then)| now == then).count();
        assert!(
            same >= nbytes - written.len(),
            "{context}: bytes beside the elements were written"
        );
    }

    back::<DLManagedTensorVersioned>(&tensor, &ours, layout, dtype, &context);
    if !is(library, &ARROW_ARRAYS) {
        back::<DLManagedTensor>(&tensor, &ours, layout, dtype, &context);
    }
    let last = tensor.export::<DLManagedTensorVersioned>().expect("an export");
    drop(tensor);
    assert_eq!(ours.freed.get(), 0, "{context}: freed while its library's export is alive");
    drop(last);
    assert_eq!(ours.freed.get(), 1, "{context}");
}

/// Imports what the library exports of our own tensor.
fn back<A: Struct>(tensor: &Tensor, ours: &Ours, layout: Layout, dtype: DataType, context: &str) {
    let tensor = tensor.export::<A>().unwrap_or_else(|reason| panic!("{context}: {reason}"));
    let found: &Descriptor = &tensor;
    assert_eq!((found.shape(), found.dtype()), (&layout.numbers().0[..], dtype), "{context}");
    assert_eq!(bytes(found), ours.elements(), "{context}");
    drop(tensor);
    assert_eq!(ours.freed.get(), 0, "{context}: freed while the library has the tensor");
}

#[test]
fn tvm_ffi_takes_tensors() {
    every_dtype_in_every_layout::<DLManagedTensorVersioned>(&TVM_FFI);
    every_dtype_in_every_layout::<DLManagedTensor>(&TVM_FFI);
}

#[test]
fn torch_takes_tensors() {
    every_dtype_in_every_layout::<DLManagedTensorVersioned>(&TORCH);
    every_dtype_in_every_layout::<DLManagedTensor>(&TORCH);
}

#[test]
fn arrow_takes_tensors() {
    every_dtype_in_every_layout::<DLManagedTensorVersioned>(&ARROW);
    every_dtype_in_every_layout::<DLManagedTensorVersioned>(&ARROW_ARRAYS);
    assert!(ARROW.table().import_legacy.is_none(), "Arrow imports no legacy tensors");
}
