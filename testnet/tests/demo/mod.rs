//! Demonstrations as users run them, on networks of real processes with a development node. They fail where anvil is
//! missing: `slashing-contracts/check.sh` installs it.

use std::process::Command;

/// Runs a demonstration, which must succeed and print each of these steps. Gives all that it prints.
pub(crate) fn shows(arguments: &[&str], steps: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_fairlane-testnet"))
        .args(arguments)
        .output()
        .expect("the program starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    println!("{text}");
    for step in steps {
        assert!(text.contains(step), "`{step}` is not in:\n{text}");
    }
    text.into_owned()
}
