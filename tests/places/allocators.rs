//! Headers in the memory of a caller's allocator.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use dlpack::sys::{DLManagedTensor, DLManagedTensorVersioned};
use dlpack::{Device, Error, Exporter};
use harness::abi::Abi;
use harness::export;
use harness::owners::Counted;

use crate::diary::{Diary, Event, Exacting};
use crate::end::{End, delete};

/// The one layout that was asked for, after which came nothing but `expected`.
#[track_caller]
fn assert_events(diary: &Diary, expected: impl Fn(std::alloc::Layout) -> Vec<Event>) {
    let events = diary.read();
    let Some(&Event::Asked(layout)) = events.first() else { panic!("{events:?}") };
    assert_eq!(events[1..], expected(layout));
}

/// The owner goes first, then its header, then the handle of the allocator that both were in.
#[test]
fn a_header_goes_back_after_its_owner() {
    fn each<A: Abi>() {
        for (end, ndim) in
            End::ALL.into_iter().flat_map(|end| [0, 1, 2, 8, 9, 64].map(|n| (end, n)))
        {
            let diary = Diary::default();
            let shape = vec![1; ndim];
            let exporter = Exporter::new(diary.owner(&[1, 2, 3])).shape(&shape);
            let raw = export!(A, exporter.header_in(diary.allocator())).unwrap();
            // SAFETY: the tensor is alive.
            let fields = unsafe { &*A::tensor(raw) };
            assert_eq!(usize::try_from(fields.ndim), Ok(ndim));
            // SAFETY: just exported.
            unsafe { end.of(raw) };
            assert_events(&diary, |layout| {
                let largest = Exporter::<Counted<u32>, _, Exacting>::header_layout(ndim);
                assert!(layout.size() <= largest.size() && layout.align() <= largest.align());
                vec![Event::OwnerDropped, Event::HeaderBack(layout), Event::HandleDropped]
            });
        }
    }
    each::<DLManagedTensorVersioned>();
    each::<DLManagedTensor>();
}

/// `header_layout` is not only enough, it is what the current ABI takes.
#[test]
fn a_header_has_the_announced_layout() {
    for ndim in [0, 1, 2, 3, 8, 9, 63, 64] {
        let diary = Diary::default();
        let shape = vec![1; ndim];
        let exporter = Exporter::new(diary.owner(&[1])).shape(&shape);
        let raw = exporter.header_in(diary.allocator()).into_raw().unwrap();
        // SAFETY: just exported.
        unsafe { delete(raw) };
        assert_eq!(
            diary.read()[0],
            Event::Asked(Exporter::<Counted<u32>, _, Exacting>::header_layout(ndim))
        );
    }
    let most = Exporter::<Counted<u32>, _, Exacting>::header_layout(64);
    assert_eq!(Exporter::<Counted<u32>, _, Exacting>::header_layout(65), most);
    assert_eq!(Exporter::<Counted<u32>, _, Exacting>::header_layout(usize::MAX), most);
}

#[test]
fn a_downcast_gives_the_header_back() {
    fn each<A: Abi>() {
        let diary = Diary::default();
        let exporter = Exporter::new(diary.owner(&[1, 2, 3])).header_in(diary.allocator());
        let raw = export!(A, exporter).unwrap();
        // SAFETY: just exported.
        let tensor = unsafe { A::import(raw) }.downcast::<Vec<u32>>().unwrap_err();
        let owner = tensor.downcast::<Counted<u32>>().unwrap();
        assert_events(&diary, |layout| vec![Event::HeaderBack(layout), Event::HandleDropped]);
        assert_eq!(owner.elements, [1, 2, 3]);
        drop(owner);
        assert_eq!(diary.read(), [Event::OwnerDropped]);
    }
    each::<DLManagedTensorVersioned>();
    each::<DLManagedTensor>();
}

/// The handle of an allocator that cannot be dropped in peace.
#[cfg(feature = "alloc")]
#[test]
fn a_handle_that_panics_when_it_is_dropped() {
    struct Loud(Diary);

    // SAFETY: all memory is that of `Global`.
    unsafe impl dlpack::allocator::Allocator for Loud {
        fn allocate(&self, layout: std::alloc::Layout) -> Option<std::ptr::NonNull<u8>> {
            dlpack::allocator::Global.allocate(layout)
        }

        unsafe fn deallocate(&self, block: std::ptr::NonNull<u8>, layout: std::alloc::Layout) {
            self.0.note(Event::HeaderBack(layout));
            // SAFETY: the caller's promise.
            unsafe { dlpack::allocator::Global.deallocate(block, layout) }
        }
    }

    impl Drop for Loud {
        fn drop(&mut self) {
            self.0.note(Event::HandleDropped);
            panic!("the handle panics");
        }
    }

    fn each<A: Abi>() {
        let diary = Diary::default();
        let exporter = Exporter::new(diary.owner(&[1, 2])).header_in(Loud(diary.clone()));
        let raw = export!(A, exporter).unwrap();
        // SAFETY: just exported.
        let tensor = unsafe { A::import(raw) };
        let downcast = std::panic::AssertUnwindSafe(|| tensor.downcast::<Counted<u32>>().map(drop));
        assert!(std::panic::catch_unwind(downcast).is_err());
        let events = diary.read();
        let [Event::HeaderBack(_), Event::HandleDropped, Event::OwnerDropped] = events[..] else {
            panic!("each goes once: {events:?}");
        };
    }
    each::<DLManagedTensorVersioned>();
    each::<DLManagedTensor>();

    // Another allocator takes its place before there is a header.
    let diary = Diary::default();
    let exporter = Exporter::new(diary.owner(&[1, 2])).header_in(Loud(diary.clone()));
    let other = AssertUnwindSafe(|| drop(exporter.header_in(dlpack::allocator::Global)));
    assert!(catch_unwind(other).is_err());
    assert_eq!(diary.read(), [Event::HandleDropped, Event::OwnerDropped]);
}

/// The kind of a header is known by its types, not by where it was compiled: this one is made within the crate.
#[cfg(feature = "alloc")]
#[test]
fn a_downcast_of_what_another_crate_instantiated() {
    use dlpack::DataType;
    use dlpack::negotiate::{Producer, Stream};

    let padded = Exporter::new(vec![1_u8, 2, 3]).dtype(DataType::U4).padded().build().unwrap();
    let packed = std::sync::Arc::new(padded.freeze()).copy_to(Device::CPU, Stream::NONE).unwrap();
    let bytes = packed.into_owner::<Vec<u8>>().unwrap();
    assert_eq!(bytes[..2], [0x21, 0x03]);
    let here = Exporter::new(bytes).build().unwrap().into_inner();
    assert_eq!(here.downcast::<Vec<u8>>().unwrap()[..2], [0x21, 0x03]);
}

#[test]
fn a_refused_export_keeps_the_owner() {
    fn each<A: Abi>() {
        let diary = Diary::default();
        let exporter = Exporter::new(diary.owner(&[1, 2, 3])).shape(&[2, 2]);
        let refused = export!(A, exporter.header_in(diary.allocator())).unwrap_err();
        assert!(matches!(refused.error(), Error::OutOfBounds { available: 12, .. }));
        let owner = refused.into_inner();
        assert_events(&diary, |layout| vec![Event::HeaderBack(layout), Event::HandleDropped]);

        let exporter = Exporter::new(owner).header_in(diary.empty_allocator());
        let refused = export!(A, exporter).unwrap_err();
        assert_eq!(refused.error(), Error::AllocationFailed);
        let owner = refused.into_inner();
        assert_events(&diary, |_| vec![Event::HandleDropped]);
        assert_eq!(owner.elements, [1, 2, 3]);

        let exporter = Exporter::new(owner).shape(&[1; 65]).header_in(diary.allocator());
        let refused = export!(A, exporter).unwrap_err();
        assert_eq!(refused.error(), Error::TooManyAxes { ndim: 65, max: 64 });
        assert_eq!(diary.read(), [Event::HandleDropped], "not even asked");
        drop(refused);
        assert_eq!(diary.read(), [Event::OwnerDropped]);
    }
    each::<DLManagedTensorVersioned>();
    each::<DLManagedTensor>();
}

/// The owner is dropped where it is if the function that lends panics, and then its header goes back.
#[test]
fn a_function_that_panics_gives_the_header_back() {
    fn fails(_: &mut Counted<u32>) -> &mut [u32] {
        resume_unwind(Box::new("no memory today"))
    }

    fn each<A: Abi>() {
        let diary = Diary::default();
        let exporter = Exporter::of_mut(diary.owner(&[1, 2, 3]), fails);
        let exporter = exporter.header_in(diary.allocator());
        let panicked = catch_unwind(AssertUnwindSafe(|| export!(A, exporter).map(drop).is_ok()));
        assert_eq!(panicked.unwrap_err().downcast_ref(), Some(&"no memory today"));
        assert_events(&diary, |layout| {
            vec![Event::OwnerDropped, Event::HeaderBack(layout), Event::HandleDropped]
        });
    }
    each::<DLManagedTensorVersioned>();
    each::<DLManagedTensor>();
}

/// A place that is replaced before the export is dropped without having been asked.
#[test]
fn the_last_place_counts() {
    let (first, second) = (Diary::default(), Diary::default());
    let exporter = Exporter::new([1_u32]).header_in(first.allocator());
    let tensor = exporter.header_in(second.allocator()).build().unwrap();
    assert_eq!(first.read(), [Event::HandleDropped]);
    drop(tensor);
    assert_eq!(second.read().len(), 3);
}

/// Memory of which the owner says nothing.
#[test]
fn raw_parts() {
    fn each<A: Abi>() {
        for end in End::ALL {
            let diary = Diary::default();
            let mut owner = diary.owner(&[1, 2, 3, 4]);
            let data = owner.elements.as_mut_ptr();
            // SAFETY: the vector's buffer stays where it is until the owner is dropped, and nobody else uses it.
            let exporter = unsafe { Exporter::from_raw_parts(owner, data.cast(), 16, Device::CPU) };
            let raw = export!(A, exporter.header_in(diary.allocator())).unwrap();
            // SAFETY: the tensor is alive.
            assert_eq!(unsafe { &*A::tensor(raw) }.data, data.cast());
            // SAFETY: just exported.
            unsafe { end.of(raw) };
            assert_events(&diary, |layout| {
                vec![Event::OwnerDropped, Event::HeaderBack(layout), Event::HandleDropped]
            });
        }
    }
    each::<DLManagedTensorVersioned>();
    each::<DLManagedTensor>();
}

/// Elements in the owner itself, which asks for an alignment of its own.
macro_rules! aligned {
    ($name:ident, $align:literal) => {
        #[repr(align($align))]
        struct $name([u8; 3]);

        impl AsMut<[u8]> for $name {
            fn as_mut(&mut self) -> &mut [u8] {
                &mut self.0
            }
        }
    };
}

aligned!(By1, 1);
aligned!(By2, 2);
aligned!(By16, 16);
aligned!(By64, 64);
aligned!(By4096, 4096);

#[test]
fn owners_are_aligned_and_so_are_shape_and_struct() {
    fn each<A: Abi, O: AsMut<[u8]> + Send + 'static>(owner: O) {
        let diary = Diary::default();
        let exporter = Exporter::new(owner).shape(&[1, 2]).header_in(diary.allocator());
        let raw = export!(A, exporter).unwrap();
        assert!(raw.is_aligned());
        // SAFETY: the tensor is alive.
        let fields = unsafe { &*A::tensor(raw) };
        assert_eq!(fields.data.addr() % align_of::<O>(), 0);
        assert!(fields.shape.is_aligned() && fields.strides.is_aligned());
        // SAFETY: three elements, of which two are in the tensor.
        assert_eq!(unsafe { fields.data.cast::<[u8; 2]>().read() }, [7, 8]);
        // SAFETY: just exported.
        unsafe { delete(raw) };
        assert_events(&diary, |layout| {
            assert!(layout.align() >= align_of::<O>());
            vec![Event::HeaderBack(layout), Event::HandleDropped]
        });
    }
    fn both<O: AsMut<[u8]> + Send + 'static>(make: impl Fn([u8; 3]) -> O) {
        each::<DLManagedTensorVersioned, _>(make([7, 8, 9]));
        each::<DLManagedTensor, _>(make([7, 8, 9]));
    }
    both(By1);
    both(By2);
    both(By16);
    both(By64);
    both(By4096);
}

/// Memory that others may read goes anywhere too, and stays read-only.
#[test]
fn shared_owners() {
    struct Table(&'static [u16]);
    impl AsRef<[u16]> for Table {
        fn as_ref(&self) -> &[u16] {
            self.0
        }
    }
    static NUMBERS: [u16; 3] = [1, 2, 3];
    let diary = Diary::default();
    let exporter = Exporter::shared(Table(&NUMBERS)).header_in(diary.allocator());
    let tensor = exporter.build().unwrap();
    assert!(tensor.flags().is_read_only());
    assert_eq!(tensor.as_slice::<u16>().unwrap(), NUMBERS);
    drop(tensor);
    assert_eq!(diary.read().len(), 3);
    let exporter = Exporter::shared(Table(&NUMBERS)).header_in(diary.allocator());
    assert_eq!(exporter.into_raw_legacy().unwrap_err().error(), Error::ReadOnlyNotExpressible);
    assert_eq!(diary.read(), [Event::HandleDropped]);
}
