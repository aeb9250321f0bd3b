//! What the tests share: a chain made by hand, and a server that speaks the real protocol from it, honestly or not.
#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "shared by test binaries, of which each uses a part"
)]

mod chain;
mod server;

pub use chain::{Block, Chain, World};
pub use server::{Lie, Server};

use fairlane_rollup_adapter::{RetryPolicy, Subscriber, Subscription, VerifiedBatch};
use fairlane_types::RollupId;
use std::time::Duration;

/// The rollup that most tests follow.
pub const ROLLUP: RollupId = RollupId::new(20);

/// Long enough for anything that should happen.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// Short pauses, so that tests see what happens after them.
pub fn quick() -> RetryPolicy {
    RetryPolicy {
        first: Duration::from_millis(10),
        longest: Duration::from_millis(50),
        first_after_lie: Duration::from_secs(60),
        longest_after_lie: Duration::from_secs(600),
    }
}

/// A subscriber of [`ROLLUP`] at these servers.
pub fn subscriber(world: &World, servers: &[&Server]) -> Subscriber {
    Subscriber::new(world.genesis.clone(), ROLLUP)
        .endpoints(servers.iter().map(|server| server.url()))
        .retry(quick())
        .idle_timeout(Duration::from_secs(2))
}

/// Takes the next batches up to `last`, which must come in order.
pub async fn take_until(subscription: &mut Subscription, last: u64) -> Vec<VerifiedBatch> {
    let mut taken: Vec<VerifiedBatch> = Vec::new();
    while taken.last().is_none_or(|batch| batch.index().get() < last) {
        let next = tokio::time::timeout(DEADLINE, subscription.next()).await.expect("no batch in time");
        let batch = next.expect("the subscription ended").expect("the subscription failed");
        if let Some(before) = taken.last() {
            assert_eq!(batch.index(), before.index().next());
        }
        taken.push(batch);
    }
    taken
}

/// Waits for a condition.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = std::time::Instant::now();
    while !holds() {
        assert!(started.elapsed() < DEADLINE, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
