//! What each pruning policy keeps and answers, and what files of an earlier format become.

use super::tables::{FORMAT, HANDOVERS, META, META_FORMAT};
use super::*;
use crate::config::Pruning;
use crate::testing::TestChain;
use fairlane_types::{BatchIndex, RollupId};
use std::path::Path;
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(60);
const HOUR: u64 = 3600;

fn open(path: &Path, chain: &TestChain, policy: Pruning) -> Store {
    let metrics = crate::metrics::Metrics::new("test").store;
    let options = StoreOptions { retention: policy.into(), ..StoreOptions::default() };
    Store::open_with(path, chain.genesis.network(), &chain.genesis, options, metrics).unwrap()
}

/// One block for all stores, with a batch of rollup 1.
async fn grow(chain: &mut TestChain, stores: &[Store]) {
    let transactions = vec![chain.transaction(1, 20)];
    let segment = chain.segment(transactions);
    let snapshot = chain.state.height().next().get().is_multiple_of(50);
    let block = chain.block(vec![segment.clone()], snapshot);
    for store in stores {
        store.put_segments(vec![segment.clone()]).await.unwrap();
    }
    let put = stores.iter().map(|store| store.put_finalized(block.clone()));
    futures::future::try_join_all(put).await.unwrap();
}

#[tokio::test]
async fn each_policy_keeps_what_it_says_and_answers_for_that() {
    let dir = tempfile::tempdir().unwrap();
    let mut chain = TestChain::new();
    let policies = [Pruning::Archive, Pruning::Default, Pruning::Minimal];
    let stores: Vec<Store> = (0..)
        .zip(policies)
        .map(|(number, policy)| open(&dir.path().join(format!("{number}.redb")), &chain, policy))
        .collect();
    // Fifty blocks of more than a week ago, fifty of two hours ago, and more than a thousand since.
    for (blocks, then) in [(50, 8 * 24 * HOUR), (50, 2 * HOUR), (1_100, 0)] {
        for _ in 0..blocks {
            grow(&mut chain, &stores).await;
        }
        chain.wait(Duration::from_secs(then));
    }
    let wanted = [1, 51, 101].map(Height::new);
    let deadline = Instant::now() + DEADLINE;
    while stores.iter().zip(wanted).any(|(store, first)| store.min_height() < first) {
        assert!(Instant::now() < deadline, "{stores:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
        grow(&mut chain, &stores).await;
    }
    for (store, first) in stores.iter().zip(wanted) {
        store.settle().await.unwrap();
        assert_eq!(store.min_height(), first, "{store:?}");
        assert!(store.certified_header(first).unwrap().is_some());
        assert!(store.decisions(Height::ZERO..=first.saturating_sub(1)).unwrap().is_empty());
        let kept = store.rollup_bounds(RollupId::new(1)).unwrap().unwrap().0;
        let batch = &store.batches_from(RollupId::new(1), kept, 1, usize::MAX).unwrap()[0];
        assert!(batch.header.height >= first && kept.get() + 10 > first.get(), "batch {kept}");
        assert!(crate::snapshot::of_running(store, &chain.genesis).is_ok(), "{store:?}");
        assert_eq!(crate::recovery::recover(store, &chain.genesis).unwrap().root(), chain.state.root());
    }
    assert_eq!(stores[0].rollup_bounds(RollupId::new(1)).unwrap().unwrap().0, BatchIndex::new(1));
}

#[tokio::test]
async fn a_file_of_the_format_before_learns_who_handed_over() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.redb");
    let mut chain = TestChain::new();
    let store = open(&path, &chain, Pruning::Archive);
    for height in 1..=5 {
        let segment = chain.segment(Vec::new());
        store.put_segments(vec![segment.clone()]).await.unwrap();
        let next = (height == 3).then(|| chain.set_of_power(9));
        let block = chain.block_before(vec![segment], false, next);
        store.put_finalized(block).await.unwrap();
    }
    let handovers = store.handovers(Height::new(5)).unwrap();
    assert_eq!(handovers.len(), 1);
    assert!(store.handovers(Height::new(2)).unwrap().is_empty());
    store.close().await.unwrap();
    drop(store);

    let database = redb::Database::open(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.delete_table(HANDOVERS).unwrap();
    let before = (FORMAT - 1).to_be_bytes();
    transaction.open_table(META).unwrap().insert(META_FORMAT, before.as_slice()).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let store = open(&path, &chain, Pruning::Archive);
    assert_eq!(store.handovers(Height::new(5)).unwrap(), handovers);
    assert!(crate::snapshot::of_stopped(&store, &chain.genesis).is_ok());
}
