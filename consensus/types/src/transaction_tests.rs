//! What is refused as a transaction, and that the id covers everything.

use super::*;

fn leg(rollup: u64, payload: usize) -> Leg {
    Leg { rollup: RollupId::new(rollup), payload: Bytes::from(vec![9; payload]) }
}

fn transaction(legs: Vec<Leg>) -> Result<Transaction, TransactionError> {
    Transaction::new(legs, Timestamp::from_nanos(5), [3; 16])
}

#[test]
fn one_to_eight_legs() {
    for count in 0..12 {
        let verdict = transaction(vec![leg(1, 1); count]);
        match count {
            1..=8 => assert_eq!(verdict.unwrap().is_bundle(), count > 1),
            _ => assert_eq!(verdict, Err(TransactionError::LegCount(count))),
        }
    }
    for count in [0, 9, 255] {
        let envelope = Bytes::from(vec![count; 400]);
        assert_eq!(Transaction::from_envelope(envelope), Err(TransactionError::LegCount(count.into())));
    }
}

#[test]
fn limits_name_what_is_above_them() {
    let params = ProtocolParams { max_leg_bytes: 10, max_transaction_bytes: 60, ..ProtocolParams::default() };
    let judge = |legs| transaction(legs).unwrap().check_limits(&params);
    assert_eq!(judge(vec![leg(1, 10)]), Ok(()));
    assert_eq!(judge(vec![leg(1, 10), leg(1, 1)]), Ok(()));
    assert_eq!(
        judge(vec![leg(1, 10), leg(1, 11)]),
        Err(TransactionError::LegTooLarge { leg: 1, bytes: 11, limit: 10 })
    );
    assert_eq!(judge(vec![leg(1, 10), leg(1, 2)]), Err(TransactionError::TooLarge { bytes: 61, limit: 60 }));
}

#[test]
fn bytes_after_the_envelope_are_refused() {
    let envelope = [transaction(vec![leg(1, 3)]).unwrap().envelope(), &b"x"[..]].concat();
    assert_eq!(
        Transaction::from_envelope(envelope.into()),
        Err(TransactionError::Malformed(DecodeError::Trailing(1)))
    );
}

#[test]
fn the_id_covers_everything() {
    let base = transaction(vec![leg(1, 3), leg(2, 0)]).unwrap();
    let (legs, at, salt) = (base.legs().to_vec(), base.expires_at(), *base.salt());
    let others = [
        Transaction::new(vec![leg(1, 3)], at, salt),
        Transaction::new(vec![leg(2, 0), leg(1, 3)], at, salt),
        Transaction::new(vec![leg(1, 2), leg(2, 1)], at, salt),
        Transaction::new(vec![leg(3, 3), leg(2, 0)], at, salt),
        Transaction::new(legs.clone(), at.saturating_add(1), salt),
        Transaction::new(legs, at, [4; 16]),
    ];
    for other in others {
        assert_ne!(other.unwrap().id(), base.id());
    }
}
