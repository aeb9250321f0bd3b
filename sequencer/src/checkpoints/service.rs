//! The loop around the core: blocks, gossip, keys and time in; signatures, verdicts and evidence out.
//!
//! The core works on a blocking thread, one batch of events at a time. What arrives meanwhile waits in bounded queues.

use super::book::CheckpointBook;
use super::core::{Core, Event, Output, Signer};
use crate::clock::system_time;
use crate::evidence::EvidencePool;
use crate::in_force::InForce;
use crate::metrics::CheckpointMetrics;
use crate::network::{NetworkHandle, ReceivedCheckpoint};
use crate::store::{Store, StoreError};
use async_trait::async_trait;
use bytes::Bytes;
use fairlane_checkpoint::schedule::INTERVAL;
use fairlane_checkpoint::{CheckpointSet, is_due};
use fairlane_engine::{EngineStatus, FinalizedBlock};
use fairlane_types::{Checkpoint, Hash32, HeadsTree, Height, ValidatorSet};
use libp2p::PeerId;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How often what is missing is looked after.
const TICK: Duration = Duration::from_secs(2);
/// How many gossiped signatures are judged in one go.
const BATCH: usize = 64;
/// Blocks so far behind what peers have are not signed: nobody waits for their checkpoints any more.
const CATCHING_UP: u64 = 4 * INTERVAL;
/// So many blocks before the newest are looked at again after a restart or where blocks were missed.
const LOOK_BACK: u64 = 2 * INTERVAL;
/// Certificates are asked for when none is known of so many blocks.
const MISSING: u64 = 3 * INTERVAL;

/// Where the members' checkpoint keys come from.
#[async_trait]
pub trait KeySource: Send + Sync + 'static {
    /// The keys of a set, asked for until they are known; `None` if the set cannot sign checkpoints. Cancel safe.
    async fn keys_of(&self, validators: ValidatorSet) -> Option<CheckpointSet>;
}

/// What the service works with.
pub struct CheckpointParts {
    /// The segment network.
    pub network: NetworkHandle,
    /// What is on disk.
    pub book: CheckpointBook,
    /// Finalized blocks.
    pub store: Store,
    /// The members' keys.
    pub keys: Arc<dyn KeySource>,
    /// What this node signs with, if it is a validator.
    pub signer: Option<Signer>,
    /// The set in force.
    pub in_force: watch::Receiver<InForce>,
    /// Blocks as they are finalized.
    pub finalized: broadcast::Receiver<Arc<FinalizedBlock>>,
    /// How far the others are.
    pub engine: watch::Receiver<EngineStatus>,
    /// Where evidence goes.
    pub evidence: EvidencePool,
    /// What is counted.
    pub metrics: CheckpointMetrics,
}

/// Signs, collects and keeps checkpoints until it is told to stop.
///
/// # Errors
/// The disk fails: the node should stop.
pub async fn run(parts: CheckpointParts, stop: CancellationToken) -> Result<(), StoreError> {
    let received = parts.network.join_checkpoints(Arc::new(parts.book.clone())).await;
    let store = parts.store.clone();
    let finals = move |height| {
        let block = store.certified_header(height)?;
        Ok(block.map(|block| Checkpoint::of(&block.header)))
    };
    let core = Core::new(parts.store.network(), parts.signer, parts.book, Box::new(finals), parts.metrics)?;
    let service = Service {
        core: Some(core),
        network: parts.network,
        store: parts.store,
        keys: parts.keys,
        engine: parts.engine,
        evidence: parts.evidence,
        asked_keys: BTreeSet::new(),
        lookups: JoinSet::new(),
        answers: JoinSet::new(),
        next_peer: 0,
        looked_at: Height::ZERO,
        newest_due: Height::ZERO,
    };
    tokio::select! {
        () = stop.cancelled() => Ok(()),
        ended = service.run(parts.in_force, parts.finalized, received) => ended,
    }
}

struct Service {
    /// Away while it works.
    core: Option<Core>,
    network: NetworkHandle,
    store: Store,
    keys: Arc<dyn KeySource>,
    engine: watch::Receiver<EngineStatus>,
    evidence: EvidencePool,
    /// Sets whose keys were asked for and are not known yet.
    asked_keys: BTreeSet<Hash32>,
    lookups: JoinSet<(Hash32, Option<CheckpointSet>)>,
    answers: JoinSet<Option<(PeerId, Vec<Bytes>)>>,
    next_peer: usize,
    /// The last height whose block was looked at.
    looked_at: Height,
    /// The last height that has a checkpoint.
    newest_due: Height,
}

impl Service {
    async fn run(
        mut self,
        mut in_force: watch::Receiver<InForce>,
        mut finalized: broadcast::Receiver<Arc<FinalizedBlock>>,
        mut received: mpsc::Receiver<ReceivedCheckpoint>,
    ) -> Result<(), StoreError> {
        let validators = in_force.borrow_and_update().validators.clone();
        self.look_up(validators);
        self.catch_up(self.store.tip()).await?;
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                block = finalized.recv() => match block {
                    Ok(block) => self.on_block(&block).await?,
                    // What is missing is read from the store with the next block.
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
                },
                count = received.recv_many(&mut batch, BATCH), if !received.is_closed() || !received.is_empty() => {
                    if count > 0 {
                        self.apply(batch.drain(..).map(Event::Received).collect()).await?;
                    }
                }
                Some(found) = self.lookups.join_next() => self.on_keys(found.ok()).await?,
                Some(answer) = self.answers.join_next() => {
                    if let Ok(Some((peer, certificates))) = answer {
                        self.apply(vec![Event::Certificates(peer, certificates)]).await?;
                    }
                }
                _ = tick.tick() => self.on_tick().await?,
            }
        }
    }

    async fn on_block(&mut self, block: &FinalizedBlock) -> Result<(), StoreError> {
        self.catch_up(block.height().saturating_sub(1)).await?;
        self.looked_at = self.looked_at.max(block.height());
        let next = block.proposal.next_validators.clone();
        self.on_final(Checkpoint::of(&block.proposal.header), Some(&block.heads)).await?;
        if let Some(next) = next {
            self.look_up(next);
        }
        Ok(())
    }

    /// Looks at blocks up to `last` that were not looked at, if they are new enough to matter.
    async fn catch_up(&mut self, last: Height) -> Result<(), StoreError> {
        let first = self.looked_at.next().max(last.saturating_sub(LOOK_BACK - 1));
        if last < first {
            return Ok(());
        }
        self.looked_at = last;
        let store = self.store.clone();
        let read = tokio::task::spawn_blocking(move || store.decisions(first..=last)).await;
        for (proposal, _) in read.map_err(|_| StoreError::Closed)?? {
            self.on_final(Checkpoint::of(&proposal.header), None).await?;
        }
        Ok(())
    }

    async fn on_final(
        &mut self,
        checkpoint: Checkpoint,
        heads: Option<&HeadsTree>,
    ) -> Result<(), StoreError> {
        let height = checkpoint.height;
        let ahead = self.engine.borrow().best_peer_height.get().saturating_sub(height.get());
        if !is_due(&checkpoint) || ahead > CATCHING_UP {
            return Ok(());
        }
        self.newest_due = self.newest_due.max(height);
        if !self.core().knows(&checkpoint.validators_hash) {
            let store = self.store.clone();
            let read = tokio::task::spawn_blocking(move || store.validators_at(height)).await;
            if let Some(validators) = read.map_err(|_| StoreError::Closed)?? {
                self.look_up(validators);
            }
        }
        self.apply(vec![Event::Final(checkpoint, heads.cloned())]).await
    }

    /// Asks for the keys of a set, unless that was done.
    fn look_up(&mut self, validators: ValidatorSet) {
        let hash = validators.hash();
        if self.core().knows(&hash) || !self.asked_keys.insert(hash) {
            return;
        }
        let keys = Arc::clone(&self.keys);
        self.lookups.spawn(async move { (hash, keys.keys_of(validators).await) });
    }

    async fn on_keys(&mut self, found: Option<(Hash32, Option<CheckpointSet>)>) -> Result<(), StoreError> {
        let Some((hash, set)) = found else { return Ok(()) };
        self.asked_keys.remove(&hash);
        match set {
            Some(set) => self.apply(vec![Event::Keys(set)]).await,
            None => {
                tracing::warn!(validators = %hash, "this validator set cannot sign checkpoints: it is too large");
                Ok(())
            }
        }
    }

    async fn on_tick(&mut self) -> Result<(), StoreError> {
        let is_missing = self.core().certified() < self.newest_due.saturating_sub(MISSING);
        if self.answers.is_empty() && is_missing {
            self.ask_a_peer();
        }
        self.apply(vec![Event::Tick]).await
    }

    /// Asks one peer, each time another one, for the certificates that are missing.
    fn ask_a_peer(&mut self) {
        let peers = self.network.peers();
        let Some(peer) = peers.get(self.next_peer % peers.len().max(1)).map(|peer| peer.peer) else { return };
        self.next_peer = self.next_peer.wrapping_add(1);
        let above = self.core().certified().max(self.newest_due.saturating_sub(CATCHING_UP));
        let network = self.network.clone();
        self.answers.spawn(async move {
            let found = network.fetch_checkpoints(peer, above).await.ok()?;
            Some((peer, found))
        });
    }

    fn core(&self) -> &Core {
        self.core.as_ref().expect("it is away only within `apply`")
    }

    /// Lets the core work, and does what it says.
    async fn apply(&mut self, events: Vec<Event>) -> Result<(), StoreError> {
        let mut core = self.core.take().expect("it is away only within `apply`");
        let work = move || {
            let outputs: Result<Vec<Vec<Output>>, StoreError> =
                events.into_iter().map(|event| core.handle(event)).collect();
            (core, outputs)
        };
        let (core, outputs) = tokio::task::spawn_blocking(work).await.map_err(|_| StoreError::Closed)?;
        self.core = Some(core);
        for output in outputs?.into_iter().flatten() {
            match output {
                Output::Announce(signed, repeat) => self.network.announce_checkpoint(&signed, repeat),
                Output::Verdict(token, verdict) => self.network.gossip_verdict(token, verdict).await,
                Output::Offence(peer, offence) => self.network.report(peer, offence),
                Output::Evidence(conflict) => drop(self.evidence.add(conflict, system_time()).await?),
            }
        }
        Ok(())
    }
}
