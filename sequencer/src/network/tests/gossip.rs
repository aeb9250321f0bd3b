use super::*;

/// Three nodes in a row that relay; the first is a validator.
async fn row() -> (Node, Node, Node) {
    let first = Setup { validator: Some(key(1)), ..Setup::default() }.start().await;
    let middle = Setup { gossip: true, peers: vec![first.address.clone()], ..Setup::default() }.start().await;
    let last = Setup { gossip: true, peers: vec![middle.address.clone()], ..Setup::default() }.start().await;
    first.connected(1).await;
    middle.connected(2).await;
    last.connected(1).await;
    eventually("the author knows who listens", || {
        first.handle.subscribers.load(std::sync::atomic::Ordering::Relaxed) == 1
    })
    .await;
    eventually("the relay knows who listens", || {
        middle.handle.subscribers.load(std::sync::atomic::Ordering::Relaxed) == 1
    })
    .await;
    (first, middle, last)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_segment_is_forwarded_after_the_verdict_and_not_before() {
    let (first, mut middle, mut last) = row().await;
    let lane = lane(&key(1), 1, 5_000);
    first.handle.push(&lane.0[0]);
    let received = middle.next().await;
    assert_eq!(received.bytes, lane.0[0].bytes());
    let token = received.gossip.expect("a listener that is no validator gets segments by gossip alone");
    let early = tokio::time::timeout(Duration::from_millis(300), last.received.recv()).await;
    assert!(early.is_err(), "nothing is forwarded before the verdict");
    middle.handle.gossip_verdict(token, GossipVerdict::Accept).await;
    assert_eq!(last.next().await.bytes, lane.0[0].bytes());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rejected_segment_goes_no_further() {
    let (first, mut middle, mut last) = row().await;
    let lane = lane(&key(1), 2, 5_000);
    first.handle.push(&lane.0[0]);
    first.handle.push(&lane.0[1]);
    for verdict in [GossipVerdict::Reject, GossipVerdict::Accept] {
        let received = middle.next().await;
        middle.handle.gossip_verdict(received.gossip.unwrap(), verdict).await;
    }
    assert_eq!(last.next().await.bytes, lane.0[1].bytes(), "only the accepted one arrives");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_by_push_is_relayed_to_listeners() {
    let relay = Setup { gossip: true, validator: Some(key(2)), ..Setup::default() }.start().await;
    let mut listener =
        Setup { gossip: true, peers: vec![relay.address.clone()], ..Setup::default() }.start().await;
    listener.connected(1).await;
    eventually("the relay knows who listens", || {
        relay.handle.subscribers.load(std::sync::atomic::Ordering::Relaxed) == 1
    })
    .await;
    let lane = lane(&key(1), 1, 5_000);
    relay.handle.relay(&lane.0[0]);
    assert_eq!(listener.next().await.bytes, lane.0[0].bytes());
}
