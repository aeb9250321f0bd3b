//! Malachite's actors, put together so that the application can also speak to consensus at any time.
//!
//! The stock channel interface answers one request after another and offers no way to hand in a proposed value
//! later. A proposal here may wait for segments, so the actors are assembled one by one and two of ours are added:
//! [`Host`] passes requests of consensus on to the application loop, [`Observer`] copies what peers send.

use crate::codec::WireCodec;
use crate::config::{EngineConfig, Multiaddr};
use crate::error::EngineError;
use crate::signing::{KeySigner, SigningGate};
use arc_malachitebft_app::engine::consensus::ConsensusRef;
use arc_malachitebft_app::engine::host::HostMsg;
use arc_malachitebft_app::engine::network::{NetworkEvent, NetworkIdentity, NetworkMsg, NetworkRef};
use arc_malachitebft_app::engine::node::NodeRef;
use arc_malachitebft_app::engine::util::events::TxEvent;
use arc_malachitebft_app::engine::util::output_port::OutputPort;
use arc_malachitebft_app::metrics::{Metrics, SharedRegistry};
use arc_malachitebft_app::spawn;
use arc_malachitebft_app::types::Keypair;
use arc_malachitebft_app::types::codec::Codec as _;
use arc_malachitebft_signing::Signer;
use arc_malachitebft_wal::Log;
use fairlane_agreement::{Address, FairlaneContext, StrictVerifier};
use fairlane_types::{NetworkId, ValidatorId};
use ractor::rpc::CallResult;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::fmt::Display;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// How many requests of consensus may wait for the application. When it is full, consensus waits.
const HOST_QUEUE: usize = 256;
/// How many messages of peers may wait to be looked at. When it is full, further ones are not looked at.
const OBSERVER_QUEUE: usize = 2048;
/// How long the actors may take to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// How often is looked whether the log of votes is let go.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);
/// How often the consensus network is asked for a sign of life, and how long it may take to give one.
const HEALTH_INTERVAL: Duration = Duration::from_secs(5);

/// What consensus asks of the application.
pub(crate) type HostRequest = HostMsg<FairlaneContext>;
/// What a peer sent.
pub(crate) type PeerEvent = NetworkEvent<FairlaneContext>;

/// The running actors.
pub(crate) struct Machine {
    node: NodeRef,
    node_task: JoinHandle<()>,
    listen: Multiaddr,
    wal: PathBuf,
    pub(crate) consensus: ConsensusRef<FairlaneContext>,
    pub(crate) network: NetworkRef<FairlaneContext>,
}

/// Where the application hears from the actors.
pub(crate) struct Inputs {
    pub(crate) requests: mpsc::Receiver<HostRequest>,
    pub(crate) events: mpsc::Receiver<PeerEvent>,
    /// How many events were left out because too many waited.
    pub(crate) unobserved: Arc<AtomicU64>,
}

impl Machine {
    /// Starts all actors. Consensus itself waits until the application answers `ConsensusReady`.
    pub(crate) async fn start(
        config: &EngineConfig,
        network: NetworkId,
        gate: SigningGate,
    ) -> Result<(Self, Inputs), EngineError> {
        let registry = SharedRegistry::global().with_moniker(&config.moniker);
        let metrics = Metrics::register(&registry);
        let (node, node_task) = spawn::spawn_node_actor(metrics.clone()).await.map_err(start_error)?;
        match Actors::start(config, network, gate, &node, metrics, &registry).await {
            Ok((actors, inputs)) => {
                let Actors { consensus, network } = actors;
                let (listen, wal) = (config.listen.clone(), config.wal.clone());
                Ok((Self { node, node_task, listen, wal, consensus, network }, inputs))
            }
            Err(error) => {
                stop(&node, node_task).await;
                Err(error)
            }
        }
    }

    /// Resolves with the reason when the actors have stopped by themselves, or when the consensus network has: its
    /// task can die without an actor noticing. Cancel safe.
    pub(crate) async fn stopped(&mut self) -> EngineError {
        let mut checks = tokio::time::interval(HEALTH_INTERVAL);
        loop {
            tokio::select! {
                _ = &mut self.node_task => return EngineError::Stopped,
                _ = checks.tick() => {
                    if !network_lives(&self.network).await {
                        return EngineError::Network(self.listen.clone());
                    }
                }
            }
        }
    }

    /// Stops all actors and waits until they are gone, and until the log of votes is let go: the thread that holds it
    /// outlives its actor by a moment, and whoever starts next needs it.
    pub(crate) async fn stop(self) {
        stop(&self.node, self.node_task).await;
        let let_go = async {
            while Log::open(&self.wal).is_err() {
                tokio::time::sleep(LOOK_INTERVAL).await;
            }
        };
        if tokio::time::timeout(STOP_TIMEOUT, let_go).await.is_err() {
            tracing::warn!(path = %self.wal.display(), "the log of votes is still held");
        }
    }
}

/// Whether the network answers. One that is merely slow counts as alive.
async fn network_lives(network: &NetworkRef<FairlaneContext>) -> bool {
    match network.call(NetworkMsg::DumpState, Some(HEALTH_INTERVAL)).await {
        Ok(CallResult::Success(state)) => state.is_some(),
        Ok(CallResult::Timeout) => true,
        Ok(CallResult::SenderError) | Err(_) => false,
    }
}

async fn stop(node: &NodeRef, task: JoinHandle<()>) {
    let reason = Some("the node shuts down".to_owned());
    node.get_cell().stop_children_and_wait(reason.clone(), Some(STOP_TIMEOUT)).await;
    node.stop(reason);
    if !task.is_finished() {
        let _ = tokio::time::timeout(STOP_TIMEOUT, task).await;
    }
}

pub(crate) fn start_error(error: impl Display) -> EngineError {
    EngineError::Start(error.to_string())
}

struct Actors {
    consensus: ConsensusRef<FairlaneContext>,
    network: NetworkRef<FairlaneContext>,
}

impl Actors {
    async fn start(
        config: &EngineConfig,
        id: NetworkId,
        gate: SigningGate,
        node: &NodeRef,
        metrics: Metrics,
        registry: &SharedRegistry,
    ) -> Result<(Self, Inputs), EngineError> {
        let (settings, sync_settings) = (config.consensus(&id), config.value_sync());
        let signer = signer(config, id, gate);
        let identity = network_identity(config, signer.as_ref()).await?;
        let network =
            spawn::spawn_network_actor(&settings, &sync_settings, identity, registry, WireCodec).await;
        let network: NetworkRef<FairlaneContext> = network.map_err(start_error)?;
        network.link(node.get_cell());

        let wal =
            spawn::spawn_wal_actor(&FairlaneContext, WireCodec, &config.wal, registry, node.clone()).await;
        let wal = wal.map_err(start_error)?;
        wal.link(node.get_cell());

        let (host, requests) = Host::start().await?;
        host.link(node.get_cell());
        let (observer, events, unobserved) = Observer::start().await?;
        observer.link(node.get_cell());
        network.cast(NetworkMsg::Subscribe(Box::new(observer))).map_err(start_error)?;

        let port = Arc::new(OutputPort::new());
        let consensus = spawn::spawn_consensus_actor(
            FairlaneContext,
            Address(validator_id(config)),
            settings,
            Box::new(StrictVerifier::new(id)),
            signer.map(|signer| Box::new(signer) as Box<dyn Signer<FairlaneContext>>),
            network.clone(),
            host.clone(),
            wal,
            port.clone(),
            metrics,
            TxEvent::new(),
            node.clone(),
        )
        .await
        .map_err(start_error)?;
        consensus.link(node.get_cell());

        let sync = spawn::spawn_sync_actor(
            FairlaneContext,
            network.clone(),
            host,
            consensus.clone(),
            WireCodec,
            &sync_settings,
            registry,
        )
        .await
        .map_err(start_error)?;
        if let Some(sync) = sync {
            sync.link(node.get_cell());
            subscribe(&sync, &port);
        }
        Ok((Self { consensus, network }, Inputs { requests, events, unobserved }))
    }
}

fn subscribe(
    sync: &arc_malachitebft_app::engine::sync::SyncRef<FairlaneContext>,
    port: &OutputPort<arc_malachitebft_app::engine::sync::SyncMsg<FairlaneContext>>,
) {
    use arc_malachitebft_app::engine::util::output_port::OutputPortSubscriberTrait as _;
    sync.subscribe_to_port(port);
}

/// The id that consensus knows this node by. A node without a key follows under an id that no validator has.
pub(crate) fn validator_id(config: &EngineConfig) -> ValidatorId {
    config.signing_key.as_ref().map_or(ValidatorId::ZERO, |key| key.validator())
}

fn signer(config: &EngineConfig, network: NetworkId, gate: SigningGate) -> Option<KeySigner> {
    config.signing_key.clone().map(|key| KeySigner::new(network, key, gate))
}

/// A new identity on the consensus network, with a proof that the consensus key stands behind it. An identity that was
/// used before would be no new peer to those who have not noticed yet that the old connection is gone, and
/// Malachite's broadcast says to new peers only what it wants to hear.
async fn network_identity(
    config: &EngineConfig,
    signer: Option<&KeySigner>,
) -> Result<NetworkIdentity, EngineError> {
    let (moniker, keypair) = (config.moniker.clone(), Keypair::generate_ed25519());
    let Some(signer) = signer else {
        return Ok(NetworkIdentity::new(moniker, keypair, None));
    };
    let id = validator_id(config);
    let peer = keypair.public().to_peer_id().to_bytes();
    let proof = signer.sign_validator_proof(id.as_bytes().to_vec(), peer).await.map_err(start_error)?;
    let proof = WireCodec.encode(&proof).map_err(start_error)?;
    Ok(NetworkIdentity::new_validator(moniker, keypair, Address(id).to_string(), proof))
}

/// Passes the requests of consensus and sync on, in order.
struct Host {
    requests: mpsc::Sender<HostRequest>,
}

impl Host {
    async fn start() -> Result<(ActorRef<HostRequest>, mpsc::Receiver<HostRequest>), EngineError> {
        let (requests, receiver) = mpsc::channel(HOST_QUEUE);
        let (actor, _) = Actor::spawn(None, Self { requests }, ()).await.map_err(start_error)?;
        Ok((actor, receiver))
    }
}

#[async_trait::async_trait]
impl Actor for Host {
    type Msg = HostRequest;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<HostRequest>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(
        &self,
        _: ActorRef<HostRequest>,
        request: HostRequest,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        self.requests.send(request).await.map_err(|_| "the application loop has ended".into())
    }
}

/// Copies what peers send, as far as the application looks at it.
pub(crate) struct Observer {
    events: mpsc::Sender<PeerEvent>,
    unobserved: Arc<AtomicU64>,
}

pub(crate) type Observed = (ActorRef<PeerMessage>, mpsc::Receiver<PeerEvent>, Arc<AtomicU64>);

impl Observer {
    pub(crate) async fn start() -> Result<Observed, EngineError> {
        let (events, receiver) = mpsc::channel(OBSERVER_QUEUE);
        let unobserved = Arc::new(AtomicU64::new(0));
        let observer = Self { events, unobserved: unobserved.clone() };
        let (actor, _) = Actor::spawn(None, observer, ()).await.map_err(start_error)?;
        Ok((actor, receiver, unobserved))
    }
}

/// A network event as the observer's message.
pub(crate) struct PeerMessage(PeerEvent);

impl From<PeerEvent> for PeerMessage {
    fn from(event: PeerEvent) -> Self {
        Self(event)
    }
}

#[async_trait::async_trait]
impl Actor for Observer {
    type Msg = PeerMessage;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<PeerMessage>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(
        &self,
        _: ActorRef<PeerMessage>,
        PeerMessage(event): PeerMessage,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        let looked_at = matches!(
            event,
            NetworkEvent::Vote(..)
                | NetworkEvent::Proposal(..)
                | NetworkEvent::PolkaCertificate(..)
                | NetworkEvent::Status(..)
                | NetworkEvent::PeerConnected(_)
                | NetworkEvent::PeerDisconnected(_)
                | NetworkEvent::PeerSubscribed(..)
        );
        if looked_at && self.events.try_send(event).is_err() {
            self.unobserved.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}
