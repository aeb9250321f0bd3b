//! How many batches a second one core verifies: each with a certificate of its own, many of one block, and a range of
//! history under one certified head. Batches hold ten items of 200 bytes; certificates have three signatures.

#![allow(missing_docs, clippy::unwrap_used, reason = "a bench whose input cannot be made has no result")]

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use fairlane_types::testing::{certify, extend, header, keys, set_of};
use fairlane_types::*;
use fairlane_verify::{BatchChain, TrustedSets, VerifiedHead, Verifier, WireBatch, verify_range};

const ROLLUPS: u64 = 1_000;
const HISTORY: u64 = 1_000;

fn network() -> NetworkId {
    NetworkId::from_bytes([7; 32])
}

fn sets() -> TrustedSets {
    TrustedSets::starting_at(network(), Height::FIRST, set_of(&keys(1..5), 1))
}

/// The next batch of a rollup, of ten items.
fn batch(leaf: &mut HeadLeaf, height: u64) -> Batch {
    let item = |tag: u8| BatchItem {
        transaction: TxId::from_bytes([tag; 32]),
        leg_index: 0,
        leg_count: 1,
        payload: Bytes::from(vec![tag; 200]),
    };
    extend(leaf, network(), Height::new(height), (0..10).map(item).collect())
}

fn certified(height: u64, heads: &HeadsTree) -> (BlockHeader, CommitCertificate) {
    let keys = keys(1..5);
    let header = header(network(), Height::new(height), &set_of(&keys, 1), heads.root());
    let certificate = certify(&header, Round::ZERO, &keys[..3]);
    (header, certificate)
}

/// One block with a batch for each rollup.
fn block() -> Vec<WireBatch> {
    let mut leaves: Vec<_> = (0..ROLLUPS).map(|rollup| HeadLeaf::empty(RollupId::new(rollup))).collect();
    let batches: Vec<Batch> = leaves.iter_mut().map(|leaf| batch(leaf, 1)).collect();
    let heads = HeadsTree::new(leaves);
    let (header, certificate) = certified(1, &heads);
    let wire = |batch: &Batch| WireBatch {
        header: header.clone(),
        certificate: certificate.clone(),
        path: heads.path(batch.header().rollup).unwrap(),
        batch: *batch.header(),
        body: batch.body().clone(),
    };
    batches.iter().map(wire).collect()
}

/// One rollup's history, and the certified head at its end.
fn history() -> (VerifiedHead, Vec<(BatchHeader, Bytes)>) {
    let mut leaf = HeadLeaf::empty(RollupId::new(1));
    let batches: Vec<Batch> = (1..=HISTORY).map(|height| batch(&mut leaf, height)).collect();
    let heads = HeadsTree::new(vec![leaf]);
    let (header, certificate) = certified(HISTORY, &heads);
    let verified = sets().verify_header(header, certificate).unwrap();
    let end = verified.head(&heads.path(RollupId::new(1)).unwrap()).unwrap();
    (end, batches.iter().map(|batch| (*batch.header(), batch.body().clone())).collect())
}

fn batches(c: &mut Criterion) {
    let mut group = c.benchmark_group("batches");
    let (wires, sets) = (block(), sets());
    group.throughput(Throughput::Elements(1));
    group.bench_function("own certificate", |b| {
        b.iter_batched(|| wires[0].clone(), |wire| wire.verify(&sets).unwrap(), BatchSize::SmallInput)
    });
    group.throughput(Throughput::Elements(ROLLUPS));
    group.bench_function("one block for 1000 rollups", |b| {
        let verify = |wires: Vec<WireBatch>| {
            let mut verifier = Verifier::new(sets.clone());
            wires.into_iter().for_each(|wire| drop(verifier.batch(wire).unwrap()));
        };
        b.iter_batched(|| wires.clone(), verify, BatchSize::LargeInput)
    });
    let (end, parts) = history();
    group.throughput(Throughput::Elements(HISTORY));
    group.bench_function("range of 1000", |b| {
        let start = BatchChain::start(RollupId::new(1));
        let verify = |parts| verify_range(&end, &start, parts).unwrap();
        b.iter_batched(|| parts.clone(), verify, BatchSize::LargeInput)
    });
    group.finish();
}

criterion_group!(benches, batches);
criterion_main!(benches);
