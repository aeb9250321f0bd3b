//! The proven rollup's driver against the suite that any driver has to pass.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use fairlane_adapter::zk::ZkDriver;
use fairlane_adapter::{RollupDriver as _, conformance};
use fairlane_prover::ProofKey;
use fairlane_types::{
    Batch, BatchHeader, BatchIndex, BatchItem, Hash32, Height, NetworkId, RollupId, Timestamp, TxId,
};
use fairlane_zk_rollup::{Context, Deposit, Destination, Rollup, SecretKey, Shape, Transfer};
use redb::Database;
use std::path::Path;
use std::sync::Arc;

const CONTEXT: Context = Context { network: NetworkId::from_bytes([7; 32]), rollup: RollupId::new(42) };

fn key(account: u16) -> SecretKey {
    SecretKey::from_seed(&account.to_be_bytes())
}

fn transfer(from: u16, to: Destination, amount: u64, nonce: u32) -> Vec<u8> {
    Transfer { from, to, amount, nonce }.sign(&CONTEXT, &key(from)).to_vec()
}

/// Five batches: nothing, transfers, one that is too large for one proof, a withdrawal, and noise.
fn batches() -> Vec<(Batch, Vec<Deposit>)> {
    let opening = |account: u16, amount| Deposit { account, key: key(account).public(), amount };
    let out = Destination::Ethereum([9; 20]);
    let content = [
        (vec![b"hello".to_vec()], vec![]),
        (
            vec![transfer(0, Destination::Account(1), 30, 0), transfer(0, Destination::Account(1), 999, 1)],
            vec![opening(0, 100), opening(1, 5)],
        ),
        (vec![transfer(1, out, 35, 0), vec![0xee; 900], transfer(0, out, 1, 1)], vec![opening(0, 7)]),
        (vec![transfer(0, out, 70, 2)], vec![]),
        (vec![vec![]; 5], vec![]),
    ];
    let mut rollup = Rollup::new(CONTEXT, Shape::SMALL);
    let mut batches = Vec::new();
    for (index, (payloads, deposits)) in (1..).zip(content) {
        let item = |(place, payload): (u8, Vec<u8>)| BatchItem {
            transaction: TxId::from_bytes([place; 32]),
            leg_index: 0,
            leg_count: 1,
            payload: payload.into(),
        };
        let header = BatchHeader {
            rollup: CONTEXT.rollup,
            index: BatchIndex::new(index),
            height: Height::new(10 * index),
            time: Timestamp::from_nanos(1_000 * index),
            count: 0,
            tx_root: Default::default(),
            payload_hash: Default::default(),
            previous_head: rollup.head(),
        };
        let batch = Batch::new(header, (1..).zip(payloads).map(item).collect());
        rollup.apply(&batch, &deposits).unwrap();
        batches.push((batch, deposits));
    }
    batches
}

fn open(
    path: &Path,
    context: Context,
) -> Result<(ZkDriver, Arc<Database>), fairlane_adapter::zk::StoreError> {
    let database = Arc::new(Database::create(path).unwrap());
    let key = ProofKey { system: "test".to_owned(), vk: Hash32::ZERO };
    Ok((ZkDriver::open(database.clone(), context, Shape::SMALL, key)?, database))
}

#[tokio::test]
async fn the_proven_rollups_driver_keeps_every_promise() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rollup.redb");
    let opened = async || open(&path, CONTEXT).unwrap().0;
    conformance::check(opened, &batches()).await.unwrap();
}

#[tokio::test]
async fn withdrawals_are_shown_once_they_are_settled_and_a_store_belongs_to_one_rollup() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rollup.redb");
    let (mut driver, database) = open(&path, CONTEXT).unwrap();
    let mut jobs = Vec::new();
    for (batch, input) in batches() {
        jobs.push(driver.apply(&batch, &input).await.unwrap().jobs.len());
    }
    assert_eq!(jobs, [1, 1, 3, 1, 2]);
    assert_eq!(driver.transitions(BatchIndex::new(3)).len(), 3);
    assert!(ZkDriver::withdrawals(&database, 10).unwrap().is_empty());
    driver.settle(BatchIndex::new(4)).await.unwrap();
    let shown = ZkDriver::withdrawals(&database, 10).unwrap();
    let shown: Vec<_> = shown.iter().map(|shown| (shown.index, shown.place, shown.amount)).collect();
    assert_eq!(shown, [(4, 0, 70), (3, 2, 1), (3, 0, 35)], "newest first");
    assert_eq!(ZkDriver::withdrawals(&database, 1).unwrap().len(), 1);
    drop((driver, database));

    let (driver, database) = open(&path, CONTEXT).unwrap();
    assert_eq!(driver.heads().settled.index, BatchIndex::new(4));
    drop((driver, database));
    let other = Context { rollup: RollupId::new(43), ..CONTEXT };
    assert!(open(&path, other).is_err());
}
