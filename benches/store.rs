//! What the store costs: `cargo bench --bench store`.
//!
//! Commits end with a data sync, so their figures say as much about the disk under the folder for
//! temporary files (`TMPDIR`) as about the store.

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use poolgate::model::{AttributeId, EntryId, PoolId};
use poolgate::store::{Changes, Key, Options, PoolStore, Prefix, SegmentSync, Space, Store, Term};
use std::hint::black_box;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

const EACH: u64 = 32;
const RECORDS: u64 = 20_000;
const RECORD: usize = 600;

struct Bench {
    pool: PoolStore,
    runtime: Runtime,
    _store: Store,
    _folder: tempfile::TempDir,
}

fn open(options: Options) -> Bench {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path(), options, SegmentSync::install()).expect("a store");
    let runtime = Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
    Bench { pool: store.pool(PoolId::new(1)), runtime, _store: store, _folder: folder }
}

/// Twenty thousand entries of 600 bytes.
fn filled(options: Options) -> Bench {
    let bench = open(options);
    for first in (0..RECORDS).step_by(1000) {
        let mut changes = Changes::new();
        for id in first..first + 1000 {
            changes.put(Key::entry(EntryId::new(id)), vec![7; RECORD]);
        }
        bench.pool.commit_blocking(changes).expect("a commit");
    }
    bench
}

/// One record overwritten.
fn modify(number: u64) -> Changes {
    let mut changes = Changes::new();
    changes.put(Key::entry(EntryId::new(number % 10_000)), vec![7; RECORD]);
    changes
}

/// A new entry: its record, its name, two unique values, ten index terms.
fn add(number: u64) -> Changes {
    let id = EntryId::new(number);
    let mut changes = Changes::new();
    changes.expect_absent(Key::entry(id));
    for attribute in 1..=2 {
        let unique = Key::unique(AttributeId::new(attribute), &number.to_be_bytes());
        changes.expect_absent(unique.clone());
        changes.put(unique, number.to_be_bytes().to_vec());
    }
    for attribute in 1..=10 {
        let term = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
        changes.put(Key::index(AttributeId::new(attribute), Term::Equality, &term, id), Vec::new());
    }
    changes.put(Key::child(EntryId::new(0), &number.to_be_bytes()), number.to_be_bytes().to_vec());
    changes.put(Key::entry(id), vec![7; RECORD]);
    changes
}

fn commits(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("durable commits");
    group.sample_size(20);
    for (name, changes) in [("modify", modify as fn(u64) -> Changes), ("add of 14 rows", add)] {
        for writers in [1, 16, 64_u64] {
            let bench = open(Options::default());
            let mut next = 0;
            group.throughput(Throughput::Elements(writers * EACH));
            group.bench_function(BenchmarkId::new(name, writers), |bencher| {
                bencher.iter(|| {
                    let first = next;
                    next += writers * EACH;
                    bench.runtime.block_on(write(&bench.pool, changes, first, writers));
                });
            });
        }
    }
}

async fn write(pool: &PoolStore, changes: fn(u64) -> Changes, first: u64, writers: u64) {
    let mut tasks = JoinSet::new();
    for writer in 0..writers {
        let pool = pool.clone();
        tasks.spawn(async move {
            for number in 0..EACH {
                pool.commit(changes(first + writer * EACH + number)).await.expect("a commit");
            }
        });
    }
    tasks.join_all().await;
}

fn reads(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("reads");
    for (name, hot_cache, records) in [("hot get", 16 << 20, 1000), ("get past the cache", 0, RECORDS)] {
        let bench = filled(Options { hot_cache, ..Options::default() });
        let mut number = 1_u64;
        group.throughput(Throughput::Elements(1));
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || {
                    number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    Key::entry(EntryId::new((number >> 33) % records))
                },
                |key| black_box(bench.pool.get(&key).expect("a read")).expect("a record"),
                BatchSize::SmallInput,
            );
        });
    }
    let bench = filled(Options::default());
    group.throughput(Throughput::Elements(1000));
    group.bench_function("scan of 1000", |bencher| {
        bencher
            .iter(|| bench.pool.scan(&Prefix::space(Space::Entry), None).take(1000).for_each(|row| drop(black_box(row.expect("a row")))));
    });
}

criterion_group!(benches, commits, reads);
criterion_main!(benches);
