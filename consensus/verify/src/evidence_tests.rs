//! Evidence holds for each offence, in either order, and for nothing that an honest validator signs.

use super::*;
use crate::fixture::network;
use fairlane_types::evidence::SignedSegmentHeader;
use fairlane_types::{
    BlockId, Hash32, Height, Incarnation, LaneId, LaneSeq, Round, SegmentDigest, SegmentHeader,
    SignedProposal, SignedVote, SigningKey, Timestamp, VoteKind,
};

fn key() -> SigningKey {
    SigningKey::from_seed(&[1; 32])
}

fn block(tag: u8) -> Option<BlockId> {
    Some(BlockId::from_bytes([tag; 32]))
}

fn vote(key: &SigningKey, kind: VoteKind, height: u64, round: u32, block: Option<BlockId>) -> SignedVote {
    let mut vote = SignedVote {
        validator: key.validator(),
        kind,
        height: Height::new(height),
        round: Round::new(round),
        block,
        signature: Signature::from_bytes([0; 64]),
    };
    vote.signature = key.sign(&vote.sign_bytes(&network()));
    vote
}

fn proposal(key: &SigningKey, round: u32, pol: Option<u32>, block: u8) -> SignedProposal {
    let mut proposal = SignedProposal {
        validator: key.validator(),
        height: Height::new(5),
        round: Round::new(round),
        pol_round: pol.map(Round::new),
        block: BlockId::from_bytes([block; 32]),
        signature: Signature::from_bytes([0; 64]),
    };
    proposal.signature = key.sign(&proposal.sign_bytes(&network()));
    proposal
}

fn segment(key: &SigningKey, incarnation: u32, seq: u64, time: u64) -> SignedSegmentHeader {
    let header = SegmentHeader {
        network: network(),
        lane: LaneId { validator: key.validator(), incarnation: Incarnation::new(incarnation) },
        seq: LaneSeq::new(seq),
        parent: SegmentDigest::from_bytes([1; 32]),
        timestamp: Timestamp::from_nanos(time),
        events_hash: Hash32::ZERO,
        transaction_count: 0,
        transactions_root: Hash32::ZERO,
    };
    let signature = key.sign(&header.sign_bytes());
    SignedSegmentHeader { header, signature }
}

fn votes(first: SignedVote, second: SignedVote) -> Evidence {
    Evidence::DoubleVote(Box::new([first, second]))
}

fn proposals(first: SignedProposal, second: SignedProposal) -> Evidence {
    Evidence::DoubleProposal(Box::new([first, second]))
}

fn segments(first: SignedSegmentHeader, second: SignedSegmentHeader) -> Evidence {
    Evidence::LaneEquivocation(Box::new([first, second]))
}

fn judge(evidence: &Evidence) -> Result<OffenceSlot, EvidenceError> {
    verify_evidence(evidence, &network())
}

#[test]
fn each_offence_is_proven_in_either_order() {
    let (key, id) = (key(), key().validator());
    let height = Height::new(5);
    for kind in [VoteKind::Prevote, VoteKind::Precommit] {
        let slot = OffenceSlot::Vote(id, kind, height, Round::new(2));
        for (a, b) in [(block(1), block(2)), (block(1), None)] {
            let (a, b) = (vote(&key, kind, 5, 2, a), vote(&key, kind, 5, 2, b));
            assert_eq!(judge(&votes(a, b)), Ok(slot));
            assert_eq!(judge(&votes(b, a)), Ok(slot));
        }
    }
    let slot = OffenceSlot::Proposal(id, height, Round::new(2));
    for (a, b) in [((None, 1), (None, 2)), ((None, 1), (Some(1), 1))] {
        let (a, b) = (proposal(&key, 2, a.0, a.1), proposal(&key, 2, b.0, b.1));
        assert_eq!(judge(&proposals(a, b)), Ok(slot));
        assert_eq!(judge(&proposals(b, a)), Ok(slot));
    }
    let (a, b) = (segment(&key, 3, 9, 1), segment(&key, 3, 9, 2));
    let slot = OffenceSlot::Lane(id, Incarnation::new(3), LaneSeq::new(9));
    assert_eq!(judge(&segments(a.clone(), b.clone())), Ok(slot));
    assert_eq!(judge(&segments(b, a)), Ok(slot));
}

#[test]
fn one_statement_twice_is_no_offence() {
    let key = key();
    let a = vote(&key, VoteKind::Precommit, 5, 0, None);
    assert_eq!(judge(&votes(a, a)), Err(EvidenceError::Same));
    let a = proposal(&key, 0, None, 1);
    assert_eq!(judge(&proposals(a, a)), Err(EvidenceError::Same));
    let a = segment(&key, 0, 9, 1);
    assert_eq!(judge(&segments(a.clone(), a)), Err(EvidenceError::Same));
}

#[test]
fn what_an_honest_validator_signs_is_no_offence() {
    let (key, other) = (key(), SigningKey::from_seed(&[2; 32]));
    let base = vote(&key, VoteKind::Prevote, 5, 2, block(1));
    for second in [
        vote(&key, VoteKind::Precommit, 5, 2, block(2)),
        vote(&key, VoteKind::Prevote, 6, 2, block(2)),
        vote(&key, VoteKind::Prevote, 5, 3, block(2)),
        vote(&other, VoteKind::Prevote, 5, 2, block(2)),
    ] {
        assert!(matches!(judge(&votes(base, second)), Err(EvidenceError::Slots { .. })));
    }
    let base = proposal(&key, 2, None, 1);
    for second in [proposal(&key, 3, None, 2), proposal(&other, 2, None, 2)] {
        assert!(matches!(judge(&proposals(base, second)), Err(EvidenceError::Slots { .. })));
    }
    let base = segment(&key, 0, 9, 1);
    for second in [segment(&key, 0, 10, 2), segment(&key, 1, 9, 2), segment(&other, 0, 9, 2)] {
        assert!(matches!(judge(&segments(base.clone(), second)), Err(EvidenceError::Slots { .. })));
    }
}

#[test]
fn both_signatures_must_be_the_offenders() {
    let (key, offender) = (key(), key().validator());
    let (a, b) =
        (vote(&key, VoteKind::Prevote, 5, 2, block(1)), vote(&key, VoteKind::Prevote, 5, 2, block(2)));
    let forged = SignedVote { signature: a.signature, ..b };
    assert_eq!(judge(&votes(a, forged)), Err(EvidenceError::Signature { side: 1, offender }));
    assert_eq!(judge(&votes(forged, a)), Err(EvidenceError::Signature { side: 0, offender }));
}

#[test]
fn statements_of_another_network_prove_nothing() {
    let key = key();
    let elsewhere = NetworkId::from_bytes([8; 32]);
    let pair = segments(segment(&key, 0, 9, 1), segment(&key, 0, 9, 2));
    let (expected, found) = (elsewhere, network());
    assert_eq!(verify_evidence(&pair, &elsewhere), Err(EvidenceError::Network { side: 0, expected, found }));

    let pair = proposals(proposal(&key, 2, None, 1), proposal(&key, 2, None, 2));
    let offender = key.validator();
    assert_eq!(verify_evidence(&pair, &elsewhere), Err(EvidenceError::Signature { side: 0, offender }));
}

#[test]
fn an_unusable_key_is_named() {
    let mut identity = [0; 32];
    identity[0] = 1;
    let offender = ValidatorId::from_bytes(identity);
    let bend = |tag| SignedVote { validator: offender, ..vote(&key(), VoteKind::Prevote, 5, 2, block(tag)) };
    assert!(matches!(
        judge(&votes(bend(1), bend(2))),
        Err(EvidenceError::Key { offender: found, .. }) if found == offender
    ));
}
