//! `up` with its Ethereum and with rollups that are executed, proven and settled, on a network of real processes.

mod demo;

use std::process::Command;

/// How many steps transactions of a rollup did not take, by its last row in the table.
fn dashes(text: &str, rollup: &str) -> usize {
    let row = text.lines().rev().find(|line| line.starts_with(rollup));
    row.expect("the rollup has a row").split_whitespace().filter(|cell| *cell == "-").count()
}

#[test]
fn transactions_are_followed_through_receipt_finality_proof_and_settlement() {
    let mut arguments = vec!["up", "--l1", "--zk", "--for", "30s", "--rate", "50"];
    let mut steps =
        vec!["0 lost, 0 duplicated", "payloads that are none, in", "settled on Ethereum", "transaction "];
    // The client is a workspace of its own, which `check.sh` builds.
    let evm = std::env::var_os("FAIRLANE_EVM_CLIENT").is_some();
    if evm {
        arguments.push("--evm");
        steps.push("both clients at state");
    } else {
        eprintln!("SKIPPED: FAIRLANE_EVM_CLIENT names no client: without the rollup that runs the EVM");
    }
    let text = demo::shows(&arguments, &steps);
    assert_eq!(dashes(&text, "1 (EIP-1559)"), 3, "receipt and finality");
    assert_eq!(dashes(&text, "2 (opaque)"), 3, "receipt and finality");
    if evm {
        assert_eq!(dashes(&text, "3 (EVM)"), 1, "receipt, finality, execution and settlement");
    }
    let proven = if evm { "4 (proven)" } else { "3 (proven)" };
    assert_eq!(dashes(&text, proven), 1, "receipt, finality, proof and settlement");
}

#[test]
fn a_proven_rollup_needs_an_ethereum_and_accounts_there() {
    for (arguments, needed) in [
        (&["up", "--zk"][..], "--l1"),
        (&["up", "--l1", "--keys", "keys"], "--zk"),
        (&["up", "--l1", "--zk", "--validators", "6"], "at most 5 validators"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_fairlane-testnet")).args(arguments).output();
        let output = output.expect("the program starts");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && text.contains(needed), "{arguments:?}: {text}");
    }
}
