//! Double votes and double proposals among what peers send.

use super::Watch;
use crate::testing::{NETWORK, keys, validators};
use crate::{Address, BlockHeight, BlockValue, FairlaneContext, ProposalMessage, Vote, malachite_round};
use arc_malachitebft_core_types::{NilOrVal, SignedProposal, SignedVote};
use fairlane_types::evidence::OffenceSlot;
use fairlane_types::vote::VoteKind;
use fairlane_types::{BlockId, Evidence, Height, Round, Signature, SigningKey};

const HEIGHT: Height = Height::new(10);

fn block(byte: u8) -> NilOrVal<BlockId> {
    NilOrVal::Val(BlockId::from_bytes([byte; 32]))
}

fn signed_vote(
    key: &SigningKey,
    height: Height,
    round: u32,
    value: NilOrVal<BlockId>,
) -> SignedVote<FairlaneContext> {
    let vote = Vote {
        kind: VoteKind::Precommit,
        height: BlockHeight(height),
        round: malachite_round(Some(Round::new(round))),
        value,
        validator: Address(key.validator()),
    };
    let signature = key.sign(&vote.sign_bytes(&NETWORK).expect("the round is not nil"));
    SignedVote::new(vote, signature)
}

fn forged(mut vote: SignedVote<FairlaneContext>, byte: u8) -> SignedVote<FairlaneContext> {
    vote.signature = Signature::from_bytes([byte; 64]);
    vote
}

fn signed_proposal(key: &SigningKey, value: u8, pol_round: Option<Round>) -> SignedProposal<FairlaneContext> {
    let proposal = ProposalMessage {
        height: BlockHeight(HEIGHT),
        round: malachite_round(Some(Round::new(3))),
        value: BlockValue(BlockId::from_bytes([value; 32])),
        pol_round: malachite_round(pol_round),
        proposer: Address(key.validator()),
    };
    let signature = key.sign(&proposal.sign_bytes(&NETWORK).expect("the round is not nil"));
    SignedProposal::new(proposal, signature)
}

#[test]
fn two_votes_of_one_slot_are_evidence_once() {
    let keys = keys(4);
    let set = validators(&keys);
    let mut watch = Watch::new(NETWORK, HEIGHT, set);
    let (first, second) =
        (signed_vote(&keys[0], HEIGHT, 1, block(1)), signed_vote(&keys[0], HEIGHT, 1, NilOrVal::Nil));
    assert_eq!(watch.vote(&first), None);
    assert_eq!(watch.vote(&first), None, "a repetition is none");
    assert_eq!(watch.vote(&signed_vote(&keys[0], HEIGHT, 2, block(2))), None, "another round is none");
    assert_eq!(watch.vote(&signed_vote(&keys[1], HEIGHT, 1, block(2))), None, "another voter is none");

    let evidence = watch.vote(&second).expect("the second vote excludes the first");
    let slot = OffenceSlot::Vote(keys[0].validator(), VoteKind::Precommit, HEIGHT, Round::new(1));
    assert_eq!(evidence.slot(), slot);
    let Evidence::DoubleVote(pair) = evidence else { panic!("votes make a double vote") };
    assert_ne!(pair[0].block, pair[1].block);
    assert_eq!(watch.vote(&signed_vote(&keys[0], HEIGHT, 1, block(3))), None, "one slot counts once");
}

#[test]
fn forged_votes_neither_accuse_nor_hide_an_offence() {
    let keys = keys(4);
    let set = validators(&keys);
    let mut watch = Watch::new(NETWORK, HEIGHT, set);
    for byte in 0..20 {
        let value = if byte % 2 == 0 { block(9) } else { block(byte) };
        assert_eq!(watch.vote(&forged(signed_vote(&keys[0], HEIGHT, 0, value), byte)), None);
    }
    assert_eq!(watch.vote(&signed_vote(&keys[0], HEIGHT, 0, block(1))), None);
    for byte in 0..20 {
        assert_eq!(watch.vote(&forged(signed_vote(&keys[0], HEIGHT, 0, block(8)), byte)), None);
    }
    assert!(watch.vote(&signed_vote(&keys[0], HEIGHT, 0, block(2))).is_some());
}

#[test]
fn strangers_and_far_heights_are_not_watched() {
    let keys = keys(4);
    let set = validators(&keys[..3]);
    let mut watch = Watch::new(NETWORK, HEIGHT, set);
    let mut both = |key: &SigningKey, height| {
        watch.vote(&signed_vote(key, height, 0, block(1)));
        watch.vote(&signed_vote(key, height, 0, block(2))).is_some()
    };
    assert!(!both(&keys[3], HEIGHT), "no member");
    assert!(!both(&keys[0], HEIGHT.saturating_add(2)), "too far ahead");
    assert!(!both(&keys[0], HEIGHT.saturating_sub(5)), "too far back");
    assert!(both(&keys[0], HEIGHT.saturating_sub(4)), "late, but not too late");
    assert!(both(&keys[0], HEIGHT.next()), "others are one height ahead at times");
}

#[test]
fn who_has_left_answers_for_what_it_signed_before() {
    let keys = keys(4);
    let mut watch = Watch::new(NETWORK, HEIGHT, validators(&keys[..3]));
    let next = HEIGHT.next();
    watch.advance(next, &validators(&keys[1..]));
    let both = |watch: &mut Watch, key: &SigningKey, height| {
        watch.vote(&signed_vote(key, height, 0, block(1)));
        watch.vote(&signed_vote(key, height, 0, block(2))).is_some()
    };
    assert!(both(&mut watch, &keys[0], HEIGHT), "a member at that height");
    assert!(!both(&mut watch, &keys[0], next), "no member any more");
    assert!(!both(&mut watch, &keys[3], HEIGHT), "no member yet");
    assert!(both(&mut watch, &keys[3], next));
    watch.advance(next.saturating_add(4), &validators(&keys[1..]));
    assert_eq!(watch.sets.len(), 1);
    assert!(both(&mut watch, &keys[1], next));
}

#[test]
fn the_watch_is_bounded_and_moves_on() {
    let keys = keys(4);
    let set = validators(&keys);
    let mut watch = Watch::new(NETWORK, HEIGHT, set.clone());
    for round in 0..10_000 {
        watch.vote(&forged(signed_vote(&keys[0], HEIGHT, round, block(1)), 1));
    }
    assert!(watch.votes.len() <= super::SLOTS_PER_VALIDATOR);
    watch.advance(HEIGHT.saturating_add(10), &set);
    assert!(watch.votes.is_empty() && watch.slots.is_empty());
    let later = HEIGHT.saturating_add(10);
    watch.vote(&signed_vote(&keys[0], later, 0, block(1)));
    assert!(watch.vote(&signed_vote(&keys[0], later, 0, block(2))).is_some(), "there is room again");
}

#[test]
fn two_blocks_proposed_in_one_round_are_evidence() {
    let keys = keys(4);
    let set = validators(&keys);
    let mut watch = Watch::new(NETWORK, HEIGHT, set);
    assert_eq!(watch.proposal(&signed_proposal(&keys[2], 1, None)), None);
    let evidence = watch.proposal(&signed_proposal(&keys[2], 2, None)).expect("two blocks");
    assert_eq!(evidence.slot(), OffenceSlot::Proposal(keys[2].validator(), HEIGHT, Round::new(3)));
}
