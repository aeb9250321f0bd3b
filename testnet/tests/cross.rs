//! Value that moves between two rollups by bundles. Skipped where the program of the EVM's client is not named: it is a
//! workspace of its own, which `check.sh` builds.

mod demo;

#[test]
fn both_legs_of_a_bundle_are_settled_or_none() {
    if std::env::var_os("FAIRLANE_EVM_CLIENT").is_none() {
        eprintln!("SKIPPED: FAIRLANE_EVM_CLIENT names no client");
        return;
    }
    let steps = [
        "Orders     one: 100 units for 1000000 wei, both legs at height",
        "Claims     1000000 wei in the EVM",
        "Refuses    a guessed secret: WrongSecret",
        "Refuses    another bundle's withdrawal: WrongVault",
        "Refuses    another bundle's other leg: WrongLeg",
        "Refuses    a leg that is not final: WrongHead",
        "Releases   100 units on Ethereum",
        "Voids      the third",
        "Refunds    50 units to Alice on Ethereum",
    ];
    demo::shows(&["cross-demo"], &steps);
}
