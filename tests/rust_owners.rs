//! The types of Rust's libraries that own memory: elements stay where they are, others stay out, the owner comes back.
#![cfg(feature = "alloc")]

use std::borrow::Cow;
use std::fmt::Debug;
use std::sync::Arc;
use std::thread;

use dlpack::{Access, Error, Exporter, ManagedTensor, ManagedTensorVersioned};

static TABLE: [u32; 4] = [1, 2, 3, 4];

/// Through C and back, as both ABIs.
fn returns<O: Debug + Send + 'static>(owner: O, lend: fn(&mut O) -> &mut [u32]) -> O {
    let raw = Exporter::of_mut(owner, lend).shape(&[2, 2]).into_raw().unwrap();
    // SAFETY: just exported.
    let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }.unwrap();
    assert_eq!((tensor.access(), tensor.strides()), (Access::Writable, &[2, 1][..]));
    let raw = Exporter::of_mut(tensor.downcast::<O>().unwrap(), lend).into_raw_legacy().unwrap();
    // SAFETY: just exported.
    let tensor = unsafe { ManagedTensor::from_raw(raw) }.unwrap();
    // SAFETY: an owner that is not shared.
    unsafe { tensor.data().cast::<u32>().write(9) };
    tensor.downcast::<O>().unwrap()
}

/// The elements can be written, and what was written is in the owner.
#[test]
fn unique_owners() {
    let boxed = Box::new(TABLE);
    let start = boxed.as_ptr();
    let boxed = returns(boxed, |boxed| &mut boxed[..]);
    assert_eq!((boxed.as_ptr(), *boxed), (start, [9, 2, 3, 4]));

    let leaked: &'static mut [u32] = Box::leak(Box::new(TABLE));
    let start = leaked.as_ptr();
    let leaked = returns(leaked, |leaked| leaked);
    assert_eq!((leaked.as_ptr(), &leaked[..]), (start, &[9, 2, 3, 4][..]));
    // SAFETY: leaked above, and not used again.
    drop(unsafe { Box::<[u32; 4]>::from_raw(leaked.as_mut_ptr().cast()) });

    let mut tensor =
        Exporter::of_mut(Box::new([1.5_f64; 3]), |boxed| &mut boxed[..]).build().unwrap();
    tensor.view_mut::<f64>().unwrap().fill(2.5);
    let copy = *tensor.into_inner().downcast::<Box<[f64; 3]>>().unwrap();
    assert_eq!(copy, [2.5; 3]);
}

/// The elements cannot be written, the legacy ABI refuses them, and the owner is unharmed.
fn is_read_only<O>(owner: O, lend: fn(&O) -> &[u32], start: *const u32) -> O
where
    O: Debug + Send + 'static,
{
    let refused = Exporter::of(owner, lend).into_raw_legacy().unwrap_err();
    assert_eq!(refused.error(), Error::ReadOnlyNotExpressible);
    let tensor = Exporter::of(refused.into_inner(), lend).shape(&[4]).build().unwrap();
    assert_eq!((tensor.access(), tensor.flags().is_copied()), (Access::ReadOnly, false));
    assert_eq!(tensor.data().cast_const(), start.cast());
    let seen = thread::scope(|scope| {
        let read = || tensor.as_slice::<u32>().unwrap().to_vec();
        scope.spawn(read).join().unwrap()
    });
    assert_eq!(seen, TABLE);
    tensor.into_inner().downcast::<O>().unwrap()
}

#[test]
fn counted_owners() {
    let vector = Arc::new(TABLE.to_vec());
    let back = is_read_only(Arc::clone(&vector), |vector| vector, vector.as_ptr());
    assert!(Arc::ptr_eq(&back, &vector));

    let boxed = Arc::new(Box::<[u32]>::from(TABLE));
    let back = is_read_only(Arc::clone(&boxed), |boxed| boxed, boxed.as_ptr());
    assert!(Arc::ptr_eq(&back, &boxed));

    let array = Arc::new(TABLE);
    let back = is_read_only(Arc::clone(&array), |array| &array[..], array.as_ptr());
    assert!(Arc::ptr_eq(&back, &array));

    let slice = Arc::<[u32]>::from(TABLE);
    let back = is_read_only(Arc::clone(&slice), |slice| slice, slice.as_ptr());
    assert!(Arc::ptr_eq(&back, &slice));
    drop(back);
    assert_eq!(Arc::strong_count(&slice), 1);
}

/// What lends its slice by `AsMut` or `AsRef` needs no function.
#[test]
fn the_short_constructors() {
    let leaked: &'static mut [u32] = Box::leak(Box::new(TABLE));
    let mut tensor = Exporter::new(leaked).build().unwrap();
    tensor.view_mut::<u32>().unwrap()[[0]] = 9;
    let leaked = tensor.downcast::<&'static mut [u32]>().unwrap();
    assert_eq!(*leaked, [9, 2, 3, 4]);
    // SAFETY: leaked above, and not used again.
    drop(unsafe { Box::<[u32; 4]>::from_raw(leaked.as_mut_ptr().cast()) });

    let tensor = Exporter::shared(Arc::<[u32]>::from(TABLE)).build().unwrap();
    assert_eq!(tensor.as_slice::<u32>(), Ok(&TABLE[..]));
    let tensor = Exporter::shared(Cow::Borrowed(&TABLE[..])).build().unwrap();
    assert_eq!((tensor.access(), tensor.as_slice::<u32>()), (Access::ReadOnly, Ok(&TABLE[..])));
    // A vector can be shared too, and is read-only then.
    let tensor = Exporter::shared(TABLE.to_vec()).build().unwrap();
    assert_eq!((tensor.access(), tensor.as_slice::<u32>()), (Access::ReadOnly, Ok(&TABLE[..])));
}

/// While a tensor is out nobody gets exclusive access; afterwards somebody does.
#[test]
fn a_tensor_counts() {
    let mut vector = Arc::new(TABLE.to_vec());
    let exporter = || Exporter::of(Arc::clone(&vector), |vector| vector.as_slice());
    let first = exporter().build().unwrap();
    let second = exporter().shape(&[2, 2]).build().unwrap();
    assert_eq!((Arc::strong_count(&vector), first.data()), (3, second.data()));
    assert!(Arc::get_mut(&mut vector).is_none());
    drop(first);
    assert!(Arc::get_mut(&mut vector).is_none());
    drop(second);
    Arc::get_mut(&mut vector).unwrap().push(5);
    assert_eq!(vector[4], 5);

    // Also if the tensor is the last.
    let weak = Arc::downgrade(&vector);
    let tensor = Exporter::of(vector, |vector| vector.as_slice()).build().unwrap();
    assert_eq!(tensor.as_slice::<u32>().unwrap(), [1, 2, 3, 4, 5]);
    drop(tensor);
    assert!(weak.upgrade().is_none());
}

/// Whether borrowed or owned is known at run time, so that both are read-only.
#[test]
fn either_borrowed_or_owned() {
    let borrowed = is_read_only(Cow::Borrowed(&TABLE[..]), |cow| cow, TABLE.as_ptr());
    assert!(matches!(borrowed, Cow::Borrowed(_)));
    let vector = TABLE.to_vec();
    let start = vector.as_ptr();
    let owned = is_read_only(Cow::Owned(vector), |cow| cow, start);
    assert!(matches!(&owned, Cow::Owned(vector) if vector.as_ptr() == start));
}

#[test]
fn nothing_in_them() {
    let empty = Arc::new(Vec::<u32>::new());
    assert_eq!(Exporter::of(empty, |empty| empty.as_slice()).build().unwrap().shape(), [0]);
    let empty: &'static mut [u8] = &mut [];
    assert!(Exporter::new(empty).build().unwrap().data().is_null());
    let array = Exporter::of(Arc::new([0_u64; 0]), |array| &array[..]);
    assert_eq!(array.build().unwrap().numel(), 0);
    let boxed = Exporter::of_mut(Box::new([0_u64; 0]), |boxed| &mut boxed[..]);
    assert_eq!(boxed.build_legacy().unwrap().numel(), 0);
    assert_eq!(Exporter::shared(Cow::<'static, [u8]>::default()).build().unwrap().numel(), 0);
}
