//! A receipt holds for its own transaction, place and network only.

use super::*;
use crate::crypto::{Domain, SigningKey};
use crate::ids::{Incarnation, LaneId, LaneSeq, SegmentDigest, Timestamp};
use crate::merkle::Tree;

const COUNT: u8 = 5;

fn receipt(at: usize) -> Receipt {
    let key = SigningKey::from_seed(&[1; 32]);
    let leaves = (0..COUNT).map(|tag| merkle::leaf_hash(&[tag; 32])).collect();
    let tree = Tree::new(leaves);
    let header = SegmentHeader {
        network: NetworkId::from_bytes([7; 32]),
        lane: LaneId { validator: key.validator(), incarnation: Incarnation::ZERO },
        seq: LaneSeq::new(1),
        parent: SegmentDigest::ZERO,
        timestamp: Timestamp::ZERO,
        events_hash: Hash32::ZERO,
        transaction_count: COUNT.into(),
        transactions_root: tree.root(),
    };
    let signature = key.sign(&header.sign_bytes());
    let transaction = TxId::from_bytes([at as u8; 32]);
    Receipt { transaction, header, signature, index: at as u32, path: tree.path(at).unwrap() }
}

fn judge(change: impl FnOnce(&mut Receipt)) -> Result<(), ReceiptError> {
    let mut receipt = receipt(2);
    change(&mut receipt);
    receipt.verify(&NetworkId::from_bytes([7; 32]))
}

#[test]
fn each_place_can_be_promised() {
    for at in 0..COUNT.into() {
        assert_eq!(receipt(at).verify(&NetworkId::from_bytes([7; 32])), Ok(()));
    }
}

#[test]
fn each_bent_field_is_refused_by_its_reason() {
    assert_eq!(
        receipt(2).verify(&NetworkId::ZERO),
        Err(ReceiptError::WrongNetwork(NetworkId::from_bytes([7; 32])))
    );
    assert_eq!(judge(|receipt| receipt.transaction = TxId::ZERO), Err(ReceiptError::Path));
    assert_eq!(judge(|receipt| receipt.index = 3), Err(ReceiptError::Path));
    assert_eq!(judge(|receipt| receipt.index = 5), Err(ReceiptError::Path));
    assert_eq!(judge(|receipt| receipt.path.truncate(1)), Err(ReceiptError::Path));
    assert_eq!(judge(|receipt| receipt.header.transaction_count = 6), Err(ReceiptError::Signature));
    assert_eq!(
        judge(|receipt| receipt.header.lane.validator = Default::default()),
        Err(ReceiptError::Signature)
    );
    let stranger = SigningKey::from_seed(&[2; 32]);
    assert_eq!(
        judge(|receipt| receipt.signature = stranger.sign(&receipt.header.sign_bytes())),
        Err(ReceiptError::Signature)
    );
    let other_domain = |receipt: &mut Receipt| {
        let key = SigningKey::from_seed(&[1; 32]);
        receipt.signature = key.sign(&Domain::VOTE.sign_bytes_of_digest(&receipt.header.digest().into()));
    };
    assert_eq!(judge(other_domain), Err(ReceiptError::Signature));
}
