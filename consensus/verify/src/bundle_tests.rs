//! A bundle is proven by all its legs in one block, and by nothing less.

use super::*;
use crate::fixture::{Block, Chain, item};
use fairlane_types::RollupId;

/// Rollup 10 holds leg 0 of bundle 7 among others, rollup 30 legs 1 and 2.
fn bundle() -> (Chain, Block, BundleProof) {
    let mut chain = Chain::new();
    chain.block(1, vec![(10, vec![item(1, 0, 1)])]);
    let block = chain.block(
        2,
        vec![
            (10, vec![item(2, 0, 1), item(7, 0, 3), item(3, 0, 1)]),
            (30, vec![item(7, 1, 3), item(7, 2, 3), item(4, 0, 1), item(5, 0, 1)]),
        ],
    );
    let leg = |batch: usize, position| {
        let batch = &block.batches[batch];
        let path = block.heads.path(batch.header().rollup).unwrap();
        ItemProof::new(batch, position, path).unwrap()
    };
    let legs = vec![leg(0, 1), leg(1, 0), leg(1, 1)];
    let proof = BundleProof { transaction: item(7, 0, 3).transaction, legs };
    (chain, block, proof)
}

fn judge(chain: &Chain, block: &Block, proof: BundleProof) -> Result<VerifiedBundle, BundleError> {
    let header = chain.sets().verify_header(block.header.clone(), block.certificate.clone()).unwrap();
    proof.verify(&header)
}

#[test]
fn all_legs_in_one_block_are_proven_by_one_certificate() {
    let (chain, block, proof) = bundle();
    let verified = judge(&chain, &block, proof.clone()).unwrap();
    assert_eq!(verified.transaction(), proof.transaction);
    assert_eq!(verified.height(), Height::new(2));
    assert_eq!(verified.rollups().collect::<Vec<_>>(), [10, 30, 30].map(RollupId::new));
    for (leg, proof) in verified.legs().iter().zip(&proof.legs) {
        assert_eq!((leg.item(), leg.position(), leg.batch()), (&proof.item, proof.position, &proof.batch));
    }
}

#[test]
fn every_item_of_a_batch_can_be_proven_and_none_beyond() {
    let (chain, block, _) = bundle();
    let header = chain.sets().verify_header(block.header.clone(), block.certificate.clone()).unwrap();
    for batch in &block.batches {
        let path = || block.heads.path(batch.header().rollup).unwrap();
        for (position, item) in batch.items().iter().enumerate() {
            let proof = ItemProof::new(batch, position as u32, path()).unwrap();
            assert_eq!(proof.verify(&header).unwrap().item(), item);
        }
        assert_eq!(ItemProof::new(batch, batch.header().count, path()), None);
    }
}

#[test]
fn an_ordinary_transaction_is_a_bundle_of_one() {
    let (chain, block, _) = bundle();
    let batch = &block.batches[0];
    let leg = ItemProof::new(batch, 0, block.heads.path(RollupId::new(10)).unwrap()).unwrap();
    let proof = BundleProof { transaction: leg.item.transaction, legs: vec![leg] };
    assert_eq!(judge(&chain, &block, proof).unwrap().legs().len(), 1);
}

#[test]
fn a_missing_repeated_or_misplaced_leg_is_refused() {
    let (chain, block, proof) = bundle();
    let mut missing = proof.clone();
    missing.legs.pop();
    assert_eq!(
        judge(&chain, &block, missing),
        Err(BundleError::Legs { place: 0, shown: 2, found: 0, count: 3 })
    );
    let mut repeated = proof.clone();
    repeated.legs[2] = repeated.legs[1].clone();
    assert_eq!(
        judge(&chain, &block, repeated),
        Err(BundleError::Legs { place: 2, shown: 3, found: 1, count: 3 })
    );
    let mut swapped = proof.clone();
    swapped.legs.swap(0, 1);
    assert!(matches!(judge(&chain, &block, swapped), Err(BundleError::Legs { place: 0, .. })));
    let mut empty = proof;
    empty.legs.clear();
    let id = empty.transaction;
    assert_eq!(judge(&chain, &block, empty), Err(BundleError::Empty(id)));
}

#[test]
fn a_leg_of_another_transaction_or_height_is_refused() {
    let (chain, block, proof) = bundle();
    let mut other = proof.clone();
    other.legs[1].item.transaction = TxId::ZERO;
    let (expected, found) = (proof.transaction, TxId::ZERO);
    assert_eq!(judge(&chain, &block, other), Err(BundleError::Transaction { leg: 1, expected, found }));
    let mut other = proof;
    other.legs[2].batch.height = Height::new(1);
    let (expected, found) = (Height::new(2), Height::new(1));
    assert_eq!(judge(&chain, &block, other), Err(BundleError::Height { leg: 2, expected, found }));
}

#[test]
fn a_bent_item_position_batch_or_path_is_refused() {
    let (chain, block, proof) = bundle();
    let bend = |change: fn(&mut ItemProof)| {
        let mut bent = proof.clone();
        change(&mut bent.legs[1]);
        match judge(&chain, &block, bent) {
            Err(BundleError::Leg { leg: 1, source }) => source,
            other => panic!("{other:?}"),
        }
    };
    let path_errors: [fn(&mut ItemProof); 4] = [
        |leg| leg.item.payload = b"other"[..].into(),
        |leg| leg.position = 1,
        |leg| leg.path.truncate(1),
        |leg| leg.path[0] = Hash32::ZERO,
    ];
    for change in path_errors {
        assert!(matches!(bend(change), ItemError::Path { count: 4, .. }));
    }
    assert!(matches!(bend(|leg| leg.batch.count = 5), ItemError::Batch(BatchError::Head { .. })));
    let bent = bend(|leg| leg.head_path.position = 1);
    assert!(matches!(bent, ItemError::HeadPath(HeadProofError::Root { .. } | HeadProofError::Shape { .. })));
}
