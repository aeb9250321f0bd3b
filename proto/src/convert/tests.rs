//! Round trips, and each conversion error.

use super::*;
use crate::v1::submit_request::Content;
use fairlane_types::segment::Event;
use fairlane_types::{Incarnation, LaneId, LaneSeq, NetworkId, SegmentDraft, SigningKey};

fn transaction() -> v1::Transaction {
    v1::Transaction {
        legs: vec![v1::Leg { rollup_id: 7, payload: Bytes::from_static(b"payload") }],
        expires_at_nanos: 99,
        salt: Bytes::new(),
    }
}

#[test]
fn fields_and_envelope_give_the_same_transaction() {
    let from_fields = Transaction::try_from(transaction()).unwrap();
    let request = v1::SubmitRequest { content: Some(Content::Envelope(from_fields.envelope().clone())) };
    assert_eq!(Transaction::try_from(request).unwrap().id(), from_fields.id());
    assert_eq!(
        Transaction::try_from(v1::SubmitRequest { content: None }),
        Err(ConvertError::Missing("content"))
    );
}

#[test]
fn a_salt_of_another_length_is_refused() {
    let wire = v1::Transaction { salt: Bytes::from_static(b"short"), ..transaction() };
    let error = ConvertError::Length { field: "salt", found: 5, wanted: 16 };
    assert_eq!(Transaction::try_from(wire), Err(error));
}

#[test]
fn no_legs_and_nine_legs_are_refused() {
    for count in [0, 9] {
        let legs = vec![v1::Leg { rollup_id: 1, payload: Bytes::new() }; count];
        let wire = v1::Transaction { legs, ..transaction() };
        let error = ConvertError::Transaction(TransactionError::LegCount(count));
        assert_eq!(Transaction::try_from(wire), Err(error));
    }
}

#[test]
fn receipts_survive_the_wire_and_still_verify() {
    let key = SigningKey::from_seed(&[3; 32]);
    let network = NetworkId::from_bytes([9; 32]);
    let transaction = Transaction::try_from(transaction()).unwrap();
    let segment = SegmentDraft {
        lane: LaneId { validator: key.validator(), incarnation: Incarnation::ZERO },
        seq: LaneSeq::new(1),
        parent: Default::default(),
        timestamp: Timestamp::from_nanos(5),
        events: vec![Event::Own { count: 1, age: 0 }],
        transactions: vec![transaction.clone()],
    }
    .seal(network, &Default::default(), &key)
    .unwrap();
    let receipt = Receipt {
        transaction: transaction.id(),
        header: segment.header().clone(),
        signature: *segment.signature(),
        index: 0,
        path: vec![],
    };
    let back = Receipt::try_from(v1::Receipt::from(&receipt)).unwrap();
    assert_eq!(back, receipt);
    assert_eq!(back.verify(&network), Ok(()));
}

#[test]
fn a_path_that_is_not_whole_hashes_is_refused() {
    assert!(matches!(path("path", &[0; 33]), Err(ConvertError::Length { field: "path", found: 33, .. })));
    assert!(path("path", &[0; 33 * 32]).is_err());
    assert_eq!(path("path", &path_to_field(&[Hash32::ZERO; 3])).unwrap().len(), 3);
}
