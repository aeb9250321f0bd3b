//! Proofs are those of the vectors that the contracts' tests read, made by another implementation of
//! BLS12-381.

use super::*;
use serde_json::Value;

fn vectors() -> Value {
    let path = "../test/vectors/possession.json";
    serde_json::from_str(&std::fs::read_to_string(path).expect("the vectors are there")).expect("JSON")
}

fn bytes(vectors: &Value, name: &str) -> Vec<u8> {
    let text = vectors[name].as_str().expect("vectors are strings");
    hex::decode(text.trim_start_matches("0x")).expect("vectors are hexadecimal")
}

fn array<const N: usize>(vectors: &Value, name: &str) -> [u8; N] {
    bytes(vectors, name).try_into().expect("the vector has its length")
}

#[test]
fn proofs_are_those_of_the_vectors() {
    let vectors = vectors();
    let registrant = Registrant {
        chain_id: vectors["chain_id"].as_str().expect("a string").parse().expect("a number"),
        registry: Address::new(array(&vectors, "registry")),
        operator: Address::new(array(&vectors, "operator")),
    };
    let consensus = SigningKey::from_seed(&array(&vectors, "consensus_seed"));
    let checkpoint = CheckpointKey::from_secret(&array(&vectors, "checkpoint_secret")).expect("in range");
    let message = registrant.message(&consensus.validator(), &checkpoint.public());
    assert_eq!(message.as_slice(), bytes(&vectors, "message"));
    let keys = registrant.prove(&consensus, &checkpoint);
    assert_eq!(keys.consensusKey.as_slice(), bytes(&vectors, "consensus_key"));
    assert_eq!(keys.consensusProof, bytes(&vectors, "consensus_proof"));
    assert_eq!(keys.checkpointKey, bytes(&vectors, "checkpoint_key"));
    assert_eq!(keys.checkpointProof, bytes(&vectors, "checkpoint_proof"));
}

#[test]
fn a_proof_is_for_one_registrant() {
    let registrant =
        Registrant { chain_id: 1, registry: Address::repeat_byte(2), operator: Address::repeat_byte(3) };
    let others = [
        Registrant { chain_id: 2, ..registrant },
        Registrant { registry: Address::repeat_byte(3), ..registrant },
        Registrant { operator: Address::repeat_byte(2), ..registrant },
    ];
    let (consensus, checkpoint) = (SigningKey::from_seed(&[1; 32]), CheckpointKey::from_seed(&[2; 32]));
    let keys = registrant.prove(&consensus, &checkpoint);
    for other in others {
        let others_keys = other.prove(&consensus, &checkpoint);
        assert_ne!(others_keys.consensusProof, keys.consensusProof);
        assert_ne!(others_keys.checkpointProof, keys.checkpointProof);
    }
}

#[test]
fn secrets_out_of_range_are_refused_and_none_is_printed() {
    assert_eq!(CheckpointKey::from_secret(&[0; 32]).map(|_| ()), Err(CheckpointKeyError::OutOfRange));
    assert_eq!(CheckpointKey::from_secret(&[0xff; 32]).map(|_| ()), Err(CheckpointKeyError::OutOfRange));
    let secret = [0x11; 32];
    let key = CheckpointKey::from_secret(&secret).expect("in range");
    assert!(!format!("{key:?}").contains(&hex::encode(secret)));
}
