//! What segments cost on this machine, for `docs/adr/0008-segment-transport.md`. Run with
//! `cargo test --release -p fairlane-sequencer --lib network::tests::measure -- --ignored --nocapture --test-threads 1`.

use super::*;
use libp2p::{SwarmBuilder, tcp, tls, yamux};

const SEGMENT_BYTES: usize = 64 * 1024;
const SEGMENTS: usize = 3_000;
/// How many segments are on their way at a time.
const WINDOW: usize = 64;

enum Way {
    Tls,
    Noise,
    Quic,
    Gossip,
}

fn tls_swarm(keypair: Keypair) -> libp2p::Swarm<behaviour::Behaviour> {
    let behaviour = behaviour::behaviour(NETWORK, MAX_SEGMENT_BYTES, &NetworkLimits::default()).unwrap();
    SwarmBuilder::with_existing_identity(keypair)
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), tls::Config::new, yamux::Config::default)
        .unwrap()
        .with_behaviour(|_| behaviour)
        .unwrap()
        .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::from_secs(60)))
        .build()
}

async fn node(way: &Way, peers: Vec<Multiaddr>) -> Node {
    let setup = Setup { peers, gossip: matches!(way, Way::Gossip), ..Setup::default() };
    let listen = match way {
        Way::Quic => "/ip4/127.0.0.1/udp/0/quic-v1",
        _ => "/ip4/127.0.0.1/tcp/0",
    };
    if !matches!(way, Way::Tls) {
        return setup.start_at(listen.parse().unwrap()).await;
    }
    let keypair = Keypair::generate_ed25519();
    let metrics = Metrics::new("test").network;
    let listen = vec![listen.parse().unwrap()];
    let config = NetworkConfig { listen, peers: setup.peers, gossip: false, limits: setup.limits };
    let parts = NetworkParts {
        keypair: keypair.clone(),
        network: NETWORK,
        max_segment_bytes: MAX_SEGMENT_BYTES,
        validator: None,
        source: Arc::new(Lane::default()),
        metrics: metrics.clone(),
    };
    let (handle, received) = driver::start_with(tls_swarm(keypair), config, parts).unwrap();
    let mut addresses = handle.watch_addresses();
    let address = addresses.wait_for(|known| !known.is_empty()).await.unwrap()[0].clone();
    Node { handle, received, metrics, address }
}

/// Processor time of this process so far, in seconds (the tick of Linux is 10 ms).
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

async fn measure(name: &str, way: Way) {
    let lane = lane(&key(1), SEGMENTS, SEGMENT_BYTES);
    let sender = node(&way, Vec::new()).await;
    let mut receiver = node(&way, vec![sender.address.clone()]).await;
    sender.connected(1).await;
    if matches!(way, Way::Gossip) {
        eventually("there is a listener", || {
            sender.handle.subscribers.load(std::sync::atomic::Ordering::Relaxed) == 1
        })
        .await;
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    let (started, processor) = (Instant::now(), processor_seconds());
    let mut bytes = 0;
    let mut sent = 0;
    for received in 0..SEGMENTS {
        while sent < SEGMENTS && sent < received + WINDOW {
            sender.handle.push(&lane.0[sent]);
            sent += 1;
        }
        let segment = receiver.next().await;
        bytes += segment.bytes.len();
        if let Some(token) = segment.gossip {
            receiver.handle.gossip_verdict(token, GossipVerdict::Accept).await;
        }
    }
    let (seconds, processor) = (started.elapsed().as_secs_f64(), processor_seconds() - processor);
    let megabytes = bytes as f64 / 1e6;
    println!(
        "{name}: {:.0} MB/s, {:.1} ms of processor time for a MB (both ends)",
        megabytes / seconds,
        processor * 1e3 / megabytes
    );
    assert_eq!(bytes, lane.0.iter().map(|segment| segment.bytes().len()).sum::<usize>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn push_and_gossip() {
    for _ in 0..3 {
        measure("push, TCP with TLS", Way::Tls).await;
        measure("push, TCP with Noise", Way::Noise).await;
        measure("push, QUIC", Way::Quic).await;
        measure("gossip, TCP with Noise", Way::Gossip).await;
    }
}
