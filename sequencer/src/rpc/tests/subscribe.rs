use super::*;
use fairlane_proto::v1::batch_service_client::BatchServiceClient;
use fairlane_proto::v1::subscribe_request::{Ack, Credit, Message, Open};
use fairlane_proto::v1::subscribe_response::Event;
use fairlane_proto::v1::{SubscribeRequest, SubscribeResponse, Tier, VerifiableBatch};
use fairlane_rollup_adapter::{MemoryCursor, Subscriber, Window};
use fairlane_types::BatchIndex;
use prost::Message as _;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

pub(super) struct Raw {
    pub(super) requests: mpsc::Sender<SubscribeRequest>,
    pub(super) events: Streaming<SubscribeResponse>,
}

impl Node {
    pub(super) fn open_at(&self, from_index: u64, known_head: &[u8]) -> Open {
        Open {
            rollup_id: ROLLUP.get(),
            from_index,
            known_head: known_head.to_vec().into(),
            tiers: Vec::new(),
            network: self.chain.state.network().as_bytes().to_vec().into(),
        }
    }

    pub(super) async fn subscribe(&self, open: Open) -> Result<Raw, Status> {
        let (requests, outgoing) = mpsc::channel(64);
        requests.try_send(SubscribeRequest { message: Some(Message::Open(open)) }).unwrap();
        let mut client = BatchServiceClient::new(self.channel().await);
        let events = client.subscribe(ReceiverStream::new(outgoing)).await?.into_inner();
        Ok(Raw { requests, events })
    }

    /// The head after a batch.
    fn head(&self, index: u64) -> Vec<u8> {
        let head = self.store.head_before(ROLLUP, BatchIndex::new(index + 1)).unwrap().unwrap();
        head.as_bytes().to_vec()
    }
}

impl Raw {
    pub(super) async fn send(&self, message: Message) {
        self.requests.send(SubscribeRequest { message: Some(message) }).await.unwrap();
    }

    async fn credit(&self, batches: u32, bytes: u64) {
        self.send(Message::Credit(Credit { batches, bytes, acknowledged_bytes: 0 })).await;
    }

    pub(super) async fn event(&mut self) -> Result<Option<Event>, Status> {
        let event = tokio::time::timeout(DEADLINE, self.events.message()).await.expect("an event in time")?;
        Ok(event.map(|event| event.event.expect("an event has content")))
    }

    /// The next batch, past heartbeats.
    async fn batch(&mut self) -> VerifiableBatch {
        loop {
            if let Event::Batch(batch) = self.event().await.unwrap().expect("the stream goes on") {
                return batch;
            }
        }
    }

    /// So many heartbeats come, and nothing else.
    async fn only_heartbeats(&mut self, count: usize) {
        for _ in 0..count {
            assert!(matches!(self.event().await, Ok(Some(Event::Heartbeat(_)))));
        }
    }

    pub(super) async fn refusal(&mut self) -> Refusal {
        loop {
            match self.event().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("the stream ended without a reason"),
                Err(status) => return refusal::reason_of(&status).unwrap(),
            }
        }
    }
}

async fn stocked(blocks: usize) -> Node {
    Setup { blocks, ..Setup::default() }.start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_goes_from_the_store_to_live_blocks_without_gap() {
    let mut node = stocked(100).await;
    let subscriber = Subscriber::new(node.chain.genesis.clone(), ROLLUP).endpoint(node.url());
    let mut subscription = subscriber.open(MemoryCursor::default()).await.unwrap();
    let mut seen = 0;
    for _ in 0..50 {
        node.block().await;
        let next = tokio::time::timeout(DEADLINE, subscription.next()).await.unwrap().unwrap().unwrap();
        seen += 1;
        assert_eq!(next.index().get(), seen);
    }
    while seen < node.batches() {
        let next = tokio::time::timeout(DEADLINE, subscription.next()).await.unwrap().unwrap().unwrap();
        seen += 1;
        assert_eq!(next.index().get(), seen);
    }
    assert!(seen > 140);
    assert_eq!(subscription.counters().values().lies, 0);
    assert_eq!(node.metrics.rpc.batches_delivered.get(), seen);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_that_falls_behind_the_feed_reads_the_store() {
    let mut node = stocked(1).await;
    let window = Window { batches: 4, bytes: 1 << 20 };
    let subscriber = Subscriber::new(node.chain.genesis.clone(), ROLLUP).endpoint(node.url()).window(window);
    let mut subscription = subscriber.open(MemoryCursor::default()).await.unwrap();
    for _ in 0..150 {
        node.block().await;
    }
    for index in 1..=node.batches() {
        let next = tokio::time::timeout(DEADLINE, subscription.next()).await.unwrap().unwrap().unwrap();
        assert_eq!(next.index().get(), index);
    }
    assert_eq!(subscription.counters().values().faults, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_beyond_credit_and_what_one_batch_exceeds_is_owed() {
    let node = stocked(20).await;
    let mut raw = node.subscribe(node.open_at(1, &[])).await.unwrap();
    raw.only_heartbeats(3).await;
    raw.credit(3, 1 << 20).await;
    for index in 1..=3 {
        let header = raw.batch().await.batch_header;
        assert_eq!(header[8..16], u64::to_be_bytes(index));
    }
    raw.only_heartbeats(2).await;
    // Bytes are left from before; these two are of batches only.
    raw.credit(2, 0).await;
    raw.batch().await;
    raw.batch().await;
    raw.only_heartbeats(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_owed_are_paid_first() {
    let node = stocked(20).await;
    let mut raw = node.subscribe(node.open_at(1, &[])).await.unwrap();
    raw.credit(10, 1).await;
    let size = raw.batch().await.encoded_len() as u64;
    raw.only_heartbeats(2).await;
    raw.credit(0, size - 1).await;
    raw.only_heartbeats(2).await;
    raw.credit(0, 1).await;
    raw.batch().await;
    raw.only_heartbeats(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn resuming_takes_the_right_head_and_anything_else_is_refused() {
    let node = stocked(20).await;
    let newest = node.batches();
    let mut raw = node.subscribe(node.open_at(6, &node.head(5))).await.unwrap();
    raw.credit(1, 1 << 20).await;
    assert_eq!(raw.batch().await.batch_header[8..16], 6u64.to_be_bytes());
    let mut at_the_end = node.subscribe(node.open_at(newest + 1, &node.head(newest))).await.unwrap();
    at_the_end.only_heartbeats(1).await;

    let refused = async |open| reason(node.subscribe(open).await);
    assert_eq!(refused(node.open_at(6, &node.head(4))).await, Refusal::HeadMismatch);
    assert_eq!(refused(node.open_at(newest + 1, &node.head(3))).await, Refusal::HeadMismatch);
    assert_eq!(refused(node.open_at(1, &[1; 32])).await, Refusal::HeadMismatch);
    assert_eq!(refused(node.open_at(newest + 2, &[1; 32])).await, Refusal::Ahead);
    assert_eq!(refused(node.open_at(u64::MAX, &[1; 32])).await, Refusal::Ahead);
    assert_eq!(refused(node.open_at(0, &[])).await, Refusal::Malformed);
    assert_eq!(refused(node.open_at(6, &[])).await, Refusal::Malformed);
    assert_eq!(refused(node.open_at(6, &[1; 31])).await, Refusal::Malformed);
    let base = || node.open_at(1, &[]);
    assert_eq!(refused(Open { rollup_id: 77, ..base() }).await, Refusal::UnknownRollup);
    assert_eq!(refused(Open { network: vec![1; 32].into(), ..base() }).await, Refusal::WrongNetwork);
    assert_eq!(refused(Open { network: vec![].into(), ..base() }).await, Refusal::Malformed);
    for tier in [Tier::Unspecified as i32, 4, -1] {
        assert_eq!(refused(Open { tiers: vec![tier], ..base() }).await, Refusal::Malformed);
    }
    assert_eq!(refused(Open { tiers: vec![Tier::Settled as i32], ..base() }).await, Refusal::TierUnavailable);
    assert!(node.subscribe(Open { tiers: vec![Tier::Finalized as i32], ..base() }).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_pruned_is_refused_with_a_way_out() {
    let retention = Retention { keep_blocks: 5, keep_for: Duration::ZERO };
    let mut node = Setup { blocks: 60, retention, ..Setup::default() }.start().await;
    // Old blocks are deleted along with new ones.
    let started = std::time::Instant::now();
    while node.store.min_height().get() <= 10 {
        assert!(started.elapsed() < DEADLINE, "no blocks are deleted");
        node.block().await;
    }
    let status = node.subscribe(node.open_at(1, &[])).await.map(drop).unwrap_err();
    assert_eq!(refusal::reason_of(&status), Some(Refusal::Pruned));
    assert!(status.message().contains("ask a node that keeps more"));
    let first = node.store.min_height();
    assert!(status.message().contains(&format!("blocks from height {first} on")), "{}", status.message());
    let newest = node.batches();
    node.subscribe(node.open_at(newest + 1, &node.head(newest))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn breaking_the_protocol_ends_the_stream_with_a_reason() {
    let node = stocked(5).await;
    let broken = [
        Message::Open(node.open_at(1, &[])),
        Message::Ack(Ack { index: 1 }),
        Message::Ack(Ack { index: u64::MAX }),
    ];
    for message in broken {
        let mut raw = node.subscribe(node.open_at(1, &[])).await.unwrap();
        raw.send(message).await;
        assert_eq!(raw.refusal().await, Refusal::Protocol);
    }
    let mut raw = node.subscribe(node.open_at(1, &[])).await.unwrap();
    raw.requests.send(SubscribeRequest { message: None }).await.unwrap();
    assert_eq!(raw.refusal().await, Refusal::Protocol);
    let credit = SubscribeRequest {
        message: Some(Message::Credit(Credit { batches: 1, bytes: 1, ..Credit::default() })),
    };
    let mut client = BatchServiceClient::new(node.channel().await);
    assert_eq!(reason(client.subscribe(tokio_stream::iter([credit])).await), Refusal::Protocol);
    assert_eq!(reason(client.subscribe(tokio_stream::empty()).await), Refusal::Protocol);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_nothing_more_gets_what_the_credit_allows_and_an_end() {
    let node = stocked(20).await;
    let raw = node.subscribe(node.open_at(1, &[])).await.unwrap();
    raw.credit(4, 1 << 20).await;
    let Raw { requests, events } = raw;
    drop(requests);
    let mut raw = Raw { requests: mpsc::channel(1).0, events };
    let mut batches = 0;
    while let Some(event) = raw.event().await.unwrap() {
        batches += usize::from(matches!(event, Event::Batch(_)));
    }
    assert_eq!(batches, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gives_no_credit_while_batches_wait_is_dropped_and_who_has_none_waiting_is_not() {
    let limits = RpcLimits {
        credit_timeout: Duration::from_millis(300),
        heartbeat: Duration::from_millis(20),
        ..RpcLimits::default()
    };
    let node = Setup { blocks: 5, limits, ..Setup::default() }.start().await;
    let newest = node.batches();
    let mut idle = node.subscribe(node.open_at(newest + 1, &node.head(newest))).await.unwrap();
    let mut starving = node.subscribe(node.open_at(1, &[])).await.unwrap();
    assert_eq!(starving.refusal().await, Refusal::Protocol);
    idle.only_heartbeats(20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_its_stream_unread_is_dropped_and_costs_little() {
    let limits = RpcLimits { stall_timeout: Duration::from_millis(300), ..RpcLimits::default() };
    let mut node = Setup { blocks: 1, limits, ..Setup::default() }.start().await;
    let channel = Channel::from_shared(node.url()).unwrap().initial_stream_window_size(64 << 10);
    let mut client = BatchServiceClient::new(channel.connect().await.unwrap());
    let (requests, outgoing) = mpsc::channel(4);
    for message in [
        Message::Open(node.open_at(1, &[])),
        Message::Credit(Credit { batches: u32::MAX, bytes: u64::MAX, acknowledged_bytes: 0 }),
    ] {
        requests.send(SubscribeRequest { message: Some(message) }).await.unwrap();
    }
    let mut events = client.subscribe(ReceiverStream::new(outgoing)).await.unwrap().into_inner();
    for _ in 0..400 {
        node.block().await;
    }
    // What is tested is that time passes without anything being read.
    tokio::time::sleep(Duration::from_millis(900)).await;
    assert_eq!(node.metrics.rpc.subscribers.get(), 1, "the place is held as long as the connection holds it");
    let mut read = 0;
    while let Ok(Some(_)) = tokio::time::timeout(DEADLINE, events.message()).await.expect("it ends") {
        read += 1;
    }
    assert!(read < 300, "{read} events were kept for somebody who does not read");
    until("the place is free", || node.metrics.rpc.subscribers.get() == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_are_limited_and_places_come_back() {
    let limits = RpcLimits { max_subscribers: 4, ..RpcLimits::default() };
    let node = Setup { blocks: 1, limits, ..Setup::default() }.start().await;
    let first = node.subscribe(node.open_at(1, &[])).await.unwrap();
    let _second = node.subscribe(node.open_at(1, &[])).await.unwrap();
    // One address holds at most half of the places.
    assert_eq!(reason(node.subscribe(node.open_at(1, &[])).await), Refusal::RateLimited);
    drop(first);
    until("the place is free", || node.metrics.rpc.subscribers.get() == 1).await;
    node.subscribe(node.open_at(1, &[])).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_the_node_ends_subscriptions_with_a_reason() {
    let mut node = stocked(1).await;
    let mut raw = node.subscribe(node.open_at(1, &[])).await.unwrap();
    node.shutdown.cancel();
    assert_eq!(raw.refusal().await, Refusal::ShuttingDown);
    let stopped = tokio::time::timeout(DEADLINE, &mut node.task).await.expect("it stops in time");
    stopped.unwrap().unwrap();
}
