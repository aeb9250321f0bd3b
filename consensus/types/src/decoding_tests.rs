//! Refusals of the small decoders: cuts, references, votes, items, headers and evidence.

use crate::batch::{BatchItem, ItemKind};
use crate::block::BlockHeader;
use crate::codec::{Decode, DecodeError, Encode, Writer};
use crate::crypto::Signature;
use crate::cut::{Cut, SegmentRef};
use crate::evidence::{Evidence, OffenceSlot};
use crate::ids::{Height, Incarnation, LaneId, LaneSeq, Round, SegmentDigest, TxId, ValidatorId};
use crate::vote::{SignedProposal, SignedVote, VoteKind};

fn lane(tag: u8) -> LaneId {
    LaneId { validator: ValidatorId::from_bytes([tag; 32]), incarnation: Incarnation::ZERO }
}

fn invalid<T: std::fmt::Debug>(verdict: Result<T, DecodeError>) -> &'static str {
    match verdict {
        Err(DecodeError::Invalid { what, .. }) => what,
        other => panic!("{other:?}"),
    }
}

#[test]
fn sequence_and_digest_are_zero_together() {
    let head = SegmentRef { lane: lane(1), seq: LaneSeq::new(1), digest: SegmentDigest::from_bytes([1; 32]) };
    assert_eq!(SegmentRef::from_bytes(head.to_bytes()), Ok(head));
    assert_eq!(SegmentRef::from_bytes(SegmentRef::empty(lane(1)).to_bytes()), Ok(SegmentRef::empty(lane(1))));
    let no_digest = SegmentRef { digest: SegmentDigest::ZERO, ..head };
    let no_seq = SegmentRef { seq: LaneSeq::ZERO, ..head };
    for half in [no_digest, no_seq] {
        assert_eq!(invalid(SegmentRef::from_bytes(half.to_bytes())), "segment reference");
    }
}

#[test]
fn a_cut_is_sorted_and_names_each_lane_once() {
    let heads = |tags: &[u8]| tags.iter().map(|tag| SegmentRef::empty(lane(*tag))).collect::<Vec<_>>();
    let cut = Cut::new(heads(&[3, 1, 2])).unwrap();
    assert_eq!(cut.heads(), heads(&[1, 2, 3]));
    assert_eq!(cut.head(&lane(2)), Some(&SegmentRef::empty(lane(2))));
    assert_eq!(cut.head(&lane(4)), None);
    for bad in [heads(&[]), heads(&[1, 1]), vec![SegmentRef::empty(lane(1)); 1025]] {
        assert_eq!(invalid(Cut::new(bad)), "cut");
    }
    let mut unsorted = Writer::new();
    unsorted.list(&heads(&[2, 1]));
    assert_eq!(invalid(Cut::from_bytes(unsorted.into_vec())), "cut");
}

#[test]
fn optional_fields_have_one_width_and_one_form() {
    let signature = Signature::from_bytes([0; 64]);
    let vote = SignedVote {
        validator: ValidatorId::ZERO,
        kind: VoteKind::Prevote,
        height: Height::FIRST,
        round: Round::ZERO,
        block: None,
        signature,
    };
    let bend = |at: usize, value: u8| {
        let mut bytes = vote.to_bytes();
        bytes[at] = value;
        SignedVote::from_bytes(bytes)
    };
    assert_eq!(invalid(bend(32, 0)), "vote kind");
    assert_eq!(invalid(bend(32, 3)), "vote kind");
    assert_eq!(invalid(bend(45, 2)), "vote target");
    assert_eq!(invalid(bend(46, 1)), "vote target");

    let (validator, block) = (ValidatorId::ZERO, Default::default());
    let (height, round, pol_round) = (Height::FIRST, Round::ZERO, None);
    let proposal = SignedProposal { validator, height, round, pol_round, block, signature };
    for (at, value) in [(44, 2), (48, 1)] {
        let mut bytes = proposal.to_bytes();
        bytes[at] = value;
        assert_eq!(invalid(SignedProposal::from_bytes(bytes)), "pol round");
    }
}

#[test]
fn an_items_kind_follows_from_its_legs() {
    let item = |leg_index, leg_count| BatchItem {
        transaction: TxId::ZERO,
        leg_index,
        leg_count,
        payload: Default::default(),
    };
    assert_eq!((item(0, 1).kind(), item(0, 2).kind()), (ItemKind::Transaction, ItemKind::BundleLeg));
    for (leg_index, leg_count) in [(0, 0), (1, 1), (8, 8), (0, 9)] {
        assert_eq!(invalid(BatchItem::from_bytes(item(leg_index, leg_count).to_bytes())), "batch item");
    }
    for (mut bytes, kind) in
        [(item(0, 1).to_bytes(), 1), (item(0, 2).to_bytes(), 0), (item(0, 2).to_bytes(), 2)]
    {
        bytes[0] = kind;
        assert_eq!(invalid(BatchItem::from_bytes(bytes)), "batch item");
    }
}

#[test]
fn a_headers_version_and_flag_are_checked() {
    let mut bytes = vec![0; BlockHeader::BYTES];
    assert_eq!(invalid(BlockHeader::from_bytes(bytes.clone())), "header version");
    bytes[1] = 1;
    assert!(BlockHeader::from_bytes(bytes.clone()).is_ok());
    bytes[214] = 2;
    assert_eq!(invalid(BlockHeader::from_bytes(bytes)), "capped flag");
}

#[test]
fn evidence_names_its_slot() {
    assert_eq!(invalid(Evidence::from_bytes(vec![4; 400])), "evidence kind");
    let vote = SignedVote {
        validator: ValidatorId::from_bytes([5; 32]),
        kind: VoteKind::Precommit,
        height: Height::new(3),
        round: Round::new(2),
        block: None,
        signature: Signature::from_bytes([0; 64]),
    };
    let evidence = Evidence::DoubleVote(Box::new([vote, vote]));
    assert_eq!(evidence.offender(), vote.validator);
    let slot = OffenceSlot::Vote(vote.validator, VoteKind::Precommit, Height::new(3), Round::new(2));
    assert_eq!((evidence.slot(), vote.slot()), (slot, slot));
}
