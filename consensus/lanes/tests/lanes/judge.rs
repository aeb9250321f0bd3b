//! Judging cuts: each rule broken once, and timeliness with its excuses.

use crate::common::{Author, World, after, at, cut, evidence, fresh, insert_all, rules, transaction};
use fairlane_lanes::{CutBase, CutRefusal, LaneView, RefusalKind};
use fairlane_types::{Cut, Evidence, GroupId, LaneSeq, Segment, SegmentRef};
use std::sync::Arc;

/// Four lanes with one decided segment each.
struct Case {
    world: World,
    authors: Vec<Author>,
    view: LaneView,
    base: CutBase,
}

impl Case {
    fn new(change: impl FnOnce(&mut World)) -> Self {
        let mut world = World::new(4);
        change(&mut world);
        let mut authors = world.authors();
        let mut view = world.view();
        let first: Vec<_> = authors.iter_mut().map(|author| author.plain(0)).collect();
        insert_all(&mut view, &first, at(0));
        let heads: Vec<_> = first.iter().map(|segment| segment.reference()).collect();
        let base = after(&world.base(), &cut(&heads), &[]);
        view.decided(&base, at(0));
        Self { world, authors, view, base }
    }

    fn add(&mut self, lane: usize, references: &[SegmentRef], transactions: u64) -> Arc<Segment> {
        let id = lane as u8;
        let salt = self.authors[lane].last.seq.get() * 1_000;
        let transactions = (0..transactions).map(|n| transaction(2, &[id], salt + n, 10)).collect();
        let segment = self.authors[lane].write(references, transactions);
        self.view.insert(segment.clone(), at(10));
        segment
    }

    /// The tips of all authors, with some replaced.
    fn tips(&self, changed: &[(usize, SegmentRef)]) -> Cut {
        let mut heads: Vec<_> = self.authors.iter().map(|author| author.last).collect();
        for (lane, head) in changed {
            heads[*lane] = *head;
        }
        cut(&heads)
    }

    fn judge(&self, cut: &Cut) -> Result<(), CutRefusal> {
        self.view.check_cut(&self.base, cut, &[], rules())
    }

    fn base_head(&self, lane: usize) -> SegmentRef {
        self.base.head(self.world.lane(lane))
    }

    fn fork(&mut self, lane: usize) -> (Arc<Segment>, Evidence) {
        let mut other = self.authors[lane].clone();
        self.add(lane, &[], 1);
        let other = other.plain(2);
        let proof =
            evidence(&self.view.insert(other.clone(), at(10))).pop().expect("two variants are evidence");
        (other, proof)
    }
}

fn advanced() -> Case {
    let mut case = Case::new(|_| {});
    (0..4).for_each(|lane| drop(case.add(lane, &[], 1)));
    case
}

#[test]
fn a_cut_within_the_rules_is_accepted() {
    let case = advanced();
    assert_eq!(case.judge(&case.tips(&[])), Ok(()));
    let behind = case.tips(&[(0, case.base_head(0))]);
    assert_eq!(case.judge(&behind), Ok(()), "three of four lanes are a quorum");
    let content = case.view.content(&case.base, &behind).unwrap();
    assert_eq!(content.lanes.iter().map(|lane| lane.segments.len()).collect::<Vec<_>>(), [0, 1, 1, 1]);
}

#[test]
fn it_names_exactly_the_lanes_of_the_set() {
    let case = advanced();
    let three = cut(&case.tips(&[]).heads()[..3]);
    assert_eq!(case.judge(&three), Err(CutRefusal::Lanes));
    let mut other = case.tips(&[]).heads().to_vec();
    other[3].lane.incarnation = other[3].lane.incarnation.next();
    assert_eq!(case.judge(&cut(&other)), Err(CutRefusal::Lanes));
}

#[test]
fn rule_1_heads_go_forward_along_their_parents() {
    let mut case = advanced();
    let behind = case.tips(&[(0, SegmentRef::empty(case.world.lane(0)))]);
    assert!(matches!(case.judge(&behind), Err(CutRefusal::Behind { .. })));

    let same_place = SegmentRef { digest: case.authors[1].last.digest, ..case.base_head(0) };
    assert!(matches!(case.judge(&case.tips(&[(0, same_place)])), Err(CutRefusal::NotChained { .. })));

    let foreign = SegmentRef { digest: case.authors[1].last.digest, ..case.authors[0].last };
    assert!(matches!(case.judge(&case.tips(&[(0, foreign)])), Err(CutRefusal::NotChained { .. })));

    let mut fork = case.world.author(0);
    fork.plain(5);
    let off = fork.plain(0);
    case.view.require(&[off.reference()]);
    case.view.insert(off.clone(), at(11));
    let refusal = case.judge(&case.tips(&[(0, off.reference())])).unwrap_err();
    assert!(matches!(refusal, CutRefusal::NotChained { .. }), "{refusal}");
    assert_eq!(refusal.kind(), RefusalKind::Invalid);
}

#[test]
fn rule_2_what_is_referenced_is_included() {
    let mut case = advanced();
    let needed = case.authors[0].last;
    let by = case.add(1, &[needed], 0).reference();
    let open = case.tips(&[(0, case.base_head(0))]);
    let refusal = CutRefusal::NotClosed { by, needs: Box::new(needed) };
    assert_eq!(case.judge(&open), Err(refusal));
    assert_eq!(case.judge(&case.tips(&[])), Ok(()));
}

#[test]
fn rule_2_an_equivocator_is_owed_nothing_and_gets_nothing() {
    let mut case = advanced();
    let (_, proof) = case.fork(0);
    let needed = case.authors[0].last;
    case.add(1, &[needed], 0);
    let frozen = case.tips(&[(0, case.base_head(0))]);
    assert!(matches!(case.judge(&frozen), Err(CutRefusal::NotClosed { .. })), "without the evidence");
    let judge = |cut: &Cut, evidence: &[Evidence]| case.view.check_cut(&case.base, cut, evidence, rules());
    assert_eq!(judge(&frozen, std::slice::from_ref(&proof)), Ok(()));
    let lane = case.world.lane(0);
    assert_eq!(judge(&case.tips(&[]), &[proof]), Err(CutRefusal::FrozenAdvanced { lane }));

    let mut later = case.base.clone();
    later.equivocators.insert(lane);
    assert_eq!(case.view.check_cut(&later, &frozen, &[], rules()), Ok(()));
    let refused = case.view.check_cut(&later, &case.tips(&[]), &[], rules());
    assert_eq!(refused, Err(CutRefusal::FrozenAdvanced { lane }));
}

#[test]
fn rule_2_reads_places_so_that_a_rival_variant_closes_too() {
    let mut case = advanced();
    let (rival, _) = case.fork(0);
    let by = case.authors[1].write(&[rival.reference()], Vec::new());
    case.view.insert(by, at(11));
    assert_eq!(case.judge(&case.tips(&[])), Ok(()), "the chain reaches the place with another variant");
}

#[test]
fn rule_3_a_quorum_of_lanes_advances() {
    let case = advanced();
    let two = case.tips(&[(0, case.base_head(0)), (1, case.base_head(1))]);
    assert_eq!(case.judge(&two), Err(CutRefusal::TooFewLanes { advanced: 2, quorum: 3 }));
}

#[test]
fn rule_4_a_lane_advances_by_its_window_at_most() {
    let mut case = Case::new(|world| world.params.lane_window_segments = 3);
    let third = [0, 1, 2, 3].map(|_| case.add(0, &[], 0))[2].reference();
    (1..4).for_each(|lane| drop(case.add(lane, &[], 0)));
    assert!(matches!(
        case.judge(&case.tips(&[])),
        Err(CutRefusal::LaneSegments { segments: 4, limit: 3, .. })
    ));
    assert_eq!(case.judge(&case.tips(&[(0, third)])), Ok(()));
}

#[test]
fn rule_4_a_lane_advances_by_a_block_of_bytes_at_most() {
    let mut case = Case::new(|world| world.params.max_block_lane_bytes = 5_000);
    let big = |case: &mut Case, number| {
        let segment = case.authors[0].write(&[], vec![transaction(1, b"b", number, 3_000)]);
        case.view.insert(segment.clone(), at(10));
        segment.reference()
    };
    let first = big(&mut case, 1);
    big(&mut case, 2);
    (1..4).for_each(|lane| drop(case.add(lane, &[], 0)));
    assert!(matches!(case.judge(&case.tips(&[])), Err(CutRefusal::LaneBytes { limit: 5_000, .. })));
    assert_eq!(case.judge(&case.tips(&[(0, first)])), Ok(()));
}

#[test]
fn rule_4_groups_have_a_limit_unless_the_cut_is_minimal() {
    let mut case = Case::new(|world| world.params.max_block_group_transactions = 10);
    let first = case.add(0, &[], 6).reference();
    case.add(0, &[], 6);
    (1..4).for_each(|lane| drop(case.add(lane, &[], 0)));
    let refusal = CutRefusal::GroupTransactions { group: GroupId::new(0), transactions: 12, limit: 10 };
    assert_eq!(case.judge(&case.tips(&[])), Err(refusal));
    assert_eq!(case.judge(&case.tips(&[(0, first)])), Ok(()));

    let all = case.authors[0].last;
    (1..4).for_each(|lane| drop(case.add(lane, &[all], 0)));
    assert!(case.judge(&case.tips(&[])).is_err(), "lanes 1 to 3 could stay one segment lower");

    let mut heavy = Case::new(|world| world.params.max_block_group_transactions = 10);
    heavy.add(0, &[], 6);
    let all = heavy.add(0, &[], 6).reference();
    let heads: Vec<_> = (1..4).map(|lane| heavy.add(lane, &[all], 0)).collect();
    assert!(heavy.judge(&heavy.tips(&[])).is_err(), "the fourth lane is not needed");
    let minimal = heavy.tips(&[(3, heavy.base_head(3))]);
    assert_eq!(heavy.judge(&minimal), Ok(()), "else no cut would be valid: {heads:?}");
    assert_eq!(heavy.judge(&heavy.view.build_cut(&heavy.base, &[]).unwrap()), Ok(()));
}

#[test]
fn bundles_count_in_each_of_their_groups() {
    let mut case = Case::new(|world| world.params.max_block_group_transactions = 2);
    for (number, rollup) in [3, 3, 3, 99].into_iter().enumerate() {
        let segment = case.authors[0].write(&[], vec![transaction(rollup, b"g", number as u64, 10)]);
        case.view.insert(segment, at(10));
    }
    (1..4).for_each(|lane| drop(case.add(lane, &[], 0)));
    let refusal = CutRefusal::GroupTransactions { group: GroupId::new(1), transactions: 3, limit: 2 };
    assert_eq!(case.judge(&case.tips(&[])), Err(refusal));
}

#[test]
fn missing_segments_are_named_and_cure_the_refusal() {
    let mut case = advanced();
    let (unknown, known) = (case.authors[0].plain(0), case.authors[0].plain(0));
    let refusal = case.judge(&case.tips(&[])).unwrap_err();
    assert_eq!(refusal.kind(), RefusalKind::Missing(vec![known.reference()]));
    case.view.insert(known, at(11));
    let refusal = case.judge(&case.tips(&[])).unwrap_err();
    assert_eq!(refusal.kind(), RefusalKind::Missing(vec![unknown.reference()]));
    case.view.insert(unknown, at(12));
    assert_eq!(case.judge(&case.tips(&[])), Ok(()));
}

#[test]
fn a_rival_variant_that_a_cut_needs_is_taken_in_when_required() {
    let mut case = advanced();
    let mut other = case.authors[0].clone();
    case.add(0, &[], 0);
    let rivals = [other.plain(1), other.plain(1), other.plain(1)];
    let wanted = case.tips(&[(0, rivals[2].reference())]);
    for rival in rivals.iter().rev() {
        let Err(CutRefusal::Missing(missing)) = case.judge(&wanted) else { panic!("something is missing") };
        assert_eq!(missing, [rival.reference()]);
        case.view.require(&missing);
        case.view.insert(rival.clone(), at(12));
    }
    assert_eq!(case.judge(&wanted), Ok(()));
}

#[test]
fn a_cut_must_not_leave_out_what_is_long_ready() {
    let case = advanced();
    let without = case.tips(&[(0, case.base_head(0))]);
    let judge = |now, round| case.view.check_cut(&case.base, &without, &[], fresh(at(now), round));
    assert_eq!(judge(510, 0), Ok(()), "ready for 500 ms, which is the bound");
    let refusal = judge(511, 0).unwrap_err();
    assert_eq!(refusal.kind(), RefusalKind::Untimely);
    assert!(matches!(refusal, CutRefusal::LeftOut { segment, .. } if segment.lane == case.world.lane(0)));
    assert_eq!(judge(1_010, 1), Ok(()), "the bound doubles with the round");
    assert!(judge(1_011, 1).is_err());
    assert_eq!(judge(1_000_000, 64), Ok(()));
    assert_eq!(
        case.view.check_cut(&case.base, &without, &[], rules()),
        Ok(()),
        "a re-proposal is not judged"
    );
}

#[test]
fn limits_and_equivocation_excuse_what_is_left_out() {
    let mut case = Case::new(|world| world.params.max_block_group_transactions = 10);
    (0..3).for_each(|lane| drop(case.add(lane, &[], 3)));
    case.add(3, &[], 3);
    let without = case.tips(&[(3, case.base_head(3))]);
    assert_eq!(case.view.check_cut(&case.base, &without, &[], fresh(at(900), 0)), Ok(()), "12 do not fit");

    let mut case = advanced();
    let (_, proof) = case.fork(0);
    let without = case.tips(&[(0, case.base_head(0))]);
    let judge =
        |evidence: &[Evidence]| case.view.check_cut(&case.base, &without, evidence, fresh(at(900), 0));
    assert_eq!(judge(&[proof]), Ok(()));
    assert_eq!(judge(&[]), Ok(()), "its equivocation is known here");
}

#[test]
fn payload_is_told_from_heartbeats() {
    let mut case = Case::new(|_| {});
    let worth = |case: &Case| case.view.has_payload(&case.base, &case.tips(&[]));
    (0..4).for_each(|lane| drop(case.add(lane, &[], 0)));
    assert!(!worth(&case), "heartbeats alone");
    let carries = case.add(0, &[], 1).reference();
    assert!(worth(&case));
    let base = after(&case.base, &case.tips(&[]), &[]);
    case.view.decided(&base, at(20));
    case.base = base;
    assert!(!worth(&case), "nothing new");
    (1..4).for_each(|lane| drop(case.add(lane, &[carries], 0)));
    assert!(worth(&case), "references to transactions, although these are decided");
    assert_eq!(case.authors[0].last.seq, LaneSeq::new(3));
}
