//! The strict rule, by published vectors and by malleated votes.

use super::{Ed25519, StrictVerifier};
use crate::testing::{NETWORK, keys, proposers};
use crate::{Address, BlockHeight, Vote};
use arc_malachitebft_core_types::{NilOrVal, Round, SigningScheme as _};
use fairlane_types::vote::VoteKind;
use fairlane_types::{BlockId, Height, NetworkId, Signature, SigningKey};

/// The order of the base point, least significant byte first (RFC 8032, 5.1).
const L: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

fn vote(validator: Address, kind: VoteKind, round: Round, value: NilOrVal<BlockId>) -> Vote {
    Vote { kind, height: BlockHeight(Height::new(5)), round, value, validator }
}

fn accepts(vote: &Vote, signature: &Signature, network: NetworkId) -> bool {
    let set = proposers(&keys(4));
    let member = set.member(&vote.validator).expect("voters are members");
    StrictVerifier::new(network).vote_is_valid(vote, signature, &member.key)
}

fn signed(key: &SigningKey, vote: &Vote) -> Signature {
    key.sign(&vote.sign_bytes(&NETWORK).expect("the round is not nil"))
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

#[test]
fn votes_verify_for_what_they_say_and_nothing_else() {
    let key = keys(4).remove(2);
    let (me, other) = (Address(key.validator()), Address(keys(4)[1].validator()));
    let block = NilOrVal::Val(BlockId::from_bytes([9; 32]));
    let said = vote(me, VoteKind::Prevote, Round::new(1), block);
    let signature = signed(&key, &said);

    assert!(accepts(&said, &signature, NETWORK));
    assert!(!accepts(&said, &signature, NetworkId::from_bytes([8; 32])));
    for changed in [
        vote(me, VoteKind::Precommit, Round::new(1), block),
        vote(me, VoteKind::Prevote, Round::new(2), block),
        vote(me, VoteKind::Prevote, Round::Nil, block),
        vote(me, VoteKind::Prevote, Round::new(1), NilOrVal::Nil),
        vote(me, VoteKind::Prevote, Round::new(1), NilOrVal::Val(BlockId::ZERO)),
        vote(other, VoteKind::Prevote, Round::new(1), block),
    ] {
        assert!(!accepts(&changed, &signature, NETWORK), "{changed:?}");
    }
}

#[test]
fn a_signature_with_s_beyond_the_order_is_refused() {
    let key = keys(4).remove(0);
    let me = Address(key.validator());
    let nil = vote(me, VoteKind::Precommit, Round::new(0), NilOrVal::Nil);
    let signature = signed(&key, &nil);
    assert!(accepts(&nil, &signature, NETWORK));

    let mut malleated = *signature.as_bytes();
    let mut carry = 0;
    for (byte, order) in malleated[32..].iter_mut().zip(L) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
    assert!(!accepts(&nil, &Signature::from_bytes(malleated), NETWORK));
}
