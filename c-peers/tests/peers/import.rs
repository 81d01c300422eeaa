//! Other libraries' tensors in this crate.

use c_peers::{
    ARROW, ARROW_ARRAYS, Layout, Library, Struct, TORCH, TVM_FFI, Tensor, gather, pattern,
};
use dlpack::{Access, DataType, Descriptor, Device, Element, Flags, Managed, Version};
use dlpack_sys::{DLManagedTensor, DLManagedTensorVersioned};

use crate::cases::{LINE, PLAIN, TENSORS, bytes, dtypes, is, is_writable, layouts, packed};

fn every_dtype_in_every_layout<A: Struct>(library: &'static Library) {
    let mut count = 0;
    for dtype in dtypes(library) {
        for layout in layouts(library) {
            read_and_freed::<A>(library, dtype, layout);
            count += 1;
        }
    }
    for &dtype in packed(library) {
        read_and_freed::<A>(library, dtype, Layout { shape: &[16], room: 16, ..LINE });
        count += 1;
    }
    assert!(count >= 11 * layouts(library).len());
}

fn read_and_freed<A: Struct>(library: &'static Library, dtype: DataType, layout: Layout) {
    let context = format!("{} {} {dtype} {layout:?}", library.name, A::NAME);
    let made = library
        .make(dtype, layout)
        .and_then(|(tensor, freed)| Ok((tensor.export::<A>()?, tensor, freed)));
    let (found, tensor, freed) = made.unwrap_or_else(|reason| panic!("{context}: {reason}"));

    let table = library.table();
    let is_versioned = A::NAME == "versioned";
    let version = is_versioned.then(|| Version::new(table.major, table.minor));
    let (flags, access) = match (is_versioned, is(library, &ARROW_ARRAYS)) {
        (true, true) => (Flags::READ_ONLY, Access::ReadOnly),
        (true, false) => (Flags::NONE, Access::Writable),
        (false, _) => (Flags::NONE, Access::Unknown),
    };
    assert_eq!(
        (found.version(), found.flags(), found.access()),
        (version, flags, access),
        "{context}"
    );
    let (shape, strides) = layout.numbers();
    assert_eq!(
        (found.shape(), found.dtype(), found.device()),
        (&shape[..], dtype, Device::CPU),
        "{context}"
    );
    if !layout.shape.contains(&0) {
        assert_eq!(address(&found), tensor.describe().address(), "{context}");
        let axes = shape.iter().zip(strides.iter().zip(found.strides()));
        assert!(axes.into_iter().all(|(&size, (one, two))| size == 1 || one == two), "{context}");
    }

    let nbytes = dtype.nbytes(layout.room, false).expect("a size");
    let elements = gather(&pattern(dtype, nbytes, 0), dtype.itemsize().unwrap_or(0), &layout);
    assert_eq!((tensor.read(), bytes(&found)), (elements.clone(), elements.clone()), "{context}");
    if is_writable(&layout) && table.write.is_some() {
        let written = pattern(dtype, elements.len(), 0x2a);
        tensor.write(&written);
        assert_eq!(bytes(&found), written, "{context}");
    }

    // Whoever lets go last frees the memory.
    let second = tensor.export::<A>().expect("an export");
    drop(second);
    drop(tensor);
    assert_eq!(freed.get(), 0, "{context}: freed while its export is alive");
    assert_eq!(bytes(&found).len(), elements.len());
    drop(found);
    assert_eq!(freed.get(), 1, "{context}");

    let (tensor, freed) = library.make(dtype, layout).expect("a tensor");
    drop(tensor.export::<A>().expect("an export"));
    assert_eq!((freed.get(), tensor.read()), (0, elements), "{context}: freed with an export");
    drop(tensor);
    assert_eq!(freed.get(), 1, "{context}");
}

fn address(tensor: &Descriptor) -> usize {
    tensor.data().addr() + usize::try_from(tensor.byte_offset()).expect("an offset")
}

#[test]
fn tensors_of_tvm_ffi_are_taken() {
    every_dtype_in_every_layout::<DLManagedTensorVersioned>(&TVM_FFI);
    every_dtype_in_every_layout::<DLManagedTensor>(&TVM_FFI);
}

#[test]
fn tensors_of_torch_are_taken() {
    every_dtype_in_every_layout::<DLManagedTensorVersioned>(&TORCH);
    every_dtype_in_every_layout::<DLManagedTensor>(&TORCH);
}

#[test]
fn tensors_of_arrow_are_taken() {
    every_dtype_in_every_layout::<DLManagedTensorVersioned>(&ARROW);
    every_dtype_in_every_layout::<DLManagedTensor>(&ARROW);
}

#[test]
fn arrays_of_arrow_are_taken() {
    every_dtype_in_every_layout::<DLManagedTensorVersioned>(&ARROW_ARRAYS);
    every_dtype_in_every_layout::<DLManagedTensor>(&ARROW_ARRAYS);
}

/// Writes every element through a view.
fn rewrite<A: Struct, T: Element + PartialEq>(tensor: Managed<A>, theirs: &Tensor, values: [T; 6]) {
    // SAFETY: nobody else accesses the elements while the tensor is exclusive, and all libraries made them writable.
    let mut tensor = unsafe { tensor.assume_writable().assume_exclusive() };
    let mut view = tensor.view_mut::<T>().expect("a view");
    for (at, value) in values.iter().enumerate() {
        view[[at / 3, at % 3]] = *value;
    }
    drop(view);
    assert_eq!(
        theirs.read(),
        values.iter().flat_map(|value| bytes_of(value).to_vec()).collect::<Vec<u8>>()
    );
}

fn bytes_of<T: Element>(value: &T) -> &[u8] {
    // SAFETY: elements are plain data without padding.
    unsafe { core::slice::from_raw_parts(core::ptr::from_ref(value).cast(), size_of::<T>()) }
}

#[test]
fn what_is_written_through_views_is_seen_by_the_library() {
    for library in TENSORS {
        let layout = Layout { strides: &[1, 2], ..PLAIN };
        let (tensor, freed) = library.make(DataType::F32, layout).expect("a tensor");
        rewrite(
            tensor.export::<DLManagedTensorVersioned>().unwrap(),
            &tensor,
            [1.0_f32, -2.0, 3.5, 0.0, 1e9, -0.0],
        );
        rewrite(
            tensor.export::<DLManagedTensor>().unwrap(),
            &tensor,
            [9.0_f32, 8.0, 7.0, 6.0, 5.0, 4.0],
        );
        let (other, freed_too) = library.make(DataType::I64, layout).expect("a tensor");
        rewrite(
            other.export::<DLManagedTensorVersioned>().unwrap(),
            &other,
            [1_i64, -2, i64::MAX, 0, i64::MIN, 7],
        );
        drop((tensor, other));
        assert_eq!((freed.get(), freed_too.get()), (1, 1), "{}", library.name);
    }
}

#[test]
fn a_tensor_returns_to_its_library_in_the_other_abi() {
    for library in TENSORS {
        for layout in layouts(library).into_iter().filter(|layout| !layout.shape.contains(&0)) {
            let (tensor, freed) = library.make(DataType::I32, layout).expect("a tensor");
            let (elements, address) = (tensor.read(), tensor.describe().address());
            let versioned = tensor.export::<DLManagedTensor>().unwrap().into_versioned().unwrap();
            let mut back = vec![library.import(versioned).unwrap()];
            if library.table().import_legacy.is_some() {
                let legacy =
                    tensor.export::<DLManagedTensorVersioned>().unwrap().into_legacy().unwrap();
                back.push(library.import(legacy).unwrap());
            }
            drop(tensor);
            for tensor in back {
                assert_eq!(
                    (tensor.read(), tensor.describe().address()),
                    (elements.clone(), address)
                );
                assert_eq!(freed.get(), 0, "{} {layout:?}", library.name);
            }
            assert_eq!(freed.get(), 1, "{} {layout:?}", library.name);
        }
    }
}
