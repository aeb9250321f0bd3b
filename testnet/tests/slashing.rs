//! Offences from the wire to Ethereum, on networks of real processes with a development node.

mod demo;

fn slash_demo(offence: &str) {
    let steps = [
        "in the pools of 3 of 3 honest nodes",
        "Slashed",
        "2000 -> 1900 tokens, tombstoned",
        "has 3 members, the offender not among them",
        "on: 3 members",
        "Ordering   goes on",
    ];
    demo::shows(&["slash-demo", "--validators", "4", "--offence", offence], &steps);
}

#[test]
fn two_precommits_cost_stake_and_seat() {
    slash_demo("precommit");
}

#[test]
fn two_prevotes_cost_stake_and_seat() {
    slash_demo("prevote");
}

#[test]
fn two_proposals_cost_stake_and_seat() {
    slash_demo("proposal");
}

#[test]
fn two_checkpoints_cost_stake_and_seat() {
    slash_demo("checkpoint");
}

#[test]
fn a_forked_lane_costs_stake_and_seat() {
    slash_demo("lane");
}
