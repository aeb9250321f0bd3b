//! A batch proves itself with nothing missing and nothing bent; a range proves itself by its last head.

use super::*;
use crate::fixture::{Block, Chain, certify, index, item, network, other_head};
use crate::header::VerifiedHeader;

fn block() -> (Chain, Block) {
    let mut chain = Chain::new();
    chain.block(1, vec![(20, vec![item(1, 0, 1)])]);
    let block = chain.block(2, vec![(10, vec![item(2, 0, 1)]), (20, vec![item(3, 0, 1), item(4, 1, 2)])]);
    (chain, block)
}

#[test]
fn a_whole_batch_is_verified() {
    let (chain, block) = block();
    let verified = block.wire(1).verify(&chain.sets()).unwrap();
    assert_eq!(verified.batch(), &block.batches[1]);
    assert_eq!((verified.rollup(), verified.index()), (RollupId::new(20), index(2)));
    assert_eq!(verified.head(), block.batches[1].header().head(&network()));
    assert_eq!(verified.proven_by().id(), block.header.id());
    assert_eq!(verified.into_batch(), block.batches[1]);
}

#[test]
fn a_bent_header_certificate_or_path_is_refused() {
    let (chain, block) = block();
    let mut wire = block.wire(0);
    wire.header.ordered_count += 1;
    assert!(matches!(wire.verify(&chain.sets()), Err(BatchError::Header(HeaderError::Certificate { .. }))));

    let mut wire = block.wire(0);
    wire.certificate.signatures.truncate(2);
    assert!(matches!(wire.verify(&chain.sets()), Err(BatchError::Header(HeaderError::Certificate { .. }))));

    let mut wire = block.wire(0);
    wire.path.leaf.index = wire.path.leaf.index.next();
    assert!(matches!(wire.verify(&chain.sets()), Err(BatchError::Path(HeadProofError::Root { .. }))));
}

#[test]
fn each_field_of_the_batch_header_is_bound() {
    let (chain, block) = block();
    let bend = |change: fn(&mut BatchHeader)| {
        let mut wire = block.wire(1);
        change(&mut wire.batch);
        wire.verify(&chain.sets()).unwrap_err()
    };
    let (expected, found) = (RollupId::new(20), RollupId::new(10));
    assert_eq!(bend(|batch| batch.rollup = RollupId::new(10)), BatchError::Rollup { expected, found });
    let (expected, found) = (index(2), index(1));
    assert_eq!(bend(|batch| batch.index = index(1)), BatchError::Index { expected, found });
    let (expected, found) = (Height::new(2), Height::new(1));
    assert_eq!(bend(|batch| batch.height = Height::new(1)), BatchError::Height { expected, found });
    let committed: [fn(&mut BatchHeader); 5] = [
        |batch| batch.time = Timestamp::ZERO,
        |batch| batch.count += 1,
        |batch| batch.tx_root = Default::default(),
        |batch| batch.payload_hash = Default::default(),
        |batch| batch.previous_head = RollupHead::ZERO,
    ];
    for change in committed {
        assert!(matches!(bend(change), BatchError::Head { .. }));
    }
}

#[test]
fn any_bent_byte_of_the_body_is_refused() {
    let (chain, block) = block();
    let sets = chain.sets();
    let header = sets.verify_header(block.header.clone(), block.certificate.clone()).unwrap();
    let wire = block.wire(1);
    for at in 0..wire.body.len() {
        let mut body = wire.body.to_vec();
        body[at] ^= 1;
        let verdict = verify_batch(&header, &wire.path, wire.batch, body.into());
        assert!(matches!(verdict, Err(BatchError::Body(_))), "byte {at}");
    }
    let verdict = verify_batch(&header, &wire.path, wire.batch, wire.body.slice(..wire.body.len() - 1));
    assert!(matches!(verdict, Err(BatchError::Body(_))));
}

#[test]
fn a_batch_is_verified_by_its_own_block_only() {
    let (mut chain, block) = block();
    let later = chain.block(3, vec![]);
    let mut wire = block.wire(1);
    wire.header = later.header.clone();
    wire.certificate = later.certificate.clone();
    wire.path = later.heads.path(RollupId::new(20)).unwrap();
    let (expected, found) = (Height::new(3), Height::new(2));
    assert_eq!(wire.verify(&chain.sets()), Err(BatchError::Height { expected, found }));
}

#[test]
fn a_batch_has_its_blocks_time() {
    let (chain, block) = block();
    let mut wire = block.wire(1);
    wire.header.time = Timestamp::from_nanos(7);
    wire.certificate = certify(&wire.header, &chain.keys);
    let (expected, found) = (Timestamp::from_nanos(7), Timestamp::from_nanos(2_000));
    assert_eq!(wire.verify(&chain.sets()), Err(BatchError::Time { expected, found }));
}

/// Five batches of rollup 20 at heights 1, 3, 5, 7, 9, and the head after them as height 10 shows it.
fn history() -> (Vec<Batch>, VerifiedHead) {
    let mut chain = Chain::new();
    let batches: Vec<Batch> = (0..5)
        .map(|i| chain.block(2 * i + 1, vec![(20, vec![item(i as u8, 0, 1)])]).batches.remove(0))
        .collect();
    let block = chain.block(10, vec![(10, vec![item(9, 0, 1)])]);
    let header: VerifiedHeader = chain.sets().verify_header(block.header, block.certificate).unwrap();
    let head = header.head(&block.heads.path(RollupId::new(20)).unwrap()).unwrap();
    (batches, head)
}

fn parts(batches: &[Batch]) -> Vec<(BatchHeader, Bytes)> {
    batches.iter().map(|batch| (*batch.header(), batch.body().clone())).collect()
}

#[test]
fn one_certified_head_verifies_the_history_before_it() {
    let (batches, end) = history();
    let start = BatchChain::start(RollupId::new(20));
    let verified = verify_range(&end, &start, parts(&batches)).unwrap();
    let found: Vec<Batch> = verified.iter().cloned().map(VerifiedBatch::into_batch).collect();
    assert_eq!(found, batches);
    assert!(verified.iter().all(|batch| batch.proven_by() == end.block()));

    let mut chain = start;
    verified[..2].iter().for_each(|batch| chain.accept(batch).unwrap());
    assert_eq!(verify_range(&end, &chain, parts(&batches[2..])).unwrap(), verified[2..]);
    assert_eq!(verify_range(&end, &chain, Vec::new()), Ok(Vec::new()));
}

#[test]
fn a_range_with_anything_left_out_or_bent_is_refused() {
    let (batches, end) = history();
    let start = BatchChain::start(RollupId::new(20));
    let judge = |parts| verify_range(&end, &start, parts).unwrap_err();

    assert!(matches!(judge(parts(&batches[..4])), RangeError::End(BatchError::Index { .. })));
    assert!(matches!(judge(parts(&batches[1..])), RangeError::Chain(ChainError::Gap { .. })));
    let mut holed = parts(&batches);
    holed.remove(2);
    assert!(matches!(judge(holed), RangeError::Chain(ChainError::Gap { .. })));

    let mut bent = parts(&batches);
    bent[1].0.time = Timestamp::ZERO;
    assert!(matches!(judge(bent), RangeError::Chain(ChainError::Fork { .. })));
    let mut bent = parts(&batches);
    bent[4].0.time = Timestamp::ZERO;
    assert!(matches!(judge(bent), RangeError::End(BatchError::Head { .. })));
    let mut bent = parts(&batches);
    bent[3].1 = bent[2].1.clone();
    assert!(matches!(judge(bent), RangeError::Body { index: at, .. } if at == index(4)));

    let forked = BatchChain::resume(RollupId::new(20), index(2), other_head());
    let verdict = verify_range(&end, &forked, parts(&batches[2..]));
    assert!(matches!(verdict, Err(RangeError::Chain(ChainError::Fork { .. }))));
}
