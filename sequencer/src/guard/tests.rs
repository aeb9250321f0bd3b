//! What a guard lets be signed, and how it moves from one home to another.

use super::file::{self, Marks, Record, State};
use super::transfer::{Moved, StoppedHome};
use super::*;
use crate::store::OpenError;
use crate::testing::TestChain;
use fairlane_types::{Genesis, LaneSeq, SigningKey};
use std::os::unix::fs::PermissionsExt as _;

const LOG_OF_TWO: [u8; 12] = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2];

fn home(directory: &tempfile::TempDir, name: &str) -> Home {
    let home = Home::new(directory.path().join(name));
    std::fs::create_dir_all(home.data()).unwrap();
    home
}

fn stopped<'a>(home: &'a Home, genesis: &'a Genesis, key: &SigningKey) -> StoppedHome<'a> {
    StoppedHome { home, genesis, validator: key.validator() }
}

/// A home that has decided block 1 and voted at 2, with a lane of two segments.
async fn used(directory: &tempfile::TempDir) -> (Home, TestChain) {
    let home = home(directory, "used");
    let mut chain = TestChain::new();
    let store = open(&home, &chain.genesis).unwrap();
    let segments = vec![chain.segment(Vec::new()), chain.segment(Vec::new())];
    for segment in &segments {
        store.put_own_segment(segment.clone()).await.unwrap();
    }
    let block = chain.block(segments, false);
    store.put_decided(block.proposal.clone(), block.certificate.clone()).await.unwrap();
    store.close().await.unwrap();
    drop(store);
    std::fs::write(home.consensus_wal(), LOG_OF_TWO).unwrap();
    let guard = Guard::create(&home, chain.genesis.network(), chain.key.validator()).unwrap();
    guard.permit(Height::new(2)).await.unwrap();
    (home, chain)
}

fn open(home: &Home, genesis: &Genesis) -> Result<crate::store::Store, OpenError> {
    crate::store::Store::open(&home.store(), genesis.network(), genesis)
}

#[tokio::test]
async fn what_may_be_signed_is_on_disk_before() {
    let directory = tempfile::tempdir().unwrap();
    let (home, chain) = (home(&directory, "a"), TestChain::new());
    let (network, validator) = (chain.genesis.network(), chain.key.validator());
    assert!(Guard::open(&home, network, validator).unwrap().is_none());
    let guard = Guard::create(&home, network, validator).unwrap();
    let on_disk = || Guard::open(&home, network, validator).unwrap().unwrap().reserved().get();
    assert_eq!(on_disk(), 0);
    for height in 1..=200 {
        guard.permit(Height::new(height)).await.unwrap();
        assert!(on_disk() >= height, "block {height}");
    }
    assert!(on_disk() <= 200 + 2 * STEP, "no more is reserved than is needed soon");
    let mode = std::fs::metadata(home.guard()).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
}

#[tokio::test]
async fn a_log_that_is_not_the_last_one_counts_no_more() {
    let directory = tempfile::tempdir().unwrap();
    let (home, chain) = (home(&directory, "a"), TestChain::new());
    let (network, validator) = (chain.genesis.network(), chain.key.validator());
    let guard = Guard::create(&home, network, validator).unwrap();
    std::fs::create_dir_all(home.consensus_wal().parent().unwrap()).unwrap();
    std::fs::write(home.consensus_wal(), b"votes").unwrap();
    for _ in 0..2 {
        guard.distrust_log(Height::new(5)).await.unwrap();
        assert!(!home.consensus_wal().exists());
        let kept = Guard::open(&home, network, validator).unwrap().unwrap();
        assert_eq!(kept.reserved(), Height::new(5));
    }
}

#[tokio::test]
async fn a_guard_that_cannot_be_written_refuses() {
    let directory = tempfile::tempdir().unwrap();
    let (home, chain) = (home(&directory, "a"), TestChain::new());
    let guard = Guard::create(&home, chain.genesis.network(), chain.key.validator()).unwrap();
    std::fs::remove_dir_all(home.path()).unwrap();
    let refused = guard.permit(Height::new(1)).await.unwrap_err();
    assert_eq!(refused.height, Height::new(1));
    assert_eq!(guard.reserved(), Height::ZERO);
}

#[test]
fn a_guard_is_of_one_network_and_one_key_and_for_its_owner_alone() {
    let directory = tempfile::tempdir().unwrap();
    let (home, chain) = (home(&directory, "a"), TestChain::new());
    let (network, validator) = (chain.genesis.network(), chain.key.validator());
    Guard::create(&home, network, validator).unwrap();
    let other = Guard::open(&home, NetworkId::from_bytes([1; 32]), validator).unwrap_err();
    assert!(matches!(other, GuardFileError::OtherNetwork { .. }), "{other}");
    let other = Guard::open(&home, network, ValidatorId::from_bytes([1; 32])).unwrap_err();
    assert!(matches!(other, GuardFileError::OtherKey { .. }), "{other}");
    std::fs::set_permissions(home.guard(), std::fs::Permissions::from_mode(0o644)).unwrap();
    let open = Guard::open(&home, network, validator).unwrap_err();
    assert!(matches!(open, GuardFileError::Permissions { mode: 0o644, .. }), "{open}");
    std::fs::set_permissions(home.guard(), std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(home.guard(), "{}").unwrap();
    let garbage = Guard::open(&home, network, validator).unwrap_err();
    assert!(matches!(garbage, GuardFileError::Format { .. }), "{garbage}");
}

#[tokio::test]
async fn a_moved_validator_signs_only_beyond_what_it_has_signed_and_only_there() {
    let directory = tempfile::tempdir().unwrap();
    let (old, chain) = used(&directory).await;
    let new = home(&directory, "new");
    let file = directory.path().join("moved.json");
    let (network, validator) = (chain.genesis.network(), chain.key.validator());
    let moved = stopped(&old, &chain.genesis, &chain.key).export(&file).await.unwrap();
    let Moved { height, lane } = moved;
    assert_eq!(
        (height, lane.unwrap().seq),
        (Height::new(2), LaneSeq::new(2)),
        "exactly, not what is reserved"
    );
    let refused = Guard::open(&old, network, validator).unwrap_err();
    assert!(matches!(refused, GuardFileError::Exported(_)), "{refused}");

    let imported = stopped(&new, &chain.genesis, &chain.key).import(&file).await.unwrap();
    assert_eq!(imported, moved);
    let guard = Guard::open(&new, network, validator).unwrap().unwrap();
    assert_eq!((guard.reserved(), guard.lane()), (height, lane));
    assert!(!new.consensus_wal().exists());

    let again = stopped(&old, &chain.genesis, &chain.key).export(&file).await.unwrap_err();
    assert!(matches!(again, GuardFileError::Exists(_)), "{again}");
}

#[tokio::test]
async fn a_home_that_takes_its_own_guard_back_keeps_its_log() {
    let directory = tempfile::tempdir().unwrap();
    let (home, chain) = used(&directory).await;
    let file = directory.path().join("moved.json");
    let home_of = stopped(&home, &chain.genesis, &chain.key);
    home_of.export(&file).await.unwrap();
    home_of.import(&file).await.unwrap();
    assert!(home.consensus_wal().exists());

    // The key has run elsewhere since: its votes there are in no log here.
    let later = directory.path().join("later.json");
    home_of.export(&later).await.unwrap();
    let mut record = file::read(&later).unwrap().unwrap();
    record.marks.height = Height::new(90);
    file::write(&later, &record).unwrap();
    home_of.import(&later).await.unwrap();
    assert!(!home.consensus_wal().exists());
    let guard = Guard::open(&home, chain.genesis.network(), chain.key.validator()).unwrap().unwrap();
    assert_eq!(guard.reserved(), Height::new(90));
}

#[tokio::test]
async fn what_must_not_be_imported_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (home, chain) = used(&directory).await;
    let (network, validator) = (chain.genesis.network(), chain.key.validator());
    let home_of = stopped(&home, &chain.genesis, &chain.key);
    let file = directory.path().join("guard");
    let marks = Marks { network, validator, height: Height::new(1), lane: None };
    let put = |marks, state| file::write(&file, &Record { marks, state }).unwrap();

    put(marks, State::Here);
    let refused = home_of.import(&file).await.unwrap_err();
    assert!(matches!(refused, GuardFileError::NotExported(_)), "{refused}");
    put(marks, State::Exported);
    let refused = home_of.import(&file).await.unwrap_err();
    assert!(matches!(refused, GuardFileError::Older { .. }), "{refused}");
    put(Marks { network: NetworkId::from_bytes([9; 32]), ..marks }, State::Exported);
    let refused = home_of.import(&file).await.unwrap_err();
    assert!(matches!(refused, GuardFileError::OtherNetwork { .. }), "{refused}");
    put(Marks { validator: ValidatorId::from_bytes([9; 32]), ..marks }, State::Exported);
    let refused = home_of.import(&file).await.unwrap_err();
    assert!(matches!(refused, GuardFileError::OtherKey { .. }), "{refused}");

    // A running node holds its store.
    let store = open(&home, &chain.genesis).unwrap();
    put(Marks { height: Height::new(99), ..marks }, State::Exported);
    let refused = home_of.import(&file).await.unwrap_err();
    assert!(matches!(refused, GuardFileError::Open(OpenError::InUse(_))), "{refused}");
    let refused = home_of.export(&directory.path().join("new")).await.unwrap_err();
    assert!(matches!(refused, GuardFileError::Open(OpenError::InUse(_))), "{refused}");
    store.close().await.unwrap();
}
