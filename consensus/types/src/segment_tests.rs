//! Each rule of a segment's validity, broken one at a time, both where it is sealed and where it is received.

use super::*;
use crate::ids::{Incarnation, RollupId};
use crate::transaction::Leg;

fn key() -> SigningKey {
    SigningKey::from_seed(&[1; 32])
}

fn network() -> NetworkId {
    NetworkId::from_bytes([7; 32])
}

fn lane(seed: u8) -> LaneId {
    LaneId { validator: SigningKey::from_seed(&[seed; 32]).validator(), incarnation: Incarnation::ZERO }
}

fn transaction(payload: usize) -> Transaction {
    let leg = Leg { rollup: RollupId::new(1), payload: Bytes::from(vec![9; payload]) };
    Transaction::new(vec![leg], Timestamp::from_nanos(5), [3; 16]).unwrap()
}

fn peer(seed: u8, seq: u64, digest: u8, age: u64) -> Event {
    let digest = SegmentDigest::from_bytes([digest; 32]);
    Event::Peer { segment: SegmentRef { lane: lane(seed), seq: LaneSeq::new(seq), digest }, age }
}

fn draft() -> SegmentDraft {
    SegmentDraft {
        lane: lane(1),
        seq: LaneSeq::new(2),
        parent: SegmentDigest::from_bytes([4; 32]),
        timestamp: Timestamp::from_nanos(1_000),
        events: vec![Event::Own { count: 2, age: 30 }, peer(2, 1, 1, 20)],
        transactions: vec![transaction(10), transaction(20)],
    }
}

/// Signs and encodes a draft without any check: what a faulty validator can do.
fn forge(draft: &SegmentDraft, signer: &SigningKey) -> Bytes {
    let header = SegmentHeader {
        network: network(),
        lane: draft.lane,
        seq: draft.seq,
        parent: draft.parent,
        timestamp: draft.timestamp,
        events_hash: events_hash(&draft.events),
        transaction_count: draft.transactions.len() as u32,
        transactions_root: transactions_root(&draft.transactions),
    };
    encode_segment(&header, &signer.sign(&header.sign_bytes()), &draft.events, &draft.transactions)
}

/// The verdict, which must be the same for who seals and for who receives.
fn judge_with(draft: SegmentDraft, params: &ProtocolParams) -> Result<(), SegmentError> {
    let received = Segment::decode(forge(&draft, &key()), network(), params).map(|_| ());
    assert_eq!(draft.seal(network(), params, &key()).map(|_| ()), received);
    received
}

fn judge(change: impl FnOnce(&mut SegmentDraft)) -> Result<(), SegmentError> {
    let mut draft = draft();
    change(&mut draft);
    judge_with(draft, &ProtocolParams::default())
}

#[test]
fn a_good_draft_is_sealed_and_received() {
    assert_eq!(judge(|_| {}), Ok(()));
    let segment = draft().seal(network(), &ProtocolParams::default(), &key()).unwrap();
    assert_eq!(segment.reference(), segment.header().reference());
    assert_eq!(segment.parent().seq, LaneSeq::new(1));
    assert_eq!(segment.parent().digest, SegmentDigest::from_bytes([4; 32]));
    let times: Vec<u64> = segment.events().iter().map(|event| segment.event_time(event).as_nanos()).collect();
    assert_eq!(times, [970, 980]);
}

#[test]
fn sequence_and_parent_belong_together() {
    let place = |what, why| Err(SegmentError::Malformed(DecodeError::Invalid { what, why }));
    let no_zero = place("segment sequence", "the first segment has sequence 1");
    assert_eq!(judge(|draft| draft.seq = LaneSeq::ZERO), no_zero);
    let only_first = place("segment parent", "only the first segment has none");
    assert_eq!(judge(|draft| draft.parent = SegmentDigest::ZERO), only_first);
    assert_eq!(judge(|draft| draft.seq = LaneSeq::new(1)), only_first);
    let first = |draft: &mut SegmentDraft| (draft.seq, draft.parent) = (LaneSeq::new(1), SegmentDigest::ZERO);
    assert_eq!(judge(first), Ok(()));
}

#[test]
fn ages_do_not_increase_nor_reach_beyond_the_epoch() {
    let expected = Err(SegmentError::Events("ages must not increase nor reach beyond the epoch"));
    assert_eq!(judge(|draft| draft.events[1] = peer(2, 1, 1, 31)), expected);
    assert_eq!(judge(|draft| draft.events[0] = Event::Own { count: 2, age: 1_001 }), expected);
    assert_eq!(judge(|draft| draft.events[0] = Event::Own { count: 2, age: 1_000 }), Ok(()));
    assert_eq!(judge(|draft| draft.events[1] = peer(2, 1, 1, 30)), Ok(()));
}

#[test]
fn own_events_count_the_transactions() {
    let wrong = Err(SegmentError::Events("own events do not count the transactions"));
    assert_eq!(judge(|draft| draft.events[0] = Event::Own { count: 1, age: 30 }), wrong);
    assert_eq!(judge(|draft| draft.events[0] = Event::Own { count: u32::MAX, age: 30 }), wrong);
    assert_eq!(judge(|draft| draft.events.truncate(0)), wrong);
    let none = Err(SegmentError::Events("an own event counts none"));
    assert_eq!(judge(|draft| draft.events.push(Event::Own { count: 0, age: 0 })), none);
}

#[test]
fn a_reference_names_a_segment_of_another_lane() {
    let own = Err(SegmentError::Events("a lane does not reference itself"));
    assert_eq!(judge(|draft| draft.events[1] = peer(1, 1, 1, 20)), own);
    let nothing = Err(SegmentError::Events("a reference names no segment"));
    assert_eq!(judge(|draft| draft.events[1] = peer(2, 0, 0, 20)), nothing);
    // Sequence and digest that do not belong together have no encoding that can be read.
    let mut half = draft();
    half.events[1] = peer(2, 5, 0, 20);
    assert!(Segment::decode(forge(&half, &key()), network(), &ProtocolParams::default()).is_err());
    assert_eq!(half.seal(network(), &ProtocolParams::default(), &key()).map(|_| ()), nothing);
}

#[test]
fn limits_are_kept_on_both_sides() {
    let limited = |change: fn(&mut ProtocolParams)| {
        let mut params = ProtocolParams::default();
        change(&mut params);
        judge_with(draft(), &params)
    };
    let too_large =
        |what, found, limit| Err(SegmentError::Malformed(DecodeError::TooLarge { what, found, limit }));
    let bytes = forge(&draft(), &key()).len();
    assert_eq!(
        limited(|params| params.max_segment_bytes = 100),
        Err(SegmentError::TooLarge { bytes, limit: 100 })
    );
    assert_eq!(limited(|params| params.max_segment_events = 1), too_large("segment events", 2, 1));
    assert_eq!(
        limited(|params| params.max_segment_transactions = 1),
        too_large("segment transactions", 2, 1)
    );
    assert_eq!(
        limited(|params| params.max_leg_bytes = 15),
        Err(SegmentError::Transaction {
            index: 1,
            source: TransactionError::LegTooLarge { leg: 0, bytes: 20, limit: 15 },
        })
    );
    let params = ProtocolParams { max_transaction_bytes: 50, ..ProtocolParams::default() };
    assert!(Segment::decode(forge(&draft(), &key()), network(), &params).is_err());
    assert!(matches!(
        draft().seal(network(), &params, &key()),
        Err(SegmentError::Transaction {
            index: 1,
            source: TransactionError::TooLarge { bytes: 57, limit: 50 }
        })
    ));
}

#[test]
fn a_segment_of_another_network_is_refused() {
    let bytes = forge(&draft(), &key());
    assert_eq!(
        Segment::decode(bytes, NetworkId::ZERO, &ProtocolParams::default()),
        Err(SegmentError::WrongNetwork(network()))
    );
}

#[test]
fn only_the_lanes_key_signs_for_it() {
    let stranger = SigningKey::from_seed(&[2; 32]);
    let params = ProtocolParams::default();
    let forged = forge(&draft(), &stranger);
    assert_eq!(Segment::decode(forged.clone(), network(), &params), Err(SegmentError::Signature));
    assert!(Segment::decode_trusted(forged, network(), &params).is_ok(), "which is what trusting means");
    assert_eq!(draft().seal(network(), &params, &stranger), Err(SegmentError::Signature));
}

#[test]
fn a_body_under_another_header_is_refused() {
    let params = ProtocolParams::default();
    let good = forge(&draft(), &key());
    let with_body_of = |change: fn(&mut SegmentDraft)| {
        let mut other = draft();
        change(&mut other);
        let at = SegmentHeader::BYTES + 64;
        let bytes = [&good[..at], &forge(&other, &key())[at..]].concat();
        Segment::decode(bytes.into(), network(), &params).map(|_| ())
    };
    let events = Err(SegmentError::BodyMismatch("events"));
    let transactions = Err(SegmentError::BodyMismatch("transactions"));
    assert_eq!(with_body_of(|other| other.events[0] = Event::Own { count: 2, age: 29 }), events);
    assert_eq!(with_body_of(|other| other.transactions.swap(0, 1)), transactions);
    assert_eq!(with_body_of(|other| other.transactions.truncate(1)), transactions);
}
