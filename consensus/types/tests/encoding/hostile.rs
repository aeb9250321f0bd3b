//! Bent bytes never panic, and what still decodes has no second spelling.

use crate::samples;
use bytes::Bytes;
use fairlane_types::*;

/// Flips each bit; a result that decodes must encode to exactly the bent bytes.
fn flip<T: Encode + Decode>(name: &str, value: &T) {
    let bytes = value.to_bytes();
    for bit in 0..bytes.len() * 8 {
        let mut bent = bytes.clone();
        bent[bit / 8] ^= 1 << (bit % 8);
        if let Ok(value) = T::from_bytes(bent.clone()) {
            assert_eq!(value.to_bytes(), bent, "{name}: bit {bit}");
        }
    }
}

#[test]
fn flipped_bits_have_one_spelling() {
    samples::cuts().iter().for_each(|(name, value)| flip(name, value));
    samples::headers().iter().for_each(|(name, value)| flip(name, value));
    samples::certificates().iter().for_each(|(name, value)| flip(name, value));
    samples::evidence_samples().iter().for_each(|(name, value)| flip(name, value));
    samples::receipts().iter().for_each(|(name, value)| flip(name, value));
    samples::geneses().iter().for_each(|(name, value)| flip(name, value));
    samples::validator_sets().iter().for_each(|(name, value)| flip(name, value));
    samples::votes().iter().for_each(|(name, _, value)| flip(name, value));
    samples::proposals().iter().for_each(|(name, _, value)| flip(name, value));
    for (name, batch) in samples::batches() {
        batch.items().iter().for_each(|item| flip(name, item));
    }
    for (name, _, segment) in samples::sealed() {
        segment.events().iter().for_each(|event| flip(name, event));
    }
    let tree = samples::heads_trees().remove(3).1;
    flip("path", &tree.path(RollupId::new(20)).unwrap());
}

#[test]
fn a_proposal_that_is_bent_after_its_header_is_refused() {
    for (name, block) in samples::blocks() {
        let bytes = block.to_bytes();
        for at in BlockHeader::BYTES..bytes.len() {
            let mut bent = bytes.clone();
            bent[at] ^= 1;
            assert!(Proposal::from_bytes(bent).is_err(), "{name}: byte {at}");
        }
    }
}

#[test]
fn a_segment_with_any_bent_bit_is_refused() {
    let params = ProtocolParams::default();
    for (name, _, segment) in samples::sealed() {
        for at in 0..segment.bytes().len() {
            let mut bent = segment.bytes().to_vec();
            bent[at] ^= 1 << (at % 8);
            let verdict = Segment::decode(Bytes::from(bent), samples::network(), &params);
            assert!(verdict.is_err(), "{name}: byte {at}");
        }
    }
}

#[test]
fn a_batch_with_any_bent_byte_is_refused() {
    for (name, batch) in samples::batches() {
        for at in 0..batch.body().len() {
            let mut bent = batch.body().to_vec();
            bent[at] ^= 1;
            assert!(Batch::from_parts(*batch.header(), bent.into()).is_err(), "{name}: byte {at}");
        }
    }
}

#[test]
fn counts_beyond_the_input_allocate_nothing() {
    let huge = || [0xff_u8; 4].to_vec();
    assert!(matches!(Cut::from_bytes(huge()), Err(DecodeError::TooLarge { .. })));
    assert!(matches!(ValidatorSet::from_bytes(huge()), Err(DecodeError::TooLarge { .. })));
    let claims = 1024_u32.to_be_bytes().to_vec();
    assert!(matches!(
        Cut::from_bytes(claims.clone()),
        Err(DecodeError::Truncated { wanted: 77_824, left: 0 })
    ));
    assert!(matches!(ValidatorSet::from_bytes(claims), Err(DecodeError::Truncated { .. })));
}
