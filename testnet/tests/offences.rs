//! Every offence that a validator commits ends in the pool of every honest node.

use std::process::Command;

#[test]
fn whatever_is_signed_twice_is_known_to_all_honest_nodes() {
    let output = Command::new(env!("CARGO_BIN_EXE_fairlane-testnet"))
        .args(["offences", "--rounds", "4"])
        .output()
        .expect("the program starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    for kind in ["prevotes     4 of 4", "precommits   4 of 4", "proposals    4 of 4", "forked lanes 1 of 1"] {
        assert!(text.contains(kind), "`{kind}` is not in:\n{text}");
    }
}
