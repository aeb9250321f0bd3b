//! The memory of one height's values.

use super::values::{Knowledge, Place, Values};
use crate::testing::{NETWORK, keys, proposal};
use fairlane_agreement::{PartPlace, ProposalPart};
use fairlane_types::{Height, Round, ValidatorId};
use std::sync::Arc;

fn place(round: u32) -> Place {
    Place { round: Round::new(round), valid_round: None, proposer: ValidatorId::ZERO }
}

fn part(round: u32, time: u64) -> ProposalPart {
    let keys = keys(4);
    let place = PartPlace { height: Height::FIRST, round: Round::new(round), valid_round: None };
    ProposalPart::sign(&NETWORK, &keys[0], place, &proposal(&keys, Height::FIRST, time))
}

#[test]
fn a_verdict_reaches_every_place_that_waited_for_it() {
    let mut values = Values::default();
    let id = proposal(&keys(4), Height::FIRST, 1).id();
    values.await_judgement(id, place(0));
    values.await_judgement(id, place(0));
    values.await_judgement(id, place(1));
    assert!(matches!(values.knowledge(&id), Some(Knowledge::Judging(_))));
    assert_eq!(values.decide(id, Knowledge::Valid), vec![place(0), place(1)]);
    assert_eq!(values.knowledge(&id), Some(&Knowledge::Valid));
    assert_eq!(values.decide(id, Knowledge::Valid), Vec::new(), "nobody waits a second time");
}

#[test]
fn a_withheld_value_may_come_up_again_and_a_verdict_stays() {
    let mut values = Values::default();
    let first = part(0, 1);
    let id = first.proposal().expect("it can be read").id();
    values.keep_part(id, first.clone());
    values.await_judgement(id, place(0));
    assert!(!values.has_room_for(&first), "it is a repetition while it is judged");
    values.withhold(&id);
    assert_eq!(values.knowledge(&id), None);
    assert!(values.has_room_for(&first), "it may come up again");

    values.decide(id, Knowledge::Invalid);
    values.withhold(&id);
    assert_eq!(values.knowledge(&id), Some(&Knowledge::Invalid), "only what is being judged can be withheld");
}

#[test]
fn a_round_has_room_for_two_payloads() {
    let mut values = Values::default();
    for time in 1..=2 {
        let part = part(0, time);
        assert!(values.has_room_for(&part));
        values.keep_part(part.proposal().expect("it can be read").id(), part);
    }
    assert!(!values.has_room_for(&part(0, 3)));
    assert!(values.has_room_for(&part(1, 3)), "another round has its own room");
    let kept = part(0, 2);
    let id = kept.proposal().expect("it can be read").id();
    assert_eq!(values.part(Round::ZERO, &id), Some(&kept), "it can be sent again as it was signed");
    assert_eq!(values.part(Round::new(1), &id), None);
}

#[test]
fn proposals_are_found_by_id() {
    let mut values = Values::default();
    let proposal = Arc::new(proposal(&keys(4), Height::FIRST, 1));
    values.keep_proposal(proposal.id(), proposal.clone());
    assert_eq!(values.proposal(&proposal.id()), Some(proposal));
}
