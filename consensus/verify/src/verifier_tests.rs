//! The memory saves work and never vouches for a header that was not verified.

use super::*;
use crate::fixture::{Chain, certify, item, keys, set};
use fairlane_types::Hash32;

#[test]
fn batches_of_one_block_need_its_certificate_once() {
    let mut chain = Chain::new();
    let block = chain.block(1, vec![(10, vec![item(1, 0, 1)]), (20, vec![item(2, 0, 1)])]);
    let mut verifier = Verifier::new(chain.sets());
    let first = verifier.batch(block.wire(0)).unwrap();
    let mut stripped = block.wire(1);
    stripped.certificate.signatures.clear();
    let second = verifier.batch(stripped).unwrap();
    assert_eq!(second.proven_by().certificate(), first.proven_by().certificate());
    assert_eq!(second.proven_by().certificate().signatures.len(), 4);
}

#[test]
fn a_refused_header_is_not_remembered() {
    let mut chain = Chain::new();
    let block = chain.block(1, vec![(10, vec![item(1, 0, 1)])]);
    let mut verifier = Verifier::new(chain.sets());
    let mut stripped = block.wire(0);
    stripped.certificate.signatures.truncate(1);
    for _ in 0..2 {
        assert!(matches!(
            verifier.batch(stripped.clone()),
            Err(BatchError::Header(HeaderError::Certificate { .. }))
        ));
    }
    assert!(verifier.batch(block.wire(0)).is_ok());
}

#[test]
fn the_memory_is_bounded() {
    let mut chain = Chain::new();
    let mut verifier = Verifier::new(chain.sets());
    let first = chain.block(1, vec![]);
    verifier.header(first.header.clone(), first.certificate.clone()).unwrap();
    for height in 2..40 {
        let block = chain.block(height, vec![]);
        verifier.header(block.header, block.certificate).unwrap();
        assert!(verifier.recent.len() <= MEMORY);
    }
    let stripped = certify(&first.header, &[]);
    assert!(verifier.header(first.header, stripped).is_err(), "the first header is forgotten");
}

#[test]
fn following_a_change_lets_the_next_set_speak() {
    let chain = Chain::new();
    let next_keys = keys(11..15);
    let next = set(&next_keys);
    let mut announcing = crate::fixture::header(4, &chain.set, Hash32::ZERO);
    announcing.next_validators_hash = next.hash();
    let certificate = certify(&announcing, &chain.keys);
    let mut verifier = Verifier::new(chain.sets());
    verifier.follow(announcing, certificate, Some(next.clone())).unwrap();
    assert_eq!(verifier.sets().sets().count(), 2);

    let header = crate::fixture::header(5, &next, Hash32::ZERO);
    let certificate = certify(&header, &next_keys);
    assert!(verifier.header(header, certificate).is_ok());
}
