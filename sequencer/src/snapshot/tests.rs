use super::*;
use crate::config::Home;
use crate::store::{OpenError, Retention, StoreOptions};
use crate::testing::TestChain;
use fairlane_chain::RestoreError;
use fairlane_types::crypto::sha256;
use fairlane_types::{BatchIndex, BlockId, RollupId, ValidatorSet};
use fairlane_verify::{AdvanceError, CertificateError, FollowError, HeaderError};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(20);
/// Where the fixture's chain hands over to another set.
const HANDOVERS: [u64; 2] = [5, 22];

fn open(path: &Path, genesis: &Genesis, retention: Retention) -> Store {
    let metrics = crate::metrics::Metrics::new("test").store;
    let options = StoreOptions { retention, ..StoreOptions::default() };
    Store::open_with(path, genesis.network(), genesis, options, metrics).unwrap()
}

/// One block with transactions of both rollups.
async fn grow(chain: &mut TestChain, store: &Store, next: Option<ValidatorSet>) {
    let transactions = (0..4).map(|n| chain.transaction(1 + n % 2, 60)).collect();
    let segment = chain.segment(transactions);
    store.put_own_segment(segment.clone()).await.unwrap();
    let block = chain.block_before(vec![segment], false, next);
    store.put_decided(block.proposal.clone(), block.certificate.clone()).await.unwrap();
    store.put_finalized(block).await.unwrap();
}

struct Fixture {
    chain: TestChain,
    store: Store,
    dir: tempfile::TempDir,
}

impl Fixture {
    /// Thirty blocks, with two changes of the validator set, and transactions that wait for their order.
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut chain = TestChain::new();
        let store = open(&dir.path().join("store"), &chain.genesis, Retention::default());
        for height in 1..=30 {
            let next = HANDOVERS.contains(&height).then(|| chain.set_of_power(height));
            chain.age *= u64::from(height < 30);
            grow(&mut chain, &store, next).await;
        }
        chain.age = 1_000_000;
        assert!(chain.state.live_count() > 0, "something waits for its order");
        Self { chain, store, dir }
    }

    fn snapshot(&self) -> Snapshot {
        of_stopped(&self.store, &self.chain.genesis).unwrap().snapshot().clone()
    }

    fn home(&self, name: &str) -> Home {
        Home::new(self.dir.path().join(name))
    }

    fn genesis(&self) -> &Genesis {
        &self.chain.genesis
    }
}

/// What a file says after somebody changed it and made its digest anew.
fn redigested(mut bytes: Vec<u8>) -> Bytes {
    bytes.truncate(bytes.len() - 32);
    let digest = sha256(&[&bytes]);
    bytes.extend_from_slice(digest.as_bytes());
    bytes.into()
}

#[tokio::test]
async fn a_restored_home_goes_on_where_the_snapshot_was_made() {
    let Fixture { mut chain, store, dir } = Fixture::new().await;
    let made = of_stopped(&store, &chain.genesis).unwrap();
    assert_eq!((made.height(), made.block()), (Height::new(30), chain.state.tip()));
    let file = dir.path().join("snapshot");
    write(&file, &made.snapshot().encode()).unwrap();
    let found = read(&file).unwrap();
    assert_eq!(&found, made.snapshot());

    let home = Home::new(dir.path().join("home"));
    found.verify(&chain.genesis).unwrap().restore(&home).unwrap();
    let restored = open(&home.store(), &chain.genesis, Retention::default());
    assert_eq!((restored.min_height(), restored.tip()), (Height::new(31), Height::new(30)));
    assert_eq!(restored.last_decision().unwrap().height, Height::new(30));
    assert_eq!(restored.validators_at(Height::new(30)).unwrap(), Some(chain.set_of_power(22)));
    let state = recover(&restored, &chain.genesis).unwrap();
    assert_eq!((state.tip(), state.root()), (chain.state.tip(), chain.state.root()));
    assert_eq!(state.live_count(), chain.state.live_count());
    let again = of_stopped(&restored, &chain.genesis).unwrap();
    assert_eq!(again.snapshot(), made.snapshot(), "it hands on what it got");
    let (ordered_at, ids) = made.snapshot().ordered[0].clone();
    assert_eq!(restored.transaction(&ids[0]), Some((ordered_at, 0)));

    let rollup = RollupId::new(1);
    assert_eq!(restored.rollup_bounds(rollup).unwrap(), None);
    let first = chain.state.heads().path(rollup).unwrap().leaf.index.next();
    for _ in 0..5 {
        grow(&mut chain, &restored, None).await;
    }
    restored.settle().await.unwrap();
    let state = recover(&restored, &chain.genesis).unwrap();
    assert_eq!((state.height(), state.root()), (Height::new(35), chain.state.root()));
    assert_eq!(restored.rollup_bounds(rollup).unwrap().unwrap().0, first);
    assert_eq!(restored.batches_from(rollup, first, 1, usize::MAX).unwrap()[0].header.index, first);
    assert!(restored.batches_from(rollup, BatchIndex::new(1), 1, usize::MAX).unwrap().is_empty());
    assert_eq!(of_stopped(&restored, &chain.genesis).unwrap().height(), Height::new(35));
}

#[tokio::test]
async fn a_running_node_gives_the_newest_state_that_it_keeps() {
    let Fixture { mut chain, store, dir: _dir } = Fixture::new().await;
    let error = of_running(&store, &chain.genesis).unwrap_err();
    assert!(matches!(error, CreateError::NoState), "{error}");
    let segment = chain.segment(Vec::new());
    store.put_own_segment(segment.clone()).await.unwrap();
    let kept = chain.block(vec![segment], true);
    store.put_decided(kept.proposal.clone(), kept.certificate.clone()).await.unwrap();
    store.put_finalized(kept.clone()).await.unwrap();
    grow(&mut chain, &store, None).await;
    store.settle().await.unwrap();
    let made = of_running(&store, &chain.genesis).unwrap();
    assert_eq!((made.height(), made.block()), (kept.height(), kept.proposal.id()));
    assert_eq!(of_stopped(&store, &chain.genesis).unwrap().height(), kept.height().next());
}

#[tokio::test]
async fn a_chain_of_few_blocks_has_a_snapshot_too() {
    let dir = tempfile::tempdir().unwrap();
    let mut chain = TestChain::new();
    let store = open(&dir.path().join("store"), &chain.genesis, Retention::default());
    assert!(matches!(of_stopped(&store, &chain.genesis).unwrap_err(), CreateError::NoState));
    for height in 1..=12 {
        grow(&mut chain, &store, None).await;
        store.settle().await.unwrap();
        let made = of_stopped(&store, &chain.genesis).unwrap();
        assert_eq!(made.snapshot().decisions.len(), height.min(11));
    }
}

#[tokio::test]
async fn bytes_that_are_no_whole_snapshot_are_refused_each_for_its_own_reason() {
    let fixture = Fixture::new().await;
    let good = fixture.snapshot().encode();
    let refused = |bytes: Vec<u8>| Snapshot::decode(bytes.into()).unwrap_err();
    assert_eq!(refused(Vec::new()), SnapshotError::NotASnapshot);
    assert_eq!(refused(vec![7; 500]), SnapshotError::NotASnapshot);
    assert_eq!(refused(good[..9].to_vec()), SnapshotError::NotASnapshot);
    assert!(matches!(refused(good[..30].to_vec()), SnapshotError::Malformed(_)));
    for at in [10, 50, good.len() / 2, good.len() - 1] {
        let mut flipped = good.clone();
        flipped[at] ^= 1;
        assert!(matches!(refused(flipped), SnapshotError::Digest { .. }), "byte {at}");
    }
    assert!(matches!(refused(good[..good.len() - 1].to_vec()), SnapshotError::Digest { .. }));
    let mut older = good.clone();
    older[8..10].copy_from_slice(&0u16.to_be_bytes());
    let (found, known) = (0, VERSION);
    assert_eq!(Snapshot::decode(redigested(older)).unwrap_err(), SnapshotError::Version { found, known });
    let mut longer = good.clone();
    longer.push(0);
    assert!(matches!(Snapshot::decode(redigested(longer)).unwrap_err(), SnapshotError::Malformed(_)));
    let (bytes, limit) = (MAX_BYTES as u64 + 1, MAX_BYTES as u64);
    assert_eq!(format::check_size(bytes).unwrap_err(), SnapshotError::TooLarge { bytes, limit });
}

#[tokio::test]
async fn no_byte_can_be_changed_by_whoever_makes_the_digest_anew() {
    let fixture = Fixture::new().await;
    let good = fixture.snapshot().encode();
    assert!(Snapshot::decode(redigested(good.clone())).unwrap().verify(fixture.genesis()).is_ok());
    // A step that is prime meets each kind of field.
    for at in (0..good.len() - 32).step_by(31) {
        for bit in [1, 0x80] {
            let mut changed = good.clone();
            changed[at] ^= bit;
            let verified =
                Snapshot::decode(redigested(changed)).and_then(|told| told.verify(fixture.genesis()));
            assert!(verified.is_err(), "bit {bit} of byte {at} of {}", good.len());
        }
    }
}

#[tokio::test]
async fn lies_are_refused_each_for_its_own_reason() {
    let fixture = Fixture::new().await;
    let good = fixture.snapshot();
    let lie = |change: &dyn Fn(&mut Snapshot)| {
        let mut told = good.clone();
        change(&mut told);
        told.verify(fixture.genesis()).unwrap_err()
    };
    let other = crate::testing::genesis(&[2]);
    let (found, wanted) = (fixture.genesis().network(), other.network());
    assert_eq!(good.clone().verify(&other).unwrap_err(), SnapshotError::OtherNetwork { found, wanted });

    // Sets.
    let error = lie(&|told| told.handovers[1].certificate.signatures.clear());
    let SnapshotError::Handover { height, source } = error else { panic!("{error}") };
    let FollowError::Header(HeaderError::Certificate { source, .. }) = *source else { panic!("{source}") };
    assert!(matches!(source, CertificateError::NoQuorum { power: 0, .. }), "{source}");
    assert_eq!(height.get(), HANDOVERS[1]);
    let error = lie(&|told| told.handovers[1].validators = fixture.chain.set_of_power(77));
    let SnapshotError::Handover { source, .. } = error else { panic!("{error}") };
    assert!(matches!(*source, FollowError::Advance(AdvanceError::NotAnnounced { .. })), "{source}");
    let error = lie(&|told| drop(told.handovers.remove(0)));
    let SnapshotError::Handover { source, .. } = error else { panic!("{error}") };
    assert!(matches!(*source, FollowError::Header(HeaderError::UnknownValidators { .. })), "{source}");
    let error = lie(&|told| drop(told.handovers.remove(1)));
    let SnapshotError::Block { height, source } = error else { panic!("{error}") };
    assert!(matches!(*source, HeaderError::UnknownValidators { .. }), "{source}");
    assert_eq!(height.get(), HANDOVERS[1] + 1);
    let error = lie(&|told| told.handovers.push(told.handovers[1].clone()));
    assert_eq!(error, SnapshotError::NoHandover(Height::new(HANDOVERS[1])));

    // Blocks.
    let error = lie(&|told| told.decisions[10].1.signatures.clear());
    let SnapshotError::Block { height, source } = error else { panic!("{error}") };
    let HeaderError::Certificate { source, .. } = *source else { panic!("{source}") };
    assert!(matches!(source, CertificateError::NoQuorum { power: 0, quorum: 15 }), "{source}");
    assert_eq!(height, Height::new(30));
    assert_eq!(lie(&|told| told.decisions.clear()), SnapshotError::Blocks { found: 0, wanted: 11 });
    let error = lie(&|told| drop(told.decisions.remove(0)));
    assert_eq!(error, SnapshotError::Blocks { found: 10, wanted: 11 });
    let error = lie(&|told| told.decisions[3] = told.decisions[4].clone());
    assert!(matches!(error, SnapshotError::Link { .. }), "{error}");
    let error = lie(&|told| {
        let mut proposal = (*told.decisions[10].0).clone();
        proposal.header.state_root = Default::default();
        told.decisions[10].0 = Arc::new(proposal);
    });
    assert!(matches!(error, SnapshotError::Block { .. }), "{error}");

    // State.
    let refused = |error: SnapshotError| match error {
        SnapshotError::State { source, .. } => *source,
        error => panic!("{error}"),
    };
    let error = lie(&|told| drop(told.ordered.remove(0)));
    assert_eq!(refused(error), RestoreError::Emitted(good.ordered[0].0));
    let error = lie(&|told| told.ordered[1].1.reverse());
    assert_eq!(refused(error), RestoreError::Emitted(good.ordered[1].0));
    let error = lie(&|told| told.ordered.push((Height::new(99), Vec::new())));
    assert_eq!(error, SnapshotError::Ordered);
    let error = lie(&|told| told.state.truncate(told.state.len() - 1));
    assert!(matches!(refused(error), RestoreError::Malformed(_)));
    let error = lie(&|told| {
        let mut state = told.state.to_vec();
        // After version, network, a set of one, and the height: the time.
        state[2 + 32 + 4 + 44 + 8] ^= 1;
        told.state = state.into();
    });
    assert_eq!(refused(error), RestoreError::Mismatch("state root"));
    let another = of_another_chain(&fixture);
    let error = lie(&|told| told.state = another.clone());
    assert_eq!(refused(error), RestoreError::Mismatch("state root"));

    let verified = good.clone().verify(fixture.genesis()).unwrap();
    verified.expect_block(fixture.chain.state.tip()).unwrap();
    let error = verified.expect_block(BlockId::from_bytes([1; 32])).unwrap_err();
    assert!(matches!(error, SnapshotError::OtherBlock { .. }), "{error}");
}

/// The state after the first block of another chain of the same network.
fn of_another_chain(fixture: &Fixture) -> Bytes {
    let mut chain = TestChain::new();
    let segment = chain.segment(Vec::new());
    chain.block(vec![segment], false);
    assert_eq!(chain.genesis.network(), fixture.genesis().network());
    chain.state.snapshot().into()
}

#[tokio::test]
async fn a_state_without_a_body_is_refused() {
    let fixture = Fixture::new().await;
    let mut told = fixture.snapshot();
    // The bodies are the last thing of a state: their count, and each with its length. All are of one size.
    let live = fixture.chain.state.live_count();
    let body = 4 + 1 + 12 + 60 + 8 + 16;
    let count_at = told.state.len() - live * body - 4;
    let mut state = told.state.to_vec();
    assert_eq!(state[count_at..count_at + 4], u32::try_from(live).unwrap().to_be_bytes());
    state[count_at..count_at + 4].copy_from_slice(&u32::try_from(live - 1).unwrap().to_be_bytes());
    state.truncate(state.len() - body);
    told.state = state.into();
    let error = told.verify(fixture.genesis()).unwrap_err();
    let SnapshotError::State { source, .. } = error else { panic!("{error}") };
    assert_eq!(*source, RestoreError::Bodies);
}

#[tokio::test]
async fn a_home_that_has_begun_is_left_alone() {
    let fixture = Fixture::new().await;
    let verified = fixture.snapshot().verify(fixture.genesis()).unwrap();
    let home = fixture.home("home");
    verified.restore(&home).unwrap();
    let error = verified.restore(&home).unwrap_err();
    assert!(matches!(&error, FileError::HomeInUse(path) if *path == home.store()), "{error}");
    assert!(error.to_string().contains("Move its data directory away"), "{error}");
    for file in ["data/fairlane.journal-a", "data/fairlane.journal-b", "data/consensus.wal"] {
        let begun = fixture.home(&file.replace('/', "-"));
        std::fs::create_dir_all(begun.data()).unwrap();
        std::fs::write(begun.path().join(file), b"").unwrap();
        let error = verified.restore(&begun).unwrap_err();
        assert!(matches!(error, FileError::HomeInUse(_)), "{error}");
        assert!(!begun.store().exists());
    }
    // What an earlier attempt left half is no store.
    let torn = fixture.home("torn");
    std::fs::create_dir_all(torn.data()).unwrap();
    std::fs::write(torn.store().with_extension("redb.new"), b"half").unwrap();
    verified.restore(&torn).unwrap();
    open(&torn.store(), fixture.genesis(), Retention::default());

    let file = fixture.dir.path().join("file");
    write(&file, b"first").unwrap();
    assert!(matches!(write(&file, b"second").unwrap_err(), FileError::Exists(_)));
    assert_eq!(std::fs::read(&file).unwrap(), b"first");
    assert!(matches!(read(&file).unwrap_err(), FileError::Refused { .. }));
    assert!(matches!(read(&fixture.dir.path().join("none")).unwrap_err(), FileError::Io { .. }));
    let other = crate::testing::genesis(&[2]);
    let error = Store::open(&home.store(), other.network(), &other).unwrap_err();
    assert!(matches!(error, OpenError::OtherNetwork { .. }), "{error}");
}

#[tokio::test]
async fn what_a_snapshot_brought_is_deleted_with_the_first_blocks_after_it() {
    let Fixture { mut chain, store, dir } = Fixture::new().await;
    let home = Home::new(dir.path().join("home"));
    of_stopped(&store, &chain.genesis).unwrap().restore(&home).unwrap();
    let retention = Retention { keep_blocks: 20, keep_for: Duration::from_secs(1) };
    let restored = open(&home.store(), &chain.genesis, retention);
    assert!(!restored.ordered_ids(Height::ZERO..=Height::new(30)).unwrap().is_empty());
    chain.wait(Duration::from_secs(300));
    let deadline = Instant::now() + DEADLINE;
    while restored.min_height() <= Height::new(40) {
        assert!(Instant::now() < deadline, "pruned up to {}", restored.min_height());
        let segment = chain.segment(Vec::new());
        restored.put_own_segment(segment.clone()).await.unwrap();
        let block = chain.block(vec![segment], chain_is_at_ten(&chain));
        restored.put_decided(block.proposal.clone(), block.certificate.clone()).await.unwrap();
        restored.put_finalized(block).await.unwrap();
        chain.wait(Duration::from_secs(10));
    }
    let min = restored.min_height();
    let all_before = || Height::ZERO..=min.previous().unwrap();
    assert!(restored.ordered_ids(all_before()).unwrap().is_empty());
    assert!(restored.decisions(all_before()).unwrap().is_empty());
    assert_eq!(restored.handovers(min).unwrap().len(), HANDOVERS.len(), "who handed over stays");
    recover(&restored, &chain.genesis).unwrap();
    assert!(of_stopped(&restored, &chain.genesis).unwrap().height() > min);
}

fn chain_is_at_ten(chain: &TestChain) -> bool {
    chain.state.height().next().get().is_multiple_of(10)
}

/// Reads big-endian bytes, knowing nothing of this project's encodings.
struct Walk<'a>(&'a [u8]);

impl<'a> Walk<'a> {
    fn take(&mut self, bytes: usize) -> &'a [u8] {
        let (taken, left) = self.0.split_at(bytes);
        self.0 = left;
        taken
    }

    fn count(&mut self) -> usize {
        u32::from_be_bytes(self.take(4).try_into().unwrap()) as usize
    }

    fn skip_list(&mut self, item_bytes: usize) -> usize {
        let count = self.count();
        self.take(count * item_bytes);
        count
    }

    /// Height, round, block, and one signature.
    fn certificate(&mut self) -> &'a [u8] {
        let height = self.take(8);
        self.take(4 + 32);
        assert_eq!(self.skip_list(96), 1);
        height
    }
}

/// `docs/protocol.md`, "Snapshots", read once more.
#[tokio::test]
async fn the_bytes_are_those_of_the_protocols_table() {
    let fixture = Fixture::new().await;
    let snapshot = fixture.snapshot();
    let bytes = snapshot.encode();
    let mut walk = Walk(&bytes);
    assert_eq!(walk.take(10), b"FAIRSNAP\0\x01");
    assert_eq!(walk.take(32), fixture.genesis().network().as_bytes());
    assert_eq!(walk.count(), HANDOVERS.len());
    for height in HANDOVERS {
        assert_eq!(walk.take(351)[34..42], height.to_be_bytes());
        assert_eq!(walk.certificate(), height.to_be_bytes());
        assert_eq!(walk.skip_list(44), 1, "one validator");
    }
    assert_eq!(walk.count(), 11);
    for height in 20..=30u64 {
        assert_eq!(walk.certificate(), height.to_be_bytes());
        assert_eq!(walk.take(351)[34..42], height.to_be_bytes());
        assert_eq!(walk.skip_list(76), 1, "one lane");
        assert_eq!(walk.count(), 0, "no evidence");
        assert_eq!(walk.skip_list(44), usize::from(HANDOVERS.contains(&height)));
        assert_eq!((walk.count(), walk.count()), (0, 0), "rollups stay");
    }
    assert_eq!(walk.count(), snapshot.ordered.len());
    for (height, ids) in &snapshot.ordered {
        assert_eq!(walk.take(8), height.get().to_be_bytes());
        assert_eq!(walk.skip_list(32), ids.len());
    }
    let state = walk.count();
    let state = walk.take(state);
    assert_eq!(state, fixture.chain.state.snapshot());
    assert_eq!(walk.0, sha256(&[&bytes[..bytes.len() - 32]]).as_bytes());
}
