use super::*;
use fairlane_ordering::Groups;
use fairlane_types::{GroupId, TxId};
use std::collections::BTreeSet;

const LIVE: [bool; 3] = [false; 3];

fn run(txs: &[(u8, u64)]) -> Arc<Run> {
    let txs = txs.iter().map(|(id, expires)| RunTx {
        id: TxId::from_bytes([*id; 32]),
        groups: Groups::one(GroupId::new(0)),
        expires_at: Timestamp::from_nanos(*expires),
    });
    Arc::new(Run::new(txs.collect()))
}

/// Three lanes, of which lane 0 has a segment for each of `segments`.
fn decided(segments: &[&[(u8, u64)]]) -> Decided {
    let mut decided = Decided::new(3);
    for (digest, txs) in (1u8..).zip(segments) {
        decided.extend(0, SegmentDigest::from_bytes([digest; 32]), vec![run(txs)]);
    }
    decided
}

/// Settles when the transactions in `resolved` are, and nothing that expires after 100 is taken.
fn settle(decided: &mut Decided, frozen: [bool; 3], resolved: &[u8]) {
    let resolved: BTreeSet<_> = resolved.iter().map(|id| TxId::from_bytes([*id; 32])).collect();
    let latest_expiry = Timestamp::from_nanos(100);
    let is_resolved = |tx: &RunTx| resolved.contains(&tx.id);
    decided.settle(&Settling { frozen: &frozen, latest_expiry, is_resolved: &is_resolved });
}

fn refer(decided: &mut Decided, from: usize, seq: u64) {
    decided.set_referenced(from, 0, LaneSeq::new(seq));
}

/// The floor of lane 0, and which segments above it are open.
fn shape(decided: &Decided) -> (u64, Vec<bool>) {
    let track = &decided.tracks[0];
    (track.floor.get(), track.entries.iter().map(|entry| entry.open.is_some()).collect())
}

#[test]
fn a_segment_that_all_have_referenced_is_settled() {
    let mut decided = decided(&[&[(1, 50)], &[(2, 50)]]);
    refer(&mut decided, 1, 2);
    refer(&mut decided, 2, 1);
    settle(&mut decided, LIVE, &[]);
    assert_eq!(shape(&decided), (1, vec![true]));
    assert!(decided.tracks[0].entries[0].open.as_ref().unwrap().root.is_some());
    refer(&mut decided, 2, 2);
    settle(&mut decided, LIVE, &[]);
    assert_eq!(shape(&decided), (2, vec![]));
}

#[test]
fn frozen_lanes_are_not_waited_for() {
    let mut decided = decided(&[&[(1, 50)]]);
    refer(&mut decided, 1, 1);
    settle(&mut decided, [false, false, true], &[]);
    assert_eq!(shape(&decided), (1, vec![]));
}

#[test]
fn a_dead_lane_holds_nothing_that_is_resolved() {
    let mut decided = decided(&[&[(1, 50)], &[], &[(2, 50), (3, 50)], &[(4, 101)], &[(5, 50), (6, 101)]]);
    refer(&mut decided, 1, 5);
    settle(&mut decided, LIVE, &[]);
    assert_eq!(shape(&decided), (0, vec![true, false, true, false, true]), "4 and 6 expire too late");
    settle(&mut decided, LIVE, &[1, 2]);
    assert_eq!(shape(&decided), (2, vec![true, false, true]));
    assert_eq!(decided.referenced(2, 0), LaneSeq::new(2), "who lags counts as having referenced the floor");
    assert_eq!(decided.referenced(1, 0), LaneSeq::new(5));
    settle(&mut decided, LIVE, &[1, 2, 5]);
    assert_eq!(shape(&decided), (2, vec![true, false, false]), "the digests above an open segment stay");
    settle(&mut decided, LIVE, &[2, 3]);
    assert_eq!(shape(&decided), (5, vec![]));
    assert_eq!(decided.tracks[0].get(LaneSeq::new(5)).map(|entry| entry.digest), None);
}

#[test]
fn late_transactions_leave_the_runs_but_runs_keep_their_places() {
    let mut decided = decided(&[&[(1, 101), (2, 50), (3, 101)]]);
    decided.extend(1, SegmentDigest::from_bytes([9; 32]), vec![run(&[(4, 101)]), run(&[(5, 50)])]);
    settle(&mut decided, LIVE, &[]);
    let ids = |lane: usize| -> Vec<Vec<u8>> {
        let open = decided.tracks[lane].entries[0].open.as_ref().unwrap();
        let runs = open.runs.iter();
        runs.map(|run| run.txs().iter().map(|tx| tx.id.as_bytes()[0]).collect()).collect()
    };
    assert_eq!((ids(0), ids(1)), (vec![vec![2]], vec![vec![], vec![5]]));
}

#[test]
fn a_snapshot_commits_to_the_same_runs() {
    let mut decided = decided(&[&[(1, 50), (2, 60)]]);
    settle(&mut decided, LIVE, &[]);
    let open = decided.tracks[0].entries[0].open.as_ref().unwrap();
    assert_eq!(Open::restored(open.runs.to_vec()).root, open.root);
    assert_ne!(Open::restored(vec![run(&[(1, 50)]), run(&[(2, 60)])]).root, open.root);
}
