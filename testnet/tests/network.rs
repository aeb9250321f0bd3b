//! Whole networks of real processes, through the program that users start.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::Value;
use std::process::{Command, Output};

fn testnet(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fairlane-testnet")).args(arguments).output().expect("the program starts")
}

fn texts(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn network_of_four_orders_and_delivers_verified_batches_to_two_rollups() {
    let output = testnet(&["up", "--for", "10s", "--rate", "300"]);
    assert!(output.status.success(), "{}", texts(&output));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("0 lost, 0 duplicated"), "{text}");
}

#[test]
fn network_of_four_goes_on_without_one_and_lets_it_catch_up() {
    let arguments =
        ["bench", "--rate", "500", "--for", "20s", "--kill-after", "3s", "--restart-after", "6s", "--json"];
    let output = testnet(&arguments);
    assert!(output.status.success(), "{}", texts(&output));
    let report: Value = serde_json::from_slice(&output.stdout).expect("the report is one JSON object");
    assert_eq!(report["lost"], 0, "{report}");
    assert_eq!(report["duplicated"], 0, "{report}");
    assert!(report["finalized"].as_u64().unwrap() > 5_000, "{report}");
    assert!(report["catch_up_s"].as_f64().is_some(), "{report}");
}

#[test]
fn network_of_four_keeps_its_promises_while_its_validators_are_hurt() {
    let output = testnet(&["chaos", "--seed", "4", "--for", "20s", "--rate", "200"]);
    assert!(output.status.success(), "{}", texts(&output));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("0 lost, 0 duplicated, no evidence"), "{text}");
}

#[test]
fn a_wrong_option_is_refused_with_the_allowed_range() {
    let output = testnet(&["up", "--validators", "0"]);
    assert!(!output.status.success());
    assert!(texts(&output).contains("1..=64"), "{}", texts(&output));
}
