//! From the store back to the chain state: the newest usable snapshot, and the blocks after it executed again.
//!
//! Nothing is trusted blindly: a snapshot must have the state root of its block's header, and each replayed block
//! must come out as the one that was decided. A block whose segments are not all held ends the replay early; the
//! engine goes on from there and fetches them.
//!
//! Not its job: consensus's own log, which Malachite replays, and undecided lanes, which the lane service reads.

use crate::store::{Store, StoreError};
use fairlane_chain::{BlockInput, ChainState, CommitError, PrepareError, prepare};
use fairlane_lanes::{CutContent, LaneContent};
use fairlane_types::{BlockId, Cut, Genesis, Height, Proposal, Segment, SegmentError};
use std::sync::Arc;

/// How many decisions are read at once.
const CHUNK: u64 = 64;

/// Why there is no state to start from.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Genesis gives no state.
    #[error(transparent)]
    Genesis(#[from] fairlane_chain::GenesisError),
    /// There are blocks, but neither the first ones nor a usable snapshot.
    #[error(
        "the store begins at block {0} and has no usable snapshot. Move it away and start again: the node fetches \
         the chain from its peers"
    )]
    NoSnapshot(Height),
    /// A stored block comes out differently.
    #[error(
        "block {height} was decided as {decided} and comes out as {computed}: this version of fairlane computes \
         something else than the one that the network runs, or the store is damaged"
    )]
    Diverged {
        /// Its height.
        height: Height,
        /// The decided block.
        decided: BlockId,
        /// What was computed.
        computed: BlockId,
    },
    /// A stored block cannot be computed.
    #[error("block {height} cannot be computed from the store: {source}")]
    Prepare {
        /// Its height.
        height: Height,
        /// Why.
        source: PrepareError,
    },
    /// A delta did not fit.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// A stored segment is not what it was.
    #[error("a segment of block {height} is damaged: {source}")]
    Segment {
        /// The block's height.
        height: Height,
        /// What is wrong.
        source: SegmentError,
    },
}

/// The chain state after the last finalized block, as far as the store can tell. Reads much: call it off the async
/// runtime.
pub fn recover(store: &Store, genesis: &Genesis) -> Result<ChainState, RecoveryError> {
    let mut state = starting_point(store, genesis)?;
    let from = state.height();
    while state.height() < store.tip() {
        let first = state.height().next();
        let last = first.saturating_add(CHUNK - 1).min(store.tip());
        let decisions = store.decisions(first..=last)?;
        if decisions.first().is_none_or(|(proposal, _)| proposal.header.height != first) {
            tracing::warn!(height = %first, "a finalized block is missing in the store");
            return Ok(state);
        }
        for (proposal, _) in decisions {
            let Some(content) = content(store, &state, &proposal.cut)? else {
                tracing::warn!(
                    height = %proposal.header.height,
                    "segments of a finalized block are missing in the store and will be fetched"
                );
                return Ok(state);
            };
            replay(&mut state, &proposal, content)?;
        }
    }
    if state.height() != Height::ZERO {
        tracing::info!(%from, height = %state.height(), "the chain state is restored");
    }
    Ok(state)
}

/// The state of the newest snapshot that can be used, or of genesis.
pub(crate) fn starting_point(store: &Store, genesis: &Genesis) -> Result<ChainState, RecoveryError> {
    for (height, snapshot) in store.snapshots()? {
        let Some(block) = store.certified_header(height)? else { continue };
        let ids = store.ordered_ids(Height::ZERO..=height)?;
        match ChainState::restore(genesis, &block.header, &snapshot, ids) {
            Ok(state) => return Ok(state),
            Err(error) => tracing::warn!(%height, %error, "a snapshot cannot be used"),
        }
    }
    if store.min_height() > Height::FIRST {
        return Err(RecoveryError::NoSnapshot(store.min_height()));
    }
    Ok(ChainState::genesis(genesis)?)
}

/// The segments by which a cut goes beyond the state; `None` where one is missing.
fn content(store: &Store, state: &ChainState, cut: &Cut) -> Result<Option<CutContent>, RecoveryError> {
    let base = state.base();
    let mut lanes = Vec::with_capacity(cut.heads().len());
    for head in cut.heads() {
        let before = base.head(head.lane);
        let stored = store.lane_range(head, before.seq, usize::MAX)?;
        if stored.len() as u64 != head.seq.get().saturating_sub(before.seq.get()) {
            return Ok(None);
        }
        let decode = |bytes| Segment::decode_trusted(bytes, state.network(), state.params()).map(Arc::new);
        let segments = stored.into_iter().map(decode).collect::<Result<_, _>>();
        let segments =
            segments.map_err(|source| RecoveryError::Segment { height: state.height().next(), source })?;
        lanes.push(LaneContent { lane: head.lane, segments });
    }
    Ok(Some(CutContent { lanes }))
}

/// Computes a block again and takes it, if it is the decided one.
fn replay(state: &mut ChainState, proposal: &Proposal, content: CutContent) -> Result<(), RecoveryError> {
    let height = proposal.header.height;
    let prepared = prepare(state, BlockInput::of(proposal, content))
        .map_err(|source| RecoveryError::Prepare { height, source })?;
    let (decided, computed) = (proposal.id(), prepared.proposal.id());
    if decided != computed {
        return Err(RecoveryError::Diverged { height, decided, computed });
    }
    Ok(state.commit(prepared.delta)?)
}

#[cfg(test)]
mod tests;
