//! A consumer's place moves by exactly one batch at a time, or not at all.

use super::*;
use crate::fixture::{Chain, index, item, other_head};

fn batches(count: u64) -> Vec<VerifiedBatch> {
    let mut chain = Chain::new();
    let sets = chain.sets();
    (1..=count)
        .map(|height| {
            chain.block(height, vec![(20, vec![item(height as u8, 0, 1)])]).wire(0).verify(&sets).unwrap()
        })
        .collect()
}

#[test]
fn batches_are_taken_in_order() {
    let mut chain = BatchChain::start(RollupId::new(20));
    for batch in &batches(4) {
        chain.accept(batch).unwrap();
        assert_eq!((chain.index(), chain.head()), (batch.index(), batch.head()));
    }
    assert_eq!(chain.rollup(), RollupId::new(20));
}

#[test]
fn a_resumed_chain_goes_on_where_it_stood() {
    let batches = batches(4);
    let mut chain = BatchChain::resume(RollupId::new(20), batches[1].index(), batches[1].head());
    chain.accept(&batches[2]).unwrap();
    chain.accept(&batches[3]).unwrap();
}

#[test]
fn each_refusal_names_its_reason_and_moves_nothing() {
    let batches = batches(4);
    let rollup = RollupId::new(20);
    let mut chain = BatchChain::start(rollup);
    chain.accept(&batches[0]).unwrap();
    chain.accept(&batches[1]).unwrap();
    let before = chain.clone();
    let expected = index(3);
    assert_eq!(chain.accept(&batches[3]), Err(ChainError::Gap { rollup, expected, found: index(4) }));
    for (at, found) in [(0, index(1)), (1, index(2))] {
        assert_eq!(chain.accept(&batches[at]), Err(ChainError::Repeated { rollup, expected, found }));
    }
    assert_eq!(chain, before);

    let mut other = BatchChain::start(RollupId::new(10));
    let (expected, found) = (RollupId::new(10), rollup);
    assert_eq!(other.accept(&batches[0]), Err(ChainError::OtherRollup { expected, found }));

    let mut forked = BatchChain::resume(rollup, index(2), other_head());
    assert_eq!(
        forked.accept(&batches[2]),
        Err(ChainError::Fork { rollup, index: index(3), expected: other_head(), found: batches[1].head() })
    );
}

#[test]
fn nothing_follows_the_last_index() {
    let batches = batches(1);
    let mut chain = BatchChain::resume(RollupId::new(20), BatchIndex::MAX, other_head());
    assert!(matches!(chain.accept(&batches[0]), Err(ChainError::Repeated { .. })));
}
