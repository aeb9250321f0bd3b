//! The vectors that the contracts' tests read are what these rules say, and their proofs hold here too.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../examples/zk_vectors/story.rs"]
mod story;

use fairlane_zk_rollup::{KeyWords, Proof, State, Verifier, field};
use serde_json::Value;

fn bytes<const N: usize>(value: &Value) -> [u8; N] {
    hex::decode(value.as_str().unwrap().trim_start_matches("0x")).unwrap().try_into().unwrap()
}

#[test]
fn the_vectors_tell_the_story() {
    let file = "../../slashing-contracts/test/vectors/zk_rollup.json";
    let vectors: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    assert_eq!(bytes(&vectors["root"]), field::to_bytes(&State::default().root()));
    assert_eq!(bytes(&vectors["network"]), *story::CONTEXT.network.as_bytes());

    let words: Vec<[u8; 32]> = vectors["key"].as_array().unwrap().iter().map(bytes).collect();
    let verifier = Verifier::from_key_words(&KeyWords::try_from(words).unwrap()).unwrap();
    let chapters = story::tell().unwrap();
    let batches = vectors["batches"].as_array().unwrap();
    assert_eq!(batches.len(), chapters.len());
    for (batch, chapter) in batches.iter().zip(chapters) {
        let head = chapter.batch.header().head(&story::CONTEXT.network);
        assert_eq!(bytes(&batch["head"]), *head.as_bytes());
        assert_eq!(batch["deposits"].as_array().unwrap().len(), chapter.deposits.len());
        let proofs = batch["proofs"].as_array().unwrap();
        assert_eq!(proofs.len(), chapter.applied.jobs.len());
        for (shown, job) in proofs.iter().zip(&chapter.applied.jobs) {
            assert_eq!(bytes(&shown["input"]), field::to_bytes(&job.statement.public_input()));
            assert!(verifier.verify(&job.statement, &Proof(bytes(&shown["proof"]))));
        }
    }
}

#[test]
fn words_that_are_no_points_are_no_key() {
    assert!(Verifier::from_key_words(&[[1; 32]; 18]).is_none());
    assert!(Verifier::from_key_words(&[[0xff; 32]; 18]).is_none());
}
