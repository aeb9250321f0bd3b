//! Where rollups stand on Ethereum: what the contract says that the registry names for a rollup, in the newest block.
//!
//! A rollup is looked at while somebody wants to know, once for all who do, and not otherwise. What its contract says is
//! compared with this node's chain: a contract that settled another history has settled nothing of this one.
//!
//! The newest block may still be taken back by Ethereum, and what it settled with it. Nothing here decides anything: anchors
//! and evidence go by blocks with confirmations ([`super::Watcher`]).

use super::{L1, L1Error};
use crate::store::{Store, StoreError};
use fairlane_l1::settlement::{SettledPoint, settled_point};
use fairlane_l1::{Address, CallError, DynProvider, L1State, Pause, UnfitEndpoint};
use fairlane_types::{BatchIndex, RollupHead, RollupId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How a rollup stands on Ethereum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// Its history up to this batch is settled.
    At(BatchIndex),
    /// Nothing can be said.
    Unknown(Unsettled),
}

/// Why nothing can be said of a rollup's settlement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsettled {
    /// Nobody says where to look.
    #[error(
        "the registry on Ethereum names no settlement contract for rollup {0}: its owner sets one (`fairlane rollup configure`)"
    )]
    NoContract(RollupId),
    /// The contract has no answer.
    #[error("contract {0} does not say what it has settled: it has to offer IRollupSettlement")]
    NoAnswer(Address),
    /// The contract goes by another history.
    #[error(
        "contract {contract} settled another history: after batch {index} it has head {theirs}, the network has {ours}"
    )]
    OtherHistory {
        /// The contract.
        contract: Address,
        /// The last batch that it settled.
        index: BatchIndex,
        /// Its head.
        theirs: RollupHead,
        /// The network's.
        ours: RollupHead,
    },
    /// This node does not know the batch yet.
    #[error("batch {index} is settled, and this node has {ours} batches yet")]
    Ahead {
        /// The last settled batch.
        index: BatchIndex,
        /// This node's last one.
        ours: BatchIndex,
    },
    /// This node does not know the batch any more.
    #[error(
        "batch {0} is the last settled one, and this node does not keep it to compare: ask one that keeps more"
    )]
    NotKept(BatchIndex),
    /// Ethereum does not answer.
    #[error("Ethereum does not answer this node")]
    Unreachable,
}

impl Unsettled {
    /// Whether somebody has to change something before anything can be said.
    pub fn is_for_good(&self) -> bool {
        matches!(self, Self::NoContract(_) | Self::NoAnswer(_))
    }
}

/// Why a look failed.
#[derive(Debug, thiserror::Error)]
enum LookError {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Unfit(#[from] UnfitEndpoint),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LookError {
    /// What the endpoint did wrong, if it was the endpoint.
    fn name(&self) -> Option<&'static str> {
        match self {
            Self::Call(error) => Some(error.name()),
            Self::Unfit(error) => Some(error.name()),
            Self::Store(_) => None,
        }
    }
}

type States = watch::Sender<Option<Settlement>>;

/// Where to ask how rollups stand. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Settlements(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    l1: Arc<L1>,
    store: Store,
    watched: Mutex<Watched>,
}

/// The rollups that somebody wants to know of, each with a task that looks.
#[derive(Debug, Default)]
struct Watched {
    states: HashMap<RollupId, States>,
    tasks: JoinSet<()>,
}

impl Settlements {
    pub(super) fn new(l1: Arc<L1>, store: Store) -> Self {
        Self(Arc::new(Shared { l1, store, watched: Mutex::default() }))
    }

    /// How a rollup stands, from the first look on, for as long as the receiver is kept. `None` before that.
    pub fn watch(&self, rollup: RollupId) -> watch::Receiver<Option<Settlement>> {
        let mut watched = self.0.watched();
        while watched.tasks.try_join_next().is_some() {}
        if let Some(states) = watched.states.get(&rollup) {
            return states.subscribe();
        }
        let (states, receiver) = watch::channel(None);
        watched.states.insert(rollup, states.clone());
        watched.tasks.spawn(Arc::clone(&self.0).follow(rollup, states));
        receiver
    }

    /// How many rollups are looked at.
    #[cfg(test)]
    pub(crate) fn watched(&self) -> usize {
        self.0.watched().states.len()
    }

    /// Lets nobody look any more once the node stops.
    pub async fn run(self, stop: CancellationToken) -> Result<(), L1Error> {
        stop.cancelled().await;
        let mut watched = self.0.watched();
        watched.tasks.abort_all();
        watched.states.clear();
        Ok(())
    }
}

impl Shared {
    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks as long as somebody wants to know.
    async fn follow(self: Arc<Self>, rollup: RollupId, states: States) {
        loop {
            tokio::select! {
                () = self.look_on(rollup, &states) => return,
                () = states.closed() => {}
            }
            let mut watched = self.watched();
            if states.receiver_count() == 0 {
                watched.states.remove(&rollup);
                return;
            }
        }
    }

    /// Looks again and again. Ends with the node.
    async fn look_on(&self, rollup: RollupId, states: &States) {
        let mut pause = Pause::new(self.l1.poll_interval);
        let mut failures = 0;
        loop {
            let (place, provider) = self.l1.endpoints.reader();
            let (seen, wait) = match self.look(place, provider, rollup).await {
                Ok(settlement) => {
                    pause.reset();
                    failures = 0;
                    (settlement, self.l1.poll_interval)
                }
                Err(error) => {
                    failures += 1;
                    let others = failures < self.l1.endpoints.count();
                    let wait = if others { Duration::ZERO } else { pause.after_failure() };
                    tracing::warn!(%error, %rollup, endpoint = place, retry_in = ?wait, "a settlement cannot be read");
                    if let Some(why) = error.name() {
                        self.l1.failed(place, why);
                    }
                    if others {
                        continue;
                    }
                    (Settlement::Unknown(Unsettled::Unreachable), wait)
                }
            };
            let seen = Some(seen);
            states.send_if_modified(|last| {
                let is_new = *last != seen;
                *last = seen;
                is_new
            });
            tokio::time::sleep(wait).await;
        }
    }

    /// One look, at one block.
    async fn look(
        &self,
        place: usize,
        provider: &DynProvider,
        rollup: RollupId,
    ) -> Result<Settlement, LookError> {
        self.l1.endpoints.check(place, &self.l1.deployment, &self.l1.network).await?;
        let contracts = &self.l1.deployment.contracts;
        let newest = L1State::newest(provider, contracts).block().await?;
        let (number, _) = newest.ok_or_else(super::watcher::no_block)?;
        let state = L1State::at(provider, contracts, number);
        let Some(contract) = state.settlement_of(rollup).await? else {
            return Ok(Settlement::Unknown(Unsettled::NoContract(rollup)));
        };
        match settled_point(provider, contract, number).await? {
            Some(point) => Ok(self.compare(rollup, contract, point).await?),
            None => Ok(Settlement::Unknown(Unsettled::NoAnswer(contract))),
        }
    }

    /// Whether what a contract has settled is this network's history.
    async fn compare(
        &self,
        rollup: RollupId,
        contract: Address,
        point: SettledPoint,
    ) -> Result<Settlement, StoreError> {
        let index = BatchIndex::new(point.index);
        if index == BatchIndex::ZERO {
            return Ok(Settlement::At(index));
        }
        let store = self.store.clone();
        let read = move || {
            let bounds = store.rollup_bounds(rollup)?;
            Ok::<_, StoreError>((bounds, store.head_before(rollup, index.next())?))
        };
        let (bounds, ours) = tokio::task::spawn_blocking(read).await.map_err(|_| StoreError::Closed)??;
        let last = bounds.map_or(BatchIndex::ZERO, |(_, last)| last);
        let theirs = point.head.map(|head| RollupHead::from_bytes(head.0));
        let unknown = |why| Ok(Settlement::Unknown(why));
        match (ours, theirs) {
            _ if index > last => unknown(Unsettled::Ahead { index, ours: last }),
            (Some(ours), Some(theirs)) if ours != theirs => {
                unknown(Unsettled::OtherHistory { contract, index, theirs, ours })
            }
            (None, Some(_)) => unknown(Unsettled::NotKept(index)),
            (_, None) | (Some(_), Some(_)) => Ok(Settlement::At(index)),
        }
    }
}
