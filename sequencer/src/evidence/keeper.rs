//! The task that feeds the pool: from this node's own findings, and from finalized blocks.

use super::EvidencePool;
use crate::clock::system_time;
use crate::store::{Store, StoreError};
use fairlane_engine::FinalizedBlock;
use fairlane_types::{Evidence, Height};
use std::sync::Arc;
use tokio::sync::{broadcast, mpsc};
use tokio_util::sync::CancellationToken;

/// How many findings wait to be kept. Further ones are dropped: blocks bring them back.
const QUEUE: usize = 1024;
/// How many blocks before the start are looked at again: more than can be finalized and not yet looked at when a
/// node is killed.
const LOOK_BACK: u64 = 256;
/// How many decisions are read at a time.
const BATCH: u64 = 64;

/// Where what is found is reported to the pool. Never waits.
#[derive(Clone, Debug)]
pub struct Reports(mpsc::Sender<Evidence>);

impl Reports {
    /// A way to report, and where the reports arrive.
    pub fn channel() -> (Self, mpsc::Receiver<Evidence>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        (Self(sender), receiver)
    }

    /// Reports verified evidence.
    pub fn report(&self, evidence: Evidence) {
        if self.0.try_send(evidence).is_err() {
            tracing::warn!("evidence is not kept now: too much comes at once");
        }
    }
}

/// Feeds the pool until it is told to stop.
///
/// # Errors
/// The store fails: the node should stop.
pub async fn keep(
    pool: EvidencePool,
    store: Store,
    mut found: mpsc::Receiver<Evidence>,
    mut finalized: broadcast::Receiver<Arc<FinalizedBlock>>,
    stop: CancellationToken,
) -> Result<(), StoreError> {
    let mut looked_at = store.tip().saturating_sub(LOOK_BACK);
    catch_up(&pool, &store, &mut looked_at, store.tip()).await?;
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            Some(evidence) = found.recv() => drop(pool.add(&evidence, system_time()).await?),
            block = finalized.recv() => match block {
                Ok(block) => {
                    catch_up(&pool, &store, &mut looked_at, block.height().saturating_sub(1)).await?;
                    pool.committed(block.height(), &block.proposal.evidence, system_time()).await?;
                    looked_at = looked_at.max(block.height());
                }
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => {
                    stop.cancelled().await;
                    return Ok(());
                }
            },
        }
    }
}

/// Looks at the blocks up to `last` that were not looked at, as far as they are kept.
async fn catch_up(
    pool: &EvidencePool,
    store: &Store,
    looked_at: &mut Height,
    last: Height,
) -> Result<(), StoreError> {
    while *looked_at < last {
        let first = looked_at.next();
        let end = first.saturating_add(BATCH - 1).min(last);
        let reader = store.clone();
        let read = tokio::task::spawn_blocking(move || reader.decisions(first..=end)).await;
        let decisions = read.map_err(|_| StoreError::Closed)??;
        for (proposal, _) in decisions {
            pool.committed(proposal.header.height, &proposal.evidence, system_time()).await?;
        }
        *looked_at = end;
    }
    Ok(())
}
