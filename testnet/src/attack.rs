//! Strangers that a bench lets loose on its network, from an address of their own: `docs/hostile.md` has the list of what
//! they could do, this does the part of it that costs a node most while it works.
//!
//! On each node's ports for clients and for peers they send garbage, hold many connections that never greet, and hand in
//! envelopes that are none. They stop when this is dropped.

use eyre::WrapErr as _;
use fairlane_proto::v1::submit_service_client::SubmitServiceClient;
use fairlane_proto::v1::{SubmitRequest, submit_request};
use rand::{RngCore as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tonic::transport::Endpoint;

/// Where they come from: not where the load does, which nodes tell apart by address.
const FROM: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
/// Connections that send garbage, for each port.
const GARBAGE: usize = 2;
/// The garbage of one connection.
const GARBAGE_BYTES: usize = 16 << 10;
/// How long such a connection stays away after it was closed.
const PAUSE: Duration = Duration::from_millis(20);
/// Connections that never greet, for each client port.
const SILENT: usize = 250;
/// Requests with broken envelopes that each node gets at a time.
const BROKEN: usize = 4;
/// How long each waits before it comes again.
const BROKEN_PAUSE: Duration = Duration::from_millis(1);

/// What they did so far.
#[derive(Debug, Default)]
struct Deeds {
    connections: AtomicU64,
    requests: AtomicU64,
}

/// What was done in the time of an attack.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct AttackReport {
    /// Connections that were made, whether or not they were taken.
    connections: u64,
    /// Requests with broken envelopes that were answered.
    requests: u64,
}

/// An attack that goes on.
#[derive(Debug)]
pub struct Attack {
    deeds: Arc<Deeds>,
    _tasks: JoinSet<()>,
}

impl Attack {
    /// Attacks nodes, each with the address of its clients and those of its peers.
    pub fn begin(nodes: &[(SocketAddr, [SocketAddr; 2])]) -> eyre::Result<Self> {
        let deeds = Arc::new(Deeds::default());
        let mut tasks = JoinSet::new();
        let mut seed = 0;
        for (clients, peers) in nodes {
            for port in [*clients].into_iter().chain(*peers) {
                for _ in 0..GARBAGE {
                    seed += 1;
                    tasks.spawn(send_garbage(deeds.clone(), port, ChaCha8Rng::seed_from_u64(seed)));
                }
            }
            for _ in 0..SILENT {
                tasks.spawn(stay_silent(deeds.clone(), *clients));
            }
            let endpoint = Endpoint::from_shared(format!("http://{clients}"))?.local_address(Some(FROM));
            for _ in 0..BROKEN {
                tasks.spawn(submit_broken(deeds.clone(), endpoint.clone()));
            }
        }
        Ok(Self { deeds, _tasks: tasks })
    }

    /// What was done so far.
    pub fn report(&self) -> AttackReport {
        AttackReport {
            connections: self.deeds.connections.load(Relaxed),
            requests: self.deeds.requests.load(Relaxed),
        }
    }
}

async fn connect(deeds: &Deeds, to: SocketAddr) -> eyre::Result<TcpStream> {
    let socket = TcpSocket::new_v4().wrap_err("making a socket")?;
    socket.bind((FROM, 0).into())?;
    let stream = socket.connect(to).await?;
    deeds.connections.fetch_add(1, Relaxed);
    Ok(stream)
}

async fn send_garbage(deeds: Arc<Deeds>, to: SocketAddr, mut random: ChaCha8Rng) {
    let mut garbage = vec![0; GARBAGE_BYTES];
    loop {
        random.fill_bytes(&mut garbage);
        if let Ok(mut stream) = connect(&deeds, to).await {
            // Being closed is what is expected of the other side.
            let _ = stream.write_all(&garbage).await;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn stay_silent(deeds: Arc<Deeds>, to: SocketAddr) {
    loop {
        if let Ok(mut stream) = connect(&deeds, to).await {
            let mut answer = [0; 64];
            while stream.read(&mut answer).await.is_ok_and(|bytes| bytes > 0) {}
        }
        // Most are turned away at once: one address has a share of the places.
        tokio::time::sleep(PAUSE * 50).await;
    }
}

async fn submit_broken(deeds: Arc<Deeds>, endpoint: Endpoint) {
    loop {
        if let Ok(channel) = endpoint.connect().await {
            let mut client = SubmitServiceClient::new(channel);
            let broken = submit_request::Content::Envelope(vec![0xa5; 4 << 10].into());
            let request = SubmitRequest { content: Some(broken) };
            while client.submit(request.clone()).await.is_err_and(|refused| refused.code() == REFUSED) {
                deeds.requests.fetch_add(1, Relaxed);
                tokio::time::sleep(BROKEN_PAUSE).await;
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// How a node answers what is no envelope.
const REFUSED: tonic::Code = tonic::Code::InvalidArgument;
