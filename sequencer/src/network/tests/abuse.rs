use super::*;
use fairlane_proto::v1;
use futures::{AsyncReadExt as _, AsyncWriteExt as _};

/// A node with one honest peer, which must not notice anything.
async fn node_and_friend() -> (Node, Node) {
    let node = Setup::default().start().await;
    let friend = Setup { peers: vec![node.address.clone()], ..Setup::default() }.start().await;
    node.connected(1).await;
    (node, friend)
}

async fn still_works(mut node: Node, friend: Node) {
    let lane = lane(&key(1), 1, 100);
    friend.connected(1).await;
    friend.handle.push(&lane.0[0]);
    assert_eq!(node.next().await.bytes, lane.0[0].bytes());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_network_is_refused_with_the_reason() {
    let (node, friend) = node_and_friend().await;
    let mut stranger = RawPeer::connect(&node).await;
    let mut stream = stranger.open().await;
    let other = NetworkId::from_bytes([8; 32]);
    codec::write(&mut stream, &greeting::hello(other, &stranger.peer, None)).await.unwrap();
    let reply: v1::HelloReply = codec::read(&mut stream, greeting::MAX_BYTES).await.unwrap();
    assert!(reply.refusal.contains("you belong to network"), "{}", reply.refusal);
    stream.close().await.unwrap();
    stranger.is_cut_off().await;
    assert_eq!(node.offences(Offence::WrongNetwork), 1);
    still_works(node, friend).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_of_two_networks_do_not_list_each_other() {
    let node = Setup::default().start().await;
    let network = NetworkId::from_bytes([8; 32]);
    let other = Setup { network, peers: vec![node.address.clone()], ..Setup::default() }.start().await;
    // Whichever sees the other's greeting first hangs up.
    let counted = || node.offences(Offence::WrongNetwork) + other.offences(Offence::WrongNetwork) > 0;
    eventually("the offence is counted", counted).await;
    assert!(node.handle.peers().is_empty());
    assert!(other.handle.peers().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stolen_validator_proof_is_refused() {
    let (node, friend) = node_and_friend().await;
    let mut thief = RawPeer::connect(&node).await;
    let mut stream = thief.open().await;
    let proof_of_another = greeting::hello(NETWORK, &friend.handle.local_peer(), Some(&key(3)));
    codec::write(&mut stream, &proof_of_another).await.unwrap();
    let reply: v1::HelloReply = codec::read(&mut stream, greeting::MAX_BYTES).await.unwrap();
    assert!(reply.refusal.contains("not valid for your peer id"), "{}", reply.refusal);
    thief.is_cut_off().await;
    assert_eq!(node.offences(Offence::WrongProof), 1);
    still_works(node, friend).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_protocol_version_is_refused() {
    let (node, friend) = node_and_friend().await;
    let mut peer = RawPeer::connect(&node).await;
    let mut stream = peer.open().await;
    let hello = v1::Hello { protocol: PROTOCOL_VERSION + 1, ..greeting::hello(NETWORK, &peer.peer, None) };
    codec::write(&mut stream, &hello).await.unwrap();
    let reply: v1::HelloReply = codec::read(&mut stream, greeting::MAX_BYTES).await.unwrap();
    assert!(reply.refusal.contains("run the same release"), "{}", reply.refusal);
    stream.close().await.unwrap();
    peer.is_cut_off().await;
    assert_eq!(node.offences(Offence::WrongVersion), 1);
    still_works(node, friend).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_frames_lead_to_a_ban() {
    let (node, friend) = node_and_friend().await;
    let mut peer = RawPeer::connect(&node).await;
    for round in 1..=2 {
        let mut stream = peer.greet().await;
        stream.write_all(&[0, 0, 0, 5, 0xff, 0xff, 0xff, 0xff, 0xff]).await.unwrap();
        stream.flush().await.unwrap();
        eventually("garbage is counted", || node.offences(Offence::Malformed) == round).await;
    }
    peer.is_cut_off().await;
    still_works(node, friend).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_in_place_of_a_greeting_is_counted() {
    let (node, friend) = node_and_friend().await;
    let mut peer = RawPeer::connect(&node).await;
    let mut stream = peer.open().await;
    stream.write_all(&[0, 0, 0, 3, 0x0a, 0x7f, 1]).await.unwrap();
    stream.flush().await.unwrap();
    eventually("garbage is counted", || node.offences(Offence::Malformed) == 1).await;
    still_works(node, friend).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_oversize_frame_is_not_read() {
    let (node, friend) = node_and_friend().await;
    let mut peer = RawPeer::connect(&node).await;
    let mut stream = peer.greet().await;
    let announced = u32::try_from(MAX_SEGMENT_BYTES + 1_000).unwrap();
    stream.write_all(&announced.to_be_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    eventually("the frame is counted", || node.offences(Offence::Oversize) == 1).await;
    let end = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut [0; 1])).await.unwrap();
    assert!(matches!(end, Ok(0) | Err(_)), "the stream is closed: {end:?}");
    still_works(node, friend).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn opening_streams_without_end_leads_to_a_ban() {
    let (node, friend) = node_and_friend().await;
    let mut peer = RawPeer::connect(&node).await;
    let flood = async {
        while let Ok(stream) = peer.control.open_stream(peer.victim, SEGMENTS_PROTOCOL).await {
            drop(stream);
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(15), flood).await.expect("the flood is stopped");
    peer.is_cut_off().await;
    assert!(node.offences(Offence::TooMany) > 0);
    still_works(node, friend).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_banned_peer_may_return_when_the_ban_is_over() {
    let limits = NetworkLimits { ban: Duration::from_millis(300), ..NetworkLimits::default() };
    let node = Setup { limits, ..Setup::default() }.start().await;
    let friend_limits = NetworkLimits { max_redial: Duration::from_millis(500), ..NetworkLimits::default() };
    let friend =
        Setup { peers: vec![node.address.clone()], limits: friend_limits, ..Setup::default() }.start().await;
    node.connected(1).await;
    let peer = friend.handle.local_peer();
    node.handle.report(peer, Offence::WrongSignature);
    node.handle.report(peer, Offence::WrongSignature);
    node.connected(0).await;
    node.connected(1).await;
    still_works(node, friend).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_does_not_read_slows_nobody_down() {
    let limits = NetworkLimits { send_queue_bytes: 2 << 20, ..NetworkLimits::default() };
    let node = Setup { limits, ..Setup::default() }.start().await;
    let mut friend = Setup { peers: vec![node.address.clone()], ..Setup::default() }.start().await;
    let mut peer = RawPeer::connect(&node).await;
    let mut incoming = peer.control.accept(SEGMENTS_PROTOCOL).unwrap();
    let _own = peer.greet().await;
    let (_, mut unread) = incoming.next().await.unwrap();
    let _: v1::Hello = codec::read(&mut unread, greeting::MAX_BYTES).await.unwrap();
    codec::write(&mut unread, &v1::HelloReply::default()).await.unwrap();
    node.connected(2).await;

    let lane = lane(&key(1), 60, 120_000);
    let mut pushed = 0;
    while node.metrics.segments_dropped.get() == 0 {
        assert!(pushed < 60 * 20, "40 MB and more do not fit the queue and the windows of the transport");
        let segment = &lane.0[pushed % 60];
        node.handle.push(segment);
        assert_eq!(friend.next().await.bytes, segment.bytes(), "the other peer gets everything");
        pushed += 1;
    }
    still_works(node, friend).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_fetches_are_answered_with_nothing_and_counted() {
    let source = lane(&key(1), 1, 10);
    let limits = NetworkLimits { fetches_per_second: 5, ..NetworkLimits::default() };
    let node = Setup { source: source.clone(), limits, ..Setup::default() }.start().await;
    let friend = Setup { peers: vec![node.address.clone()], ..Setup::default() }.start().await;
    friend.connected(1).await;
    let want = FetchWant::Head(source.0[0].header().lane);
    let mut empty = 0;
    for _ in 0..15 {
        let found = friend.handle.fetch(node.handle.local_peer(), want.clone()).await.unwrap();
        empty += usize::from(found.is_empty());
    }
    assert!(empty > 0, "10 may be saved up, and 5 a second follow");
    assert!(node.offences(Offence::TooMany) > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn segments_that_nobody_has_are_answered_with_nothing() {
    let source = lane(&key(1), 3, 10);
    let limits = NetworkLimits { fetches_per_second: 1_000, ..NetworkLimits::default() };
    let node = Setup { source, limits, ..Setup::default() }.start().await;
    let friend = Setup { peers: vec![node.address.clone()], ..Setup::default() }.start().await;
    friend.connected(1).await;
    let nobodys = lane(&key(9), 2, 10).0[1].reference();
    let wants = [
        FetchWant::Names(vec![nobodys; 256]),
        FetchWant::Range { last: nobodys, after: LaneSeq::new(u64::MAX) },
        FetchWant::Range { last: nobodys, after: nobodys.seq },
        FetchWant::Head(LaneId { incarnation: Incarnation::new(7), ..nobodys.lane }),
    ];
    for want in wants.iter().cycle().take(100) {
        let found = friend.handle.fetch(node.handle.local_peer(), want.clone()).await.unwrap();
        assert!(found.is_empty(), "{want:?}");
    }
    still_works(node, friend).await;
}
