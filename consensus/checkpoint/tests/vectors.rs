//! Signatures made by another implementation (`slashing-contracts/test/vectors/generate_checkpoints.py`), which the contract
//! judges too.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use fairlane_checkpoint::PublicKey;
use fairlane_checkpoint::keys::verify_sum;
use fairlane_types::checkpoint::{Checkpoint, CheckpointPublicKey, CheckpointSignature, Signers};
use fairlane_types::codec::Decode as _;
use serde_json::Value;

fn bytes<const N: usize>(value: &Value) -> [u8; N] {
    hex::decode(&value.as_str().unwrap()[2..]).unwrap().try_into().unwrap()
}

#[test]
fn golden_signatures() {
    let path = "../../slashing-contracts/test/vectors/checkpoints.json";
    let content: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let cases = content["cases"].as_array().unwrap();
    let mut valid = 0;
    for case in cases {
        let signers = Signers::from_bytes(bytes(&case["signers"]));
        let keys: Vec<PublicKey> = case["keys"]
            .as_array()
            .unwrap()
            .iter()
            .enumerate()
            .filter(|(place, _)| signers.contains(*place))
            .map(|(_, key)| PublicKey::decode(&CheckpointPublicKey::from_bytes(bytes(key))).unwrap())
            .collect();
        let checkpoint = Checkpoint::from_bytes(bytes::<168>(&case["fields"]).to_vec()).unwrap();
        let signature = CheckpointSignature::from_bytes(bytes(&case["signature"]));
        let found = verify_sum(&keys, &checkpoint.sign_bytes(), &signature);
        assert_eq!(Value::Bool(found), case["valid"], "{}", case["name"]);
        valid += usize::from(found);
    }
    assert_eq!((cases.len(), valid), (25, 7));
}
