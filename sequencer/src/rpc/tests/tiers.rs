//! `TIER_ACKNOWLEDGED`, with a real lane service that takes the transactions.

use super::subscribe::Raw;
use super::*;
use fairlane_proto::v1::submit_service_client::SubmitServiceClient;
use fairlane_proto::v1::subscribe_request::{Credit, Message, Open};
use fairlane_proto::v1::subscribe_response::{Acknowledged, Event};
use fairlane_proto::v1::{SubmitRequest, Tier, submit_request};
use fairlane_rollup_adapter::{self as client, MemoryCursor, Subscriber};
use fairlane_types::TxId;
use std::collections::BTreeSet;

async fn taking() -> Node {
    Setup { takes_transactions: true, blocks: 1, ..Setup::default() }.start().await
}

impl Node {
    /// Opens for what lanes hold, and nothing else.
    async fn unordered(&self) -> Raw {
        let newest = self.batches();
        let tiers = vec![Tier::Acknowledged as i32];
        let open =
            self.open_at(newest + 1, self.chain.state.heads().path(ROLLUP).unwrap().leaf.head.as_bytes());
        self.subscribe(Open { tiers, ..open }).await.unwrap()
    }

    async fn submit(&self, transaction: &Transaction) {
        let content = Some(submit_request::Content::Envelope(transaction.envelope().clone()));
        let mut service = SubmitServiceClient::new(self.channel().await);
        service.submit(SubmitRequest { content }).await.unwrap();
    }
}

impl Raw {
    async fn allow(&self, acknowledged_bytes: u64) {
        self.send(Message::Credit(Credit { batches: 0, bytes: 0, acknowledged_bytes })).await;
    }

    /// The next event that is no heartbeat.
    async fn news(&mut self) -> Event {
        loop {
            match self.event().await.unwrap().expect("the stream goes on") {
                Event::Heartbeat(_) => {}
                event => return event,
            }
        }
    }

    async fn told(&mut self) -> Acknowledged {
        match self.news().await {
            Event::Acknowledged(told) => told,
            other => panic!("{other:?}"),
        }
    }
}

fn ids(told: &Acknowledged) -> Vec<TxId> {
    let id = |entry: &fairlane_proto::v1::subscribe_response::acknowledged::Entry| {
        Transaction::from_envelope(entry.envelope.clone()).unwrap().id()
    };
    told.entries.iter().map(id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_lane_takes_is_told_before_it_is_ordered_and_only_of_the_own_rollup() {
    let node = taking().await;
    let held = transaction(1, 50, 1);
    node.submit(&held).await;
    let subscriber = Subscriber::new(node.chain.genesis.clone(), ROLLUP)
        .endpoint(node.url())
        .tiers([client::Tier::Acknowledged]);
    let mut subscription = subscriber.open(MemoryCursor::default()).await.unwrap();
    let mut told = BTreeSet::new();
    let bundle = {
        let leg = |rollup| Leg { rollup: RollupId::new(rollup), payload: vec![rollup as u8].into() };
        let expires = Timestamp::from_nanos(now() + 60_000_000_000);
        Transaction::new(vec![leg(2), leg(1)], expires, [4; 16]).unwrap()
    };
    let others = [transaction(1, 50, 2), transaction(2, 50, 3), bundle.clone()];
    for other in &others {
        node.submit(other).await;
    }
    while told.len() < 3 {
        let next = tokio::time::timeout(DEADLINE, subscription.next_event()).await.expect("in time");
        match next.unwrap().unwrap() {
            client::Event::Acknowledged(next) => drop(told.insert(next.transaction.id())),
            client::Event::Finalized(batch) => assert_eq!(batch.index().get(), 1),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(told, BTreeSet::from([held.id(), others[0].id(), bundle.id()]));
    assert_eq!(subscription.counters().values().faults, 0);
    assert!(node.metrics.rpc.acknowledged_delivered.get() >= 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_credit_nothing_is_sent_and_what_is_missed_is_counted() {
    let node = taking().await;
    let mut raw = node.unordered().await;
    let first = transaction(1, 50, 1);
    node.submit(&first).await;
    raw.allow(1).await;
    assert_eq!(ids(&raw.told().await), [first.id()], "it was held when the first credit came");
    for salt in 2..5 {
        node.submit(&transaction(1, 50, salt)).await;
    }
    until("they are missed", || node.metrics.rpc.acknowledged_missed.get() == 3).await;
    let mut missed = 0;
    while missed < 3 {
        let Event::Missed(more) = raw.news().await else { panic!("nothing may be sent") };
        assert_eq!(more.segments, 0);
        missed += more.transactions;
    }
    raw.allow(1 << 20).await;
    let last = transaction(1, 50, 9);
    node.submit(&last).await;
    assert_eq!(ids(&raw.told().await), [last.id()], "what was missed is not sent later");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_that_reads_nothing_of_it_loses_no_batch() {
    let mut node = taking().await;
    let window = 600;
    let subscriber = Subscriber::new(node.chain.genesis.clone(), ROLLUP)
        .endpoint(node.url())
        .tiers([client::Tier::Acknowledged])
        .acknowledged_window(window);
    let mut subscription = subscriber.open(MemoryCursor::default()).await.unwrap();
    for salt in 0..30 {
        node.submit(&transaction(1, 100, salt)).await;
        node.block().await;
    }
    for index in 1..=node.batches() {
        let next = tokio::time::timeout(DEADLINE, subscription.next()).await.unwrap().unwrap().unwrap();
        assert_eq!(next.index().get(), index);
    }
    until("the rest is missed", || node.metrics.rpc.acknowledged_missed.get() > 10).await;
    assert_eq!(subscription.counters().values().faults, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_told_to_who_did_not_ask_and_credit_for_it_is_refused() {
    let node = taking().await;
    let mut raw = node.subscribe(node.open_at(1, &[])).await.unwrap();
    node.submit(&transaction(1, 50, 1)).await;
    for _ in 0..3 {
        assert!(matches!(raw.event().await, Ok(Some(Event::Heartbeat(_)))));
    }
    assert_eq!(node.metrics.rpc.acknowledged_delivered.get(), 0);
    raw.allow(1).await;
    assert_eq!(raw.refusal().await, Refusal::Protocol);
}
