//! What the services share: the node's parts, the limits, and how a call is counted, read for, and refused.

use super::clients::{Clients, Rates};
use super::feed::{Feed, Tip};
use super::pending::Pending;
use super::slots::Slots;
use super::{RpcContext, RpcLimits};
use crate::checkpoints::CheckpointBook;
use crate::evidence::EvidencePool;
use crate::in_force::InForce;
use crate::l1::{L1View, Settlements};
use crate::lane_service::{LaneFeed, LaneHandle};
use crate::metrics::{MethodLabel, ReasonLabel, RpcMetrics};
use crate::network::PeerInfo;
use crate::store::{Store, StoreError};
use fairlane_engine::EngineStatus;
use fairlane_log::LogHandle;
use fairlane_proto::{ConvertError, refusal, v1::Refusal};
use fairlane_types::{Genesis, NetworkId, ValidatorId};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Status};

/// A node this many blocks behind its best peer is catching up.
const BEHIND: u64 = 10;

/// Shared by all services and their tasks.
pub(super) struct Core {
    pub(super) genesis: Arc<Genesis>,
    pub(super) network: NetworkId,
    pub(super) in_force: watch::Receiver<InForce>,
    pub(super) store: Store,
    pub(super) lanes: Option<LaneHandle>,
    pub(super) lane_feed: LaneFeed,
    pub(super) evidence: EvidencePool,
    pub(super) checkpoints: Option<CheckpointBook>,
    pub(super) ethereum: Option<watch::Receiver<Option<L1View>>>,
    pub(super) settlements: Option<Settlements>,
    pub(super) engine: watch::Receiver<EngineStatus>,
    pub(super) peers: watch::Receiver<Arc<[PeerInfo]>>,
    pub(super) validator: Option<ValidatorId>,
    pub(super) log: Option<LogHandle>,
    pub(super) limits: RpcLimits,
    pub(super) version: String,
    pub(super) metrics: RpcMetrics,
    pub(super) clients: Clients,
    pub(super) subscribers: Arc<Slots>,
    pub(super) submitters: Arc<Slots>,
    pub(super) pending: Arc<Pending>,
    pub(super) feed: Feed,
    reads: Semaphore,
    pub(super) shutdown: CancellationToken,
}

impl Core {
    /// Starts following finalized blocks.
    pub(super) fn new(context: RpcContext, shutdown: CancellationToken) -> Result<Arc<Self>, StoreError> {
        let limits = context.limits;
        let tip = Tip {
            block: context.store.certified_header(context.store.tip())?,
            heads: context.heads,
            ordered: 0,
        };
        let pending = Arc::new(Pending::default());
        let feed = Feed::start(context.finalized, tip, pending.clone(), shutdown.clone());
        let rates = Rates {
            transactions: limits.client_transactions_per_second,
            bytes: limits.client_bytes_per_second,
        };
        Ok(Arc::new(Self {
            network: context.genesis.network(),
            genesis: context.genesis,
            in_force: context.in_force,
            store: context.store,
            lanes: context.lanes,
            lane_feed: context.lane_feed,
            evidence: context.evidence,
            checkpoints: context.checkpoints,
            ethereum: context.ethereum,
            settlements: context.settlements,
            engine: context.engine,
            peers: context.peers,
            validator: context.validator,
            log: context.log,
            version: context.version,
            metrics: context.metrics,
            clients: Clients::new(rates),
            subscribers: Arc::new(Slots::new(limits.max_subscribers)),
            submitters: Arc::new(Slots::new(limits.max_submit_streams)),
            pending,
            feed,
            reads: Semaphore::new(limits.max_reads.max(1)),
            limits,
            shutdown,
        }))
    }

    /// Counts a call.
    pub(super) fn called(&self, method: &'static str) {
        self.metrics.requests.get_or_create(&MethodLabel { method }).inc();
    }

    /// A refusal, counted. `message` says what is wrong and what to do.
    pub(super) fn refuse(&self, reason: Refusal, message: impl Into<String>) -> Status {
        self.metrics.refusals.get_or_create(&ReasonLabel { reason: reason.as_str_name() }).inc();
        refusal::status(reason, message)
    }

    /// Refuses a message that is not well formed.
    pub(super) fn malformed(&self, error: &ConvertError) -> Status {
        self.refuse(Refusal::Malformed, error.to_string())
    }

    pub(super) fn shutting_down(&self) -> Status {
        self.refuse(Refusal::ShuttingDown, "the node is shutting down: use another one")
    }

    /// Reads from the store on a blocking thread. A few reads run at a time; others wait.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Status> {
        // Never closed.
        let _permit = self.reads.acquire().await.map_err(|_| self.shutting_down())?;
        let store = self.store.clone();
        match tokio::task::spawn_blocking(move || work(&store)).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(self.failed(&error)),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// Hides what failed from the client, and tells the operator.
    pub(super) fn failed(&self, error: &dyn std::error::Error) -> Status {
        tracing::error!(%error, "a call failed");
        self.refuse(
            Refusal::Internal,
            "the node failed: try another one, its operator finds the cause in its log",
        )
    }

    /// Whether the node knows that it is behind its peers.
    pub(super) fn is_catching_up(&self) -> bool {
        let status = self.engine.borrow();
        status.best_peer_height.get().saturating_sub(status.finalized.get()) > BEHIND
    }
}

/// The address that a request comes from.
pub(super) fn client_of<T>(request: &Request<T>) -> IpAddr {
    request.remote_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.ip())
}
