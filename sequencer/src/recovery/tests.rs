use super::*;
use crate::store::{Retention, StoreOptions};
use crate::testing::TestChain;
use std::path::Path;

async fn grow(store: &Store, chain: &mut TestChain, blocks: u64, snapshot_every: u64) {
    for _ in 0..blocks {
        let transactions = (0..3).map(|_| chain.transaction(1, 40)).collect();
        let segments = vec![chain.segment(transactions), chain.segment(Vec::new())];
        for segment in &segments {
            store.put_own_segment(segment.clone()).await.unwrap();
        }
        let snapshot = chain.state.height().next().get().is_multiple_of(snapshot_every);
        let block = chain.block(segments, snapshot);
        store.put_decided(block.proposal.clone(), block.certificate.clone()).await.unwrap();
        store.put_finalized(block).await.unwrap();
    }
}

fn open(dir: &Path, chain: &TestChain) -> Store {
    let retention = Retention { keep_blocks: 20, keep_for: std::time::Duration::ZERO };
    let metrics = crate::metrics::Metrics::new("test").store;
    let options = StoreOptions { retention, ..StoreOptions::default() };
    Store::open_with(&dir.join("store"), chain.genesis.network(), &chain.genesis, options, metrics).unwrap()
}

#[tokio::test]
async fn an_empty_store_gives_genesis() {
    let dir = tempfile::tempdir().unwrap();
    let chain = TestChain::new();
    let state = recover(&open(dir.path(), &chain), &chain.genesis).unwrap();
    assert_eq!((state.height(), state.root()), (Height::ZERO, chain.state.root()));
}

#[tokio::test]
async fn blocks_are_replayed_from_genesis_and_from_snapshots() {
    for snapshot_every in [1000, 7, 1] {
        let dir = tempfile::tempdir().unwrap();
        let mut chain = TestChain::new();
        let store = open(dir.path(), &chain);
        for _ in 0..3 {
            grow(&store, &mut chain, 30, snapshot_every).await;
            let state = recover(&store, &chain.genesis).unwrap();
            assert_eq!(state.height(), chain.state.height());
            assert_eq!((state.root(), state.tip()), (chain.state.root(), chain.state.tip()));
            assert_eq!(state.live_count(), chain.state.live_count());
        }
    }
}

#[tokio::test]
async fn a_block_whose_segments_are_missing_ends_the_replay() {
    let dir = tempfile::tempdir().unwrap();
    let mut chain = TestChain::new();
    let store = open(dir.path(), &chain);
    grow(&store, &mut chain, 5, 1000).await;
    // Decided and finalized, but its segments never came to the store.
    let segments = vec![chain.segment(Vec::new())];
    let block = chain.block(segments, false);
    store.put_decided(block.proposal.clone(), block.certificate.clone()).await.unwrap();
    store.put_finalized(block).await.unwrap();
    assert_eq!(recover(&store, &chain.genesis).unwrap().height(), Height::new(5));
}

#[tokio::test]
async fn a_block_that_comes_out_differently_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut chain = TestChain::new();
    let store = open(dir.path(), &chain);
    grow(&store, &mut chain, 5, 1000).await;
    let segment = chain.segment(Vec::new());
    store.put_own_segment(segment.clone()).await.unwrap();
    let mut block = (*chain.block(vec![segment], false)).clone();
    let mut proposal = (*block.proposal).clone();
    proposal.header.state_root = Default::default();
    block.proposal = Arc::new(proposal);
    store.put_finalized(Arc::new(block)).await.unwrap();
    let error = recover(&store, &chain.genesis).unwrap_err();
    assert!(matches!(error, RecoveryError::Diverged { height, .. } if height == Height::new(6)), "{error}");
}

#[tokio::test]
async fn a_damaged_snapshot_is_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let mut chain = TestChain::new();
    let store = open(dir.path(), &chain);
    grow(&store, &mut chain, 10, 5).await;
    let segment = chain.segment(Vec::new());
    store.put_own_segment(segment.clone()).await.unwrap();
    let mut block = (*chain.block(vec![segment], true)).clone();
    block.snapshot.as_mut().unwrap()[50] ^= 1;
    store.put_finalized(Arc::new(block)).await.unwrap();
    let state = recover(&store, &chain.genesis).unwrap();
    assert_eq!((state.height(), state.root()), (Height::new(11), chain.state.root()));
}
