//! A rollup that runs the EVM, on a network of real processes and two real clients. Skipped where the client's program is
//! not named: it is a workspace of its own, which `check.sh` builds.

mod demo;

#[test]
fn two_clients_execute_what_the_network_orders_whoever_is_killed() {
    if std::env::var_os("FAIRLANE_EVM_CLIENT").is_none() {
        eprintln!("SKIPPED: FAIRLANE_EVM_CLIENT names no client");
        return;
    }
    let steps = [
        "Starts     the adapter, ethrex and ethereumjs",
        "Kills      ethrex",
        "Kills      ethereumjs",
        "Kills      the adapter",
        "Executes   1000 transactions",
        "Skips      in each position of a batch: noise, nothing, another chain",
        "Calls      the contract",
        "re-executed by two clients, not proven",
    ];
    demo::shows(&["evm-demo"], &steps);
}
