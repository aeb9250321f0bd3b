//! A receipt is a member's word, and a broken one convicts.

use super::*;
use crate::fixture::{network, set};
use fairlane_types::merkle::Tree;
use fairlane_types::segment::transaction_leaves;
use fairlane_types::{
    Event, LaneSeq, Leg, ProtocolParams, RollupId, Segment, SegmentDigest, SegmentDraft, SigningKey,
    Timestamp, Transaction, TxId,
};

fn key() -> SigningKey {
    SigningKey::from_seed(&[1; 32])
}

fn segment(incarnation: u32, salts: &[u8]) -> Segment {
    let transactions: Vec<Transaction> = salts
        .iter()
        .map(|salt| {
            let leg = Leg { rollup: RollupId::new(1), payload: b"pay"[..].into() };
            Transaction::new(vec![leg], Timestamp::from_nanos(9), [*salt; 16]).unwrap()
        })
        .collect();
    let draft = SegmentDraft {
        lane: LaneId { validator: key().validator(), incarnation: Incarnation::new(incarnation) },
        seq: LaneSeq::new(1),
        parent: SegmentDigest::ZERO,
        timestamp: Timestamp::from_nanos(1_000),
        events: vec![Event::Own { count: salts.len() as u32, age: 10 }],
        transactions,
    };
    draft.seal(network(), &ProtocolParams::default(), &key()).unwrap()
}

fn signed(segment: &Segment) -> SignedSegmentHeader {
    SignedSegmentHeader { header: segment.header().clone(), signature: *segment.signature() }
}

fn receipt(segment: &Segment, at: usize) -> Receipt {
    Receipt {
        transaction: segment.transactions()[at].id(),
        header: segment.header().clone(),
        signature: *segment.signature(),
        index: at as u32,
        path: Tree::new(transaction_leaves(segment.transactions())).path(at).unwrap(),
    }
}

#[test]
fn a_members_receipt_is_its_word() {
    let segment = segment(0, &[1, 2, 3]);
    let validators = set(&[key()]);
    for at in 0..3 {
        assert_eq!(verify_member_receipt(&receipt(&segment, at), &network(), &validators), Ok(()));
    }
}

#[test]
fn a_stranger_or_an_old_registration_has_nothing_to_lose() {
    let stale = receipt(&segment(4, &[1]), 0);
    let lane = stale.header.lane;
    let strangers = set(&[SigningKey::from_seed(&[2; 32])]);
    assert_eq!(
        verify_member_receipt(&stale, &network(), &strangers),
        Err(MemberReceiptError::NotMember(lane))
    );
    let registered = Incarnation::ZERO;
    assert_eq!(
        verify_member_receipt(&stale, &network(), &set(&[key()])),
        Err(MemberReceiptError::OtherIncarnation { lane, registered })
    );
    let mut bent = receipt(&segment(0, &[1, 2]), 0);
    bent.transaction = TxId::ZERO;
    assert_eq!(
        verify_member_receipt(&bent, &network(), &set(&[key()])),
        Err(MemberReceiptError::Receipt(ReceiptError::Path))
    );
}

#[test]
fn a_broken_receipt_convicts_and_a_kept_one_does_not() {
    let (promised, decided) = (segment(0, &[1, 2]), segment(0, &[3]));
    let promise = receipt(&promised, 1);
    let (slot, evidence) = broken_receipt(&promise, signed(&decided)).unwrap();
    assert_eq!(slot, evidence.slot());
    assert_eq!(verify_evidence(&evidence, &network()), Ok(slot));
    assert_eq!(
        broken_receipt(&promise, signed(&promised)),
        Err(BrokenReceiptError::Evidence(EvidenceError::Same))
    );
    let mut forged = promise;
    forged.index = 0;
    assert_eq!(
        broken_receipt(&forged, signed(&decided)),
        Err(BrokenReceiptError::Receipt(ReceiptError::Path))
    );
}
