//! Throughput of the engine in transactions a second of CPU time on one core, appending included.
//!
//! `cargo bench -p fairlane-ordering -- broadcast/n4` runs a part; names are
//! `workload/n<lanes>/groups<groups>/<honest or reversed>`.

mod cpu;
mod workload;

use cpu::CpuTime;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use fairlane_ordering::{Emitted, Engine, OrderingParams};
use fairlane_types::{Hash32, TxId, VotingPower};
use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};
use std::time::Duration;
use workload::{Pattern, Traffic};

/// Takes eight bytes of an id, which is a hash already.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.first_chunk::<8>().map_or(0, |chunk| u64::from_le_bytes(*chunk));
    }
}

/// The caller's replay window.
#[derive(Default)]
struct Window(HashSet<TxId, BuildHasherDefault<IdHasher>>);

impl Emitted for Window {
    fn contains(&self, id: &TxId) -> bool {
        self.0.contains(id)
    }
}

/// Makes the traffic of one workload.
type Generator = fn(Pattern) -> Traffic;

fn replay(engine: &mut Engine, traffic: &Traffic) -> usize {
    let mut window = Window::default();
    let mut count = 0;
    for appends in &traffic.heights {
        let ordered = engine.step(appends, &window, &Hash32::ZERO);
        count += ordered.txs().count();
        window.0.extend(ordered.txs().map(|tx| tx.id));
    }
    count
}

fn workloads(criterion: &mut Criterion<CpuTime>) {
    let kinds: [(&str, Generator); 2] = [("broadcast", workload::broadcast), ("ingress", workload::ingress)];
    for (kind, generate) in kinds {
        for lanes in [4, 10, 32, 100] {
            let mut group = criterion.benchmark_group(format!("{kind}/n{lanes}"));
            for groups in [16, 1] {
                for (report, reversed) in [("honest", 0), ("reversed", (lanes - 1) / 3)] {
                    let seconds = if lanes < 32 { 1.0 } else { 0.5 };
                    let pattern = Pattern { lanes, groups, reversed, seconds };
                    // Generated when first needed, as a filter may leave this one out.
                    let traffic = std::cell::OnceCell::new();
                    let count = (workload::RATE * seconds) as u64;
                    group.throughput(Throughput::Elements(count));
                    group.bench_function(format!("groups{groups}/{report}"), |bencher| {
                        let traffic = traffic.get_or_init(|| generate(pattern));
                        bencher.iter_batched_ref(
                            || engine(lanes),
                            |engine| assert_eq!(replay(engine, traffic), traffic.transactions),
                            BatchSize::PerIteration,
                        );
                    });
                }
            }
            group.finish();
        }
    }
}

fn engine(lanes: usize) -> Engine {
    let params = OrderingParams { group_cap: 1_000_000, expiry_bound: u64::MAX };
    Engine::new(&vec![VotingPower::new(1); lanes], params).expect("unit powers have thresholds")
}

fn config() -> Criterion<CpuTime> {
    Criterion::default()
        .with_measurement(CpuTime)
        .sample_size(10)
        .warm_up_time(Duration::from_millis(1))
        .measurement_time(Duration::from_secs(1))
}

criterion_group! { name = benches; config = config(); targets = workloads }
criterion_main!(benches);
