//! Subscriptions against real servers: in order, without gap or repetition, whatever happens in between.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use fairlane_rollup_adapter::{
    AckError, BuildError, Cursor, CursorError, CursorStore, Durability, FileCursor, MemoryCursor,
    SharedHeaders, SubscribeError, Window,
};
use fairlane_types::testing::keys;
use fairlane_types::{BatchIndex, RollupHead, RollupId};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use support::{Chain, DEADLINE, Lie, ROLLUP, Server, World, subscriber, take_until, until};

#[tokio::test]
async fn batches_come_in_order_and_go_on_as_the_chain_grows() {
    let world = World::new();
    let server = Server::start(world.chain(30), Lie::None).await;
    let mut subscription = subscriber(&world, &[&server]).open(MemoryCursor::default()).await.unwrap();
    assert_eq!(take_until(&mut subscription, 30).await.len(), 30);
    server.state().chain = world.chain(40);
    let more = take_until(&mut subscription, 40).await;
    assert_eq!(more[0].index(), BatchIndex::new(31));
    assert_eq!(more[9].batch().items().len(), 2);
    let counters = subscription.counters().values();
    assert_eq!((counters.batches, counters.items, counters.lies), (40, 80, 0));
}

#[tokio::test]
async fn every_lie_puts_the_liar_aside_and_costs_nothing_else() {
    let world = World::new();
    let mut chain = world.chain(5);
    chain.push(vec![(10, vec![support_item(1)])]);
    for height in 7..12 {
        chain.push(vec![(20, vec![support_item(height)])]);
    }
    let lies = [
        Lie::NoQuorum(4),
        Lie::Forged(4),
        Lie::Gap(4),
        Lie::Twice(4),
        Lie::OtherRollup(4),
        Lie::OtherItems(4),
        Lie::OtherPath(4),
        Lie::Garbage(4),
        Lie::Empty(4),
    ];
    for lie in lies {
        let liar = Server::start(chain.clone(), lie).await;
        let honest = Server::start(chain.clone(), Lie::None).await;
        let mut subscription =
            subscriber(&world, &[&liar, &honest]).open(MemoryCursor::default()).await.unwrap();
        let batches = take_until(&mut subscription, 10).await;
        assert_eq!(batches.len(), 10, "{lie:?}");
        let status = subscription.status().borrow().clone();
        assert_eq!(status.endpoint, Some(honest.url()), "{lie:?}");
        let fault = status.endpoints[0].fault.clone();
        assert!(fault.is_some_and(|fault| fault.is_lie()), "{lie:?}");
        assert!(status.endpoints[0].aside.is_some_and(|left| left > Duration::from_secs(20)), "{lie:?}");
        assert_eq!(subscription.counters().values().lies, 1, "{lie:?}");
        assert_eq!(honest.state().opened, [4], "{lie:?}");
    }
}

fn support_item(tag: u64) -> fairlane_types::BatchItem {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&tag.to_be_bytes());
    let transaction = fairlane_types::TxId::from_bytes(id);
    fairlane_types::BatchItem { transaction, leg_index: 0, leg_count: 1, payload: vec![tag as u8; 40].into() }
}

#[tokio::test]
async fn a_broken_or_silent_stream_is_continued_elsewhere() {
    let world = World::new();
    for lie in [Lie::Break(5), Lie::Silence(5)] {
        let first = Server::start(world.chain(20), lie).await;
        let second = Server::start(world.chain(20), Lie::None).await;
        let mut subscription = subscriber(&world, &[&first, &second])
            .idle_timeout(Duration::from_millis(300))
            .open(MemoryCursor::default())
            .await
            .unwrap();
        assert_eq!(take_until(&mut subscription, 20).await.len(), 20);
        assert_eq!(second.state().opened, [5]);
        assert_eq!(subscription.counters().values().lies, 0);
    }
}

#[tokio::test]
async fn servers_need_not_be_up_at_first() {
    let world = World::new();
    let gone = Server::start(world.chain(1), Lie::None).await;
    let server = Server::start(world.chain(3), Lie::None).await;
    let url = gone.url();
    drop(gone);
    let mut subscription = subscriber(&world, &[])
        .endpoint(url)
        .endpoint(server.url())
        .open(MemoryCursor::default())
        .await
        .unwrap();
    assert_eq!(take_until(&mut subscription, 3).await.len(), 3);
}

#[tokio::test]
async fn a_restart_goes_on_after_the_last_acknowledged_batch() {
    let world = World::new();
    let server = Server::start(world.chain(25), Lie::None).await;
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("cursor");
    let mut expected = 1;
    for stop in [3, 4, 17, 25] {
        let store = FileCursor::open(&path).unwrap();
        let mut subscription = subscriber(&world, &[&server]).open(store).await.unwrap();
        for batch in take_until(&mut subscription, stop).await {
            assert_eq!(batch.index().get(), expected);
            subscription.ack(&batch).await.unwrap();
            expected += 1;
        }
        assert_eq!(subscription.acker().durable(), BatchIndex::new(stop));
        drop(subscription);
        until("the lock is free", || FileCursor::open(&path).is_ok()).await;
    }
    until("the server learns of it", || server.state().acknowledged >= 17).await;
}

#[tokio::test]
async fn a_slow_rollup_is_never_sent_more_than_its_window() {
    let world = World::new();
    let server = Server::start(world.chain(60), Lie::None).await;
    let window = Window { batches: 8, bytes: 1 << 20 };
    let mut subscription =
        subscriber(&world, &[&server]).window(window).open(MemoryCursor::default()).await.unwrap();
    until("the window is used", || server.state().sent == 8).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(server.state().sent, 8);
    assert_eq!(take_until(&mut subscription, 60).await.len(), 60);
}

#[tokio::test]
async fn bytes_limit_the_window_and_one_large_batch_still_passes() {
    let world = World::new();
    let server = Server::start(world.chain(10), Lie::None).await;
    let window = Window { batches: 100, bytes: 1 };
    let mut subscription =
        subscriber(&world, &[&server]).window(window).open(MemoryCursor::default()).await.unwrap();
    until("one batch is sent", || server.state().sent == 1).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(server.state().sent, 1);
    assert_eq!(take_until(&mut subscription, 10).await.len(), 10);
}

/// A chain of the same validators that went another way after `common` blocks.
fn fork(world: &World, common: u64, blocks: u64) -> Chain {
    let mut chain = world.chain(common);
    for height in common + 1..=blocks {
        chain.push(vec![(20, vec![support_item(height + 500)])]);
    }
    chain
}

async fn cursor_at(world: &World, chain: Chain, index: u64) -> MemoryCursor {
    let server = Server::start(chain, Lie::None).await;
    let cursor = MemoryCursor::default();
    let mut subscription = subscriber(world, &[&server]).open(cursor.clone()).await.unwrap();
    for batch in take_until(&mut subscription, index).await {
        subscription.ack(&batch).await.unwrap();
    }
    cursor
}

#[tokio::test]
async fn a_cursor_of_another_history_is_a_hard_error_and_nothing_is_skipped() {
    let world = World::new();
    let cursor = cursor_at(&world, world.chain(10), 10).await;
    let ours = cursor.load().unwrap().unwrap().position.head;
    let server = Server::start(fork(&world, 5, 20), Lie::None).await;
    let mut subscription = subscriber(&world, &[&server]).open(cursor).await.unwrap();
    let error = tokio::time::timeout(DEADLINE, subscription.next()).await.unwrap().unwrap().unwrap_err();
    let theirs = fork(&world, 5, 20).wires(ROLLUP)[9].header.head(&world.genesis.network());
    assert_eq!(
        error,
        SubscribeError::OtherHistory { rollup: ROLLUP, index: BatchIndex::new(10), ours, theirs }
    );
    assert!(error.to_string().contains("restore both from one backup"));
    assert!(subscription.next().await.is_none());
}

#[tokio::test]
async fn a_cursor_beyond_a_later_block_is_a_hard_error() {
    let world = World::new();
    let cursor = cursor_at(&world, world.chain(10), 10).await;
    let mut chain = world.chain(4);
    for _ in 0..20 {
        chain.push(Vec::new());
    }
    let server = Server::start(chain, Lie::None).await;
    let mut subscription = subscriber(&world, &[&server]).open(cursor).await.unwrap();
    let error = tokio::time::timeout(DEADLINE, subscription.next()).await.unwrap().unwrap().unwrap_err();
    assert!(matches!(error, SubscribeError::AheadOfChain { theirs, ours, .. }
        if theirs == BatchIndex::new(4) && ours == BatchIndex::new(10)));
}

#[tokio::test]
async fn a_server_that_is_behind_is_passed_over_and_not_called_a_liar() {
    let world = World::new();
    let cursor = cursor_at(&world, world.chain(10), 10).await;
    let behind = Server::start(world.chain(6), Lie::None).await;
    let ahead = Server::start(world.chain(12), Lie::None).await;
    let mut subscription = subscriber(&world, &[&behind, &ahead]).open(cursor).await.unwrap();
    assert_eq!(take_until(&mut subscription, 12).await.len(), 2);
    assert_eq!(subscription.counters().values().lies, 0);
}

#[tokio::test]
async fn a_wrong_claim_about_the_resume_point_is_a_lie() {
    let world = World::new();
    let cursor = cursor_at(&world, world.chain(10), 10).await;
    for lie in [Lie::RefuseHead, Lie::RefuseAhead] {
        let liar = Server::start(world.chain(12), lie).await;
        let honest = Server::start(world.chain(12), Lie::None).await;
        let start = MemoryCursor::starting_at(cursor.load().unwrap().unwrap());
        let mut subscription = subscriber(&world, &[&liar, &honest]).open(start).await.unwrap();
        assert_eq!(take_until(&mut subscription, 12).await.len(), 2);
        assert_eq!(subscription.counters().values().lies, 1);
    }
}

#[tokio::test]
async fn a_server_of_another_network_is_put_aside() {
    let (world, other) = (World::new(), World::named("other"));
    let foreign = Server::start(other.chain(5), Lie::None).await;
    let home = Server::start(world.chain(5), Lie::None).await;
    let mut subscription =
        subscriber(&world, &[&foreign, &home]).open(MemoryCursor::default()).await.unwrap();
    assert_eq!(take_until(&mut subscription, 5).await.len(), 5);
    assert_eq!(subscription.counters().values().lies, 1);
}

#[tokio::test]
async fn a_server_that_keeps_batches_back_is_found_out() {
    let world = World::new();
    let withholding = Server::start(world.chain(20), Lie::Withhold(6)).await;
    let honest = Server::start(world.chain(20), Lie::None).await;
    let mut subscription = subscriber(&world, &[&withholding, &honest])
        .cross_check(Duration::from_millis(50))
        .open(MemoryCursor::default())
        .await
        .unwrap();
    assert_eq!(take_until(&mut subscription, 20).await.len(), 20);
    assert_eq!(honest.state().opened, [6]);
}

#[tokio::test]
async fn cursors_of_other_networks_and_rollups_are_refused() {
    let world = World::new();
    let cursor = cursor_at(&world, world.chain(2), 2).await;
    let server = Server::start(world.chain(2), Lie::None).await;
    let other = subscriber(&World::named("other"), &[&server]).open(cursor.clone()).await;
    assert!(matches!(other, Err(BuildError::OtherNetwork { .. })));
    let mut wrong = cursor.load().unwrap().unwrap();
    wrong.position.rollup = RollupId::new(10);
    let other = subscriber(&world, &[&server]).open(MemoryCursor::starting_at(wrong)).await;
    assert!(matches!(other, Err(BuildError::OtherRollup { .. })));
    let none = subscriber(&world, &[]).open(MemoryCursor::default()).await;
    assert!(matches!(none, Err(BuildError::NoEndpoint)));
    let bad = subscriber(&world, &[]).endpoint("not an address").open(MemoryCursor::default()).await;
    assert!(matches!(bad, Err(BuildError::Endpoint { .. })));
}

#[tokio::test]
async fn changes_of_validators_are_followed_even_where_the_rollup_had_no_batch() {
    let world = World::new();
    let mut chain = world.chain(3);
    let (second, third) = (keys(21..25), keys(31..34));
    for _ in 0..5 {
        chain.push(Vec::new());
    }
    chain.push_and_hand_over(Vec::new(), Some(second));
    for _ in 0..40 {
        chain.push(Vec::new());
    }
    chain.push_and_hand_over(Vec::new(), Some(third));
    for height in 60..70 {
        chain.push(vec![(20, vec![support_item(height)])]);
    }
    let server = Server::start(chain.clone(), Lie::None).await;
    let cursor = MemoryCursor::default();
    let mut subscription = subscriber(&world, &[&server]).open(cursor.clone()).await.unwrap();
    for batch in take_until(&mut subscription, 13).await {
        subscription.ack(&batch).await.unwrap();
    }
    assert_eq!(subscription.counters().values().lies, 0);
    let fetched = server.state().headers_fetched;
    drop(subscription);
    // The cursor remembers the set: nothing has to be followed again.
    chain.push(vec![(20, vec![support_item(99)])]);
    server.state().chain = chain;
    let mut subscription = subscriber(&world, &[&server]).open(cursor).await.unwrap();
    assert_eq!(take_until(&mut subscription, 14).await.len(), 1);
    assert_eq!(server.state().headers_fetched, fetched);
}

#[tokio::test]
async fn rollups_of_one_process_check_each_certificate_once() {
    let world = World::new();
    let mut chain = Chain::new(&world);
    for height in 1..=10 {
        chain.push(vec![(10, vec![support_item(height)]), (20, vec![support_item(height + 100)])]);
    }
    let server = Server::start(chain, Lie::None).await;
    let shared = SharedHeaders::default();
    let mut checked = 0;
    for rollup in [10, 20] {
        let mut subscription =
            fairlane_rollup_adapter::Subscriber::new(world.genesis.clone(), RollupId::new(rollup))
                .endpoint(server.url())
                .shared_headers(shared.clone())
                .open(MemoryCursor::default())
                .await
                .unwrap();
        take_until(&mut subscription, 10).await;
        checked += subscription.counters().values().headers_verified;
    }
    assert_eq!(checked, 10);
}

/// A store that fails when it is told to.
#[derive(Clone, Default)]
struct Failing {
    inner: MemoryCursor,
    fails: Arc<AtomicBool>,
}

impl CursorStore for Failing {
    fn load(&self) -> Result<Option<Cursor>, CursorError> {
        self.inner.load()
    }

    fn save(&self, cursor: &Cursor) -> Result<(), CursorError> {
        if self.fails.load(Ordering::SeqCst) {
            return Err(CursorError::Other("disk full".into()));
        }
        self.inner.save(cursor)
    }
}

#[tokio::test]
async fn an_acknowledgement_that_cannot_be_written_says_so_and_may_be_repeated() {
    let world = World::new();
    let server = Server::start(world.chain(3), Lie::None).await;
    let store = Failing::default();
    let mut subscription = subscriber(&world, &[&server]).open(store.clone()).await.unwrap();
    let batches = take_until(&mut subscription, 3).await;
    store.fails.store(true, Ordering::SeqCst);
    assert!(matches!(subscription.ack(&batches[1]).await, Err(AckError::Store(_))));
    assert_eq!(subscription.acker().durable(), BatchIndex::ZERO);
    store.fails.store(false, Ordering::SeqCst);
    subscription.ack(&batches[1]).await.unwrap();
    assert_eq!(store.load().unwrap().unwrap().position.index, BatchIndex::new(2));
    // Older and repeated ones change nothing.
    subscription.ack(&batches[0]).await.unwrap();
    assert_eq!(store.load().unwrap().unwrap().position.index, BatchIndex::new(2));
}

#[tokio::test]
async fn only_what_was_delivered_can_be_acknowledged() {
    let world = World::new();
    let server = Server::start(world.chain(3), Lie::None).await;
    let mut subscription = subscriber(&world, &[&server]).open(MemoryCursor::default()).await.unwrap();
    let batch = take_until(&mut subscription, 3).await.pop().unwrap();
    let mut position = fairlane_rollup_adapter::Position::from(&batch);
    position.index = BatchIndex::new(9);
    position.head = RollupHead::ZERO;
    assert!(matches!(subscription.ack(position).await, Err(AckError::NotDelivered { .. })));
    position.rollup = RollupId::new(1);
    assert!(matches!(subscription.ack(position).await, Err(AckError::OtherRollup { .. })));
}

#[tokio::test]
async fn coalesced_acknowledgements_share_a_write_and_closing_writes_them() {
    let world = World::new();
    let server = Server::start(world.chain(50), Lie::None).await;
    let store = MemoryCursor::default();
    let mut subscription = subscriber(&world, &[&server])
        .durability(Durability::Coalesced(Duration::from_secs(60)))
        .open(store.clone())
        .await
        .unwrap();
    let counters = subscription.counters();
    for batch in take_until(&mut subscription, 50).await {
        subscription.ack(&batch).await.unwrap();
    }
    assert_eq!(store.load().unwrap(), None);
    subscription.close().await.unwrap();
    assert_eq!(store.load().unwrap().unwrap().position.index, BatchIndex::new(50));
    assert_eq!((counters.values().acks, counters.values().cursor_writes), (50, 1));
}
