//! The field in which the rollup counts: the scalar field of BN254, and how its elements are written as bytes.

use ark_ff::{BigInteger, PrimeField};

/// An element of the scalar field of BN254.
pub use ark_bn254::Fr as Field;

/// The encoding: 32 bytes, most significant first.
pub fn to_bytes(element: &Field) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (to, from) in bytes.iter_mut().zip(element.into_bigint().to_bytes_be()) {
        *to = from;
    }
    bytes
}

/// Reads an encoding. `None` if the number is not below the field's order.
pub fn from_bytes(bytes: &[u8; 32]) -> Option<Field> {
    let element = from_number(bytes);
    (to_bytes(&element) == *bytes).then_some(element)
}

/// A number of any length, most significant byte first, modulo the field's order.
pub(crate) fn from_number(bytes: &[u8]) -> Field {
    Field::from_be_bytes_mod_order(bytes)
}
