//! The rows for criterion: absolute numbers, and comparisons with an earlier run.

use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};

fn rows(criterion: &mut Criterion) {
    for row in dlpack_benches::rows::all() {
        let mut group = criterion.benchmark_group(row.name);
        for mut contender in (row.contenders)() {
            group.bench_function(contender.name, |bencher| {
                bencher.iter_custom(|times| {
                    let start = Instant::now();
                    contender.repeat(times);
                    start.elapsed()
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, rows);
criterion_main!(benches);
