//! Validators that come and go by their stake on Ethereum, on a network of real processes with a development node.
//! Fails where anvil is missing: `slashing-contracts/check.sh` installs it.

use std::process::Command;

#[test]
fn the_validator_set_follows_ethereum() {
    let output = Command::new(env!("CARGO_BIN_EXE_fairlane-testnet"))
        .args(["set-demo", "--validators", "4"])
        .output()
        .expect("the program starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    println!("{text}");
    for step in [
        "Refuses    node 4: this node is not in the validator set",
        "Joins      the set from height",
        "on, 5 members",
        "Writes     segment",
        "Proposes   block",
        "Leaves     the set from height",
        "on, 4 members",
        "Refuses    node 3: this node is not in the validator set",
        "Slashed    for two precommits",
        "Ordering   goes on, on all nodes",
    ] {
        assert!(text.contains(step), "`{step}` is not in:\n{text}");
    }
}
