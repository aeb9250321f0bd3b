//! A rollup that is proven and settled, on a network of real processes that are killed at every step.

mod demo;

#[test]
fn batches_are_proven_and_settled_whoever_is_killed() {
    let steps = [
        "Deposits   1000 and 10 units",
        "Settles    batch 1",
        "Kills      the prover, with a lease",
        "Kills      the adapter, with a lease given",
        "Pays       560 units on Ethereum",
        "Kills      the adapter, with a proof and no checkpoint",
        "Rehearses  batch",
        "Refuses    another proof: InvalidProof",
        "Refuses    another head: InvalidProof",
        "Refuses    another state: InvalidProof",
        "Kills      the adapter, with its transaction in the pool",
        "Loses      node 0, to which the adapter is subscribed, and its endpoint of Ethereum",
        "by another node and another endpoint",
        "Waits      the RollupRegistry names another verification key",
        "Tells      a subscriber that batch",
        "each once; 0 transactions in vain",
    ];
    demo::shows(&["zk-demo"], &steps);
}
