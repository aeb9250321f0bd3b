use super::*;
use crate::testing::{checkpoint, secret};

#[test]
fn who_signed_is_found_out() {
    let (one, other) = (secret(1), secret(2));
    let (first, second) = (checkpoint(1, 1), checkpoint(1, 2));
    let signature = one.sign(&first);
    assert!(one.public().verify(&first, &signature));
    assert!(!one.public().verify(&second, &signature));
    assert!(!other.public().verify(&first, &signature));
    assert!(!one.public().verify(&first, &one.sign_tagged(&first.sign_bytes(), b"another tag")));
}

#[test]
fn keys_come_back_from_their_bytes() {
    let key = secret(1).public();
    assert_eq!(PublicKey::decode(&key.to_bytes()), Ok(key));
}

#[test]
fn unusable_keys_are_refused() {
    let good = *secret(1).public().to_bytes().as_bytes();
    let bent = |at: usize, with: u8| {
        let mut bytes = good;
        bytes[at] ^= with;
        CheckpointPublicKey::from_bytes(bytes)
    };
    for (at, with) in [(0, 0x80), (0, 0x40), (0, 0x20), (47, 1), (95, 1)] {
        assert_eq!(PublicKey::decode(&bent(at, with)), Err(InvalidPoint), "byte {at}");
    }
    assert_eq!(PublicKey::decode(&CheckpointPublicKey::from_bytes([0; 96])), Err(InvalidPoint));
    // The neutral element as BLS libraries write it.
    let mut neutral = [0; 96];
    neutral[0] = 0x40;
    assert_eq!(PublicKey::decode(&CheckpointPublicKey::from_bytes(neutral)), Err(InvalidPoint));
    // (0, 2) lies on the curve and has order 3.
    let mut small = [0; 96];
    small[95] = 2;
    assert_eq!(PublicKey::decode(&CheckpointPublicKey::from_bytes(small)), Err(InvalidPoint));
}

#[test]
fn sums_of_signatures_are_those_of_sums_of_keys() {
    let secrets = [secret(1), secret(2), secret(3)];
    let statement = checkpoint(1, 1);
    let signatures = secrets.each_ref().map(|secret| secret.sign(&statement));
    let sum = sum_signatures(&signatures).unwrap();
    let keys = secrets.each_ref().map(SecretKey::public);
    assert!(verify_sum(&keys, &statement.sign_bytes(), &sum));
    assert!(!verify_sum(&keys[..2], &statement.sign_bytes(), &sum));
    assert_eq!(sum_signatures(&signatures[..1]), Ok(signatures[0]));
    assert_eq!(sum_signatures([]), Err(InvalidPoint));
    assert!(!verify_sum(&[], &statement.sign_bytes(), &sum));
}

#[test]
fn secrets_are_in_range_and_not_printed() {
    assert_eq!(SecretKey::from_secret(&[0; 32]).unwrap_err(), SecretKeyError::OutOfRange);
    assert_eq!(SecretKey::from_secret(&[0xff; 32]).unwrap_err(), SecretKeyError::OutOfRange);
    let key = SecretKey::from_secret(&[1; 32]).unwrap();
    assert!(!format!("{key:?}").contains("01010101"));
}
