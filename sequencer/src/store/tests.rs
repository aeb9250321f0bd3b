use super::*;
use crate::testing::{TestChain, genesis};
use fairlane_types::{BatchIndex, LaneSeq, RollupId, Round, SegmentRef, ValidatorId};
use std::path::{Path, PathBuf};
use std::time::Duration;

struct Fixture {
    chain: TestChain,
    path: PathBuf,
    copies: AtomicU64,
    _dir: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self {
            chain: TestChain::new(),
            path: dir.path().join("data/store.redb"),
            copies: AtomicU64::default(),
            _dir: dir,
        }
    }

    fn open(&self) -> Store {
        self.open_with(StoreOptions::default())
    }

    fn open_with(&self, options: StoreOptions) -> Store {
        let metrics = crate::metrics::Metrics::new("test").store;
        let (network, genesis) = (self.chain.state.network(), &self.chain.genesis);
        let store = Store::open_with(&self.path, network, genesis, options, metrics).unwrap();
        std::fs::copy(&self.path, self.as_opened()).unwrap();
        store
    }

    /// One block with `count` transactions of each rollup, kept in the store.
    async fn block(&mut self, store: &Store, count: usize, snapshot: bool) -> Arc<FinalizedBlock> {
        let transactions = (0..2 * count).map(|n| self.chain.transaction(1 + n as u64 % 2, 100)).collect();
        let segment = self.chain.segment(transactions);
        store.put_own_segment(segment.clone()).await.unwrap();
        let block = self.chain.block(vec![segment], snapshot);
        store.put_decided(block.proposal.clone(), block.certificate.clone()).await.unwrap();
        store.put_finalized(block.clone()).await.unwrap();
        block
    }
}

impl Fixture {
    /// What a crash leaves, opened elsewhere: the files as they are once redb has everything.
    async fn crashed(&self, store: &Store) -> Store {
        store.settle().await.unwrap();
        self.reopened(&self.path)
    }

    /// What a crash leaves in the worst case, opened elsewhere: redb's file as it was opened, and the journal.
    fn crashed_at_once(&self) -> Store {
        self.reopened(&self.as_opened())
    }

    fn reopened(&self, redb: &Path) -> Store {
        let number = self.copies.fetch_add(1, Ordering::Relaxed);
        let copy = self.path.with_file_name(format!("copy-{number}.redb"));
        std::fs::copy(redb, &copy).unwrap();
        for log in LOGS {
            std::fs::copy(self.path.with_extension(log), copy.with_extension(log)).unwrap();
        }
        Store::open(&copy, self.chain.state.network(), &self.chain.genesis).unwrap()
    }

    fn as_opened(&self) -> PathBuf {
        self.path.with_file_name("as-opened.redb")
    }
}

/// The files of the journal, by extension.
const LOGS: [&str; 2] = ["journal-a", "journal-b"];

#[tokio::test]
async fn what_was_awaited_is_there_after_a_crash() {
    let mut fixture = Fixture::new();
    let store = fixture.open();
    let mut blocks = Vec::new();
    for height in 1..=20 {
        blocks.push(fixture.block(&store, 3, height == 10).await);
    }
    let last = fixture.chain.segment(Vec::new());
    store.put_own_segment(last.clone()).await.unwrap();

    let store = fixture.crashed(&store).await;
    assert_eq!((store.min_height(), store.tip()), (Height::new(1), Height::new(20)));
    assert_eq!(store.last_own_segment(&fixture.chain.lane()).unwrap().as_ref(), Some(last.bytes()));
    assert_eq!(store.snapshots().unwrap(), [(Height::new(10), blocks[9].snapshot.clone().unwrap())]);
    let mut ordered = 0;
    for block in &blocks {
        let height = block.height();
        let kept = store.certified_header(height).unwrap().unwrap();
        assert_eq!(
            (kept.header, kept.certificate),
            (block.proposal.header.clone(), block.certificate.clone())
        );
        assert_eq!(store.order_record(height).unwrap(), block.order);
        assert_eq!(store.validators_at(height).unwrap(), Some(fixture.chain.genesis.validators.clone()));
        for (place, id) in block.order.ids().enumerate() {
            assert_eq!(store.transaction(&id), Some((height, place as u32)));
            ordered += 1;
        }
    }
    assert!(ordered > 50, "the chain ordered {ordered} transactions");
    let decided = store.decisions(Height::new(5)..=Height::new(30)).unwrap();
    assert_eq!(decided.len(), 16);
    assert_eq!(decided[0].0, blocks[4].proposal);
}

#[tokio::test]
async fn batches_come_back_in_order_with_what_proves_them() {
    let mut fixture = Fixture::new();
    let store = fixture.open();
    let mut batches = Vec::new();
    for _ in 0..10 {
        let block = fixture.block(&store, 4, false).await;
        batches.extend(block.batches.iter().filter(|batch| batch.header().rollup.get() == 2).cloned());
    }
    let rollup = RollupId::new(2);
    let last = BatchIndex::new(batches.len() as u64);
    assert_eq!(store.rollup_bounds(rollup).unwrap(), Some((BatchIndex::new(1), last)));
    assert_eq!(store.rollup_bounds(RollupId::new(9)).unwrap(), None);

    let found = store.batches_from(rollup, BatchIndex::new(1), 100, usize::MAX).unwrap();
    assert_eq!(found.len(), batches.len());
    for (found, batch) in found.iter().zip(&batches) {
        assert_eq!((&found.header, &found.body), (batch.header(), batch.body()));
        assert_eq!(found.head_path.root(), Some(found.block.header.heads_root));
        assert_eq!(found.block.header.height, batch.header().height);
    }
    let body = batches[2].body().len();
    assert_eq!(store.batches_from(rollup, BatchIndex::new(3), 2, usize::MAX).unwrap().len(), 2);
    assert_eq!(store.batches_from(rollup, BatchIndex::new(3), 9, body).unwrap().len(), 1);
    assert_eq!(store.batches_from(rollup, BatchIndex::new(3), 9, 1).unwrap().len(), 1, "one always comes");
    assert!(store.batches_from(rollup, last.next(), 9, usize::MAX).unwrap().is_empty());

    let network = fixture.chain.state.network();
    for batch in &batches {
        let index = batch.header().index;
        assert_eq!(store.head_before(rollup, index).unwrap(), Some(batch.header().previous_head));
        assert_eq!(store.head_before(rollup, index.next()).unwrap(), Some(batch.header().head(&network)));
    }
    assert_eq!(store.head_before(rollup, last.saturating_add(2)).unwrap(), None);
}

#[tokio::test]
async fn a_place_in_the_own_lane_is_filled_once() {
    let mut fixture = Fixture::new();
    let store = fixture.open();
    let first = fixture.chain.segment(Vec::new());
    let transaction = fixture.chain.transaction(1, 5);
    let fork = fixture.chain.fork(vec![transaction]);
    let second = fixture.chain.segment(Vec::new());
    assert_ne!(fork, second);

    store.put_own_segment(first.clone()).await.unwrap();
    store.put_own_segment(second.clone()).await.unwrap();
    store.put_own_segment(second.clone()).await.unwrap();
    for refused in [fork, first] {
        let error = store.put_own_segment(refused).await.unwrap_err();
        assert!(
            matches!(error, StoreError::WouldEquivocate { newest, .. } if newest == LaneSeq::new(2)),
            "{error}"
        );
    }
    // A refusal is no failure: the store goes on, now and after opening again.
    let third = fixture.chain.segment(Vec::new());
    store.put_own_segment(third.clone()).await.unwrap();
    let store = fixture.crashed(&store).await;
    assert!(store.put_own_segment(second).await.is_err());
    store.put_own_segment(third).await.unwrap();
}

#[tokio::test]
async fn what_is_queued_before_a_durable_write_is_durable_with_it() {
    let mut fixture = Fixture::new();
    let store = fixture.open();
    let mut peers = TestChain::new();
    for _ in 0..50 {
        let others: Vec<_> = (0..5)
            .map(|_| {
                let transaction = peers.transaction(1, 2000);
                peers.segment(vec![transaction])
            })
            .collect();
        store.put_segments(others.clone()).await.unwrap();
        let block = {
            let own = fixture.chain.segment(Vec::new());
            fixture.chain.block(vec![own], false)
        };
        store.put_decided(block.proposal.clone(), block.certificate.clone()).await.unwrap();
        let after = fixture.crashed_at_once();
        for other in others {
            assert_eq!(after.segment(&other.reference()).unwrap().as_ref(), Some(other.bytes()));
        }
        assert_eq!(after.decisions(block.height()..=block.height()).unwrap()[0].0, block.proposal);
    }
}

#[tokio::test]
async fn the_journal_takes_turns_and_is_written_back() {
    let mut fixture = Fixture::new();
    let store = fixture.open();
    let mut last = None;
    // More than both logs hold, so that each is emptied at least once.
    for _ in 0..500 {
        let transaction = fixture.chain.transaction(1, 100_000);
        let segment = fixture.chain.segment(vec![transaction]);
        store.put_own_segment(segment.clone()).await.unwrap();
        last = Some(segment);
    }
    for which in ["journal-a", "journal-b"] {
        let size = std::fs::metadata(fixture.path.with_extension(which)).unwrap().len();
        assert!((1..40 << 20).contains(&size), "{which} has {size} bytes");
    }
    let store = fixture.crashed(&store).await;
    assert_eq!(
        store.last_own_segment(&fixture.chain.lane()).unwrap().as_ref(),
        last.as_ref().map(|s| s.bytes())
    );
    assert_eq!(store.lane_tail(&fixture.chain.lane(), LaneSeq::ZERO, usize::MAX).unwrap().len(), 500);
}

#[tokio::test]
async fn a_torn_end_of_the_journal_is_cut_off() {
    let mut fixture = Fixture::new();
    let store = fixture.open();
    let segments: Vec<_> = (0..3).map(|_| fixture.chain.segment(Vec::new())).collect();
    for segment in &segments {
        store.put_own_segment(segment.clone()).await.unwrap();
    }
    for log in LOGS.map(|log| fixture.path.with_extension(log)) {
        let file = std::fs::OpenOptions::new().write(true).open(&log).unwrap();
        let size = file.metadata().unwrap().len();
        // The zero header after the last entry, and a little of the entry.
        file.set_len(size.saturating_sub(21).max(16)).unwrap();
    }
    let kept = fixture.crashed_at_once().last_own_segment(&fixture.chain.lane()).unwrap();
    assert_eq!(kept.as_ref(), Some(segments[1].bytes()));
}

#[tokio::test]
async fn a_journal_beside_another_file_counts_as_empty() {
    let mut fixture = Fixture::new();
    let store = fixture.open();
    let segment = fixture.chain.segment(Vec::new());
    store.put_own_segment(segment).await.unwrap();
    let other = fixture.path.with_file_name("other.redb");
    Store::open(&other, fixture.chain.state.network(), &fixture.chain.genesis)
        .unwrap()
        .close()
        .await
        .unwrap();
    assert_eq!(fixture.reopened(&other).last_own_segment(&fixture.chain.lane()).unwrap(), None);
}

#[tokio::test]
async fn many_writers_share_commits() {
    let mut fixture = Fixture::new();
    let metrics = crate::metrics::Metrics::new("test").store;
    let network = fixture.chain.state.network();
    let store = Store::open_with(
        &fixture.path,
        network,
        &fixture.chain.genesis,
        StoreOptions::default(),
        metrics.clone(),
    )
    .unwrap();
    let segments: Vec<_> = (0..200).map(|_| fixture.chain.segment(Vec::new())).collect();
    let writes = segments.iter().map(|segment| store.put_segments_durable(vec![segment.clone()]));
    for result in futures::future::join_all(writes).await {
        result.unwrap();
    }
    store.settle().await.unwrap();
    assert_eq!(metrics.requests.get(), 201);
    assert!(metrics.commits.get() < 100, "{} commits for 200 writes", metrics.commits.get());
    assert_eq!(metrics.queue.get(), 0);
}

#[tokio::test]
async fn ranges_follow_the_chain_of_their_last_segment() {
    let mut fixture = Fixture::new();
    let store = fixture.open();
    let lane = fixture.chain.lane();
    let chain: Vec<_> = (0..10)
        .map(|_| {
            let transaction = fixture.chain.transaction(1, 50);
            fixture.chain.segment(vec![transaction])
        })
        .collect();
    // Another variant of place 11, and of none below.
    let fork = fixture.chain.fork(Vec::new());
    let transaction = fixture.chain.transaction(1, 1);
    let head = fixture.chain.segment(vec![transaction]);
    store.put_segments(chain.clone()).await.unwrap();
    store.put_segments_durable(vec![fork.clone(), head.clone()]).await.unwrap();
    store.settle().await.unwrap();

    let bytes =
        |segments: &[Arc<Segment>]| -> Vec<_> { segments.iter().map(|s| s.bytes().clone()).collect() };
    let range =
        |last: &Segment, after, max| store.lane_range(&last.reference(), LaneSeq::new(after), max).unwrap();
    assert_eq!(range(&chain[9], 0, usize::MAX), bytes(&chain));
    assert_eq!(range(&chain[6], 4, usize::MAX), bytes(&chain[4..7]));
    for last in [&fork, &head] {
        let found = range(last, 8, usize::MAX);
        assert_eq!(found[..2], bytes(&chain[8..]));
        assert_eq!(found[2..], bytes(std::slice::from_ref(last)));
    }
    let one = chain[0].bytes().len();
    assert_eq!(range(&chain[9], 0, 3 * one).len(), 3);
    assert_eq!(range(&chain[9], 0, 1).len(), 1, "one always comes");
    assert!(range(&chain[4], 5, usize::MAX).is_empty());
    let unknown = SegmentRef { digest: Default::default(), ..chain[4].reference() };
    assert!(store.lane_range(&unknown, LaneSeq::ZERO, usize::MAX).unwrap().is_empty());

    assert_eq!(store.lane_tail(&lane, LaneSeq::new(9), usize::MAX).unwrap().len(), 3);
    assert_eq!(store.newest_segment(&lane).unwrap().map(|bytes| bytes.is_empty()), Some(false));
    let nobody = LaneSeq::MAX;
    assert!(store.lane_tail(&lane, nobody, usize::MAX).unwrap().is_empty());
}

#[tokio::test]
async fn proposals_are_kept_until_their_height_is_finalized() {
    let mut fixture = Fixture::new();
    let store = fixture.open();
    let segment = fixture.chain.segment(Vec::new());
    let block = fixture.chain.block(vec![segment], false);
    let height = block.height();
    let stored = |round, valid_round: Option<u32>| StoredProposal {
        round: Round::new(round),
        valid_round: valid_round.map(Round::new),
        proposer: ValidatorId::from_bytes([round as u8; 32]),
        proposal: block.proposal.clone(),
    };
    let again = stored(1, Some(0));
    for proposal in [stored(0, None), stored(1, None), again.clone()] {
        store.put_proposal(height, proposal).await.unwrap();
    }
    store.settle().await.unwrap();
    use fairlane_engine::BlockStore;
    let proposals = |round| BlockStore::proposals(&store, height, Round::new(round));
    assert_eq!(proposals(0).await.unwrap(), [stored(0, None)]);
    assert_eq!(proposals(1).await.unwrap(), [again], "the same proposal of a round is kept once");
    assert!(proposals(2).await.unwrap().is_empty());
    let found = store.proposal_by_id(height, block.proposal.id()).await.unwrap();
    assert_eq!(found, Some(block.proposal.clone()));

    store.put_finalized(block.clone()).await.unwrap();
    assert!(BlockStore::proposals(&store, height, Round::ZERO).await.unwrap().is_empty());
}

#[tokio::test]
async fn blocks_follow_each_other_and_may_be_told_again() {
    let mut fixture = Fixture::new();
    let store = fixture.open();
    let first = fixture.block(&store, 1, false).await;
    let blocks: Vec<_> = (0..2)
        .map(|_| {
            let segment = fixture.chain.segment(Vec::new());
            fixture.chain.block(vec![segment], false)
        })
        .collect();
    let error = store.put_finalized(blocks[1].clone()).await.unwrap_err();
    assert!(matches!(error, StoreError::OutOfOrder { found: 3, tip: 1 }));
    store.put_finalized(blocks[0].clone()).await.unwrap();
    store.put_finalized(first).await.unwrap();
    assert_eq!(store.tip(), Height::new(2));
}

#[tokio::test]
async fn old_blocks_are_deleted_but_not_what_a_restart_needs() {
    let mut fixture = Fixture::new();
    // One minute of chain time is above what the snapshot's replay window needs.
    fixture.chain.genesis.params.expiry_bound = 1_000_000_000;
    let retention = Retention { keep_blocks: 40, keep_for: Duration::from_secs(1) };
    let store = fixture.open_with(StoreOptions { retention, ..StoreOptions::default() });
    let lane = fixture.chain.lane();
    for height in 1..=200u64 {
        fixture.block(&store, 1, height % 50 == 0).await;
    }
    // Snapshots at 150 and 200 are kept; the replay window before 150 spans 20 blocks.
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while store.min_height() < Height::new(129) {
        assert!(std::time::Instant::now() < deadline, "pruned up to {}", store.min_height());
        tokio::time::sleep(Duration::from_millis(50)).await;
        fixture.block(&store, 0, false).await;
    }
    let min = store.min_height();
    assert!(min <= Height::new(131), "{min}");
    let kept: Vec<_> = store.snapshots().unwrap().iter().map(|(height, _)| height.get()).collect();
    assert_eq!(kept, [200, 150]);
    let before = min.previous().unwrap();
    assert!(store.certified_header(before).unwrap().is_none());
    assert!(store.certified_header(min).unwrap().is_some());
    assert!(store.ordered_ids(Height::new(1)..=before).unwrap().is_empty());
    let (first, _) = store.rollup_bounds(RollupId::new(1)).unwrap().unwrap();
    assert!(first > BatchIndex::new(100));
    assert!(store.head_before(RollupId::new(1), first).unwrap().is_some());
    let oldest = &store.lane_tail(&lane, LaneSeq::ZERO, 1).unwrap()[0];
    let oldest = Segment::decode(oldest.clone(), store.network(), &fixture.chain.genesis.params).unwrap();
    assert_eq!(oldest.header().seq.get(), min.get(), "there is one segment a block");
}

#[tokio::test]
async fn a_store_belongs_to_one_network() {
    let fixture = Fixture::new();
    fixture.open().close().await.unwrap();
    let other = genesis(&[2]);
    let error = Store::open(&fixture.path, other.network(), &other).unwrap_err();
    assert!(
        matches!(&error, OpenError::OtherNetwork { wanted, .. } if *wanted == other.network()),
        "{error}"
    );
    assert!(error.to_string().contains("genesis.json"), "{error}");
}

#[tokio::test]
async fn a_store_is_open_once() {
    let fixture = Fixture::new();
    let _open = fixture.open();
    let genesis = &fixture.chain.genesis;
    let error = Store::open(&fixture.path, genesis.network(), genesis).unwrap_err();
    assert!(matches!(error, OpenError::InUse(_)), "{error}");
}

#[tokio::test]
async fn a_newer_format_is_refused() {
    let fixture = Fixture::new();
    fixture.open().close().await.unwrap();
    let database = redb::Database::open(&fixture.path).unwrap();
    let transaction = database.begin_write().unwrap();
    {
        let mut meta = transaction.open_table(tables::META).unwrap();
        meta.insert(tables::META_FORMAT, (tables::FORMAT + 1).to_be_bytes().as_slice()).unwrap();
    }
    transaction.commit().unwrap();
    drop(database);
    let genesis = &fixture.chain.genesis;
    let error = Store::open(&fixture.path, genesis.network(), genesis).unwrap_err();
    let OpenError::NewerFormat { found, known, .. } = error else { panic!("{error}") };
    assert_eq!((found, known), (tables::FORMAT + 1, tables::FORMAT));
}

#[test]
fn what_is_no_store_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let genesis = genesis(&[1]);
    for content in [vec![7u8; 100_000], b"short".to_vec()] {
        let path = dir.path().join("store.redb");
        std::fs::write(&path, content).unwrap();
        let error = Store::open(&path, genesis.network(), &genesis).unwrap_err();
        assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
        assert!(error.to_string().contains("Move it away"), "{error}");
    }
}

#[tokio::test]
async fn closing_keeps_what_is_queued_and_refuses_what_comes() {
    let mut fixture = Fixture::new();
    let store = fixture.open();
    let segments: Vec<_> = (0..100).map(|_| fixture.chain.segment(Vec::new())).collect();
    for segment in &segments {
        store.put_segments(vec![segment.clone()]).await.unwrap();
    }
    store.close().await.unwrap();
    store.close().await.unwrap();
    let error = store.put_segments_durable(segments.clone()).await.unwrap_err();
    assert!(matches!(error, StoreError::Closed), "{error}");
    drop(store);
    let store = fixture.open();
    for segment in segments {
        assert!(store.segment(&segment.reference()).unwrap().is_some());
    }
}
