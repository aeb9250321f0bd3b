use super::*;
use fairlane_types::{Decode as _, SegmentHeader};

fn seq(bytes: &Bytes) -> u64 {
    SegmentHeader::from_bytes(bytes.slice(..SegmentHeader::BYTES)).unwrap().seq.get()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pushes_reach_every_peer_in_order() {
    let author = key(1);
    let lane = lane(&author, 50, 4_000);
    let mut sender = Setup { validator: Some(author.clone()), ..Setup::default() }.start().await;
    let mut others = Vec::new();
    for _ in 0..3 {
        others.push(Setup { peers: vec![sender.address.clone()], ..Setup::default() }.start().await);
    }
    sender.connected(3).await;
    for node in &others {
        node.connected(1).await;
        assert_eq!(node.handle.peers()[0].validator, Some(author.validator()));
    }
    lane.0.iter().for_each(|segment| sender.handle.push(segment));
    for node in &mut others {
        for segment in &lane.0 {
            let received = node.next().await;
            assert_eq!(received.bytes, segment.bytes());
            assert_eq!(received.from, sender.handle.local_peer());
        }
    }
    assert!(sender.received.try_recv().is_err(), "nobody pushed anything to the sender");
    assert_eq!(sender.metrics.segments_out.get(), 150);
    assert_eq!(sender.metrics.segments_dropped.get(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quic_addresses_work_too() {
    let lane = lane(&key(1), 3, 100_000);
    let sender = Setup::default().start_at("/ip4/127.0.0.1/udp/0/quic-v1".parse().unwrap()).await;
    let mut other = Setup { peers: vec![sender.address.clone()], ..Setup::default() }.start().await;
    sender.connected(1).await;
    lane.0.iter().for_each(|segment| sender.handle.push(segment));
    for segment in &lane.0 {
        assert_eq!(other.next().await.bytes, segment.bytes());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fetches_bring_names_ranges_and_heads() {
    let source = lane(&key(1), 60, 120_000);
    let server = Setup { source: source.clone(), ..Setup::default() }.start().await;
    let client = Setup { peers: vec![server.address.clone()], ..Setup::default() }.start().await;
    client.connected(1).await;
    server.connected(1).await;
    let peer = server.handle.local_peer();
    let names = vec![source.0[3].reference(), source.0[9].reference()];
    let found = client.handle.fetch(peer, FetchWant::Names(names)).await.unwrap();
    assert_eq!(found.iter().map(seq).collect::<Vec<_>>(), [4, 10]);

    let last = source.0[59].reference();
    let mut reached = 10;
    let mut answers = 0;
    while reached < 60 {
        let want = FetchWant::Range { last, after: LaneSeq::new(reached) };
        let found = client.handle.fetch(peer, want).await.unwrap();
        assert_eq!(seq(&found[0]), reached + 1, "a range begins where it was asked to");
        reached = seq(found.last().unwrap());
        answers += 1;
    }
    assert!(answers >= 2, "50 segments of 120 kB do not fit one response");

    let found = client.handle.fetch(peer, FetchWant::Head(last.lane)).await.unwrap();
    assert_eq!(found.iter().map(seq).collect::<Vec<_>>(), [60]);
    let nobody = LaneId { validator: key(9).validator(), incarnation: Incarnation::ZERO };
    assert!(client.handle.fetch(peer, FetchWant::Head(nobody)).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fetch_from_nobody_fails_and_says_so() {
    let node = Setup::default().start().await;
    let lane = LaneId { validator: key(1).validator(), incarnation: Incarnation::ZERO };
    let result = node.handle.fetch(PeerId::random(), FetchWant::Head(lane)).await;
    assert!(matches!(result, Err(FetchError::Failed(_))), "{result:?}");
    assert_eq!(node.metrics.fetches_failed.get(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_configured_peer_that_comes_back_is_found_again() {
    let first = Setup::default().start().await;
    let address = first.address.clone();
    let mut node = Setup { peers: vec![address.clone()], ..Setup::default() }.start().await;
    node.connected(1).await;
    drop(first);
    node.connected(0).await;
    let back = Setup::default().start_at(address).await;
    node.connected(1).await;
    back.connected(1).await;
    let lane = lane(&key(1), 1, 10);
    back.handle.push(&lane.0[0]);
    assert_eq!(node.next().await.bytes, lane.0[0].bytes());
}
