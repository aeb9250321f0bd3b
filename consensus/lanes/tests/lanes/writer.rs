//! The writer: order, ages, splitting, flow control, and drafts that never change.

use crate::common::{Author, MS, World, at, transaction};
use fairlane_lanes::{LaneWriter, ReadySegment, SealMismatch, SubmitRefusal};
use fairlane_types::{Event, LaneSeq, Segment, SegmentDigest, SegmentDraft, SegmentRef, Timestamp};

fn writer(world: &World) -> LaneWriter {
    LaneWriter::new(world.lane(0), SegmentRef::empty(world.lane(0)), world.params.clone())
}

fn seal(world: &World, draft: &SegmentDraft) -> Segment {
    draft.clone().seal(world.network, &world.params, &world.keys[0]).expect("a draft is valid")
}

/// Seals and goes on; the decided head stays where the lane began.
fn next(world: &World, writer: &mut LaneWriter, now: Timestamp) -> Option<Segment> {
    let draft = writer.seal(now, &SegmentRef::empty(world.lane(0)))?;
    let segment = seal(world, &draft);
    writer.sealed(&segment).expect("it is the draft");
    Some(segment)
}

fn peer(world: &World, lane: usize, seq: u64, bytes: u64) -> ReadySegment {
    let digest = SegmentDigest::from_bytes([(seq % 250) as u8 + 1; 32]);
    ReadySegment {
        reference: SegmentRef { lane: world.lane(lane), seq: LaneSeq::new(seq), digest },
        bytes,
        payload: true,
    }
}

#[test]
fn events_keep_the_order_and_time_of_receipt() {
    let world = World::new(4);
    let mut writer = writer(&world);
    writer.submit(transaction(1, b"a", 1, 10), at(1)).unwrap();
    writer.submit(transaction(1, b"a", 2, 10), at(2)).unwrap();
    writer.observe(peer(&world, 1, 1, 100), at(3));
    writer.observe(peer(&world, 2, 1, 100), at(4));
    writer.submit(transaction(1, b"a", 3, 10), at(5)).unwrap();
    let segment = next(&world, &mut writer, at(10)).unwrap();
    assert_eq!(
        segment.events(),
        [
            Event::Own { count: 2, age: 8 * MS },
            Event::Peer { segment: peer(&world, 1, 1, 0).reference, age: 7 * MS },
            Event::Peer { segment: peer(&world, 2, 1, 0).reference, age: 6 * MS },
            Event::Own { count: 1, age: 5 * MS },
        ]
    );
    assert_eq!(segment.header().timestamp, at(10));
}

#[test]
fn a_run_of_one_chain_is_one_reference() {
    let world = World::new(4);
    let mut writer = writer(&world);
    for (lane, seq) in [(1, 1), (1, 2), (1, 3), (2, 1), (1, 4), (1, 4)] {
        writer.observe(peer(&world, lane, seq, 100), at(seq));
    }
    let segment = next(&world, &mut writer, at(10)).unwrap();
    let seqs: Vec<u64> = segment
        .events()
        .iter()
        .map(|event| match event {
            Event::Peer { segment, .. } => segment.seq.get(),
            Event::Own { .. } => 0,
        })
        .collect();
    assert_eq!(seqs, [3, 1, 4, 4], "another variant of one place has an event of its own");
}

#[test]
fn times_never_go_back_with_the_clock() {
    let world = World::new(4);
    let mut writer = writer(&world);
    writer.submit(transaction(1, b"a", 1, 10), at(10)).unwrap();
    writer.observe(peer(&world, 1, 1, 100), at(5));
    let first = next(&world, &mut writer, at(7)).unwrap();
    assert_eq!(first.header().timestamp, at(10));
    assert!(first.events().iter().all(|event| event.age() == 0));
    writer.submit(transaction(1, b"a", 2, 10), at(6)).unwrap();
    let second = next(&world, &mut writer, at(8)).unwrap();
    assert_eq!(second.header().timestamp, at(10));
}

#[test]
fn a_draft_stays_the_same_until_it_is_sealed() {
    let world = World::new(4);
    let mut writer = writer(&world);
    let decided = SegmentRef::empty(world.lane(0));
    writer.submit(transaction(1, b"a", 1, 10), at(1)).unwrap();
    let draft = writer.seal(at(2), &decided).unwrap();
    writer.submit(transaction(1, b"a", 2, 10), at(3)).unwrap();
    let again = writer.seal(at(4), &decided).unwrap();
    assert_eq!(seal(&world, &draft), seal(&world, &again));
    assert!(writer.has_content());

    let other = world.author(0).plain(3);
    assert_eq!(writer.sealed(&other), Err(SealMismatch(other.reference())));
    writer.sealed(&seal(&world, &draft)).unwrap();
    assert_eq!(writer.last().seq, LaneSeq::new(1));
    let second = next(&world, &mut writer, at(5)).unwrap();
    assert_eq!(second.parent(), seal(&world, &draft).reference());
    assert_eq!(second.transactions().len(), 1);
    assert!(!writer.has_content());
}

#[test]
fn references_are_split_over_segments_by_their_bytes() {
    let mut world = World::new(4);
    world.params.max_reference_bytes = 2 * 1024 * 1024;
    let mut writer = writer(&world);
    for seq in 1..=5 {
        writer.observe(peer(&world, 1, seq, 800_000), at(seq));
    }
    let last: Vec<u64> = (0..3)
        .map(|_| match next(&world, &mut writer, at(10)).unwrap().events() {
            [Event::Peer { segment, .. }] => segment.seq.get(),
            events => panic!("one reference expected, not {events:?}"),
        })
        .collect();
    assert_eq!(last, [2, 4, 5]);
}

#[test]
fn transactions_are_split_over_segments_by_size_and_number() {
    let mut world = World::new(4);
    world.params.max_segment_bytes = 10_000;
    world.params.max_segment_transactions = 20;
    let mut writer = writer(&world);
    for number in 0..30 {
        writer.submit(transaction(1, b"s", number, 10), at(1)).unwrap();
    }
    for number in 0..3 {
        writer.submit(transaction(1, b"l", number, 4_000), at(1)).unwrap();
    }
    assert!(writer.is_full());
    let counts: Vec<usize> =
        (0..3).map(|_| next(&world, &mut writer, at(2)).unwrap().transactions().len()).collect();
    assert_eq!(counts, [20, 12, 1]);
    assert!(!writer.has_content());
}

#[test]
fn a_lane_stops_at_its_window_of_segments() {
    let mut world = World::new(4);
    world.params.lane_window_segments = 3;
    let mut writer = writer(&world);
    let segments: Vec<Segment> = (0..3).map(|_| next(&world, &mut writer, at(1)).unwrap()).collect();
    assert!(next(&world, &mut writer, at(1)).is_none());
    assert!(writer.seal(at(2), &segments[0].reference()).is_some());
}

#[test]
fn a_lane_stops_at_its_window_of_bytes() {
    let mut world = World::new(4);
    world.params.lane_window_bytes = 10_000;
    let mut writer = writer(&world);
    for number in 0..4 {
        writer.submit(transaction(1, b"a", number, 4_000), at(1)).unwrap();
    }
    let first = next(&world, &mut writer, at(1)).unwrap();
    assert_eq!(first.transactions().len(), 2);
    let stuck = next(&world, &mut writer, at(2)).unwrap();
    assert!(stuck.transactions().is_empty(), "only a heartbeat fits the rest of the window");
    let draft = writer.seal(at(3), &first.reference()).unwrap();
    assert!(draft.transactions.len() == 2);

    let mut restarted = LaneWriter::new(world.lane(0), stuck.reference(), world.params.clone());
    restarted.recall(&first);
    restarted.recall(&stuck);
    restarted.submit(transaction(1, b"a", 9, 4_000), at(1)).unwrap();
    let draft = restarted.seal(at(1), &SegmentRef::empty(world.lane(0))).unwrap();
    assert!(draft.transactions.is_empty());
}

#[test]
fn a_writer_behind_its_decided_head_stays_silent() {
    let world = World::new(4);
    let mut author: Author = world.author(0);
    author.plain(0);
    let decided = author.plain(1).reference();
    assert!(writer(&world).seal(at(1), &decided).is_none());
}

#[test]
fn a_full_queue_and_a_large_transaction_are_refused() {
    let mut world = World::new(4);
    world.params.max_segment_transactions = 2;
    world.params.max_leg_bytes = 100;
    let mut writer = writer(&world);
    for number in 0..16 {
        writer.submit(transaction(1, b"a", number, 10), at(1)).unwrap();
    }
    assert!(matches!(writer.submit(transaction(1, b"a", 16, 10), at(1)), Err(SubmitRefusal::Full { .. })));
    assert!(matches!(writer.submit(transaction(1, b"a", 17, 101), at(1)), Err(SubmitRefusal::Invalid(_))));
}

#[test]
fn heartbeats_of_others_are_no_content() {
    let world = World::new(4);
    let mut writer = writer(&world);
    writer.observe(ReadySegment { payload: false, ..peer(&world, 1, 1, 100) }, at(1));
    assert!(!writer.has_content());
    writer.observe(peer(&world, 2, 1, 100), at(2));
    assert!(writer.has_content());
    let segment = next(&world, &mut writer, at(3)).unwrap();
    assert_eq!(segment.events().len(), 2);
    assert!(!writer.has_content());
}

#[test]
fn own_segments_are_not_referenced() {
    let world = World::new(4);
    let mut writer = writer(&world);
    writer.observe(peer(&world, 0, 1, 100), at(1));
    assert!(next(&world, &mut writer, at(3)).unwrap().events().is_empty());
}

#[test]
fn segments_of_an_earlier_lane_of_the_same_validator_are_referenced() {
    let world = World::new(4);
    let mut writer = writer(&world);
    let mut earlier = peer(&world, 0, 1, 100);
    earlier.reference.lane.incarnation = earlier.reference.lane.incarnation.next();
    writer.observe(earlier, at(1));
    assert_eq!(next(&world, &mut writer, at(3)).unwrap().events().len(), 1);
}

#[test]
fn a_writer_that_cannot_write_keeps_a_bounded_queue() {
    let world = World::new(4);
    let mut writer = writer(&world);
    writer.submit(transaction(1, b"a", 1, 10), at(1)).unwrap();
    for seq in 1..=100_000 {
        writer.observe(peer(&world, 1 + (seq % 3) as usize, seq, 1), at(2));
    }
    let mut events = 0;
    while writer.has_content() {
        events += next(&world, &mut writer, at(3)).unwrap().events().len();
    }
    assert!(events <= 65_536 + 2, "{events} events");
    assert!(events > 3);
}
