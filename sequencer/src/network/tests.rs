//! Nodes on real sockets of the loopback interface, and peers that misbehave.

mod abuse;
mod checkpoints;
mod gossip;
mod measure;
mod pure;
mod traffic;

use super::behaviour::{self, SEGMENTS_PROTOCOL};
use super::*;
use crate::metrics::{Metrics, NetworkMetrics, ReasonLabel};
use bytes::Bytes;
use fairlane_types::{
    CommitCertificate, Incarnation, LaneId, LaneSeq, Leg, NetworkId, ProtocolParams, RollupId, Segment,
    SegmentDigest, SegmentDraft, SigningKey, Timestamp, Transaction,
};
use futures::StreamExt as _;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

const NETWORK: NetworkId = NetworkId::from_bytes([7; 32]);
const MAX_SEGMENT_BYTES: usize = 1 << 20;

/// Segments of one lane, from which fetches are answered.
#[derive(Clone, Default)]
struct Lane(Vec<Arc<Segment>>);

impl SegmentSource for Lane {
    fn segments(&self, want: &FetchWant, max_bytes: usize) -> Vec<Bytes> {
        let picked: Vec<_> = match want {
            FetchWant::Names(names) => {
                self.0.iter().filter(|segment| names.contains(&segment.reference())).collect()
            }
            FetchWant::Range { last, after } => {
                let inside = |seq: LaneSeq| seq > *after && seq <= last.seq;
                self.0.iter().filter(|segment| inside(segment.header().seq)).collect()
            }
            FetchWant::Head(lane) => {
                self.0.iter().rfind(|segment| segment.header().lane == *lane).into_iter().collect()
            }
        };
        let mut room = max_bytes;
        let fits = |segment: &&&Arc<Segment>| {
            let fits = segment.bytes().len() <= room;
            room = room.saturating_sub(segment.bytes().len());
            fits
        };
        picked.iter().take_while(fits).map(|segment| segment.bytes().clone()).collect()
    }

    fn decided(&self) -> Option<CommitCertificate> {
        None
    }
}

/// A lane of `count` segments with one transaction of `payload` bytes each.
fn lane(key: &SigningKey, count: usize, payload: usize) -> Lane {
    let lane = LaneId { validator: key.validator(), incarnation: Incarnation::ZERO };
    let mut parent = SegmentDigest::ZERO;
    let mut segments = Vec::new();
    for seq in 1..=count as u64 {
        let now = Timestamp::from_nanos(seq * 1_000_000_000);
        let leg = Leg { rollup: RollupId::new(1), payload: vec![seq as u8; payload].into() };
        let transaction = Transaction::new(vec![leg], now, [0; 16]).unwrap();
        let draft = SegmentDraft {
            lane,
            seq: LaneSeq::new(seq),
            parent,
            timestamp: now,
            events: vec![fairlane_types::Event::Own { count: 1, age: 0 }],
            transactions: vec![transaction],
        };
        let segment = draft.seal(NETWORK, &ProtocolParams::default(), key).unwrap();
        parent = segment.digest();
        segments.push(Arc::new(segment));
    }
    Lane(segments)
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

/// How a node of a test differs from the usual one.
struct Setup {
    network: NetworkId,
    validator: Option<SigningKey>,
    peers: Vec<Multiaddr>,
    gossip: bool,
    source: Lane,
    limits: NetworkLimits,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            network: NETWORK,
            validator: None,
            peers: Vec::new(),
            gossip: false,
            source: Lane::default(),
            limits: NetworkLimits { max_redial: Duration::from_secs(1), ..NetworkLimits::default() },
        }
    }
}

struct Node {
    handle: NetworkHandle,
    received: mpsc::Receiver<ReceivedSegment>,
    metrics: NetworkMetrics,
    address: Multiaddr,
}

impl Setup {
    async fn start(self) -> Node {
        self.start_at("/ip4/127.0.0.1/tcp/0".parse().unwrap()).await
    }

    async fn start_at(self, listen: Multiaddr) -> Node {
        let metrics = Metrics::new("test").network;
        let config = NetworkConfig {
            listen: vec![listen],
            peers: self.peers,
            gossip: self.gossip,
            limits: self.limits,
        };
        let parts = NetworkParts {
            keypair: Keypair::generate_ed25519(),
            network: self.network,
            max_segment_bytes: MAX_SEGMENT_BYTES,
            validator: self.validator,
            source: Arc::new(self.source),
            metrics: metrics.clone(),
        };
        let (handle, received) = start(config, parts).unwrap();
        let mut addresses = handle.watch_addresses();
        let address = addresses.wait_for(|known| !known.is_empty()).await.unwrap()[0].clone();
        Node { handle, received, metrics, address }
    }
}

impl Node {
    fn offences(&self, offence: Offence) -> u64 {
        self.metrics.offences.get_or_create(&ReasonLabel { reason: offence.name() }).get()
    }

    async fn connected(&self, count: usize) {
        eventually("peers are connected", || self.handle.peers().len() == count).await;
    }

    async fn next(&mut self) -> ReceivedSegment {
        let received = tokio::time::timeout(Duration::from_secs(10), self.received.recv()).await;
        received.expect("a segment comes in time").expect("the network runs")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.handle.shutdown();
    }
}

async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(15);
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A peer that speaks the protocols by hand.
struct RawPeer {
    peer: PeerId,
    control: libp2p_stream::Control,
    victim: PeerId,
    closed: Arc<std::sync::atomic::AtomicBool>,
    task: tokio::task::JoinHandle<()>,
}

impl RawPeer {
    async fn connect(node: &Node) -> Self {
        let keypair = Keypair::generate_ed25519();
        let peer = keypair.public().to_peer_id();
        let limits = NetworkLimits::default();
        let mut swarm = behaviour::swarm(keypair, NETWORK, MAX_SEGMENT_BYTES, &limits).unwrap();
        let control = swarm.behaviour().streams.new_control();
        swarm.dial(node.address.clone()).unwrap();
        let closed = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let (connected, connection) = tokio::sync::oneshot::channel();
        let seen = Arc::clone(&closed);
        let task = tokio::spawn(async move {
            let mut connected = Some(connected);
            loop {
                match swarm.select_next_some().await {
                    libp2p::swarm::SwarmEvent::ConnectionEstablished { .. } => {
                        connected.take().map(|connected| connected.send(()));
                    }
                    libp2p::swarm::SwarmEvent::ConnectionClosed { num_established: 0, .. } => {
                        seen.store(true, std::sync::atomic::Ordering::Relaxed);
                    }
                    _ => {}
                }
            }
        });
        connection.await.unwrap();
        Self { peer, control, victim: node.handle.local_peer(), closed, task }
    }

    async fn open(&mut self) -> libp2p::Stream {
        self.control.open_stream(self.victim, SEGMENTS_PROTOCOL).await.unwrap()
    }

    /// Opens a stream and greets properly.
    async fn greet(&mut self) -> libp2p::Stream {
        let mut stream = self.open().await;
        codec::write(&mut stream, &greeting::hello(NETWORK, &self.peer, None)).await.unwrap();
        let reply: fairlane_proto::v1::HelloReply =
            codec::read(&mut stream, greeting::MAX_BYTES).await.unwrap();
        assert_eq!(reply.refusal, "");
        stream
    }

    async fn is_cut_off(&self) {
        eventually("the connection is closed", || self.closed.load(std::sync::atomic::Ordering::Relaxed))
            .await;
    }
}

impl Drop for RawPeer {
    fn drop(&mut self) {
        self.task.abort();
    }
}
