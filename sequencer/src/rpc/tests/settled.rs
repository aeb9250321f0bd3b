//! `TIER_SETTLED`, with a real Ethereum node whose chain is taken back.

use super::*;
use fairlane_proto::v1::Tier as WireTier;
use fairlane_proto::v1::subscribe_request::Open;
use fairlane_rollup_adapter::{Event, MemoryCursor, Subscriber, Subscription, Tier, TierFailed};
use fairlane_types::{BatchIndex, RollupHead};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const OTHER: RollupId = RollupId::new(2);

/// The next event that is no batch.
async fn news(subscription: &mut Subscription) -> Event {
    loop {
        let next = tokio::time::timeout(DEADLINE, subscription.next_event()).await.expect("no event in time");
        match next.unwrap().unwrap() {
            Event::Finalized(_) => {}
            event => return event,
        }
    }
}

fn head(node: &Node, index: u64) -> RollupHead {
    node.store.head_before(ROLLUP, BatchIndex::new(index + 1)).unwrap().unwrap()
}

/// A node with five batches of a rollup that has a contract.
async fn node() -> (Arc<Ethereum>, Node) {
    let ethereum = Arc::new(Ethereum::start().await);
    ethereum.register(ROLLUP, Ethereum::contract_of(ROLLUP)).await;
    ethereum.register(OTHER, Default::default()).await;
    let node = Setup { blocks: 8, ethereum: Some(ethereum.clone()), ..Setup::default() }.start().await;
    assert!(node.batches() >= 5);
    (ethereum, node)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ethereum_settles_and_takes_back_is_told() {
    let (ethereum, mut node) = node().await;
    ethereum.settle(ROLLUP, 0, RollupHead::ZERO).await;
    let subscriber = Subscriber::new(node.chain.genesis.clone(), ROLLUP).endpoint(node.url());
    let mut subscription = subscriber.tiers([Tier::Settled]).open(MemoryCursor::default()).await.unwrap();
    ethereum.settle(ROLLUP, 2, head(&node, 2)).await;
    assert!(matches!(news(&mut subscription).await, Event::Settled(index) if index.get() == 2));
    let before = ethereum.snapshot().await;
    ethereum.settle(ROLLUP, 4, head(&node, 4)).await;
    assert!(matches!(news(&mut subscription).await, Event::Settled(index) if index.get() == 4));
    ethereum.revert(before).await;
    assert!(matches!(news(&mut subscription).await, Event::Reset(index) if index.get() == 2));
    ethereum.settle(ROLLUP, 5, head(&node, 5)).await;
    assert!(matches!(news(&mut subscription).await, Event::Settled(index) if index.get() == 5));

    ethereum.settle(ROLLUP, 5, head(&node, 4)).await;
    let Event::TierFailed(failed) = news(&mut subscription).await else { panic!("it is another history") };
    assert_eq!((failed.tier, failed.reason), (Tier::Settled, Refusal::HeadMismatch));
    ethereum.settle(ROLLUP, 5, head(&node, 5)).await;
    assert!(matches!(news(&mut subscription).await, Event::Settled(index) if index.get() == 5));

    let next = node.batches() + 1;
    ethereum.settle(ROLLUP, next, RollupHead::ZERO).await;
    let ahead = news(&mut subscription).await;
    assert!(matches!(ahead, Event::TierFailed(TierFailed { reason: Refusal::Ahead, .. })), "{ahead:?}");
    node.block().await;
    // A contract that keeps no head is taken at its word.
    assert!(matches!(news(&mut subscription).await, Event::Settled(index) if index.get() == next));
    assert_eq!(subscription.counters().values().faults, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_can_be_said_the_tier_is_refused_and_batches_are_not() {
    let (ethereum, node) = node().await;
    let open = |rollup: RollupId, tiers: &[WireTier]| Open {
        rollup_id: rollup.get(),
        tiers: tiers.iter().map(|tier| *tier as i32).collect(),
        ..node.open_at(1, &[])
    };
    let refused = async |rollup| {
        let status = node.subscribe(open(rollup, &[WireTier::Settled])).await.map(drop).unwrap_err();
        assert_eq!(refusal::reason_of(&status), Some(Refusal::TierUnavailable));
        status.message().to_owned()
    };
    assert!(refused(OTHER).await.contains("names no settlement contract"));
    assert!(refused(ROLLUP).await.contains("IRollupSettlement"), "nothing is there yet");
    for rollup in [ROLLUP, OTHER] {
        node.subscribe(open(rollup, &[WireTier::Finalized])).await.unwrap();
    }
    ethereum.settle(ROLLUP, 1, head(&node, 1)).await;
    node.subscribe(open(ROLLUP, &[WireTier::Finalized, WireTier::Settled])).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollup_is_looked_at_while_somebody_wants_to_know() {
    let (ethereum, node) = node().await;
    ethereum.settle(ROLLUP, 1, head(&node, 1)).await;
    let settlements = ethereum.settlements(&node.store);
    assert_eq!(settlements.watched(), 0);
    let (first, mut second) = (settlements.watch(ROLLUP), settlements.watch(ROLLUP));
    let state = tokio::time::timeout(DEADLINE, second.wait_for(Option::is_some)).await.unwrap().unwrap();
    assert!(state.is_some());
    drop(state);
    assert_eq!(settlements.watched(), 1, "once for both");
    drop((first, second));
    until("nobody looks any more", || settlements.watched() == 0).await;
}

/// What the explorer tells of the settlement of each rollup.
async fn explored(address: SocketAddr) -> Value {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /api/now HTTP/1.0\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str::<Value>(body).unwrap()["settled"].take()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_explorer_shows_what_is_settled() {
    let (ethereum, node) = node().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let pages = crate::explorer::pages(node.services.clone(), node.shutdown.clone());
    tokio::spawn(async move { axum::serve(listener, pages).await });
    let shows = async |wanted: Value| {
        let begun = std::time::Instant::now();
        while explored(address).await[0] != wanted {
            assert!(begun.elapsed() < DEADLINE, "not {wanted}, but {}", explored(address).await);
        }
    };
    for index in [2, 3] {
        ethereum.settle(ROLLUP, index, head(&node, index)).await;
        shows(json!({ "rollup_id": 1, "batches": index })).await;
    }
    assert_eq!(explored(address).await[1]["unknown"], "no_contract");
    assert_eq!(node.services.settlements().unwrap().watched(), 2, "once for all who look at the page");
    ethereum.settle(ROLLUP, 3, head(&node, 2)).await;
    let why = "contract 0x8181818181818181818181818181818181818181 settled another history";
    let begun = std::time::Instant::now();
    while !explored(address).await[0]["message"].as_str().is_some_and(|message| message.starts_with(why)) {
        assert!(begun.elapsed() < DEADLINE, "{}", explored(address).await);
    }
}
