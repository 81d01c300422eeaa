//! The counting allocator.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use harness::alloc::{allocations, count, deallocations, fail_nth};

#[test]
fn counts_what_one_thread_does() {
    let ((), none) = count(|| ());
    assert_eq!(none, 0);

    let (boxed, one) = count(|| black_box(Box::new(7_u64)));
    assert_eq!(one, 1);

    let before = deallocations();
    drop(boxed);
    assert_eq!(deallocations() - before, 1);

    let (_, grown) = count(|| {
        let mut grown: Vec<u8> = Vec::with_capacity(16);
        grown.reserve_exact(black_box(4096));
        black_box(grown)
    });
    assert_eq!(grown, 2, "one allocation and one reallocation");
}

#[test]
fn other_threads_do_not_count() {
    let before = allocations();
    let worker = thread::spawn(|| count(|| black_box(vec![vec![0_u8; 9]; 99])).1);
    let of_worker = worker.join().expect("the worker does not panic");
    assert_eq!(of_worker, 100);
    assert!(allocations() - before < 100, "only what it takes to start a thread");
}

#[test]
fn fails_the_allocation_it_is_told_to() {
    let try_it = || Vec::<u8>::new().try_reserve_exact(black_box(64)).is_ok();

    let failure = fail_nth(2);
    let answers = [try_it(), try_it(), try_it()];
    assert!(failure.happened());
    drop(failure);
    assert_eq!(answers, [true, false, true]);

    drop(fail_nth(1));
    assert!(try_it(), "called off");
}

#[test]
fn other_threads_do_not_fail() {
    let armed = AtomicBool::new(false);
    let (worked, happened) = thread::scope(|scope| {
        let worker = scope.spawn(|| {
            while !armed.load(Ordering::Acquire) {
                thread::yield_now();
            }
            Vec::<u8>::new().try_reserve_exact(black_box(64)).is_ok()
        });
        let failure = fail_nth(1);
        armed.store(true, Ordering::Release);
        while !worker.is_finished() {
            thread::yield_now();
        }
        let happened = failure.happened();
        drop(failure);
        (worker.join().expect("the worker does not panic"), happened)
    });
    assert!(worked);
    assert!(!happened, "this thread asked for nothing");
}
