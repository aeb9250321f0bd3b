//! What follows Ethereum while a network runs: validators that come and go by their stake, and rollups.

mod demo;

#[test]
fn the_validator_set_follows_ethereum() {
    let steps = [
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
    ];
    demo::shows(&["set-demo", "--validators", "4"], &steps);
}

#[test]
fn a_rollup_that_is_registered_on_ethereum_is_ordered_for_until_it_is_closed() {
    let steps = [
        "Refuses    rollup 2: this network does not order for rollup 2",
        "Accepts    rollup 2",
        "Delivers   batches 1 to",
        "Refuses    again",
        "Keeps      its",
        "Ordering   goes on, on all nodes",
    ];
    demo::shows(&["rollup-demo", "--validators", "4"], &steps);
}

#[test]
fn ordering_goes_on_without_ethereum_and_nothing_is_left_out_afterwards() {
    let steps = [
        "Ordering   goes on without",
        "Returns    by another endpoint",
        "Takes up   4 of 4 registrations",
        "none left out",
        "Ordering   goes on, on all nodes",
    ];
    demo::shows(&["outage-demo", "--validators", "4"], &steps);
}
