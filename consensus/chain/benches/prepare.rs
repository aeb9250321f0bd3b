//! How much of a core a block takes: four validators, each transaction reaches one of them and the others by
//! segments of 20 ms, 512-byte payloads, two rounds of segments in a block.
//!
//! `prepare` and `commit` are timed apart. Throughput is in transactions.

#![allow(clippy::unwrap_used, reason = "a bench fails by panicking")]

#[path = "../tests/common/mod.rs"]
mod common;

use bytes::Bytes;
use common::{World, at};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use fairlane_chain::{BlockInput, ChainState, ORDERING, prepare};
use fairlane_types::{Leg, RollupId, Segment, Transaction};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

const LANES: usize = 4;
const ROLLUPS: u64 = 16;
const PAYLOAD: usize = 512;
const SEGMENT_MS: u64 = 20;
/// How many events a segment's own transactions come in.
const EVENTS: usize = 10;
const BLOCKS: u64 = 20;

fn transaction(salt: u64) -> Transaction {
    let leg =
        Leg { rollup: RollupId::new(1 + salt % ROLLUPS), payload: Bytes::from(vec![salt as u8; PAYLOAD]) };
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&salt.to_be_bytes());
    Transaction::new(vec![leg], at(60_000), bytes).unwrap()
}

/// The inputs of a run of blocks with so many transactions a second.
fn inputs(rate: u64) -> (World, Vec<BlockInput>) {
    let rollups: Vec<_> = (1..=ROLLUPS).map(|rollup| (rollup, 0)).collect();
    let mut world = World::new(LANES as u8, &rollups);
    let mut state = world.state();
    let share = (rate * SEGMENT_MS / 1000) as usize / LANES / EVENTS;
    let mut salt = 0;
    let mut inputs = Vec::new();
    for round in 1..=2 * BLOCKS {
        let ms = round * SEGMENT_MS;
        for lane in 0..LANES {
            for event in 0..EVENTS {
                let txs: Vec<_> = (0..share).map(|offset| transaction(salt + offset as u64)).collect();
                salt += share as u64;
                world.own(lane, ms - SEGMENT_MS + 2 * event as u64, &txs);
            }
        }
        world.full_round(ms);
        for lane in &mut world.lanes {
            received(&world.genesis, lane.segments.last_mut().unwrap());
        }
        if round.is_multiple_of(2) {
            // The last segments are not referenced yet.
            let input = world.block_to(&state, &[round - 1; LANES]);
            inputs.push(input.clone());
            common::advance(&mut state, input);
        }
    }
    (world, inputs)
}

/// Makes a segment what a receiver has: all its bodies are slices of one buffer.
fn received(genesis: &fairlane_types::Genesis, segment: &mut Arc<Segment>) {
    let bytes = Bytes::from(segment.bytes().to_vec());
    *segment = Arc::new(Segment::decode_trusted(bytes, segment.header().network, &genesis.params).unwrap());
}

/// Runs all blocks; returns the time in `prepare`, the time in `commit`, and how many transactions were ordered.
fn run(world: &World, inputs: &[BlockInput]) -> (Duration, Duration, u64) {
    let mut state: ChainState = world.state();
    let (mut preparing, mut committing, mut ordered) = (Duration::ZERO, Duration::ZERO, 0);
    for input in inputs {
        let input = input.clone();
        let start = Instant::now();
        let prepared = prepare(&state, input).unwrap();
        preparing += start.elapsed();
        ordered += prepared.order.entries.len() as u64;
        let start = Instant::now();
        state.commit(black_box(prepared).delta).unwrap();
        committing += start.elapsed();
    }
    (preparing, committing, ordered)
}

fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group(ORDERING);
    group.sample_size(10);
    for rate in [10_000, 40_000, 80_000] {
        let (world, inputs) = inputs(rate);
        let (.., ordered) = run(&world, &inputs);
        group.throughput(Throughput::Elements(ordered));
        group.bench_function(BenchmarkId::new("prepare", rate), |bencher| {
            bencher.iter_custom(|times| (0..times).map(|_| run(&world, &inputs).0).sum());
        });
        group.bench_function(BenchmarkId::new("commit", rate), |bencher| {
            bencher.iter_custom(|times| (0..times).map(|_| run(&world, &inputs).1).sum());
        });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
