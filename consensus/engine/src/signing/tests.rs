//! The strict rule, by published vectors and by malleated votes.

use super::{Ed25519, KeySigner, SigningGate, StrictVerifier};
use crate::context::{Address, BlockHeight, BlockValue, ProposalMessage, Vote};
use crate::testing::{NETWORK, keys, proposers};
use arc_malachitebft_app::types::core::{NilOrVal, Round, SigningScheme as _, ValidatorProof};
use arc_malachitebft_signing::{Signer as _, Verifier as _};
use fairlane_types::vote::VoteKind;
use fairlane_types::{BlockId, Height, NetworkId, Signature};

/// The order of the base point, least significant byte first (RFC 8032, 5.1).
const L: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

fn vote(validator: Address, kind: VoteKind, round: Round, value: NilOrVal<BlockId>) -> Vote {
    Vote { kind, height: BlockHeight(Height::new(5)), round, value, validator }
}

async fn accepts(vote: &Vote, signature: &Signature, network: NetworkId) -> bool {
    let set = proposers(&keys(4));
    let member = set.member(&vote.validator).expect("voters are members");
    let result = StrictVerifier::new(network).verify_signed_vote(vote, signature, &member.key).await;
    result.expect("verification of peers' bytes never fails").is_valid()
}

#[test]
fn the_published_edge_cases_are_judged_strictly() {
    // From "Taming the many EdDSAs": only case 3 satisfies canonical encodings, no small order, and the
    // cofactorless equation.
    let vectors: Vec<serde_json::Value> =
        serde_json::from_str(include_str!("../../../types/vectors/ed25519-speccheck.json"))
            .expect("vectors are JSON");
    assert_eq!(vectors.len(), 12);
    for (case, vector) in vectors.iter().enumerate() {
        let field = |name: &str| {
            hex::decode(vector[name].as_str().expect("fields are strings")).expect("fields are hexadecimal")
        };
        let signature = Ed25519::decode_signature(&field("signature")).expect("it has 64 bytes");
        let valid = Ed25519::decode_public_key(&field("pub_key"))
            .is_ok_and(|key| key.verify(&field("message"), &signature));
        assert_eq!(valid, case == 3, "case {case}");
    }
}

#[tokio::test]
async fn votes_verify_for_what_they_say_and_nothing_else() {
    let key = keys(4).remove(2);
    let (me, other) = (Address(key.validator()), Address(keys(4)[1].validator()));
    let signer = KeySigner::new(NETWORK, key, SigningGate::new(Height::new(4)));
    let block = NilOrVal::Val(BlockId::from_bytes([9; 32]));
    let signed = signer.sign_vote(vote(me, VoteKind::Prevote, Round::new(1), block)).await.expect("signs");

    assert!(accepts(&signed.message, &signed.signature, NETWORK).await);
    assert!(!accepts(&signed.message, &signed.signature, NetworkId::from_bytes([8; 32])).await);
    for changed in [
        vote(me, VoteKind::Precommit, Round::new(1), block),
        vote(me, VoteKind::Prevote, Round::new(2), block),
        vote(me, VoteKind::Prevote, Round::Nil, block),
        vote(me, VoteKind::Prevote, Round::new(1), NilOrVal::Nil),
        vote(me, VoteKind::Prevote, Round::new(1), NilOrVal::Val(BlockId::ZERO)),
        vote(other, VoteKind::Prevote, Round::new(1), block),
    ] {
        assert!(!accepts(&changed, &signed.signature, NETWORK).await, "{changed:?}");
    }
}

#[tokio::test]
async fn a_signature_with_s_beyond_the_order_is_refused() {
    let key = keys(4).remove(0);
    let me = Address(key.validator());
    let signer = KeySigner::new(NETWORK, key, SigningGate::new(Height::new(4)));
    let nil = vote(me, VoteKind::Precommit, Round::new(0), NilOrVal::Nil);
    let signed = signer.sign_vote(nil).await.expect("signs");
    assert!(accepts(&signed.message, &signed.signature, NETWORK).await);

    let mut malleated = *signed.signature.as_bytes();
    let mut carry = 0;
    for (byte, order) in malleated[32..].iter_mut().zip(L) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
    assert!(!accepts(&signed.message, &Signature::from_bytes(malleated), NETWORK).await);
}

#[tokio::test]
async fn nothing_is_signed_for_the_nil_round() {
    let key = keys(4).remove(0);
    let me = Address(key.validator());
    let signer = KeySigner::new(NETWORK, key, SigningGate::new(Height::new(4)));
    assert!(signer.sign_vote(vote(me, VoteKind::Prevote, Round::Nil, NilOrVal::Nil)).await.is_err());
    let proposal = ProposalMessage {
        height: BlockHeight(Height::FIRST),
        round: Round::Nil,
        value: BlockValue(BlockId::ZERO),
        pol_round: Round::Nil,
        proposer: me,
    };
    assert!(signer.sign_proposal(proposal).await.is_err());
}

#[tokio::test]
async fn a_validator_proof_binds_the_key_to_the_peer() {
    let key = keys(4).remove(0);
    let public = key.validator().as_bytes().to_vec();
    let signer = KeySigner::new(NETWORK, key, SigningGate::new(Height::new(4)));
    let verifier = StrictVerifier::new(NETWORK);
    let proof = signer.sign_validator_proof(public.clone(), vec![1, 2, 3]).await.expect("signs");
    let valid = |proof: ValidatorProof<_>| async move {
        verifier.verify_validator_proof(&proof).await.expect("never fails").is_valid()
    };
    assert!(valid(proof.clone()).await);
    assert!(!valid(ValidatorProof::new(public, vec![1, 2, 4], proof.signature)).await);
    assert!(!valid(ValidatorProof::new(vec![0; 32], vec![1, 2, 3], proof.signature)).await);
    assert!(!valid(ValidatorProof::new(vec![1; 5], vec![1, 2, 3], proof.signature)).await);
}

#[tokio::test]
async fn nothing_is_signed_before_the_decision_before_it_is_on_disk() {
    let key = keys(4).remove(0);
    let me = Address(key.validator());
    let gate = SigningGate::new(Height::new(2));
    let signer = KeySigner::new(NETWORK, key, gate.clone());
    let signing = tokio::spawn(async move {
        signer.sign_vote(vote(me, VoteKind::Prevote, Round::new(0), NilOrVal::Nil)).await.is_ok()
    });
    gate.written(Height::new(3));
    tokio::task::yield_now().await;
    assert!(!signing.is_finished(), "block 4 is not on disk, and the vote is for block 5");
    gate.written(Height::new(4));
    assert!(signing.await.expect("it does not panic"));
}

#[tokio::test]
async fn a_height_is_held_for_its_decision_only_where_something_was_signed() {
    let gate = SigningGate::new(Height::new(2));
    assert!(gate.has_signed(Height::new(3)), "after a start nobody knows");
    assert!(!gate.has_signed(Height::new(4)));
    gate.resume(Height::new(7));
    assert!(gate.has_signed(Height::new(8)) && !gate.has_signed(Height::new(9)));
    gate.written(Height::new(9));
    gate.pass(Height::new(10)).await;
    assert!(gate.has_signed(Height::new(10)) && !gate.has_signed(Height::new(11)));
    gate.written(Height::new(3));
    gate.pass(Height::new(10)).await;
}
