//! The permutation against arkworks' sponge, which was written independently of it.

use super::*;
use ark_crypto_primitives::sponge::poseidon::{PoseidonConfig, PoseidonSponge};
use ark_crypto_primitives::sponge::{CryptographicSponge, FieldBasedCryptographicSponge};

#[test]
fn hashes_are_those_of_another_implementation() {
    let (rounds, matrix) = find_poseidon_ark_and_mds(254, RATE, FULL_ROUNDS as u64, PARTIAL_ROUNDS as u64, 0);
    let config = PoseidonConfig::new(FULL_ROUNDS, PARTIAL_ROUNDS, 5, matrix, rounds, RATE, 1);
    for count in 1..=9 {
        let elements: Vec<Field> = (0..count).map(|at| Field::from(at * at + 7)).collect();
        let mut sponge = PoseidonSponge::new(&config);
        sponge.state[0] = Field::from((count << 8) + 3);
        sponge.absorb(&elements);
        assert_eq!(
            hash(Purpose::Challenge, &elements),
            sponge.squeeze_native_field_elements(1)[0],
            "{count}"
        );
    }
}

#[test]
fn purposes_and_lengths_are_apart() {
    let zeros = [Field::default(); 4];
    assert_ne!(hash(Purpose::Leaf, &zeros), hash(Purpose::Node, &zeros));
    assert_ne!(hash(Purpose::Leaf, &zeros), hash(Purpose::Leaf, &zeros[..3]));
}
