//! What subscriptions tell beside batches: checked, told once, and never in the way of batches.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use fairlane_proto::v1::subscribe_response::{self as wire, Event as Wire};
use fairlane_proto::v1::{Refusal, Tier as WireTier};
use fairlane_rollup_adapter::{Acknowledged, BuildError, Event, MemoryCursor, Missed, Subscription, Tier};
use fairlane_types::testing::keys;
use fairlane_types::{Leg, RollupId, SigningKey, Timestamp, Transaction, TxId};
use prost::Message as _;
use support::{DEADLINE, Lie, Server, World, subscriber, take_until, until};

const ALL: [Tier; 3] = [Tier::Acknowledged, Tier::Finalized, Tier::Settled];

async fn next(subscription: &mut Subscription) -> Event {
    let next = tokio::time::timeout(DEADLINE, subscription.next_event()).await.expect("no event in time");
    next.expect("the subscription ended").expect("the subscription failed")
}

/// The next acknowledged transaction, past batches.
async fn acknowledged(subscription: &mut Subscription) -> Acknowledged {
    loop {
        match next(subscription).await {
            Event::Acknowledged(acknowledged) => return acknowledged,
            Event::Finalized(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

fn transactions(world: &World, salts: std::ops::Range<u8>) -> Vec<Transaction> {
    salts.map(|salt| world.transaction(salt)).collect()
}

fn told(world: &World, key: &SigningKey, transactions: &[Transaction]) -> Wire {
    Wire::Acknowledged(world.acknowledged(key, transactions))
}

#[tokio::test]
async fn what_lanes_hold_is_told_with_a_members_word_and_once() {
    let world = World::new();
    let server = Server::start(world.chain(3), Lie::None).await;
    let (first, more) = (transactions(&world, 0..5), transactions(&world, 3..9));
    server.state().events = vec![told(&world, &world.keys[0], &first), told(&world, &world.keys[1], &more)];
    let mut subscription =
        subscriber(&world, &[&server]).tiers(ALL).open(MemoryCursor::default()).await.unwrap();
    for salt in 0..9 {
        let Acknowledged { transaction, receipt } = acknowledged(&mut subscription).await;
        assert_eq!(transaction.id(), world.transaction(salt).id());
        assert_eq!(receipt.transaction, transaction.id());
        receipt.verify(&world.genesis.network()).unwrap();
        let key = &world.keys[usize::from(salt > 4)];
        assert_eq!(receipt.header.lane.validator, key.validator(), "the first lane that had it");
    }
    assert_eq!(server.state().tiers, [WireTier::Acknowledged as i32, WireTier::Settled as i32]);
    assert_eq!(subscription.counters().values().lies, 0);
}

#[tokio::test]
async fn a_reconnect_repeats_nothing_and_what_a_batch_had_is_not_told_any_more() {
    let world = World::new();
    let mut chain = world.chain(1);
    let ordered = world.transaction(1);
    let item = fairlane_types::BatchItem {
        transaction: ordered.id(),
        leg_index: 0,
        leg_count: 1,
        payload: ordered.legs()[0].payload.clone(),
    };
    chain.push(vec![(20, vec![item])]);
    let first = Server::start(chain.clone(), Lie::Break(2)).await;
    first.state().events = vec![told(&world, &world.keys[0], &transactions(&world, 0..1))];
    let second = Server::start(chain, Lie::None).await;
    let mut subscription =
        subscriber(&world, &[&first, &second]).tiers(ALL).open(MemoryCursor::default()).await.unwrap();
    let (mut seen, mut last) = (Vec::new(), 0);
    while seen.is_empty() || last < 2 {
        match next(&mut subscription).await {
            Event::Acknowledged(next) => seen.push(next.transaction.id()),
            Event::Finalized(batch) => last = batch.index().get(),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(seen, [world.transaction(0).id()]);
    second.state().events = vec![told(&world, &world.keys[2], &transactions(&world, 0..3))];
    assert_eq!(acknowledged(&mut subscription).await.transaction.id(), world.transaction(2).id());
}

#[tokio::test]
async fn nothing_unverified_is_told_and_who_sends_it_is_put_aside() {
    let world = World::new();
    let own = transactions(&world, 0..4);
    let good = world.acknowledged(&world.keys[0], &own);
    let changed = |change: fn(&mut wire::Acknowledged)| {
        let mut message = good.clone();
        change(&mut message);
        Wire::Acknowledged(message)
    };
    let leg = Leg { rollup: RollupId::new(10), payload: vec![1].into() };
    let foreign = Transaction::new(vec![leg], Timestamp::from_nanos(1_000_000), [0; 16]).unwrap();
    let lies = [
        changed(|message| message.signature = vec![1; 64].into()),
        changed(|message| message.signature = vec![1; 63].into()),
        changed(|message| message.segment_header = vec![1; 10].into()),
        changed(|message| message.entries[2].index = 3),
        changed(|message| message.entries[0].path = message.entries[1].path.clone()),
        changed(|message| message.entries[3].envelope = message.entries[2].envelope.clone()),
        changed(|message| message.entries[1].envelope = vec![9; 60].into()),
        told(&world, &world.keys[0], &[foreign]),
        Wire::TierUpdate(wire::TierUpdate { index: 1, tier: WireTier::Acknowledged.into() }),
    ];
    for lie in lies {
        let (liar, honest) =
            (Server::start(world.chain(3), Lie::None).await, Server::start(world.chain(3), Lie::None).await);
        liar.state().events = vec![lie.clone()];
        honest.state().events = vec![told(&world, &world.keys[1], &transactions(&world, 9..10))];
        let mut subscription =
            subscriber(&world, &[&liar, &honest]).tiers(ALL).open(MemoryCursor::default()).await.unwrap();
        let first = acknowledged(&mut subscription).await.transaction.id();
        assert_eq!(first, world.transaction(9).id(), "{lie:?}");
        let status = subscription.status().borrow().clone();
        assert!(status.endpoints[0].fault.as_ref().is_some_and(|fault| fault.is_lie()), "{lie:?}");
    }
}

#[tokio::test]
async fn a_lane_of_nobody_in_the_set_is_passed_over_and_no_lie() {
    let world = World::new();
    let server = Server::start(world.chain(2), Lie::None).await;
    let stranger = &keys(30..31)[0];
    server.state().events = vec![
        told(&world, stranger, &transactions(&world, 0..2)),
        told(&world, &world.keys[0], &transactions(&world, 1..2)),
    ];
    let mut subscription =
        subscriber(&world, &[&server]).tiers(ALL).open(MemoryCursor::default()).await.unwrap();
    assert_eq!(acknowledged(&mut subscription).await.transaction.id(), world.transaction(1).id());
    assert_eq!(subscription.counters().values().lies, 0);
}

#[tokio::test]
async fn lanes_of_a_new_set_are_known_before_the_rollup_has_a_batch_of_it() {
    let world = World::new();
    let mut chain = world.chain(2);
    let next = keys(11..15);
    chain.push_and_hand_over(Vec::new(), Some(next.clone()));
    chain.push(Vec::new());
    let server = Server::start(chain, Lie::None).await;
    server.state().events = vec![told(&world, &next[0], &transactions(&world, 0..1))];
    let mut subscription =
        subscriber(&world, &[&server]).tiers(ALL).open(MemoryCursor::default()).await.unwrap();
    assert_eq!(acknowledged(&mut subscription).await.transaction.id(), world.transaction(0).id());
}

#[tokio::test]
async fn who_does_not_take_transactions_gets_its_batches_and_bounded_memory() {
    let world = World::new();
    let server = Server::start(world.chain(40), Lie::None).await;
    let message = world.acknowledged(&world.keys[0], &transactions(&world, 0..10));
    let size = message.encoded_len() as u64;
    let each = |salt: u8| told(&world, &world.keys[0], &transactions(&world, salt * 10..salt * 10 + 10));
    server.state().events = (0..20).map(each).collect();
    let mut subscription = subscriber(&world, &[&server])
        .tiers(ALL)
        .acknowledged_window(3 * size)
        .open(MemoryCursor::default())
        .await
        .unwrap();
    // Batches alone are taken.
    assert_eq!(take_until(&mut subscription, 40).await.len(), 40);
    until("the window is used", || server.state().told == 3).await;
    let mut seen = Vec::<TxId>::new();
    while seen.len() < 200 {
        let Event::Acknowledged(next) = next(&mut subscription).await else {
            panic!("batches are all taken")
        };
        seen.push(next.transaction.id());
    }
    let all = transactions(&world, 0..200);
    assert_eq!(seen, all.iter().map(Transaction::id).collect::<Vec<_>>());
    assert_eq!(subscription.counters().values().faults, 0);
}

#[tokio::test]
async fn a_server_that_sends_more_than_it_may_is_put_aside() {
    let world = World::new();
    let server = Server::start(world.chain(1), Lie::Overdraw).await;
    let each = |salt: u8| told(&world, &world.keys[0], &transactions(&world, salt..salt + 1));
    server.state().events = (0..9).map(each).collect();
    let subscription = subscriber(&world, &[&server])
        .tiers(ALL)
        .acknowledged_window(300)
        .open(MemoryCursor::default())
        .await
        .unwrap();
    until("it is put aside", || subscription.counters().values().lies > 0).await;
}

#[tokio::test]
async fn settlements_resets_and_what_cannot_be_said_are_told() {
    let world = World::new();
    let server = Server::start(world.chain(2), Lie::None).await;
    let update = |index| Wire::TierUpdate(wire::TierUpdate { index, tier: WireTier::Settled.into() });
    let failure = wire::TierFailure {
        tier: WireTier::Settled.into(),
        reason: Refusal::HeadMismatch.into(),
        message: "another history".to_owned(),
    };
    let mut subscription =
        subscriber(&world, &[&server]).tiers([Tier::Settled]).open(MemoryCursor::default()).await.unwrap();
    assert_eq!(take_until(&mut subscription, 2).await.len(), 2);
    let mut tell = async |event| {
        server.state().events.push(event);
        next(&mut subscription).await
    };
    assert!(matches!(tell(update(2)).await, Event::Settled(index) if index.get() == 2));
    assert!(matches!(
        tell(Wire::Reset(wire::Reset { settled_index: 1 })).await,
        Event::Reset(index) if index.get() == 1
    ));
    assert!(matches!(tell(update(2)).await, Event::Settled(index) if index.get() == 2));
    let Event::TierFailed(failed) = tell(Wire::TierFailure(failure)).await else { panic!("no failure") };
    assert_eq!((failed.tier, failed.reason), (Tier::Settled, Refusal::HeadMismatch));
    assert!(matches!(tell(update(2)).await, Event::Settled(index) if index.get() == 2));
    assert_eq!(server.state().tiers, [WireTier::Settled as i32]);
}

#[tokio::test]
async fn what_was_missed_is_added_up() {
    let world = World::new();
    let server = Server::start(world.chain(1), Lie::None).await;
    let missed = |transactions, segments| Wire::Missed(wire::Missed { transactions, segments });
    server.state().events = vec![missed(5, 0), missed(7, 1)];
    let mut subscription =
        subscriber(&world, &[&server]).tiers(ALL).open(MemoryCursor::default()).await.unwrap();
    let mut sum = Missed::default();
    while sum != (Missed { transactions: 12, segments: 1 }) {
        if let Event::Missed(missed) = next(&mut subscription).await {
            sum.transactions += missed.transactions;
            sum.segments += missed.segments;
        }
    }
}

#[tokio::test]
async fn what_was_not_asked_for_is_a_lie() {
    let world = World::new();
    let update = Wire::TierUpdate(wire::TierUpdate { index: 1, tier: WireTier::Settled.into() });
    let events = [
        update,
        Wire::Reset(wire::Reset { settled_index: 1 }),
        Wire::Missed(wire::Missed { transactions: 1, segments: 0 }),
        told(&world, &world.keys[0], &transactions(&world, 0..1)),
    ];
    for event in events {
        let server = Server::start(world.chain(1), Lie::Overdraw).await;
        server.state().events = vec![event];
        let subscription = subscriber(&world, &[&server]).open(MemoryCursor::default()).await.unwrap();
        until("it is put aside", || subscription.counters().values().lies > 0).await;
    }
}

#[tokio::test]
async fn an_empty_window_is_refused() {
    let world = World::new();
    let subscriber = subscriber(&world, &[]).endpoint("http://127.0.0.1:1").tiers(ALL).acknowledged_window(0);
    assert!(matches!(subscriber.open(MemoryCursor::default()).await, Err(BuildError::EmptyWindow)));
}
