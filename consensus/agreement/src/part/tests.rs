//! A part is its proposer's, for one place and one payload.

use super::{PartPlace, ProposalPart};
use crate::testing::{NETWORK, keys, proposal, proposers};
use bytes::Bytes;
use fairlane_types::{Height, NetworkId, Round};

fn place() -> PartPlace {
    PartPlace { height: Height::new(3), round: Round::new(2), valid_round: None }
}

#[test]
fn a_part_carries_its_proposal() {
    let keys = keys(4);
    let proposal = proposal(&keys, Height::new(3), 1);
    let part = ProposalPart::sign(&NETWORK, &keys[1], place(), &proposal);
    assert_eq!(part.proposer, keys[1].validator());
    assert_eq!(part.proposal().expect("it can be read"), proposal);
}

#[test]
fn a_part_is_authentic_only_as_it_was_signed() {
    let keys = keys(4);
    let set = proposers(&keys);
    let key_of = |at: usize| &set.member(&crate::Address(keys[at].validator())).expect("member").key;
    let part = ProposalPart::sign(&NETWORK, &keys[1], place(), &proposal(&keys, Height::new(3), 1));
    assert!(part.is_signed_by(&NETWORK, key_of(1)));
    assert!(!part.is_signed_by(&NETWORK, key_of(0)), "another member's key");
    assert!(!part.is_signed_by(&NetworkId::ZERO, key_of(1)), "another network");

    let mut payload = part.payload.to_vec();
    payload[40] ^= 1;
    for changed in [
        ProposalPart { height: Height::new(4), ..part.clone() },
        ProposalPart { round: Round::new(3), ..part.clone() },
        ProposalPart { valid_round: Some(Round::ZERO), ..part.clone() },
        ProposalPart { payload: Bytes::from(payload), ..part.clone() },
    ] {
        assert!(!changed.is_signed_by(&NETWORK, key_of(1)), "{changed:?}");
    }
}

#[test]
fn a_payload_of_garbage_is_no_proposal() {
    let keys = keys(4);
    let part = ProposalPart::sign(&NETWORK, &keys[1], place(), &proposal(&keys, Height::new(3), 1));
    for len in 0..part.payload.len() {
        let cut_short = ProposalPart { payload: part.payload.slice(..len), ..part.clone() };
        assert!(cut_short.proposal().is_err(), "{len} bytes");
    }
}
