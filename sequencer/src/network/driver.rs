//! The task that owns the swarm. Its loop only routes: swarm events, new streams, commands and time each have their
//! own functions.

use crate::metrics::{NetworkMetrics, ReasonLabel};
use crate::network::behaviour::{self, Behaviour, SEGMENTS_PROTOCOL, SetupError};
use crate::network::checkpoints::PER_SECOND;
use crate::network::config::{NetworkConfig, NetworkLimits};
use crate::network::dial::Dialer;
use crate::network::greeting;
use crate::network::handle::{Command, FetchError, NetworkHandle, PeerInfo, ReceivedSegment};
use crate::network::offence::{Offence, Penalties};
use crate::network::push::{PushTable, Pusher};
use crate::network::rate::Rate;
use crate::network::receive::Receiver;
use crate::network::serve::{Allowance, SegmentSource};
use fairlane_proto::v1;
use fairlane_types::{NetworkId, SigningKey, ValidatorId};
use futures::StreamExt as _;
use libp2p::identity::Keypair;
use libp2p::request_response::OutboundRequestId;
use libp2p::{Multiaddr, PeerId, Stream, Swarm, gossipsub};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

mod checkpoints;
mod events;
mod fetches;
mod gossip;

/// What the network needs from the node.
pub struct NetworkParts {
    /// The node's key in the network; not the consensus key.
    pub keypair: Keypair,
    /// The network that the node belongs to.
    pub network: NetworkId,
    /// The network's limit for one segment.
    pub max_segment_bytes: usize,
    /// A validator's key, to prove to peers who speaks.
    pub validator: Option<SigningKey>,
    /// What fetches of peers are answered from.
    pub source: Arc<dyn SegmentSource>,
    /// Where to count.
    pub metrics: NetworkMetrics,
}

/// Why the network does not start.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The transports or protocols cannot be set up.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// It cannot listen.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// The configured address.
        address: Multiaddr,
        /// What the transport says.
        reason: String,
    },
}

/// Starts the network on the current runtime. Received segments come out of the returned queue; when nobody takes
/// them, reading from peers pauses.
pub fn start(
    config: NetworkConfig,
    parts: NetworkParts,
) -> Result<(NetworkHandle, mpsc::Receiver<ReceivedSegment>), NetworkError> {
    let swarm =
        behaviour::swarm(parts.keypair.clone(), parts.network, parts.max_segment_bytes, &config.limits)?;
    start_with(swarm, config, parts)
}

/// Starts the network with a swarm that exists.
pub(super) fn start_with(
    mut swarm: Swarm<Behaviour>,
    config: NetworkConfig,
    parts: NetworkParts,
) -> Result<(NetworkHandle, mpsc::Receiver<ReceivedSegment>), NetworkError> {
    for address in &config.listen {
        let listening = swarm.listen_on(address.clone());
        listening
            .map_err(|error| NetworkError::Listen { address: address.clone(), reason: error.to_string() })?;
    }
    let topic = behaviour::topic(parts.network);
    if config.gossip {
        swarm.behaviour_mut().gossip.subscribe(&topic).expect("subscriptions are not filtered");
    }
    let mut control = swarm.behaviour().streams.new_control();
    let incoming = control.accept(SEGMENTS_PROTOCOL).expect("the protocol is registered only here");
    let (commands, queue) = mpsc::channel(1024);
    let (received, segments) = mpsc::channel(config.limits.receive_queue);
    let (peers, peers_watch) = watch::channel(Arc::from([]));
    let (addresses, addresses_watch) = watch::channel(Vec::new());
    let limits = &config.limits;
    let push = PushTable::new(limits.send_queue_segments, limits.send_queue_bytes, parts.metrics.clone());
    let handle = NetworkHandle {
        commands: commands.clone(),
        push: Arc::new(push),
        peers: peers_watch,
        addresses: addresses_watch,
        subscribers: Arc::new(AtomicUsize::new(0)),
        relays: config.gossip,
        local: *swarm.local_peer_id(),
        metrics: parts.metrics.clone(),
        shutdown: CancellationToken::new(),
    };
    let receiver = Receiver {
        network: parts.network,
        max_segment_bytes: parts.max_segment_bytes,
        timeout: limits.stream_timeout,
        commands,
        received,
        metrics: parts.metrics.clone(),
    };
    let now = Instant::now();
    let driver = Driver {
        hello: greeting::hello(parts.network, swarm.local_peer_id(), parts.validator.as_ref()),
        max_response_bytes: behaviour::max_response_bytes(parts.max_segment_bytes),
        swarm,
        control,
        topic,
        checkpoints: None,
        receiver,
        source: parts.source,
        handle: handle.clone(),
        peers: HashMap::new(),
        published: peers,
        addresses,
        dialer: Dialer::new(&config.peers, limits.max_redial, now),
        penalties: Penalties::new(limits.penalty_limit, limits.ban),
        fetches: HashMap::new(),
        serving: Arc::new(Semaphore::new(limits.served)),
        limits: config.limits,
        metrics: parts.metrics,
    };
    tokio::spawn(driver.run(incoming, queue));
    Ok((handle, segments))
}

/// What the driver knows about a connected peer. Dropping it ends the sending side. The receiving side ends with the
/// connection, and may still report an offence then.
struct Peer {
    address: Multiaddr,
    /// Set once its greeting is accepted.
    greeted: Option<Option<ValidatorId>>,
    /// Whether it accepted this node's greeting.
    accepted: bool,
    /// Whether it wants segments by gossip.
    subscribed: bool,
    allowance: Allowance,
    streams: Rate,
    /// How many signatures of checkpoints it may send.
    checkpoints: Rate,
    pusher: AbortHandle,
    receiver: Option<AbortHandle>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.pusher.abort();
    }
}

type FetchReply = oneshot::Sender<Result<v1::FetchResponse, FetchError>>;

struct Driver {
    swarm: Swarm<Behaviour>,
    control: libp2p_stream::Control,
    topic: gossipsub::IdentTopic,
    /// Set once this node takes part in checkpoints.
    checkpoints: Option<checkpoints::Checkpoints>,
    hello: v1::Hello,
    receiver: Receiver,
    source: Arc<dyn SegmentSource>,
    handle: NetworkHandle,
    peers: HashMap<PeerId, Peer>,
    published: watch::Sender<Arc<[PeerInfo]>>,
    addresses: watch::Sender<Vec<Multiaddr>>,
    dialer: Dialer,
    penalties: Penalties,
    fetches: HashMap<OutboundRequestId, (PeerId, FetchReply)>,
    serving: Arc<Semaphore>,
    max_response_bytes: usize,
    limits: NetworkLimits,
    metrics: NetworkMetrics,
}

impl Driver {
    /// How often configured peers and bans are looked at.
    const TICK: Duration = Duration::from_millis(200);
    /// How many streams of segments a peer may open a second.
    const STREAMS_PER_SECOND: u32 = 4;

    async fn run(
        mut self,
        mut incoming: libp2p_stream::IncomingStreams,
        mut commands: mpsc::Receiver<Command>,
    ) {
        let shutdown = self.handle.shutdown.clone();
        let mut tick = tokio::time::interval(Self::TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                event = self.swarm.select_next_some() => self.on_swarm(event),
                Some((peer, stream)) = incoming.next() => self.on_stream(peer, stream),
                Some(command) = commands.recv() => self.on_command(command),
                _ = tick.tick() => self.on_tick(Instant::now()),
            }
        }
    }

    fn on_tick(&mut self, now: Instant) {
        for address in self.dialer.due(now) {
            tracing::debug!(%address, "dialing a peer");
            if let Err(error) = self.swarm.dial(address.clone()) {
                tracing::debug!(%address, %error, "a peer cannot be dialed now");
            }
        }
        for peer in self.penalties.expire(now) {
            self.swarm.behaviour_mut().blocked.unblock_peer(peer);
        }
    }

    fn on_command(&mut self, command: Command) {
        match command {
            Command::Greeted(peer, validator) => self.on_greeted(peer, validator),
            Command::Accepted(peer) => self.on_accepted(peer),
            Command::Refused(peer) => self.on_refused(peer),
            Command::Offence(peer, offence) => self.on_offence(peer, offence),
            Command::Fetch(peer, want, reply) => self.fetch(peer, &want, reply),
            Command::Served(channel, response, permit) => self.respond(channel, response, permit),
            Command::Publish(message) => self.publish(message),
            Command::JoinCheckpoints(source, received) => self.join_checkpoints(source, received),
            Command::Announce(message) => self.announce(message),
            Command::Verdict(token, verdict) => self.verdict(&token, verdict),
        }
    }

    /// A peer opened a stream of segments; it replaces the one before.
    fn on_stream(&mut self, peer: PeerId, stream: Stream) {
        let Some(state) = self.peers.get_mut(&peer) else { return };
        if !state.streams.allow(Instant::now()) {
            self.on_offence(peer, Offence::TooMany);
            return;
        }
        let task = tokio::spawn(self.receiver.clone().run(peer, stream));
        if let Some(previous) = state.receiver.replace(task.abort_handle()) {
            previous.abort();
        }
    }

    fn on_greeted(&mut self, peer: PeerId, validator: Option<ValidatorId>) {
        if let Some(state) = self.peers.get_mut(&peer) {
            state.greeted = Some(validator);
            tracing::info!(%peer, validator = ?validator, address = %state.address, "a peer greets");
        }
        self.update_gossip(&peer);
        self.publish_peers();
    }

    fn on_accepted(&mut self, peer: PeerId) {
        if let Some(state) = self.peers.get_mut(&peer) {
            state.accepted = true;
        }
        self.publish_peers();
    }

    /// The peer will close the connection; closing it here could cut off this node's own answer to the peer.
    fn on_refused(&mut self, peer: PeerId) {
        self.dialer.refused(&peer);
    }

    /// Counts an offence and bans the peer when it was one too many.
    fn on_offence(&mut self, peer: PeerId, offence: Offence) {
        self.metrics.offences.get_or_create(&ReasonLabel { reason: offence.name() }).inc();
        if self.penalties.is_banned(&peer) {
            return;
        }
        if self.penalties.add(peer, offence, Instant::now()) {
            tracing::warn!(%peer, offence = offence.name(), ban = ?self.limits.ban, "a peer is banned");
            self.swarm.behaviour_mut().blocked.block_peer(peer);
        }
    }

    /// Tells the rest of the node who is connected and of use.
    fn publish_peers(&self) {
        let peers: Vec<_> = self
            .peers
            .iter()
            .filter(|(_, state)| state.accepted)
            .filter_map(|(peer, state)| {
                let validator = state.greeted?;
                Some(PeerInfo { peer: *peer, address: state.address.clone(), validator })
            })
            .collect();
        self.metrics.peers.set(i64::try_from(peers.len()).unwrap_or(i64::MAX));
        self.published.send_replace(peers.into());
    }

    /// Makes the state of a new peer and starts sending to it.
    fn add_peer(&mut self, peer: PeerId, address: Multiaddr) {
        let pusher = Pusher {
            peer,
            control: self.control.clone(),
            hello: self.hello.clone(),
            timeout: self.limits.stream_timeout,
            commands: self.handle.commands.clone(),
            metrics: self.metrics.clone(),
        };
        let queue = self.handle.push.open(peer);
        let now = Instant::now();
        let state = Peer {
            address,
            greeted: None,
            accepted: false,
            subscribed: false,
            allowance: Allowance::new(self.limits.fetches_per_second, self.limits.served_per_peer, now),
            streams: Rate::new(Self::STREAMS_PER_SECOND, now),
            checkpoints: Rate::new(PER_SECOND, now),
            pusher: tokio::spawn(pusher.run(queue)).abort_handle(),
            receiver: None,
        };
        self.peers.insert(peer, state);
    }

    fn remove_peer(&mut self, peer: &PeerId) {
        self.handle.push.close(peer);
        self.peers.remove(peer);
        self.dialer.disconnected(peer, Instant::now());
        self.count_subscribers();
        self.publish_peers();
    }
}
