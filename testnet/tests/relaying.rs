//! Checkpoints from the validators' keys to the light client on Ethereum, on a network of real processes.

mod demo;

#[test]
fn what_validators_sign_is_relayed_to_ethereum_and_final_there() {
    let steps = [
        "Posted     checkpoint 1 at height",
        "Proves     rollup 1 at batch",
        "Refuses    one batch more",
        "Follows    the set of 5 from height",
        "Relayers   posted",
        "Stops      both relayers cleanly",
        "Ordering   goes on, on all nodes",
    ];
    demo::shows(&["relay-demo", "--validators", "4"], &steps);
}
