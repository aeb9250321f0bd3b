//! What must survive a crash: segments, proposals, decisions, batches and snapshots, in one redb file with a journal
//! before it.
//!
//! What somebody waits for is appended to the journal and synced, in the order in which it was queued, and written to
//! redb along with other things soon after (group commit). So whatever was queued before a request that is durable is
//! durable too: a segment that this node's own segment refers to never gets lost without it. Opening writes to redb what
//! only the journal holds.
//!
//! Invariants: `put_*` that are awaited are durable when they return; a lane place is never filled twice with
//! different own segments ([`StoreError::WouldEquivocate`]); the file belongs to one network. Once a write has
//! failed, all later ones fail: the node must stop, and starts again from what is durable.
//!
//! Reading happens on redb snapshots and never waits for the writers: it sees finalized blocks once they are durable,
//! and other things up to about 50 ms later ([`Store::settle`] waits for them). It may wait for the disk: from async
//! code, call what reads many or large values in `spawn_blocking`.
//!
//! Not its job: judging what it keeps. `docs/adr/0007-store.md` says why redb.

mod apply;
mod blocks;
#[cfg(test)]
mod crash_tests;
mod error;
mod evidence;
mod handover;
mod journal;
mod log_file;
mod open;
#[cfg(test)]
mod policy_tests;
mod prune;
mod queue;
mod read;
mod recent;
mod records;
mod seed;
mod tables;
#[cfg(test)]
mod tests;
mod upgrade;
mod writer;

pub use blocks::Decision;
pub use error::{OpenError, StoreError};
pub use handover::Handover;
pub use prune::Retention;
pub use seed::Seed;

use crate::metrics::StoreMetrics;
use fairlane_engine::{FinalizedBlock, StoredProposal};
use fairlane_types::{CommitCertificate, Height, NetworkId, Proposal, Segment, TxId, ValidatorSet};
use queue::{Queue, Write};
use recent::Recent;
use redb::Database;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::watch;

/// How a store works, besides what it holds.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// Memory for pages, in bytes.
    pub cache: usize,
    /// What is kept.
    pub retention: Retention,
    /// Two fsyncs for each commit instead of one, so that opening after a crash need not read the whole file.
    pub quick_repair: bool,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { cache: 128 << 20, retention: Retention::default(), quick_repair: false }
    }
}

/// The node's store. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Store(Arc<Shared>);

struct Shared {
    database: Arc<Database>,
    network: NetworkId,
    /// The set of genesis.
    validators: ValidatorSet,
    queue: Queue,
    bounds: Arc<Bounds>,
    recent: Arc<RwLock<Recent>>,
    /// The last decision that is durable.
    decided: RwLock<Option<CommitCertificate>>,
}

/// Which heights the file holds, for readers that must not wait.
#[derive(Debug, Default)]
struct Bounds {
    /// The last finalized height; zero before the first.
    tip: AtomicU64,
    /// The first height that is kept; zero while none is.
    min: AtomicU64,
}

impl Bounds {
    fn tip(&self) -> Height {
        Height::new(self.tip.load(Ordering::Acquire))
    }

    fn min(&self) -> Height {
        Height::new(self.min.load(Ordering::Acquire))
    }

    fn set(&self, min: Height, tip: Height) {
        self.min.store(min.get(), Ordering::Release);
        self.tip.store(tip.get(), Ordering::Release);
    }
}

impl Store {
    /// The network that the file belongs to.
    pub fn network(&self) -> NetworkId {
        self.0.network
    }

    /// The last finalized height; zero before the first.
    pub fn tip(&self) -> Height {
        self.0.bounds.tip()
    }

    /// The first height that is kept; zero while none is. In a store that began with a snapshot it is the height after the
    /// snapshot's, also before that block is there.
    pub fn min_height(&self) -> Height {
        self.0.bounds.min()
    }

    /// Keeps a segment of this node's own lane. Durable when it returns: only then may the segment leave.
    ///
    /// Refuses a segment at or below the newest own one, unless it is that very segment.
    pub async fn put_own_segment(&self, segment: Arc<Segment>) -> Result<(), StoreError> {
        self.0.queue.durable(Write::OwnSegment(segment)).await
    }

    /// Keeps segments of other lanes. Returns when they are queued: they are durable before whatever is queued
    /// after them. Waits while the queue is full.
    pub async fn put_segments(&self, segments: Vec<Arc<Segment>>) -> Result<(), StoreError> {
        self.0.queue.send(Write::Segments(segments)).await
    }

    /// Like [`Self::put_segments`], and durable when it returns.
    pub async fn put_segments_durable(&self, segments: Vec<Arc<Segment>>) -> Result<(), StoreError> {
        self.0.queue.durable(Write::Segments(segments)).await
    }

    /// Keeps a proposal until its height is finalized. Durable when it returns.
    pub async fn put_proposal(&self, height: Height, proposal: StoredProposal) -> Result<(), StoreError> {
        self.0.queue.durable(Write::Proposal(height, Box::new(proposal))).await
    }

    /// Keeps a decision. Durable when it returns.
    pub async fn put_decided(
        &self,
        proposal: Arc<Proposal>,
        certificate: CommitCertificate,
    ) -> Result<(), StoreError> {
        self.0.queue.durable(Write::Decided(proposal, certificate.clone())).await?;
        let mut last = self.0.decided.write().unwrap_or_else(PoisonError::into_inner);
        if last.as_ref().is_none_or(|last| last.height < certificate.height) {
            *last = Some(certificate);
        }
        Ok(())
    }

    /// Keeps a block with all that follows from it. Durable when it returns.
    pub async fn put_finalized(&self, block: Arc<FinalizedBlock>) -> Result<(), StoreError> {
        self.0.queue.durable(Write::Finalized(block)).await
    }

    /// The certificate of the last height that is decided; `None` before the first. A decision counts from the moment
    /// at which it is durable, also where it cannot be read yet.
    pub fn last_decision(&self) -> Option<CommitCertificate> {
        self.0.decided.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until all that was put before can be read.
    pub async fn settle(&self) -> Result<(), StoreError> {
        self.0.queue.durable(Write::Nothing).await
    }

    /// Where a transaction was ordered: height, and place among the block's transactions. Knows
    /// recent transactions only: at least the last 500,000, where as many were ordered.
    pub fn transaction(&self, id: &TxId) -> Option<(Height, u32)> {
        self.0.recent.read().unwrap_or_else(PoisonError::into_inner).get(id)
    }

    /// Resolves when a write failed: nothing can be kept any more.
    pub async fn failed(&self) -> StoreError {
        self.0.queue.failed().await
    }

    /// Writes what is queued and stops the writer. Later writes fail with [`StoreError::Closed`]; reading goes on.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.0.queue.close().await
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("network", &self.0.network).field("bounds", &self.0.bounds).finish()
    }
}

/// What the writer needs to know about the store that it writes for.
struct WriterContext {
    database: Arc<Database>,
    network: NetworkId,
    expiry_bound: u64,
    options: StoreOptions,
    bounds: Arc<Bounds>,
    recent: Arc<RwLock<Recent>>,
    metrics: StoreMetrics,
    path: std::path::PathBuf,
    /// How many jobs are durable in redb.
    committed: Arc<AtomicU64>,
    /// Told when a write failed.
    failed: Arc<watch::Sender<Option<StoreError>>>,
}
