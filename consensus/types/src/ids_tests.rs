//! Arithmetic says what happens at the ends, and text forms come back.

use super::*;

#[test]
fn arithmetic_stops_at_the_ends() {
    assert_eq!(Height::MAX.next(), Height::MAX);
    assert_eq!(Height::MAX.checked_add(1), None);
    assert_eq!(Height::ZERO.checked_add(1), Some(Height::FIRST));
    assert_eq!(Height::ZERO.previous(), None);
    assert_eq!(Height::FIRST.previous(), Some(Height::ZERO));
    assert_eq!(Round::new(3).saturating_sub(5), Round::ZERO);
    assert_eq!(Timestamp::from_nanos(5).since(Timestamp::from_nanos(9)), 0);
    assert_eq!(Timestamp::from_nanos(9).since(Timestamp::from_nanos(5)), 4);
}

#[test]
fn hexadecimal_forms_come_back() {
    let id = TxId::from_bytes([0xab; 32]);
    assert_eq!(TxId::from_hex(&id.to_string()), Ok(id));
    assert_eq!(format!("0x{id}").parse(), Ok(id));
    assert_eq!(format!("{id:?}"), "abababab");
    for bad in ["", "0x", "ab", &"zz".repeat(32), &"ab".repeat(33)] {
        assert!(TxId::from_hex(bad).is_err(), "{bad}");
    }
    assert_eq!(Hash32::from(id).to_string(), id.to_string());
    assert_eq!(Hash32::from_hex(&id.to_string()), Ok(id.into()));
}

#[test]
fn a_lane_shows_validator_and_incarnation() {
    let lane = LaneId { validator: ValidatorId::from_bytes([1; 32]), incarnation: Incarnation::new(2) };
    assert_eq!(lane.to_string(), "01010101/2");
}
