//! How many batches a second one core verifies: each with a certificate of its own, many of one block, and a range of
//! history under one certified head. Batches hold ten items of 200 bytes; certificates have three signatures.

#![allow(missing_docs, clippy::unwrap_used, reason = "a bench whose input cannot be made has no result")]

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use fairlane_types::vote::vote_sign_bytes;
use fairlane_types::*;
use fairlane_verify::{BatchChain, TrustedSets, VerifiedHead, Verifier, WireBatch, verify_range};

const ROLLUPS: u64 = 1_000;
const HISTORY: u64 = 1_000;

fn network() -> NetworkId {
    NetworkId::from_bytes([7; 32])
}

fn keys() -> Vec<SigningKey> {
    (1..5).map(|seed| SigningKey::from_seed(&[seed; 32])).collect()
}

fn set() -> ValidatorSet {
    let member = |key: &SigningKey| Validator {
        id: key.validator(),
        power: VotingPower::new(1),
        incarnation: Incarnation::ZERO,
    };
    ValidatorSet::new(keys().iter().map(member).collect()).unwrap()
}

fn sets() -> TrustedSets {
    TrustedSets::starting_at(network(), Height::FIRST, set())
}

fn batch(rollup: u64, index: u64, height: u64, previous_head: RollupHead) -> Batch {
    let item = |tag: u8| BatchItem {
        transaction: TxId::from_bytes([tag; 32]),
        leg_index: 0,
        leg_count: 1,
        payload: Bytes::from(vec![tag; 200]),
    };
    let header = BatchHeader {
        rollup: RollupId::new(rollup),
        index: BatchIndex::new(index),
        height: Height::new(height),
        time: Timestamp::from_nanos(height),
        count: 0,
        tx_root: Hash32::ZERO,
        payload_hash: Hash32::ZERO,
        previous_head,
    };
    Batch::new(header, (0..10).map(item).collect())
}

fn leaf(batch: &Batch) -> HeadLeaf {
    let header = batch.header();
    let (rollup, index, last_height) = (header.rollup, header.index, header.height);
    HeadLeaf { rollup, index, head: header.head(&network()), last_height }
}

fn certified(height: u64, heads: &HeadsTree) -> (BlockHeader, CommitCertificate) {
    let set = set();
    let header = BlockHeader {
        network: network(),
        height: Height::new(height),
        time: Timestamp::from_nanos(height),
        parent: BlockId::ZERO,
        cut_root: Hash32::ZERO,
        heads_root: heads.root(),
        evidence_root: Hash32::ZERO,
        state_root: Hash32::ZERO,
        ordered_count: 0,
        capped: false,
        validators_hash: set.hash(),
        next_validators_hash: set.hash(),
        l1_anchor: L1Anchor::default(),
    };
    let (round, block) = (Round::ZERO, header.id());
    let message = vote_sign_bytes(&network(), VoteKind::Precommit, header.height, round, Some(&block));
    let signatures = keys()
        .iter()
        .take(3)
        .map(|key| CommitSignature { validator: key.validator(), signature: key.sign(&message) })
        .collect();
    let certificate = CommitCertificate { height: header.height, round, block, signatures };
    (header, certificate)
}

/// One block with a batch for each rollup.
fn block() -> Vec<WireBatch> {
    let batches: Vec<Batch> = (0..ROLLUPS).map(|rollup| batch(rollup, 1, 1, RollupHead::ZERO)).collect();
    let heads = HeadsTree::new(batches.iter().map(leaf).collect());
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
    let mut head = RollupHead::ZERO;
    let mut batches = Vec::new();
    for index in 1..=HISTORY {
        let batch = batch(1, index, index, head);
        head = batch.header().head(&network());
        batches.push(batch);
    }
    let heads = HeadsTree::new(batches.last().map(leaf).into_iter().collect());
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
