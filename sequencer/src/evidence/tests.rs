use super::*;
use crate::checkpoints::testing::conflict;
use crate::metrics::Metrics;
use crate::testing::genesis;
use fairlane_types::vote::vote_sign_bytes;
use fairlane_types::{BlockId, Encode as _, Genesis, Hash32, Round, SignedVote, SigningKey, VoteKind};
use fairlane_verify::verify_evidence;
use std::path::Path;

fn network() -> Genesis {
    genesis(&[1, 2, 3, 4])
}

/// Two precommits of a validator at a height.
pub(crate) fn double_precommit(genesis: &Genesis, seed: u8, height: u64) -> Evidence {
    let key = SigningKey::from_seed(&[seed; 32]);
    let (kind, height, round) = (VoteKind::Precommit, Height::new(height), Round::ZERO);
    let vote = |side: u8| {
        let block = Some(BlockId::from_bytes([side; 32]));
        let message = vote_sign_bytes(&genesis.network(), kind, height, round, block.as_ref());
        SignedVote { validator: key.validator(), kind, height, round, block, signature: key.sign(&message) }
    };
    Evidence::DoubleVote(Box::new([vote(1), vote(2)]))
}

fn offence_id(evidence: &Evidence) -> OffenceId {
    Proof::from(evidence).id()
}

fn open(path: &Path) -> (Store, EvidencePool) {
    let genesis = network();
    let store = Store::open(path, genesis.network(), &genesis).unwrap();
    let pool = EvidencePool::open(store.clone(), Metrics::new("test").evidence).unwrap();
    (store, pool)
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_nanos(seconds * 1_000_000_000)
}

#[tokio::test]
async fn what_was_kept_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    let genesis = network();
    let (first, second) = (double_precommit(&genesis, 2, 7), double_precommit(&genesis, 3, 7));
    verify_evidence(&first, &genesis.network()).unwrap();
    let (store, pool) = open(&path);
    assert!(pool.add(&first, at(5)).await.unwrap());
    assert!(!pool.add(&first, at(6)).await.unwrap(), "one offence counts once");
    pool.committed(Height::new(9), std::slice::from_ref(&second), at(7)).await.unwrap();
    pool.committed(Height::new(12), std::slice::from_ref(&second), at(8)).await.unwrap();
    let receipt = L1Receipt { transaction: Hash32::from_bytes([3; 32]), block: 4, gas_used: 5 };
    pool.update(&offence_id(&first), |record| record.receipt = Some(receipt)).await.unwrap();
    pool.update(&offence_id(&second), |record| record.fate = Fate::Punished).await.unwrap();
    store.close().await.unwrap();
    drop((store, pool));

    let (_store, pool) = open(&path);
    assert_eq!(pool.list(None, 10).len(), 2);
    let record = pool.get(&offence_id(&first)).unwrap();
    assert_eq!((record.found_at, record.block, record.receipt), (at(5), None, Some(receipt)));
    assert_eq!(pool.not_in_a_block(), std::slice::from_ref(&first));
    let open: Vec<_> = pool.open_offences().into_iter().map(|(id, _)| id).collect();
    assert_eq!(open, [offence_id(&first)]);
    let record = pool.get(&offence_id(&second)).unwrap();
    assert_eq!((record.block, &record.fate), (Some(Height::new(9)), &Fate::Punished));
}

#[tokio::test]
async fn sides_swapped_or_another_pair_are_the_same_offence() {
    let folder = tempfile::tempdir().unwrap();
    let (_store, pool) = open(&folder.path().join("store.redb"));
    let evidence = double_precommit(&network(), 2, 7);
    let Evidence::DoubleVote(pair) = &evidence else { panic!("it is a double vote") };
    let [a, b] = pair.as_ref();
    let swapped = Evidence::DoubleVote(Box::new([*b, *a]));
    assert!(pool.add(&evidence, at(1)).await.unwrap());
    assert!(!pool.add(&swapped, at(1)).await.unwrap());
}

#[tokio::test]
async fn one_offender_does_not_fill_the_pool() {
    let folder = tempfile::tempdir().unwrap();
    let (_store, pool) = open(&folder.path().join("store.redb"));
    let genesis = network();
    for height in 1..=MAX_OF_ONE as u64 + 3 {
        let kept = pool.add(&double_precommit(&genesis, 2, height), at(1)).await.unwrap();
        assert_eq!(kept, height <= MAX_OF_ONE as u64, "at height {height}");
    }
    assert!(pool.add(&double_precommit(&genesis, 3, 1), at(1)).await.unwrap());
    assert_eq!(pool.0.metrics.dropped.get(), 3);
    let all = pool.list(None, usize::MAX);
    let (first, rest) = (pool.list(None, 10), pool.list(Some(&all[9].0), usize::MAX));
    assert_eq!([first, rest].concat(), all, "pages follow each other");
}

#[test]
fn records_are_read_as_they_were_written() {
    let (evidence, of) = (double_precommit(&network(), 2, 7), network().network());
    let mut record = EvidenceRecord::new(evidence, at(3));
    for fate in [Fate::Open, Fate::Punished, Fate::Refused("EvidenceExpired".into())] {
        record.fate = fate;
        assert_eq!(EvidenceRecord::from_bytes(of, record.to_bytes()).unwrap(), record);
    }
    record.fate = Fate::Refused("ü".repeat(400));
    let read = EvidenceRecord::from_bytes(of, record.to_bytes()).unwrap();
    assert_eq!(read.fate, Fate::Refused("ü".repeat(256)), "a long reason is cut between letters");
}

#[tokio::test]
async fn what_was_awaited_survives_a_kill_after_every_sync() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    let genesis = network();
    let (_store, pool) = open(&path);
    let mut kept = Vec::new();
    for height in 1..=12 {
        let found = double_precommit(&genesis, 2, height);
        if height % 3 == 0 {
            pool.committed(Height::new(height), std::slice::from_ref(&found), at(height)).await.unwrap();
        } else {
            assert!(pool.add(&found, at(height)).await.unwrap());
        }
        kept.push(found);
        // The process is killed here: its files are what they are.
        let copy = folder.path().join(format!("killed-{height}.redb"));
        std::fs::copy(&path, &copy).unwrap();
        let (_store, after) = open(&copy);
        for (piece, height) in kept.iter().zip(1..) {
            let record = after.get(&offence_id(piece)).unwrap();
            assert_eq!(record.found_at, at(height));
            assert_eq!(record.block, (height % 3 == 0).then(|| Height::new(height)));
        }
        assert_eq!(after.list(None, 100).len(), kept.len());
        assert!(!after.add(&kept[0], at(99)).await.unwrap(), "it counts once after a restart, too");
    }
}

#[tokio::test]
async fn two_checkpoints_of_a_height_are_kept_and_go_into_no_block() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    let conflict = conflict(network().network(), 2, 32);
    let proof = Proof::from(conflict.clone());
    proof.verify(&network().network()).unwrap();
    let (store, pool) = open(&path);
    assert!(pool.add(conflict.clone(), at(1)).await.unwrap());
    assert!(!pool.add(conflict, at(2)).await.unwrap(), "one offence counts once");
    assert!(pool.not_in_a_block().is_empty());
    store.close().await.unwrap();
    drop((store, pool));
    let (_store, pool) = open(&path);
    assert_eq!(pool.open_offences().len(), 1);
    assert_eq!(pool.get(&proof.id()).unwrap().evidence, proof);
}
