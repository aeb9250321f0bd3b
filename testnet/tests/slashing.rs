//! Offences from the wire to Ethereum, on networks of real processes with a development node. Fails where anvil is
//! missing: `slashing-contracts/check.sh` installs it.

use std::process::Command;

fn slash_demo(offence: &str) {
    let output = Command::new(env!("CARGO_BIN_EXE_fairlane-testnet"))
        .args(["slash-demo", "--validators", "4", "--offence", offence])
        .output()
        .expect("the program starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    println!("{text}");
    for step in [
        "in the pools of 3 of 3 honest nodes",
        "Slashed",
        "2000 -> 1900 tokens, tombstoned",
        "has 3 members, the offender not among them",
        "on: 3 members",
        "Ordering   goes on",
    ] {
        assert!(text.contains(step), "`{step}` is not in:\n{text}");
    }
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
fn a_forked_lane_costs_stake_and_seat() {
    slash_demo("lane");
}
