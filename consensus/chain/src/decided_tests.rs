use super::*;
use fairlane_ordering::Groups;
use fairlane_types::{GroupId, Incarnation, SigningKey, TxId, Validator, VotingPower};
use std::collections::BTreeSet;

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
fn settle(decided: &mut Decided, resolved: &[u8]) {
    let resolved: BTreeSet<_> = resolved.iter().map(|id| TxId::from_bytes([*id; 32])).collect();
    let latest_expiry = Timestamp::from_nanos(100);
    let is_resolved = |tx: &RunTx| resolved.contains(&tx.id);
    decided.settle(&Settling { latest_expiry, is_resolved: &is_resolved });
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
fn a_segment_stays_open_until_its_transactions_are_resolved() {
    let mut decided = decided(&[&[(1, 50)], &[(2, 50)]]);
    refer(&mut decided, 1, 2);
    refer(&mut decided, 2, 2);
    settle(&mut decided, &[1]);
    assert_eq!(shape(&decided), (1, vec![true]), "that all have referenced it does not matter");
    assert!(decided.tracks[0].entries[0].open.as_ref().unwrap().root.is_some());
    settle(&mut decided, &[2]);
    assert_eq!(shape(&decided), (2, vec![]));
}

#[test]
fn a_dead_lane_holds_nothing_that_is_resolved() {
    let mut decided = decided(&[&[(1, 50)], &[], &[(2, 50), (3, 50)], &[(4, 101)], &[(5, 50), (6, 101)]]);
    refer(&mut decided, 1, 5);
    settle(&mut decided, &[]);
    assert_eq!(shape(&decided), (0, vec![true, false, true, false, true]), "4 and 6 expire too late");
    settle(&mut decided, &[1, 2]);
    assert_eq!(shape(&decided), (2, vec![true, false, true]));
    assert_eq!(decided.referenced(2, 0), LaneSeq::new(2), "who lags counts as having referenced the floor");
    assert_eq!(decided.referenced(1, 0), LaneSeq::new(5));
    settle(&mut decided, &[1, 2, 5]);
    assert_eq!(shape(&decided), (2, vec![true, false, false]), "the digests above an open segment stay");
    settle(&mut decided, &[2, 3]);
    assert_eq!(shape(&decided), (5, vec![]));
    assert_eq!(decided.tracks[0].get(LaneSeq::new(5)).map(|entry| entry.digest), None);
}

#[test]
fn late_transactions_leave_the_runs_but_runs_keep_their_places() {
    let mut decided = decided(&[&[(1, 101), (2, 50), (3, 101)]]);
    decided.extend(1, SegmentDigest::from_bytes([9; 32]), vec![run(&[(4, 101)]), run(&[(5, 50)])]);
    settle(&mut decided, &[]);
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
    settle(&mut decided, &[]);
    let open = decided.tracks[0].entries[0].open.as_ref().unwrap();
    assert_eq!(Open::restored(open.runs.to_vec()).root, open.root);
    assert_ne!(Open::restored(vec![run(&[(1, 50)]), run(&[(2, 60)])]).root, open.root);
}

/// A set of the validators with these seeds and incarnations, and its lanes by seed.
fn set(members: &[(u8, u32)]) -> (ValidatorSet, impl Fn(u8) -> usize) {
    let id = |seed: u8| SigningKey::from_seed(&[seed; 32]).validator();
    let member = |(seed, incarnation): &(u8, u32)| Validator {
        id: id(*seed),
        power: VotingPower::new(1),
        incarnation: Incarnation::new(*incarnation),
    };
    let set = ValidatorSet::new(members.iter().map(member).collect()).unwrap();
    let places = set.clone();
    (set, move |seed| places.index_of(&id(seed)).unwrap())
}

fn lane(seed: u8, incarnation: u32) -> LaneId {
    let validator = SigningKey::from_seed(&[seed; 32]).validator();
    LaneId { validator, incarnation: Incarnation::new(incarnation) }
}

/// Three lanes, each with two segments of one transaction, of which each lane has referenced the first of each other.
fn three(at: impl Fn(u8) -> usize) -> Decided {
    let mut decided = Decided::new(3);
    for (seed, ids) in [(1, [10, 11]), (2, [20, 21]), (3, [30, 31])] {
        for id in ids {
            decided.extend(at(seed), SegmentDigest::from_bytes([id; 32]), vec![run(&[(id, 50)])]);
        }
    }
    for (from, to) in [(1, 2), (1, 3), (2, 1), (2, 3), (3, 1), (3, 2)] {
        decided.set_referenced(at(from), at(to), LaneSeq::new(1));
    }
    settle(&mut decided, &[]);
    decided
}

#[test]
fn a_lane_that_leaves_is_kept_until_it_is_settled() {
    let (before, was) = set(&[(1, 1), (2, 1), (3, 1)]);
    let (after, is) = set(&[(1, 1), (3, 1), (4, 1)]);
    let mut decided = three(was);
    decided.change(&before, &after);
    assert_eq!(decided.tracks[is(1)].head(), LaneSeq::new(2));
    assert_eq!(decided.tracks[is(4)].head(), LaneSeq::ZERO);
    let [head] = decided.retired_heads().try_into().unwrap();
    assert_eq!((head.lane, head.seq), (lane(2, 1), LaneSeq::new(2)));
    let referenced = |decided: &Decided, from: u8, to: LaneId| {
        decided.referenced(is(from), decided.place_of(&after, &to).unwrap()).get()
    };
    for other in [lane(1, 1), lane(2, 1)] {
        assert_eq!(referenced(&decided, 3, other), 1);
        assert_eq!(referenced(&decided, 4, other), 0, "a new lane has referenced nothing");
    }
    assert_eq!(referenced(&decided, 1, lane(4, 1)), 0);
    settle(&mut decided, &[20]);
    assert_eq!(decided.retired_heads(), [head]);
    assert_eq!(referenced(&decided, 4, lane(2, 1)), 1, "the floor");
    settle(&mut decided, &[21, 10]);
    assert_eq!(decided.retired_heads(), []);
    assert_eq!(decided.refs.len(), 9);
    assert_eq!((referenced(&decided, 3, lane(1, 1)), referenced(&decided, 4, lane(1, 1))), (1, 1));
}

#[test]
fn a_validator_that_begins_a_new_lane_goes_on_where_it_stopped() {
    let (before, was) = set(&[(1, 1), (2, 1), (3, 1)]);
    let (after, is) = set(&[(1, 1), (2, 2), (3, 1)]);
    let mut decided = three(was);
    decided.change(&before, &after);
    let place = |lane: LaneId| decided.place_of(&after, &lane).unwrap();
    assert_eq!((place(lane(2, 2)), place(lane(2, 1))), (is(2), 3));
    assert_eq!(decided.referenced(is(2), place(lane(1, 1))), LaneSeq::new(1));
    assert_eq!(decided.referenced(is(2), place(lane(2, 1))), LaneSeq::new(2), "its own");
    assert_eq!(decided.referenced(is(1), place(lane(2, 1))), LaneSeq::new(1));
    assert_eq!(decided.referenced(is(1), place(lane(2, 2))), LaneSeq::ZERO);
    assert_eq!(decided.place_of(&after, &lane(2, 3)), None);
}

#[test]
fn a_validator_that_comes_back_references_its_old_lane_again() {
    let (with, was) = set(&[(1, 1), (2, 1), (3, 1)]);
    let (without, _) = set(&[(1, 1), (3, 1)]);
    let (again, is) = set(&[(1, 1), (2, 2), (3, 1)]);
    let mut decided = three(was);
    decided.change(&with, &without);
    decided.change(&without, &again);
    let old = decided.place_of(&again, &lane(2, 1)).unwrap();
    assert_eq!(decided.referenced(is(2), old), LaneSeq::ZERO, "what it held when it left counts no more");
    assert_eq!(decided.referenced(is(1), old), LaneSeq::new(1));
}
