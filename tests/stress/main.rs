//! Threads that export, share, lend and delete at the same time, while allocators fail.
//!
//! Every owner must be dropped exactly once, and every header given back exactly once. What else may leak or race is for the
//! sanitizers to see. The consumers are C's.
#![cfg(feature = "alloc")]

mod ledger;
mod places;
mod workers;

use std::sync::{Arc, LazyLock, mpsc};
use std::thread;

use dlpack::allocator::Pool;
use harness::alloc::CountingAllocator;
use harness::owners::Counted;

use ledger::Ledger;
use workers::{Goods, consume, produce};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// As many as property tests have cases, which are fewer where the machine is watched and slow.
fn rounds() -> usize {
    static CASES: LazyLock<usize> = LazyLock::new(|| {
        let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
        cases.unwrap_or(256)
    });
    *CASES * 32
}

/// Producers make tensors of every kind, and consumers on other threads end them in every way.
#[test]
fn threads_times_exports_times_deleters() {
    const PRODUCERS: usize = 4;
    const CONSUMERS: usize = 3;
    let (ledger, pool) = (Ledger::new(), Arc::new(Pool::new::<Counted<u32>>(10, 2).unwrap()));
    let exported: usize = thread::scope(|scope| {
        let (senders, receivers): (Vec<_>, Vec<_>) =
            (0..CONSUMERS).map(|_| mpsc::sync_channel::<Goods>(16)).unzip();
        for (number, receiver) in receivers.into_iter().enumerate() {
            scope.spawn(move || consume(number, &receiver));
        }
        let produce = |number: usize| {
            let (senders, ledger, pool) = (senders.clone(), &ledger, &pool);
            scope.spawn(move || produce(number, rounds(), &senders, ledger, pool))
        };
        let producers: Vec<_> = (0..PRODUCERS).map(produce).collect();
        producers.into_iter().map(|producer| producer.join().unwrap()).sum()
    });
    assert!(exported > PRODUCERS * rounds() / 2, "most exports succeed: {exported}");
    assert_eq!((pool.in_use(), Arc::strong_count(&pool)), (0, 1));
    ledger.settle();
}
