//! The edge cases of "Taming the many EdDSAs" (Chalkias, Garillot, Nikolaenko, 2020): signatures on which
//! implementations disagree. The strict, cofactorless rule accepts exactly one of the twelve.

use crate::vector_file::folder;
use fairlane_types::crypto::PublicKey;
use fairlane_types::{Signature, SigningKey, ValidatorId};

/// Why the strict rule refuses each case; case 3 alone is good.
const WHY: [&str; 12] = [
    "small-order key, and S = 0",
    "small-order key",
    "small-order R",
    "",
    "holds with the cofactor only",
    "holds with the cofactor only, and depends on when the hash is reduced",
    "S is not below L",
    "S is far above L",
    "R has small order and is not canonical",
    "R has small order and is not canonical",
    "small-order key that is not canonical",
    "small-order key that is not canonical",
];

fn field<const N: usize>(case: &serde_json::Value, key: &str) -> [u8; N] {
    hex::decode(case[key].as_str().expect("hex")).expect("hex").try_into().expect("the field's length")
}

#[test]
fn the_strict_rule_accepts_exactly_case_three() {
    let text = std::fs::read_to_string(folder().join("ed25519-speccheck.json")).expect("the file is there");
    let cases: Vec<serde_json::Value> = serde_json::from_str(&text).expect("JSON");
    assert_eq!(cases.len(), WHY.len());
    for (at, (case, why)) in cases.iter().zip(WHY).enumerate() {
        let message = hex::decode(case["message"].as_str().expect("hex")).expect("hex");
        let signature = Signature::from_bytes(field(case, "signature"));
        let key = PublicKey::decode(&ValidatorId::from_bytes(field(case, "pub_key")));
        let weak_key = matches!(at, 0 | 1 | 10 | 11);
        assert_eq!(key.is_err(), weak_key, "case {at}: {why}");
        let accepted = key.is_ok_and(|key| key.verify(&message, &signature));
        assert_eq!(accepted, why.is_empty(), "case {at}: {why}");
    }
}

/// The group order L, least significant byte first.
const L: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

#[test]
fn a_signature_has_no_second_form() {
    let key = SigningKey::from_seed(&[1; 32]);
    let public = PublicKey::decode(&key.validator()).unwrap();
    let message = [7; 47];
    let signature = key.sign(&message);
    assert!(public.verify(&message, &signature));
    let mut malleated = *signature.as_bytes();
    let mut carry = 0u16;
    for (byte, add) in malleated[32..].iter_mut().zip(L) {
        carry += u16::from(*byte) + u16::from(add);
        *byte = carry as u8;
        carry >>= 8;
    }
    assert!(!public.verify(&message, &Signature::from_bytes(malleated)), "S + L");
    for bit in 0..512 {
        let mut bent = *signature.as_bytes();
        bent[bit / 8] ^= 1 << (bit % 8);
        assert!(!public.verify(&message, &Signature::from_bytes(bent)), "bit {bit}");
    }
}

#[test]
fn keys_that_are_no_points_are_refused() {
    // y = p + 1 (the identity, not canonical), y = p (not canonical), y = 2 (no point has it).
    let mut above = [0xff; 32];
    (above[0], above[31]) = (0xee, 0x7f);
    let mut prime = above;
    prime[0] = 0xed;
    let mut no_point = [0; 32];
    no_point[0] = 2;
    for bytes in [above, prime, no_point, [0; 32]] {
        assert!(PublicKey::decode(&ValidatorId::from_bytes(bytes)).is_err(), "{}", hex::encode(bytes));
    }
}
