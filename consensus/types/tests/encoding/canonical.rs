//! Every sample comes back from its bytes, and the bytes come back from the value.

use crate::samples;
use fairlane_types::*;
use std::fmt::Debug;

/// Decodes, compares, encodes again; then each truncation and an extension must be refused.
fn check<T: Encode + Decode + PartialEq + Debug>(name: &str, value: &T) {
    let bytes = value.to_bytes();
    assert_eq!(T::from_bytes(bytes.clone()).as_ref(), Ok(value), "{name}");
    for end in 0..bytes.len() {
        assert!(T::from_bytes(bytes[..end].to_vec()).is_err(), "{name}: the first {end} bytes");
    }
    let mut longer = bytes;
    longer.push(0);
    assert_eq!(T::from_bytes(longer), Err(DecodeError::Trailing(1)), "{name}");
}

fn check_all<T: Encode + Decode + PartialEq + Debug>(samples: Vec<(&'static str, T)>) {
    assert!(!samples.is_empty());
    samples.iter().for_each(|(name, value)| check(name, value));
}

#[test]
fn all_samples_survive_a_round_trip() {
    check_all(samples::cuts());
    check_all(samples::headers());
    check_all(samples::blocks());
    check_all(samples::checkpoints());
    for (name, checkpoint) in samples::checkpoints() {
        check(name, &samples::signed_checkpoint(&checkpoint));
        check(name, &samples::checkpoint_certificate(&checkpoint));
    }
    check_all(samples::certificates());
    check_all(samples::evidence_samples());
    check_all(samples::validator_sets());
    check_all(samples::geneses());
    check_all(samples::receipts());
    samples::votes().iter().for_each(|(name, _, vote)| check(name, vote));
    samples::proposals().iter().for_each(|(name, _, proposal)| check(name, proposal));
    for (name, tree) in samples::heads_trees() {
        for leaf in tree.leaves() {
            check(name, leaf);
            check(name, &tree.path(leaf.rollup).unwrap());
        }
    }
    for (name, batch) in samples::batches() {
        check(name, batch.header());
        batch.items().iter().for_each(|item| check(name, item));
    }
    for (name, _, segment) in samples::sealed() {
        check(name, segment.header());
        check(name, &segment.reference());
        segment.events().iter().for_each(|event| check(name, event));
    }
}

#[test]
fn fixed_widths_are_what_the_tables_say() {
    assert!(samples::headers().iter().all(|(_, header)| header.to_bytes().len() == BlockHeader::BYTES));
    assert!(samples::sealed().iter().all(|(_, _, segment)| {
        segment.header().to_bytes().len() == SegmentHeader::BYTES
            && segment.reference().to_bytes().len() == SegmentRef::BYTES
    }));
    assert!(
        samples::batches().iter().all(|(_, batch)| batch.header().to_bytes().len() == BatchHeader::BYTES)
    );
    assert_eq!(HeadLeaf::empty(RollupId::ZERO).to_bytes().len(), HeadLeaf::BYTES);
    assert_eq!(ProtocolParams::default().to_bytes().len(), ProtocolParams::BYTES);
    assert_eq!((BlockHeader::BYTES, SegmentHeader::BYTES, SegmentRef::BYTES), (351, 184, 76));
    assert_eq!((BatchHeader::BYTES, HeadLeaf::BYTES, ProtocolParams::BYTES), (132, 56, 60));
}

#[test]
fn transactions_come_back_from_their_envelopes() {
    for (name, transaction) in samples::transactions() {
        let found = Transaction::from_envelope(transaction.envelope().clone()).unwrap();
        assert_eq!(found.id(), transaction.id(), "{name}");
        assert_eq!(found.legs(), transaction.legs(), "{name}");
        assert_eq!(
            (found.expires_at(), found.salt()),
            (transaction.expires_at(), transaction.salt()),
            "{name}"
        );
        for end in 0..transaction.envelope().len() {
            assert!(
                Transaction::from_envelope(transaction.envelope().slice(..end)).is_err(),
                "{name}: {end}"
            );
        }
    }
}

#[test]
fn segments_come_back_from_their_bytes() {
    let params = ProtocolParams::default();
    for (name, _, segment) in samples::sealed() {
        let found = Segment::decode(segment.bytes().clone(), samples::network(), &params).unwrap();
        assert_eq!(found, segment, "{name}");
        assert_eq!((found.header(), found.events()), (segment.header(), segment.events()), "{name}");
        assert_eq!(found.transactions(), segment.transactions(), "{name}");
        for end in 0..segment.bytes().len() {
            let cut = segment.bytes().slice(..end);
            assert!(Segment::decode(cut, samples::network(), &params).is_err(), "{name}: {end}");
        }
    }
}

#[test]
fn batches_come_back_from_header_and_body() {
    for (name, batch) in samples::batches() {
        assert_eq!(Batch::from_parts(*batch.header(), batch.body().clone()).as_ref(), Ok(&batch), "{name}");
        for end in 0..batch.body().len() {
            let body = batch.body().slice(..end);
            assert!(Batch::from_parts(*batch.header(), body).is_err(), "{name}: {end}");
        }
    }
}
