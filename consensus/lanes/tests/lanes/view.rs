//! The view: readiness, fetching, windows, and bounded memory.

use crate::common::{World, after, at, cut, evidence, insert_all, ready, ready_segments, rules, transaction};
use fairlane_lanes::{DropReason, LaneEffect, LaneView, MAX_WANTED};
use fairlane_types::testing::Random;
use fairlane_types::{Height, Incarnation, LaneId, LaneSeq, SegmentDigest, SegmentRef, ValidatorSet};

fn dropped(effects: &[LaneEffect]) -> Vec<DropReason> {
    let dropped = effects.iter().filter_map(|effect| match effect {
        LaneEffect::Dropped { why, .. } => Some(*why),
        _ => None,
    });
    dropped.collect()
}

fn fetched(effects: &[LaneEffect]) -> Vec<SegmentRef> {
    let fetched = effects.iter().filter_map(|effect| match effect {
        LaneEffect::Fetch { wanted, .. } => Some(*wanted),
        _ => None,
    });
    fetched.collect()
}

#[test]
fn a_segment_is_ready_after_its_parent_and_its_references() {
    let world = World::new(4);
    let [mut a, mut b, mut c, _] = world.authors().try_into().ok().unwrap();
    let (a1, a2) = (a.plain(1), a.plain(1));
    let b1 = b.write(&[a2.reference()], Vec::new());
    let c1 = c.write(&[b1.reference()], Vec::new());
    let mut view = world.view();

    let effects = view.insert(c1.clone(), at(1));
    assert_eq!((ready(&effects), fetched(&effects)), (vec![], vec![b1.reference()]));
    let effects = view.insert(b1.clone(), at(2));
    assert_eq!((ready(&effects), fetched(&effects)), (vec![], vec![a2.reference()]));
    let effects = view.insert(a2.clone(), at(3));
    assert_eq!((ready(&effects), fetched(&effects)), (vec![], vec![a1.reference()]));
    assert_eq!(view.wanted(), [a1.reference()]);
    let effects = view.insert(a1.clone(), at(4));
    let order = [&a1, &a2, &b1, &c1].map(|segment| segment.reference());
    assert_eq!(ready(&effects), order, "in causal order, each once");
    assert!(view.wanted().is_empty());
    assert!(view.insert(a1, at(5)).is_empty());
}

#[test]
fn payload_echoes_twice_and_no_further() {
    let world = World::new(4);
    let [mut a, mut b, mut c, mut d] = world.authors().try_into().ok().unwrap();
    let quiet = d.plain(0);
    let carries = a.plain(1);
    let answers = b.write(&[carries.reference(), quiet.reference()], Vec::new());
    let completes = c.write(&[answers.reference()], Vec::new());
    let echo = d.write(&[completes.reference()], Vec::new());
    let mut view = world.view();
    let effects = insert_all(&mut view, &[quiet, carries, answers, completes, echo], at(1));
    let payload: Vec<bool> = ready_segments(&effects).iter().map(|ready| ready.payload).collect();
    assert_eq!(payload, [false, true, true, false, false]);
}

#[test]
fn segments_of_unknown_lanes_and_below_the_head_are_dropped() {
    let world = World::new(4);
    let stranger = World::new(5);
    let outside = (0..5).find(|at| world.validators.get(&stranger.lane(*at).validator).is_none()).unwrap();
    let mut view = world.view();
    let effects = view.insert(stranger.author(outside).plain(1), at(1));
    assert_eq!(dropped(&effects), [DropReason::UnknownLane]);

    let mut authors = world.authors();
    let heads: Vec<_> = authors.iter_mut().map(|author| author.plain(0)).collect();
    let next = authors[0].plain(0);
    let base =
        after(&world.base(), &cut(&[&next, &heads[1], &heads[2], &heads[3]].map(|s| s.reference())), &[]);
    let mut late = LaneView::new(&base, world.params.clone());
    assert_eq!(dropped(&late.insert(heads[0].clone(), at(1))), [DropReason::Decided]);
}

#[test]
fn a_segment_beyond_the_window_comes_again_later() {
    let mut world = World::new(4);
    world.params.lane_window_segments = 2;
    let mut authors = world.authors();
    let mut view = world.view();
    let segments: Vec<_> = (0..3).map(|_| authors[0].plain(1)).collect();
    let effects = insert_all(&mut view, &segments, at(1));
    assert_eq!(dropped(&effects), [DropReason::BeyondWindow]);

    let referencing = authors[1].write(&[segments[2].reference()], Vec::new());
    let effects = view.insert(referencing.clone(), at(2));
    assert!(fetched(&effects).is_empty() && view.wanted().is_empty(), "it would not be taken in now");
    let others: Vec<_> = authors[2..].iter_mut().map(|author| author.plain(0)).collect();
    insert_all(&mut view, &others, at(2));
    let heads = [
        segments[0].reference(),
        SegmentRef::empty(world.lane(1)),
        others[0].reference(),
        others[1].reference(),
    ];
    view.decided(&after(&world.base(), &cut(&heads), &[]), at(3));
    assert_eq!(view.wanted(), [segments[2].reference()]);
    let effects = view.insert(segments[2].clone(), at(4));
    assert_eq!(ready(&effects), [segments[2].reference(), referencing.reference()]);
}

#[test]
fn lower_places_take_the_room_of_later_ones() {
    let mut world = World::new(4);
    world.params.lane_window_bytes = 10_000;
    let mut author = world.author(0);
    let segments: Vec<_> =
        (0..4).map(|number| author.write(&[], vec![transaction(1, b"a", number, 4_000)])).collect();
    let mut view = world.view();
    insert_all(&mut view, &segments[2..], at(1));
    let effects = view.insert(segments[1].clone(), at(2));
    assert_eq!(dropped(&effects), [DropReason::Evicted]);
    assert!(!view.contains(&segments[3].digest()));
    let effects = view.insert(segments[0].clone(), at(3));
    assert_eq!(ready(&effects), [segments[0].reference(), segments[1].reference()]);
    assert_eq!(dropped(&view.insert(segments[2].clone(), at(4))), [DropReason::LaneFull]);
}

#[test]
fn who_references_too_much_at_once_is_not_followed() {
    let mut world = World::new(4);
    world.params.max_reference_bytes = 10_000;
    let [mut a, mut b, mut c, mut d] = world.authors().try_into().ok().unwrap();
    let big: Vec<_> = (0..3).map(|number| a.write(&[], vec![transaction(1, b"a", number, 4_000)])).collect();
    let greedy = b.write(&[big[2].reference()], Vec::new());
    let modest = [c.write(&[big[1].reference()], Vec::new()), c.write(&[big[2].reference()], Vec::new())];
    let mut view = world.view();
    insert_all(&mut view, &big, at(1));
    assert!(ready(&view.insert(greedy.clone(), at(2))).is_empty());
    let effects = insert_all(&mut view, &modest, at(2));
    assert_eq!(ready(&effects).len(), 2);

    insert_all(&mut view, &[d.plain(0)], at(2));
    let heads =
        [big[0].reference(), SegmentRef::empty(world.lane(1)), SegmentRef::empty(world.lane(2)), d.last];
    let effects = view.decided(&after(&world.base(), &cut(&heads), &[]), at(3));
    assert_eq!(ready(&effects), [greedy.reference()], "decided segments cost nothing any more");
}

#[test]
fn what_a_cut_decides_becomes_ready() {
    let world = World::new(4);
    let [mut a, mut b, mut c, mut d] = world.authors().try_into().ok().unwrap();
    let (a1, a2) = (a.plain(1), a.plain(1));
    let b1 = b.write(&[a2.reference()], Vec::new());
    let (c1, d1) = (c.plain(0), d.plain(0));
    let mut view = world.view();
    insert_all(&mut view, &[c1.clone(), d1.clone()], at(1));
    let base = after(&world.base(), &cut(&[a2.clone(), b1.clone(), c1, d1].map(|s| s.reference())), &[]);
    assert_eq!(view.content(&world.base(), &base.cut), Err(vec![a2.reference(), b1.reference()]));
    view.require(&[a2.reference(), b1.reference()]);
    insert_all(&mut view, &[b1.clone(), a2.clone()], at(2));
    assert_eq!(view.content(&world.base(), &base.cut), Err(vec![a1.reference()]));
    let mut effects = view.insert(a1.clone(), at(3));
    assert!(view.content(&world.base(), &base.cut).is_ok());
    effects.extend(view.decided(&base, at(4)));
    assert_eq!(ready(&effects), [&a1, &a2, &b1].map(|segment| segment.reference()));
    assert!(view.decided(&base, at(5)).is_empty(), "a repeated decision changes nothing");
}

#[test]
fn a_view_follows_decisions_whose_segments_it_lacks() {
    let world = World::new(4);
    let mut authors = world.authors();
    let first: Vec<_> = authors.iter_mut().map(|author| author.plain(1)).collect();
    let second: Vec<_> = authors.iter_mut().map(|author| author.plain(1)).collect();
    let third = authors[0].plain(1);
    let heads: Vec<_> = second.iter().map(|segment| segment.reference()).collect();
    let base = after(&world.base(), &cut(&heads), &[]);
    let mut view = world.view();
    insert_all(&mut view, &first, at(1));
    let effects = view.decided(&base, at(2));
    assert_eq!(ready(&effects), heads, "each head stands for what it builds on");
    assert_eq!(ready(&view.insert(third.clone(), at(3))), [third.reference()]);
    assert_eq!(view.held_segments(), 1);
}

#[test]
fn what_waits_below_a_decided_head_is_forgotten() {
    let world = World::new(4);
    let mut authors = world.authors();
    let [_, second, third] = [0, 1, 2].map(|_| authors.iter_mut().map(|a| a.plain(1)).collect::<Vec<_>>());
    let mut view = world.view();
    assert!(ready(&insert_all(&mut view, &second, at(1))).is_empty());
    assert_eq!((view.held_segments(), view.wanted().len()), (4, 4));
    let heads: Vec<_> = third.iter().map(|segment| segment.reference()).collect();
    view.decided(&after(&world.base(), &cut(&heads), &[]), at(2));
    assert_eq!((view.held_segments(), view.wanted().len()), (0, 0));
    assert_eq!(view.held_bytes(), 0);
}

#[test]
fn a_lane_of_another_registration_is_another_lane() {
    let world = World::new(4);
    let [mut a, mut b, _, _] = world.authors().try_into().ok().unwrap();
    let elsewhere = LaneId { validator: world.lane(0).validator, incarnation: Incarnation::new(7) };
    let old =
        SegmentRef { lane: elsewhere, seq: LaneSeq::new(3), digest: SegmentDigest::from_bytes([3; 32]) };
    let mut view = world.view();
    view.insert(a.plain(0), at(1));
    let b1 = b.write(&[old], Vec::new());
    assert_eq!(
        ready(&view.insert(b1.clone(), at(1))),
        [b1.reference()],
        "nobody waits for a lane outside the set"
    );
}

#[test]
fn a_changed_set_keeps_the_lanes_that_stay() {
    let small = World::new(4);
    let big = World::new(7);
    let mut view = small.view();
    let authors: Vec<_> = (0..4).map(|at| small.author(at)).collect();
    let segments: Vec<_> = authors.into_iter().map(|mut author| author.plain(1)).collect();
    insert_all(&mut view, &segments, at(1));
    let decided = after(&small.base(), &small.base().cut, &[]);
    let grown = fairlane_lanes::CutBase { validators: big.validators.clone(), ..decided };
    view.decided(&grown, at(2));
    assert_eq!(view.held_segments(), 4);
    let newcomer = (0..7).find(|at| small.validators.get(&big.lane(*at).validator).is_none()).unwrap();
    let references: Vec<_> = segments.iter().map(|segment| segment.reference()).collect();
    let joined = big.author(newcomer).write(&references, Vec::new());
    assert_eq!(ready(&view.insert(joined.clone(), at(3))), [joined.reference()]);
    let heads = (0..7).map(|at| {
        let segment = segments.iter().chain([&joined]).find(|segment| segment.header().lane == big.lane(at));
        segment.map_or(SegmentRef::empty(big.lane(at)), |segment| segment.reference())
    });
    let next = cut(&heads.collect::<Vec<_>>());
    assert_eq!(view.check_cut(&grown, &next, &[], rules()), Ok(()));
    assert_eq!(view.build_cut(&grown, &[]), Some(next));

    let shrunk = fairlane_lanes::CutBase { validators: small.validators.clone(), ..grown };
    view.decided(&shrunk, at(4));
    assert_eq!(view.held_segments(), 4, "what left the set is forgotten");
}

#[test]
fn a_lane_that_leaves_is_referenced_once_more_at_its_decided_head() {
    let world = World::new(4);
    let mut view = world.view();
    let mut leaver = world.author(3);
    let segments: Vec<_> = (0..3).map(|_| leaver.plain(1)).collect();
    insert_all(&mut view, &segments, at(1));
    let [_, head, beyond] = [0, 1, 2].map(|at: usize| segments[at].reference());
    let stay: Vec<_> = (0..3).map(|at| world.lane(at)).collect();
    let members = world.validators.members().iter().filter(|member| stay.contains(&member.lane()));
    let shrunk = fairlane_lanes::CutBase {
        height: Height::FIRST,
        cut: cut(&stay.iter().map(|lane| SegmentRef::empty(*lane)).collect::<Vec<_>>()),
        retired: vec![head],
        validators: ValidatorSet::new(members.copied().collect()).unwrap(),
        ..world.base()
    };
    assert_eq!(shrunk.head(head.lane), head);
    assert_eq!(ready(&view.decided(&shrunk, at(2))), [head], "not {beyond:?}, which nobody decided");
    assert_eq!(view.held_segments(), 0);
    assert_eq!(view.decided_heads().iter().map(|ready| ready.reference).collect::<Vec<_>>(), [head]);
    let later = fairlane_lanes::CutBase { height: Height::new(2), ..shrunk.clone() };
    assert_eq!(ready(&view.decided(&later, at(3))), [], "once");
    let settled = fairlane_lanes::CutBase { retired: Vec::new(), ..shrunk };
    view.decided(&settled, at(4));
    assert!(view.decided_heads().is_empty());
}

#[test]
fn a_missing_past_of_garbage_asks_for_little() {
    let world = World::new(4);
    let mut view = world.view();
    let mut author = world.author(0);
    let mut asked = 0;
    for round in 0..40u8 {
        let nonsense: Vec<_> = (0..100u8)
            .map(|n| SegmentRef {
                lane: world.lane(1 + usize::from(n % 3)),
                seq: LaneSeq::new(1 + u64::from(n)),
                digest: SegmentDigest::from_bytes([round.wrapping_mul(101).wrapping_add(n) | 1; 32]),
            })
            .collect();
        asked += fetched(&view.insert(author.write(&nonsense, Vec::new()), at(1))).len();
        assert!(view.wanted().len() <= MAX_WANTED);
    }
    assert!(asked <= 40 * 64, "{asked}");
    assert!(view.wanted().len() <= 64, "one lane names few");
}

#[test]
fn memory_is_bounded_whatever_comes() {
    let mut world = World::new(4);
    world.params.lane_window_segments = 50;
    world.params.lane_window_bytes = 100_000;
    world.params.max_segment_bytes = 20_000;
    let seed = 7;
    let mut random = Random(seed);
    let mut view = world.view();
    let mut variants: Vec<Vec<_>> = world.authors().into_iter().map(|author| vec![author]).collect();
    for step in 0..3_000 {
        let lane = random.below(4) as usize;
        let pick = random.below(variants[lane].len() as u64) as usize;
        let mut author = variants[lane][pick].clone();
        let references: Vec<_> = (0..random.below(4))
            .map(|_| {
                variants[(lane + 1) % 4][random.below(variants[(lane + 1) % 4].len() as u64) as usize].last
            })
            .filter(|reference| reference.seq.get() > 0)
            .collect();
        let bytes = random.below(10_000) as usize;
        let segment = author.write(&references, vec![transaction(1, b"g", step, bytes)]);
        if random.percent(30) {
            view.require(&[segment.reference()]);
        }
        if random.percent(70) {
            view.insert(segment, at(step));
        }
        variants[lane].push(author);
        let limit = 4 * 2 * u64::from(world.params.lane_window_bytes);
        assert!(view.held_bytes() <= limit, "seed {seed}, step {step}: {} bytes", view.held_bytes());
        assert!(view.wanted().len() <= MAX_WANTED);
    }
    assert!(view.held_segments() > 0);
}

#[test]
fn evidence_is_told_once_for_a_lane() {
    let world = World::new(4);
    let mut author = world.author(0);
    let first = author.clone().plain(0);
    let others: Vec<_> = (1..4).map(|count| author.clone().plain(count)).collect();
    author.plain(9);
    let mut view = world.view();
    view.insert(first.clone(), at(1));
    let effects = insert_all(&mut view, &others, at(2));
    let [proof] = evidence(&effects).try_into().ok().unwrap();
    assert_eq!(proof.offender(), world.lane(0).validator);
    assert_eq!(dropped(&effects), [DropReason::Equivocation; 3]);
    assert_eq!(view.held_segments(), 1);

    let mut mirrored = world.view();
    mirrored.insert(others[0].clone(), at(1));
    assert_eq!(evidence(&mirrored.insert(first, at(2))), [proof], "the same pair makes the same evidence");
}
